//! seed --metrics: what Prometheus would get, and what the dashboard asks of it.

use std::collections::BTreeSet;
use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;

use serde_json::Value;

use crate::program::{Program, run};
use crate::support::{PATIENCE, data, metainfo};

fn seed(directory: &Path, metrics: &str) -> Program {
    let file = data(directory, "movie.bin", 1, 200_000);
    let torrent = directory.join("movie.torrent");
    fs::write(&torrent, &metainfo(&file).torrent_file()[..]).unwrap();
    let options =
        ["seed", "--offline", "--json", "--clients=2", "--metrics", metrics].map(Into::into);
    let paths = [torrent.into_os_string(), directory.as_os_str().to_owned()];
    Program::start(options.into_iter().chain(paths))
}

/// The whole answer to a GET, headers included.
fn get(url: &str, path: &str) -> String {
    let address = url.strip_prefix("http://").unwrap().split('/').next().unwrap();
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    write!(stream, "GET {path} HTTP/1.0\r\nHost: {address}\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

/// The names of all samples in a page of metrics.
fn names(page: &str) -> BTreeSet<&str> {
    let samples = page.lines().filter(|line| !line.starts_with('#'));
    samples.filter_map(|line| line.split(['{', ' ']).next()).collect()
}

#[test]
fn a_scrape_tells_what_is_seeded_and_the_dashboard_asks_for_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    let mut seeder = seed(dir.path(), "127.0.0.1:0");
    seeder.address();
    let metrics = seeder.event("metrics");
    let url = metrics["url"].as_str().unwrap();
    seeder.event("finished");

    let page = get(url, "/metrics");
    assert!(page.starts_with("HTTP/1.0 200") && page.contains("openmetrics-text"), "{page}");
    let sample = |line: &str| assert!(page.lines().any(|known| known == line), "{line}\n{page}");
    for client in [1, 2] {
        sample(&format!("torrent_patron_torrents{{client=\"{client}\",state=\"seeding\"}} 1"));
        sample(&format!("torrent_patron_sent_bytes_total{{client=\"{client}\"}} 0"));
    }
    sample("# TYPE torrent_patron_sent_bytes counter");
    sample("# EOF");
    let names = names(&page);
    assert!(names.contains("libtorrent_peer_num_peers_connected"), "{names:?}");
    assert!(get(url, "/").starts_with("HTTP/1.0 404"));

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
fn an_address_in_use_is_an_error_that_names_it() {
    let dir = tempfile::tempdir().unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let output = seed(dir.path(), &address).end().expect(1);
    let message = format!("cannot serve metrics at {address}: ");
    assert!(output.stderr.contains(&message), "{}", output.stderr);
    run(["seed", "--metrics", "nowhere", "a.torrent", "."]).expect(2);
}
