//! `torrent-patron health`: whether a seeder with `--metrics` answers, for containers.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use crate::arguments::Health;
use crate::{Outcome, Result};

/// Longer than the endpoint waits for the client.
const WITHIN: Duration = Duration::from_secs(8);

/// The maximum length of a status line, in bytes.
const LONGEST: u64 = 1024;

pub(crate) fn run(arguments: &Health) -> Result<Outcome> {
    let address = arguments.address;
    let status = ask(address)
        .map_err(|error| format!("no answer from http://{address}/metrics: {error}"))?;
    match status.split(' ').nth(1) {
        Some("200") => Ok(Outcome::Done),
        _ => Err(format!("http://{address}/metrics answered {:?}", status.trim_end()).into()),
    }
}

/// Returns the status line. Metrics come from the client thread, so they say that it is alive.
fn ask(address: SocketAddr) -> io::Result<String> {
    let mut stream = TcpStream::connect_timeout(&address, WITHIN)?;
    stream.set_read_timeout(Some(WITHIN))?;
    write!(stream, "GET /metrics HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n")?;
    let mut status = String::new();
    BufReader::new(stream.take(LONGEST)).read_line(&mut status)?;
    Ok(status)
}
