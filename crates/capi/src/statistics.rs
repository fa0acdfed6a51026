//! Statistics
//!
//! Counters since the start of a client. These are all counters of libtorrent, by their names in
//! <https://libtorrent.org/manual-ref.html#session-statistics>, for example
//! "net.sent_payload_bytes" and "peer.num_peers_connected", and those of the read path, whose names
//! begin with "reads.". Several threads may read a statistics object at once.

use std::ffi::c_char;
use std::mem::MaybeUninit;

use crate::support::arguments::{give, required, text};
use crate::support::failure::{Failure, patron_error};
use crate::support::guard::{guard, read, release};
use crate::support::handles::{PATRONS, patron_handle, patron_reply};
use crate::support::replies::give_answer;
use crate::support::text::{Texts, patron_text};
use torrent_patron::statistics::{Counter, Statistics};

/// A snapshot of the counters of a client.
#[derive(Default)]
pub struct patron_statistics {
    counters: Vec<Counter>,
    all_time_sent: u64,
    all_time_received: u64,
    network_threads: Vec<Statistics>,
    texts: Texts,
}

impl From<&Statistics> for patron_statistics {
    fn from(statistics: &Statistics) -> Self {
        Self {
            counters: statistics.counters().collect(),
            all_time_sent: statistics.all_time_sent,
            all_time_received: statistics.all_time_received,
            network_threads: statistics.by_network_thread().to_vec(),
            texts: Texts::default(),
        }
    }
}

/// Returns only the counters of the read path. The call does not wait, and still works when the
/// client has stopped. Free the result with patron_statistics_free(). See also
/// patron_get_statistics().
///
/// Errors: BAD_HANDLE.
#[unsafe(no_mangle)]
pub extern "C" fn patron_peek_read_statistics(
    patron: *mut patron_handle,
    out: Option<&mut MaybeUninit<Box<patron_statistics>>>,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    guard(error, || {
        let entry = PATRONS.get(patron, "patron")?;
        let out = required(out, "out")?;
        let mut counters: Vec<_> = entry.patron.read_statistics().counters().into_iter().collect();
        counters.sort_unstable_by_key(|counter| counter.name);
        give(out, patron_statistics { counters, ..patron_statistics::default() });
        Ok(())
    })
}

/// For patron_get_statistics(): the statistics, a new object for each call. Free it with
/// patron_statistics_free().
///
/// Errors: INVALID_ARGUMENT if the reply has no answer yet or is of another kind; BAD_HANDLE.
#[unsafe(no_mangle)]
pub extern "C" fn patron_reply_statistics(
    reply: *mut patron_reply,
    out: Option<&mut MaybeUninit<Box<patron_statistics>>>,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    guard(error, || {
        give_answer(reply, out, "statistics", |statistics: &Statistics| statistics.into())
    })
}

/// Frees a statistics object. NULL is allowed.
#[unsafe(no_mangle)]
pub extern "C" fn patron_statistics_free(statistics: Option<Box<patron_statistics>>) {
    release(statistics);
}

/// For the answer to patron_get_statistics(): the number of network threads of the client.
#[unsafe(no_mangle)]
pub extern "C" fn patron_statistics_network_threads(
    statistics: Option<&patron_statistics>,
) -> usize {
    read(0, || Some(statistics?.network_threads.len()))
}

/// Returns the counters of one network thread. Free them with patron_statistics_free().
///
/// Errors: INVALID_ARGUMENT if there is no such thread.
#[unsafe(no_mangle)]
pub extern "C" fn patron_statistics_network_thread(
    statistics: Option<&patron_statistics>,
    index: usize,
    out: Option<&mut MaybeUninit<Box<patron_statistics>>>,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    guard(error, || {
        let out = required(out, "out")?;
        let all = &required(statistics, "statistics")?.network_threads;
        let none = || Failure::invalid(format!("there is no network thread {index}"));
        give(out, all.get(index).ok_or_else(none)?.into());
        Ok(())
    })
}

/// Writes the value of the counter with this name. Returns false and writes nothing if there is
/// none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn patron_statistics_get(
    statistics: Option<&patron_statistics>,
    name: *const c_char,
    name_length: usize,
    out: Option<&mut MaybeUninit<i64>>,
) -> bool {
    read(false, || {
        // SAFETY: the caller gives the length of the name.
        let name = unsafe { text(name, name_length, "name") }.ok()?;
        let counters = &statistics?.counters;
        let place = counters.binary_search_by_key(&name, |counter| counter.name).ok()?;
        out?.write(counters[place].value);
        Some(true)
    })
}

/// The number of counters. They are sorted by name.
#[unsafe(no_mangle)]
pub extern "C" fn patron_statistics_count(statistics: Option<&patron_statistics>) -> usize {
    read(0, || Some(statistics?.counters.len()))
}

/// The name of a counter.
#[unsafe(no_mangle)]
pub extern "C" fn patron_statistics_name(
    statistics: Option<&patron_statistics>,
    index: usize,
) -> patron_text {
    read(patron_text::EMPTY, || {
        let statistics = statistics?;
        Some(statistics.texts.lend_nth("name", index, statistics.counters.get(index)?.name))
    })
}

/// The value of a counter.
#[unsafe(no_mangle)]
pub extern "C" fn patron_statistics_value(
    statistics: Option<&patron_statistics>,
    index: usize,
) -> i64 {
    read(0, || Some(statistics?.counters.get(index)?.value))
}

/// Whether a counter is a gauge, which can decrease; other counters only increase.
#[unsafe(no_mangle)]
pub extern "C" fn patron_statistics_is_gauge(
    statistics: Option<&patron_statistics>,
    index: usize,
) -> bool {
    read(false, || Some(statistics?.counters.get(index)?.gauge))
}

/// The bytes sent in all runs that used the client's store; 0 without a store, and for
/// patron_peek_read_statistics().
#[unsafe(no_mangle)]
pub extern "C" fn patron_statistics_all_time_sent(statistics: Option<&patron_statistics>) -> u64 {
    read(0, || Some(statistics?.all_time_sent))
}

/// The bytes received in all runs that used the client's store, like
/// patron_statistics_all_time_sent().
#[unsafe(no_mangle)]
pub extern "C" fn patron_statistics_all_time_received(
    statistics: Option<&patron_statistics>,
) -> u64 {
    read(0, || Some(statistics?.all_time_received))
}
