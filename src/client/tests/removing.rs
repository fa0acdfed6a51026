//! Removing torrents, and what happens to those of a patron that leaves.

use super::*;
use crate::messages::member::OnLeave;
use crate::model::RemovedFiles;

#[test]
fn files_that_could_not_be_deleted_are_reported_by_reply_and_event() {
    let (client, script) = client();
    let guest = Guest::new(&client);
    let id = torrent(&guest, &script, 1);
    let removal = guest.remove_torrent(id, RemoveFiles::Delete);
    let error = Error::new(ErrorKind::Io, "delete the files", "permission denied");
    script.say(EngineEvent::Removed(id));
    script.say(EngineEvent::DeleteFailed { id, error });
    assert_eq!(wait(removal).unwrap_err().kind(), ErrorKind::Io);
    assert!(matches!(
        guest.next(),
        Event::TorrentRemoved { files: RemovedFiles::NotDeleted(_), .. }
    ));
}

#[test]
fn commands_for_a_torrent_that_is_gone_fail_by_reply_or_by_event() {
    let (client, script) = client();
    let guest = Guest::new(&client);
    let id = torrent(&guest, &script, 1);
    let removal = guest.remove_torrent(id, RemoveFiles::Keep);
    let second = guest.remove_torrent(id, RemoveFiles::Keep);
    assert_eq!(wait(second).unwrap_err().kind(), ErrorKind::Gone);
    script.say(EngineEvent::Removed(id));
    wait(removal).unwrap();
    assert!(matches!(guest.next(), Event::TorrentRemoved { .. }));
    let kind = |result: Result<()>| result.unwrap_err().kind();
    assert_eq!(kind(wait(guest.remove_torrent(id, RemoveFiles::Keep))), ErrorKind::NotFound);
    assert_eq!(kind(wait(guest.ask(id, request::resume()))), ErrorKind::NotFound);
    guest.message_pause(id);
    assert!(matches!(
        guest.next(),
        Event::CommandFailed { command: CommandKind::Pause, id: told, .. } if told == id
    ));
}

#[test]
fn a_patron_chooses_what_happens_to_its_torrents_when_it_leaves() {
    let (client, script) = client();
    for (number, policy) in [(1, OnLeave::KeepSeeding), (2, OnLeave::Pause), (3, OnLeave::Remove)] {
        let (guest, other) = (Guest::new(&client), Guest::new(&client));
        guest.member.set_on_leave(policy);
        let id = torrent(&guest, &script, number);
        guest.leave();
        other.barrier();
        match policy {
            OnLeave::KeepSeeding => {
                assert!(script.is_quiet());
            }
            OnLeave::Pause => assert_eq!(script.next(), Asked::Pause(id)),
            OnLeave::Remove => {
                assert_eq!(script.next(), Asked::Remove(id, false));
                script.say(EngineEvent::Removed(id));
                continue;
            }
        }
        assert!(client.service.statuses.get(id).is_some());
    }
}

/// The patron sends its command before it leaves. The torrent is added after it has left.
#[test]
fn a_patron_that_leaves_while_its_torrent_is_being_added_is_still_obeyed() {
    let (client, script) = client();
    let guest = Guest::new(&client);
    guest.member.set_on_leave(OnLeave::Remove);
    let _reply = guest.add(1);
    guest.leave();
    let Asked::Add(id) = script.next() else { panic!("expected an add") };
    script.say(EngineEvent::Added { id, name: "n".into(), info_hashes: hashes(1) });
    assert_eq!(script.next(), Asked::Remove(id, false));
    script.say(EngineEvent::Removed(id));
}
