//! Programs of other projects: finds, starts, awaits and stops them.

use std::env;
use std::ffi::OsString;
use std::fmt::Display;
use std::fs::File;
use std::net::{Ipv4Addr, TcpListener, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};

use rustix::process::{Pid, Signal};

use crate::support::poll;

/// A program that a test needs, and the Debian package that contains it.
pub(crate) struct Program {
    pub(crate) command: &'static str,
    pub(crate) package: &'static str,
}

impl Program {
    pub(crate) fn is_installed(&self) -> bool {
        env::split_paths(&path()).any(|directory| directory.join(self.command).is_file())
    }

    /// The program, isolated from this process: without its environment, including proxies and
    /// configuration, and without its open files.
    pub(crate) fn command(&self, home: &Path) -> Command {
        let mut command = Command::new("bash");
        command.args(["-c", WITHOUT_OPEN_FILES, self.command]);
        command.env_clear().env("HOME", home).env("LC_ALL", "C.UTF-8");
        command.env("PATH", path());
        command
    }
}

/// Includes the directories that only root has in PATH: nginx is there.
fn path() -> OsString {
    let mut path = env::var_os("PATH").unwrap_or_default();
    path.push(":/usr/sbin:/sbin");
    path
}

/// libtorrent does not mark its sockets and files as close-on-exec. A program that inherits them
/// keeps ports and connections open, and high descriptor numbers can make opentracker loop forever.
pub(crate) const WITHOUT_OPEN_FILES: &str = r#"
    for fd in /dev/fd/*; do
        fd=${fd##*/}
        if [ "$fd" -gt 2 ]; then eval "exec $fd>&-"; fi
    done
    exec "$0" "$@"
"#;

/// A running program; dropping this kills it. The end of its output is shown if the test fails.
pub(crate) struct Running {
    child: Child,
    log: PathBuf,
}

impl Running {
    pub(crate) fn start(command: &mut Command, log: PathBuf) -> Self {
        let output = File::create(&log).unwrap();
        let child = command
            .stdin(Stdio::null())
            .stdout(output.try_clone().unwrap())
            .stderr(output)
            .spawn()
            .unwrap_or_else(|error| panic!("cannot start {command:?}: {error}"));
        Self { child, log }
    }

    /// Waits until the program has ended successfully.
    pub(crate) fn wait(&mut self) {
        let status = poll("end of the program", || self.child.try_wait().unwrap().ok_or("it runs"));
        assert!(status.success(), "the program ended with {status}");
    }

    /// Sends SIGINT, as Ctrl-C does.
    #[allow(dead_code)] // the tests of the C ABI use it
    pub(crate) fn interrupt(&self) {
        rustix::process::kill_process(Pid::from_child(&self.child), Signal::INT).unwrap();
    }

    /// Waits for something that can happen only while the program runs.
    pub(crate) fn wait_for<T, E: Display>(
        &mut self,
        what: &str,
        look: impl FnMut() -> Result<T, E>,
    ) -> T {
        self.watch(what, look).unwrap_or_else(|| panic!("no {what}: the program has ended"))
    }

    /// Like `wait_for`, but `None` if the program ends first, and successfully.
    pub(crate) fn watch<T, E: Display>(
        &mut self,
        what: &str,
        mut look: impl FnMut() -> Result<T, E>,
    ) -> Option<T> {
        poll(what, || {
            // In this order: what a program has done is visible when it ends.
            let ended = self.child.try_wait().unwrap();
            match (look(), ended) {
                (Ok(found), _) => Ok(Some(found)),
                (Err(reason), None) => Err(reason),
                (Err(_), Some(status)) if status.success() => Ok(None),
                (Err(reason), Some(status)) => panic!("no {what}: {status}, {reason}"),
            }
        })
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("{}", tail(&self.log));
        }
    }
}

fn tail(log: &Path) -> String {
    const LINES: usize = 40;
    let text = String::from_utf8_lossy(&std::fs::read(log).unwrap_or_default()).into_owned();
    // Progress lines end in a carriage return.
    let lines: Vec<_> = text.split(['\r', '\n']).filter(|line| !line.trim().is_empty()).collect();
    let end = lines[lines.len().saturating_sub(LINES)..].join("\n");
    format!("--- the end of {} ---\n{end}\n---", log.display())
}

/// A free port of 127.0.0.1, for TCP and UDP. It is below the range that systems assign themselves,
/// so that no connection takes it before the program does. No port is returned twice: two
/// opentrackers would silently share it (`SO_REUSEPORT`).
pub(crate) fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    loop {
        // Each process has a hundred ports to itself.
        let first = 10_000 + (std::process::id() % 200) as u16 * 100;
        let port = first + NEXT.fetch_add(1, Ordering::Relaxed) % 100;
        let address = (Ipv4Addr::LOCALHOST, port);
        if TcpListener::bind(address).is_ok() && UdpSocket::bind(address).is_ok() {
            return port;
        }
    }
}
