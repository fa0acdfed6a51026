//! Seeds of one file, and clients that download it.

use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, Instant};

use tempfile::TempDir;
use torrent_patron::metainfo::{Metainfo, Protocol, TorrentMaker};
use torrent_patron::patron::Reader;
use torrent_patron::{AddOptions, Client, ClientBuilder, Patron, TorrentId};

use crate::noise::noise;
use crate::{PATIENCE, PIECE, Result, SEEDS, SIZE};

/// Seeds of one file.
pub(crate) struct Swarm {
    pub(crate) metainfo: Metainfo,
    seeds: Vec<(Client, Patron, TorrentId)>,
    _directory: TempDir,
}

impl Swarm {
    pub(crate) fn start() -> Result<Self> {
        let directory = tempfile::tempdir()?;
        let path = directory.path().join("film.bin");
        std::fs::write(&path, noise(1, SIZE as usize))?;
        let metainfo = TorrentMaker::new(&path)
            .protocol(Protocol::V1)
            .piece_length(PIECE as u32)
            .start()?
            .wait()?;
        let seeds = (0..SEEDS)
            .map(|_| {
                // libtorrent distributes a limit in steps of its tick. Shorter ticks are more like a network
                // line.
                let client = builder(directory.path()).setting("tick_interval", 50).start()?;
                let patron = client.patron();
                let options = AddOptions::default().trust(true);
                let id = patron.add_torrent(&metainfo, options).wait()?.id();
                Ok((client, patron, id))
            })
            .collect::<Result<_>>()?;
        Ok(Self { metainfo, seeds, _directory: directory })
    }

    pub(crate) fn limit(&self, rate: Option<u64>) -> Result<()> {
        for (_, patron, id) in &self.seeds {
            patron.set_upload_limit(*id, rate.map(|rate| rate as u32)).wait()?;
        }
        Ok(())
    }

    pub(crate) fn addresses(&self) -> Result<Vec<SocketAddr>> {
        self.seeds.iter().map(|(_, patron, _)| Ok(patron.listen_addresses().wait()?[0])).collect()
    }

    pub(crate) fn download(&self) -> Result<Download> {
        self.download_from(self.addresses()?)
    }

    pub(crate) fn download_from(&self, seeds: Vec<SocketAddr>) -> Result<Download> {
        let directory = tempfile::tempdir()?;
        let client = client(directory.path())?;
        let patron = client.patron();
        let options = AddOptions::default().add_peers(seeds);
        let id = patron.add_torrent(&self.metainfo, options).wait()?.id();
        Ok(Download { patron, id, client, _directory: directory })
    }
}

pub(crate) fn builder(directory: &Path) -> ClientBuilder {
    let builder = Client::builder().offline(true).save_dir(directory);
    builder.setting("allow_multiple_connections_per_ip", true)
}

pub(crate) fn client(directory: &Path) -> Result<Client> {
    Ok(builder(directory).start()?)
}

pub(crate) struct Download {
    pub(crate) patron: Patron,
    pub(crate) id: TorrentId,
    client: Client,
    _directory: TempDir,
}

impl Download {
    pub(crate) fn reader(&self) -> Result<Reader> {
        let mut reader = self.patron.reader(self.id, 0).wait()?;
        reader.set_timeout(Some(PATIENCE));
        Ok(reader)
    }

    /// Waits until data arrives from all seeds.
    pub(crate) fn wait_for_peers(&self) -> Result<()> {
        let begun = Instant::now();
        while begun.elapsed() < PATIENCE {
            let peers = self.patron.peers(self.id).wait()?;
            if peers.iter().filter(|peer| peer.downloaded > 0).count() == SEEDS {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        Err("not all seeds send".into())
    }

    /// Until so many bytes have come.
    pub(crate) fn wait_for(&self, length: u64) -> Result<()> {
        if length == SIZE {
            return Ok(self.patron.wait_until_finished(self.id).wait()?);
        }
        while self.have()?.iter().filter(|here| **here).count() as u64 * PIECE < length {
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }

    pub(crate) fn have(&self) -> Result<Vec<bool>> {
        Ok(self.patron.pieces(self.id).wait()?.have)
    }

    pub(crate) fn end(self) {
        self.client.shutdown(Duration::from_secs(5)).wait();
    }
}
