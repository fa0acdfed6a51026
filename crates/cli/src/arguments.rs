//! The command line.

use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::LazyLock;
use std::time::Duration;

use bytesize::ByteSize;
use clap::error::ErrorKind;
use clap::{Args, CommandFactory, Parser, Subcommand, ValueEnum};
use torrent_patron::client::libtorrent_version;
use torrent_patron::metainfo::{Links, Protocol, SpecialFiles};
use torrent_patron::settings::{Proxy, SettingValue};
use torrent_patron::store::Sqlite;
use torrent_patron::torrent::Goals;
use torrent_patron::{Client, ClientBuilder, Settings, Source};

use crate::selection::Selection;
use crate::values::{Setting, duration, listen, peer, piece_length, rate, ratio, seconds, setting};

/// The versions of the program and of the loaded libtorrent.
static VERSION: LazyLock<String> = LazyLock::new(|| {
    format!("{} (libtorrent {})", env!("CARGO_PKG_VERSION"), libtorrent_version())
});

/// The environment variable that turns the log on.
pub(crate) const LOG: &str = "TORRENT_PATRON_LOG";

/// Create, verify, download, seed and stream torrents
#[derive(Debug, Parser)]
#[command(name = "torrent-patron", version = VERSION.as_str(), propagate_version = true, max_term_width = 100, after_help = MORE)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

const MORE: &str = "\
Exit codes: 0 done, 1 failed, 2 wrong usage, 130 interrupted.
Progress and errors go to stderr, results to stdout.
If the reader of stdout exits, as head does, the work continues without output.
TORRENT_PATRON_LOG=debug writes a log to stderr.";

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Create, seed and download sample torrents in one process; needs no network
    #[command(after_help = "EXAMPLE:\n  torrent-patron demo --patrons 8 --size 1GiB")]
    Demo(Demo),
    /// Create a .torrent file from a file or a directory
    #[command(after_help = "EXAMPLE:\n  torrent-patron create holiday -o holiday.torrent \
                            --tracker https://tracker.example/announce")]
    Create(Create),
    /// Show the contents of a .torrent file or a magnet link
    #[command(after_help = "EXAMPLE:\n  torrent-patron info debian.torrent --json")]
    Info(Info),
    /// Check data on disk against its torrent, without changing anything
    #[command(after_help = "EXAMPLE:\n  torrent-patron verify debian.torrent downloads")]
    Verify(Verify),
    /// Download torrents
    #[command(after_help = "EXAMPLE:\n  torrent-patron download debian.torrent \
                            'magnet:?xt=urn:btih:...' -o downloads\n\n\
                            The first Ctrl-C stops cleanly (exit code 130), a second one immediately.")]
    Download(Download),
    /// Seed torrents until Ctrl-C or until their goals are reached
    #[command(
        override_usage = "torrent-patron seed [OPTIONS] <FILE.torrent> <DIR> \
                          [<FILE.torrent> <DIR>]...",
        after_help = "EXAMPLE:\n  torrent-patron seed debian.torrent downloads \
                      --preset seeding --limit-up 10MiB\n\n\
                      The first Ctrl-C stops cleanly (exit code 0), a second one immediately."
    )]
    Seed(Seed),
    /// Serve a file over HTTP while it downloads, for a player
    #[cfg(feature = "stream")]
    #[command(
        after_help = "EXAMPLE:\n  torrent-patron stream film.torrent -o films --play mpv\n\n\
                            The first line of stdout is the URL of the file. The \
                            program runs until Ctrl-C, or until the player exits."
    )]
    Stream(Stream),
    /// Show or change a store, in which download and seed keep torrents with --store
    #[command(subcommand)]
    Store(StoreCommand),
    /// Check that a seeder started with `seed --metrics` is running, for the health check of a container
    #[cfg(feature = "metrics")]
    #[command(after_help = "EXAMPLE:\n  torrent-patron health 127.0.0.1:9420")]
    Health(Health),
}

#[cfg(feature = "metrics")]
#[derive(Debug, Args)]
pub(crate) struct Health {
    /// The address given to `seed --metrics`
    #[arg(value_name = "ADDR", default_value = "127.0.0.1:9420")]
    pub(crate) address: SocketAddr,
}

#[derive(Debug, Subcommand)]
pub(crate) enum StoreCommand {
    /// List the torrents in a store; a client may be using it
    List(StoreFile),
    /// Read the whole store and report what is damaged
    Check(StoreFile),
    /// Write the resume data of each torrent, including its metainfo, to a file HASH.resume
    Export(ExportStore),
    /// Add the torrents from a directory of .torrent and .fastresume files, such as qBittorrent's BT_backup
    Import(ImportStore),
}

#[derive(Debug, Args)]
pub(crate) struct StoreFile {
    /// The file of the store
    pub(crate) file: PathBuf,
    /// Print one JSON object per line
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ExportStore {
    #[command(flatten)]
    pub(crate) store: StoreFile,
    /// The directory to write to
    #[arg(value_name = "DIR")]
    pub(crate) directory: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct ImportStore {
    /// The file of the store; created if it does not exist
    pub(crate) file: PathBuf,
    /// The directory to read
    #[arg(value_name = "DIR")]
    pub(crate) directory: PathBuf,
    /// Print one JSON object per line
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Demo {
    /// Number of patrons that share the downloading client; each downloads one torrent
    #[arg(long, value_name = "N", default_value = "4", value_parser = patrons())]
    pub(crate) patrons: u8,
    /// Total size of the data
    #[arg(long, value_name = "SIZE", default_value = "64MiB")]
    pub(crate) size: ByteSize,
}

fn patrons() -> clap::builder::RangedI64ValueParser<u8> {
    clap::value_parser!(u8).range(1..=64)
}

#[derive(Debug, Args)]
pub(crate) struct Create {
    /// The file or directory to share
    pub(crate) path: PathBuf,
    /// The .torrent file to write; - for stdout
    #[arg(short, long, value_name = "FILE.torrent")]
    pub(crate) output: PathBuf,
    /// Announce URL of a tracker; repeat it for backup trackers, in the order in which they are tried
    #[arg(long, value_name = "URL")]
    pub(crate) tracker: Vec<String>,
    /// URL of the data on an HTTP server (BEP 19); can be repeated
    #[arg(long, value_name = "URL")]
    pub(crate) web_seed: Vec<String>,
    /// Piece length, a power of two from 16KiB to 512MiB [default: depends on the size of the data]
    #[arg(long, value_name = "SIZE", value_parser = piece_length)]
    pub(crate) piece_length: Option<u32>,
    #[command(flatten)]
    version: Version,
    /// Mark the torrent as private: peers come from its trackers only (BEP 27)
    #[arg(long)]
    pub(crate) private: bool,
    /// Comment to include
    #[arg(long, value_name = "TEXT")]
    pub(crate) comment: Option<String>,
    /// How to handle symbolic links
    #[arg(long, value_enum, default_value = "follow")]
    pub(crate) links: LinkChoice,
    /// How to handle FIFOs, devices and sockets
    #[arg(long, value_enum, default_value = "refuse")]
    pub(crate) special_files: SpecialFileChoice,
    /// Record which files are executable (BEP 47)
    #[arg(long)]
    pub(crate) executables: bool,
    /// Overwrite the .torrent file if it exists
    #[arg(long)]
    pub(crate) force: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum LinkChoice {
    /// Share the files that they point to
    Follow,
    /// Fail
    Refuse,
    /// Leave them out
    Skip,
    /// Share them as links (BEP 47)
    Keep,
}

impl From<LinkChoice> for Links {
    fn from(choice: LinkChoice) -> Self {
        match choice {
            LinkChoice::Follow => Self::Follow,
            LinkChoice::Refuse => Self::Refuse,
            LinkChoice::Skip => Self::Skip,
            LinkChoice::Keep => Self::Keep,
        }
    }
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum SpecialFileChoice {
    /// Fail
    Refuse,
    /// Leave them out
    Skip,
}

impl From<SpecialFileChoice> for SpecialFiles {
    fn from(choice: SpecialFileChoice) -> Self {
        match choice {
            SpecialFileChoice::Refuse => Self::Refuse,
            SpecialFileChoice::Skip => Self::Skip,
        }
    }
}

#[derive(Debug, Args)]
#[group(multiple = false)]
struct Version {
    /// Create a BitTorrent v1 torrent
    #[arg(long)]
    v1: bool,
    /// Create a BitTorrent v2 torrent
    #[arg(long)]
    v2: bool,
    /// Create a torrent for both versions (the default)
    #[arg(long)]
    hybrid: bool,
}

impl Create {
    pub(crate) fn protocol(&self) -> Protocol {
        match self.version {
            Version { v1: true, .. } => Protocol::V1,
            Version { v2: true, .. } => Protocol::V2,
            _ => Protocol::Hybrid,
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct Info {
    /// A .torrent file or a magnet link
    #[arg(value_name = "FILE|MAGNET")]
    pub(crate) source: PathBuf,
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Verify {
    /// The .torrent file
    #[arg(value_name = "FILE.torrent")]
    pub(crate) torrent: PathBuf,
    /// The directory that holds its data
    #[arg(value_name = "DIR")]
    pub(crate) directory: PathBuf,
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Download {
    /// .torrent files and magnet links; none are needed with --store
    #[arg(
        required_unless_present_any = ["store", "resume"],
        requires = "output",
        value_name = "FILE|MAGNET"
    )]
    pub(crate) sources: Vec<PathBuf>,
    /// Directory for the files of these torrents; created if it does not exist
    #[arg(short, long, value_name = "DIR")]
    pub(crate) output: Option<PathBuf>,
    /// Peer to connect to, for every torrent; can be repeated
    #[arg(long, value_name = "ADDR", value_parser = peer)]
    pub(crate) peer: Vec<SocketAddr>,
    /// Download only these files, given by their index in `info` or by a pattern such as '*.mkv'; can be
    /// repeated
    #[arg(long, value_name = "INDEX|GLOB")]
    pub(crate) select: Vec<Selection>,
    /// Reuse existing files: data that does not match the torrent is overwritten. By default, a torrent that
    /// would overwrite unrelated files is refused
    #[arg(long)]
    pub(crate) overwrite: bool,
    /// Skip the hash check after the download
    #[arg(long)]
    pub(crate) no_verify: bool,
    /// Download pieces in order
    #[arg(long)]
    pub(crate) sequential: bool,
    /// Seed after the download is complete, until Ctrl-C or until the goals are reached
    #[arg(long)]
    pub(crate) seed: bool,
    #[command(flatten)]
    pub(crate) goals: SeedGoals,
    #[command(flatten)]
    pub(crate) common: Common,
}

/// When to stop seeding. The program ends when all torrents have reached one of their goals.
#[derive(Debug, Args)]
pub(crate) struct SeedGoals {
    /// Seed until this share ratio (uploaded to downloaded) is reached, such as 1.5
    #[arg(long, value_name = "N", value_parser = ratio)]
    ratio: Option<f64>,
    /// Stop seeding after this time, such as 90s, 30m, 12h or 2d
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    seed_time: Option<Duration>,
}

impl SeedGoals {
    pub(crate) fn goals(&self) -> Goals {
        let mut goals = Goals::default();
        goals.share_ratio = self.ratio;
        goals.seed_time = self.seed_time;
        goals
    }

    /// Returns `None` if no goal was set.
    pub(crate) fn chosen(&self) -> Option<Goals> {
        (self.ratio.is_some() || self.seed_time.is_some()).then(|| self.goals())
    }
}

impl Download {
    /// Ends the program with a usage error if there are goals without `--seed`.
    pub(crate) fn check(&self) {
        if !self.seed && (self.goals.ratio.is_some() || self.goals.seed_time.is_some()) {
            let message = "--ratio and --seed-time require --seed: without it, the program exits when the download \
                 is complete";
            wrong_usage("download", ErrorKind::MissingRequiredArgument, message)
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct Seed {
    /// .torrent files, each followed by the directory that holds its data; none are needed with --store
    #[arg(
        required_unless_present_any = ["store", "resume"],
        num_args = 2..,
        value_names = ["FILE.torrent", "DIR"]
    )]
    paths: Vec<PathBuf>,
    /// Assume that the data is complete and correct, without checking it
    #[arg(long)]
    pub(crate) trust: bool,
    /// Number of network threads that serve each torrent, so that one torrent can use several CPU cores. To
    /// trackers, each is a separate peer. Private torrents are served by one
    #[arg(long, value_name = "N", value_parser = thread_count())]
    pub(crate) replicas: Option<u16>,
    /// Serve Prometheus metrics at http://ADDR/metrics. Anyone who can reach ADDR can read them
    #[cfg(feature = "metrics")]
    #[arg(long, value_name = "ADDR")]
    pub(crate) metrics: Option<SocketAddr>,
    #[command(flatten)]
    pub(crate) goals: SeedGoals,
    #[command(flatten)]
    pub(crate) common: Common,
}

impl Seed {
    /// Returns the torrents and directories. An odd number of paths ends the program with a usage error.
    pub(crate) fn pairs(&self) -> Vec<(&PathBuf, &PathBuf)> {
        let (pairs, []) = self.paths.as_chunks::<2>() else { odd_paths() };
        pairs.iter().map(|[torrent, directory]| (torrent, directory)).collect()
    }
}

fn odd_paths() -> ! {
    let message = "each FILE.torrent must be followed by the DIR that holds its data";
    wrong_usage("seed", ErrorKind::WrongNumberOfValues, message)
}

fn wrong_usage(command: &str, kind: ErrorKind, message: &str) -> ! {
    let mut arguments = Arguments::command();
    arguments.build();
    let found = arguments.find_subcommand_mut(command).map(std::mem::take).unwrap_or_default();
    found.clone().error(kind, message).exit()
}

#[cfg(feature = "stream")]
#[derive(Debug, Args)]
pub(crate) struct Stream {
    /// A .torrent file or a magnet link
    #[arg(value_name = "FILE|MAGNET")]
    pub(crate) source: PathBuf,
    /// The file to play, by its index in `info` [default: the largest]
    #[arg(value_name = "INDEX")]
    pub(crate) index: Option<u32>,
    /// Directory for the files; created if it does not exist
    #[arg(short, long, value_name = "DIR")]
    pub(crate) output: PathBuf,
    /// Peer to connect to; can be repeated
    #[arg(long, value_name = "ADDR", value_parser = peer)]
    pub(crate) peer: Vec<SocketAddr>,
    /// Address of the server. Anyone who can reach it can read the files of the torrent
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:0")]
    pub(crate) http: SocketAddr,
    /// Run this shell command, with the URL appended, and exit when it exits
    #[arg(long, value_name = "COMMAND")]
    pub(crate) play: Option<String>,
    #[command(flatten)]
    pub(crate) common: Common,
}

fn thread_count() -> clap::builder::RangedI64ValueParser<u16> {
    clap::value_parser!(u16).range(1..=256)
}

const NETWORK_THREADS: &str = "network_threads";

/// The options that download, seed and stream have in common.
#[derive(Debug, Args)]
#[command(next_help_heading = "Client")]
pub(crate) struct Common {
    /// Addresses or network devices, with ports, to listen on [default: 0.0.0.0:6881,[::]:6881; with
    /// --offline 127.0.0.1:0]
    #[arg(long, value_name = "ADDR[,ADDR]", value_parser = listen)]
    listen: Option<String>,
    /// Number of network threads, each of which can use one CPU core. Each torrent is assigned to one thread. Each
    /// thread listens on the next port [default: 1; with --preset seeding one per core, but without a store
    /// at most one per torrent]
    #[arg(long, value_name = "N", value_parser = thread_count())]
    network_threads: Option<u16>,
    /// Preset to start from
    #[arg(long, value_enum, default_value = "default")]
    preset: Preset,
    /// Change a setting of the preset, by its libtorrent name; can be repeated
    #[arg(long, value_name = "NAME=VALUE", value_parser = setting)]
    setting: Vec<Setting>,
    /// Do not communicate with other machines
    #[arg(long)]
    offline: bool,
    /// Send all traffic through a proxy: socks5://[USER:PASSWORD@]HOST:PORT, or the same with http
    #[arg(long, value_name = "URL")]
    proxy: Option<Proxy>,
    /// File of addresses that are blocked: P2P, DAT, or one address, range or network per line, optionally
    /// compressed by gzip; other lines are skipped
    #[arg(long, value_name = "FILE")]
    pub(crate) blocklist: Option<PathBuf>,
    /// Upload limit per second, such as 5MiB; does not apply to the local network
    #[arg(long, value_name = "RATE", value_parser = rate)]
    limit_up: Option<i32>,
    /// Download limit per second; does not apply to the local network
    #[arg(long, value_name = "RATE", value_parser = rate)]
    limit_down: Option<i32>,
    /// Keep the torrents and their progress in this file, and continue with those of earlier runs; created if
    /// it does not exist
    #[arg(long, value_name = "FILE")]
    store: Option<PathBuf>,
    /// The same as --store DIR/torrents.db; created if it does not exist
    #[arg(long, value_name = "DIR", conflicts_with = "store")]
    resume: Option<PathBuf>,
    /// Interval of status updates, in seconds
    #[arg(long, value_name = "SECONDS", default_value = "1", value_parser = seconds)]
    tick: Duration,
    /// Write each event to stdout as one line of JSON
    #[arg(long)]
    pub(crate) json: bool,
    /// Show only results, warnings and errors, no progress
    #[arg(long, short)]
    pub(crate) quiet: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Preset {
    /// For a desktop or a small server
    Default,
    /// For a machine that seeds as fast as it can
    Seeding,
}

impl Common {
    /// Returns whether the client may connect to a peer.
    pub(crate) fn allows(&self, peer: &SocketAddr) -> bool {
        !self.offline || peer.ip().is_loopback()
    }

    pub(crate) fn has_store(&self) -> bool {
        self.store.is_some() || self.resume.is_some()
    }

    /// Returns whether the client accepts peers. A client behind a proxy does not.
    pub(crate) fn listens(&self) -> bool {
        self.proxy.is_none()
    }

    /// A client for at most this many network threads, or for any number if there is a store.
    pub(crate) fn client(&self, threads: usize) -> crate::Result<ClientBuilder> {
        let file = match (&self.store, &self.resume) {
            (Some(file), _) => file.clone(),
            (None, Some(directory)) => {
                fs::create_dir_all(directory)
                    .map_err(|error| format!("cannot create {}: {error}", directory.display()))?;
                directory.join("torrents.db")
            }
            (None, None) => return Ok(self.builder(threads)),
        };
        Ok(self.builder(usize::MAX).store(Sqlite::open(file)?))
    }

    fn builder(&self, most_threads: usize) -> ClientBuilder {
        let mut settings = match self.preset {
            Preset::Default => Settings::default(),
            Preset::Seeding => Settings::seeding(),
        };
        // Peers would find no torrent at the port of an idle thread.
        if let Some(&SettingValue::Int(threads)) = settings.get(NETWORK_THREADS) {
            let most = i32::try_from(most_threads).unwrap_or(i32::MAX);
            settings.set(NETWORK_THREADS, threads.min(most)).expect("the preset has it");
        }
        let mut builder =
            Client::builder().settings(settings).offline(self.offline).tick_interval(self.tick);
        if let Some(listen) = &self.listen {
            builder = builder.listen(listen);
        }
        if let Some(rate) = self.limit_up {
            builder = builder.setting("upload_rate_limit", rate);
        }
        if let Some(rate) = self.limit_down {
            builder = builder.setting("download_rate_limit", rate);
        }
        if let Some(count) = self.network_threads {
            builder = builder.network_threads(count.into());
        }
        if let Some(proxy) = &self.proxy {
            builder = builder.proxy(proxy.clone());
        }
        for Setting { name, value } in &self.setting {
            builder = builder.setting(name, value.clone());
        }
        builder
    }
}

/// Returns the source for an argument. A path need not be UTF-8; a magnet link is.
pub(crate) fn source(path: &std::path::Path) -> Source {
    path.to_str().map_or_else(|| Source::from(path), Source::from_text)
}
