//! Making torrents
//!
//! A maker is used by one thread at a time. A torrent in the making may be watched, cancelled and
//! waited for from any thread.

use std::ffi::c_char;
use std::mem::MaybeUninit;
use std::time::{Duration, SystemTime};

use crate::metainfo::patron_metainfo;
use crate::support::arguments::{choice, deadline, give, path, required, text};
use crate::support::failure::{Failure, patron_error};
use crate::support::guard::{guard, read, release};
use crate::support::handles::{MAKINGS, MakingEntry, patron_making};
use crate::support::numbers::choices;
use crate::support::once::Once;
use torrent_patron::{Protocol, TorrentMaker};

choices! { Protocol:
    /// BitTorrent v1 (BEP 3) alone.
    PATRON_PROTOCOL_V1 = 0 => V1,
    /// BitTorrent v2 (BEP 52) alone.
    PATRON_PROTOCOL_V2 = 1 => V2,
    /// Both (BEP 52).
    PATRON_PROTOCOL_HYBRID = 2 => Hybrid,
}

/// Makes a .torrent file of a file or a directory.
pub struct patron_maker {
    maker: TorrentMaker,
}

impl patron_maker {
    fn change(&mut self, change: impl FnOnce(TorrentMaker) -> TorrentMaker) {
        self.maker = change(self.maker.clone());
    }
}

/// Prepares a torrent of the file or directory at `source`: hybrid, with a piece length chosen by
/// size. Free it with patron_maker_free().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn patron_maker_new(
    source: *const c_char,
    source_length: usize,
    out: Option<&mut MaybeUninit<Box<patron_maker>>>,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    guard(error, || {
        let out = required(out, "out")?;
        // SAFETY: the caller gives the length of the path.
        let source = unsafe { path(source, source_length, "source") }?;
        give(out, patron_maker { maker: TorrentMaker::new(source) });
        Ok(())
    })
}

/// Frees a maker. NULL is fine. A torrent that it has started to make is not concerned.
#[unsafe(no_mangle)]
pub extern "C" fn patron_maker_free(maker: Option<Box<patron_maker>>) {
    release(maker);
}

/// For which versions of the protocol, a PATRON_PROTOCOL_*; hybrid unless set.
///
/// Errors: INVALID_ARGUMENT for an unknown one.
#[unsafe(no_mangle)]
pub extern "C" fn patron_maker_set_protocol(
    maker: Option<&mut patron_maker>,
    protocol: i32,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    guard(error, || {
        let maker = required(maker, "maker")?;
        let protocol = choice(protocol, "protocol")?;
        maker.change(|maker| maker.protocol(protocol));
        Ok(())
    })
}

/// Bytes of a piece: a power of two from 16 KiB to 512 MiB, checked by patron_maker_start(); 0, which
/// is the default, chooses by the size of the data.
#[unsafe(no_mangle)]
pub extern "C" fn patron_maker_set_piece_length(
    maker: Option<&mut patron_maker>,
    bytes: u32,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    guard(error, || {
        required(maker, "maker")?.change(|maker| maker.piece_length(bytes));
        Ok(())
    })
}

/// Adds a tracker to a tier; tier 0 is tried first (BEP 12).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn patron_maker_add_tracker(
    maker: Option<&mut patron_maker>,
    tier: u8,
    url: *const c_char,
    url_length: usize,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    guard(error, || {
        // SAFETY: the caller gives the length of the URL.
        let url = unsafe { text(url, url_length, "url") }?;
        required(maker, "maker")?.change(|maker| maker.tracker(tier, url));
        Ok(())
    })
}

/// Adds a web seed (BEP 19).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn patron_maker_add_web_seed(
    maker: Option<&mut patron_maker>,
    url: *const c_char,
    url_length: usize,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    guard(error, || {
        // SAFETY: the caller gives the length of the URL.
        let url = unsafe { text(url, url_length, "url") }?;
        required(maker, "maker")?.change(|maker| maker.web_seed(url));
        Ok(())
    })
}

/// Whether only the trackers may give peers (BEP 27). False unless set.
#[unsafe(no_mangle)]
pub extern "C" fn patron_maker_set_private(
    maker: Option<&mut patron_maker>,
    is_private: bool,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    guard(error, || {
        required(maker, "maker")?.change(|maker| maker.private(is_private));
        Ok(())
    })
}

/// A remark for those who read the file.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn patron_maker_set_comment(
    maker: Option<&mut patron_maker>,
    comment: *const c_char,
    comment_length: usize,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    guard(error, || {
        // SAFETY: the caller gives the length of the comment.
        let comment = unsafe { text(comment, comment_length, "comment") }?;
        required(maker, "maker")?.change(|maker| maker.comment(comment));
        Ok(())
    })
}

/// The program that makes it; this library's name and version unless set.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn patron_maker_set_creator(
    maker: Option<&mut patron_maker>,
    creator: *const c_char,
    creator_length: usize,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    guard(error, || {
        // SAFETY: the caller gives the length of the text.
        let creator = unsafe { text(creator, creator_length, "creator") }?;
        required(maker, "maker")?.change(|maker| maker.creator(creator));
        Ok(())
    })
}

/// When it was made, in seconds since 1970; now unless set. A fixed date makes the file reproducible.
#[unsafe(no_mangle)]
pub extern "C" fn patron_maker_set_creation_date(
    maker: Option<&mut patron_maker>,
    seconds: u64,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    guard(error, || {
        let date = SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(seconds));
        let date = date.ok_or_else(|| Failure::invalid(format!("{seconds} s are no date")))?;
        required(maker, "maker")?.change(|maker| maker.creation_date(date));
        Ok(())
    })
}

/// Starts to hash, on a thread of its own. Free the result with patron_making_free(). The maker stays
/// the caller's and may start again.
///
/// Errors: INVALID_ARGUMENT for a wrong piece length; IO when the path cannot be read. What fails
/// later is told by patron_making_wait().
#[unsafe(no_mangle)]
pub extern "C" fn patron_maker_start(
    maker: Option<&patron_maker>,
    out: Option<&mut MaybeUninit<*mut patron_making>>,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    guard(error, || {
        let out = required(out, "out")?;
        let making = required(maker, "maker")?.maker.clone().start()?;
        out.write(MAKINGS.insert(MakingEntry { making, made: Once::default() }));
        Ok(())
    })
}

/// How many pieces are hashed, and of how many; 0 and 0 while the files are being listed. Either
/// place may be NULL.
///
/// Errors: BAD_HANDLE.
#[unsafe(no_mangle)]
pub extern "C" fn patron_making_progress(
    making: *mut patron_making,
    pieces: Option<&mut MaybeUninit<u64>>,
    of: Option<&mut MaybeUninit<u64>>,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    guard(error, || {
        let (hashed, all) = MAKINGS.get(making, "making")?.making.progress();
        for (out, value) in [(pieces, hashed), (of, all)] {
            if let Some(out) = out {
                out.write(value);
            }
        }
        Ok(())
    })
}

/// Stops the hashing at the next piece; patron_making_wait() then gives CANCELLED.
///
/// Errors: BAD_HANDLE.
#[unsafe(no_mangle)]
pub extern "C" fn patron_making_cancel(
    making: *mut patron_making,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    guard(error, || {
        MAKINGS.get(making, "making")?.making.cancel();
        Ok(())
    })
}

/// Waits for the metainfo for at most so many milliseconds; 0 only looks, a negative number waits
/// however long it takes. Free the result with patron_metainfo_free(). May be called again.
///
/// Errors: TIMED_OUT (wait again); IO when a file cannot be read; NATIVE when there is no data to
/// share; CANCELLED; BAD_HANDLE.
#[unsafe(no_mangle)]
pub extern "C" fn patron_making_wait(
    making: *mut patron_making,
    timeout_ms: i64,
    out: Option<&mut MaybeUninit<Box<patron_metainfo>>>,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    guard(error, || {
        let entry = MAKINGS.get(making, "making")?;
        let out = required(out, "out")?;
        let until = deadline(timeout_ms);
        let metainfo = entry.made.wait(until, || entry.making.wait_until(until))?;
        give(out, metainfo.clone().into());
        Ok(())
    })
}

/// Frees it, and cancels what is not yet made. NULL is fine, and so is what was freed before.
#[unsafe(no_mangle)]
pub extern "C" fn patron_making_free(making: *mut patron_making) {
    read((), || MAKINGS.remove(making, "making").ok().map(release));
}
