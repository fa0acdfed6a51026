//! The measured processes: started, watched, and ended in any case.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Signal, kill_process, pidfd_open};

const STOP: Timespec = Timespec { tv_sec: 20, tv_nsec: 0 };

/// A child process. It is killed when this is dropped.
pub(crate) struct Process {
    child: Child,
    /// The file that receives its stderr.
    log: PathBuf,
    lines: Receiver<String>,
}

impl Process {
    pub(crate) fn start(mut command: Command, log: &Path) -> Result<Self> {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(File::create(log)?);
        let mut child = command.spawn().with_context(|| format!("cannot start {command:?}"))?;
        let stdout = child.stdout.take().context("no stdout")?;
        Ok(Self { child, log: log.into(), lines: lines(stdout) })
    }

    /// Returns the end of its stderr, for errors.
    pub(crate) fn complaints(&self) -> String {
        let log = std::fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<_> = log.lines().collect();
        lines[lines.len().saturating_sub(3)..].join("\n")
    }

    /// Waits for the first line of its stdout for which `pick` returns a value.
    pub(crate) fn find<T>(&self, limit: Duration, pick: impl Fn(&str) -> Option<T>) -> Result<T> {
        loop {
            match self.lines.recv_timeout(limit) {
                Ok(line) => {
                    if let Some(found) = pick(&line) {
                        return Ok(found);
                    }
                }
                Err(RecvTimeoutError::Timeout) => bail!("it is not ready after {limit:?}"),
                Err(RecvTimeoutError::Disconnected) => bail!("it ended before it was ready"),
            }
        }
    }

    /// Returns its user and system time so far.
    pub(crate) fn cpu(&self) -> Result<Duration> {
        cpu_of_process(self.child.id())
    }

    pub(crate) fn memory(&self) -> Result<Memory> {
        let path = format!("/proc/{}/status", self.child.id());
        let status =
            std::fs::read_to_string(&path).with_context(|| format!("cannot read {path}"))?;
        let bytes = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            let kib =
                line.and_then(|line| line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok());
            kib.map(|kib| kib << 10).with_context(|| format!("no {name} in {path}"))
        };
        Ok(Memory { resident: bytes("VmRSS:")?, anonymous: bytes("RssAnon:")? })
    }

    /// Ends it with SIGTERM. Returns its exit status.
    pub(crate) fn stop(mut self) -> Result<std::process::ExitStatus> {
        let pid = Pid::from_child(&self.child);
        let ended = pidfd_open(pid, PidfdFlags::empty()).context("cannot watch its end")?;
        kill_process(pid, Signal::TERM).context("cannot send SIGTERM")?;
        let ready = poll(&mut [PollFd::new(&ended, PollFlags::IN)], Some(&STOP))?;
        ensure!(ready > 0, "it did not stop within {} s of SIGTERM", STOP.tv_sec);
        Ok(self.child.wait()?)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The memory of a process, in bytes.
#[derive(Clone, Copy, Default)]
pub(crate) struct Memory {
    /// Including mapped files.
    pub(crate) resident: u64,
    /// Without mapped files.
    pub(crate) anonymous: u64,
}

/// Reads to the end, even if nobody wants the lines, so that the pipe does not fill up.
fn lines(stdout: impl std::io::Read + Send + 'static) -> Receiver<String> {
    let (sender, receiver) = channel();
    thread::spawn(move || {
        for line in BufReader::new(stdout).lines().map_while(Result::ok) {
            let _ = sender.send(line);
        }
    });
    receiver
}

/// Returns the user and system time of a process so far: fields 14 and 15 of its `stat`. Field 2, the name of
/// the program, may contain spaces.
fn cpu_of_process(pid: u32) -> Result<Duration> {
    let path = format!("/proc/{pid}/stat");
    let stat = std::fs::read_to_string(&path).with_context(|| format!("cannot read {path}"))?;
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    sum_of_ticks(after_name.split_whitespace().skip(11).take(2))
        .with_context(|| format!("cannot parse {path}"))
}

/// Returns the user, nice and system time of the whole machine so far.
pub(crate) fn cpu_of_all() -> Result<Duration> {
    let stat = std::fs::read_to_string("/proc/stat").context("cannot read /proc/stat")?;
    sum_of_ticks(stat.split_whitespace().skip(1).take(3)).context("cannot parse /proc/stat")
}

fn sum_of_ticks<'a>(fields: impl Iterator<Item = &'a str>) -> Result<Duration> {
    let ticks = fields.map(str::parse::<u64>).sum::<Result<u64, _>>()?;
    let per_second = u32::try_from(rustix::param::clock_ticks_per_second())?;
    Ok(Duration::from_secs(ticks) / per_second)
}

/// Returns a loopback address that is free now, for programs that cannot choose one themselves.
pub(crate) fn free_address() -> Result<SocketAddr> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?)
}

/// Returns the output of a program, which must succeed.
pub(crate) fn output(program: &str, arguments: &[&str]) -> Result<String> {
    let output = Command::new(program)
        .args(arguments)
        .output()
        .with_context(|| format!("cannot run {program}"))?;
    ensure!(
        output.status.success(),
        "{program} {} failed:\n{}",
        arguments.join(" "),
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
