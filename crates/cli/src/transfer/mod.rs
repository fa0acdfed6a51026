//! `torrent-patron download` and `torrent-patron seed`: a client, its only patron, and the display of events.

mod events;
mod restored;

use std::collections::{BTreeMap, HashSet};
use std::fmt::Display;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use crossbeam_channel::{Select, never};
use torrent_patron::error::ErrorKind;
use torrent_patron::event::Explainer;
use torrent_patron::file::{ExistingFiles, FileStatus, Priority};
use torrent_patron::patron::{Command, Reply};
use torrent_patron::settings::SettingValue;
use torrent_patron::torrent::{Goals, InfoHashes, TorrentFlag};
use torrent_patron::{AddOptions, Client, ClientBuilder, Error, Event, Patron, Source, TorrentId};

pub(crate) use self::restored::is_same;
use crate::arguments::{Common, Download, Seed, source};
use crate::blocklist;
use crate::interrupt::Interrupt;
#[cfg(feature = "metrics")]
use crate::metrics::Exporter;
use crate::output::{self, Bar, STATUS_LINES, Screen, Throttle};
use crate::selection::{self, Selection};
use crate::sources::{self, Addition, Additions, Refusal, Request};
use crate::{Outcome, Result, SHUTDOWN};

pub(crate) fn download(arguments: &Download) -> Result<Outcome> {
    arguments.check();
    // Without one there are no torrents but those of the store.
    let output = arguments.output.clone().unwrap_or_default();
    let mut options = AddOptions::default()
        .save_dir(&output)
        .verify_finished(!arguments.no_verify)
        .goals(arguments.goals.goals());
    if arguments.overwrite {
        options = options.existing_files(ExistingFiles::Overwrite);
    }
    if arguments.sequential {
        options = options.add_flags([TorrentFlag::Sequential]);
    }
    let client = arguments.common.client(arguments.sources.len())?;
    let mut transfer = Transfer::begin(client, &arguments.common, Mode::Download)?;
    transfer.peers = allowed_peers(&arguments.common, &arguments.peer, &transfer.screen);
    let options = options.add_peers(transfer.peers.iter().copied());
    let requests = arguments.sources.iter().map(|path| Request {
        source: source(path),
        save_dir: output.clone(),
        options: options.clone(),
    });
    transfer.select.clone_from(&arguments.select);
    transfer.options = Some(options.clone());
    transfer.goals = arguments.goals.chosen();
    let is_done = if arguments.seed { Transfer::is_done_seeding } else { Transfer::is_done };
    transfer.adding += requests.len();
    let additions = sources::read(requests.collect(), arguments.select.clone())?;
    let interrupted = transfer.run(additions, is_done);
    let (complete, failed) = (transfer.is_complete(), transfer.has_failed());
    transfer.shut_down();
    Ok(match interrupted? {
        true if !complete => Outcome::Interrupted,
        _ if failed => Outcome::Failed,
        _ => Outcome::Done,
    })
}

/// Returns the peers that the client may connect to, and warns of the others.
pub(crate) fn allowed_peers(
    common: &Common,
    peers: &[SocketAddr],
    screen: &Screen,
) -> Vec<SocketAddr> {
    let (allowed, refused): (Vec<_>, Vec<_>) = peers.iter().partition(|peer| common.allows(peer));
    for peer in refused {
        screen.warn(format_args!(
            "warning: {peer} is not on this machine; --offline only allows connections to this machine"
        ));
    }
    allowed
}

pub(crate) fn seed(arguments: &Seed) -> Result<Outcome> {
    let pairs = arguments.pairs();
    if let Some((_, missing)) = pairs.iter().find(|(_, directory)| !directory.is_dir()) {
        return Err(format!("{} is not a directory", missing.display()).into());
    }
    let mut options = AddOptions::default()
        .trust(arguments.trust)
        // Data that differs from the torrent must not be changed.
        .add_flags([TorrentFlag::UploadMode])
        .goals(arguments.goals.goals());
    options.replicas = arguments.replicas;
    let requests = pairs.iter().map(|(torrent, directory)| Request {
        source: Source::File(torrent.to_path_buf()),
        save_dir: directory.to_path_buf(),
        options: options.clone().save_dir(*directory),
    });
    let replicas = arguments.replicas.map_or(1, usize::from);
    let client = arguments.common.client(requests.len().max(replicas))?;
    let mut transfer = Transfer::begin(client, &arguments.common, Mode::Seed)?;
    transfer.goals = arguments.goals.chosen();
    #[cfg(feature = "metrics")]
    let exporter = transfer.export(arguments.metrics)?;
    transfer.adding += requests.len();
    let additions = sources::read(requests.collect(), Vec::new())?;
    let ran = transfer.run(additions, Transfer::is_done_seeding);
    #[cfg(feature = "metrics")]
    drop(exporter);
    let outcome = if transfer.has_failed() { Outcome::Failed } else { Outcome::Done };
    transfer.shut_down();
    ran.map(|_| outcome)
}

#[derive(Clone, Copy, PartialEq)]
enum Mode {
    Download,
    Seed,
}

#[derive(Clone, Copy, PartialEq)]
enum Phase {
    Running,
    Complete,
    GoalReached,
    Failed,
}

struct Torrent {
    name: Arc<str>,
    save_dir: PathBuf,
    phase: Phase,
    /// Whether an earlier run paused it. It stays paused unless it is named.
    reached_goal: bool,
    warned_incomplete: bool,
    status_lines: Throttle,
    bar: Bar,
}

struct Transfer {
    mode: Mode,
    json: bool,
    quiet: bool,
    client: Client,
    patron: Patron,
    has_store: bool,
    /// Whether torrents of the store are still being restored.
    restoring: bool,
    interrupt: Interrupt,
    screen: Screen,
    explainer: Explainer,
    select: Vec<Selection>,
    /// The options for torrents of a download.
    options: Option<AddOptions>,
    /// The goals for torrents that are already in the store, if any were set.
    goals: Option<Goals>,
    /// The peers for torrents that are already in the store.
    peers: Vec<SocketAddr>,
    listening: HashSet<SocketAddr>,
    /// In the order in which they were added.
    torrents: BTreeMap<TorrentId, Torrent>,
    /// The number of torrents that have not been added yet.
    adding: usize,
    /// Torrents of the store that are not to be downloaded.
    upload_mode_replies: Vec<(TorrentId, Reply<()>)>,
    /// Torrents of the store that could not be restored, and were not added again.
    not_restored: Vec<InfoHashes>,
    failed: bool,
}

impl Transfer {
    /// Starts the client and shows where it listens, before anything else is shown.
    fn begin(client: ClientBuilder, common: &Common, mode: Mode) -> Result<Self> {
        let blocked = blocklist::read(common.blocklist.as_ref())?;
        let interrupt = Interrupt::catch()?;
        let settings = client.effective_settings()?;
        let client = client.ip_filter(blocked.filter.clone()).start()?;
        let patron = client.patron();
        if common.has_store() {
            patron.watch_all().wait()?;
        }
        let screen = Screen::new(common.quiet || common.json);
        blocklist::warn_of_skipped(&blocked, &screen);
        let mut transfer = Self {
            mode,
            json: common.json,
            quiet: common.quiet,
            client,
            patron,
            has_store: common.has_store(),
            restoring: common.has_store(),
            interrupt,
            screen,
            explainer: Explainer::new(),
            select: Vec::new(),
            options: None,
            goals: None,
            peers: Vec::new(),
            listening: HashSet::new(),
            torrents: BTreeMap::new(),
            adding: usize::from(common.has_store()),
            upload_mode_replies: Vec::new(),
            not_restored: Vec::new(),
            failed: false,
        };
        match transfer.patron.listen_addresses().wait() {
            Ok(addresses) if addresses.is_empty() && common.listens() => {
                return Err(no_listen_address(settings.get("listen_interfaces")).into());
            }
            Ok(addresses) => transfer.show_addresses(addresses)?,
            // A download can still connect to peers. Events report what is wrong.
            Err(_) if mode == Mode::Download => {}
            Err(error) => return Err(error.into()),
        }
        Ok(transfer)
    }

    fn show_addresses(&mut self, addresses: Vec<SocketAddr>) -> Result<()> {
        addresses.into_iter().try_for_each(|address| self.handle(&Event::Listening { address }))
    }

    /// Starts the endpoint for Prometheus, and shows its address.
    #[cfg(feature = "metrics")]
    fn export(&self, address: Option<SocketAddr>) -> Result<Option<Exporter>> {
        let Some(address) = address else { return Ok(None) };
        let exporter = Exporter::start(address, self.patron.another())?;
        let url = exporter.url();
        if self.json {
            output::object(&serde_json::json!({ "event": "metrics", "url": url }));
        } else {
            // With port 0, this is the only place that shows it.
            self.screen.warn(format_args!("metrics at {url}"));
        }
        Ok(Some(exporter))
    }

    /// Adds the torrents and handles events until `is_done`. Returns whether it was interrupted.
    fn run(&mut self, mut additions: Additions, is_done: impl Fn(&Self) -> bool) -> Result<bool> {
        let ready = self.patron.ready_channel();
        let mut closed_output = output::closed();
        loop {
            self.handle_all()?;
            if self.interrupt.is_interrupted() || is_done(self) {
                return Ok(self.interrupt.is_interrupted());
            }
            let mut select = Select::new();
            let addition = select.recv(&additions);
            let closed = select.recv(&closed_output);
            select.recv(self.interrupt.signal());
            select.recv(&ready);
            match select.ready() {
                operation if operation == addition => match additions.try_recv() {
                    Ok(Ok(addition)) => self.add(addition)?,
                    Ok(Err(refusal)) => self.refuse(refusal)?,
                    Err(error) if error.is_disconnected() => additions = never(),
                    Err(_) => {}
                },
                operation if operation == closed => closed_output = never(),
                _ => {}
            }
            // Consume the token; the events are handled next.
            let _ = ready.try_recv();
        }
    }

    fn add(&mut self, addition: Addition) -> Result<()> {
        let Addition { source, options, ignored } = addition;
        if let Some(ignored) = ignored {
            self.screen.warn(format_args!("warning: {ignored}"));
        }
        Ok(self.patron.send(Command::AddTorrent { source, options })?)
    }

    fn refuse(&mut self, refusal: Refusal) -> Result<()> {
        let source = refusal.source.display();
        match refusal.error.downcast() {
            Ok(error) => {
                let source = source.to_string().into();
                self.handle(&Event::AddFailed { source, error: *error })
            }
            Err(why) => {
                if self.json {
                    let error =
                        Error::new(ErrorKind::InvalidArgument, "add the torrent", why.to_string());
                    output::event(&Event::AddFailed { source: source.to_string().into(), error });
                }
                self.not_added(format_args!("{source}: {why}"));
                Ok(())
            }
        }
    }

    /// Records a torrent. A download does not report one that was already complete.
    fn record(&mut self, id: TorrentId, name: &Arc<str>, save_dir: PathBuf, was_complete: bool) {
        if self.restoring && self.mode == Mode::Seed {
            // Regardless of earlier runs, seeding must not change anything on disk.
            self.upload_mode_replies
                .push((id, self.patron.set_flag(id, TorrentFlag::UploadMode, true)));
        }
        let is_known = was_complete && self.mode == Mode::Download;
        let torrent = Torrent {
            name: name.clone(),
            save_dir,
            phase: if is_known { Phase::Complete } else { Phase::Running },
            reached_goal: false,
            warned_incomplete: false,
            status_lines: Throttle::new(STATUS_LINES),
            bar: self.screen.bar(name),
        };
        self.torrents.insert(id, torrent);
    }

    /// Stops a torrent after an error; the others continue, unless the client has stopped.
    fn check(&mut self, id: TorrentId, result: Result<()>) -> Result<()> {
        let Err(why) = result else { return Ok(()) };
        match why.downcast_ref::<Error>().map(Error::kind) {
            Some(ErrorKind::Stopped) => return Err(why),
            // Its own events report that it was removed.
            Some(ErrorKind::Gone | ErrorKind::NotFound) => {}
            _ => self.give_up(id, "continue the torrent", why),
        }
        Ok(())
    }

    fn not_added(&mut self, why: impl Display) {
        self.adding -= 1;
        self.failed = true;
        self.screen.warn(format_args!("error: {why}"));
    }

    /// Selects the files, which are known once a magnet link has its metadata.
    fn select_files(&mut self, id: TorrentId) {
        if !self.select.is_empty() {
            return self.choose_files(id, &self.select.clone());
        }
        // A magnet link may select files, too (BEP 53).
        let chosen = |file: &FileStatus| file.priority != Priority::SKIP && !file.pad;
        if self.patron.files(id).wait().is_ok_and(|files| !files.iter().any(chosen)) {
            self.give_up(
                id,
                "select the files",
                "the link selects none of the torrent's files".into(),
            );
        }
    }

    fn choose_files(&mut self, id: TorrentId, select: &[Selection]) {
        if let Err(why) = self.choose(id, select) {
            self.give_up(id, "select the files", why);
        }
    }

    fn give_up(&mut self, id: TorrentId, attempt: &'static str, why: Box<dyn std::error::Error>) {
        let Some(torrent) = self.torrents.get_mut(&id) else { return };
        torrent.phase = Phase::Failed;
        self.failed = true;
        let name = torrent.name.clone();
        self.screen.warn(format_args!("error: {name}: {why}"));
        if self.json {
            let invalid = |why| Error::new(ErrorKind::InvalidArgument, attempt, format!("{why}"));
            let error = why.downcast().map_or_else(invalid, |error| *error);
            output::event(&Event::Error { id, name, error });
        }
        // If the client has stopped, its own event reports that.
        let _ = self.patron.send(Command::Pause(id));
    }

    fn choose(&self, id: TorrentId, select: &[Selection]) -> Result<()> {
        let files = self.patron.files(id).wait()?;
        let files = files.iter().map(|file| (file.path.as_path(), file.pad));
        let wanted = selection::priorities(select, files)?;
        Ok(self.patron.set_file_priorities(id, wanted).wait()?)
    }

    /// Returns whether nothing is left to download.
    fn is_done(&self) -> bool {
        let running = |torrent: &Torrent| torrent.phase == Phase::Running;
        self.adding == 0 && !self.torrents.values().any(running)
    }

    /// Returns whether nothing is left to seed, or nobody reads the output. If stdout is closed, a download
    /// continues to its end, but seeding has no end.
    fn is_done_seeding(&self) -> bool {
        if output::is_closed() && (self.mode == Mode::Seed || self.is_done()) {
            return true;
        }
        let ended = |torrent: &Torrent| matches!(torrent.phase, Phase::Failed | Phase::GoalReached);
        self.adding == 0 && self.torrents.values().all(ended)
    }

    fn is_complete(&self) -> bool {
        let complete =
            |torrent: &Torrent| matches!(torrent.phase, Phase::Complete | Phase::GoalReached);
        self.adding == 0 && self.torrents.values().all(complete)
    }

    fn shut_down(self) {
        self.screen.close(self.interrupt.is_interrupted());
        let report = self.client.shutdown(SHUTDOWN).wait();
        while let Some(event) = self.patron.try_recv() {
            if self.json {
                output::event(&event);
            }
        }
        if !self.quiet {
            self.screen.warn(report);
        }
    }

    fn has_failed(&self) -> bool {
        self.failed || !self.not_restored.is_empty()
    }
}

fn no_listen_address(interfaces: Option<&SettingValue>) -> String {
    let interfaces = interfaces.map(ToString::to_string).unwrap_or_default();
    format!("cannot listen on {interfaces:?}: this machine has no such address or network device")
}
