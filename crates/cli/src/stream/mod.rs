//! `torrent-patron stream`: serves a file to a player while it downloads.

mod range;
mod server;

use std::cell::Cell;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, ExitStatus};
use std::thread;
use std::time::Duration;

use crossbeam_channel::{Receiver, bounded, never, select};
use torrent_patron::error::ErrorKind;
use torrent_patron::event::Explainer;
use torrent_patron::file::{FileStatus, Priority};
use torrent_patron::patron::Reply;
use torrent_patron::{AddOptions, Client, Event, Patron, TorrentId};

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
    store_failed: Cell<bool>,
}

impl Streaming {
    /// Returns `None` if interrupted before there was anything to serve.
    fn run(&self, arguments: &Stream) -> Result<Option<Outcome>> {
        let peers = allowed_peers(&arguments.common, &arguments.peer, &self.screen);
        let options =
            AddOptions::default().save_dir(&arguments.output).add_peers(peers.iter().copied());
        let adding = self.patron.add_torrent(source(&arguments.source), options);
        let Some(added) = self.wait(adding)? else { return Ok(None) };
        let torrent = added.id();
        let is_known = !added.is_new();
        if is_known && self.continue_torrent(torrent, &arguments.output, &peers)?.is_none() {
            return Ok(None);
        }
        // The reply comes when the metadata has arrived and the files have been checked.
        let Some(_) = self.wait(self.patron.reader(torrent, 0))? else { return Ok(None) };
        let Some(files) = self.wait(self.patron.files(torrent))? else { return Ok(None) };
        let index = choose(&files, arguments.index)?;
        // Other files are downloaded when somebody reads them. An earlier run may have selected some.
        let wanted: Vec<_> = (0..files.len())
            .map(|file| if file == index { Priority::DEFAULT } else { Priority::SKIP })
            .collect();
        if !is_known && self.wait(self.patron.set_file_priorities(torrent, wanted))?.is_none() {
            return Ok(None);
        }
        let (server, url) = self.serve(torrent, files, index, arguments)?;
        if self.json {
            output::object(&serde_json::json!({ "event": "serving", "url": url }));
        } else {
            self.screen.result(&url);
        }
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
        let Some(()) = self.wait(self.patron.resume(torrent))? else { return Ok(None) };
        // The client knows that it is resumed before it is asked for a reader.
        let resumed = self.wait(self.patron.fresh_status(torrent))?;
        Ok(resumed.map(drop))
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
        let url = format!("http://{}{path}", server.address());
        Ok((server, url))
    }

    /// Waits until the player exits, or until interrupted.
    fn play(&self, command: Option<&str>, url: &str) -> Result<Outcome> {
        let player = command.map(|command| Player::start(command, url)).transpose()?;
        let ended = player.as_ref().map_or_else(never, |player| player.ended.clone());
        let ready = self.patron.ready_channel();
        let (mut explainer, mut lines) = (Explainer::new(), Throttle::new(STATUS_LINES));
        loop {
            while let Some(event) = self.next_event() {
                match &event {
                    Event::ClientStopped { error: Some(error) } => {
                        return Err(error.clone().into());
                    }
                    event if self.warn_of(event) => {}
                    Event::Status(_) if !lines.allows() => {}
                    event => {
                        if let Some(line) = explainer.explain(event) {
                            self.screen.line(line);
                        }
                    }
                }
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
                self.warn_of(&event);
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
            Event::DescriptorLimit { .. } | Event::SessionError { .. } => {
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

/// Returns the file to play: the largest unless one was chosen.
fn choose(files: &[FileStatus], index: Option<u32>) -> Result<usize> {
    let real_files = || files.iter().enumerate().filter(|(_, file)| !file.pad);
    match index {
        None => {
            let largest = real_files().max_by_key(|(_, file)| file.size).map(|(index, _)| index);
            Ok(largest.ok_or("the torrent has no files")?)
        }
        Some(index) => {
            let found = real_files().map(|(file, _)| file).find(|file| *file == index as usize);
            Ok(found.ok_or_else(|| format!("the torrent has no file {index}"))?)
        }
    }
}

/// A shell command. It receives the same Ctrl-C as this program.
struct Player {
    ended: Receiver<std::io::Result<ExitStatus>>,
}

impl Player {
    fn start(command: &str, url: &str) -> Result<Self> {
        let failed = |error| format!("cannot run {command:?}: {error}");
        let script = format!("{command} \"$1\"");
        let mut child: Child =
            Command::new("sh").args(["-c", &script, "sh", url]).spawn().map_err(failed)?;
        let (sender, ended) = bounded(1);
        thread::Builder::new()
            .name("player".into())
            .spawn(move || {
                let _ = sender.send(child.wait());
            })
            .map_err(failed)?;
        Ok(Self { ended })
    }
}
