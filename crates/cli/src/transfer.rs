//! `torrent-patron download` and `torrent-patron seed`: a client, its only patron, and the display of events.

use std::collections::{BTreeMap, HashSet};
use std::fmt::Display;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use crossbeam_channel::{Select, never};
use torrent_patron::error::ErrorKind;
use torrent_patron::event::Explainer;
use torrent_patron::file::{ExistingFiles, FileStatus, OnConflict, Priority};
use torrent_patron::patron::{Command, RemoveFiles, Reply};
use torrent_patron::settings::SettingValue;
use torrent_patron::torrent::{Goals, InfoHashes, TorrentFlag, TorrentState, TorrentStatus};
use torrent_patron::{AddOptions, Client, ClientBuilder, Error, Event, Patron, Source, TorrentId};

use crate::arguments::{Common, Download, Seed, source};
use crate::blocklist;
use crate::interrupt::Interrupt;
#[cfg(feature = "metrics")]
use crate::metrics::Exporter;
use crate::output::{self, Bar, Screen, Throttle};
use crate::selection::{self, Selection};
use crate::sources::{self, Addition, Additions, Refusal, Request};
use crate::{Outcome, Result};

const SHUTDOWN: Duration = Duration::from_secs(10);

/// How often a line shows the status of a torrent if there are no bars.
const STATUS_LINES: Duration = Duration::from_secs(5);

pub(crate) fn download(arguments: &Download) -> Result<Outcome> {
    arguments.check();
    // Without one there are no torrents but those of the store.
    let output = arguments.output.clone().unwrap_or_default();
    let mut options = AddOptions::default()
        .save_dir(&output)
        .add_peers(arguments.peer.iter().copied())
        .verify_finished(!arguments.no_verify)
        .goals(arguments.goals.goals());
    if arguments.overwrite {
        options = options.existing_files(ExistingFiles::Overwrite);
    }
    if arguments.sequential {
        options = options.add_flags([TorrentFlag::Sequential]);
    }
    let requests = arguments.sources.iter().map(|path| Request {
        source: source(path),
        save_dir: output.clone(),
        options: options.clone(),
    });
    let client = arguments.common.client(requests.len())?;
    let mut transfer = Transfer::begin(client, &arguments.common, Aim::Download)?;
    transfer.select.clone_from(&arguments.select);
    transfer.options = Some(options.clone());
    transfer.goals = arguments.goals.chosen();
    transfer.peers.clone_from(&arguments.peer);
    let has_ended = if arguments.seed { Transfer::is_dead } else { Transfer::has_ended };
    transfer.adding += requests.len();
    for peer in &arguments.peer {
        if let Some(why) = arguments.common.refuses(peer) {
            transfer.screen.warn(format_args!("warning: {peer}: {why}"));
        }
    }
    let additions = sources::read(requests.collect(), arguments.select.clone())?;
    let interrupted = transfer.run(additions, has_ended);
    let (complete, failed) = (transfer.is_complete(), transfer.has_failed());
    transfer.end();
    Ok(match interrupted? {
        true if !complete => Outcome::Interrupted,
        _ if failed => Outcome::Failed,
        _ => Outcome::Done,
    })
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
    let mut transfer = Transfer::begin(client, &arguments.common, Aim::Seed)?;
    transfer.goals = arguments.goals.chosen();
    #[cfg(feature = "metrics")]
    let exporter = transfer.export(arguments.metrics)?;
    transfer.adding += requests.len();
    let additions = sources::read(requests.collect(), Vec::new())?;
    let ran = transfer.run(additions, Transfer::is_dead);
    #[cfg(feature = "metrics")]
    drop(exporter);
    let outcome = if transfer.has_failed() { Outcome::Failed } else { Outcome::Done };
    transfer.end();
    ran.map(|_| outcome)
}

#[derive(Clone, Copy, PartialEq)]
enum Aim {
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
    aim: Aim,
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
    flagged: Vec<(TorrentId, Reply<()>)>,
    /// Torrents of the store that could not be restored, and were not added again.
    lost: Vec<InfoHashes>,
    failed: bool,
}

impl Transfer {
    /// Starts the client and shows where it listens, before anything else is shown.
    fn begin(client: ClientBuilder, common: &Common, aim: Aim) -> Result<Self> {
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
            aim,
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
            flagged: Vec::new(),
            lost: Vec::new(),
            failed: false,
        };
        match transfer.patron.listen_addresses().wait() {
            Ok(addresses) if addresses.is_empty() && common.listens() => {
                return Err(listens_nowhere(settings.get("listen_interfaces")).into());
            }
            Ok(addresses) => transfer.say_where(addresses)?,
            // A download can still connect to peers. Events report what is wrong.
            Err(_) if aim == Aim::Download => {}
            Err(error) => return Err(error.into()),
        }
        Ok(transfer)
    }

    fn say_where(&mut self, addresses: Vec<SocketAddr>) -> Result<()> {
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

    /// Adds the torrents and handles events until `has_ended`. Returns whether it was interrupted.
    fn run(&mut self, mut additions: Additions, has_ended: impl Fn(&Self) -> bool) -> Result<bool> {
        let ready = self.patron.ready_channel();
        let mut unread = output::unread();
        loop {
            self.handle_all()?;
            if self.interrupt.came() || has_ended(self) {
                return Ok(self.interrupt.came());
            }
            let mut select = Select::new();
            let addition = select.recv(&additions);
            let closed = select.recv(&unread);
            select.recv(self.interrupt.signal());
            select.recv(&ready);
            match select.ready() {
                operation if operation == addition => match additions.try_recv() {
                    Ok(Ok(addition)) => self.add(addition)?,
                    Ok(Err(refusal)) => self.refuse(refusal)?,
                    Err(error) if error.is_disconnected() => additions = never(),
                    Err(_) => {}
                },
                operation if operation == closed => unread = never(),
                _ => {}
            }
            // Consume the token; the events are handled next.
            let _ = ready.try_recv();
        }
    }

    fn add(&mut self, addition: Addition) -> Result<()> {
        let Addition { source, options, left_out } = addition;
        if let Some(left_out) = left_out {
            self.screen.warn(format_args!("warning: {left_out}"));
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
    fn know(&mut self, id: TorrentId, name: &Arc<str>, save_dir: PathBuf, was_complete: bool) {
        if self.restoring && self.aim == Aim::Seed {
            // Whatever an earlier run wanted of it: seeding changes nothing on disk.
            self.flagged.push((id, self.patron.set_flag(id, TorrentFlag::UploadMode, true)));
        }
        let is_known = was_complete && self.aim == Aim::Download;
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

    /// Records the torrents that were restored before this program subscribed to their events.
    fn know_restored(&mut self) -> Result<()> {
        let unknown = |status: &TorrentStatus| !self.torrents.contains_key(&status.id);
        // All are asked for before the first answer is waited for.
        let asked: Vec<_> = self
            .patron
            .statuses()
            .into_iter()
            .filter(unknown)
            .map(|TorrentStatus { id, name, .. }| {
                (id, name, self.patron.options(id), self.patron.fresh_status(id))
            })
            .collect();
        for (id, name, options, status) in asked {
            if self.interrupt.came() {
                break;
            }
            let found = status.wait().and_then(|status| Ok((options.wait()?.save_dir, status)));
            let was_complete = matches!(&found, Ok((_, status)) if has_all_that_is_wanted(status));
            let (save_dir, found) = match found {
                Ok((save_dir, _)) => (save_dir, Ok(())),
                Err(error) => (PathBuf::new(), Err(error.into())),
            };
            self.know(id, &name, save_dir, was_complete);
            self.check(id, found)?;
        }
        for (id, flagged) in std::mem::take(&mut self.flagged) {
            self.check(id, flagged.wait().map_err(Into::into))?;
        }
        Ok(())
    }

    /// Continues a torrent that an earlier run has kept in the store. The options of this run override those
    /// of the earlier one.
    fn continue_torrent(&mut self, id: TorrentId) -> Result<()> {
        let Some(torrent) = self.torrents.get_mut(&id) else { return Ok(()) };
        if let Some(options) = self.options.clone()
            && let Some(save_dir) = &options.save_dir
            && !is_same(save_dir, &torrent.save_dir)
        {
            if self.patron.fresh_status(id).wait()?.has_metadata {
                return self.add_elsewhere(id, options);
            }
            // It has no files yet.
            torrent.save_dir = self.patron.move_storage(id, save_dir, OnConflict::Fail).wait()?;
        }
        torrent.phase = Phase::Running;
        torrent.reached_goal = false;
        let paused = self.patron.fresh_status(id).wait()?.paused;
        if self.aim == Aim::Download || paused {
            self.patron.send(Command::Resume(id))?;
        }
        if self.aim == Aim::Seed {
            // Resuming a torrent turns this off. The data on disk must not be changed.
            self.patron.set_flag(id, TorrentFlag::UploadMode, true).wait()?;
        }
        if let Some(goals) = self.goals {
            self.patron.set_goals(id, goals).wait()?;
        }
        let status = self.patron.status(id);
        if self.aim == Aim::Download && status.is_some_and(|status| status.has_metadata) {
            // Without a selection all files are wanted, whatever an earlier run selected.
            let all = [Selection::Pattern("*".into())];
            let select = if self.select.is_empty() { all.into() } else { self.select.clone() };
            self.choose_files(id, &select);
        }
        // Last, because a torrent that wants nothing disconnects from seeders.
        for peer in &self.peers {
            match self.patron.connect_peer(id, *peer).wait() {
                // A new torrent is added without it.
                Err(error) if error.kind() == ErrorKind::InvalidArgument => {
                    self.screen.warn(format_args!("warning: {peer}: {error}"));
                }
                connected => connected?,
            }
        }
        self.finish(id)
    }

    /// Adds a torrent that an earlier run has kept in another directory. The files there stay.
    fn add_elsewhere(&mut self, id: TorrentId, options: AddOptions) -> Result<()> {
        let metainfo = self.patron.metainfo(id).wait()?;
        let options = sources::choose(options, &self.select, &metainfo)?;
        self.patron.remove_torrent(id, RemoveFiles::Keep).wait()?;
        if let Some(torrent) = self.torrents.remove(&id) {
            torrent.bar.remove();
        }
        self.adding += 1;
        self.add(Addition { source: Source::from(&metainfo), options, left_out: None })
    }

    /// Reports the torrent as complete if libtorrent has checked it and found all wanted data.
    fn finish(&mut self, id: TorrentId) -> Result<()> {
        if has_all_that_is_wanted(&self.patron.fresh_status(id).wait()?) {
            self.finished(id);
        }
        Ok(())
    }

    /// Gives up a torrent after an error. The others go on, unless the client has stopped.
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
            self.give_up(id, "select the files", "the link selects no file of the torrent".into());
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
    fn has_ended(&self) -> bool {
        let running = |torrent: &Torrent| torrent.phase == Phase::Running;
        self.adding == 0 && !self.torrents.values().any(running)
    }

    /// Returns whether nothing is left to seed, or nobody reads the output. If stdout is closed, a download
    /// continues to its end, but seeding has no end.
    fn is_dead(&self) -> bool {
        if output::is_unread() && (self.aim == Aim::Seed || self.has_ended()) {
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

    fn end(self) {
        self.screen.close(self.interrupt.came());
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
        self.failed || !self.lost.is_empty()
    }

    /// Returns the option that helps after an error, if one does.
    fn way_out(&self, error: &Error) -> &'static str {
        match error.kind() {
            ErrorKind::Exists if self.aim == Aim::Download => "; --overwrite uses it nevertheless",
            _ => "",
        }
    }

    fn handle_all(&mut self) -> Result<()> {
        while !self.interrupt.came()
            && let Some(event) = self.patron.try_recv()
        {
            self.handle(&event)?;
        }
        Ok(())
    }

    fn handle(&mut self, event: &Event) -> Result<()> {
        // The addresses known at the start have been shown already.
        if let Event::Listening { address } = event
            && !self.listening.insert(*address)
        {
            return Ok(());
        }
        if self.json {
            output::event(event);
        }
        match event {
            Event::TorrentAdded { id, name, info_hashes, save_dir, complete } => {
                self.lost.retain(|lost| !lost.overlap(info_hashes));
                // The torrents of this run are added after those of the store.
                if !self.restoring {
                    self.adding -= 1;
                }
                let was_complete = self.restoring && *complete;
                self.know(*id, name, save_dir.clone(), was_complete);
            }
            Event::AlreadyAdded { id, .. } => {
                self.adding -= 1;
                let goes_on = self.continue_torrent(*id);
                self.check(*id, goes_on)?;
            }
            Event::Restored { torrents, failed, .. } => {
                self.know_restored()?;
                // Some may not be known, and so not be complete.
                if self.interrupt.came() {
                    return Ok(());
                }
                for (id, torrent) in &mut self.torrents {
                    let status = self.patron.status(*id);
                    torrent.reached_goal = status.is_some_and(|status| status.paused);
                }
                self.restoring = false;
                self.adding -= 1;
                if torrents + failed == 0 {
                    return Ok(());
                }
            }
            Event::RestoreFailed { info_hashes, .. } => {
                self.lost.push(*info_hashes);
                self.screen.warn(format_args!("error: {event}"));
                return Ok(());
            }
            Event::StoreFailed { .. } => {
                self.failed = true;
                self.screen.warn(format_args!("error: {event}"));
                return Ok(());
            }
            Event::AddFailed { error, .. } => {
                self.not_added(format_args!("{error}{}", self.way_out(error)));
                return Ok(());
            }
            Event::Status(status) => return self.status(status),
            Event::MetadataReceived { id, name, .. } => {
                if let Some(torrent) = self.torrents.get_mut(id) {
                    torrent.name = name.clone();
                    torrent.bar.name(name);
                }
                self.select_files(*id);
            }
            Event::TorrentRemoved { id, .. } => {
                if let Some(torrent) = self.torrents.remove(id) {
                    torrent.bar.remove();
                }
            }
            Event::GoalReached { id, .. } => {
                self.finished(*id);
                if let Some(torrent) = self.torrents.get_mut(id) {
                    torrent.phase = Phase::GoalReached;
                }
            }
            Event::Finished { id, .. } => {
                // With a store, other files may have been selected since.
                if !self.has_store {
                    self.finished(*id);
                } else if self.torrents.contains_key(id) {
                    let finished = self.finish(*id);
                    self.check(*id, finished)?;
                }
                return Ok(());
            }
            // A peer sent the metadata of another torrent. Other peers are asked.
            Event::Error { name, error, .. } if error.kind() == ErrorKind::NoMetadata => {
                self.screen.warn(format_args!("warning: {name}: {error}"));
                return Ok(());
            }
            Event::Error { id, name, error } => {
                self.failed = true;
                if let Some(torrent) = self.torrents.get_mut(id) {
                    torrent.phase = Phase::Failed;
                }
                self.screen.warn(format_args!("error: {name}: {error}{}", self.way_out(error)));
                return Ok(());
            }
            Event::ListenFailed { error, .. } => {
                self.screen.warn(format_args!("warning: {error}"));
                return Ok(());
            }
            Event::DescriptorLimit { .. } | Event::SessionError { .. } => {
                self.screen.warn(format_args!("warning: {event}"));
                return Ok(());
            }
            Event::ClientStopped { error: Some(error) } => return Err(error.clone().into()),
            _ => {}
        }
        self.explain(event);
        Ok(())
    }

    fn explain(&mut self, event: &Event) {
        if let Some(line) = self.explainer.explain(event) {
            self.screen.line(line);
        }
    }

    fn status(&mut self, status: &TorrentStatus) -> Result<()> {
        let Some(torrent) = self.torrents.get_mut(&status.id) else { return Ok(()) };
        let mut shown = status.clone();
        if self.aim == Aim::Download && status.finished && torrent.phase == Phase::Running {
            // Until `Finished`, the files are checked.
            shown.state = TorrentState::CheckingFiles;
        }
        torrent.bar.status(&shown);
        if torrent.reached_goal && status.finished {
            torrent.phase = Phase::GoalReached;
        }
        let incomplete = status.state == TorrentState::Downloading && !status.finished;
        if self.aim == Aim::Seed && incomplete && !torrent.warned_incomplete {
            torrent.warned_incomplete = true;
            let percent = f64::from((status.progress * 1000.0).floor()) / 10.0;
            self.screen.warn(format_args!("{}: INCOMPLETE: {percent:.1} %", torrent.name));
            let goals = self.goals.unwrap_or_default();
            if goals.seed_time.is_some() && goals.share_ratio.is_none() {
                let why = "its seed time does not begin before it is complete";
                self.give_up(status.id, "seed the torrent", why.into());
                return Ok(());
            }
        }
        if !self.screen.has_bars() && torrent.status_lines.lets_through() {
            self.explain(&Event::Status(status.clone()));
        }
        // There is no `Finished` for trusted data, because it was complete from the start.
        if self.aim == Aim::Seed && status.seeding {
            self.finished(status.id);
        }
        Ok(())
    }

    /// Shows a result. Without --json it goes to stdout.
    fn finished(&mut self, id: TorrentId) {
        let Some(torrent) = self.torrents.get_mut(&id) else { return };
        if torrent.phase != Phase::Running {
            return;
        }
        torrent.phase = Phase::Complete;
        if self.json {
            return;
        }
        let what = match self.aim {
            Aim::Download => "complete",
            Aim::Seed => "seeding ",
        };
        let path = torrent.save_dir.join(&*torrent.name);
        self.screen.result(format_args!("{what}  {}", path.display()));
    }
}

pub(crate) fn is_same(one: &Path, other: &Path) -> bool {
    let absolute = |path: &Path| path.canonicalize().or_else(|_| std::path::absolute(path));
    absolute(one).is_ok_and(|one| absolute(other).is_ok_and(|other| one == other))
}

fn has_all_that_is_wanted(status: &TorrentStatus) -> bool {
    let checked = matches!(status.state, TorrentState::Finished | TorrentState::Seeding);
    checked && status.wanted_done == status.wanted_size
}

fn listens_nowhere(interfaces: Option<&SettingValue>) -> String {
    let interfaces = interfaces.map(ToString::to_string).unwrap_or_default();
    format!("cannot listen at {interfaces:?}: no address or network device of this machine")
}
