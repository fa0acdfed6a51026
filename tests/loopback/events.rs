//! Events on request: files, pieces, peers, trackers, limits, statistics.

use std::time::Duration;

use torrent_patron::event::{EventKind, EventKinds, PerformanceLimit};
use torrent_patron::metainfo::{Metainfo, Protocol};
use torrent_patron::{AddOptions, Event, Patron, Settings};

use crate::await_event;
use crate::helpers::server::{Server, page};
use crate::support::{
    PATIENCE, Seeder, address, builder, client, data, drain, finished, maker, metainfo,
};

#[test]
fn file_piece_and_peer_events_are_delivered_on_request() {
    let dir = tempfile::tempdir().unwrap();
    let from = dir.path().join("from/two");
    data(&from, "a.bin", 1, 50_000);
    data(&from, "b.bin", 2, 60_000);
    let seeder = Seeder::of(&from);
    let client = client(&dir.path().join("to"));
    let (patron, other) = (client.patron(), client.patron());
    assert_eq!(patron.subscription(), EventKinds::DEFAULT);
    patron.subscribe(EventKinds::ALL);
    assert_eq!(patron.another().subscription(), EventKinds::DEFAULT, "not of the mailbox's clones");
    assert_eq!(patron.clone().subscription(), EventKinds::ALL);
    let options = AddOptions::default().paused(true);
    let id = patron.add_torrent(&seeder.metainfo, options).wait().unwrap().id();
    other.watch(id).wait().unwrap();
    let seed = address(&seeder.patron);
    patron.resume(id).wait().unwrap();
    patron.connect_peer(id, seed).wait().unwrap();
    await_event!(
        patron, Event::PeerConnected { id: on, address, outgoing: true, .. }
            if (*on, *address) == (id, seed)
    );
    let (mut pieces, mut files) = (Vec::new(), Vec::new());
    let mut parted = false;
    let count = seeder.metainfo.piece_count as usize;
    // Two complete peers disconnect by themselves.
    crate::support::wait_for(&patron, "the pieces, the files and the end", |event| {
        match event {
            Event::PieceFinished { piece, .. } => pieces.push(*piece),
            Event::FileCompleted { file, .. } => files.push(*file),
            Event::PeerDisconnected { address, error, .. } if *address == seed => {
                println!("{error}");
                assert!(error.message().contains(&seed.to_string()), "{error}");
                parted = true;
            }
            _ => {}
        }
        (pieces.len() == count && files.len() >= 2 && parted).then_some(())
    });
    pieces.sort_unstable();
    assert!(pieces.iter().copied().eq(0..seeder.metainfo.piece_count), "each once: {pieces:?}");
    let named: Vec<_> = files.iter().map(|file| &seeder.metainfo.files[*file as usize]).collect();
    for name in ["a.bin", "b.bin"] {
        assert!(named.iter().any(|file| file.path.ends_with(name)), "{name}: {named:?}");
    }
    finished(&other, id);
    let unwanted = drain(&other, |event| {
        EventKinds::ON_REQUEST.contains(event.kind()).then(|| event.to_string())
    });
    assert_eq!(unwanted, [""; 0]);
}

#[test]
fn tracker_events_are_complete() {
    let dir = tempfile::tempdir().unwrap();
    let file = data(dir.path(), "data.bin", 1, 50_000);
    let v1 = || maker(&file, Protocol::V1);
    let hash = v1().start().unwrap().wait().unwrap().info_hashes.v1.unwrap();
    // One answer to an announce and to a scrape.
    let body = [
        b"d5:filesd20:",
        &hash.0[..],
        b"d8:completei7e10:downloadedi9e10:incompletei5eee8:intervali1800e5:peers6:\x7f\0\0\x01\0\x01",
        b"15:warning message14:be\nkind to us.e",
    ]
    .concat();
    let tracker = Server::answering(&page("200 OK", &body));
    let silent = Server::answering(b"");
    let metainfo = v1().add_tracker(tracker.url("/announce"), 0).start().unwrap().wait().unwrap();
    // Otherwise libtorrent contacts only /announce on this machine.
    let client = builder(dir.path()).setting("ssrf_mitigation", false).start().unwrap();
    let (patron, other) = (client.patron(), client.patron());
    patron.subscribe(
        EventKinds::DEFAULT
            .with(EventKind::TrackerReply)
            .with(EventKind::Scraped)
            .with(EventKind::ScrapeFailed),
    );
    let id = patron.add_torrent(&metainfo, AddOptions::default()).wait().unwrap().id();
    other.watch(id).wait().unwrap();
    let url = tracker.url("/announce");
    let line = await_event!(
        patron, event @ Event::TrackerWarning { id: on, url: by, message, .. }
            if *on == id && **by == url => {
                assert_eq!(&**message, r"be\nkind to us.");
                event.to_string()
            }
    );
    assert!(line.ends_with(&format!("warning from the tracker {url}: be\\nkind to us.")), "{line}");
    await_event!(patron, Event::TrackerReply { url: by, peers: 1, .. } if **by == url);
    patron.scrape(id).wait().unwrap();
    let counts = await_event!(
        patron, Event::Scraped { url: by, seeds, leechers, .. } if **by == url =>
            (*seeds, *leechers)
    );
    assert_eq!(counts, (Some(7), Some(5)));
    patron.add_tracker(id, silent.url("/announce"), 1).wait().unwrap();
    patron.scrape(id).wait().unwrap();
    let error = await_event!(
        patron, Event::ScrapeFailed { url, error, .. } if **url == silent.url("/announce") => error.clone()
    );
    assert!(error.message().contains(&silent.url("/announce")), "{error}");
    let told = drain(&other, |event| Some(event.kind()));
    assert!(told.contains(&EventKind::TrackerWarning), "{told:?}");
    assert!(!told.iter().any(|kind| EventKinds::ON_REQUEST.contains(*kind)), "{told:?}");
}

#[test]
fn resume_data_is_delivered_automatically_and_before_the_end() {
    let dir = tempfile::tempdir().unwrap();
    let seeder = Seeder::of(&data(&dir.path().join("from"), "data.bin", 1, 300_000));
    let to = dir.path().join("to");
    let interval = Duration::from_millis(200);
    let client = builder(&to).resume_data_interval(interval).start().unwrap();
    let (patron, other) = (client.patron(), client.patron());
    let more = [EventKind::ResumeData, EventKind::Statistics].into_iter().collect();
    patron.subscribe(EventKinds::DEFAULT | more);
    let options = seeder.options();
    let id = patron.add_torrent(&seeder.metainfo, options).wait().unwrap().id();
    other.watch(id).wait().unwrap();
    let mut saved = Vec::new();
    let mut take = |patron: &Patron, what: &str, enough: &mut dyn FnMut(&Event) -> bool| {
        crate::support::wait_for(patron, what, |event| {
            if let Event::ResumeData { id: on, info_hashes, data, .. } = event {
                assert_eq!(*info_hashes, seeder.metainfo.info_hashes);
                assert_eq!(*on, id);
                saved.push(data.clone());
            }
            enough(event).then_some(())
        });
        std::mem::take(&mut saved)
    };
    other.wait_until_finished(id).wait().unwrap();
    let mut is_finished = false;
    let first = take(&patron, "Finished, and then ResumeData", &mut |event| {
        is_finished |= matches!(event, Event::Finished { .. });
        is_finished && matches!(event, Event::ResumeData { .. })
    });
    let last = first.last().unwrap();
    assert_eq!(Metainfo::decode(last).unwrap().info_hashes, seeder.metainfo.info_hashes);

    // A torrent at rest gets older but is not saved because of that. The statistics serve as a clock.
    let mut ticks = |count| {
        let mut left = count;
        take(&patron, "statistics", &mut |event| {
            left -= i32::from(matches!(event, Event::Statistics(_)));
            left == 0
        })
    };
    let settling = ticks(20).len();
    println!("saved {} times while downloading, {settling} times after it", first.len());
    assert_eq!(ticks(25).len(), 0);
    patron.set_upload_limit(id, Some(100_000)).wait().unwrap();
    assert_eq!(ticks(10).len(), 1, "an option was changed");

    let report = client.shutdown(PATIENCE).wait();
    assert!(report.is_clean() && report.unsaved == 0, "{report}");
    let end = drain(&patron, Some);
    let kinds: Vec<_> = end.iter().map(Event::kind).collect();
    assert!(kinds.contains(&EventKind::ResumeData), "the time is saved now: {kinds:?}");
    assert_eq!(kinds.last(), Some(&EventKind::ClientStopped));
    let unwanted =
        drain(&other, |event| (event.kind() == EventKind::ResumeData).then(|| event.to_string()));
    assert_eq!(unwanted, [""; 0]);
}

/// Making the metainfo counts as saving the resume data for libtorrent.
#[test]
fn asking_for_the_metainfo_does_not_suppress_the_resume_data() {
    let dir = tempfile::tempdir().unwrap();
    let metainfo = metainfo(&data(dir.path(), "data.bin", 1, 50_000));
    let interval = Duration::from_millis(100);
    let client = builder(dir.path()).resume_data_interval(interval).start().unwrap();
    let patron = client.patron();
    let options = AddOptions::default().paused(true);
    let id = patron.add_torrent(&metainfo, options).wait().unwrap().id();
    patron.metainfo(id).wait().unwrap();
    patron.subscribe(EventKinds::DEFAULT.with(EventKind::ResumeData));
    await_event!(patron, Event::ResumeData { id: on, .. } if *on == id);
}

#[test]
fn limit_and_statistics_events_are_delivered_on_request() {
    let dir = tempfile::tempdir().unwrap();
    let client = builder(dir.path()).start().unwrap();
    let patron = client.patron();
    let kinds = [EventKind::PerformanceWarning, EventKind::Statistics];
    patron.subscribe(kinds.into_iter().collect());
    let mut settings = Settings::empty();
    settings.set("num_optimistic_unchoke_slots", 4).unwrap();
    settings.set("unchoke_slots_limit", 5).unwrap();
    patron.apply_settings(&settings).wait().unwrap();
    await_event!(
        patron, Event::PerformanceWarning { id: None, limit, .. }
            if *limit == PerformanceLimit::TooManyOptimisticSlots
    );
    let metainfo = metainfo(&data(dir.path(), "data.bin", 1, 50_000));
    patron.add_torrent(&metainfo, AddOptions::default()).wait().unwrap();
    await_event!(patron, Event::Statistics(now) if now.torrents_seeding == 1);
}
