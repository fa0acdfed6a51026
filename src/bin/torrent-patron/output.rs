//! What is said: bars and lines for a person on stderr, results and JSON on stdout.

use std::borrow::Cow;
use std::fmt::{self, Display};
use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

use bytesize::ByteSize;
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::Serialize;
use torrent_patron::{TorrentState, TorrentStatus, printable};

use crate::arguments::LOG;
use crate::interrupt::Interrupt;

/// Where progress is shown. With a terminal there are bars, and lines go above them; without one
/// there are lines only.
#[derive(Debug, Clone)]
pub(crate) struct Screen {
    bars: MultiProgress,
    quiet: bool,
}

impl Screen {
    pub(crate) fn new(quiet: bool) -> Self {
        // The log would tear the bars.
        let has_bars = !quiet && io::stderr().is_terminal() && std::env::var_os(LOG).is_none();
        let target =
            if has_bars { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        Self { bars: MultiProgress::with_draw_target(target), quiet }
    }

    pub(crate) fn has_bars(&self) -> bool {
        !self.bars.is_hidden()
    }

    /// For progress: nothing when quiet.
    pub(crate) fn line(&self, text: impl Display) {
        if !self.quiet {
            self.warn(text);
        }
    }

    /// For what a person must know.
    pub(crate) fn warn(&self, text: impl Display) {
        let text = one_line(&text);
        if self.has_bars() {
            let _ = self.bars.println(text);
        } else {
            say(text);
        }
    }

    pub(crate) fn bar(&self, name: &str) -> Bar {
        let bar = self.bars.add(ProgressBar::new(PARTS));
        bar.set_style(style("{prefix} {bar:12.green/238} {wide_msg}"));
        bar.set_prefix(column(name, NAME_WIDTH));
        Bar(bar)
    }

    /// A result while there are bars.
    pub(crate) fn result(&self, text: impl Display) -> io::Result<()> {
        self.bars.suspend(|| result(text))
    }

    /// Takes the bars away for good; lines can go on. After Ctrl-C the bars stay: the terminal has
    /// put a `^C` there, and they would not be found any more.
    pub(crate) fn close(&self, interrupt: &Interrupt) {
        if self.has_bars() && interrupt.came() {
            say(String::new());
        } else {
            let _ = self.bars.clear();
        }
        self.bars.set_draw_target(ProgressDrawTarget::hidden());
    }
}

const NAME_WIDTH: usize = 18;

/// A bar has so many parts; enough to be smooth at any width.
const PARTS: u64 = 1000;

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template)
        .unwrap_or_else(|_| ProgressStyle::default_bar())
        .progress_chars("━━╌")
}

/// One line of progress.
#[derive(Debug, Clone)]
pub(crate) struct Bar(ProgressBar);

impl Bar {
    pub(crate) fn name(&self, name: &str) {
        self.0.set_prefix(column(name, NAME_WIDTH));
    }

    pub(crate) fn show(&self, part: f64, text: impl Display) {
        // Rounded down: a full bar means done.
        self.0.set_position((part * PARTS as f64) as u64);
        let percent = (part * 100.0).floor();
        self.0.set_message(format!("{percent:>3} %  {}", one_line(&text)));
    }

    pub(crate) fn status(&self, status: &TorrentStatus) {
        self.show(status.progress.into(), Columns(status));
    }

    pub(crate) fn remove(&self) {
        self.0.finish_and_clear();
    }
}

/// A status in columns of fixed width that fit beside a bar in 80 columns.
struct Columns<'a>(&'a TorrentStatus);

impl Display for Columns<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(status) = self;
        let size = ByteSize(status.wanted_size).to_string();
        if status.paused || status.error.is_some() {
            return write!(f, "{size:>10}  stopped");
        }
        match status.state {
            TorrentState::Downloading => {
                let rate = format!("{}/s", ByteSize(status.download_rate));
                write!(f, "{size:>10} ↓{rate:>12} {:>3}p", status.peers)?;
                match status.time_left() {
                    Some(left) => write!(f, " {:>7}", Clock(left)),
                    None => Ok(()),
                }
            }
            TorrentState::Seeding | TorrentState::Finished => {
                let rate = format!("{}/s", ByteSize(status.upload_rate));
                let sent = ByteSize(status.uploaded).to_string();
                write!(f, "{size:>10} ↑{rate:>12} {:>3}p {sent:>10}", status.peers)
            }
            TorrentState::DownloadingMetadata => {
                write!(f, "{:>10} metadata, {}p", "", status.peers)
            }
            _ => write!(f, "{size:>10} checking"),
        }
    }
}

/// `1:02:03` or `2:03`.
struct Clock(Duration);

impl Display for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.as_secs();
        let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
        f.pad(&match hours {
            0 => format!("{minutes}:{seconds:02}"),
            1..100 => format!("{hours}:{minutes:02}:{seconds:02}"),
            _ => format!("{} d", hours / 24),
        })
    }
}

/// Lets something through once in an interval.
#[derive(Debug)]
pub(crate) struct Throttle {
    interval: Duration,
    last: Option<Instant>,
}

impl Throttle {
    pub(crate) fn new(interval: Duration) -> Self {
        Self { interval, last: None }
    }

    pub(crate) fn lets_through(&mut self) -> bool {
        let due = self.last.is_none_or(|last| last.elapsed() >= self.interval);
        if due {
            self.last = Some(Instant::now());
        }
        due
    }
}

/// A result, for stdout. Nobody may be reading it, as in `torrent-patron ... | head`.
pub(crate) fn result(text: impl Display) -> io::Result<()> {
    match write_out(one_line(&text)) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => written,
    }
}

/// One JSON object, for stdout.
pub(crate) fn json(value: &impl Serialize) -> crate::Result<()> {
    Ok(write_out(ascii_controls(&serde_json::to_string(value)?))?)
}

/// JSON in which paths have their control characters as escapes too, which say the same.
fn ascii_controls(json: &str) -> String {
    let mut text = String::with_capacity(json.len());
    for c in json.chars() {
        let mut buffer = [0; 4];
        match printable(c.encode_utf8(&mut buffer)) {
            Cow::Borrowed(_) => text.push(c),
            Cow::Owned(_) => {
                let mut units = [0; 2];
                let units = c.encode_utf16(&mut units).iter();
                text.extend(units.map(|unit| format!("\\u{unit:04x}")));
            }
        }
    }
    text
}

fn write_out(mut line: String) -> io::Result<()> {
    line.push('\n');
    let mut stdout = io::stdout().lock();
    stdout.write_all(line.as_bytes())?;
    stdout.flush()
}

pub(crate) fn error(error: impl Display) {
    say(format!("error: {}", one_line(&error)));
}

/// To stderr; when that is closed there is nobody to tell.
fn say(mut line: String) {
    line.push('\n');
    let _ = io::stderr().lock().write_all(line.as_bytes());
}

/// Names come from strangers: no control character of theirs reaches the terminal.
pub(crate) fn one_line(text: &impl Display) -> String {
    printable(&text.to_string()).into_owned()
}

/// Cut or padded to a width in characters. The end stays: it tells the parts of a series apart.
fn column(text: &str, width: usize) -> String {
    let text: Vec<char> = one_line(&text).chars().collect();
    if text.len() <= width {
        return format!("{:<width$}", text.iter().collect::<String>());
    }
    let tail = width / 2;
    let head = width - tail - 1;
    text[..head].iter().chain(&['…']).chain(&text[text.len() - tail..]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_has_its_width() {
        assert_eq!(column("short", 9), "short    ");
        assert_eq!(column("a long name 2.iso", 9), "a lo….iso");
        assert_eq!(column("a\x1b[2J", 11), r"a\u{1b}[2J ");
    }

    #[test]
    fn json_says_the_same_without_control_characters() {
        let value = "a\u{9b}\u{202e}\u{e0041}\n\u{e9}";
        let text = ascii_controls(&serde_json::to_string(value).unwrap());
        assert_eq!(text, "\"a\\u009b\\u202e\\udb40\\udc41\\n\u{e9}\"");
        assert_eq!(serde_json::from_str::<String>(&text).unwrap(), value);
    }

    #[test]
    fn time_left_is_read_as_a_clock() {
        let shown = |seconds| Clock(Duration::from_secs(seconds)).to_string();
        assert_eq!(shown(5), "0:05");
        assert_eq!(shown(3 * 3600 + 62), "3:01:02");
        assert_eq!(shown(100 * 3600), "4 d");
    }
}
