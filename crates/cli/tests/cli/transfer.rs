//! `seed` and `download` over loopback.

use std::ffi::OsString;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::mpsc::{Receiver, channel};
use std::thread;

use serde_json::Value;

use crate::program::{Program, run};
use crate::support::{data, metainfo, same, until, wire};

pub(crate) const SIZE: usize = 200_000;

/// A file and its torrent.
pub(crate) struct Movie {
    pub(crate) name: &'static str,
    pub(crate) file: PathBuf,
    pub(crate) torrent: PathBuf,
}

pub(crate) fn movie(directory: &Path, name: &'static str, seed: u64) -> Movie {
    let file = data(&directory.join("from"), name, seed, SIZE);
    let torrent = directory.join(format!("{name}.torrent"));
    fs::write(&torrent, &metainfo(&file).torrent_file()[..]).unwrap();
    Movie { name, file, torrent }
}

/// Arguments of different types.
fn words<const N: usize>(words: [&dyn AsRef<std::ffi::OsStr>; N]) -> Vec<OsString> {
    words.map(|word| word.as_ref().to_owned()).into()
}

fn seed(movies: &[Movie]) -> Program {
    let mut arguments = words([&"seed", &"--offline", &"--json", &"--tick", &"0.1"]);
    for movie in movies {
        arguments.push(movie.torrent.clone().into());
        arguments.push(movie.file.parent().unwrap().into());
    }
    Program::start(arguments)
}

#[test]
fn three_torrents_go_from_a_seeder_to_a_downloader() {
    let dir = tempfile::tempdir().unwrap();
    let movies = [("a.bin", 1), ("b.bin", 2), ("ĉ ☂.bin", 3)].map(|(n, s)| movie(dir.path(), n, s));
    let mut seeder = seed(&movies);
    let peer = seeder.address().to_string();
    for _ in &movies {
        seeder.event("finished");
    }

    let to = dir.path().join("to");
    let mut arguments =
        words([&"download", &"-o", &to, &"--peer", &peer, &"--offline", &"--json", &"--tick=0.1"]);
    arguments.extend(movies.iter().map(|movie| movie.torrent.clone().into()));
    let mut downloader = Program::start(arguments);
    downloader.address();
    let output = downloader.end().expect(0);
    for movie in &movies {
        assert!(same(&movie.file, &to.join(movie.name)), "{}", movie.name);
    }
    let events: Vec<Value> =
        output.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let count = |kind: &str| events.iter().filter(|event| event["event"] == kind).count();
    assert_eq!(count("listening"), 1, "{output:#?}");
    assert_eq!(count("torrent_added"), 3, "{output:#?}");
    assert_eq!(count("finished"), 3, "{output:#?}");
    assert_eq!(events.last().unwrap()["event"], "client_stopped");
    assert_eq!(output.stderr.lines().count(), 1, "the report alone: {output:#?}");

    seeder.signal("INT");
    let output = seeder.end().expect(0);
    assert!(output.stderr.contains("stopped with 3 torrents"), "{output:#?}");
}

#[test]
fn a_person_sees_lines_and_results() {
    let dir = tempfile::tempdir().unwrap();
    let movie = movie(dir.path(), "a.bin", 1);
    let mut seeder = Program::start(words([
        &"seed",
        &movie.torrent,
        &movie.file.parent().unwrap(),
        &"--offline",
        &"--trust",
        &"--listen=127.0.0.1:0",
        &"--preset=seeding",
        &"--limit-up=50MiB",
    ]));
    seeder.find("result", |line| line.starts_with("seeding ").then_some(()));
    seeder.signal("TERM");
    let output = seeder.end().expect(0);
    let address = output.stderr.lines().find_map(|line| Some(line.split_once("listening at ")?.1));
    assert!(address.is_some_and(|address| address.starts_with("127.0.0.1:")), "{output:#?}");
    assert!(output.stderr.contains("stopped with 1 torrent"), "{output:#?}");
}

/// The proxy connects to the peers, and the client opens no port for incoming connections.
#[test]
fn a_download_goes_through_a_proxy() {
    let dir = tempfile::tempdir().unwrap();
    let movies = [movie(dir.path(), "a.bin", 1)];
    let mut seeder = seed(&movies);
    let peer = seeder.address().to_string();
    let (proxy, asked) = http_proxy();
    let to = dir.path().join("to");
    let url = format!("http://{proxy}");
    let output = run(words([
        &"download",
        &movies[0].torrent,
        &"-o",
        &to,
        &"--peer",
        &peer,
        &"--offline",
        &"--json",
        &"--proxy",
        &url,
    ]))
    .expect(0);
    assert!(same(&movies[0].file, &to.join("a.bin")));
    assert!(!output.stdout.contains("listening"), "{output:#?}");
    assert_eq!(asked.recv().unwrap(), format!("CONNECT {peer} HTTP/1.0"));
}

/// Starts an HTTP proxy that supports `CONNECT`, and reports the requests that it receives.
fn http_proxy() -> (SocketAddr, Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (said, asked) = channel();
    thread::spawn(move || {
        for caller in listener.incoming() {
            let mut caller = caller.unwrap();
            let mut lines = BufReader::new(&caller).lines().map_while(Result::ok);
            let request = lines.next().unwrap();
            let target = request.split(' ').nth(1).unwrap().to_owned();
            said.send(request).unwrap();
            lines.find(String::is_empty).unwrap();
            let called = TcpStream::connect(target).unwrap();
            caller.write_all(b"HTTP/1.0 200 OK\r\n\r\n").unwrap();
            for (mut from, mut to) in
                [(caller.try_clone().unwrap(), called.try_clone().unwrap()), (called, caller)]
            {
                thread::spawn(move || {
                    let _ = std::io::copy(&mut from, &mut to);
                    let _ = to.shutdown(Shutdown::Write);
                });
            }
        }
    });
    (address, asked)
}

/// The effect of a listen address is easy to observe.
#[test]
fn settings_are_those_of_libtorrent_and_the_last_one_wins() {
    let dir = tempfile::tempdir().unwrap();
    let movie = movie(dir.path(), "a.bin", 1);
    let mut arguments = words([&"seed", &movie.torrent, &movie.file.parent().unwrap()]);
    arguments.extend(words([&"--offline", &"--trust", &"--json"]));
    arguments.extend(words([&"--setting", &"listen_interfaces=127.0.0.2:0"]));
    arguments.extend(words([&"--setting=listen_interfaces=127.0.0.3:0"]));
    let mut seeder = Program::start(arguments);
    assert_eq!(seeder.address().ip().to_string(), "127.0.0.3");
    seeder.signal("TERM");
    seeder.end().expect(0);
}

#[test]
fn quiet_leaves_the_results() {
    let dir = tempfile::tempdir().unwrap();
    let movie = movie(dir.path(), "a.bin", 1);
    let here = movie.file.parent().unwrap();
    let output =
        run(words([&"download", &movie.torrent, &"-o", &here, &"--offline", &"--quiet"])).expect(0);
    assert_eq!(output.stdout, format!("complete  {}\n", movie.file.display()));
    assert_eq!(output.stderr, "");
}

#[test]
fn one_that_cannot_start_does_not_stop_the_others() {
    let dir = tempfile::tempdir().unwrap();
    let movie = movie(dir.path(), "a.bin", 1);
    let here = movie.file.parent().unwrap();
    let bad = data(dir.path(), "bad.torrent", 9, 100);
    let arguments = words([&"download", &bad, &movie.torrent, &"-o", &here, &"--offline"]);
    let output = run(arguments).expect(1);
    assert!(output.stderr.contains("error: cannot read the metainfo"), "{output:#?}");
    assert!(output.stdout.contains("complete  "), "{output:#?}");
}

#[test]
fn what_a_torrent_names_and_cannot_be_used_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let to = dir.path().join("to");
    let movie = movie(dir.path(), "movie.bin", 1);
    let mut seeder = seed(std::slice::from_ref(&movie));
    let peer = seeder.address().to_string();
    let info = fs::read(&movie.torrent).unwrap();
    let at = info.windows(7).position(|key| key == b"4:infod").unwrap();
    let torrent = dir.path().join("seeded.torrent");
    // libtorrent itself drops invalid trackers from 2.0.13 on, but not web seeds.
    let web_seed = b"8:url-list8:ftp://a/e".as_slice();
    fs::write(&torrent, [b"d", &info[at..info.len() - 1], web_seed].concat()).unwrap();
    let to = to.to_str().unwrap();
    let download = |source: &str| {
        let peers = ["--peer", &peer, "--peer", "192.0.2.1:1"];
        let client = ["download", source, "-o", to, "--offline", "--quiet"];
        run(client.iter().chain(&peers)).expect(0).stderr
    };
    let told = download(torrent.to_str().unwrap());
    assert!(told.contains("seeded.torrent: \"ftp://a/\": expected a URL"), "{told}");
    assert!(told.contains("192.0.2.1:1 is not on this machine"), "{told}");
    let magnet = metainfo(&movie.file).magnet();
    let told = download(&format!("{magnet}&x.pe=host:80&ws=ftp://a/"));
    assert!(told.contains("\"host:80\": expected the IP address and port"), "{told}");
    assert!(told.contains(", and 1 more"), "{told}");
}

#[test]
fn a_file_of_somebody_else_is_refused_with_the_option_that_overwrites_it() {
    let dir = tempfile::tempdir().unwrap();
    let to = dir.path().join("to");
    let movie = movie(dir.path(), "movie.bin", 1);
    fs::create_dir(&to).unwrap();
    fs::write(to.join("movie.bin"), "mine").unwrap();
    let refused = run(words([&"download", &"-o", &to, &"--offline", &movie.torrent])).expect(1);
    assert!(refused.stderr.contains("no data of this torrent; use --overwrite "), "{refused:#?}");
}

#[test]
fn incomplete_data_has_no_seed_time() {
    let dir = tempfile::tempdir().unwrap();
    let movie = movie(dir.path(), "movie.bin", 1);
    let file = fs::File::options().write(true).open(&movie.file).unwrap();
    file.set_len(100_000).unwrap();
    let from = movie.file.parent().unwrap();
    let output =
        run(words([&"seed", &movie.torrent, &from, &"--offline", &"--seed-time=1h"])).expect(1);
    assert!(output.stderr.contains("it is incomplete, so --seed-time"), "{output:#?}");
}

#[test]
fn the_same_torrent_twice_is_downloaded_once() {
    let dir = tempfile::tempdir().unwrap();
    let movie = movie(dir.path(), "a.bin", 1);
    let here = movie.file.parent().unwrap();
    let arguments =
        words([&"download", &movie.torrent, &movie.torrent, &"-o", &here, &"--offline", &"--json"]);
    let output = run(arguments).expect(0);
    assert!(output.stdout.contains("already_added"), "{output:#?}");
}

#[test]
fn a_download_with_seed_goes_on_until_it_is_stopped() {
    let dir = tempfile::tempdir().unwrap();
    let movie = movie(dir.path(), "a.bin", 1);
    let here = movie.file.parent().unwrap();
    let arguments =
        words([&"download", &movie.torrent, &"-o", &here, &"--offline", &"--json", &"--seed"]);
    let mut program = Program::start(arguments);
    program.event("finished");
    program.signal("INT");
    program.end().expect(0);
}

#[test]
fn an_interrupted_download_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let movie = movie(dir.path(), "a.bin", 1);
    let to = dir.path().join("to");
    let arguments = words([&"download", &movie.torrent, &"-o", &to, &"--offline", &"--json"]);
    let mut program = Program::start(arguments);
    program.event("checked");
    program.signal("INT");
    let output = program.end().expect(130);
    assert!(output.stderr.contains("stopped with 1 torrent"), "{output:#?}");
}

#[test]
fn incomplete_data_is_seeded_with_a_warning() {
    let dir = tempfile::tempdir().unwrap();
    let movie = movie(dir.path(), "a.bin", 1);
    let half = fs::OpenOptions::new().write(true).open(&movie.file).unwrap();
    half.set_len(100_000).unwrap();
    let mut seeder = seed(&[movie]);
    seeder.event("checked");
    seeder.find("status", |line| line.contains("\"state\":\"downloading\"").then_some(()));
    seeder.signal("INT");
    let output = seeder.end().expect(0);
    assert!(output.stderr.contains("a.bin: INCOMPLETE: 4"), "{output:#?}");
}

#[test]
fn a_seeder_that_cannot_listen_fails_and_a_downloader_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let movie = movie(dir.path(), "a.bin", 1);
    let here = movie.file.parent().unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let listen = format!("--listen={}", taken.local_addr().unwrap());
    let output = run(words([&"seed", &movie.torrent, &here, &"--offline", &listen])).expect(1);
    assert!(output.stderr.starts_with("error: "), "{output:#?}");
    assert!(output.stderr.contains("in use"), "{output:#?}");

    let arguments = words([&"download", &movie.torrent, &"-o", &here, &"--offline", &listen]);
    let output = run(arguments).expect(0);
    assert!(output.stderr.contains("warning: "), "{output:#?}");
}

#[test]
fn a_listen_address_that_does_not_exist_is_an_error() {
    let dir = tempfile::tempdir().unwrap();
    let movie = movie(dir.path(), "a.bin", 1);
    let here = movie.file.parent().unwrap();
    for nowhere in ["nosuchdev9:0", "localhost:0"] {
        for setting in ["--listen=", "--setting=listen_interfaces="] {
            let listen = format!("{setting}{nowhere}");
            let seed = words([&"seed", &movie.torrent, &here, &"--offline", &listen]);
            let download =
                words([&"download", &movie.torrent, &"-o", &here, &"--offline", &listen]);
            for arguments in [seed, download] {
                let output = run(arguments).expect(1);
                let message = format!("error: cannot listen: \"{nowhere}\": ");
                assert!(output.stderr.starts_with(&message), "{output:#?}");
            }
        }
    }
}

#[test]
fn a_closed_stdout_is_no_error() {
    let dir = tempfile::tempdir().unwrap();
    let torrent = movie(dir.path(), "a.bin", 1).torrent.to_str().unwrap().to_owned();
    for arguments in [&["info", &torrent][..], &["info", &torrent, "--json"], &["--help"]] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let program = env!("CARGO_BIN_EXE_torrent-patron");
        let output = Command::new(program).args(arguments).stdout(writer).output().unwrap();
        assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
    }
}

/// A proxy for a seeder. The first connection stops after this many bytes until `open` receives a message.
fn gate(seeder: SocketAddr, bytes: u64, open: Receiver<()>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        let mut first = Some((bytes, open));
        while let Ok((from, _)) = listener.accept() {
            let to = TcpStream::connect(seeder).unwrap();
            let (mut asks, mut asked) = (from.try_clone().unwrap(), to.try_clone().unwrap());
            thread::spawn(move || {
                let _ = std::io::copy(&mut asks, &mut asked);
                let _ = asked.shutdown(Shutdown::Both);
            });
            let first = first.take();
            thread::spawn(move || {
                if let Some((bytes, open)) = first {
                    let _ = std::io::copy(&mut (&to).take(bytes), &mut &from);
                    open.recv().unwrap();
                }
                let _ = std::io::copy(&mut &to, &mut &from);
                let _ = from.shutdown(Shutdown::Both);
            });
        }
    });
    address
}

#[test]
fn data_that_another_program_overwrites_is_downloaded_again() {
    let dir = tempfile::tempdir().unwrap();
    let movies = [movie(dir.path(), "a.bin", 1)];
    let mut seeder = seed(&movies);
    let address = seeder.address();
    for (arguments, is_right) in [(&[][..], true), (&["--no-verify"][..], false)] {
        let (opener, open) = channel();
        let peer = gate(address, SIZE as u64 / 2, open).to_string();
        let to = dir.path().join(format!("to {is_right}"));
        let file = &movies[0].file;
        let mut words = words([
            &"download",
            &movies[0].torrent,
            &"-o",
            &to,
            &"--offline",
            &"--sequential",
            &"--json",
        ]);
        words.extend(words_of(arguments));
        words.extend(words_of(&["--peer", &peer]));
        let program = Program::start(words);
        let (all, copy) = (fs::read(file).unwrap(), to.join("a.bin"));
        until("the first block", || {
            fs::read(&copy).is_ok_and(|here| here.starts_with(&all[..16 * 1024]))
        });
        std::os::unix::fs::FileExt::write_all_at(
            &fs::File::options().write(true).open(&copy).unwrap(),
            &[0; 1000],
            0,
        )
        .unwrap();
        opener.send(()).unwrap();
        program.end().expect(0);
        assert_eq!(same(file, &copy), is_right, "{arguments:?}");
    }
}

fn words_of(words: &[&str]) -> Vec<OsString> {
    words.iter().map(OsString::from).collect()
}

/// A peer with the metadata of another torrent. Once it has sent them, a second address starts to forward to
/// the seeder.
fn liar(gate: Receiver<SocketAddr>) -> (SocketAddr, SocketAddr) {
    let (lying, honest) = [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").unwrap()).into();
    let addresses = (lying.local_addr().unwrap(), honest.local_addr().unwrap());
    let (lied, told) = channel();
    thread::spawn(move || {
        while let Ok((stream, _)) = lying.accept() {
            if lie(stream).is_ok() {
                let _ = lied.send(());
            }
        }
    });
    thread::spawn(move || {
        let seeder = gate.recv().unwrap();
        told.recv().unwrap();
        while let Ok((from, _)) = honest.accept() {
            let to = TcpStream::connect(seeder).unwrap();
            for (mut from, mut to) in
                [(from.try_clone().unwrap(), to.try_clone().unwrap()), (to, from)]
            {
                thread::spawn(move || std::io::copy(&mut from, &mut to));
            }
        }
    });
    addresses
}

fn lie(mut stream: TcpStream) -> std::io::Result<()> {
    let wrong = b"xxxx";
    wire::answer_handshake(&mut stream, wire::EXTENSIONS, b"=LIAR01=============")?;
    wire::offer_metadata(&mut stream, wrong.len())?;
    wire::serve_metadata(&mut stream, wrong)
}

#[test]
fn wrong_metadata_of_one_peer_does_not_end_a_download() {
    let dir = tempfile::tempdir().unwrap();
    let movies = [movie(dir.path(), "a.bin", 1)];
    let mut seeder = seed(&movies);
    let (open, gate) = channel();
    let (liar, honest) = liar(gate);
    open.send(seeder.address()).unwrap();
    let metainfo =
        torrent_patron::metainfo::Metainfo::decode(&fs::read(&movies[0].torrent).unwrap()).unwrap();
    let magnet = format!("magnet:?xt=urn:btih:{}", metainfo.info_hashes.v1.unwrap());
    let to = dir.path().join("to");
    let (liar, honest) = (liar.to_string(), honest.to_string());
    let arguments = words([
        &"download",
        &magnet,
        &"-o",
        &to,
        &"--offline",
        &"--peer",
        &liar,
        &"--peer",
        &honest,
    ]);
    let output = run(arguments).expect(0);
    assert!(output.stderr.contains("warning: "), "{output:#?}");
    assert!(same(&movies[0].file, &to.join("a.bin")));
}
