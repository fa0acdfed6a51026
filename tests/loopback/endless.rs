//! Servers that never stop sending (docs/bounds.md): the client must disconnect before it has received much.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;

use torrent_patron::metainfo::Protocol;
use torrent_patron::{AddOptions, Event};

use crate::await_event;
use crate::requests::online;
use crate::support::{PATIENCE, client, data, each, eventually, finished, maker, still_works};

/// No server may be able to send more than this. It includes the socket buffers of the system, which hold up
/// to 10 MiB.
const FAR_TOO_MUCH: u64 = 64 << 20;
const ALL: u64 = 10 << 30;

/// A server that answers each request with a header and then repeats the same bytes forever.
struct Endless {
    address: SocketAddr,
    /// The highest number of bytes that one connection has accepted.
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

    /// How many bytes the first connection has accepted.
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

/// Sends to a connection without end. Returns how many bytes the other end has accepted.
fn pour(mut stream: TcpStream, head: &str, body: &[u8]) -> u64 {
    let _ = stream.set_read_timeout(Some(PATIENCE / 4));
    let _ = stream.set_write_timeout(Some(PATIENCE / 4));
    // Reads the whole request, which has a few hundred bytes. There is none when the test ends.
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
fn an_endless_tracker_response_is_cut_off() {
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
            let metainfo = maker(&file, Protocol::V1).add_tracker(url, 0).start().unwrap();
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
fn an_endless_web_seed_response_is_cut_off() {
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

/// The other kind of web seeds (BEP 17), which libtorrent 2.1 ignores.
#[test]
fn an_endless_http_seed_response_is_cut_off() {
    if torrent_patron::client::libtorrent_version().starts_with("2.1.") {
        return;
    }
    const OK: &str = "HTTP/1.1 200 OK\r\n";
    each(
        [
            ("a header", OK.to_owned(), &b"X-Header: and another one\r\n"[..]),
            ("a line of a header", format!("{OK}X-Line: "), b"and so on "),
        ],
        |(what, head, again)| {
            let server = Endless::start(&head, again);
            let dir = tempfile::tempdir().unwrap();
            let file = data(&dir.path().join("from"), "data.bin", 1, 50_000);
            let torrent = maker(&file, Protocol::V1).start().unwrap().wait().unwrap();
            let url = format!("http://{}/seed", server.address);
            let seeds = format!("9:httpseedsl{}:{url}e", url.len());
            let mut file = torrent.torrent_file().to_vec();
            let info = file.windows(7).position(|key| key == b"4:infod").unwrap();
            file.splice(info..info, seeds.into_bytes());
            // An offline client contacts none of them.
            let client =
                online(&dir.path().join("to")).setting("allow_local_urls", true).start().unwrap();
            let patron = client.patron();
            patron.add_torrent(file, AddOptions::default()).wait().unwrap();
            let taken = server.taken();
            println!("{what}: {taken} bytes");
            assert!((1..FAR_TOO_MUCH).contains(&taken), "{what}: {taken} bytes");
            still_works(&patron);
        },
    );
}

/// A server of ranges of `data`. `response` makes the rest of the header and the body.
fn ranges(
    data: Vec<u8>,
    response: impl Fn(&[u8]) -> Vec<u8> + Send + Sync + 'static,
) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let serve = move |mut stream: TcpStream| {
        let mut asked = String::new();
        let mut buffer = [0; 4096];
        while let Ok(count @ 1..) = stream.read(&mut buffer) {
            asked += &String::from_utf8_lossy(&buffer[..count]);
            while let Some((request, rest)) = asked.split_once("\r\n\r\n") {
                let range = request.split("Range: bytes=").nth(1).unwrap();
                let range = range.lines().next().unwrap();
                let (first, last) = range.split_once('-').unwrap();
                let (first, last): (usize, usize) = (first.parse().unwrap(), last.parse().unwrap());
                let mut answer = format!(
                    "HTTP/1.1 206 Partial Content\r\nContent-Range: bytes {range}/{}\r\n",
                    data.len()
                )
                .into_bytes();
                answer.extend(response(&data[first..=last]));
                if stream.write_all(&answer).is_err() {
                    return;
                }
                asked = rest.to_owned();
            }
        }
    };
    std::thread::spawn(move || listener.incoming().flatten().for_each(serve));
    address
}

/// A server that answers each request, and then sends more.
fn answering(data: Vec<u8>, more: Vec<u8>) -> SocketAddr {
    ranges(data, move |range| {
        let length = format!("Content-Length: {}\r\n\r\n", range.len());
        [length.as_bytes(), range, &more].concat()
    })
}

/// libtorrent 2.0 compares an answer with its first open request, also when there is none.
#[test]
fn a_web_seed_that_answers_without_a_request_does_no_harm() {
    let dir = tempfile::tempdir().unwrap();
    let file = data(&dir.path().join("from"), "data.bin", 1, 5000);
    let metainfo = maker(&file, Protocol::V1).start().unwrap().wait().unwrap();
    let all = std::fs::read(&file).unwrap();
    let client = client(&dir.path().join("to"));
    let patron = client.patron();
    let empty = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n".repeat(200);
    let url = format!("http://{}/data.bin", answering(all.clone(), empty));
    let options = AddOptions::default().add_web_seeds([url]);
    let id = patron.add_torrent(metainfo, options).wait().unwrap().id();
    finished(&patron, id);
    assert!(std::fs::read(dir.path().join("to/data.bin")).unwrap() == all);
    still_works(&patron);
}

/// A server that answers requests in chunks, with `end` after the first chunk. It sends everything at once.
fn chunked(data: Vec<u8>, end: &'static str) -> SocketAddr {
    ranges(data, move |range| {
        let mut answer = b"Transfer-Encoding: chunked\r\n\r\n".to_vec();
        for (number, part) in range.chunks(5000).enumerate() {
            answer.extend(format!("{:x};a=b\r\n", part.len()).into_bytes());
            answer.extend(part);
            answer.extend(b"\r\n");
            if number == 0 {
                answer.extend(end.as_bytes());
            }
        }
        answer.extend(b"0\r\n\r\n");
        answer
    })
}

#[test]
fn a_web_seed_may_send_chunks_if_their_sizes_are_valid() {
    let sizes =
        ["", "zz\r\n", "-1\r\n", "80000000\r\n", "ffffffffffffffff\r\n", ";\r\n", "4\rx\r\n"];
    each(sizes, |size| {
        let dir = tempfile::tempdir().unwrap();
        let file = data(&dir.path().join("from"), "data.bin", 1, 300_000);
        let metainfo = maker(&file, Protocol::V1).start().unwrap().wait().unwrap();
        let all = std::fs::read(&file).unwrap();
        let client = client(&dir.path().join("to"));
        let patron = client.patron();
        let url = format!("http://{}/data.bin", chunked(all.clone(), size));
        let options = AddOptions::default().add_web_seeds([url]);
        let id = patron.add_torrent(metainfo, options).wait().unwrap().id();
        if size.is_empty() {
            finished(&patron, id);
            assert!(std::fs::read(dir.path().join("to/data.bin")).unwrap() == all);
        } else {
            let line = await_event!(
                patron, event @ Event::WebSeedFailed { id: on, .. } if *on == id => event.to_string()
            );
            println!("{size:?}: {line}");
        }
        still_works(&patron);
    });
}
