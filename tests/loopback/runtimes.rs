//! Async runtimes: everything is awaited, nothing blocks.

use std::collections::HashSet;
use std::time::Duration;

use smol::stream::StreamExt;
use tempfile::TempDir;
use tokio::time::timeout;
use torrent_patron::metainfo::{Metainfo, TorrentMaker, Verifier};
use torrent_patron::patron::RemoveFiles;
use torrent_patron::{AddOptions, Client, Event, Patron, TorrentId};

use crate::support::{PATIENCE, address, client, data, metainfo, same};

#[allow(dead_code)] // its main
#[path = "../../examples/smol.rs"]
mod smol_example;
#[allow(dead_code)] // its main
#[path = "../../examples/tokio.rs"]
mod tokio_example;

const TORRENTS: usize = 8;

/// Torrents of one client, for another to download.
struct Swarm {
    dir: TempDir,
    seeder: Client,
    torrents: Vec<Metainfo>,
}

impl Swarm {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let from = dir.path().join("from");
        let seeder = client(&from);
        let patron = seeder.patron();
        let torrent = |number| {
            let metainfo = metainfo(&data(&from, &format!("{number}.bin"), number, 100_000));
            let options = AddOptions::default().trust(true);
            patron.add_torrent(&metainfo, options).wait().unwrap();
            metainfo
        };
        let torrents = (0..TORRENTS as u64).map(torrent).collect();
        Self { dir, seeder, torrents }
    }

    fn leecher(&self) -> Client {
        client(&self.dir.path().join("to"))
    }

    fn options(&self) -> AddOptions {
        AddOptions::default().add_peers([address(&self.seeder.patron())])
    }

    /// Magnet links that contain the address of the seeder.
    fn magnets(&self) -> Vec<String> {
        let peer = address(&self.seeder.patron());
        let magnet = |torrent: &Metainfo| format!("{}&x.pe={peer}", torrent.magnet());
        self.torrents.iter().map(magnet).collect()
    }

    fn is_downloaded(&self) {
        for number in 0..TORRENTS {
            let file = |directory| self.dir.path().join(directory).join(format!("{number}.bin"));
            assert!(same(&file("from"), &file("to")), "{number}.bin");
        }
    }
}

fn tokio_runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

#[test]
fn the_example_for_tokio_downloads_what_is_named() {
    let swarm = Swarm::new();
    let leecher = swarm.leecher();
    let download = tokio_example::download;
    tokio_runtime().block_on(async {
        let (patron, magnets) = (leecher.patron(), swarm.magnets());
        timeout(PATIENCE, download(&patron, &magnets)).await.unwrap().unwrap();
        let error = download(&patron, &["no-such.torrent".into()]).await.unwrap_err();
        assert!(error.to_string().contains("no-such.torrent"), "{error}");
    });
    swarm.is_downloaded();
}

#[test]
fn the_example_for_smol_downloads_what_is_named() {
    let swarm = Swarm::new();
    let leecher = swarm.leecher();
    let download = smol_example::download;
    smol::block_on(async {
        let (patron, magnets) = (leecher.patron(), swarm.magnets());
        within_patience(download(&patron, &magnets)).await.unwrap();
        let error = download(&patron, &["no-such.torrent".into()]).await.unwrap_err();
        assert!(error.to_string().contains("no-such.torrent"), "{error}");
    });
    swarm.is_downloaded();
}

/// Each task has its own patron of one client.
#[test]
fn many_tasks_of_tokio_download_at_once() {
    let swarm = Swarm::new();
    let leecher = swarm.leecher();
    tokio_runtime().block_on(async {
        let mut tasks = tokio::task::JoinSet::new();
        for torrent in swarm.torrents.clone() {
            let (patron, options) = (leecher.patron(), swarm.options());
            tasks.spawn(async move { timeout(PATIENCE, fetch(&patron, &torrent, options)).await });
        }
        let ids: HashSet<TorrentId> =
            tasks.join_all().await.into_iter().map(Result::unwrap).collect();
        assert_eq!(ids.len(), TORRENTS);
        swarm.is_downloaded();
        close(&leecher.patron(), ids).await;
    });
}

#[test]
fn many_tasks_of_smol_download_at_once() {
    let swarm = Swarm::new();
    let leecher = swarm.leecher();
    let executor = smol::Executor::new();
    smol::block_on(executor.run(async {
        let tasks: Vec<_> = swarm
            .torrents
            .iter()
            .map(|torrent| {
                let (patron, options) = (leecher.patron(), swarm.options());
                executor
                    .spawn(async move { within_patience(fetch(&patron, torrent, options)).await })
            })
            .collect();
        let mut ids = HashSet::new();
        for task in tasks {
            ids.insert(task.await);
        }
        assert_eq!(ids.len(), TORRENTS);
        swarm.is_downloaded();
        close(&leecher.patron(), ids).await;
    }));
}

/// As `select!` does: the future that waits for the next event is dropped again and again.
#[test]
fn an_event_is_not_lost_with_what_waited_for_it() {
    let swarm = Swarm::new();
    let leecher = swarm.leecher();
    let patron = leecher.patron();
    tokio_runtime().block_on(within_patience(async {
        let reply = patron.add_torrent(&swarm.torrents[0], swarm.options());
        let id = reply.await.unwrap().id();
        let mut events = patron.stream();
        let mut seen = Vec::new();
        while !seen.contains(&"finished") {
            match timeout(Duration::from_micros(100), events.next()).await {
                Ok(Some(Event::TorrentAdded { .. })) => seen.push("created"),
                Ok(Some(Event::Finished { id: finished, .. })) if finished == id => {
                    seen.push("finished");
                }
                Ok(Some(_)) | Err(_) => {}
                Ok(None) => panic!("the client has stopped"),
            }
        }
        assert_eq!(seen, ["created", "finished"]);
    }));
}

#[test]
fn making_verifying_and_waiting_for_the_end_are_awaited() {
    let dir = tempfile::tempdir().unwrap();
    let file = data(dir.path(), "data.bin", 1, 100_000);
    smol::block_on(within_patience(async {
        let metainfo = TorrentMaker::new(&file).start().unwrap().await.unwrap();
        assert!(Verifier::new(&metainfo, dir.path()).start().unwrap().await.unwrap().is_good());
        let client = client(dir.path());
        let patron = client.patron();
        let id = patron.add_torrent(metainfo, AddOptions::default()).await.unwrap().id();
        patron.wait_until_finished(id).await.unwrap();
        // A shutdown that nobody waits for continues.
        drop(client.shutdown(PATIENCE));
        assert!(matches!(patron.stream().last().await, Some(Event::ClientStopped { .. })));
    }));
}

#[test]
fn a_stream_ends_when_the_client_has_stopped() {
    let dir = tempfile::tempdir().unwrap();
    let client = client(dir.path());
    let events = client.patron().stream();
    smol::block_on(within_patience(async {
        let all = smol::spawn(events.collect::<Vec<Event>>());
        assert!(client.shutdown(PATIENCE).await.is_clean());
        assert!(matches!(all.await.last(), Some(Event::ClientStopped { error: None })));
    }));
}

/// Downloads a torrent, on any runtime.
async fn fetch(patron: &Patron, torrent: &Metainfo, options: AddOptions) -> TorrentId {
    let id = patron.add_torrent(torrent, options).await.unwrap().id();
    let mut events = patron.stream();
    while let Some(event) = events.next().await {
        assert!(event.torrent().is_none_or(|of| of == id), "of another patron's torrent: {event}");
        if matches!(event, Event::Finished { .. }) {
            return id;
        }
    }
    panic!("the client has stopped");
}

async fn close(patron: &Patron, ids: HashSet<TorrentId>) {
    let replies: Vec<_> =
        ids.into_iter().map(|id| patron.remove_torrent(id, RemoveFiles::Keep)).collect();
    for reply in replies {
        reply.await.unwrap();
    }
    assert!(patron.torrents().is_empty());
}

async fn within_patience<T>(future: impl Future<Output = T>) -> T {
    let late = async {
        smol::Timer::after(PATIENCE).await;
        panic!("not ready within {PATIENCE:?}")
    };
    smol::future::or(future, late).await
}
