//! `torrent-patron download` and `torrent-patron seed`: a client, its one patron, and what the
//! events say.

use std::collections::{BTreeMap, HashSet};
use std::fmt::Display;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use crossbeam_channel::{Select, never};
use torrent_patron::error::ErrorKind;
use torrent_patron::event::{EventKind, Explainer};
use torrent_patron::file::ExistingFiles;
use torrent_patron::ip_filter::IpFilter;
use torrent_patron::patron::{Added, Command};
use torrent_patron::settings::SettingValue;
use torrent_patron::torrent::{InfoHashes, TorrentFlag, TorrentState, TorrentStatus};
use torrent_patron::{AddOptions, Client, ClientBuilder, Event, Patron, Source, TorrentId};

use crate::arguments::{Common, Download, Seed, source};
use crate::interrupt::Interrupt;
#[cfg(feature = "metrics")]
use crate::metrics::Exporter;
use crate::output::{self, Bar, Screen, Throttle};
use crate::resume_dir::ResumeDir;
use crate::selection::{self, Selection};
use crate::sources::{self, Addition, Additions, Refusal, Request};
use crate::{Outcome, Result};

const SHUTDOWN: Duration = Duration::from_secs(10);

/// How often a line tells the status of a torrent where there are no bars.
const STATUS_LINES: Duration = Duration::from_secs(5);

pub(crate) fn download(arguments: &Download) -> Result<Outcome> {
    arguments.check();
    let resume_dir = arguments.resume.as_deref().map(ResumeDir::new).transpose()?;
    let mut options = AddOptions::default()
        .save_dir(&arguments.output)
        .add_peers(arguments.peer.iter().copied())
        .goals(arguments.goals.goals());
    if arguments.overwrite {
        options = options.existing_files(ExistingFiles::Overwrite);
    }
    if arguments.sequential {
        options = options.add_flags([TorrentFlag::Sequential]);
    }
    let requests = arguments.sources.iter().map(|path| Request {
        source: source(path),
        save_dir: arguments.output.clone(),
        options: options.clone(),
    });
    let client = arguments.common.client();
    let mut transfer = Transfer::begin(client, &arguments.common, Aim::Download)?;
    transfer.select.clone_from(&arguments.select);
    if resume_dir.is_some() {
        let kinds = transfer.patron.subscription().with(EventKind::ResumeData);
        transfer.patron.subscribe(kinds);
    }
    transfer.resume_dir.clone_from(&resume_dir);
    let has_ended = if arguments.seed { Transfer::is_dead } else { Transfer::has_ended };
    transfer.adding = requests.len();
    let additions = sources::read(requests.collect(), arguments.select.clone(), resume_dir)?;
    let interrupted = transfer.run(additions, has_ended);
    let (complete, failed) = (transfer.is_complete(), transfer.failed);
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
        // What is not as the torrent says stays so.
        .add_flags([TorrentFlag::UploadMode])
        .goals(arguments.goals.goals());
    options.replicas = arguments.replicas;
    let requests = pairs.iter().map(|(torrent, directory)| Request {
        source: Source::File(torrent.to_path_buf()),
        save_dir: directory.to_path_buf(),
        options: options.clone().save_dir(*directory),
    });
    let client = arguments.common.client();
    let mut transfer = Transfer::begin(client, &arguments.common, Aim::Seed)?;
    #[cfg(feature = "metrics")]
    let exporter = transfer.export(arguments.metrics)?;
    transfer.adding = requests.len();
    let additions = sources::read(requests.collect(), Vec::new(), None)?;
    let ran = transfer.run(additions, Transfer::is_dead);
    #[cfg(feature = "metrics")]
    drop(exporter);
    let outcome = if transfer.failed { Outcome::Failed } else { Outcome::Done };
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
    info_hashes: InfoHashes,
    save_dir: PathBuf,
    phase: Phase,
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
    interrupt: Interrupt,
    screen: Screen,
    explainer: Explainer,
    select: Vec<Selection>,
    resume_dir: Option<ResumeDir>,
    listening: HashSet<SocketAddr>,
    /// In the order in which they were added.
    torrents: BTreeMap<TorrentId, Torrent>,
    /// How many are still to be added.
    adding: usize,
    failed: bool,
}

impl Transfer {
    /// Starts the client and says where it listens, before anything else is said.
    fn begin(client: ClientBuilder, common: &Common, aim: Aim) -> Result<Self> {
        let blocklist = common.blocklist.as_ref().map(IpFilter::read_lenient).transpose()?;
        let interrupt = Interrupt::catch()?;
        let settings = client.effective_settings()?;
        let client = client.start()?;
        let patron = client.patron();
        let screen = Screen::new(common.quiet || common.json);
        if let Some(list) = blocklist {
            if let Some(first) = list.first_skipped.first() {
                let lines = if list.skipped == 1 { "line is" } else { "lines are" };
                let first = first.message();
                screen.warn(format_args!("blocklist: {} {lines} skipped; {first}", list.skipped));
            }
            patron.set_ip_filter(list.filter).wait()?;
        }
        let mut transfer = Self {
            aim,
            json: common.json,
            quiet: common.quiet,
            client,
            patron,
            interrupt,
            screen,
            explainer: Explainer::new(),
            select: Vec::new(),
            resume_dir: None,
            listening: HashSet::new(),
            torrents: BTreeMap::new(),
            adding: 0,
            failed: false,
        };
        match transfer.patron.listen_addresses().wait() {
            Ok(addresses) if addresses.is_empty() && common.listens() => {
                return Err(listens_nowhere(settings.get("listen_interfaces")).into());
            }
            Ok(addresses) => transfer.say_where(addresses)?,
            // A download can still connect to peers. The events say what is wrong.
            Err(_) if aim == Aim::Download => {}
            Err(error) => return Err(error.into()),
        }
        Ok(transfer)
    }

    fn waits_for_metadata(&self, id: TorrentId) -> bool {
        self.patron.status(id).is_some_and(|status| !status.has_metadata && !status.paused)
    }

    fn say_where(&mut self, addresses: Vec<SocketAddr>) -> Result<()> {
        addresses.into_iter().try_for_each(|address| self.handle(&Event::Listening { address }))
    }

    /// Starts the endpoint for Prometheus, and says where it is.
    #[cfg(feature = "metrics")]
    fn export(&self, address: Option<SocketAddr>) -> Result<Option<Exporter>> {
        let Some(address) = address else { return Ok(None) };
        let exporter = Exporter::start(address, self.patron.another())?;
        let url = exporter.url();
        if self.json {
            output::object(&serde_json::json!({ "event": "metrics", "url": url }));
        } else {
            self.screen.line(format_args!("metrics at {url}"));
        }
        Ok(Some(exporter))
    }

    /// Adds the torrents and handles events until `has_ended`, or until interrupted, which it returns.
    fn run(&mut self, mut additions: Additions, has_ended: impl Fn(&Self) -> bool) -> Result<bool> {
        let ready = self.patron.ready();
        loop {
            self.handle_all()?;
            if self.interrupt.came() || has_ended(self) {
                return Ok(self.interrupt.came());
            }
            let mut select = Select::new();
            let addition = select.recv(&additions);
            select.recv(self.interrupt.signal());
            select.recv(&ready);
            if select.ready() == addition {
                match additions.try_recv() {
                    Ok(Ok(addition)) => self.add(addition)?,
                    Ok(Err(refusal)) => self.refuse(refusal)?,
                    Err(error) if error.is_disconnected() => additions = never(),
                    Err(_) => {}
                }
            }
            // What it announces is taken next.
            let _ = ready.try_recv();
        }
    }

    fn add(&mut self, addition: Addition) -> Result<()> {
        let Addition { source, options, resume } = addition;
        match resume {
            Ok(Some((path, data))) => {
                if self.resume(&source, options.clone().resume_data(data), &path)? {
                    return Ok(());
                }
            }
            Ok(None) => {}
            Err(error) => self.screen.warn(format_args!("warning: {error}; it is not used")),
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
            Err(error) => {
                self.not_added(format_args!("{source}: {error}"));
                Ok(())
            }
        }
    }

    /// Adds a torrent with its resume data; false when that cannot be used.
    fn resume(&mut self, source: &Source, options: AddOptions, path: &Path) -> Result<bool> {
        let chosen = !options.file_priorities.is_empty();
        match self.patron.add_torrent(source.clone(), options).wait() {
            Ok(Added::New(id)) => {
                // It may have been paused when the data was saved.
                self.patron.send(Command::Resume(id))?;
                if matches!(source, Source::Magnet(_) | Source::InfoHash(_)) && !chosen {
                    self.handle_all()?;
                    self.select_files(id);
                }
            }
            Ok(_) => self.adding -= 1,
            Err(error) if error.kind() == ErrorKind::ResumeData => {
                let path = path.display();
                let reason = error.message();
                self.screen.warn(format_args!("warning: {path} is not used: {reason}"));
                return Ok(false);
            }
            Err(error) => self.not_added(error),
        }
        Ok(true)
    }

    fn not_added(&mut self, why: impl Display) {
        self.adding -= 1;
        self.failed = true;
        self.screen.warn(format_args!("error: {why}"));
    }

    /// The files of a magnet link are known once its metadata is here.
    fn select_files(&mut self, id: TorrentId) {
        if self.select.is_empty() {
            return;
        }
        let chosen = self.choose(id);
        if let (Err(error), Some(torrent)) = (chosen, self.torrents.get_mut(&id)) {
            torrent.phase = Phase::Failed;
            self.failed = true;
            self.screen.warn(format_args!("error: {}: {error}", torrent.name));
            // That the client has gone is told by its own event.
            let _ = self.patron.send(Command::Pause(id));
        }
    }

    fn choose(&self, id: TorrentId) -> Result<()> {
        let files = self.patron.files(id).wait()?;
        let files = files.iter().map(|file| (file.path.as_path(), file.pad));
        let wanted = selection::priorities(&self.select, files)?;
        Ok(self.patron.set_file_priorities(id, wanted).wait()?)
    }

    /// There is nothing left to download.
    fn has_ended(&self) -> bool {
        let running = |torrent: &Torrent| torrent.phase == Phase::Running;
        self.adding == 0 && !self.torrents.values().any(running)
    }

    /// There is nothing left to seed.
    fn is_dead(&self) -> bool {
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
        // The last resume data comes before the end of the client.
        while let Some(event) = self.patron.try_recv() {
            if self.json {
                output::event(&event);
            }
            if let (Event::ResumeData { id, data, .. }, Some(dir)) = (&event, &self.resume_dir) {
                save(dir, self.torrents.get(id), data, &self.screen);
            }
        }
        if !self.quiet {
            self.screen.warn(report);
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
            Event::TorrentAdded { id, name, save_dir, info_hashes, .. } => {
                self.adding -= 1;
                let torrent = Torrent {
                    name: name.clone(),
                    info_hashes: *info_hashes,
                    save_dir: save_dir.clone(),
                    phase: Phase::Running,
                    warned_incomplete: false,
                    status_lines: Throttle::new(STATUS_LINES),
                    bar: self.screen.bar(name),
                };
                self.torrents.insert(*id, torrent);
            }
            Event::AlreadyAdded { .. } => self.adding -= 1,
            Event::AddFailed { error, .. } => {
                self.not_added(error);
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
            Event::ResumeData { id, data, .. } => {
                if let Some(dir) = &self.resume_dir {
                    save(dir, self.torrents.get(id), data, &self.screen);
                }
                return Ok(());
            }
            Event::GoalReached { id, .. } => {
                self.finished(*id);
                if let Some(torrent) = self.torrents.get_mut(id) {
                    torrent.phase = Phase::GoalReached;
                }
            }
            Event::Finished { id, .. } => {
                self.finished(*id);
                return Ok(());
            }
            // A peer sent metadata of another torrent; others are asked.
            Event::Error { id, name, error } if self.waits_for_metadata(*id) => {
                self.screen.warn(format_args!("warning: {name}: {error}"));
                return Ok(());
            }
            Event::Error { id, name, error } => {
                self.failed = true;
                if let Some(torrent) = self.torrents.get_mut(id) {
                    torrent.phase = Phase::Failed;
                }
                self.screen.warn(format_args!("error: {name}: {error}"));
                return Ok(());
            }
            Event::ListenFailed { error, .. } => {
                self.screen.warn(format_args!("warning: {error}"));
                return Ok(());
            }
            Event::DescriptorLimit { .. } => {
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
        torrent.bar.status(status);
        let incomplete = status.state == TorrentState::Downloading && !status.finished;
        if self.aim == Aim::Seed && incomplete && !torrent.warned_incomplete {
            torrent.warned_incomplete = true;
            let percent = f64::from((status.progress * 1000.0).floor()) / 10.0;
            self.screen.warn(format_args!("{}: INCOMPLETE: {percent:.1} %", torrent.name));
        }
        if !self.screen.has_bars() && torrent.status_lines.lets_through() {
            self.explain(&Event::Status(status.clone()));
        }
        // Trusted data has no `Finished`: it was complete from the start.
        if self.aim == Aim::Seed && status.seeding {
            self.finished(status.id);
        }
        Ok(())
    }

    /// A result: without --json it goes to stdout.
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

fn listens_nowhere(interfaces: Option<&SettingValue>) -> String {
    let interfaces = interfaces.map(ToString::to_string).unwrap_or_default();
    format!("cannot listen at {interfaces:?}: no address or network device of this machine")
}

/// Saves what a later run continues from.
fn save(dir: &ResumeDir, torrent: Option<&Torrent>, data: &[u8], screen: &Screen) {
    let Some(torrent) = torrent else { return };
    if let Err(error) = dir.save(&torrent.info_hashes, data) {
        screen.warn(format_args!("warning: {}: {error}", torrent.name));
    }
}
