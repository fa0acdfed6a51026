//! Writes to a descriptor on a thread of its own, so that a reader that does not read holds up nobody.

use std::collections::VecDeque;
use std::io::{self, Write};
use std::thread;
use std::time::Instant;

use parking_lot::{Condvar, Mutex, MutexGuard};

/// How much may wait to be written, in bytes.
const ROOM: usize = 8 << 20;

pub(crate) struct Writer {
    name: &'static str,
    open: fn() -> Box<dyn Write>,
    queue: Mutex<Queue>,
    changed: Condvar,
}

struct Queue {
    started: bool,
    lines: VecDeque<String>,
    /// Of the lines, and of the one that is being written.
    bytes: usize,
    missed: u64,
    closed: Option<io::Error>,
}

impl Writer {
    pub(crate) const fn new(name: &'static str, open: fn() -> Box<dyn Write>) -> Self {
        let lines = VecDeque::new();
        let queue = Queue { started: false, lines, bytes: 0, missed: 0, closed: None };
        Self { name, open, queue: Mutex::new(queue), changed: Condvar::new() }
    }

    /// Waits until there is room.
    pub(crate) fn write(&'static self, line: String) {
        let mut queue = self.queue.lock();
        while queue.bytes >= ROOM {
            self.changed.wait(&mut queue);
        }
        self.push(&mut queue, line);
    }

    /// Never waits. Without room the line is left out; once there is room again, `notice` makes a line of
    /// how many were. What is left out first, because something newer will come, is not `important`.
    pub(crate) fn offer(
        &'static self,
        line: String,
        important: bool,
        notice: impl FnOnce(u64) -> String,
    ) {
        let mut queue = self.queue.lock();
        if queue.bytes >= if important { ROOM } else { ROOM / 2 } {
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
                Err(error) => {
                    queue.closed = Some(error);
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

    /// Why not everything was written. A reader that is gone, as in `torrent-patron ... | head`, is no
    /// failure.
    pub(crate) fn failure(&self) -> Option<String> {
        let queue = self.queue.lock();
        let error = queue.closed.as_ref()?;
        (error.kind() != io::ErrorKind::BrokenPipe)
            .then(|| format!("cannot write to {}: {error}", self.name))
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
