//! rqbit, if it is installed: the same seeds, through its HTTP server.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::{PATIENCE, PIECE, Result, SIZE};

pub(crate) struct Rqbit {
    child: Child,
    address: SocketAddr,
    _directory: TempDir,
}

impl Rqbit {
    /// Returns `None` if it is not installed.
    pub(crate) fn start() -> Result<Option<Self>> {
        let directory = tempfile::tempdir()?;
        let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let started = Command::new("rqbit")
            .args(["--disable-dht", "--disable-upnp-port-forward"])
            .args(["--http-api-listen-addr", &address.to_string()])
            .args(["--log-file-rust-log", "error", "server", "start", "--disable-persistence"])
            .arg(directory.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        let child = match started {
            Ok(child) => child,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let this = Self { child, address, _directory: directory };
        let begun = Instant::now();
        while TcpStream::connect(address).is_err() {
            if begun.elapsed() > PATIENCE {
                return Err("rqbit does not listen".into());
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        Ok(Some(this))
    }

    pub(crate) fn add(&self, torrent: &[u8], peers: &[SocketAddr]) -> Result<()> {
        let peers: Vec<_> = peers.iter().map(ToString::to_string).collect();
        let path = format!("/torrents?overwrite=true&initial_peers={}", peers.join(","));
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: rqbit\r\nConnection: close\r\nContent-Length: {}\r\n\r\n",
            torrent.len()
        );
        let mut stream = self.connect()?;
        stream.write_all(&[head.as_bytes(), torrent].concat())?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        if answer.starts_with("HTTP/1.1 200") { Ok(()) } else { Err(answer.into()) }
    }

    /// Requests the file from this position, and waits for its first byte.
    pub(crate) fn first_byte(&self, position: u64) -> Result<TcpStream> {
        let mut stream = self.connect()?;
        write!(
            stream,
            "GET /torrents/0/stream/0 HTTP/1.1\r\nHost: rqbit\r\nRange: bytes={position}-\r\n\r\n"
        )?;
        let mut head = Vec::new();
        let mut byte = [0];
        while !head.ends_with(b"\r\n\r\n") {
            stream.read_exact(&mut byte)?;
            head.push(byte[0]);
        }
        if !head.starts_with(b"HTTP/1.1 20") {
            return Err(String::from_utf8_lossy(&head).into());
        }
        stream.read_exact(&mut byte)?;
        Ok(stream)
    }

    /// Returns which pieces it has.
    pub(crate) fn have(&self) -> Result<Vec<bool>> {
        let mut stream = self.connect()?;
        write!(
            stream,
            "GET /torrents/0/haves HTTP/1.1\r\nHost: rqbit\r\nAccept: application/octet-stream\r\n\
             Connection: close\r\n\r\n"
        )?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer)?;
        let head = answer.windows(4).position(|end| end == b"\r\n\r\n").ok_or("no answer")?;
        let bits = &answer[head + 4..];
        let bit = |piece: usize| bits[piece / 8] & (0x80 >> (piece % 8)) != 0;
        Ok((0..(SIZE / PIECE) as usize).map(bit).collect())
    }

    fn connect(&self) -> Result<TcpStream> {
        let stream = TcpStream::connect(self.address)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        Ok(stream)
    }
}

impl Drop for Rqbit {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
