//! How events are written as JSON.

use super::*;
use crate::error::ErrorKind;

#[test]
fn events_in_json() {
    let id = TorrentId::new(3).unwrap();
    let name: Arc<str> = "debian.iso".into();
    let name = || name.clone();
    let error = || Error::new(ErrorKind::Io, "read the file", "it is gone");
    let info_hashes = InfoHashes::default();
    for (event, json) in [
        (
            Event::TorrentAdded {
                id,
                name: name(),
                info_hashes,
                save_dir: "here".into(),
                complete: true,
            },
            r#"{"event":"torrent_added","id":3,"name":"debian.iso","info_hashes":{"v1":null,"v2":null},"save_dir":"here","complete":true}"#,
        ),
        (
            Event::AlreadyAdded { id, name: name() },
            r#"{"event":"already_added","id":3,"name":"debian.iso"}"#,
        ),
        (
            Event::AddFailed { source: "debian.torrent".into(), error: error() },
            r#"{"event":"add_failed","source":"debian.torrent","error":ERROR}"#,
        ),
        (
            Event::MetadataReceived { id, name: name(), info_hashes },
            r#"{"event":"metadata_received","id":3,"name":"debian.iso","info_hashes":{"v1":null,"v2":null}}"#,
        ),
        (
            Event::StateChanged { id, name: name(), state: TorrentState::Seeding },
            r#"{"event":"state_changed","id":3,"name":"debian.iso","state":"seeding"}"#,
        ),
        (Event::Paused { id, name: name() }, r#"{"event":"paused","id":3,"name":"debian.iso"}"#),
        (Event::Resumed { id, name: name() }, r#"{"event":"resumed","id":3,"name":"debian.iso"}"#),
        (Event::Checked { id, name: name() }, r#"{"event":"checked","id":3,"name":"debian.iso"}"#),
        (
            Event::Finished { id, name: name() },
            r#"{"event":"finished","id":3,"name":"debian.iso"}"#,
        ),
        (
            Event::Moved { id, name: name(), save_dir: "here".into() },
            r#"{"event":"moved","id":3,"name":"debian.iso","save_dir":"here"}"#,
        ),
        (
            Event::FileRenamed { id, name: name(), file: 1, path: "here/b".into() },
            r#"{"event":"file_renamed","id":3,"name":"debian.iso","file":1,"path":"here/b"}"#,
        ),
        (
            Event::GoalReached { id, name: name(), goal: Goal::SeedTime },
            r#"{"event":"goal_reached","id":3,"name":"debian.iso","goal":"seed_time"}"#,
        ),
        (
            Event::HashFailed { id, name: name(), piece: 7 },
            r#"{"event":"hash_failed","id":3,"name":"debian.iso","piece":7}"#,
        ),
        (
            Event::TrackerError {
                id,
                name: name(),
                url: "http://127.0.0.1/".into(),
                times_in_row: 2,
                error: error(),
            },
            r#"{"event":"tracker_error","id":3,"name":"debian.iso","url":"http://127.0.0.1/","times_in_row":2,"error":ERROR}"#,
        ),
        (
            Event::WebSeedFailed {
                id,
                name: name(),
                url: "http://127.0.0.1/".into(),
                error: error(),
            },
            r#"{"event":"web_seed_failed","id":3,"name":"debian.iso","url":"http://127.0.0.1/","error":ERROR}"#,
        ),
        (
            Event::Error { id, name: name(), error: error() },
            r#"{"event":"error","id":3,"name":"debian.iso","error":ERROR}"#,
        ),
        (
            Event::Metainfo { id, name: name(), torrent_file: [1, 2].into() },
            r#"{"event":"metainfo","id":3,"name":"debian.iso"}"#,
        ),
        (
            Event::ResumeData { id, name: name(), info_hashes, data: [1].into() },
            r#"{"event":"resume_data","id":3,"name":"debian.iso","info_hashes":{"v1":null,"v2":null}}"#,
        ),
        (
            Event::TorrentRemoved { id, name: name(), files: RemovedFiles::Kept },
            r#"{"event":"torrent_removed","id":3,"name":"debian.iso","files":"kept"}"#,
        ),
        (
            Event::TorrentRemoved { id, name: name(), files: RemovedFiles::Deleted },
            r#"{"event":"torrent_removed","id":3,"name":"debian.iso","files":"deleted"}"#,
        ),
        (
            Event::TorrentRemoved { id, name: name(), files: RemovedFiles::NotDeleted(error()) },
            r#"{"event":"torrent_removed","id":3,"name":"debian.iso","files":{"not_deleted":ERROR}}"#,
        ),
        (
            Event::CommandFailed { command: CommandKind::Pause, id, error: error() },
            r#"{"event":"command_failed","command":"pause","id":3,"error":ERROR}"#,
        ),
        (
            Event::Listening { address: "127.0.0.1:6881".parse().unwrap() },
            r#"{"event":"listening","address":"127.0.0.1:6881"}"#,
        ),
        (
            Event::ListenFailed { address: "eth0".into(), error: error() },
            r#"{"event":"listen_failed","address":"eth0","error":ERROR}"#,
        ),
        (
            Event::DescriptorLimit { wanted: 300, available: 200 },
            r#"{"event":"descriptor_limit","wanted":300,"available":200}"#,
        ),
        (
            Event::Reply { tag: 7, id: Some(id), error: None },
            r#"{"event":"reply","tag":7,"id":3,"error":null}"#,
        ),
        (Event::Lagged { missed: 5 }, r#"{"event":"lagged","missed":5}"#),
        (Event::Resynchronized, r#"{"event":"resynchronized"}"#),
        (Event::ClientStopped { error: None }, r#"{"event":"client_stopped","error":null}"#),
    ] {
        let failed = r#"{"kind":"io","native":null,"message":"cannot read the file: it is gone"}"#;
        assert_eq!(serde_json::to_string(&event).unwrap(), json.replace("ERROR", failed));
    }
    // A status event has the fields of the status.
    let status = TorrentStatus::new(id, name());
    let fields = serde_json::to_string(&status).unwrap();
    assert_eq!(
        serde_json::to_string(&Event::Status(status)).unwrap(),
        fields.replacen('{', r#"{"event":"status","#, 1)
    );
}
