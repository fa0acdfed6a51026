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
pub(crate) enum Side {
    /// `bare_seeder.cpp`, with the settings that the wrapper uses.
    Bare { program: PathBuf, settings: Vec<(String, String)> },
    /// `torrent-patron seed`.
    Wrapper { program: PathBuf, preset: String },
}

impl Side {
    /// Builds the bare seeder.
    pub(crate) fn bare(directory: &Path, settings: Vec<(String, String)>) -> Result<Self> {
        let source = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/seeding/bare_seeder.cpp");
        let flags = output("pkg-config", &["--cflags", "--libs", "libtorrent-rasterbar"])?;
        let compiler = std::env::var("CXX").unwrap_or_else(|_| "c++".into());
        let program = directory.join("bare_seeder");
        let target = program.to_str().context("a directory that is not UTF-8")?;
        let mut arguments = vec!["-O2", "-std=c++17", source, "-o", target];
        arguments.extend(flags.split_whitespace());
        output(&compiler, &arguments)?;
        Ok(Self::Bare { program, settings })
    }

    pub(crate) fn name(&self) -> &'static str {
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
            Self::Wrapper { program, preset } => {
                let mut command = Command::new(program);
                command.arg("seed").arg(&data.torrent_file).arg(&data.directory);
                command.args(["--trust", "--offline", "--json", "--listen", "127.0.0.1:0"]);
                command.args(["--preset", preset]);
                command
            }
        }
    }
}

/// A seeder that runs. Dropped, it is killed.
pub(crate) struct Seeder {
    name: &'static str,
    child: Child,
    /// Where its stderr goes.
    log: PathBuf,
    pub(crate) address: SocketAddr,
}

impl Seeder {
    /// Starts a seeder, and waits until it listens.
    pub(crate) fn start(side: &Side, data: &Data, log: &Path) -> Result<Self> {
        let mut command = side.command(data);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(File::create(log)?);
        let child = command.spawn().with_context(|| format!("cannot start {command:?}"))?;
        let unknown = SocketAddr::from(([127, 0, 0, 1], 0));
        let mut seeder = Self { name: side.name(), child, log: log.into(), address: unknown };
        seeder.address = seeder.wait_until_listening().with_context(|| seeder.describe())?;
        Ok(seeder)
    }

    /// Its name, and what it said on stderr: for errors.
    pub(crate) fn describe(&self) -> String {
        match std::fs::read_to_string(&self.log) {
            Ok(said) if !said.is_empty() => {
                format!("{}, which says:\n{}", self.name, said.trim_end())
            }
            _ => self.name.to_owned(),
        }
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
    pub(crate) fn cpu(&self) -> Result<Duration> {
        cpu_of_process(self.child.id())
    }

    /// Ends it as SIGTERM does, and holds it to a clean end.
    pub(crate) fn stop(mut self) -> Result<()> {
        self.terminate().with_context(|| self.describe())
    }

    fn terminate(&mut self) -> Result<()> {
        let pid = Pid::from_child(&self.child);
        let ended = pidfd_open(pid, PidfdFlags::empty()).context("cannot watch its end")?;
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

/// User and system time of a process so far: the 14th and 15th field of its `stat`. The second, the
/// name of the program, may contain spaces.
pub(crate) fn cpu_of_process(pid: u32) -> Result<Duration> {
    let path = format!("/proc/{pid}/stat");
    let stat = std::fs::read_to_string(&path).with_context(|| format!("cannot read {path}"))?;
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    sum_of_ticks(after_name.split_whitespace().skip(11).take(2))
        .with_context(|| format!("cannot parse {path}"))
}

/// User, nice and system time of the whole machine so far.
pub(crate) fn cpu_of_all() -> Result<Duration> {
    let stat = std::fs::read_to_string("/proc/stat").context("cannot read /proc/stat")?;
    sum_of_ticks(stat.split_whitespace().skip(1).take(3)).context("cannot parse /proc/stat")
}

fn sum_of_ticks<'a>(fields: impl Iterator<Item = &'a str>) -> Result<Duration> {
    let ticks = fields.map(str::parse::<u64>).sum::<Result<u64, _>>()?;
    let per_second = u32::try_from(rustix::param::clock_ticks_per_second())?;
    Ok(Duration::from_secs(ticks) / per_second)
}

/// What a program prints, which must succeed.
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
