//! What the program is told on its command line.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use bytesize::ByteSize;
use clap::error::ErrorKind;
use clap::{Args, CommandFactory, Parser, Subcommand, ValueEnum};
use torrent_patron::{
    Client, ClientBuilder, Goals, Protocol, Proxy, SettingValue, Settings, Source,
};

use crate::selection::Selection;

/// The environment variable that turns the log on.
pub(crate) const LOG: &str = "TORRENT_PATRON_LOG";

/// Makes, checks, downloads and seeds torrents.
#[derive(Debug, Parser)]
#[command(version, propagate_version = true, max_term_width = 100, after_help = MORE)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

const MORE: &str = "\
Exit codes: 0 done, 1 failed, 2 wrong usage, 130 interrupted.
Progress and errors go to stderr, results to stdout.
TORRENT_PATRON_LOG=debug writes a log to stderr.";

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Make torrents, seed and download them in one process; needs no network
    #[command(after_help = "EXAMPLE:\n  torrent-patron demo --patrons 8 --size 1GiB")]
    Demo(Demo),
    /// Make a .torrent file of a file or a directory
    #[command(after_help = "EXAMPLE:\n  torrent-patron create holiday -o holiday.torrent \
                            --tracker https://tracker.example/announce")]
    Create(Create),
    /// Show what a .torrent file or a magnet link says
    #[command(after_help = "EXAMPLE:\n  torrent-patron info debian.torrent --json")]
    Info(Info),
    /// Compare data on disk with its torrent; changes nothing
    #[command(after_help = "EXAMPLE:\n  torrent-patron verify debian.torrent downloads")]
    Verify(Verify),
    /// Download torrents
    #[command(after_help = "EXAMPLE:\n  torrent-patron download debian.torrent \
                            'magnet:?xt=urn:btih:...' -o downloads\n\n\
                            Ctrl-C stops cleanly (exit code 130), a second one at once.")]
    Download(Download),
    /// Seed data until Ctrl-C or a goal
    #[command(after_help = "EXAMPLE:\n  torrent-patron seed debian.torrent downloads \
                            --preset seeding --limit-up 10MiB\n\n\
                            Ctrl-C stops cleanly (exit code 0), a second one at once.")]
    Seed(Seed),
}

#[derive(Debug, Args)]
pub(crate) struct Demo {
    /// How many patrons share the downloading client; each downloads one torrent
    #[arg(long, value_name = "N", default_value = "4", value_parser = patrons())]
    pub(crate) patrons: u8,
    /// How much data they download in all
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
    /// The .torrent file to write
    #[arg(short, long, value_name = "FILE.torrent")]
    pub(crate) output: PathBuf,
    /// A tracker; of several, each is tried when those before it fail
    #[arg(long, value_name = "URL")]
    pub(crate) tracker: Vec<String>,
    /// An HTTP server that has the data (BEP 19)
    #[arg(long, value_name = "URL")]
    pub(crate) web_seed: Vec<String>,
    /// A power of two from 16KiB to 512MiB; chosen by the size of the data unless given
    #[arg(long, value_name = "SIZE", value_parser = piece_length)]
    pub(crate) piece_length: Option<u32>,
    #[command(flatten)]
    version: Version,
    /// Let only the trackers give peers (BEP 27)
    #[arg(long)]
    pub(crate) private: bool,
    /// A remark for those who read the file
    #[arg(long, value_name = "TEXT")]
    pub(crate) comment: Option<String>,
    /// Overwrite the .torrent file if it exists
    #[arg(long)]
    pub(crate) force: bool,
}

#[derive(Debug, Args)]
#[group(multiple = false)]
struct Version {
    /// For BitTorrent v1 alone
    #[arg(long)]
    v1: bool,
    /// For BitTorrent v2 alone
    #[arg(long)]
    v2: bool,
    /// For both; the default
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
    /// As one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Verify {
    /// The torrent
    #[arg(value_name = "FILE.torrent")]
    pub(crate) torrent: PathBuf,
    /// The directory that holds its data
    #[arg(value_name = "DIR")]
    pub(crate) directory: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct Download {
    /// .torrent files and magnet links
    #[arg(required = true, value_name = "FILE|MAGNET")]
    pub(crate) sources: Vec<PathBuf>,
    /// Where the files go; made if it does not exist
    #[arg(short, long, value_name = "DIR")]
    pub(crate) output: PathBuf,
    /// A peer to try at once, for every torrent
    #[arg(long, value_name = "ADDR")]
    pub(crate) peer: Vec<SocketAddr>,
    /// Download this file alone: its number, as `info` shows it, or a pattern such as '*.mkv'; can be
    /// given again
    #[arg(long, value_name = "INDEX|GLOB")]
    pub(crate) select: Vec<Selection>,
    /// Download the pieces in their order
    #[arg(long)]
    pub(crate) sequential: bool,
    /// Keep in DIR what a later run needs to go on, and go on from what is there; made if it does not
    /// exist
    #[arg(long, value_name = "DIR")]
    pub(crate) resume: Option<PathBuf>,
    /// Go on seeding when all is here, until Ctrl-C or a goal
    #[arg(long)]
    pub(crate) seed: bool,
    #[command(flatten)]
    pub(crate) goals: SeedGoals,
    #[command(flatten)]
    pub(crate) common: Common,
}

/// When enough is given back. The program ends when that is so of all torrents.
#[derive(Debug, Args)]
pub(crate) struct SeedGoals {
    /// Seed until so many times what was received is sent, such as 1.5
    #[arg(long, value_name = "N", value_parser = ratio)]
    ratio: Option<f64>,
    /// Seed for so long, such as 90s, 30m, 12h or 2d
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

    /// For each of so many clients.
    pub(crate) fn shared_by(&self, clients: u16) -> Goals {
        let mut goals = self.goals();
        goals.share_ratio = goals.share_ratio.map(|ratio| ratio / f64::from(clients));
        goals
    }
}

impl Download {
    /// Goals without `--seed` are a usage error and end the program.
    pub(crate) fn check(&self) {
        if !self.seed && (self.goals.ratio.is_some() || self.goals.seed_time.is_some()) {
            let message = "--ratio and --seed-time need --seed: a download ends when all is here";
            wrong_usage("download", ErrorKind::MissingRequiredArgument, message)
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct Seed {
    /// Torrents, each with the directory that holds its data
    #[arg(required = true, num_args = 2.., value_names = ["FILE.torrent", "DIR"])]
    paths: Vec<PathBuf>,
    /// Take the data as complete without hashing it
    #[arg(long)]
    pub(crate) trust: bool,
    /// Seed with so many clients, to keep as many cores busy: each has a thread of its own for the
    /// network, and listens at the next port. Trackers take each for a peer. --limit-up and --ratio
    /// are for all together
    #[arg(long, value_name = "N", default_value = "1", value_parser = clients())]
    pub(crate) clients: u16,
    /// Answer Prometheus at http://ADDR/metrics
    #[cfg(feature = "metrics")]
    #[arg(long, value_name = "ADDR")]
    pub(crate) metrics: Option<SocketAddr>,
    #[command(flatten)]
    pub(crate) goals: SeedGoals,
    #[command(flatten)]
    pub(crate) common: Common,
}

fn clients() -> clap::builder::RangedI64ValueParser<u16> {
    clap::value_parser!(u16).range(1..=256)
}

impl Seed {
    /// Torrents and directories; an odd number of paths is a usage error and ends the program.
    pub(crate) fn pairs(&self) -> Vec<(&PathBuf, &PathBuf)> {
        let (pairs, []) = self.paths.as_chunks::<2>() else { odd_paths() };
        pairs.iter().map(|[torrent, directory]| (torrent, directory)).collect()
    }
}

fn odd_paths() -> ! {
    let message = "each FILE.torrent needs the DIR that holds its data";
    wrong_usage("seed", ErrorKind::WrongNumberOfValues, message)
}

fn wrong_usage(command: &str, kind: ErrorKind, message: &str) -> ! {
    let mut arguments = Arguments::command();
    arguments.build();
    let found = arguments.find_subcommand_mut(command).map(std::mem::take).unwrap_or_default();
    found.clone().error(kind, message).exit()
}

/// What download and seed have in common.
#[derive(Debug, Args)]
#[command(next_help_heading = "Client")]
pub(crate) struct Common {
    /// Where to accept peers [default: 0.0.0.0:6881,[::]:6881; with --offline 127.0.0.1:0]
    #[arg(long, value_name = "ADDR[,ADDR]")]
    listen: Option<String>,
    /// The settings to start from
    #[arg(long, value_enum, default_value = "default")]
    preset: Preset,
    /// Change one setting of the preset, by its name in libtorrent; can be given again
    #[arg(long, value_name = "NAME=VALUE", value_parser = setting)]
    setting: Vec<Setting>,
    /// Send nothing beyond this machine
    #[arg(long)]
    offline: bool,
    /// Do everything through a proxy, and nothing that cannot go through it:
    /// socks5://[USER:PASSWORD@]HOST:PORT, or the same with http
    #[arg(long, value_name = "URL")]
    proxy: Option<Proxy>,
    /// Have nothing to do with the addresses in this file (P2P, DAT, or one address, range or network
    /// a line; perhaps gzip); a line that is none of these is skipped
    #[arg(long, value_name = "FILE")]
    pub(crate) blocklist: Option<PathBuf>,
    /// Send at most so much a second, such as 5MiB; libtorrent exempts the local network
    #[arg(long, value_name = "RATE", value_parser = rate)]
    limit_up: Option<i32>,
    /// Receive at most so much a second; libtorrent exempts the local network
    #[arg(long, value_name = "RATE", value_parser = rate)]
    limit_down: Option<i32>,
    /// How often to say how things stand
    #[arg(long, value_name = "SECONDS", default_value = "1", value_parser = seconds)]
    tick: Duration,
    /// Write each event as one JSON object a line to stdout
    #[arg(long)]
    pub(crate) json: bool,
    /// No progress, only results, warnings and errors
    #[arg(long, short)]
    pub(crate) quiet: bool,
}

/// A setting that exists, with a value of its type.
#[derive(Debug, Clone)]
struct Setting {
    name: String,
    value: SettingValue,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Preset {
    /// For a desktop or a small server
    Default,
    /// For a machine that seeds at full speed
    Seeding,
}

impl Common {
    pub(crate) fn client(&self) -> ClientBuilder {
        self.one_of(1)
    }

    /// One of so many, which share the limits.
    fn one_of(&self, count: u16) -> ClientBuilder {
        let share = |rate| share(rate, count);
        let settings = match self.preset {
            Preset::Default => Settings::default(),
            Preset::Seeding => Settings::seeding(),
        };
        let mut builder =
            Client::builder().settings(settings).offline(self.offline).tick_interval(self.tick);
        if let Some(listen) = &self.listen {
            builder = builder.listen(listen);
        }
        if let Some(rate) = self.limit_up {
            builder = builder.setting("upload_rate_limit", share(rate));
        }
        if let Some(rate) = self.limit_down {
            builder = builder.setting("download_rate_limit", share(rate));
        }
        if let Some(proxy) = &self.proxy {
            builder = builder.proxy(proxy.clone());
        }
        for Setting { name, value } in &self.setting {
            builder = builder.setting(name, value.clone());
        }
        builder
    }

    /// So many, which listen at successive ports.
    pub(crate) fn clients(&self, count: u16) -> crate::Result<Vec<ClientBuilder>> {
        let client = self.one_of(count);
        let settings = client.effective_settings()?;
        let Some(SettingValue::Text(listen)) = settings.get("listen_interfaces") else {
            return Err("no address to listen at".into());
        };
        (0..count).map(|number| Ok(client.clone().listen(next_ports(listen, number)?))).collect()
    }
}

/// Of a rate, for each of so many; 0, which is no limit, stays and does not come to be.
fn share(rate: i32, count: u16) -> i32 {
    rate.min((rate / i32::from(count)).max(1))
}

/// The same addresses with ports that are so much higher; 0, which is any, stays.
fn next_ports(listen: &str, by: u16) -> crate::Result<String> {
    let moved = |interface: &str| {
        let (host, port) = interface.rsplit_once(':').unwrap_or((interface, ""));
        let digits = port.bytes().take_while(u8::is_ascii_digit).count();
        let (port, flags) = port.split_at(digits);
        match port.parse::<u16>() {
            // What is no port, libtorrent is to say.
            Err(_) | Ok(0) => Ok(interface.to_owned()),
            Ok(port) => match port.checked_add(by) {
                Some(port) => Ok(format!("{host}:{port}{flags}")),
                None => Err(format!("{interface}: there is no port {by} above {port}")),
            },
        }
    };
    let moved: Result<Vec<_>, _> = listen.split(',').map(moved).collect();
    Ok(moved?.join(","))
}

/// A path need not be UTF-8; a magnet link is.
pub(crate) fn source(path: &std::path::Path) -> Source {
    path.to_str().map_or_else(|| Source::from(path), Source::from_text)
}

fn size(text: &str) -> Result<u64, String> {
    text.parse::<ByteSize>().map(|size| size.as_u64())
}

fn piece_length(text: &str) -> Result<u32, String> {
    let bytes = size(text)?;
    u32::try_from(bytes)
        .ok()
        .filter(|bytes| bytes.is_power_of_two() && (16 << 10..=512 << 20).contains(bytes))
        .ok_or_else(|| format!("{bytes} bytes are no power of two from 16KiB to 512MiB"))
}

fn rate(text: &str) -> Result<i32, String> {
    let bytes = size(text)?;
    i32::try_from(bytes).map_err(|_| format!("at most {} a second", ByteSize(i32::MAX as u64)))
}

fn setting(text: &str) -> Result<Setting, String> {
    let (name, value) = text.split_once('=').ok_or("not of the form NAME=VALUE")?;
    let mut settings = Settings::default();
    settings.set_text(name, value).map_err(|error| error.to_string())?;
    let value = settings.get(name).cloned().ok_or("not a setting")?;
    Ok(Setting { name: name.to_owned(), value })
}

fn ratio(text: &str) -> Result<f64, String> {
    let ratio: f64 = text.parse().map_err(|_| "not a number such as 1.5".to_owned())?;
    let sound = ratio.is_finite() && ratio > 0.0;
    sound.then_some(ratio).ok_or_else(|| "not a number above 0".to_owned())
}

/// `90s`, `1h30m`.
fn duration(text: &str) -> Result<Duration, String> {
    let wrong = || "not a time such as 90s, 30m, 12h or 2d".to_owned();
    let mut rest = text;
    let mut seconds = 0u64;
    while let Some(end) = rest.find(|c: char| !c.is_ascii_digit()) {
        let unit = match rest.as_bytes()[end] {
            b's' => 1,
            b'm' => 60,
            b'h' => 3600,
            b'd' => 86_400,
            _ => return Err(wrong()),
        };
        let count: u64 = rest[..end].parse().map_err(|_| wrong())?;
        let more = count.checked_mul(unit).and_then(|more| seconds.checked_add(more));
        seconds = more.ok_or_else(wrong)?;
        rest = &rest[end + 1..];
    }
    let sound = rest.is_empty() && seconds > 0;
    sound.then_some(Duration::from_secs(seconds)).ok_or_else(wrong)
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text.parse().map_err(|_| "not a number".to_owned())?;
    Duration::try_from_secs_f64(seconds)
        .ok()
        .filter(|tick| !tick.is_zero())
        .ok_or_else(|| "not a time above 0".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clients_share_a_limit_if_there_is_one() {
        assert_eq!((share(0, 1), share(0, 4)), (0, 0));
        assert_eq!((share(7, 1), share(9, 4), share(3, 4)), (7, 2, 1));
    }

    #[test]
    fn clients_listen_at_successive_ports() {
        let listen = "0.0.0.0:6881,[::]:6881s,eth0:7000,127.0.0.1:0";
        assert_eq!(next_ports(listen, 0).unwrap(), listen);
        let next = next_ports(listen, 2).unwrap();
        assert_eq!(next, "0.0.0.0:6883,[::]:6883s,eth0:7002,127.0.0.1:0");
        let error = next_ports("[::]:65535", 1).unwrap_err().to_string();
        assert_eq!(error, "[::]:65535: there is no port 1 above 65535");
    }

    #[test]
    fn times_have_units() {
        for (text, seconds) in [("90s", 90), ("30m", 1800), ("12h", 43_200), ("1d1h1m1s", 90_061)] {
            assert_eq!(duration(text), Ok(Duration::from_secs(seconds)));
        }
        for wrong in ["", "5", "s", "0s", "1.5h", "-1s", "1h30", "1 h", "9é", "99999999999999999d"]
        {
            assert!(duration(wrong).unwrap_err().starts_with("not a time such as 90s"), "{wrong}");
        }
    }
}
