//! nginx, a web server, as a web seed (BEP 19). The torrents have no tracker and no peers, so all
//! of their data comes from it.

use std::fs;
use std::io;
use std::net::TcpStream;
use std::path::{Path, PathBuf};

use torrent_patron::Event;
use torrent_patron::metainfo::{Metainfo, Protocol};

use crate::await_event;
use crate::process::{Program, Running, free_port};
use crate::support::{builder, data, maker};
use crate::swarm::{Participant, assert_same, tree};

pub(crate) const NGINX: Program = Program { command: "nginx", package: "nginx" };

/// Serves a directory at `http://127.0.0.1:PORT/`.
pub(crate) struct Nginx {
    _running: Running,
    port: u16,
    log: PathBuf,
}

impl Nginx {
    pub(crate) fn start(dir: &Path, served: &Path) -> Self {
        let home = dir.join("nginx");
        fs::create_dir(&home).unwrap();
        let port = free_port();
        fs::write(home.join("nginx.conf"), settings(port, served)).unwrap();
        let mut command = NGINX.command(&home);
        command.arg("-p").arg(&home).args(["-c", "nginx.conf"]);
        let mut running = Running::start(&mut command, dir.join("nginx.log"));
        running.wait_for("web server", || TcpStream::connect(("127.0.0.1", port)));
        Self { _running: running, port, log: home.join("access.log") }
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}/{path}", self.port)
    }

    /// The requested paths, as they were written, each with its status.
    fn requests(&self) -> io::Result<Vec<String>> {
        Ok(fs::read_to_string(&self.log)?.lines().map(str::to_owned).collect())
    }
}

/// One process that runs as the user who started it; it writes only to its own directory.
fn settings(port: u16, served: &Path) -> String {
    format!(
        r#"
daemon off;
master_process off;
pid nginx.pid;
error_log stderr;
events {{}}
http {{
    log_format request '$request_uri $status';
    access_log access.log request;
    client_body_temp_path body;
    proxy_temp_path proxy;
    fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi;
    scgi_temp_path scgi;
    server {{
        listen 127.0.0.1:{port};
        root "{}";
    }}
}}
"#,
        served.display()
    )
}

pub(crate) fn seeds_a_file(dir: &Path) {
    let from = dir.join("from");
    let file = data(&from, "a file.bin", 1, 3 * 1024 * 1024 + 17);
    let nginx = Nginx::start(dir, &from);
    // For a v2-only torrent, libtorrent takes the file's URL for that of a directory.
    let urls = [
        ("a%20file.bin", &[Protocol::V1, Protocol::Hybrid][..]),
        ("", &[Protocol::V1, Protocol::V2, Protocol::Hybrid]),
    ];
    for (number, (url, protocols)) in urls.into_iter().enumerate() {
        for protocol in protocols {
            let to = dir.join(format!("{number} {protocol:?}"));
            let metainfo = with_web_seed(&file, *protocol, nginx.url(url));
            download(&metainfo, &to);
            assert_same(&metainfo, &from, &to);
        }
    }
    assert!(nginx.requests().unwrap().iter().all(|request| request == "/a%20file.bin 206"));
}

pub(crate) fn seeds_a_directory(dir: &Path) {
    let from = dir.join("from");
    let tree = tree(&from);
    let nginx = Nginx::start(dir, &from);
    for protocol in [Protocol::V1, Protocol::V2, Protocol::Hybrid] {
        let to = dir.join(format!("{protocol:?}"));
        let metainfo = with_web_seed(&tree, protocol, nginx.url(""));
        download(&metainfo, &to);
        assert_same(&metainfo, &from, &to);
    }
}

/// Adds a web seed while the torrent runs.
pub(crate) fn seeds_what_begins_without_it(dir: &Path) {
    let from = dir.join("from");
    let file = data(&from, "data.bin", 1, 300_000);
    let nginx = Nginx::start(dir, &from);
    let metainfo = maker(&file, Protocol::Hybrid).start().unwrap().wait().unwrap();
    let to = dir.join("to");
    let download = Participant::start(builder(&to), &metainfo);
    let Participant { patron, id, .. } = &download;
    await_event!(patron, Event::Checked { .. });
    patron.add_web_seed(*id, nginx.url("data.bin")).wait().unwrap();
    download.finish();
    assert_same(&metainfo, &from, &to);
    assert_eq!(patron.web_seeds(*id).wait().unwrap(), [nginx.url("data.bin")]);
    download.stop();
}

/// The data of this web seed has the right size but the wrong contents.
pub(crate) fn seeds_wrong_data(dir: &Path) {
    let (from, served) = (dir.join("from"), dir.join("served"));
    let file = data(&from, "data.bin", 1, 100_000);
    data(&served, "data.bin", 2, 100_000);
    let nginx = Nginx::start(dir, &served);
    let metainfo = with_web_seed(&file, Protocol::V1, nginx.url("data.bin"));
    let download = Participant::start(builder(&dir.join("to")), &metainfo);
    let Participant { patron, id, .. } = &download;
    await_event!(patron, Event::HashFailed { id: of, .. } if of == id);
    assert!(!patron.fresh_status(*id).wait().unwrap().finished);
    download.stop();
}

fn with_web_seed(path: &Path, protocol: Protocol, url: String) -> Metainfo {
    maker(path, protocol).add_web_seed(url).start().unwrap().wait().unwrap()
}

fn download(metainfo: &Metainfo, to: &Path) {
    let download = Participant::start(builder(to), metainfo);
    download.finish();
    download.stop();
}
