//! `torrent-patron stream`: serves a file to a player while it downloads.

mod range;
mod server;

use std::cell::{Cell, RefCell};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;
use std::process::{Child, Command, ExitStatus};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use crossbeam_channel::{Receiver, bounded, never, select};
use parking_lot::Mutex;
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process, waitid};
use torrent_patron::error::ErrorKind;
use torrent_patron::event::Explainer;
use torrent_patron::file::{FileStatus, Priority};
use torrent_patron::metainfo::Metainfo;
use torrent_patron::patron::Reply;
use torrent_patron::{AddOptions, Client, Event, Patron, Source, TorrentId};

use self::server::Site;
use crate::arguments::{Stream, source};
use crate::blocklist;
use crate::http::Server;
use crate::interrupt::Interrupt;
use crate::output::{self, STATUS_LINES, Screen, Throttle};
use crate::transfer::{allowed_peers, is_same};
use crate::{Outcome, Result, SHUTDOWN};

pub(crate) fn run(arguments: &Stream) -> Result<Outcome> {
    let blocked = blocklist::read(arguments.common.blocklist.as_ref())?;
    let interrupt = Interrupt::catch()?;
    let client = arguments.common.client(1)?.ip_filter(blocked.filter.clone()).start()?;
    let streaming = Streaming {
        patron: client.patron(),
        interrupt,
        screen: Screen::new(arguments.common.quiet || arguments.common.json),
        json: arguments.common.json,
        lines: RefCell::new((Explainer::new(), Throttle::new(STATUS_LINES))),
        store_failed: Cell::new(false),
    };
    blocklist::warn_of_skipped(&blocked, &streaming.screen);
    let ran = streaming.run(arguments);
    let store_failed = streaming.store_failed.get();
    streaming.shut_down(client, arguments.common.quiet);
    Ok(match ran? {
        // Interrupted before anything was served.
        None => Outcome::Interrupted,
        Some(Outcome::Done) if store_failed => Outcome::Failed,
        Some(outcome) => outcome,
    })
}

struct Streaming {
    patron: Patron,
    interrupt: Interrupt,
    screen: Screen,
    json: bool,
    /// What explains events, and how often a status is shown.
    lines: RefCell<(Explainer, Throttle)>,
    store_failed: Cell<bool>,
}

impl Streaming {
    /// Returns `None` if interrupted before there was anything to serve.
    fn run(&self, arguments: &Stream) -> Result<Option<Outcome>> {
        let peers = allowed_peers(&arguments.common, &arguments.peer, &self.screen);
        let mut options =
            AddOptions::default().save_dir(&arguments.output).add_peers(peers.iter().copied());
        let source = source(&arguments.source);
        let mut first = 0;
        // An invalid file is an error of `add_torrent`.
        if let Source::File(path) = &source
            && let Ok(metainfo) = Metainfo::read(path)
        {
            let files = metainfo.files.iter().map(|file| (file.size, file.pad));
            first = choose(files, arguments.index)?;
            options = options.file_priorities(only(first, metainfo.files.len()));
        }
        let adding = self.patron.add_torrent(source, options);
        let Some(added) = self.wait(adding)? else { return Ok(None) };
        let torrent = added.id();
        let is_known = !added.is_new();
        if is_known && self.continue_torrent(torrent, &arguments.output, &peers)?.is_none() {
            return Ok(None);
        }
        // The reply comes when the metadata has arrived and the files have been checked.
        let opening = self.patron.reader(torrent, first as u32);
        let Some(_) = self.wait(opening)? else { return Ok(None) };
        let Some(files) = self.wait(self.patron.files(torrent))? else { return Ok(None) };
        let index = choose(files.iter().map(|file| (file.size, file.pad)), arguments.index)?;
        // An earlier run may have selected some.
        let wanted = only(index, files.len());
        if !is_known && self.wait(self.patron.set_file_priorities(torrent, wanted))?.is_none() {
            return Ok(None);
        }
        let (server, url) = self.serve(torrent, files, index, arguments)?;
        if self.json {
            output::object(&serde_json::json!({ "event": "serving", "url": url }));
        } else {
            self.screen.result(&url);
        }
        output::flush();
        let outcome = self.play(arguments.play.as_deref(), &url);
        drop(server);
        outcome.map(Some)
    }

    /// A torrent that an earlier run has kept in the store. It stays where its files are.
    fn continue_torrent(
        &self,
        torrent: TorrentId,
        output: &Path,
        peers: &[SocketAddr],
    ) -> Result<Option<()>> {
        let Some(()) = self.wait(self.patron.watch(torrent))? else { return Ok(None) };
        let Some(options) = self.wait(self.patron.options(torrent))? else { return Ok(None) };
        if !is_same(output, &options.save_dir) {
            let save_dir = options.save_dir.display();
            self.screen.warn(format_args!(
                "warning: the torrent is already in the store; its files stay in {save_dir}"
            ));
        }
        for peer in peers {
            let connecting = self.patron.connect_peer(torrent, *peer);
            let Some(()) = self.wait(connecting)? else { return Ok(None) };
        }
        self.wait(self.patron.resume(torrent))
    }

    fn serve(
        &self,
        torrent: TorrentId,
        files: Vec<FileStatus>,
        index: usize,
        arguments: &Stream,
    ) -> Result<(Server, String)> {
        let status = self.patron.status(torrent).ok_or("the torrent is gone")?;
        let hashes = status.info_hashes;
        let hash = hashes.v2.map(|v2| v2.to_string()).or(hashes.v1.map(|v1| v1.to_string()));
        let site = Site {
            patron: self.patron.clone(),
            torrent,
            name: status.name.to_string(),
            hash: hash.unwrap_or_default(),
            files,
        };
        let path = site.path(index);
        let server = site
            .serve(arguments.http)
            .map_err(|error| format!("cannot serve at {}: {error}", arguments.http))?;
        let url = format!("http://{}{path}", reachable(server.address()));
        Ok((server, url))
    }

    /// Waits until the player exits, or until interrupted.
    fn play(&self, command: Option<&str>, url: &str) -> Result<Outcome> {
        let player = command.map(|command| Player::start(command, url)).transpose()?;
        let ended = player.as_ref().map_or_else(never, |player| player.ended.clone());
        let ready = self.patron.ready_channel();
        loop {
            while let Some(event) = self.next_event() {
                if let Event::ClientStopped { error: Some(error) } = &event {
                    return Err(error.clone().into());
                }
                self.show(&event);
            }
            select! {
                recv(self.interrupt.signal()) -> _ => return Ok(Outcome::Done),
                recv(ready) -> _ => {}
                recv(ended) -> status => return Ok(match status {
                    Ok(Ok(status)) if status.success() => Outcome::Done,
                    Ok(Ok(status)) => {
                        self.screen.warn(format_args!("error: the player failed ({status})"));
                        Outcome::Failed
                    }
                    _ => Outcome::Failed,
                }),
            }
        }
    }

    /// Returns the answer, or `None` if interrupted.
    fn wait<T>(&self, reply: Reply<T>) -> Result<Option<T>> {
        self.patron.notify(&reply, 0);
        let ready = self.patron.ready_channel();
        loop {
            while let Some(event) = self.next_event() {
                self.show(&event);
            }
            if let Some(answer) = reply.wait_timeout(Duration::ZERO) {
                return Ok(Some(answer?));
            }
            select! {
                recv(self.interrupt.signal()) -> _ => return Ok(None),
                recv(ready) -> _ => {}
            }
        }
    }

    fn show(&self, event: &Event) {
        let (explainer, lines) = &mut *self.lines.borrow_mut();
        match event {
            event if self.warn_of(event) => {}
            Event::Status(_) if !lines.allows() => {}
            event => {
                if let Some(line) = explainer.explain(event) {
                    self.screen.line(line);
                }
            }
        }
    }

    /// Shows an event that is a warning or an error, even if quiet. Returns whether it is one.
    fn warn_of(&self, event: &Event) -> bool {
        match event {
            Event::StoreFailed { .. } => {
                self.store_failed.set(true);
                self.screen.warn(format_args!("error: {event}"));
            }
            Event::RestoreFailed { .. } => self.screen.warn(format_args!("error: {event}")),
            // A peer sent the metadata of another torrent. Other peers are asked.
            Event::Error { error, .. } if error.kind() == ErrorKind::NoMetadata => {
                self.screen.warn(format_args!("warning: {error}"));
            }
            Event::Error { error, .. } => self.screen.warn(format_args!("error: {error}")),
            Event::ListenFailed { error, .. } => {
                self.screen.warn(format_args!("warning: {error}"));
            }
            Event::DescriptorLimit { .. }
            | Event::SessionError { .. }
            | Event::StateRestoreFailed { .. } => {
                self.screen.warn(format_args!("warning: {event}"));
            }
            _ => return false,
        }
        true
    }

    /// Takes an event from the mailbox, except those that only end a wait for a reply.
    fn next_event(&self) -> Option<Event> {
        let is_reply = |event: &Event| matches!(event, Event::Reply { .. });
        let event = std::iter::from_fn(|| self.patron.try_recv()).find(|event| !is_reply(event))?;
        if self.json {
            output::event(&event);
        }
        Some(event)
    }

    fn shut_down(self, client: Client, quiet: bool) {
        self.screen.close(self.interrupt.is_interrupted());
        let report = client.shutdown(SHUTDOWN).wait();
        if !quiet {
            self.screen.warn(report);
        }
    }
}

/// Returns an address of this machine at which the server can be reached.
fn reachable(mut server: SocketAddr) -> SocketAddr {
    match server.ip() {
        IpAddr::V4(Ipv4Addr::UNSPECIFIED) => server.set_ip(Ipv4Addr::LOCALHOST.into()),
        IpAddr::V6(Ipv6Addr::UNSPECIFIED) => server.set_ip(Ipv6Addr::LOCALHOST.into()),
        _ => {}
    }
    server
}

/// Returns the priorities of the files: those that are not played are downloaded when somebody reads them.
fn only(index: usize, count: usize) -> Vec<Priority> {
    (0..count).map(|file| if file == index { Priority::DEFAULT } else { Priority::SKIP }).collect()
}

/// Returns the file to play: the largest unless one was chosen. Of each file it has the size, and whether it is a
/// pad file.
fn choose(files: impl Iterator<Item = (u64, bool)>, index: Option<u32>) -> Result<usize> {
    let there = files.enumerate().filter(|(_, (_, pad))| !pad);
    match index {
        None => {
            let largest = there.max_by_key(|(_, (size, _))| *size).map(|(index, _)| index);
            Ok(largest.ok_or("the torrent has no files")?)
        }
        Some(index) => {
            let found = there.map(|(file, _)| file).find(|file| *file == index as usize);
            Ok(found.ok_or_else(|| format!("the torrent has no file {index}"))?)
        }
    }
}

/// A shell command. It receives the same Ctrl-C as this program, and is terminated when this program ends.
struct Player {
    child: Arc<Mutex<Child>>,
    ended: Receiver<std::io::Result<ExitStatus>>,
}

impl Player {
    fn start(command: &str, url: &str) -> Result<Self> {
        let failed = |error| format!("cannot run {command:?}: {error}");
        let script = format!("{command} \"$1\"");
        let child = Command::new("sh").args(["-c", &script, "sh", url]).spawn().map_err(failed)?;
        let id = Pid::from_child(&child);
        let child = Arc::new(Mutex::new(child));
        let (sender, ended) = bounded(1);
        let player = Self { child: child.clone(), ended };
        thread::Builder::new()
            .name("player".into())
            .spawn(move || {
                // The number stays that of the player until the lock is held.
                let _ = waitid(WaitId::Pid(id), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT);
                let _ = sender.send(child.lock().wait());
            })
            .map_err(failed)?;
        Ok(player)
    }
}

impl Drop for Player {
    fn drop(&mut self) {
        let mut child = self.child.lock();
        if let Ok(None) = child.try_wait() {
            let _ = kill_process(Pid::from_child(&child), Signal::TERM);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_at_all_addresses_is_reached_at_this_machine() {
        for (server, url) in [
            ("0.0.0.0:80", "127.0.0.1:80"),
            ("[::]:8080", "[::1]:8080"),
            ("192.0.2.1:80", "192.0.2.1:80"),
        ] {
            assert_eq!(reachable(server.parse().unwrap()), url.parse().unwrap());
        }
    }
}
