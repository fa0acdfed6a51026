//! seed --metrics: what Prometheus receives, and what the dashboard queries.

use std::collections::BTreeSet;
use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::program::{Program, run};
use crate::support::{PATIENCE, data, metainfo};

fn seed(directory: &Path, metrics: &str) -> Program {
    let file = data(directory, "movie.bin", 1, 200_000);
    let torrent = directory.join("movie.torrent");
    fs::write(&torrent, &metainfo(&file).torrent_file()[..]).unwrap();
    let options = ["seed", "--offline", "--json", "--network-threads=2", "--metrics", metrics]
        .map(Into::into);
    let paths = [torrent.into_os_string(), directory.as_os_str().to_owned()];
    Program::start(options.into_iter().chain(paths))
}

#[test]
fn where_the_metrics_are_is_told_when_quiet_too() {
    let directory = tempfile::tempdir().unwrap();
    let words =
        ["seed", "--offline", "--quiet", "--metrics=127.0.0.1:0", "--store"].map(Into::into);
    let store = directory.path().join("torrents.db").into_os_string();
    let program = Program::start(words.into_iter().chain([store]));
    assert!(program.first_error_line().starts_with("metrics at http://127.0.0.1:"));
}

#[test]
fn health_is_that_of_the_client_at_the_address() {
    let directory = tempfile::tempdir().unwrap();
    let (seeder, url) = victim(directory.path());
    let address = url.strip_prefix("http://").unwrap().strip_suffix("/metrics").unwrap();
    run(["health", address]).expect(0);
    is_well(seeder, &url);
    let gone = run(["health", address]).expect(1);
    assert!(gone.stderr.starts_with("error: no answer from http://127.0.0.1:"), "{gone:#?}");

    // What answers, but is no client with metrics.
    let other = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = other.local_addr().unwrap().to_string();
    let stranger = std::thread::spawn(move || {
        let (mut stream, _) = other.accept().unwrap();
        stream.write_all(b"HTTP/1.1 404 Not Found\r\n\r\n").unwrap();
        // Until the other end closes.
        let _ = stream.read_to_end(&mut Vec::new());
    });
    let output = run(["health", &address]).expect(1);
    assert!(output.stderr.contains("404 Not Found"), "{output:#?}");
    stranger.join().unwrap();
}

fn connect(url: &str) -> TcpStream {
    let address = url.strip_prefix("http://").unwrap().split('/').next().unwrap();
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// Sends a request and leaves the connection open.
fn send(url: &str, request: &str) -> TcpStream {
    let mut stream = connect(url);
    stream.write_all(request.as_bytes()).unwrap();
    stream
}

/// Reads until the server closes the connection.
fn answer(mut stream: TcpStream) -> String {
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

/// Returns the whole answer to a GET, including headers.
fn get(url: &str, path: &str) -> String {
    answer(send(url, &format!("GET {path} HTTP/1.0\r\n\r\n")))
}

/// Starts an endpoint to be abused.
fn victim(directory: &Path) -> (Program, String) {
    let mut seeder = seed(directory, "127.0.0.1:0");
    let url = seeder.event("metrics")["url"].as_str().unwrap().to_owned();
    (seeder, url)
}

/// Checks that it answers, and that it ends although clients are connected.
fn is_well(seeder: Program, url: &str) {
    assert!(get(url, "/metrics").starts_with("HTTP/1.0 200"));
    seeder.signal("TERM");
    seeder.end().expect(0);
}

/// Returns the names of all samples in a page of metrics.
fn names(page: &str) -> BTreeSet<&str> {
    let samples = page.lines().filter(|line| !line.starts_with('#'));
    samples.filter_map(|line| line.split(['{', ' ']).next()).collect()
}

#[test]
fn a_scrape_reports_the_seeded_torrents_and_all_metrics_of_the_dashboard() {
    let dir = tempfile::tempdir().unwrap();
    let mut seeder = seed(dir.path(), "127.0.0.1:0");
    seeder.address();
    let metrics = seeder.event("metrics");
    let url = metrics["url"].as_str().unwrap();
    seeder.event("finished");

    let page = get(url, "/metrics");
    assert!(page.starts_with("HTTP/1.0 200") && page.contains("openmetrics-text"), "{page}");
    let sample = |line: &str| assert!(page.lines().any(|known| known == line), "{line}\n{page}");
    for thread in [1, 2] {
        sample(&format!("torrent_patron_sent_bytes_total{{network_thread=\"{thread}\"}} 0"));
    }
    let seeding = page.lines().filter(|line| line.contains("state=\"seeding\"} 1"));
    assert_eq!(seeding.count(), 1, "one thread has it: {page}");
    sample("# TYPE torrent_patron_sent_bytes counter");
    sample("# EOF");
    let names = names(&page);
    assert!(names.contains("libtorrent_peer_num_peers_connected"), "{names:?}");
    let index = get(url, "/");
    assert!(index.starts_with("HTTP/1.0 200") && index.contains("/metrics"), "{index}");
    assert!(get(url, "/etc/passwd").starts_with("HTTP/1.0 404"));
    let head = answer(send(url, "HEAD /metrics HTTP/1.0\r\n\r\n"));
    assert!(head.starts_with("HTTP/1.0 200") && head.ends_with("\r\n\r\n"), "{head}");

    let dashboard = concat!(env!("CARGO_MANIFEST_DIR"), "/../../dashboards/torrent-patron.json");
    let dashboard: Value = serde_json::from_str(&fs::read_to_string(dashboard).unwrap()).unwrap();
    let mut asked = 0;
    for panel in dashboard["panels"].as_array().unwrap() {
        for target in panel["targets"].as_array().unwrap() {
            let words = target["expr"].as_str().unwrap();
            let words = words.split(|c: char| !c.is_alphanumeric() && c != '_');
            for name in words.filter(|word| word.contains("torrent_")) {
                asked += 1;
                assert!(names.contains(name), "{}: there is no {name}", panel["title"]);
            }
        }
    }
    assert!(asked > 10, "the dashboard asks for {asked} metrics");

    seeder.signal("INT");
    seeder.end().expect(0);
}

#[test]
fn requests_other_than_a_simple_get_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let (seeder, url) = victim(dir.path());
    let mut open = Vec::new();
    for (request, status) in [
        ("POST /metrics HTTP/1.1\r\nContent-Length: 0\r\n\r\n", "405"),
        ("DELETE / HTTP/1.1\r\n\r\n", "405"),
        ("POST / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 99999999999\r\n\r\n", "405"),
        ("GET /metrics HTTP/1.1\r\nContent-Length: 99999999999\r\n\r\n", "413"),
        ("GET /metrics HTTP/1.1\r\nContent-Length: 3000000000\r\n\r\nx", "413"),
        ("GET /metrics HTTP/1.1\r\nContent-Length: 1000000\r\n\r\n", "413"),
        ("GET /metrics HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nffffffff\r\nx", "413"),
        ("GET /metrics HTTP/1.1\r\nContent-Length: 99999999999999999999999\r\n\r\n", "400"),
        ("\0\0\0\r\n\r\n", "400"),
    ] {
        let stream = send(&url, request);
        open.push(stream.try_clone().unwrap());
        let answer = answer(stream);
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{request:?}: {answer}");
    }
    is_well(seeder, &url);
}

#[test]
fn an_endless_request_header_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let (seeder, url) = victim(dir.path());
    for start in ["GET /", "GET /metrics HTTP/1.1\r\nX: "] {
        let mut stream = send(&url, start);
        // A client that sends 256 MiB before it reads still receives the response.
        (0..256).for_each(|_| stream.write_all(&[b'a'; 1 << 20]).unwrap());
        let answer = answer(stream);
        assert!(answer.starts_with("HTTP/1.1 431 "), "{answer}");
    }
    if let Ok(status) = fs::read_to_string(format!("/proc/{}/status", seeder.id())) {
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        let peak: u64 = peak.trim().trim_end_matches(" kB").parse().unwrap();
        assert!(peak < 200 << 10, "{peak} KiB of memory");
    }
    is_well(seeder, &url);
}

#[test]
fn idle_connections_exclude_nobody_and_are_closed() {
    let dir = tempfile::tempdir().unwrap();
    let (seeder, url) = victim(dir.path());
    let idle: Vec<_> = (0..200).map(|_| send(&url, "GET /met")).collect();
    assert!(get(&url, "/metrics").starts_with("HTTP/1.0 200"));
    // The first connections are closed in favour of later ones, which have the time of one request, 10 s.
    let before = Instant::now();
    for (number, mut stream) in idle.into_iter().enumerate() {
        let mut answer = Vec::new();
        // A connection that is closed early is reset, because its request was not read to the end.
        let _ = stream.read_to_end(&mut answer);
        assert_eq!(answer, b"");
        assert!(number >= 184 || before.elapsed() < Duration::from_secs(5), "{number} is open");
    }
    is_well(seeder, &url);
}

#[test]
fn a_client_that_does_not_read_delays_neither_other_clients_nor_the_exit() {
    let dir = tempfile::tempdir().unwrap();
    let (seeder, url) = victim(dir.path());
    let request = "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n";
    let _deaf: Vec<_> = (0..8).map(|_| send(&url, &request.repeat(40))).collect();
    let _idle: Vec<_> = (0..8).map(|_| send(&url, request.trim_end())).collect();
    is_well(seeder, &url);
}

#[test]
fn an_address_in_use_is_an_error_that_names_it() {
    let dir = tempfile::tempdir().unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let output = seed(dir.path(), &address).end().expect(1);
    let message = format!("cannot serve metrics at {address}: ");
    assert!(output.stderr.contains(&message), "{}", output.stderr);
    run(["seed", "--metrics", "nowhere", "a.torrent", "."]).expect(2);
}
