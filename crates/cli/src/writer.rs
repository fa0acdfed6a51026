//! Writes to stdout or stderr on a separate thread, so that a reader that does not read blocks nobody.

use std::collections::VecDeque;
use std::io::{self, Write};
use std::sync::LazyLock;
use std::thread;
use std::time::Instant;

use crossbeam_channel::{Receiver, Sender, bounded};
use parking_lot::{Condvar, Mutex, MutexGuard};

/// The maximum amount of output that waits to be written, in bytes.
const CAPACITY: usize = 8 << 20;

pub(crate) struct Writer {
    name: &'static str,
    open: fn() -> Box<dyn Write>,
    queue: Mutex<Queue>,
    changed: Condvar,
    reader_gone: LazyLock<ReaderGone>,
}

/// Disconnected when the reader has gone.
type ReaderGone = (Mutex<Option<Sender<()>>>, Receiver<()>);

struct Queue {
    started: bool,
    lines: VecDeque<String>,
    /// The size of `lines` and of the line that is being written.
    bytes: usize,
    missed: u64,
    /// The error after which nothing more is written.
    closed: Option<io::Error>,
}

impl Writer {
    pub(crate) const fn new(name: &'static str, open: fn() -> Box<dyn Write>) -> Self {
        let lines = VecDeque::new();
        let queue = Queue { started: false, lines, bytes: 0, missed: 0, closed: None };
        let reader_gone: LazyLock<ReaderGone> = LazyLock::new(|| {
            let (sender, receiver) = bounded(0);
            (Mutex::new(Some(sender)), receiver)
        });
        Self { name, open, queue: Mutex::new(queue), changed: Condvar::new(), reader_gone }
    }

    /// Adds a line; waits while the queue is full.
    pub(crate) fn write(&'static self, line: String) {
        let mut queue = self.queue.lock();
        while queue.bytes >= CAPACITY {
            self.changed.wait(&mut queue);
        }
        self.push(&mut queue, line);
    }

    /// Adds a line unless the queue is full; never waits. Unimportant lines are dropped once the queue is half
    /// full. When there is room again, `notice` creates a line with the number of dropped lines.
    pub(crate) fn offer(
        &'static self,
        line: String,
        important: bool,
        notice: impl FnOnce(u64) -> String,
    ) {
        let mut queue = self.queue.lock();
        if queue.bytes >= if important { CAPACITY } else { CAPACITY / 2 } {
            queue.missed += 1;
            return;
        }
        if queue.missed > 0 {
            let missed = std::mem::take(&mut queue.missed);
            self.push(&mut queue, notice(missed));
        }
        self.push(&mut queue, line);
    }

    fn push(&'static self, queue: &mut MutexGuard<'_, Queue>, line: String) {
        if queue.closed.is_some() {
            return;
        }
        if !queue.started {
            let thread = thread::Builder::new().name(self.name.into());
            match thread.spawn(|| self.run()) {
                Ok(_) => queue.started = true,
                // No thread could be started: write the line directly.
                Err(_) => {
                    let mut out = (self.open)();
                    let written = out.write_all(line.as_bytes()).and_then(|()| out.flush());
                    queue.closed = written.err();
                    return;
                }
            }
        }
        queue.bytes += line.len();
        queue.lines.push_back(line);
        self.changed.notify_all();
    }

    /// Waits until everything is written, up to the deadline.
    pub(crate) fn flush(&self, deadline: Option<Instant>) {
        let mut queue = self.queue.lock();
        while queue.bytes > 0 {
            match deadline {
                None => self.changed.wait(&mut queue),
                Some(deadline) if self.changed.wait_until(&mut queue, deadline).timed_out() => {
                    return;
                }
                Some(_) => {}
            }
        }
    }

    /// Why not everything was written. It is not a failure if the reader is gone, as in
    /// `torrent-patron ... | head`.
    pub(crate) fn failure(&self) -> Option<String> {
        let queue = self.queue.lock();
        let error = queue.closed.as_ref()?;
        (error.kind() != io::ErrorKind::BrokenPipe)
            .then(|| format!("cannot write to {}: {error}", self.name))
    }

    /// Returns whether the reader was found to have gone.
    pub(crate) fn is_closed(&self) -> bool {
        let closed = &self.queue.lock().closed;
        closed.as_ref().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
    }

    /// Returns a channel for `select!` that is disconnected from then on.
    pub(crate) fn closed(&self) -> Receiver<()> {
        self.reader_gone.1.clone()
    }

    fn run(&self) {
        let mut out = (self.open)();
        loop {
            let line = self.next();
            let written = out.write_all(line.as_bytes()).and_then(|()| out.flush());
            let mut queue = self.queue.lock();
            queue.bytes -= line.len();
            if let Err(error) = written {
                queue.closed = Some(error);
                queue.lines.clear();
                queue.bytes = 0;
            }
            self.changed.notify_all();
            if queue.closed.is_some() {
                drop(queue);
                self.reader_gone.0.lock().take();
                return;
            }
        }
    }

    fn next(&self) -> String {
        let mut queue = self.queue.lock();
        loop {
            if let Some(line) = queue.lines.pop_front() {
                return line;
            }
            self.changed.wait(&mut queue);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader, PipeWriter};

    use super::*;

    static PIPE: Mutex<Option<PipeWriter>> = Mutex::new(None);
    static WRITER: Writer = Writer::new("pipe", || match PIPE.lock().take() {
        Some(pipe) => Box::new(pipe),
        None => Box::new(io::sink()),
    });

    #[test]
    fn what_a_reader_misses_is_counted_and_memory_is_bounded() {
        let (reader, pipe) = io::pipe().unwrap();
        *PIPE.lock() = Some(pipe);
        let line = "x".repeat((64 << 10) - 1) + "\n";
        let offer = |line: &str, important| {
            WRITER.offer(line.into(), important, |missed| format!("missed {missed}\n"));
        };
        for (important, room) in [(false, CAPACITY / 2), (true, CAPACITY)] {
            (0..1000).for_each(|_| offer(&line, important));
            let bytes = WRITER.queue.lock().bytes;
            assert!((room - line.len()..room + 2 * line.len()).contains(&bytes), "{bytes}");
        }
        let mut lines = BufReader::new(reader).lines().map_while(Result::ok);
        assert_eq!(lines.next().unwrap().len(), line.len() - 1);
        {
            let mut queue = WRITER.queue.lock();
            while queue.bytes >= CAPACITY {
                WRITER.changed.wait(&mut queue);
            }
        }
        offer("last\n", true);
        let (mut came, mut missed) = (1, 0);
        for line in lines.take_while(|line| line != "last") {
            match line.strip_prefix("missed ") {
                Some(count) => missed += count.parse::<u64>().unwrap(),
                None => came += 1,
            }
        }
        assert_eq!(came + missed, 2000);
        WRITER.flush(None);
        assert!(WRITER.failure().is_none());
    }
}
