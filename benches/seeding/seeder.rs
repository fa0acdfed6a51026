//! The processes that are measured: started, watched, and ended whatever happens.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Signal, kill_process, pidfd_open};

use crate::data::Data;

const START: Duration = Duration::from_secs(20);
const STOP: Timespec = Timespec { tv_sec: 10, tv_nsec: 0 };

/// One side of the comparison.
pub enum Side {
    /// `bare_seeder.cpp`, with the settings that the wrapper uses.
    Bare { program: PathBuf, settings: Vec<(String, String)> },
    /// `torrent-patron seed`.
    Wrapper { program: PathBuf },
}

impl Side {
    /// Builds the bare seeder.
    pub fn bare(directory: &Path, settings: Vec<(String, String)>) -> Result<Self> {
        let source = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/seeding/bare_seeder.cpp");
        let program = directory.join("bare_seeder");
        let flags = output(Command::new("pkg-config").args([
            "--cflags",
            "--libs",
            "libtorrent-rasterbar",
        ]))?;
        let compiler = std::env::var_os("CXX").unwrap_or_else(|| "c++".into());
        output(
            Command::new(compiler)
                .args(["-O2", "-std=c++17", source, "-o"])
                .arg(&program)
                .args(flags.split_whitespace()),
        )?;
        Ok(Self::Bare { program, settings })
    }

    pub fn name(&self) -> &'static str {
        match self {
            Self::Bare { .. } => "bare libtorrent",
            Self::Wrapper { .. } => "torrent-patron",
        }
    }

    fn command(&self, data: &Data) -> Command {
        match self {
            Self::Bare { program, settings } => {
                let mut command = Command::new(program);
                command.arg(&data.torrent_file).arg(&data.directory);
                command.args(settings.iter().map(|(name, value)| format!("{name}={value}")));
                command
            }
            Self::Wrapper { program } => {
                let mut command = Command::new(program);
                command.arg("seed").arg(&data.torrent_file).arg(&data.directory);
                command.args(["--trust", "--offline", "--json", "--listen", "127.0.0.1:0"]);
                command
            }
        }
    }
}

/// A seeder that runs. Dropped, it is killed.
pub struct Seeder {
    child: Child,
    pub address: SocketAddr,
}

impl Seeder {
    /// Starts a seeder, and waits until it listens. What it says on stderr goes to `log`.
    pub fn start(side: &Side, data: &Data, log: &Path) -> Result<Self> {
        let mut command = side.command(data);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(File::create(log)?);
        let child = command.spawn().with_context(|| format!("cannot start {command:?}"))?;
        let mut seeder = Self { child, address: ([127, 0, 0, 1], 0).into() };
        seeder.address = seeder.wait_until_listening()?;
        Ok(seeder)
    }

    fn wait_until_listening(&mut self) -> Result<SocketAddr> {
        match self.listening_lines()?.recv_timeout(START) {
            Ok(address) => {
                address.parse().with_context(|| format!("cannot parse the address {address}"))
            }
            Err(RecvTimeoutError::Timeout) => bail!("no listening event in {START:?}"),
            Err(RecvTimeoutError::Disconnected) => bail!("it ended before it listened"),
        }
    }

    /// Reads stdout to its end, lest the pipe fills up, and sends on the addresses that it brings.
    fn listening_lines(&mut self) -> Result<Receiver<String>> {
        let stdout = self.child.stdout.take().context("no stdout")?;
        let (sender, receiver) = channel();
        thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                if let Some(address) = listening_address(&line) {
                    let _ = sender.send(address.to_owned());
                }
            }
        });
        Ok(receiver)
    }

    /// User and system time so far.
    pub fn cpu(&self) -> Result<Duration> {
        let path = format!("/proc/{}/stat", self.child.id());
        let stat = std::fs::read_to_string(&path).with_context(|| format!("cannot read {path}"))?;
        let ticks = cpu_ticks(&stat).with_context(|| format!("cannot parse {path}"))?;
        Ok(Duration::from_secs(ticks) / rustix::param::clock_ticks_per_second() as u32)
    }

    /// Ends it as Ctrl-C would, and holds it to a clean end.
    pub fn stop(mut self) -> Result<()> {
        let pid = Pid::from_child(&self.child);
        let ended = pidfd_open(pid, PidfdFlags::empty()).context("pidfd_open")?;
        kill_process(pid, Signal::TERM).context("cannot send SIGTERM")?;
        let ready = poll(&mut [PollFd::new(&ended, PollFlags::IN)], Some(&STOP))?;
        ensure!(ready > 0, "it did not stop within {} s of SIGTERM", STOP.tv_sec);
        let status = self.child.wait()?;
        ensure!(status.success(), "it ended with {status}");
        Ok(())
    }
}

impl Drop for Seeder {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn listening_address(line: &str) -> Option<&str> {
    if !line.contains(r#""event":"listening""#) {
        return None;
    }
    let (_, rest) = line.split_once(r#""address":""#)?;
    rest.split('"').next()
}

/// utime and stime of `/proc/PID/stat`: the 14th and 15th field. The second, the name of the program,
/// may contain spaces.
fn cpu_ticks(stat: &str) -> Option<u64> {
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_whitespace().skip(11);
    Some(fields.next()?.parse::<u64>().ok()? + fields.next()?.parse::<u64>().ok()?)
}

/// What a command prints, which must succeed.
pub fn output(command: &mut Command) -> Result<String> {
    let output = command.output().with_context(|| format!("cannot run {command:?}"))?;
    ensure!(
        output.status.success(),
        "{command:?} failed:\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
