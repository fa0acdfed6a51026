use super::*;
use crate::error::ErrorKind;

/// Returns an event of each kind, in order.
pub(crate) fn one_of_each() -> Vec<Event> {
    let id = TorrentId::next();
    let name: Arc<str> = "t".into();
    let address: SocketAddr = "127.0.0.1:6881".parse().unwrap();
    let (local, info_hashes) = (address.ip(), InfoHashes::default());
    let error = Error::new(ErrorKind::Native, "test", "no");
    let all: Vec<_> = EventKind::ALL
        .iter()
        .map(|kind| {
            let (name, error) = (name.clone(), error.clone());
            let (url, message) = (Box::<str>::from("http://t/"), "hello".into());
            match kind {
                EventKind::TorrentAdded => {
                    let (save_dir, complete) = ("d".into(), false);
                    Event::TorrentAdded { id, name, info_hashes, save_dir, complete }
                }
                EventKind::AlreadyAdded => Event::AlreadyAdded { id, name },
                EventKind::AddFailed => Event::AddFailed { source: "s".into(), error },
                EventKind::Status => Event::Status(TorrentStatus::new(id, name)),
                EventKind::MetadataReceived => Event::MetadataReceived { id, name, info_hashes },
                EventKind::StateChanged => {
                    Event::StateChanged { id, name, state: TorrentState::Seeding }
                }
                EventKind::Paused => Event::Paused { id, name },
                EventKind::Resumed => Event::Resumed { id, name },
                EventKind::Checked => Event::Checked { id, name },
                EventKind::Finished => Event::Finished { id, name },
                EventKind::Moved => Event::Moved { id, name, save_dir: "d".into() },
                EventKind::FileRenamed => {
                    Event::FileRenamed { id, name, file: 1, path: "f".into() }
                }
                EventKind::GoalReached => Event::GoalReached { id, name, goal: Goal::ShareRatio },
                EventKind::HashFailed => Event::HashFailed { id, name, piece: 1 },
                EventKind::PeerBanned => Event::PeerBanned { id, name, address },
                EventKind::TrackerError => {
                    Event::TrackerError { id, name, url, times_in_row: 1, error }
                }
                EventKind::TrackerWarning => Event::TrackerWarning { id, name, url, message },
                EventKind::WebSeedFailed => Event::WebSeedFailed { id, name, url, error },
                EventKind::Error => Event::Error { id, name, error },
                EventKind::Metainfo => Event::Metainfo { id, name, torrent_file: Arc::default() },
                EventKind::TorrentRemoved => {
                    Event::TorrentRemoved { id, name, files: RemovedFiles::Kept }
                }
                EventKind::CommandFailed => {
                    Event::CommandFailed { command: CommandKind::Pause, id, error }
                }
                EventKind::Listening => Event::Listening { address },
                EventKind::ListenFailed => Event::ListenFailed { address: "eth0".into(), error },
                EventKind::PortMapped => Event::PortMapped {
                    by: PortMapper::Upnp,
                    protocol: PortProtocol::Tcp,
                    external_port: 6881,
                    local,
                },
                EventKind::PortMappingFailed => {
                    Event::PortMappingFailed { by: PortMapper::NatPmp, local, error }
                }
                EventKind::ExternalAddress => Event::ExternalAddress { address: local },
                EventKind::DescriptorLimit => Event::DescriptorLimit { wanted: 2, available: 1 },
                EventKind::Lagged => Event::Lagged { missed: 1 },
                EventKind::Resynchronized => Event::Resynchronized,
                EventKind::ClientStopped => Event::ClientStopped { error: None },
                EventKind::FileCompleted => Event::FileCompleted { id, name, file: 1 },
                EventKind::PieceFinished => Event::PieceFinished { id, name, piece: 1 },
                EventKind::PeerConnected => {
                    Event::PeerConnected { id, name, address, outgoing: true }
                }
                EventKind::PeerDisconnected => Event::PeerDisconnected { id, name, address, error },
                EventKind::TrackerReply => Event::TrackerReply { id, name, url, peers: 1 },
                EventKind::Scraped => {
                    Event::Scraped { id, name, url, seeds: Some(1), leechers: None }
                }
                EventKind::ScrapeFailed => Event::ScrapeFailed { id, name, url, error },
                EventKind::PerformanceWarning => Event::PerformanceWarning {
                    id: None,
                    name: None,
                    limit: PerformanceLimit::Other,
                },
                EventKind::Statistics => Event::Statistics(Box::default()),
                EventKind::ResumeData => {
                    Event::ResumeData { id, name, info_hashes, data: Arc::default() }
                }
                EventKind::Reply => Event::Reply { tag: 7, id: Some(id), error: None },
                EventKind::Restoring => Event::Restoring { done: 1, total: 2 },
                EventKind::Restored => {
                    Event::Restored { torrents: 1, failed: 0, took: Duration::from_secs(1) }
                }
                EventKind::RestoreFailed => Event::RestoreFailed { name, info_hashes, error },
                EventKind::StoreFailed => Event::StoreFailed { error },
                EventKind::StoreRecovered => Event::StoreRecovered,
                EventKind::SessionError => Event::SessionError { error },
                EventKind::StateRestoreFailed => Event::StateRestoreFailed { name, error },
            }
        })
        .collect();
    assert!(all.iter().map(Event::kind).eq(EventKind::ALL.iter().copied()));
    all
}

#[test]
fn every_event_about_a_torrent_names_it() {
    for event in one_of_each() {
        let line = event.to_string();
        assert!(!line.is_empty() && !line.contains('\n'), "{event:?}: {line:?}");
        if let Some(name) = event.name() {
            assert!(event.torrent().is_some() && line.starts_with(&**name), "{line}");
        }
    }
}
