//! Input from strangers: URLs, links and texts. None of it may become a request that was not intended, or a
//! command for a terminal. If a part of a torrent is invalid, only that part is lost.

use std::io::Write;
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use torrent_patron::error::ErrorKind;
use torrent_patron::metainfo::{Magnet, Metainfo, Protocol, TorrentMaker};
use torrent_patron::patron::Added;
use torrent_patron::text::MAX_TEXT;
use torrent_patron::tracker::Tracker;
use torrent_patron::{AddOptions, Event, Patron, Source, TorrentId};

use crate::await_event;
use crate::helpers::server::{Handler, Server, page, tracker};
use crate::support::bencode::{dict, list, number, text};
use crate::support::{
    PATIENCE, address, builder, client, data, drain, each, finished, maker, noise, same, skipped,
    still_works, wire,
};

fn info() -> Vec<u8> {
    dict([
        ("length", number(3)),
        ("name", text("f")),
        ("piece length", number(16384)),
        ("pieces", text([0; 20])),
    ])
}

/// A URL with a second request in it that a stranger wants the client to send to that server.
fn smuggled(server: &Server) -> String {
    server.url("/announce HTTP/1.1\r\nHost: x\r\n\r\nDELETE /everything HTTP/1.1\r\nX-Evil: ")
}

fn escaped(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02x}")).collect()
}

const V1: &str = "0123456789abcdef0123456789abcdef01234567";

#[test]
fn a_url_of_a_stranger_is_cleaned_or_left_out_whatever_brings_it() {
    let server = tracker();
    let other = "http://127.0.0.1:1/announce";
    let (evil, clean) = (smuggled(&server), server.url("/announce"));
    let untidy = format!(" {}\r\n", clean.replace("http", "HTTP"));
    let seeds =
        ["http://127.0.0.1:1/announce \n", "ftp://127.0.0.1/", "http://127.0.0.1\r\nX-Evil: 1/s"];
    let trackers = || {
        let all = [&evil, &untidy, "", "dht://nobody", other, &clean].map(|url| list([text(url)]));
        list(all)
    };
    let torrent = dict([
        ("announce", text(&evil)),
        ("announce-list", trackers()),
        ("info", info()),
        ("url-list", list(seeds.map(text))),
    ]);
    let metainfo = Metainfo::decode(&torrent).unwrap();
    // From 2.0.13 on, libtorrent itself drops the untidy tracker and the two invalid ones.
    let mut urls: Vec<_> = metainfo.trackers.iter().map(|tracker| &*tracker.url).collect();
    urls.sort_unstable_by_key(|url| *url == other);
    assert_eq!(urls, [&*clean, other]);
    assert_eq!(metainfo.web_seeds, ["http://127.0.0.1:1/announce"]);
    let invalid = &metainfo.invalid_urls;
    assert!([2, 4].contains(&invalid.len()), "{invalid:#?}");
    assert!(invalid.iter().any(|url| url.ends_with("it contains a space or a control character")));
    assert!(invalid.iter().any(|url| url.contains("\": expected a URL that begins with")));

    let link = format!(
        "magnet:?xt=urn:btih:{V1}&tr={}&tr.1={}&tr={other}&ws={}",
        escaped(&evil),
        escaped(&untidy),
        escaped(seeds[0])
    );
    let magnet = Magnet::parse(&link).unwrap();
    assert_eq!(magnet.invalid_urls.len(), 1, "{:#?}", magnet.invalid_urls);
    let resumed = dict([
        ("file-format", text("libtorrent resume file")),
        ("file-version", number(1)),
        ("info", info()),
        ("info-hash", text(metainfo.info_hashes.v1.unwrap().0)),
        ("trackers", trackers()),
        ("url-list", list(seeds.map(text))),
    ]);
    for source in [
        Source::from(torrent),
        Source::from(&metainfo),
        Source::Magnet(link.into()),
        Source::from(&magnet),
        Source::ResumeData(resumed.into()),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let before = server.asked().len();
        let client = client(dir.path());
        let patron = client.patron();
        patron.subscribe(torrent_patron::event::EventKinds::ALL);
        let options = AddOptions::default().save_dir(dir.path());
        let id = patron.add_torrent(source.clone(), options).wait().unwrap().id();
        await_event!(patron, Event::TrackerReply { url, .. } if **url == clean);
        let trackers = patron.trackers(id).wait().unwrap();
        let mut urls: Vec<_> = trackers.iter().map(|tracker| &*tracker.url).collect();
        urls.sort_unstable();
        let mut expected = [other, &*clean];
        expected.sort_unstable();
        assert_eq!(urls, expected, "{source:?}");
        assert_eq!(
            patron.web_seeds(id).wait().unwrap(),
            ["http://127.0.0.1:1/announce"],
            "{source:?}"
        );
        let asked = server.asked().split_off(before);
        assert!(!asked.is_empty() && asked.iter().all(|one| one.starts_with("GET /announce?")));
        assert!(!asked.iter().any(|one| one.contains("Evil")), "{asked:#?}");
    }
}

#[test]
fn a_url_of_the_program_is_an_error_that_names_it() {
    let dir = tempfile::tempdir().unwrap();
    let file = data(dir.path(), "data.bin", 1, 50_000);
    let metainfo = crate::support::metainfo(&file);
    let client = client(dir.path());
    let patron = client.patron();
    let id = patron.add_torrent(&metainfo, AddOptions::default()).wait().unwrap().id();
    for wrong in [
        "",
        "127.0.0.1/announce",
        "ftp://127.0.0.1/announce",
        "http://",
        "http:///announce",
        "http://127.0.0.1:0/announce",
        "http://127.0.0.1:99999/announce",
        "http://127.0.0.1/an nounce",
        "http://127.0.0.1/announce HTTP/1.1\r\nX-Evil: 1",
        "http://127.0.0.1/\u{202e}announce",
        "http://127.0.0.1\\/announce",
    ] {
        let (tracker, maker) = (Tracker::new(wrong, 0), || TorrentMaker::new(&file));
        let web_seed = wrong.to_owned();
        let errors = [
            patron.add_tracker(id, wrong, 0).wait().unwrap_err(),
            patron.replace_trackers(id, [tracker.clone()]).wait().unwrap_err(),
            patron.add_web_seed(id, wrong).wait().unwrap_err(),
            maker().add_tracker(wrong, 0).start().unwrap_err(),
            maker().add_web_seed(wrong).start().unwrap_err(),
            patron
                .add_torrent(&metainfo, AddOptions::default().add_trackers([tracker]))
                .wait()
                .unwrap_err(),
            patron
                .add_torrent(&metainfo, AddOptions::default().add_web_seeds([web_seed]))
                .wait()
                .unwrap_err(),
        ];
        for error in errors {
            assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{wrong:?}: {error}");
            let named = format!("{:?}", torrent_patron::text::printable(wrong));
            assert!(error.message().contains(&named), "{wrong:?}: {error}");
        }
    }
    assert!(patron.trackers(id).wait().unwrap().is_empty());
    // The same URL, written differently.
    patron.add_tracker(id, " HTTP://127.0.0.1:1/announce\n", 0).wait().unwrap();
    patron.add_tracker(id, "http://127.0.0.1:1/announce", 0).wait().unwrap();
    assert_eq!(patron.trackers(id).wait().unwrap().len(), 1);
    patron.remove_tracker(id, "http://127.0.0.1:1/announce ").wait().unwrap();
    assert!(patron.trackers(id).wait().unwrap().is_empty());
}

#[test]
fn urls_of_a_torrent_are_added_to_those_of_its_resume_data() {
    let dir = tempfile::tempdir().unwrap();
    let file = data(dir.path(), "data.bin", 1, 50_000);
    let of = |port: u16| {
        let url = |what: &str| format!("http://127.0.0.1:{port}/{what}");
        let maker = maker(&file, Protocol::V1)
            .add_tracker(url("announce"), 0)
            .add_web_seed(url("data.bin"));
        maker.start().unwrap().wait().unwrap()
    };
    let client = client(dir.path());
    let patron = client.patron();
    let id = patron.add_torrent(of(1), AddOptions::default()).wait().unwrap().id();
    finished(&patron, id);
    let saved = patron.resume_data(id).wait().unwrap();
    patron.remove_torrent(id, torrent_patron::patron::RemoveFiles::Keep).wait().unwrap();

    let magnet = |torrent: Metainfo| {
        let urls = (escaped(&torrent.trackers[0].url), escaped(&torrent.web_seeds[0]));
        let hash = torrent.info_hashes.v1.unwrap();
        Source::from(&*format!("magnet:?xt=urn:btih:{hash}&tr={}&ws={}", urls.0, urls.1))
    };
    for (source, count) in
        [(Source::from(of(1)), 1), (of(2).into(), 2), (magnet(of(1)), 1), (magnet(of(2)), 2)]
    {
        let options = AddOptions::default().resume_data(saved.clone());
        let id = patron.add_torrent(source, options).wait().unwrap().id();
        let trackers = patron.trackers(id).wait().unwrap();
        assert_eq!(trackers.len(), count, "{trackers:?}");
        assert_eq!(patron.web_seeds(id).wait().unwrap().len(), count);
        patron.remove_torrent(id, torrent_patron::patron::RemoveFiles::Keep).wait().unwrap();
    }
}

#[test]
fn a_second_source_of_a_torrent_adds_its_trackers_and_metadata() {
    let dir = tempfile::tempdir().unwrap();
    let file = data(&dir.path().join("from"), "data.bin", 1, 50_000);
    let of = |port: u16, private: bool| {
        let url = |what: &str| format!("http://127.0.0.1:{port}/{what}");
        let maker = maker(&file, Protocol::V1)
            .private(private)
            .add_tracker(url("announce"), 0)
            .add_web_seed(url("data.bin"));
        maker.start().unwrap().wait().unwrap()
    };
    let link = |torrent: &Metainfo, tracker: &str| {
        let hash = torrent.info_hashes.v1.unwrap();
        Source::from(&*format!("magnet:?xt=urn:btih:{hash}&tr={}", escaped(tracker)))
    };
    let seeder = crate::support::Seeder::with(&file, of(1, false));
    let client = client(&dir.path().join("to"));
    let patron = client.patron();
    let urls = |id: TorrentId| {
        let trackers = patron.trackers(id).wait().unwrap();
        let mut urls: Vec<_> = trackers.into_iter().map(|one| one.url.to_string()).collect();
        urls.sort();
        (urls, patron.web_seeds(id).wait().unwrap().len())
    };
    // A torrent without metadata takes them from the second source.
    let first = link(&seeder.metainfo, "http://127.0.0.1:3/announce");
    let id = patron.add_torrent(first, AddOptions::default()).wait().unwrap().id();
    let again = patron.add_torrent(of(2, false), seeder.options()).wait().unwrap();
    assert_eq!(again, Added::Existing(id));
    finished(&patron, id);
    let expected = [2, 3].map(|port| format!("http://127.0.0.1:{port}/announce"));
    assert_eq!(urls(id), (expected.to_vec(), 1));
    let again = link(&seeder.metainfo, "http://127.0.0.1:4/announce");
    patron.add_torrent(again, AddOptions::default()).wait().unwrap();
    assert_eq!(urls(id).0.len(), 3);
    // The tracker is in the resume data.
    let saved = patron.resume_data(id).wait().unwrap();
    assert!(saved.windows(16).any(|part| part == b"127.0.0.1:4/anno"));

    // A private torrent keeps its own trackers (BEP 27).
    let id = patron.add_torrent(of(5, true), AddOptions::default()).wait().unwrap().id();
    await_event!(patron, Event::Checked { id: on, .. } if *on == id);
    patron.add_torrent(of(6, true), AddOptions::default()).wait().unwrap();
    assert_eq!(urls(id), (vec!["http://127.0.0.1:5/announce".to_owned()], 1));
}

#[test]
fn user_and_password_of_a_url_are_decoded() {
    let dir = tempfile::tempdir().unwrap();
    let server = tracker();
    let client = client(dir.path());
    let patron = client.patron();
    patron.subscribe(torrent_patron::event::EventKinds::ALL);
    let url = server.url("/announce").replace("//", "//me:p%21%3as@");
    let link = format!("magnet:?xt=urn:btih:{V1}&tr={}", escaped(&url));
    let source = Source::Magnet(link.into());
    patron.add_torrent(source, AddOptions::default()).wait().unwrap();
    await_event!(patron, Event::TrackerReply { .. });
    // "me:p!:s"
    assert!(server.asked()[0].contains("\r\nAuthorization: Basic bWU6cCE6cw==\r\n"));
}

/// A torrent of a file or a directory, and a client that does not have its data.
struct Missing {
    _dir: tempfile::TempDir,
    from: std::path::PathBuf,
    to: std::path::PathBuf,
    metainfo: Metainfo,
}

impl Missing {
    fn file(name: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let from = data(&dir.path().join("from"), name, 7, 50_000);
        Self::of(dir, from)
    }

    fn of(dir: tempfile::TempDir, from: std::path::PathBuf) -> Self {
        let metainfo = maker(&from, Protocol::V1).start().unwrap().wait().unwrap();
        Self { from, to: dir.path().join("to"), metainfo, _dir: dir }
    }

    fn start(&self, patron: &Patron, web_seed: &str) -> TorrentId {
        let options = AddOptions::default().add_web_seeds([web_seed.to_owned()]);
        patron.add_torrent(&self.metainfo, options).wait().unwrap().id()
    }
}

/// libtorrent takes any HTTP error for a missing file, and would never ask again.
#[test]
fn a_web_seed_that_is_busy_is_asked_again() {
    each(["429 Too Many Requests", "500 No", "503 Service Unavailable"], |busy| {
        let missing = Missing::file("data.bin");
        let whole = noise(7, 50_000);
        let asked = AtomicUsize::new(0);
        let answer: Box<Handler> = Box::new(move |_| match asked.fetch_add(1, Ordering::Relaxed) {
            0 | 1 => page(busy, b""),
            _ => page("200 OK", &whole),
        });
        let server = Server::at("127.0.0.1:0", answer).unwrap();
        let client = builder(&missing.to).setting("urlseed_wait_retry", 1).start().unwrap();
        let patron = client.patron();
        let id = missing.start(&patron, &server.url("/data.bin"));
        finished(&patron, id);
        assert_eq!(server.asked().len(), 3, "{busy}");
    });
}

#[test]
fn a_web_seed_that_sends_nothing_is_reported_once_with_the_reason() {
    let whole = noise(7, 50_000);
    let damaged = noise(8, 50_000);
    let refused = "http://127.0.0.1:1/data.bin".to_owned();
    type Case = (&'static str, Option<Box<Handler>>, &'static str);
    let cases: [Case; 10] = [
        ("404", Some(Box::new(|_| page("404 Not Found", b""))), "404 Not Found"),
        ("500", Some(Box::new(|_| page("500 No", b""))), "500 Internal Server Error"),
        (
            "wrong length",
            Some(Box::new(move |_| page("200 OK", &whole[1..]))),
            "invalid HTTP range",
        ),
        ("damaged", Some(Box::new(move |_| page("200 OK", &damaged))), "it sent damaged data"),
        ("no HTTP", Some(Box::new(|_| b"what do you want?\r\n\r\n".to_vec())), "HTTP"),
        ("it closes", Some(Box::new(|_| Vec::new())), "End of file"),
        ("no length", Some(Box::new(|_| b"HTTP/1.1 200 OK\r\n\r\nhello".to_vec())), ""),
        (
            "a redirect to a query on the local network",
            Some(Box::new(|_| {
                b"HTTP/1.1 302 Found\r\nLocation: /x?y=1\r\nContent-Length: 0\r\n\r\n".to_vec()
            })),
            "SSRF",
        ),
        (
            "a circle",
            Some(Box::new(|_| {
                b"HTTP/1.1 302 Found
Location: /data.bin
Content-Length: 0

"
                .to_vec()
            })),
            "it redirects to another known web seed",
        ),
        ("nobody is there", None, "Connection refused"),
    ];
    each(cases, |(what, answer, reason)| {
        let missing = Missing::file("data.bin");
        let server = answer.map(|answer| Server::at("127.0.0.1:0", answer).unwrap());
        let seed = server.as_ref().map_or(refused.clone(), |server| server.url("/data.bin"));
        let client = client(&missing.to);
        let patron = client.patron();
        let id = missing.start(&patron, &seed);
        let (url, error, line) = await_event!(
            patron, event @ Event::WebSeedFailed { id: on, url, error, .. } if *on == id
                => (url.clone(), error.clone(), event.to_string())
        );
        println!("{what}: {line}");
        let origin = seed.trim_end_matches("data.bin");
        assert!(url.starts_with(origin) && line.contains(&*url), "{what}: {line}");
        assert!(what.contains("redirect") || *url == *seed, "{what}: {url}");
        assert!(error.message().contains(reason), "{what}: {line}");
        still_works(&patron);
        let more = drain(&patron, |event| {
            matches!(event, Event::WebSeedFailed { .. }).then(|| event.to_string())
        });
        assert_eq!(more, [""; 0], "{what}");
    });
}

/// BEP 19: a URL without a slash at the end is that of the file. libtorrent counts the padding of a v2
/// torrent as a second file.
#[test]
fn the_file_of_a_v2_torrent_is_asked_for_where_it_is() {
    for end in ["/pub/data.bin", "/pub/"] {
        let mut missing = Missing::file("data.bin");
        let v2 = maker(&missing.from, Protocol::V2).start().unwrap();
        missing.metainfo = v2.wait().unwrap();
        let body = std::fs::read(&missing.from).unwrap();
        let server = Server::start(move |_| page("200 OK", &body));
        let client = client(&missing.to);
        let patron = client.patron();
        let id = missing.start(&patron, &server.url(end));
        finished(&patron, id);
        let asked = server.asked();
        assert!(asked.iter().all(|one| one.starts_with("GET /pub/data.bin ")), "{asked:#?}");
    }
}

#[test]
fn a_web_seed_that_sends_the_requested_data_is_not_reported() {
    let missing = Missing::file("data.bin");
    let body = std::fs::read(&missing.from).unwrap();
    let server = Server::start(move |_| page("200 OK", &body));
    let client = client(&missing.to);
    let patron = client.patron();
    let id = missing.start(&patron, &server.url("/data.bin"));
    let mut failed = Vec::new();
    crate::support::wait_for(&patron, "the end", |event| {
        if let Event::WebSeedFailed { .. } = event {
            failed.push(event.to_string());
        }
        matches!(event, Event::Finished { id: on, .. } if *on == id).then_some(())
    });
    assert_eq!(failed, [""; 0]);
    assert!(same(&missing.from, &missing.to.join("data.bin")));
}

#[test]
fn the_one_file_of_a_folder_is_asked_for_below_the_web_seed() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("from/a folder");
    data(&folder, "a file.bin", 7, 50_000);
    let missing = Missing::of(dir, folder.clone());
    let file = folder.join("a file.bin");
    let got = missing.to.join("a folder/a file.bin");
    let path = "/pub/a%20folder/a%20file.bin";
    let start = |patron: &Patron, way: &str, seed: &str| match way {
        "at the start" => missing.start(patron, seed),
        "later" => {
            let options = AddOptions::default();
            let id = patron.add_torrent(&missing.metainfo, options).wait().unwrap().id();
            patron.add_web_seed(id, seed).wait().unwrap();
            id
        }
        _ => {
            let options = AddOptions::default().add_web_seeds([seed.to_owned()]);
            let hashes = missing.metainfo.info_hashes;
            let id = patron.add_torrent(hashes, options).wait().unwrap().id();
            patron.set_metadata(id, &missing.metainfo).wait().unwrap();
            id
        }
    };
    for way in ["at the start", "later", "before the metadata"] {
        for end in ["/pub/", "/pub"] {
            let body = std::fs::read(&file).unwrap();
            let server = Server::start(move |_| page("200 OK", &body));
            let seed = server.url(end);
            let client = client(&missing.to);
            let patron = client.patron();
            let id = start(&patron, way, &seed);
            finished(&patron, id);
            assert!(same(&file, &got), "{way}");
            let asked = server.asked();
            assert!(asked.iter().all(|one| one.starts_with(&format!("GET {path} "))), "{asked:#?}");
            assert_eq!(patron.web_seeds(id).wait().unwrap(), [server.url(path)], "{way}");

            // A URL from resume data is unchanged.
            let saved = patron.resume_data(id).wait().unwrap();
            let other = builder(Path::new("unused")).save_dir(&missing.to).start().unwrap();
            let patron_of_other = other.patron();
            let source = Source::ResumeData(saved.into());
            let again = patron_of_other.add_torrent(source, AddOptions::default()).wait().unwrap();
            await_event!(patron_of_other, Event::Checked { .. });
            let urls = patron_of_other.web_seeds(again.id()).wait().unwrap();
            assert_eq!(urls, [server.url(path)], "{way}");

            patron.remove_web_seed(id, seed).wait().unwrap();
            assert!(patron.web_seeds(id).wait().unwrap().is_empty(), "{way}");
            drop((patron, client, other));
            std::fs::remove_file(&got).unwrap();
        }
    }
}

#[test]
fn a_tracker_that_one_address_reaches_has_not_failed() {
    let Ok(six) = TcpListener::bind("[::1]:0") else {
        return skipped("it needs IPv6 on the loopback interface");
    };
    drop(six);
    let dir = tempfile::tempdir().unwrap();
    let client =
        builder(dir.path()).setting("listen_interfaces", "127.0.0.1:0,[::1]:0").start().unwrap();
    let patron = client.patron();
    patron.subscribe(torrent_patron::event::EventKinds::ALL);
    let server = tracker();
    let add = |url: &str| {
        let hash =
            torrent_patron::torrent::InfoHashV1(noise(url.len() as u64, 20).try_into().unwrap());
        let tracker = AddOptions::default().add_trackers([Tracker::new(url, 0)]);
        let hashes = torrent_patron::torrent::InfoHashes::from(hash);
        patron.add_torrent(hashes, tracker).wait().unwrap().id()
    };
    let reached = add(&server.url("/announce"));
    await_event!(patron, Event::TrackerReply { id, .. } if *id == reached);
    // Both have been tried.
    crate::support::until("both addresses", || {
        let announces = &patron.trackers(reached).wait().unwrap()[0].announces;
        let failed = announces.iter().filter(|one| one.failures > 0 && !one.updating).count();
        failed == 1 || (announces.len() == 1 && !announces[0].updating)
    });
    let missed = add("http://127.0.0.1:1/announce");
    let line = crate::support::wait_for(&patron, "the failure of the other", |event| match event {
        Event::TrackerError { id, .. } => Some((*id, event.to_string())),
        _ => None,
    });
    assert_eq!(line.0, missed, "{}", line.1);
}

#[test]
fn what_a_tracker_says_is_made_visible_and_cut() {
    let said = "be\r\nkind\u{202e} \u{1b}[31mto\u{2028}us\u{9b}";
    let shown = r"be\r\nkind\u{202e} \u{1b}[31mto\u{2028}us\u{9b}";
    let long = format!("{said}{}", "x".repeat(500_000));
    for key in ["warning message", "failure reason"] {
        let body = dict([("interval", number(1800)), ("peers", text("")), (key, text(&long))]);
        let server = Server::start(move |_| page("200 OK", &body));
        let dir = tempfile::tempdir().unwrap();
        let client = client(dir.path());
        let patron = client.patron();
        let name = escaped("a\u{202e}name\u{200b}");
        let link = format!("magnet:?xt=urn:btih:{V1}&dn={name}&tr={}", server.url("/announce"));
        let source = Source::Magnet(link.into());
        let id = patron.add_torrent(source, AddOptions::default()).wait().unwrap().id();
        let (message, line) = crate::support::wait_for(&patron, key, |event| match event {
            Event::TrackerWarning { message, .. } => Some((message.to_string(), event.to_string())),
            Event::TrackerError { error, .. } => {
                Some((error.message().to_owned(), event.to_string()))
            }
            _ => None,
        });
        assert!(message.contains(shown) && message.ends_with('…'), "{message:.200}");
        assert!(message.len() <= MAX_TEXT + 100, "{}", message.len());
        assert!(line.starts_with(r"a\u{202e}name\u{200b}: "), "{line:.200}");
        let status = &patron.trackers(id).wait().unwrap()[0].announces[0];
        assert!(status.message.is_empty() || status.message.contains(shown), "{status:?}");
        assert_eq!(&*patron.status(id).unwrap().name, r"a\u{202e}name\u{200b}");
    }
}

#[test]
fn what_a_peer_calls_its_client_is_made_visible() {
    let missing = Missing::file("data.bin");
    let client = client(&missing.to);
    let patron = client.patron();
    let options = AddOptions::default();
    let id = patron.add_torrent(&missing.metainfo, options).wait().unwrap().id();
    // Before that, libtorrent accepts no peers.
    await_event!(patron, Event::Checked { id: on, .. } if *on == id);
    let mut peer = TcpStream::connect(address(&patron)).unwrap();
    let hash = wire::info_hash(&missing.metainfo);
    let hello = wire::handshake(wire::EXTENSIONS, &hash, b"=EVIL02=============");
    let extended = dict([("m", dict([])), ("v", text("evil\u{202e}\u{9b}31m\n1.0"))]);
    let extended = wire::message(wire::EXTENDED, &[&[0], &extended[..]].concat());
    peer.write_all(&[hello, extended].concat()).unwrap();
    let name = crate::support::eventually("the peer's client", || {
        let peers = patron.peers(id).wait().unwrap();
        peers.into_iter().map(|peer| peer.client).find(|client| client.contains("1.0"))
    });
    assert_eq!(name, r"evil\u{202e}\u{9b}31m\n1.0");
}

#[test]
fn a_torrent_that_names_very_many_servers_costs_no_more_than_one_that_names_many() {
    let urls = |what: &str| {
        let urls = (0..100_000).map(|number| text(format!("http://127.0.0.1:1/{what}{number}")));
        urls.collect::<Vec<_>>()
    };
    let tiers = urls("announce").into_iter().map(|url| list([url]));
    let torrent =
        dict([("announce-list", list(tiers)), ("info", info()), ("url-list", list(urls("f")))]);
    let metainfo = Metainfo::decode(&torrent).unwrap();
    assert_eq!((metainfo.trackers.len(), metainfo.web_seeds.len()), (1024, 1024));
    let dir = tempfile::tempdir().unwrap();
    let client = client(dir.path());
    let patron = client.patron();
    let id = patron.add_torrent(torrent, AddOptions::default()).wait().unwrap().id();
    assert_eq!(patron.trackers(id).wait().unwrap().len(), 1024);
    assert!(client.shutdown(PATIENCE).wait().is_clean());
}

#[test]
fn control_characters_of_a_torrent_are_made_visible() {
    let torrent = dict([
        ("comment", text("line\n\u{2066}line\u{2069}")),
        ("created by", text("me\u{1b}]0;title\u{7}")),
        ("info", info()),
    ]);
    let metainfo = Metainfo::decode(&torrent).unwrap();
    assert_eq!(metainfo.comment.as_deref(), Some(r"line\n\u{2066}line\u{2069}"));
    assert_eq!(metainfo.creator.as_deref(), Some(r"me\u{1b}]0;title\u{7}"));
}
