//! Trackers and web seeds
//!
//! The trackers and web seeds of a torrent. Errors of the replies: INVALID_ARGUMENT for an invalid
//! URL, for one that the torrent does not have, and, if the client is offline, for one outside of
//! the loopback interface.

use std::ffi::c_char;
use std::mem::{MaybeUninit, offset_of};

use crate::support::arguments::{milliseconds, or_none, text};
use crate::support::failure::{PATRON_OK, patron_error};
use crate::support::guard::{guard, read, release};
use crate::support::handles::{patron_handle, patron_reply};
use crate::support::lists::{List, count, read_into, text_of};
use crate::support::numbers::{Numbered, numbers};
use crate::support::replies::{ask_of, give_answer, read_answer};
use crate::support::structs::{Room, Struct};
use crate::support::text::patron_text;
use torrent_patron::tracker::{Announce, ProtocolVersion, Tracker, TrackerSource, TrackerStatus};

numbers! { TrackerSource:
    /// The tracker came from the metainfo.
    PATRON_TRACKER_SOURCE_METAINFO = 0 => Metainfo,
    /// The tracker was added by the program.
    PATRON_TRACKER_SOURCE_PROGRAM = 1 => Program,
    /// The tracker came from a magnet link.
    PATRON_TRACKER_SOURCE_MAGNET = 2 => Magnet,
    /// The tracker came from a peer (BEP 28).
    PATRON_TRACKER_SOURCE_PEER = 3 => Peer,
}

/// A tracker; see its announces for results.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct patron_tracker_status {
    /// The source of the tracker, a PATRON_TRACKER_SOURCE_*.
    pub source: i32,
    /// The tier; lower tiers are tried first (BEP 12).
    pub tier: u8,
    /// It has answered since the torrent was added.
    pub working: bool,
    /// Reserved; zero.
    pub reserved: [u8; 2],
}

impl Struct for patron_tracker_status {
    const NAME: &str = "patron_tracker_status";
    const FIRST_SIZE: usize = offset_of!(Self, reserved) + 2;
}

impl From<&TrackerStatus> for patron_tracker_status {
    fn from(tracker: &TrackerStatus) -> Self {
        Self {
            source: tracker.source.number(),
            tier: tracker.tier,
            working: tracker.working,
            reserved: [0; 2],
        }
    }
}

numbers! { ProtocolVersion:
    /// The v1 info hash (BEP 3).
    PATRON_ANNOUNCE_V1 = 1 => V1,
    /// The v2 info hash (BEP 52).
    PATRON_ANNOUNCE_V2 = 2 => V2,
}

/// The state of announcing to a tracker, for one listen address and one info hash of the torrent.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct patron_announce {
    /// Milliseconds until the next announce; -1 if none is scheduled.
    pub next_ms: i64,
    /// The number of seeds that the tracker reports; -1 if unknown.
    pub seeds: i64,
    /// The number of leechers that the tracker reports; -1 if unknown.
    pub leechers: i64,
    /// The number of completed downloads that the tracker reports; -1 if unknown.
    pub downloads: i64,
    /// The index of the tracker.
    pub tracker: u32,
    /// The number of consecutive failures.
    pub failures: u32,
    /// The error of the last announce, a PATRON_E_*, or 0; patron_trackers_announce_error() has the
    /// details.
    pub error: i32,
    /// A PATRON_ANNOUNCE_*, which decides the info hash.
    pub protocol: u8,
    /// An announce is in progress.
    pub updating: bool,
    /// Reserved; zero.
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
            error: announce.error.as_ref().map_or(PATRON_OK, |error| error.kind().number()),
            protocol: u8::try_from(announce.protocol.number()).unwrap_or(0),
            updating: announce.updating,
            reserved: [0; 2],
        }
    }
}

/// A snapshot of the trackers of a torrent, ordered by tier, and of all announces to them, ordered
/// by tracker. Several threads may read it at once.
pub struct patron_trackers {
    trackers: List<TrackerStatus>,
    announces: List<Known>,
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
        let announces: Vec<_> = announces.collect();
        Self { announces: announces.into(), trackers: trackers.clone().into() }
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

/// For patron_get_trackers(): the trackers, a new object for each call. Free it with
/// patron_trackers_free().
///
/// Errors: INVALID_ARGUMENT if the reply has no answer yet or is of another kind; BAD_HANDLE.
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

/// Frees the list. NULL is allowed.
#[unsafe(no_mangle)]
pub extern "C" fn patron_trackers_free(trackers: Option<Box<patron_trackers>>) {
    release(trackers);
}

/// The number of trackers.
#[unsafe(no_mangle)]
pub extern "C" fn patron_trackers_count(trackers: Option<&patron_trackers>) -> usize {
    count(trackers.map(|all| &all.trackers))
}

/// Copies the trackers from index `first` on into an array of `capacity` structs, and writes their
/// number to `written`. `struct_size` is sizeof(patron_tracker_status).
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
    let room = Room(out, struct_size, capacity);
    let list = trackers.map(|all| &all.trackers);
    // SAFETY: the caller gives the size of its structs and how many there are.
    unsafe { read_into((list, "trackers"), first, room, written, error) }
}

/// The announce URL of a tracker.
#[unsafe(no_mangle)]
pub extern "C" fn patron_trackers_url(
    trackers: Option<&patron_trackers>,
    index: usize,
) -> patron_text {
    let url = |tracker: &TrackerStatus| Some(tracker.url.to_string());
    text_of(trackers.map(|all| &all.trackers), "url", index, url)
}

/// The number of announces, of all trackers together.
#[unsafe(no_mangle)]
pub extern "C" fn patron_trackers_announce_count(trackers: Option<&patron_trackers>) -> usize {
    count(trackers.map(|all| &all.announces))
}

/// Copies the announces from index `first` on into an array of `capacity` structs, and writes their
/// number to `written`. `struct_size` is sizeof(patron_announce).
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
    let room = Room(out, struct_size, capacity);
    let list = trackers.map(|all| &all.announces);
    // SAFETY: the caller gives the size of its structs and how many there are.
    unsafe { read_into((list, "trackers"), first, room, written, error) }
}

/// The listen address of an announce, "127.0.0.1:6881".
#[unsafe(no_mangle)]
pub extern "C" fn patron_trackers_announce_from(
    trackers: Option<&patron_trackers>,
    index: usize,
) -> patron_text {
    let from = |known: &Known| Some(known.announce.from.to_string());
    text_of(trackers.map(|all| &all.announces), "from", index, from)
}

/// The tracker's message for an announce, a warning or a reason; often empty.
#[unsafe(no_mangle)]
pub extern "C" fn patron_trackers_announce_message(
    trackers: Option<&patron_trackers>,
    index: usize,
) -> patron_text {
    let message = |known: &Known| Some(known.announce.message.to_string());
    text_of(trackers.map(|all| &all.announces), "message", index, message)
}

/// The error of an announce; NULL if there is none. Owned by the list.
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

/// Adds a tracker; an existing one is not changed. Lower tiers are tried first (BEP 12).
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

/// Replaces all trackers of a torrent: one URL per line, with an empty line between tiers. An empty
/// text removes all trackers.
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

/// Announces a torrent to its trackers now, regardless of the announce interval. A paused torrent
/// is not announced.
#[unsafe(no_mangle)]
pub extern "C" fn patron_reannounce(
    patron: *mut patron_handle,
    torrent_id: u64,
    reply: Option<&mut MaybeUninit<*mut patron_reply>>,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    ask_of(patron, torrent_id, reply, error, |patron, id| Ok(patron.reannounce(id)))
}

/// Scrapes all trackers for their numbers of seeds and leechers (BEP 48). patron_get_trackers()
/// then has the results.
#[unsafe(no_mangle)]
pub extern "C" fn patron_scrape(
    patron: *mut patron_handle,
    torrent_id: u64,
    reply: Option<&mut MaybeUninit<*mut patron_reply>>,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    ask_of(patron, torrent_id, reply, error, |patron, id| Ok(patron.scrape(id)))
}

/// Announces a torrent to the DHT now (BEP 5).
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

/// For patron_get_web_seeds(): the number of web seeds.
#[unsafe(no_mangle)]
pub extern "C" fn patron_reply_web_seed_count(reply: *mut patron_reply) -> usize {
    read(0, || read_answer(reply, |urls: &Vec<String>, _| Some(urls.len())))
}

/// For patron_get_web_seeds(): the URL of a web seed. Valid until the reply is freed.
#[unsafe(no_mangle)]
pub extern "C" fn patron_reply_web_seed(reply: *mut patron_reply, index: usize) -> patron_text {
    read(patron_text::EMPTY, || {
        read_answer(reply, |urls: &Vec<String>, texts| {
            Some(texts.lend_nth("web seed", index, urls.get(index)?))
        })
    })
}

/// Adds a web seed (BEP 19). For a torrent with more than one file, use a URL that ends in "/".
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
