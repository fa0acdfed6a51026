//! A torrent, its tracker, and clients of this library that take part.

use std::path::{Path, PathBuf};

use torrent_patron::metainfo::{FileEntry, Metainfo, Protocol};
use torrent_patron::{AddOptions, Client, ClientBuilder, Event, Patron, Source, TorrentId};

use crate::await_event;
use crate::opentracker::Opentracker;
use crate::support::{PATIENCE, builder, data, finished, maker, poll, same};

/// A directory that is shared through opentracker.
pub(crate) struct Swarm {
    pub(crate) tracker: Opentracker,
    pub(crate) metainfo: Metainfo,
    /// The .torrent file.
    pub(crate) torrent: PathBuf,
    /// The directory that holds the original.
    pub(crate) from: PathBuf,
}

impl Swarm {
    pub(crate) fn new(dir: &Path, protocol: Protocol, scheme: &str) -> Self {
        let from = dir.join("from");
        let maker = maker(&tree(&from), protocol);
        // The tracker must know the torrent first, and the torrent the tracker's port.
        let unannounced = maker.clone().start().unwrap().wait().unwrap();
        let tracker = Opentracker::start(dir, &[unannounced.info_hashes]);
        let metainfo = maker.add_tracker(tracker.url(scheme), 0).start().unwrap().wait().unwrap();
        assert_eq!(metainfo.info_hashes, unannounced.info_hashes);
        let torrent = dir.join("swarm.torrent");
        std::fs::write(&torrent, metainfo.torrent_file()).unwrap();
        Self { tracker, metainfo, torrent, from }
    }

    /// Shares the original; returns when the tracker knows about the seed.
    pub(crate) fn seed(&self) -> Participant {
        let seeder = Participant::start(builder(&self.from), &self.metainfo);
        seeder.finish();
        poll("seed at the tracker", || self.has_a_seed());
        seeder
    }

    pub(crate) fn download(&self, save_dir: &Path) -> Participant {
        Participant::start(builder(save_dir), &self.metainfo)
    }

    pub(crate) fn has_a_seed(&self) -> Result<(), String> {
        self.tracker.has_a_seed(&self.metainfo.info_hashes)
    }

    pub(crate) fn has_a_leecher(&self) -> Result<(), String> {
        self.tracker.has_a_leecher(&self.metainfo.info_hashes)
    }

    pub(crate) fn magnet(&self) -> String {
        self.metainfo.magnet().to_string()
    }

    /// Starts from the magnet link, with only a foreign client to download from.
    pub(crate) fn download_by_magnet(&self, save_dir: &Path) {
        let magnet = Source::Magnet(self.magnet().into());
        let download = Participant::start(builder(save_dir), magnet);
        let Participant { patron, id, .. } = &download;
        await_event!(
            patron,
            Event::MetadataReceived { id: of, info_hashes, .. }
                if of == id && *info_hashes == self.metainfo.info_hashes
        );
        download.finish();
        self.assert_same(save_dir);
        let fetched = patron.metainfo(*id).wait().unwrap();
        assert_eq!(fetched.info_hashes, self.metainfo.info_hashes);
        assert_eq!(fetched.files, self.metainfo.files);
        download.stop();
    }

    /// Checks that a copy has all files of the original, byte by byte.
    pub(crate) fn assert_same(&self, copy: &Path) {
        assert_same(&self.metainfo, &self.from, copy);
    }

    /// Checks that a copy has all files of the original, except perhaps the empty ones.
    pub(crate) fn assert_same_data(&self, copy: &Path) {
        assert_same_where(&self.metainfo, &self.from, copy, |file| file.size > 0);
    }
}

/// Checks that a copy of the directory `from` has all files of the torrent, byte by byte.
pub(crate) fn assert_same(metainfo: &Metainfo, from: &Path, copy: &Path) {
    assert_same_where(metainfo, from, copy, |_| true);
}

fn assert_same_where(
    metainfo: &Metainfo,
    from: &Path,
    copy: &Path,
    pick: impl Fn(&FileEntry) -> bool,
) {
    for file in metainfo.files.iter().filter(|file| !file.pad && pick(file)) {
        let (original, copy) = (from.join(&file.path), copy.join(&file.path));
        assert!(copy.exists(), "{} is missing", copy.display());
        assert!(same(&original, &copy), "{} differs", copy.display());
    }
}

/// Creates awkward files: empty, nested, and with spaces and many scripts in their names.
pub(crate) fn tree(from: &Path) -> PathBuf {
    let tree = from.join("En liten låda, много слов");
    let files = [
        ("läs mig först.txt", 1_234),
        ("leer", 0),
        ("том 1/один.bin", 3 * 1024 * 1024),
        ("том 1/noch tiefer/第二 部.bin", 2 * 1024 * 1024 + 17),
        ("zuletzt.bin", 16 * 1024),
    ];
    for (seed, (path, size)) in files.into_iter().enumerate() {
        let path = tree.join(path);
        let name = path.file_name().unwrap().to_str().unwrap();
        data(path.parent().unwrap(), name, seed as u64, size);
    }
    tree
}

/// A client of this library with one torrent.
pub(crate) struct Participant {
    client: Client,
    pub(crate) patron: Patron,
    pub(crate) id: TorrentId,
}

impl Participant {
    pub(crate) fn start(client: ClientBuilder, source: impl Into<Source>) -> Self {
        let client = client.start().unwrap();
        let patron = client.patron();
        let id = patron.add_torrent(source, AddOptions::default()).wait().unwrap().id();
        Self { client, patron, id }
    }

    /// Waits until it has everything.
    pub(crate) fn finish(&self) {
        finished(&self.patron, self.id);
    }

    pub(crate) fn stop(self) {
        let report = self.client.shutdown(PATIENCE).wait();
        assert!(report.is_clean(), "{report:?}");
    }
}
