//! Trackers and web seeds
//!
//! Where the peers and the pieces of a torrent come from. An invalid URL, one that the torrent does not
//! have, or that leaves the loopback interface where the client is offline is INVALID_ARGUMENT, as an
//! error of the reply. Trackers have a URL of http, https, udp, ws or wss, web seeds of http or https, of at
//! most 2048 bytes and without blanks and control characters in it. It is kept in its normal form: scheme
//! and host in lower case, user and password decoded.

use std::ffi::c_char;
use std::mem::{MaybeUninit, offset_of};

use super::arguments::{milliseconds, or_none, required, text};
use super::errors::{code, patron_error};
use super::guard::{guard, read, release};
use super::handle::{patron_handle, patron_reply};
use super::patron::ask_of;
use super::reply::{give_answer, read_answer};
use super::structs::{Room, Struct, write_all};
use super::text::{Texts, patron_text};
use torrent_patron::{Announce, Tracker, TrackerSource, TrackerStatus};

/// The metainfo named the tracker first.
pub const PATRON_TRACKER_SOURCE_METAINFO: i32 = 0;
/// The program did.
pub const PATRON_TRACKER_SOURCE_PROGRAM: i32 = 1;
/// A magnet link did.
pub const PATRON_TRACKER_SOURCE_MAGNET: i32 = 2;
/// Another peer did (BEP 28).
pub const PATRON_TRACKER_SOURCE_PEER: i32 = 3;

/// A tracker; its announces tell how it does.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct patron_tracker_status {
    /// How it was found, a PATRON_TRACKER_SOURCE_*.
    pub source: i32,
    /// Those of a lower tier are tried first (BEP 12).
    pub tier: u8,
    /// It has answered since the torrent was started.
    pub working: bool,
    /// Zero.
    pub reserved: [u8; 2],
}

impl Struct for patron_tracker_status {
    const NAME: &str = "patron_tracker_status";
    const FIRST_SIZE: usize = offset_of!(Self, reserved) + 2;
}

impl From<&TrackerStatus> for patron_tracker_status {
    fn from(tracker: &TrackerStatus) -> Self {
        let source = match tracker.source {
            TrackerSource::Metainfo => PATRON_TRACKER_SOURCE_METAINFO,
            TrackerSource::Program => PATRON_TRACKER_SOURCE_PROGRAM,
            TrackerSource::Magnet => PATRON_TRACKER_SOURCE_MAGNET,
            TrackerSource::Peer => PATRON_TRACKER_SOURCE_PEER,
            _ => 0,
        };
        Self { source, tier: tracker.tier, working: tracker.working, reserved: [0; 2] }
    }
}

/// How announcing to a tracker goes, by one address that the client listens on and one info hash of
/// the torrent.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct patron_announce {
    /// Until the next one, in milliseconds; -1 when none is planned.
    pub next_ms: i64,
    /// How many have everything, as the tracker says; -1 when it has not said.
    pub seeds: i64,
    /// How many have not, likewise.
    pub leechers: i64,
    /// How often the torrent was downloaded, likewise.
    pub downloads: i64,
    /// The index of the tracker.
    pub tracker: u32,
    /// How many failed in a row.
    pub failures: u32,
    /// Why the last one failed, a PATRON_E_*, or 0; patron_trackers_announce_error() says more.
    pub error: i32,
    /// 1 or 2: with the v1 or the v2 info hash.
    pub protocol: u8,
    /// One is under way.
    pub updating: bool,
    /// Zero.
    pub reserved: [u8; 2],
}

impl Struct for patron_announce {
    const NAME: &str = "patron_announce";
    const FIRST_SIZE: usize = offset_of!(Self, reserved) + 2;
}

impl From<&Known> for patron_announce {
    fn from(Known { tracker, announce, .. }: &Known) -> Self {
        let next = announce.next.map(milliseconds);
        Self {
            next_ms: next.map_or(-1, |next| i64::try_from(next).unwrap_or(i64::MAX)),
            seeds: or_none(announce.seeds),
            leechers: or_none(announce.leechers),
            downloads: or_none(announce.downloads),
            tracker: *tracker,
            failures: announce.failures,
            error: announce.error.as_ref().map_or(0, |error| code(error.kind())),
            protocol: announce.protocol,
            updating: announce.updating,
            reserved: [0; 2],
        }
    }
}

/// The trackers of a torrent at one moment, those of the lowest tier first, and all announces to them in
/// the order of the trackers. Any thread may read it, also several at once.
pub struct patron_trackers {
    trackers: Vec<TrackerStatus>,
    announces: Vec<Known>,
    texts: Texts,
}

struct Known {
    tracker: u32,
    announce: Announce,
    error: Option<Box<patron_error>>,
}

impl From<&Vec<TrackerStatus>> for patron_trackers {
    fn from(trackers: &Vec<TrackerStatus>) -> Self {
        let announces = (0..).zip(trackers).flat_map(|(tracker, status)| {
            status.announces.iter().map(move |announce| Known {
                tracker,
                announce: announce.clone(),
                error: announce.error.as_ref().map(|error| Box::new(patron_error::new(error))),
            })
        });
        Self { trackers: trackers.clone(), announces: announces.collect(), texts: Texts::default() }
    }
}

/// Asks for the trackers of a torrent; patron_reply_trackers() reads the answer.
#[unsafe(no_mangle)]
pub extern "C" fn patron_get_trackers(
    patron: *mut patron_handle,
    torrent_id: u64,
    reply: Option<&mut MaybeUninit<*mut patron_reply>>,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    ask_of(patron, torrent_id, reply, error, |patron, id| Ok(patron.trackers(id)))
}

/// Of patron_get_trackers(): the trackers, a new object for each call. Free it with
/// patron_trackers_free().
///
/// Errors: INVALID_ARGUMENT when the reply has no trackers, or none yet; BAD_HANDLE.
#[unsafe(no_mangle)]
pub extern "C" fn patron_reply_trackers(
    reply: *mut patron_reply,
    out: Option<&mut MaybeUninit<Box<patron_trackers>>>,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    guard(error, || {
        give_answer(reply, out, "trackers", |trackers: &Vec<TrackerStatus>| trackers.into())
    })
}

/// Frees the list. NULL is fine.
#[unsafe(no_mangle)]
pub extern "C" fn patron_trackers_free(trackers: Option<Box<patron_trackers>>) {
    release(trackers);
}

/// How many trackers there are.
#[unsafe(no_mangle)]
pub extern "C" fn patron_trackers_count(trackers: Option<&patron_trackers>) -> usize {
    read(0, || Some(trackers?.trackers.len()))
}

/// Writes the trackers from index `first` on into an array of `capacity` structs, and how many they
/// were to `written`. `struct_size` is sizeof(patron_tracker_status).
///
/// Errors: INVALID_ARGUMENT for a wrong struct size.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn patron_trackers_read(
    trackers: Option<&patron_trackers>,
    first: usize,
    out: *mut patron_tracker_status,
    struct_size: usize,
    capacity: usize,
    written: Option<&mut MaybeUninit<usize>>,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    guard(error, || {
        let trackers = required(trackers, "trackers")?.trackers.iter().skip(first);
        let room = Room(out, struct_size, capacity);
        // SAFETY: the caller gives the size of its structs and how many there are.
        unsafe { write_all(trackers.map(patron_tracker_status::from), room, written) }
    })
}

/// The announce URL of a tracker.
#[unsafe(no_mangle)]
pub extern "C" fn patron_trackers_url(
    trackers: Option<&patron_trackers>,
    index: usize,
) -> patron_text {
    read(patron_text::EMPTY, || {
        let trackers = trackers?;
        let url = trackers.trackers.get(index)?.url.as_bytes();
        Some(trackers.texts.lend_nth("url", index, url))
    })
}

/// How many announces there are, of all trackers.
#[unsafe(no_mangle)]
pub extern "C" fn patron_trackers_announce_count(trackers: Option<&patron_trackers>) -> usize {
    read(0, || Some(trackers?.announces.len()))
}

/// Writes the announces from index `first` on into an array of `capacity` structs, and how many they
/// were to `written`. `struct_size` is sizeof(patron_announce).
///
/// Errors: INVALID_ARGUMENT for a wrong struct size.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn patron_trackers_read_announces(
    trackers: Option<&patron_trackers>,
    first: usize,
    out: *mut patron_announce,
    struct_size: usize,
    capacity: usize,
    written: Option<&mut MaybeUninit<usize>>,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    guard(error, || {
        let announces = required(trackers, "trackers")?.announces.iter().skip(first);
        let room = Room(out, struct_size, capacity);
        // SAFETY: the caller gives the size of its structs and how many there are.
        unsafe { write_all(announces.map(patron_announce::from), room, written) }
    })
}

/// Of an announce: the address that the client listens on, "127.0.0.1:6881".
#[unsafe(no_mangle)]
pub extern "C" fn patron_trackers_announce_from(
    trackers: Option<&patron_trackers>,
    index: usize,
) -> patron_text {
    read(patron_text::EMPTY, || {
        let trackers = trackers?;
        let from = trackers.announces.get(index)?.announce.from;
        Some(trackers.texts.lend_nth("from", index, from.to_string()))
    })
}

/// Of an announce: what the tracker said, if it said something: a warning or why it refused.
#[unsafe(no_mangle)]
pub extern "C" fn patron_trackers_announce_message(
    trackers: Option<&patron_trackers>,
    index: usize,
) -> patron_text {
    read(patron_text::EMPTY, || {
        let trackers = trackers?;
        let message = trackers.announces.get(index)?.announce.message.as_bytes();
        Some(trackers.texts.lend_nth("message", index, message))
    })
}

/// Of an announce: why the last one failed; NULL if it did not. Belongs to the list.
#[unsafe(no_mangle)]
pub extern "C" fn patron_trackers_announce_error(
    trackers: Option<&patron_trackers>,
    index: usize,
) -> *const patron_error {
    read(std::ptr::null(), || {
        let error = trackers?.announces.get(index)?.error.as_ref()?;
        Some(&raw const **error)
    })
}

/// Adds a tracker; one that is there already stays as it is. Those of a lower tier are tried first
/// (BEP 12).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn patron_add_tracker(
    patron: *mut patron_handle,
    torrent_id: u64,
    url: *const c_char,
    url_length: usize,
    tier: u8,
    reply: Option<&mut MaybeUninit<*mut patron_reply>>,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    ask_of(patron, torrent_id, reply, error, |patron, id| {
        // SAFETY: the caller gives the length of the URL.
        let url = unsafe { text(url, url_length, "url") }?;
        Ok(patron.add_tracker(id, url, tier))
    })
}

/// Removes a tracker.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn patron_remove_tracker(
    patron: *mut patron_handle,
    torrent_id: u64,
    url: *const c_char,
    url_length: usize,
    reply: Option<&mut MaybeUninit<*mut patron_reply>>,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    ask_of(patron, torrent_id, reply, error, |patron, id| {
        // SAFETY: the caller gives the length of the URL.
        let url = unsafe { text(url, url_length, "url") }?;
        Ok(patron.remove_tracker(id, url))
    })
}

/// Puts these trackers in the place of those that a torrent has: a URL on each line, and an empty line
/// before each tier but the first. An empty text removes all.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn patron_replace_trackers(
    patron: *mut patron_handle,
    torrent_id: u64,
    urls: *const c_char,
    urls_length: usize,
    reply: Option<&mut MaybeUninit<*mut patron_reply>>,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    ask_of(patron, torrent_id, reply, error, |patron, id| {
        // SAFETY: the caller gives the length of the text.
        let urls = unsafe { text(urls, urls_length, "urls") }?;
        Ok(patron.replace_trackers(id, tiers(urls)))
    })
}

fn tiers(urls: &str) -> Vec<Tracker> {
    let lines: Vec<_> = urls.lines().map(str::trim).collect();
    let tiers = lines.split(|line| line.is_empty()).filter(|tier| !tier.is_empty());
    let numbers = (0..=u8::MAX).chain(std::iter::repeat(u8::MAX));
    numbers
        .zip(tiers)
        .flat_map(|(tier, urls)| urls.iter().map(move |url| Tracker::new(*url, tier)))
        .collect()
}

/// Announces a torrent to its trackers now, whatever interval they asked for. A paused torrent is not
/// announced.
#[unsafe(no_mangle)]
pub extern "C" fn patron_reannounce(
    patron: *mut patron_handle,
    torrent_id: u64,
    reply: Option<&mut MaybeUninit<*mut patron_reply>>,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    ask_of(patron, torrent_id, reply, error, |patron, id| Ok(patron.reannounce(id)))
}

/// Asks all trackers how many seeds and leechers they know of (BEP 48). What they answer is in
/// patron_get_trackers().
#[unsafe(no_mangle)]
pub extern "C" fn patron_scrape(
    patron: *mut patron_handle,
    torrent_id: u64,
    reply: Option<&mut MaybeUninit<*mut patron_reply>>,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    ask_of(patron, torrent_id, reply, error, |patron, id| Ok(patron.scrape(id)))
}

/// Announces a torrent to the distributed hash table now (BEP 5).
#[unsafe(no_mangle)]
pub extern "C" fn patron_announce_to_dht(
    patron: *mut patron_handle,
    torrent_id: u64,
    reply: Option<&mut MaybeUninit<*mut patron_reply>>,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    ask_of(patron, torrent_id, reply, error, |patron, id| Ok(patron.announce_to_dht(id)))
}

/// Announces a torrent on the local network now (BEP 14).
#[unsafe(no_mangle)]
pub extern "C" fn patron_announce_locally(
    patron: *mut patron_handle,
    torrent_id: u64,
    reply: Option<&mut MaybeUninit<*mut patron_reply>>,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    ask_of(patron, torrent_id, reply, error, |patron, id| Ok(patron.announce_locally(id)))
}

/// Asks for the web seeds of a torrent; patron_reply_web_seed() reads the answer.
#[unsafe(no_mangle)]
pub extern "C" fn patron_get_web_seeds(
    patron: *mut patron_handle,
    torrent_id: u64,
    reply: Option<&mut MaybeUninit<*mut patron_reply>>,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    ask_of(patron, torrent_id, reply, error, |patron, id| Ok(patron.web_seeds(id)))
}

/// Of patron_get_web_seeds(): how many there are.
#[unsafe(no_mangle)]
pub extern "C" fn patron_reply_web_seed_count(reply: *mut patron_reply) -> usize {
    read(0, || read_answer(reply, |urls: &Vec<String>, _| Some(urls.len())))
}

/// Of patron_get_web_seeds(): the URL of one. Good until the reply is freed.
#[unsafe(no_mangle)]
pub extern "C" fn patron_reply_web_seed(reply: *mut patron_reply, index: usize) -> patron_text {
    read(patron_text::EMPTY, || {
        read_answer(reply, |urls: &Vec<String>, texts| {
            Some(texts.lend_nth("web seed", index, urls.get(index)?))
        })
    })
}

/// Adds a web seed (BEP 19): the URL of the file, or of the directory that has the torrent's file or
/// directory. That it gives nothing is told by PATRON_EVENT_WEB_SEED_FAILED.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn patron_add_web_seed(
    patron: *mut patron_handle,
    torrent_id: u64,
    url: *const c_char,
    url_length: usize,
    reply: Option<&mut MaybeUninit<*mut patron_reply>>,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    ask_of(patron, torrent_id, reply, error, |patron, id| {
        // SAFETY: the caller gives the length of the URL.
        let url = unsafe { text(url, url_length, "url") }?;
        Ok(patron.add_web_seed(id, url))
    })
}

/// Removes a web seed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn patron_remove_web_seed(
    patron: *mut patron_handle,
    torrent_id: u64,
    url: *const c_char,
    url_length: usize,
    reply: Option<&mut MaybeUninit<*mut patron_reply>>,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    ask_of(patron, torrent_id, reply, error, |patron, id| {
        // SAFETY: the caller gives the length of the URL.
        let url = unsafe { text(url, url_length, "url") }?;
        Ok(patron.remove_web_seed(id, url))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_line_begins_a_tier() {
        let of = |urls| tiers(urls).into_iter().map(|one| (one.url, one.tier)).collect::<Vec<_>>();
        assert_eq!(of(""), []);
        assert_eq!(of("\r\n\n"), []);
        let expected = [("a".into(), 0), ("b".into(), 0), ("c".into(), 1)];
        assert_eq!(of("a\nb\n\nc"), expected);
        assert_eq!(of("\na\r\nb \r\n\r\n\r\nc\r\n"), expected);
        let many = of(&"a\n\n".repeat(300));
        assert_eq!((many.len(), many[255].1, many[299].1), (300, 255, 255));
    }
}
