//! `torrent-patron download` and `torrent-patron seed`: a client, its one patron, and what the
//! events say.

use std::collections::{BTreeMap, HashSet};
use std::fmt::Display;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crossbeam_channel::{Receiver, Select};
use torrent_patron::{
    AddOptions, Client, ClientBuilder, Command, Event, EventKind, Explainer, InfoHashes, IpFilter,
    Metainfo, Patron, ShutdownReport, Source, Started, TorrentFlag, TorrentId, TorrentState,
    TorrentStatus,
};

use crate::arguments::{Common, Download, Seed, source};
use crate::interrupt::Interrupt;
use crate::keeping::Keeping;
#[cfg(feature = "metrics")]
use crate::metrics::Exporter;
use crate::mirrors::Mirrors;
use crate::output::{self, Bar, Screen, Throttle};
use crate::selection::{self, Selection};
use crate::{Outcome, Result, is_broken_pipe};

const SHUTDOWN: Duration = Duration::from_secs(10);

/// How often a line tells the status of a torrent where there are no bars.
const STATUS_LINES: Duration = Duration::from_secs(5);

pub(crate) fn download(arguments: &Download) -> Result<Outcome> {
    arguments.check();
    let keeping = arguments.resume.as_deref().map(Keeping::new).transpose()?;
    let mut options = AddOptions::default()
        .save_dir(&arguments.output)
        .peers(arguments.peer.iter().copied())
        .goals(arguments.goals.goals());
    if arguments.sequential {
        options = options.flags([TorrentFlag::Sequential]);
    }
    let starts = arguments.sources.iter().map(|path| (source(path), options.clone()));
    let client = arguments.common.client();
    let mut transfer =
        Transfer::begin(client, Mirrors::default(), &arguments.common, Aim::Download)?;
    transfer.select = arguments.select.clone();
    if keeping.is_some() {
        let kinds = transfer.patron.subscription().with(EventKind::ResumeData);
        transfer.patron.subscribe(kinds);
    }
    transfer.keeping = keeping;
    let ended = if arguments.seed { Transfer::is_dead } else { Transfer::has_ended };
    let interrupted = match transfer.run(starts, ended) {
        Ok(interrupted) => interrupted,
        Err(error) if is_broken_pipe(&*error) => return Ok(Outcome::Failed),
        Err(error) => return Err(error),
    };
    let is_complete = |torrent: &Torrent| matches!(torrent.phase, Phase::Complete | Phase::Sated);
    let outcome = match transfer.torrents.values().all(is_complete) {
        false if interrupted => Outcome::Interrupted,
        _ if transfer.failed => Outcome::Failed,
        _ => Outcome::Done,
    };
    transfer.end()?;
    Ok(outcome)
}

pub(crate) fn seed(arguments: &Seed) -> Result<Outcome> {
    let pairs = arguments.pairs();
    if let Some((_, missing)) = pairs.iter().find(|(_, directory)| !directory.is_dir()) {
        return Err(format!("{} is not a directory", missing.display()).into());
    }
    let goals = arguments.goals.shared_by(arguments.clients);
    let starts = pairs.iter().map(|(torrent, directory)| {
        let options =
            AddOptions::default().save_dir(*directory).trust(arguments.trust).goals(goals);
        (Source::File(torrent.to_path_buf()), options)
    });
    let mut clients = arguments.common.clients(arguments.clients)?.into_iter();
    let first = clients.next().ok_or("no client")?;
    let mirrors = Mirrors::start(clients, AddOptions::default().goals(goals))?;
    let mut transfer = Transfer::begin(first, mirrors, &arguments.common, Aim::Seed)?;
    #[cfg(feature = "metrics")]
    let exporter = transfer.export(arguments.metrics)?;
    transfer.run(starts, Transfer::is_dead)?;
    #[cfg(feature = "metrics")]
    drop(exporter);
    let outcome = if transfer.failed { Outcome::Failed } else { Outcome::Done };
    transfer.end()?;
    Ok(outcome)
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
    /// It has given back enough.
    Sated,
    Failed,
}

struct Torrent {
    name: Arc<str>,
    info_hashes: InfoHashes,
    save_dir: PathBuf,
    phase: Phase,
    /// How many clients have reached its goal.
    sated: usize,
    said_incomplete: bool,
    status_lines: Throttle,
    bar: Bar,
}

struct Transfer {
    aim: Aim,
    json: bool,
    quiet: bool,
    client: Client,
    patron: Patron,
    mirrors: Mirrors,
    interrupt: Interrupt,
    screen: Screen,
    explainer: Explainer,
    select: Vec<Selection>,
    keeping: Option<Keeping>,
    listening: HashSet<SocketAddr>,
    /// In the order in which they started.
    torrents: BTreeMap<TorrentId, Torrent>,
    /// Starts that have not been answered.
    starting: usize,
    failed: bool,
}

impl Transfer {
    /// Starts the client and says where it and its mirrors listen, before anything else is said.
    fn begin(client: ClientBuilder, mirrors: Mirrors, common: &Common, aim: Aim) -> Result<Self> {
        let interrupt = Interrupt::catch()?;
        let blocklist = common.blocklist.as_ref().map(IpFilter::read_lenient).transpose()?;
        let client = client.start()?;
        let patron = client.patron();
        let screen = Screen::new(common.quiet || common.json);
        if let Some(list) = blocklist {
            if let Some(first) = list.first_skipped.first() {
                let lines = if list.skipped == 1 { "line is" } else { "lines are" };
                let first = first.message();
                screen.warn(format_args!("blocklist: {} {lines} skipped; {first}", list.skipped));
            }
            for patron in mirrors.patrons().chain([&patron]) {
                patron.set_ip_filter(list.filter.clone()).wait()?;
            }
        }
        let mut transfer = Self {
            aim,
            json: common.json,
            quiet: common.quiet,
            client,
            patron,
            mirrors,
            interrupt,
            screen,
            explainer: Explainer::new(),
            select: Vec::new(),
            keeping: None,
            listening: HashSet::new(),
            torrents: BTreeMap::new(),
            starting: 0,
            failed: false,
        };
        match transfer.patron.listen_addresses().wait() {
            Ok(addresses) => transfer.say_where(addresses)?,
            // A download goes on: it can still call others. The events say what is wrong.
            Err(_) if aim == Aim::Download => {}
            Err(error) => return Err(error.into()),
        }
        let addresses = transfer.mirrors.listen_addresses()?;
        transfer.say_where(addresses)?;
        Ok(transfer)
    }

    fn say_where(&mut self, addresses: Vec<SocketAddr>) -> Result<()> {
        addresses.into_iter().try_for_each(|address| self.take(&Event::Listening { address }))
    }

    /// Starts the endpoint for Prometheus, and says where it is.
    #[cfg(feature = "metrics")]
    fn export(&self, address: Option<SocketAddr>) -> Result<Option<Exporter>> {
        let Some(address) = address else { return Ok(None) };
        let patrons = self.patrons().map(Patron::another).collect();
        let exporter = Exporter::start(address, patrons)?;
        let url = exporter.url();
        if self.json {
            output::json(&serde_json::json!({ "event": "metrics", "url": url }))?;
        } else {
            self.screen.line(format_args!("metrics at {url}"));
        }
        Ok(Some(exporter))
    }

    /// Until `ended`, or until interrupted, which it returns.
    fn run(
        &mut self,
        starts: impl ExactSizeIterator<Item = (Source, AddOptions)>,
        ended: impl Fn(&Self) -> bool,
    ) -> Result<bool> {
        self.starting = starts.len();
        for (source, options) in starts {
            self.start(source, options)?;
            self.take_all()?;
        }
        let mut awaited: Vec<_> = self.patrons().map(Patron::ready).collect();
        let interrupt = awaited.len();
        awaited.push(self.interrupt.signal().clone());
        loop {
            self.take_all()?;
            if ended(self) {
                return Ok(false);
            }
            if wait_for_any(&awaited) == interrupt {
                return Ok(true);
            }
        }
    }

    fn start(&mut self, source: Source, mut options: AddOptions) -> Result<()> {
        if let (Source::File(path), false) = (&source, self.select.is_empty())
            // One that cannot be read says so when it is started.
            && let Ok(metainfo) = Metainfo::read(path)
        {
            let files = metainfo.files.iter().map(|file| (file.path.as_path(), file.pad));
            match selection::priorities(&self.select, files) {
                Ok(wanted) => options = options.file_priorities(wanted),
                Err(error) => {
                    self.not_started(format_args!("{}: {error}", path.display()));
                    return Ok(());
                }
            }
        }
        if self.start_where_it_was(&source, &options)? {
            return Ok(());
        }
        Ok(self.patron.send(Command::CreateTorrent { source, options })?)
    }

    /// Whether something was kept of it that can be used.
    fn start_where_it_was(&mut self, source: &Source, options: &AddOptions) -> Result<bool> {
        let found = self.keeping.as_ref().map_or(Ok(None), |keeping| keeping.find(source));
        let (path, bytes) = match found {
            Ok(Some(found)) => found,
            Ok(None) => return Ok(false),
            Err(error) => {
                self.screen.warn(format_args!("warning: {error}; it is not used"));
                return Ok(false);
            }
        };
        let options = options.clone().resume_data(bytes);
        match self.patron.create_torrent(source.clone(), options).wait() {
            Ok(Started::Created(id)) => {
                // It may have been kept while it was paused.
                self.patron.send(Command::Resume(id))?;
                if !matches!(source, Source::File(_)) {
                    self.take_all()?;
                    self.select_files(id);
                }
            }
            Ok(_) => self.starting -= 1,
            Err(error) if error.operation() == "read the resume data" => {
                let path = path.display();
                let reason = error.message();
                self.screen.warn(format_args!("warning: {path} is not used: {reason}"));
                return Ok(false);
            }
            Err(error) => self.not_started(error),
        }
        Ok(true)
    }

    fn not_started(&mut self, why: impl Display) {
        self.starting -= 1;
        self.failed = true;
        self.screen.warn(format_args!("error: {why}"));
    }

    /// Of a torrent that was started by a magnet link, the files are known only now.
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

    /// Nothing more will come of it.
    fn has_ended(&self) -> bool {
        let running = |torrent: &Torrent| torrent.phase == Phase::Running;
        self.starting == 0 && !self.torrents.values().any(running)
    }

    /// There is nothing left to seed.
    fn is_dead(&self) -> bool {
        let ended = |torrent: &Torrent| matches!(torrent.phase, Phase::Failed | Phase::Sated);
        self.starting == 0 && self.torrents.values().all(ended)
    }

    fn end(self) -> Result<()> {
        self.screen.close(&self.interrupt);
        let (report, of_mirrors) = std::thread::scope(|scope| {
            let mirrors = scope.spawn(|| self.mirrors.shutdown(SHUTDOWN));
            let report: ShutdownReport = self.client.shutdown(SHUTDOWN);
            (report, mirrors.join().unwrap_or_default())
        });
        // What was saved last comes before the client's own end.
        while let Some(event) = self.patron.try_recv() {
            if self.json {
                output::json(&event)?;
            }
            if let (Event::ResumeData { id, data, .. }, Some(keeping)) = (&event, &self.keeping) {
                keep(keeping, self.torrents.get(id), data, &self.screen);
            }
        }
        if !self.quiet {
            for report in std::iter::once(report).chain(of_mirrors) {
                self.screen.warn(report);
            }
        }
        Ok(())
    }

    fn take_all(&mut self) -> Result<()> {
        while let Some(event) = self.try_recv() {
            self.take(&event)?;
        }
        Ok(())
    }

    fn try_recv(&self) -> Option<Event> {
        let mut event = self.patron.try_recv().or_else(|| self.mirrors.try_recv(&self.patron))?;
        if let Event::Status(status) = &mut event {
            self.mirrors.add_to(status);
        }
        Some(event)
    }

    /// Of the first client, then of its mirrors.
    fn patrons(&self) -> impl Iterator<Item = &Patron> {
        std::iter::once(&self.patron).chain(self.mirrors.patrons())
    }

    fn take(&mut self, event: &Event) -> Result<()> {
        // The addresses known at the start have been said by then.
        if let Event::Listening { address } = event
            && !self.listening.insert(*address)
        {
            return Ok(());
        }
        match event {
            Event::Finished { id, .. } => self.mirror(*id)?,
            Event::Status(status) if status.seeding => self.mirror(status.id)?,
            _ => {}
        }
        if self.json {
            output::json(event)?;
        }
        match event {
            Event::TorrentCreated { id, name, save_dir, info_hashes } => {
                self.starting -= 1;
                let torrent = Torrent {
                    name: name.clone(),
                    info_hashes: *info_hashes,
                    save_dir: save_dir.clone(),
                    phase: Phase::Running,
                    sated: 0,
                    said_incomplete: false,
                    status_lines: Throttle::new(STATUS_LINES),
                    bar: self.screen.bar(name),
                };
                self.torrents.insert(*id, torrent);
            }
            Event::AlreadyDownloading { .. } => self.starting -= 1,
            Event::StartFailed { error, .. } => {
                self.not_started(error);
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
                if let Some(keeping) = &self.keeping {
                    keep(keeping, self.torrents.get(id), data, &self.screen);
                }
                return Ok(());
            }
            Event::GoalReached { id, .. } => {
                self.finished(*id)?;
                if let Some(torrent) = self.torrents.get_mut(id) {
                    torrent.sated += 1;
                    if torrent.sated <= self.mirrors.count() {
                        return Ok(());
                    }
                    torrent.phase = Phase::Sated;
                }
            }
            Event::Finished { id, .. } => return self.finished(*id),
            Event::Error { id, name, error } => {
                self.failed = true;
                if let Some(torrent) = self.torrents.get_mut(id) {
                    torrent.phase = Phase::Failed;
                }
                self.screen.warn(format_args!("error: {name}: {error}"));
                return self.stop(*id);
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

    /// Has the mirrors seed what is complete. Whoever is told so afterwards finds it with all of them.
    fn mirror(&mut self, id: TorrentId) -> Result<()> {
        let Some(torrent) = self.torrents.get(&id) else { return Ok(()) };
        if self.mirrors.count() > 0 && torrent.phase == Phase::Running {
            let metainfo = self.patron.metainfo(id).wait()?;
            self.mirrors.seed(id, &Source::from(&metainfo), &torrent.save_dir)?;
        }
        Ok(())
    }

    /// One client has found something wrong with a torrent, which the others have not come across.
    fn stop(&self, id: TorrentId) -> Result<()> {
        if self.mirrors.count() > 0 {
            self.patron.send(Command::Pause(id))?;
            self.mirrors.pause(id)?;
        }
        Ok(())
    }

    fn status(&mut self, status: &TorrentStatus) -> Result<()> {
        let Some(torrent) = self.torrents.get_mut(&status.id) else { return Ok(()) };
        torrent.bar.status(status);
        let incomplete = status.state == TorrentState::Downloading && !status.finished;
        if self.aim == Aim::Seed && incomplete && !torrent.said_incomplete {
            torrent.said_incomplete = true;
            let percent = f64::from((status.progress * 1000.0).floor()) / 10.0;
            self.screen.warn(format_args!("{}: INCOMPLETE: {percent:.1} %", torrent.name));
        }
        if !self.screen.has_bars() && torrent.status_lines.lets_through() {
            self.explain(&Event::Status(status.clone()));
        }
        // Data that is taken on trust has never been finished: it was complete from the start.
        if self.aim == Aim::Seed && status.seeding { self.finished(status.id) } else { Ok(()) }
    }

    /// A result: it goes to stdout, where there is no JSON.
    fn finished(&mut self, id: TorrentId) -> Result<()> {
        let Some(torrent) = self.torrents.get_mut(&id) else { return Ok(()) };
        if torrent.phase != Phase::Running {
            return Ok(());
        }
        torrent.phase = Phase::Complete;
        if self.json {
            return Ok(());
        }
        let what = match self.aim {
            Aim::Download => "complete",
            Aim::Seed => "seeding ",
        };
        let path = torrent.save_dir.join(&*torrent.name);
        Ok(self.screen.result(format_args!("{what}  {}", path.display()))?)
    }
}

/// Waits until one of them has something, takes it, and says which it was.
fn wait_for_any(awaited: &[Receiver<()>]) -> usize {
    let mut select = Select::new();
    for receiver in awaited {
        select.recv(receiver);
    }
    let ready = select.select();
    let index = ready.index();
    // That the interrupt has come is told by its end.
    let _ = ready.recv(&awaited[index]);
    index
}

/// Keeps what a later run needs to go on.
fn keep(keeping: &Keeping, torrent: Option<&Torrent>, data: &[u8], screen: &Screen) {
    let Some(torrent) = torrent else { return };
    if let Err(error) = keeping.keep(&torrent.info_hashes, data) {
        screen.warn(format_args!("warning: {}: {error}", torrent.name));
    }
}
