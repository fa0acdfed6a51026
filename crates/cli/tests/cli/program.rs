//! A run of the program, read line by line and never waited for without end.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::PATIENCE;

/// What a run that has ended said.
#[derive(Debug)]
pub(crate) struct Output {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Output {
    #[track_caller]
    pub(crate) fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, code, "{self:#?}");
        self
    }

    /// The only line of stdout, as JSON.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap()
    }
}

/// Runs the program to its end.
pub(crate) fn run<S: AsRef<OsStr>>(arguments: impl IntoIterator<Item = S>) -> Output {
    Program::start(arguments).end()
}

/// A running program. Dropping it kills it.
pub(crate) struct Program {
    child: Child,
    lines: Receiver<String>,
    seen: Vec<String>,
    errors: Receiver<String>,
}

impl Program {
    pub(crate) fn start<S: AsRef<OsStr>>(arguments: impl IntoIterator<Item = S>) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_torrent-patron"))
            .args(arguments)
            .env_remove("TORRENT_PATRON_LOG")
            // As services have it. Names that are not ASCII must survive that.
            .env_remove("LANG")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let stderr = BufReader::new(child.stderr.take().unwrap());
        let (lines, errors) = (lines(stdout), lines(stderr));
        Self { child, lines, seen: Vec::new(), errors }
    }

    /// Waits for the first line of stderr.
    #[track_caller]
    pub(crate) fn first_error_line(&self) -> String {
        self.errors.recv_timeout(PATIENCE).unwrap()
    }

    /// The next line of stdout for which `pick` has an answer.
    #[track_caller]
    pub(crate) fn find<T>(&mut self, what: &str, pick: impl Fn(&str) -> Option<T>) -> T {
        let deadline = Instant::now() + PATIENCE;
        loop {
            match self.lines.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(line) => {
                    let found = pick(&line);
                    self.seen.push(line);
                    if let Some(found) = found {
                        return found;
                    }
                }
                Err(error) => panic!("no {what}: {error}; came instead: {:#?}", self.seen),
            }
        }
    }

    /// The next event of this kind.
    #[track_caller]
    pub(crate) fn event(&mut self, kind: &str) -> Value {
        self.find(kind, |line| {
            let event: Value = serde_json::from_str(line).unwrap();
            (event["event"] == kind).then_some(event)
        })
    }

    /// Where it accepts peers; its first line.
    #[track_caller]
    pub(crate) fn address(&mut self) -> SocketAddr {
        assert!(self.seen.is_empty());
        let event: Value = self.find("first line", |line| serde_json::from_str(line).ok());
        assert_eq!(event["event"], "listening");
        event["address"].as_str().unwrap().parse().unwrap()
    }

    pub(crate) fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        let sent = Command::new("kill").args([&format!("-{name}"), &id]).status().unwrap();
        assert!(sent.success());
    }

    /// Closes our end of its stdout: its next line goes nowhere.
    pub(crate) fn close_stdout(&mut self) {
        self.lines = channel().1;
    }

    /// Waits for its end.
    #[track_caller]
    pub(crate) fn end(mut self) -> Output {
        let deadline = Instant::now() + PATIENCE;
        loop {
            match self.lines.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(line) => self.seen.push(line),
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => panic!("it does not end: {:#?}", self.seen),
            }
        }
        let status = self.status(deadline);
        let stderr = self.errors.iter().map(|line| line + "\n").collect();
        let mut stdout = self.seen.join("\n");
        stdout.push('\n');
        Output { code: status.code().unwrap_or(-1), stdout, stderr }
    }

    /// Its stdout is closed, so its end is near; there is no event to wait for but this.
    #[track_caller]
    fn status(&mut self, deadline: Instant) -> ExitStatus {
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(Instant::now() < deadline, "it does not end: {:#?}", self.seen);
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

/// Reads until the end, or until nobody wants the lines any more, which closes the pipe.
fn lines(pipe: impl BufRead + Send + 'static) -> Receiver<String> {
    let (sender, lines) = channel();
    std::thread::spawn(move || {
        pipe.lines().map_while(Result::ok).try_for_each(|line| sender.send(line))
    });
    lines
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
