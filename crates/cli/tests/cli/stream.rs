//! The `stream` command: what an HTTP client receives, and what players do with it.

use std::ffi::OsString;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::program::{Program, run};
use crate::support::{PATIENCE, Seeder, address, data, eventually, maker, noise, skipped};
use torrent_patron::file::Priority;
use torrent_patron::metainfo::{Metainfo, Protocol};
use torrent_patron::store::Sqlite;
use torrent_patron::{AddOptions, Client};

const PIECE: usize = 64 << 10;
const SIZE: usize = 20 * PIECE + 123;

/// A seeder of a file, and its torrent on disk.
pub(crate) struct Film {
    pub(crate) seeder: Seeder,
    torrent: PathBuf,
}

pub(crate) fn film(directory: &Path, path: &Path) -> Film {
    let metainfo = metainfo(path);
    let torrent = directory.join("film.torrent");
    fs::write(&torrent, &metainfo.torrent_file()[..]).unwrap();
    Film { seeder: Seeder::with(path, metainfo), torrent }
}

fn metainfo(path: &Path) -> Metainfo {
    maker(path, Protocol::V1).piece_length(PIECE as u32).start().unwrap().wait().unwrap()
}

/// A film that arrives at this rate, in bytes per second.
pub(crate) fn slow(directory: &Path, video: &Path, rate: u32) -> Film {
    let film = film(directory, video);
    let seeder = &film.seeder.patron;
    seeder.set_upload_limit(seeder.torrents()[0], Some(rate)).wait().unwrap();
    film
}

/// How many bytes of the film are missing. Until they arrive, the file is sparse.
pub(crate) fn missing(directory: &Path, video: &Path) -> u64 {
    let here = on_disk(directory) as u64;
    fs::metadata(video).unwrap().len().saturating_sub(here)
}

/// Starts a stream of the file. Returns the URL of the file.
pub(crate) fn stream(directory: &Path, film: &Film, more: &[&str]) -> (Program, String) {
    let mut program = Program::start(arguments(directory, film, more));
    let url = program.find("URL", |line| Some(line.to_owned()));
    assert!(url.starts_with("http://127.0.0.1:"), "the first line is {url}");
    (program, url)
}

fn arguments(directory: &Path, film: &Film, more: &[&str]) -> Vec<OsString> {
    let peer = address(&film.seeder.patron).to_string();
    let mut arguments: Vec<OsString> =
        ["stream", "--offline", "--peer", &peer, "-o"].map(Into::into).into();
    arguments.push(directory.join("to").into());
    arguments.push(film.torrent.clone().into());
    arguments.extend(more.iter().map(Into::into));
    arguments
}

fn parts(url: &str) -> (&str, &str) {
    let rest = url.strip_prefix("http://").unwrap();
    rest.split_at(rest.find('/').unwrap())
}

/// A response: its status, its headers in lower case, and its body.
struct Response {
    status: u16,
    headers: String,
    body: Vec<u8>,
}

impl Response {
    fn header(&self, name: &str) -> Option<&str> {
        let line =
            self.headers.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
        line.map(str::trim)
    }
}

/// A client that reuses its connection.
struct Http(BufReader<TcpStream>);

impl Http {
    fn connect(url: &str) -> Self {
        let stream = TcpStream::connect(parts(url).0).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        Self(BufReader::new(stream))
    }

    fn ask(&mut self, method: &str, path: &str, headers: &[&str]) -> Response {
        let headers: String = headers.iter().map(|header| format!("{header}\r\n")).collect();
        let request = format!("{method} {path} HTTP/1.1\r\nHost: here\r\n{headers}\r\n");
        self.0.get_mut().write_all(request.as_bytes()).unwrap();
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            assert_ne!(self.0.read_line(&mut head).unwrap(), 0, "closed after {head:?}");
        }
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        let mut answer = Response { status, headers: head.to_lowercase(), body: Vec::new() };
        let length = answer.header("content-length").map_or(0, |length| length.parse().unwrap());
        if method != "HEAD" && status != 304 {
            answer.body.resize(length, 0);
            self.0.read_exact(&mut answer.body).unwrap();
        }
        answer
    }
}

#[test]
fn a_file_is_served_whole_and_in_parts_while_it_downloads() {
    let dir = tempfile::tempdir().unwrap();
    let film = film(dir.path(), &data(&dir.path().join("from"), "a film ☂.mp4", 1, SIZE));
    let (program, url) = stream(dir.path(), &film, &[]);
    let path = parts(&url).1;
    assert_eq!(path, "/0/a%20film%20%E2%98%82.mp4");
    let expected = noise(1, SIZE);
    let mut http = Http::connect(&url);
    let all = http.ask("GET", path, &[]);
    assert_eq!((all.status, all.header("content-type")), (200, Some("video/mp4")));
    assert_eq!(all.header("accept-ranges"), Some("bytes"));
    assert_eq!(all.header("content-security-policy"), Some("script-src 'none'"));
    assert_eq!(all.header("x-content-type-options"), Some("nosniff"));
    assert!(all.body == expected);
    let etag = all.header("etag").unwrap().to_owned();
    assert!(etag.starts_with('"') && etag.ends_with("-0\""), "{etag}");
    let mut part = |header: &str, and: &str| {
        let answer = http.ask("GET", path, &[&format!("Range: {header}"), and]);
        (answer.status, answer.header("content-range").map(str::to_owned), answer.body)
    };
    let same = format!("If-Range: {etag}");
    let to = SIZE - 1;
    assert_eq!(
        part("bytes=70000-70009", &same),
        (206, Some(format!("bytes 70000-70009/{SIZE}")), expected[70_000..70_010].to_vec())
    );
    assert_eq!(
        part("bytes=-5", "X: y"),
        (206, Some(format!("bytes {}-{to}/{SIZE}", SIZE - 5)), expected[SIZE - 5..].to_vec())
    );
    assert_eq!(part("bytes=5-", "If-Range: \"other\"").0, 200, "all of another version");
    assert_eq!(part("bytes=0-1,5-6", "X: y").0, 200, "all in place of several parts");
    let (status, range, _) = part(&format!("bytes={SIZE}-"), "X: y");
    assert_eq!((status, range), (416, Some(format!("bytes */{SIZE}"))));
    let head = http.ask("HEAD", path, &["Range: bytes=1-2"]);
    assert_eq!((head.status, head.header("content-length")), (206, Some("2")));
    let known = http.ask("GET", path, &[&format!("If-None-Match: {etag}")]);
    assert_eq!((known.status, known.header("etag")), (304, Some(&*etag)));
    for same in [format!("If-None-Match: \"other\", W/{etag}"), "If-None-Match: *".into()] {
        assert_eq!(http.ask("GET", path, &[&same]).status, 304, "{same}");
    }
    assert_eq!(http.ask("GET", path, &["If-Match: \"other\""]).status, 412);
    assert_eq!(http.ask("HEAD", path, &[&format!("If-Match: {etag}")]).status, 200);
    assert_eq!(http.ask("GET", "/0", &[]).body.len(), SIZE);
    let page = http.ask("GET", "/", &[]);
    assert_eq!(page.header("content-type"), Some("text/html; charset=utf-8"));
    let page = String::from_utf8(page.body).unwrap();
    assert!(page.contains(path) && page.contains("a film ☂.mp4"), "{page}");
    for wrong in ["/1", "/x", "/0x/", "/../etc/passwd"] {
        assert_eq!(http.ask("GET", wrong, &[]).status, 404, "{wrong}");
    }
    assert_eq!(http.ask("DELETE", path, &[]).status, 405);
    program.signal("INT");
    program.end().expect(0);
}

#[test]
fn a_client_that_disconnects_while_it_waits_does_not_affect_others() {
    let dir = tempfile::tempdir().unwrap();
    let film = film(dir.path(), &data(&dir.path().join("from"), "film.bin", 1, SIZE));
    film.seeder.patron.pause(film.seeder.patron.torrents()[0]).wait().unwrap();
    let (program, url) = stream(dir.path(), &film, &[]);
    let path = parts(&url).1;
    for begin in [0, 10 * PIECE] {
        let mut waiting = Http::connect(&url);
        let request = format!("GET {path} HTTP/1.1\r\nHost: h\r\nRange: bytes={begin}-\r\n\r\n");
        waiting.0.get_mut().write_all(request.as_bytes()).unwrap();
        let mut line = String::new();
        waiting.0.read_line(&mut line).unwrap();
        assert!(line.contains("206"), "{line}");
    }
    film.seeder.patron.resume(film.seeder.patron.torrents()[0]).wait().unwrap();
    let last = Http::connect(&url).ask("GET", path, &["Range: bytes=-10"]);
    assert_eq!(last.body, &noise(1, SIZE)[SIZE - 10..]);
    program.signal("TERM");
    program.end().expect(0);
}

#[test]
fn the_largest_file_is_played_unless_one_is_chosen() {
    let dir = tempfile::tempdir().unwrap();
    let from = dir.path().join("from/album");
    for (seed, (name, size)) in
        [("a & b.ogg", 70_000), ("big.flac", 300_000), ("<c>", 5)].into_iter().enumerate()
    {
        data(&from, name, seed as u64, size);
    }
    let film = film(dir.path(), &from);
    let (program, url) = stream(dir.path(), &film, &[]);
    assert!(url.ends_with("/big.flac"), "{url}");
    let mut http = Http::connect(&url);
    let page = String::from_utf8(http.ask("GET", "/", &[]).body).unwrap();
    assert!(page.contains("a &amp; b.ogg") && page.contains("&lt;c&gt;"), "{page}");
    // A file that was not chosen is downloaded when it is read.
    let index = film.seeder.metainfo.files.iter().position(|file| file.size == 70_000).unwrap();
    let other = http.ask("GET", &format!("/{index}"), &[]);
    assert_eq!(other.header("content-type"), Some("audio/ogg"));
    assert!(other.body == noise(0, 70_000));
    program.signal("INT");
    program.end().expect(0);

    let mut json = Program::start(arguments(dir.path(), &film, &["--json", &index.to_string()]));
    let (mut added, mut serving) = (false, None);
    while !added || serving.is_none() {
        let event: serde_json::Value = json.find("event", |line| serde_json::from_str(line).ok());
        added |= event["event"] == "torrent_added";
        serving = serving.or((event["event"] == "serving").then_some(event));
    }
    let serving = serving.unwrap();
    assert!(serving["url"].as_str().unwrap().ends_with("/a%20%26%20b.ogg"));
    drop(json);
    let wrong = run(arguments(dir.path(), &film, &["99"])).expect(1);
    assert!(wrong.stderr.contains("the torrent has no file 99"), "{}", wrong.stderr);
}

#[test]
fn the_program_ends_with_the_player() {
    let dir = tempfile::tempdir().unwrap();
    let film = film(dir.path(), &data(&dir.path().join("from"), "film.bin", 1, 1000));
    let url = dir.path().join("url");
    let command = format!("printf %s > {}", url.display());
    let output = run(arguments(dir.path(), &film, &["--play", &command])).expect(0);
    assert_eq!(output.stdout.trim_end(), fs::read_to_string(url).unwrap());
    run(arguments(dir.path(), &film, &["--play", "false"])).expect(1);
}

#[test]
fn the_player_ends_with_the_program() {
    let dir = tempfile::tempdir().unwrap();
    let film = film(dir.path(), &data(&dir.path().join("from"), "film.bin", 1, 1000));
    let ended = dir.path().join("ended");
    let command = format!(
        "trap 'touch {}; exit' TERM; echo plays; while :; do sleep 0.1; done; :",
        ended.display()
    );
    let (mut program, _) = stream(dir.path(), &film, &["--play", &command]);
    program.find("the player", |line| (line == "plays").then_some(()));
    program.signal("TERM");
    program.end().expect(0);
    eventually("the player has ended", || ended.exists().then_some(()));
}

/// An album of two files, of which the second is larger.
fn album(directory: &Path) -> Film {
    let from = directory.join("from/album");
    data(&from, "a.bin", 1, 4 * PIECE);
    data(&from, "b.bin", 2, SIZE);
    film(directory, &from)
}

#[test]
fn a_magnet_link_is_streamed_and_the_wait_for_its_metadata_is_shown() {
    let dir = tempfile::tempdir().unwrap();
    let film = album(dir.path());
    let mut arguments = arguments(dir.path(), &film, &[]);
    *arguments.last_mut().unwrap() = film.seeder.metainfo.magnet().to_string().into();
    let mut program = Program::start(arguments);
    let url = program.find("URL", |line| Some(line.to_owned()));
    assert!(Http::connect(&url).ask("GET", parts(&url).1, &[]).body == noise(2, SIZE));
    program.signal("INT");
    let output = program.end().expect(0);
    assert!(output.stderr.contains(": added, info hash "), "what it waits for: {output:#?}");
}

#[test]
fn a_file_that_nobody_reads_is_not_downloaded() {
    let dir = tempfile::tempdir().unwrap();
    let film = album(dir.path());
    let (program, url) = stream(dir.path(), &film, &[]);
    assert!(Http::connect(&url).ask("GET", parts(&url).1, &[]).body == noise(2, SIZE));
    program.signal("INT");
    program.end().expect(0);
    // The last piece has the beginning of the other file, too.
    let here = fs::read(dir.path().join("to/album/a.bin")).unwrap_or_default();
    assert!(here.iter().take(3 * PIECE).all(|byte| *byte == 0), "a piece has come");
}

const LARGE: usize = 64 << 20;

/// Streams a small file. Returns the path of a large file in the same torrent, which is downloaded only where
/// it is read.
fn beside_a_large_file(directory: &Path, rate: Option<u32>) -> (Program, String, String) {
    let from = directory.join("from/films");
    data(&from, "large.bin", 1, LARGE);
    data(&from, "small.bin", 2, 1000);
    let metainfo =
        maker(&from, Protocol::V1).piece_length(256 << 10).start().unwrap().wait().unwrap();
    let torrent = directory.join("film.torrent");
    fs::write(&torrent, &metainfo.torrent_file()[..]).unwrap();
    let place = |size: usize| metainfo.files.iter().position(|file| file.size == size as u64);
    let (large, small) = (place(LARGE).unwrap(), place(1000).unwrap());
    let film = Film { seeder: Seeder::with(&from, metainfo.clone()), torrent };
    let seeder = &film.seeder.patron;
    seeder.set_upload_limit(seeder.torrents()[0], rate).wait().unwrap();
    let (program, url) = stream(directory, &film, &[&small.to_string()]);
    // The seeder stops at the end of the test.
    std::mem::forget(film);
    (program, url, format!("/{large}"))
}

/// How many bytes are on the disk. Data that nobody has chosen may be in libtorrent's part file.
fn on_disk(directory: &Path) -> usize {
    use std::os::unix::fs::MetadataExt;
    let directories = ["to", "to/films"].map(|name| fs::read_dir(directory.join(name)));
    let files = directories.into_iter().flatten().flatten().flatten();
    let sizes = files.flat_map(|file| file.metadata()).filter(|file| file.is_file());
    sizes.map(|file| file.blocks() as usize * 512).sum()
}

/// Waits until there are at least `least` bytes on the disk and nothing has arrived for a second, and returns
/// their number.
fn settled(directory: &Path, least: usize) -> usize {
    let here = || on_disk(directory);
    let (mut last, mut since) = (here(), Instant::now());
    eventually("nothing more comes", || {
        if here() != last {
            (last, since) = (here(), Instant::now());
        }
        (last >= least && since.elapsed() > Duration::from_secs(1)).then_some(last)
    })
}

#[test]
fn a_client_that_does_not_read_gets_no_more_than_its_socket_and_window_hold() {
    let dir = tempfile::tempdir().unwrap();
    let (program, url, large) = beside_a_large_file(dir.path(), None);
    let mut waiting = Http::connect(&url);
    let request = format!("GET {large} HTTP/1.1\r\nHost: h\r\n\r\n");
    waiting.0.get_mut().write_all(request.as_bytes()).unwrap();
    let here = settled(dir.path(), 2 << 20);
    assert!(here < LARGE / 2, "{here} bytes have come");
    drop(program);
}

#[test]
fn a_client_that_disconnects_releases_its_window() {
    let dir = tempfile::tempdir().unwrap();
    let (program, url, large) = beside_a_large_file(dir.path(), Some(2_000_000));
    let mut leaving = Http::connect(&url);
    let request = format!("GET {large} HTTP/1.1\r\nHost: h\r\n\r\n");
    leaving.0.get_mut().write_all(request.as_bytes()).unwrap();
    // It keeps reading, so it wants much more than has arrived.
    leaving.0.read_exact(&mut vec![0; 6 << 20]).unwrap();
    let left_at = on_disk(dir.path());
    drop(leaving);
    let here = settled(dir.path(), 6 << 20);
    assert!(here < left_at + (4 << 20), "{left_at} bytes had come, now {here}");
    drop(program);
}

/// Whether a program is installed. A test is skipped without it.
#[track_caller]
fn has(program: &str) -> bool {
    let here = Command::new(program).stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok();
    if !here {
        skipped(format_args!("{program} is not installed"));
    }
    here
}

#[test]
fn curl_downloads_and_continues() {
    if !has("curl") {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let film = film(dir.path(), &data(&dir.path().join("from"), "film.bin", 1, SIZE));
    let (program, url) = stream(dir.path(), &film, &[]);
    let copy = dir.path().join("copy");
    fs::write(&copy, &noise(1, SIZE)[..100_001]).unwrap();
    let curl = |arguments: &[&str]| {
        let output = Command::new("curl").args(["-sS", "-f"]).args(arguments).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    let said = curl(&["-C", "-", "-o", copy.to_str().unwrap(), "-w", "%{http_code}", &url]);
    assert_eq!(said, "206");
    assert!(fs::read(&copy).unwrap() == noise(1, SIZE));
    // Two requests on one connection.
    let twice = curl(&["-o", "/dev/null", "-o", "/dev/null", "-w", "%{num_connects} ", &url, &url]);
    assert_eq!(twice, "1 0 ");
    drop(program);
}

/// The index is at the end of the file. ffmpeg reads it first and then seeks.
#[test]
fn ffmpeg_plays_and_seeks() {
    if !has("ffmpeg") || !has("ffprobe") {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("from")).unwrap();
    let video = dir.path().join("from/film.mp4");
    let made = Command::new("ffmpeg")
        .args(["-v", "error", "-f", "lavfi", "-i", "testsrc=size=320x240:rate=10", "-t", "60"])
        .args(["-c:v", "mpeg4", "-b:v", "800k", "-g", "10"])
        .arg(&video)
        .output()
        .unwrap();
    assert!(made.status.success(), "{made:?}");
    let film = slow(dir.path(), &video, 300_000);
    let (program, url) = stream(dir.path(), &film, &[]);
    let probe = Command::new("ffprobe")
        .args(["-v", "error", "-show_entries", "format=duration", "-of", "csv=p=0", &url])
        .output()
        .unwrap();
    assert_eq!(String::from_utf8_lossy(&probe.stdout).trim(), "60.000000", "{probe:?}");
    let frame = |from: &str, at: &str| {
        let output = Command::new("ffmpeg")
            .args(["-v", "error", "-ss", at, "-i", from, "-frames:v", "1", "-f", "rawvideo", "-"])
            .output()
            .unwrap();
        assert!(output.status.success() && !output.stdout.is_empty(), "{output:?}");
        output.stdout
    };
    assert_ne!(missing(dir.path(), &video), 0, "ffmpeg waits for nothing");
    for at in ["50", "5", "30.5"] {
        assert!(frame(&url, at) == frame(video.to_str().unwrap(), at), "the frame at {at} s");
    }
    drop(program);
}

#[test]
fn peers_on_the_blocklist_are_not_connected_to() {
    let dir = tempfile::tempdir().unwrap();
    let film = film(dir.path(), &data(&dir.path().join("from"), "film.bin", 1, SIZE));
    let list = dir.path().join("list.txt");
    let [blocked, other] = ["127.0.0.2:0", "127.0.0.1:0"].map(|at| TcpListener::bind(at).unwrap());
    let [first, second] = [&blocked, &other].map(|peer| peer.local_addr().unwrap().to_string());
    let more = ["--peer", &first, "--peer", &second, "--blocklist", list.to_str().unwrap()];
    let missing = run(arguments(dir.path(), &film, &more)).expect(1);
    assert!(missing.stderr.starts_with("error: cannot read the blocklist: "), "{missing:#?}");

    fs::write(&list, "127.0.0.2\nthis is no rule\n").unwrap();
    let program = Program::start(arguments(dir.path(), &film, &more));
    assert!(program.first_error_line().starts_with("blocklist: 1 line is skipped; line 2: "));
    other.accept().unwrap();
    blocked.set_nonblocking(true).unwrap();
    assert_eq!(blocked.accept().unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
    drop(program);
}

#[test]
fn what_the_store_loses_is_shown_even_if_quiet() {
    let dir = tempfile::tempdir().unwrap();
    let film = film(dir.path(), &data(&dir.path().join("from"), "film.bin", 1, SIZE));
    let kept = dir.path().join("torrents.db");
    let other = metainfo(&data(&dir.path().join("other"), "other.bin", 2, SIZE));
    let store = Sqlite::open(&kept).unwrap();
    let client =
        Client::builder().offline(true).listen("127.0.0.1:0").store(store).start().unwrap();
    let options = AddOptions::default().save_dir(dir.path().join("other"));
    client.patron().add_torrent(&other, options).wait().unwrap();
    assert!(client.shutdown(PATIENCE).wait().is_clean());
    let mut bytes = fs::read(&kept).unwrap();
    let key = b"12:piece length";
    let place = bytes.windows(key.len()).position(|part| part == key).unwrap();
    bytes[place] ^= 1;
    fs::write(&kept, &bytes).unwrap();

    let more = ["--store", kept.to_str().unwrap(), "--quiet", "--peer", "192.0.2.1:1"];
    let (program, _) = stream(dir.path(), &film, &more);
    program.signal("INT");
    let output = program.end();
    assert!(output.stderr.contains("its checksum is wrong"), "{output:#?}");
    assert!(output.stderr.contains("warning: 192.0.2.1:1 is not on this machine"), "{output:#?}");
}

#[test]
fn a_torrent_of_the_store_is_streamed_where_it_is_and_keeps_what_was_chosen() {
    let dir = tempfile::tempdir().unwrap();
    let film = film(dir.path(), &data(&dir.path().join("from"), "film.bin", 1, SIZE));
    let (kept, there) = (dir.path().join("torrents.db"), dir.path().join("there"));
    let client = || {
        let store = Sqlite::open(&kept).unwrap();
        Client::builder().offline(true).listen("127.0.0.1:0").store(store).start().unwrap()
    };
    let earlier = client();
    let options = AddOptions::default().save_dir(&there).paused(true);
    let patron = earlier.patron();
    let id = patron.add_torrent(&*film.torrent, options).wait().unwrap().id();
    patron.set_file_priorities(id, vec![Priority::LOW]).wait().unwrap();
    drop(patron);
    assert!(earlier.shutdown(PATIENCE).wait().is_clean());

    let more = ["--store", kept.to_str().unwrap(), "--peer", "192.0.2.1:1"];
    let (program, url) = stream(dir.path(), &film, &more);
    let all = Http::connect(&url).ask("GET", parts(&url).1, &[]);
    assert!(all.body == noise(1, SIZE), "it was paused");
    program.signal("INT");
    let output = program.end().expect(0);
    assert!(output.stderr.contains("; its files stay in "), "{output:#?}");
    assert!(there.join("film.bin").is_file() && !dir.path().join("to/film.bin").exists());

    assert!(output.stderr.contains("warning: 192.0.2.1:1 is not on this machine"), "{output:#?}");

    let later = client();
    let patron = later.patron();
    let id = eventually("the torrent is restored", || patron.torrents().first().copied());
    assert_eq!(patron.files(id).wait().unwrap()[0].priority, Priority::LOW);
}
