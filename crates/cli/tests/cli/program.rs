//! Runs the program and reads its output line by line. No wait is without a time limit.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::support::PATIENCE;

/// The output of a run that has ended.
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

const PROGRAM: &str = env!("CARGO_BIN_EXE_torrent-patron");

/// A command for the program with pipes for its output.
pub(crate) fn command() -> Command {
    let mut command = Command::new(PROGRAM);
    environment(&mut command);
    command
}

fn environment(command: &mut Command) -> &mut Command {
    command
        .env_remove("TORRENT_PATRON_LOG")
        // The environment of a service has no LANG. File names that are not ASCII must survive that.
        .env_remove("LANG")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
}

/// Both ends of a full pipe: writing to it blocks until somebody reads.
pub(crate) fn full_pipe() -> (OwnedFd, OwnedFd) {
    use rustix::fs::{OFlags, fcntl_setfl};
    let (reader, writer) = rustix::pipe::pipe().unwrap();
    fcntl_setfl(&writer, OFlags::NONBLOCK).unwrap();
    while rustix::io::write(&writer, &[b'.'; 4096]).is_ok() {}
    fcntl_setfl(&writer, OFlags::empty()).unwrap();
    (reader, writer)
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
        Self::spawn(command().args(arguments))
    }

    /// Starts the program from a shell that runs `how` first, such as `trap` or `ulimit`.
    pub(crate) fn prepared<S: AsRef<OsStr>>(
        how: &str,
        arguments: impl IntoIterator<Item = S>,
    ) -> Self {
        let mut shell = Command::new("sh");
        shell.args(["-c", &format!("{how}; exec \"$0\" \"$@\""), PROGRAM]).args(arguments);
        Self::spawn(environment(&mut shell))
    }

    /// Output to a descriptor that the caller has set is not read here.
    pub(crate) fn spawn(command: &mut Command) -> Self {
        let mut child = command.spawn().unwrap();
        let none = || channel().1;
        let stdout = child.stdout.take();
        let stderr = child.stderr.take();
        let lines_of = stdout.map_or_else(none, |stdout| lines(BufReader::new(stdout)));
        let errors = stderr.map_or_else(none, |stderr| lines(BufReader::new(stderr)));
        Self { child, lines: lines_of, seen: Vec::new(), errors }
    }

    /// Waits for the first line of stderr.
    #[track_caller]
    pub(crate) fn first_error_line(&self) -> String {
        self.errors.recv_timeout(PATIENCE).unwrap()
    }

    /// Waits for a line of stdout for which `pick` returns a value.
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

    /// Waits for an event of this kind.
    #[track_caller]
    pub(crate) fn event(&mut self, kind: &str) -> Value {
        self.find(kind, |line| {
            let event: Value = serde_json::from_str(line).unwrap();
            (event["event"] == kind).then_some(event)
        })
    }

    /// The address at which it accepts peers, from its first line.
    #[track_caller]
    pub(crate) fn address(&mut self) -> SocketAddr {
        assert!(self.seen.is_empty());
        let event: Value = self.find("first line", |line| serde_json::from_str(line).ok());
        assert_eq!(event["event"], "listening");
        event["address"].as_str().unwrap().parse().unwrap()
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn signal(&self, name: &str) {
        let signal = match name {
            "HUP" => Signal::HUP,
            "INT" => Signal::INT,
            "KILL" => Signal::KILL,
            "TERM" => Signal::TERM,
            _ => panic!("signal {name}"),
        };
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Waits for the program to exit.
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

    /// Polls for the exit status. Stdout is closed already, so the exit is near.
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

/// Reads lines to the end, or until the receiver is dropped, which closes the pipe.
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
