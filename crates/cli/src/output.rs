//! Output: progress bars and lines on stderr, results and JSON on stdout.

use std::borrow::Cow;
use std::fmt::{self, Display};
use std::io::{self, IsTerminal};
use std::time::{Duration, Instant};

use bytesize::ByteSize;
use crossbeam_channel::Receiver;
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::Serialize;
use torrent_patron::Event;
use torrent_patron::metainfo::{HashProgress, Hashing};
use torrent_patron::text::printable;
use torrent_patron::torrent::{TorrentState, TorrentStatus};

use crate::arguments::LOG;
use crate::writer::Writer;

static STDOUT: Writer = Writer::new("stdout", || Box::new(io::stdout()));
static STDERR: Writer = Writer::new("stderr", || Box::new(io::stderr()));

/// How long to wait until output is written. A reader that reads needs less.
const FLUSH: Duration = Duration::from_millis(100);

/// How often the progress of hashing is shown.
const POLL: Duration = Duration::from_millis(100);

/// How long lines wait for a reader before the program ends by a signal, or another one writes.
const FINAL_FLUSH: Duration = Duration::from_secs(1);

/// How often a line shows the status of a torrent if there are no bars.
pub(crate) const STATUS_LINES: Duration = Duration::from_secs(5);

/// Shows progress: in a terminal as bars with lines above them, otherwise only as lines.
#[derive(Debug, Clone)]
pub(crate) struct Screen {
    bars: MultiProgress,
    quiet: bool,
}

impl Screen {
    pub(crate) fn new(quiet: bool) -> Self {
        // Log lines would break the bars.
        let has_bars = !quiet && io::stderr().is_terminal() && std::env::var_os(LOG).is_none();
        let target =
            if has_bars { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        Self { bars: MultiProgress::with_draw_target(target), quiet }
    }

    pub(crate) fn has_bars(&self) -> bool {
        !self.bars.is_hidden()
    }

    /// Shows a line of progress, unless quiet.
    pub(crate) fn line(&self, text: impl Display) {
        if !self.quiet {
            self.warn(text);
        }
    }

    /// Shows a line, even if quiet.
    pub(crate) fn warn(&self, text: impl Display) {
        if self.has_bars() {
            let _ = self.bars.println(one_line(&text));
        } else {
            write_stderr(&text);
        }
    }

    pub(crate) fn bar(&self, name: &str) -> Bar {
        let bar = self.bars.add(ProgressBar::new(PARTS));
        bar.set_style(style("{prefix} {bar:12.green/238} {wide_msg}"));
        bar.set_prefix(column(name, NAME_WIDTH));
        Bar(bar)
    }

    /// Shows the progress of hashing until it ends, and cancels it when `interrupted` returns true. Then
    /// [closes](Self::close) the bars.
    pub(crate) fn watch<T>(
        &self,
        hashing: &Hashing<T>,
        name: &str,
        interrupted: impl Fn() -> bool,
    ) -> torrent_patron::Result<T> {
        let bar = self.bar(name);
        let result = loop {
            if let Some(result) = hashing.wait_timeout(POLL) {
                break result;
            }
            if interrupted() {
                hashing.cancel();
            }
            bar.hashing(&hashing.progress());
        };
        self.close(interrupted());
        result
    }

    /// Shows a result while work is in progress. Never waits for the reader.
    pub(crate) fn result(&self, text: impl Display) {
        let has_bars = self.has_bars();
        self.bars.suspend(|| {
            STDOUT.offer(line(&text), true, dropped_lines);
            if has_bars {
                // Flushed before the bars are drawn again.
                STDOUT.flush(Some(Instant::now() + FLUSH));
            }
        });
    }

    /// Removes the bars permanently; lines can follow. After Ctrl-C the bars stay, because the terminal has
    /// written `^C` there and their position is unknown.
    pub(crate) fn close(&self, interrupted: bool) {
        if self.has_bars() && interrupted {
            write_stderr(&"");
        } else {
            let _ = self.bars.clear();
        }
        self.bars.set_draw_target(ProgressDrawTarget::hidden());
        // Both may be the same terminal, so the output of one must be written before that of the other.
        for writer in [&STDOUT, &STDERR] {
            writer.flush(Some(Instant::now() + FLUSH));
        }
    }
}

const NAME_WIDTH: usize = 18;

/// The length of a bar, which is smooth at any width.
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

    pub(crate) fn hashing(&self, progress: &HashProgress) {
        let HashProgress { files, bytes, size, .. } = *progress;
        if size == 0 {
            return self.show(0.0, format_args!("{files} files found"));
        }
        let text = format!("{} of {} hashed", ByteSize(bytes), ByteSize(size));
        self.show(bytes as f64 / size as f64, text);
    }

    pub(crate) fn status(&self, status: &TorrentStatus) {
        self.show(status.progress.into(), Columns(status));
    }

    pub(crate) fn remove(&self) {
        self.0.finish_and_clear();
    }
}

/// A status in columns of fixed width, which fit beside a bar in 80 columns.
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

/// A duration as `1:02:03` or `2:03`.
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

/// Limits something to once per interval.
#[derive(Debug)]
pub(crate) struct Throttle {
    interval: Duration,
    last: Option<Instant>,
}

impl Throttle {
    pub(crate) fn new(interval: Duration) -> Self {
        Self { interval, last: None }
    }

    pub(crate) fn allows(&mut self) -> bool {
        let due = self.last.is_none_or(|last| last.elapsed() >= self.interval);
        if due {
            self.last = Some(Instant::now());
        }
        due
    }
}

/// Writes what is queued, before another program writes to the same stdout.
#[cfg(feature = "http")]
pub(crate) fn flush() {
    STDOUT.flush(Some(Instant::now() + FINAL_FLUSH));
}

/// Writes a result to stdout. Waits while the reader is far behind.
pub(crate) fn result(text: impl Display) -> io::Result<()> {
    STDOUT.write(line(&text));
    Ok(())
}

/// Writes a JSON object to stdout. Waits while the reader is far behind.
pub(crate) fn json(value: &impl Serialize) -> crate::Result<()> {
    STDOUT.write(ascii_controls(&serde_json::to_string(value)?) + "\n");
    Ok(())
}

/// Writes an event to stdout as JSON. Never waits for the reader: one that is far behind misses events, and a
/// `lagged` event counts them.
pub(crate) fn event(event: &Event) {
    let important = !matches!(event, Event::Status(_));
    STDOUT.offer(json_line(event), important, |missed| json_line(&Event::Lagged { missed }));
}

/// Writes a JSON object like [`event`].
#[cfg(feature = "http")]
pub(crate) fn object(value: &serde_json::Value) {
    STDOUT.offer(json_line(value), true, |missed| json_line(&Event::Lagged { missed }));
}

fn json_line(value: &impl Serialize) -> String {
    ascii_controls(&serde_json::to_string(value).unwrap_or_default()) + "\n"
}

/// Escapes control characters in JSON, which does not change its meaning.
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

pub(crate) fn error(error: impl Display) {
    write_stderr(&format_args!("error: {error}"));
}

pub(crate) fn warn(text: impl Display) {
    write_stderr(&format_args!("warning: {text}"));
}

/// Writes a line to stderr; never waits for the reader.
fn write_stderr(text: &impl Display) {
    STDERR.offer(line(text), true, dropped_lines);
}

/// Writes lines of the log to stderr. Never waits for the reader.
pub(crate) struct Log;

impl io::Write for Log {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        STDERR.offer(String::from_utf8_lossy(line).into(), false, dropped_lines);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn dropped_lines(missed: u64) -> String {
    line(&format_args!(
        "warning: {missed} lines were dropped because the output was not read fast enough"
    ))
}

/// Returns whether stdout was found to be closed, for example by `head`.
pub(crate) fn is_closed() -> bool {
    STDOUT.is_closed()
}

/// Returns a channel for `select!` that is disconnected once stdout is closed.
pub(crate) fn closed() -> Receiver<()> {
    STDOUT.closed()
}

/// Waits until all output is written; after a signal, only briefly. The error is that of stdout.
pub(crate) fn finish(interrupted: bool) -> Result<(), String> {
    let deadline = interrupted.then(|| Instant::now() + FINAL_FLUSH);
    STDOUT.flush(deadline);
    STDERR.flush(deadline);
    STDOUT.failure().map_or(Ok(()), Err)
}

fn line(text: &impl Display) -> String {
    one_line(text) + "\n"
}

/// Replaces control characters, because names come from strangers and must not control the terminal.
pub(crate) fn one_line(text: &impl Display) -> String {
    printable(&text.to_string()).into_owned()
}

/// Cuts or pads text to a width in characters. The end is kept, because it distinguishes the parts of a
/// series.
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
