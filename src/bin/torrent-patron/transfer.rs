//! `torrent-patron download` and `torrent-patron seed`: a client, its one patron, and what the
//! events say.

use std::collections::{BTreeMap, HashSet};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crossbeam_channel::select;
use torrent_patron::{
    AddOptions, Client, ClientBuilder, Command, Event, Explainer, Patron, ShutdownReport, Source,
    TorrentId, TorrentState, TorrentStatus,
};

use crate::arguments::{Common, Download, Seed, source};
use crate::interrupt::Interrupt;
#[cfg(feature = "metrics")]
use crate::metrics::Exporter;
use crate::output::{self, Bar, Screen, Throttle};
use crate::{Outcome, Result, is_broken_pipe};

const SHUTDOWN: Duration = Duration::from_secs(10);

/// How often a line tells the status of a torrent where there are no bars.
const STATUS_LINES: Duration = Duration::from_secs(5);

pub(crate) fn download(arguments: &Download) -> Result<Outcome> {
    let client = arguments.common.client().save_dir(&arguments.output);
    let options = AddOptions::default().peers(arguments.peer.iter().copied());
    let starts = arguments.sources.iter().map(|path| (source(path), options.clone()));
    let mut transfer = Transfer::begin(client, &arguments.common, Aim::Download)?;
    let ended = if arguments.seed { Transfer::is_dead } else { Transfer::has_ended };
    let interrupted = match transfer.run(starts, ended) {
        Ok(interrupted) => interrupted,
        Err(error) if is_broken_pipe(&*error) => return Ok(Outcome::Failed),
        Err(error) => return Err(error),
    };
    let outcome = match transfer.torrents.values().all(|torrent| torrent.phase == Phase::Complete) {
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
    let starts = pairs.iter().map(|(torrent, directory)| {
        let options = AddOptions::default().save_dir(*directory).trust(arguments.trust);
        (Source::File(torrent.to_path_buf()), options)
    });
    let client = arguments.common.client();
    let mut transfer = Transfer::begin(client, &arguments.common, Aim::Seed)?;
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
    Failed,
}

struct Torrent {
    name: Arc<str>,
    save_dir: PathBuf,
    phase: Phase,
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
    interrupt: Interrupt,
    screen: Screen,
    explainer: Explainer,
    listening: HashSet<SocketAddr>,
    /// In the order in which they started.
    torrents: BTreeMap<TorrentId, Torrent>,
    /// Starts that have not been answered.
    starting: usize,
    failed: bool,
}

impl Transfer {
    /// Starts the client and says where it listens, before anything else is said.
    fn begin(client: ClientBuilder, common: &Common, aim: Aim) -> Result<Self> {
        let interrupt = Interrupt::catch()?;
        let client = client.start()?;
        let patron = client.patron();
        let mut transfer = Self {
            aim,
            json: common.json,
            quiet: common.quiet,
            client,
            patron,
            interrupt,
            screen: Screen::new(common.quiet || common.json),
            explainer: Explainer::new(),
            listening: HashSet::new(),
            torrents: BTreeMap::new(),
            starting: 0,
            failed: false,
        };
        match transfer.patron.listen_addresses().wait() {
            Ok(addresses) => {
                for address in addresses {
                    transfer.take(&Event::Listening { address })?;
                }
            }
            // A download goes on: it can still call others. The events say what is wrong.
            Err(_) if aim == Aim::Download => {}
            Err(error) => return Err(error.into()),
        }
        Ok(transfer)
    }

    /// Starts the endpoint for Prometheus, and says where it is.
    #[cfg(feature = "metrics")]
    fn export(&self, address: Option<SocketAddr>) -> Result<Option<Exporter>> {
        let Some(address) = address else { return Ok(None) };
        let exporter = Exporter::start(address, self.patron.another())?;
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
            self.patron.send(Command::CreateTorrent { source, options })?;
            self.take_all()?;
        }
        let ready = self.patron.ready();
        loop {
            self.take_all()?;
            if ended(self) {
                return Ok(false);
            }
            select! {
                recv(ready) -> _ => {}
                recv(self.interrupt.signal()) -> _ => return Ok(true),
            }
        }
    }

    /// Nothing more will come of it.
    fn has_ended(&self) -> bool {
        let running = |torrent: &Torrent| torrent.phase == Phase::Running;
        self.starting == 0 && !self.torrents.values().any(running)
    }

    /// There is nothing left to seed.
    fn is_dead(&self) -> bool {
        let failed = |torrent: &Torrent| torrent.phase == Phase::Failed;
        self.starting == 0 && self.torrents.values().all(failed)
    }

    fn end(self) -> Result<()> {
        self.screen.close(&self.interrupt);
        let report: ShutdownReport = self.client.shutdown(SHUTDOWN);
        if self.json {
            while let Some(event) = self.patron.try_recv() {
                output::json(&event)?;
            }
        }
        if !self.quiet {
            self.screen.warn(report);
        }
        Ok(())
    }

    fn take_all(&mut self) -> Result<()> {
        while let Some(event) = self.patron.try_recv() {
            self.take(&event)?;
        }
        Ok(())
    }

    fn take(&mut self, event: &Event) -> Result<()> {
        // The addresses known at the start have been said by then.
        if let Event::Listening { address } = event
            && !self.listening.insert(*address)
        {
            return Ok(());
        }
        if self.json {
            output::json(event)?;
        }
        match event {
            Event::TorrentCreated { id, name, save_dir, .. } => {
                self.starting -= 1;
                let torrent = Torrent {
                    name: name.clone(),
                    save_dir: save_dir.clone(),
                    phase: Phase::Running,
                    said_incomplete: false,
                    status_lines: Throttle::new(STATUS_LINES),
                    bar: self.screen.bar(name),
                };
                self.torrents.insert(*id, torrent);
            }
            Event::AlreadyDownloading { .. } => self.starting -= 1,
            Event::StartFailed { error, .. } => {
                self.starting -= 1;
                self.failed = true;
                self.screen.warn(format_args!("error: {error}"));
                return Ok(());
            }
            Event::Status(status) => return self.status(status),
            Event::MetadataReceived { id, name, .. } => {
                if let Some(torrent) = self.torrents.get_mut(id) {
                    torrent.name = name.clone();
                    torrent.bar.name(name);
                }
            }
            Event::Finished { id, .. } => return self.finished(*id),
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
