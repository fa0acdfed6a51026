//! An HTTP server: a tracker or a web seed that does what a test wants.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use crate::support::PATIENCE;
use crate::support::bencode::{dict, number, text};

/// An HTTP server that records its requests, and answers each path with the result of a function.
pub(crate) struct Server {
    address: SocketAddr,
    asked: Arc<Mutex<Vec<String>>>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

pub(crate) type Handler = dyn Fn(&str) -> Vec<u8> + Send;

impl Server {
    /// It takes one request per connection.
    pub(crate) fn start(answer: impl Fn(&str) -> Vec<u8> + Send + 'static) -> Self {
        Self::at("127.0.0.1:0", Box::new(answer)).unwrap()
    }

    /// It answers every request with these bytes.
    pub(crate) fn answering(answer: &[u8]) -> Self {
        let answer = answer.to_vec();
        Self::start(move |_| answer.clone())
    }

    pub(crate) fn at(address: &str, answer: Box<Handler>) -> std::io::Result<Self> {
        let listener = TcpListener::bind(address)?;
        let address = listener.local_addr()?;
        let (asked, stop) = (Arc::<Mutex<Vec<String>>>::default(), Arc::<AtomicBool>::default());
        let (log, stopped) = (asked.clone(), stop.clone());
        let thread = std::thread::spawn(move || {
            while let Ok((mut stream, _)) = listener.accept()
                && !stopped.load(Ordering::Relaxed)
            {
                let _ = stream.set_read_timeout(Some(PATIENCE / 4));
                let mut request = Vec::new();
                let mut part = [0; 4096];
                while !request.windows(4).any(|end| end == b"\r\n\r\n") {
                    match stream.read(&mut part) {
                        Ok(size @ 1..) => request.extend(&part[..size]),
                        _ => break,
                    }
                }
                let request = String::from_utf8_lossy(&request).into_owned();
                let path = request.split(' ').nth(1).unwrap_or_default().to_owned();
                log.lock().unwrap().push(request);
                let _ = stream.write_all(&answer(&path));
                let _ = stream.shutdown(Shutdown::Write);
            }
        });
        Ok(Self { address, asked, stop, thread: Some(thread) })
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub(crate) fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        let _ = TcpStream::connect(self.address);
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

/// An HTTP response.
pub(crate) fn page(status: &str, body: &[u8]) -> Vec<u8> {
    let head = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n", body.len());
    [head.as_bytes(), body].concat()
}

fn no_peers() -> Vec<u8> {
    page("200 OK", &dict([("interval", number(1800)), ("peers", text(""))]))
}

/// A tracker that knows no peers.
pub(crate) fn tracker() -> Server {
    Server::start(|_| no_peers())
}
