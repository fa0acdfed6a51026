//! Adding torrents, and moving their files when they are complete.

use super::*;
use crate::model::{InfoHashV1, RemovedFiles};

#[test]
fn a_torrent_is_not_added_twice() {
    let (client, script) = client();
    let (one, two) = (Guest::new(&client), Guest::new(&client));
    let id = torrent(&one, &script, 1);
    assert_eq!(wait(two.add(1)).unwrap(), Added::Existing(id));
    assert_eq!(script.next(), Asked::Merge(id));
    two.message(ClientCommand::Add(prepared(1, None), None));
    assert!(matches!(two.next(), Event::AlreadyAdded { id: known, .. } if known == id));
}

/// The second add arrives while the engine is working on the first.
#[test]
fn two_adds_at_once_give_one_torrent() {
    let (client, script) = client();
    let (one, two) = (Guest::new(&client), Guest::new(&client));
    let first = one.add(1);
    let second = two.add(1);
    let id = script.accept();
    assert_eq!(wait(first).unwrap(), Added::New(id));
    assert_eq!(wait(second).unwrap(), Added::Existing(id));
}

#[test]
fn an_add_is_tried_again_while_the_engine_is_busy() {
    let (client, script) = client();
    let guest = Guest::new(&client);
    let reply = guest.add(1);
    let Asked::Add(id) = script.next() else { panic!("expected an add") };
    for _ in 0..3 {
        script.say(busy(id));
        assert_eq!(script.next(), Asked::RetryAdd(id));
    }
    script.say(EngineEvent::Added { id, name: "n".into(), info_hashes: hashes(1) });
    assert_eq!(added(wait(reply)), id);
    assert!(matches!(guest.next(), Event::TorrentAdded { .. }));
    assert!(guest.member.mailbox.try_recv().is_none(), "the caller sees one answer");
}

#[test]
fn an_add_that_fails_is_answered_once_and_leaves_nothing_behind() {
    let (client, script) = client();
    let guest = Guest::new(&client);
    let reply = guest.add(1);
    let Asked::Add(id) = script.next() else { panic!("expected an add") };
    let error = Error::new(ErrorKind::Native, "test", "no");
    script.say(EngineEvent::AddFailed { id, error, busy: false });
    assert_eq!(wait(reply).unwrap_err().kind(), ErrorKind::Native);
    assert_eq!(script.next(), Asked::Forget(id));
    assert!(guest.member.mailbox.try_recv().is_none());
    assert!(client.service.statuses.ids().is_empty());
    torrent(&guest, &script, 1);
}

#[test]
fn a_torrent_that_is_being_removed_can_be_added_again_and_waits_for_that() {
    let (client, script) = client();
    let guest = Guest::new(&client);
    let old = torrent(&guest, &script, 1);
    let removal = guest.remove_torrent(old, RemoveFiles::Delete);
    assert_eq!(script.next(), Asked::Remove(old, true));
    let again = guest.add(1);
    script.say(EngineEvent::Removed(old));
    // The files are still being deleted: the torrent must not be added yet.
    guest.barrier();
    assert!(script.is_quiet());
    script.say(EngineEvent::Deleted(old));
    wait(removal).unwrap();
    let new = script.accept();
    assert_ne!(added(wait(again)), old);
    assert!(matches!(
        guest.next(),
        Event::TorrentRemoved { id, files: RemovedFiles::Deleted, .. } if id == old
    ));
    assert!(matches!(guest.next(), Event::TorrentAdded { id, .. } if id == new));
}

#[test]
fn a_window_of_adds_holds_back_more_commands_and_shutdown_answers_all() {
    let (client, script) = client();
    let guest = Guest::new(&client);
    let mut replies: Vec<_> = (0..u16::try_from(3 * 512).unwrap())
        .map(|number| {
            let mut add = prepared(0, None);
            let mut hash = [0; 20];
            hash[..2].copy_from_slice(&number.to_le_bytes());
            add.info_hashes.v1 = Some(InfoHashV1(hash));
            guest.command(|reply| ClientCommand::Add(add, Some(reply)))
        })
        .collect();
    for _ in 0..512 {
        assert!(matches!(script.next(), Asked::Add(_)));
    }
    drop(guest);
    let mut script = script;
    script.teardown = None;
    let report = client.shutdown(PATIENCE).wait();
    let adds = script.asked.try_iter().filter(|asked| matches!(asked, Asked::Add(_))).count();
    assert_eq!(adds, 0, "the window is 512");
    assert_eq!(report.unanswered, 3 * 512);
    assert!(!report.is_clean());
    for reply in &mut replies {
        assert_eq!(reply.try_take().unwrap().unwrap_err().kind(), ErrorKind::Stopped);
    }
}

#[test]
fn a_finished_torrent_moves_to_its_place_once() {
    let (client, script) = client();
    let guest = Guest::new(&client);
    let reply = guest.command(|r| ClientCommand::Add(prepared(1, Some("done".into())), Some(r)));
    let id = script.accept();
    added(wait(reply));
    assert!(matches!(guest.next(), Event::TorrentAdded { .. }));
    script.say(EngineEvent::Finished(id));
    assert!(matches!(guest.next(), Event::Finished { .. }));
    assert_eq!(script.next(), Asked::MoveStorage(id, "done".into()));
    script.say(EngineEvent::Moved { id, to: "done".into() });
    assert!(matches!(guest.next(), Event::Moved { .. }));
    script.say(EngineEvent::Finished(id));
    assert!(matches!(guest.next(), Event::Finished { .. }));
    guest.barrier();
    assert!(script.is_quiet());
}
