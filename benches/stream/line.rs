//! A network line between seeds and a client: TCP connections are forwarded with a delay and a rate that all
//! of them share. It replaces `tc netem`, which needs root and a kernel with that module.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use rustix::net::sockopt::set_socket_recv_buffer_size;

use crate::Result;

/// The size of netem's queue: 1,000 packets.
const QUEUE: f64 = 1000.0 * 1500.0;
/// The size of the parts that are forwarded, in bytes.
const CHUNK: usize = 4096;
/// How much of a connection the kernel may buffer before it is forwarded.
const RECEIVE_BUFFER: usize = 32 << 10;

/// A line, with both directions.
pub(crate) struct Line {
    delay: Duration,
    directions: [Arc<Direction>; 2],
}

struct Direction {
    /// The rate in bytes per second.
    rate: f64,
    delay: Duration,
    /// When everything in the queue will have been sent.
    free_at: Mutex<Instant>,
}

impl Direction {
    /// Sends this many bytes, and returns when they arrive. Waits while the queue is full.
    fn send(&self, length: usize) -> Instant {
        let most = Duration::from_secs_f64(QUEUE / self.rate);
        loop {
            let mut free_at = self.free_at.lock().expect("a forwarder panicked");
            let now = Instant::now();
            let queued = free_at.saturating_duration_since(now);
            if queued <= most {
                *free_at = now.max(*free_at) + Duration::from_secs_f64(length as f64 / self.rate);
                return *free_at + self.delay;
            }
            drop(free_at);
            thread::sleep(queued - most);
        }
    }
}

impl Line {
    /// Creates a line with this delay and this rate, in bytes per second, in each direction.
    pub(crate) fn new(delay: Duration, rate: f64) -> Self {
        let direction = || Arc::new(Direction { rate, delay, free_at: Mutex::new(Instant::now()) });
        Self { delay, directions: [direction(), direction()] }
    }

    /// Returns an address that forwards to `to` over this line, until the process ends.
    pub(crate) fn to(&self, to: SocketAddr) -> Result<SocketAddr> {
        let listener = TcpListener::bind((to.ip(), 0))?;
        let address = listener.local_addr()?;
        let (delay, directions) = (self.delay, self.directions.clone());
        thread::spawn(move || {
            while let Ok((client, _)) = listener.accept() {
                let [up, down] = directions.clone();
                thread::spawn(move || {
                    // The three packets of a handshake.
                    thread::sleep(2 * delay);
                    let _ = connect(client, to, up, down);
                });
            }
        });
        Ok(address)
    }
}

fn connect(
    client: TcpStream,
    to: SocketAddr,
    up: Arc<Direction>,
    down: Arc<Direction>,
) -> Result<()> {
    let seed = TcpStream::connect(to)?;
    for stream in [&client, &seed] {
        set_socket_recv_buffer_size(stream, RECEIVE_BUFFER)?;
        stream.set_nodelay(true)?;
    }
    forward(client.try_clone()?, seed.try_clone()?, up);
    forward(seed, client, down);
    Ok(())
}

fn forward(mut from: TcpStream, to: TcpStream, direction: Arc<Direction>) {
    // The queue is bounded by the direction; this bound is large enough for all of it.
    let (sender, receiver) = sync_channel((2.0 * QUEUE) as usize / CHUNK);
    thread::spawn(move || deliver(to, receiver));
    thread::spawn(move || {
        let mut bytes = [0; CHUNK];
        while let Ok(length @ 1..) = from.read(&mut bytes)
            && put(&sender, direction.send(length), &bytes[..length])
        {}
        let _ = from.shutdown(Shutdown::Read);
    });
}

fn put(sender: &SyncSender<(Instant, Vec<u8>)>, due: Instant, bytes: &[u8]) -> bool {
    sender.send((due, bytes.to_vec())).is_ok()
}

fn deliver(mut to: TcpStream, arriving: Receiver<(Instant, Vec<u8>)>) {
    for (due, bytes) in arriving {
        thread::sleep(due.saturating_duration_since(Instant::now()));
        if to.write_all(&bytes).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Both);
}
