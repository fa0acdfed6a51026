//! Servers that never come to an end (docs/bounds.md): what they send is refused before it is much.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;

use torrent_patron::metainfo::Protocol;
use torrent_patron::{AddOptions, Event};

use crate::await_event;
use crate::support::{PATIENCE, client, data, each, eventually, maker, still_works};

/// More than any of them is to have sent: with the buffers of the system's sockets, which hold up to
/// 10 MiB.
const FAR_TOO_MUCH: u64 = 64 << 20;
const ALL: u64 = 10 << 30;

/// Answers each request with a head, and then with the same bytes over and over.
struct Endless {
    address: SocketAddr,
    /// The most that one connection has taken.
    most: Arc<AtomicU64>,
    ended: Arc<AtomicU64>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Endless {
    fn start(head: &str, again: &[u8]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (most, ended, stop) = <(Arc<AtomicU64>, Arc<AtomicU64>, Arc<AtomicBool>)>::default();
        let (head, body) = (head.to_owned(), again.repeat((1 << 20) / again.len()));
        let counts = (most.clone(), ended.clone(), stop.clone());
        let thread = std::thread::spawn(move || {
            let (most, ended, stop) = counts;
            while let Ok((stream, _)) = listener.accept()
                && !stop.load(Ordering::Relaxed)
            {
                most.fetch_max(pour(stream, &head, &body), Ordering::Relaxed);
                ended.fetch_add(1, Ordering::Relaxed);
            }
        });
        Self { address, most, ended, stop, thread: Some(thread) }
    }

    /// What the first connection has taken.
    fn taken(&self) -> u64 {
        eventually("the end of a connection", || {
            (self.ended.load(Ordering::Relaxed) > 0).then(|| self.most.load(Ordering::Relaxed))
        })
    }
}

impl Drop for Endless {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        let _ = TcpStream::connect(self.address);
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

/// How much the other end has taken.
fn pour(mut stream: TcpStream, head: &str, body: &[u8]) -> u64 {
    let _ = stream.set_read_timeout(Some(PATIENCE / 4));
    let _ = stream.set_write_timeout(Some(PATIENCE / 4));
    // The whole request, of a few hundred bytes; none where the test ends.
    if !matches!(stream.read(&mut [0; 4096]), Ok(1..)) || stream.write_all(head.as_bytes()).is_err()
    {
        return 0;
    }
    let mut sent = 0;
    while sent < ALL && stream.write_all(body).is_ok() {
        sent += body.len() as u64;
    }
    sent
}

#[test]
fn a_tracker_that_never_ends_is_cut_short() {
    const OK: &str = "HTTP/1.1 200 OK\r\n";
    each(
        [
            ("a header", OK.to_owned(), &b"X-Header: and another one\r\n"[..]),
            ("a line of a header", format!("{OK}X-Line: "), b"and so on "),
            ("a body", format!("{OK}\r\n"), b"d"),
            ("10 GiB", format!("{OK}Content-Length: {ALL}\r\n\r\n"), b"d"),
            ("chunks", format!("{OK}Transfer-Encoding: chunked\r\n\r\n"), b"4\r\nabcd\r\n"),
        ],
        |(what, head, again)| {
            let server = Endless::start(&head, again);
            let dir = tempfile::tempdir().unwrap();
            let file = data(&dir.path().join("from"), "data.bin", 1, 50_000);
            let url = format!("http://{}/announce", server.address);
            let metainfo = maker(&file, Protocol::V1).add_tracker(0, url).start().unwrap();
            let client = client(&dir.path().join("to"));
            let patron = client.patron();
            let options = AddOptions::default();
            let id = patron.add_torrent(metainfo.wait().unwrap(), options).wait().unwrap().id();
            let line = await_event!(
                patron, event @ Event::TrackerError { id: on, .. } if *on == id => event.to_string()
            );
            let taken = server.taken();
            println!("{what}: {taken} bytes; {line}");
            assert!(taken < FAR_TOO_MUCH, "{what}: {taken} bytes");
            still_works(&patron);
        },
    );
}

#[test]
fn a_web_seed_that_never_ends_is_cut_short() {
    const OK: &str = "HTTP/1.1 206 Partial Content\r\n";
    let range = "Content-Range: bytes 0-49999/50000\r\n";
    each(
        [
            ("a header", OK.to_owned(), &b"X-Header: and another one\r\n"[..]),
            ("a line of a header", format!("{OK}X-Line: "), b"and so on "),
            ("10 GiB", format!("{OK}Content-Length: {ALL}\r\n\r\n"), b"d"),
            ("more than its range", format!("{OK}{range}Content-Length: {ALL}\r\n\r\n"), b"d"),
            (
                "the line before a chunk",
                format!("{OK}{range}Transfer-Encoding: chunked\r\n\r\n4;"),
                b"and so on ",
            ),
        ],
        |(what, head, again)| {
            let server = Endless::start(&head, again);
            let dir = tempfile::tempdir().unwrap();
            let file = data(&dir.path().join("from"), "data.bin", 1, 50_000);
            let metainfo = maker(&file, Protocol::V1).start().unwrap().wait().unwrap();
            let client = client(&dir.path().join("to"));
            let patron = client.patron();
            let url = format!("http://{}/data.bin", server.address);
            let options = AddOptions::default().add_web_seeds([url]);
            let id = patron.add_torrent(metainfo, options).wait().unwrap().id();
            let line = await_event!(
                patron, event @ Event::WebSeedFailed { id: on, .. } if *on == id => event.to_string()
            );
            let taken = server.taken();
            println!("{what}: {taken} bytes; {line}");
            assert!(taken < FAR_TOO_MUCH, "{what}: {taken} bytes");
            still_works(&patron);
        },
    );
}
