//! Creating torrent files
//!
//! A maker is used by one thread at a time.

use std::ffi::c_char;
use std::mem::MaybeUninit;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use crate::metainfo::patron_metainfo;
use crate::support::arguments::{choice, give, path, required, text};
use crate::support::failure::{Failure, patron_error};
use crate::support::guard::{guard, read, release};
use crate::support::handles::{MAKINGS, patron_making};
use crate::support::hashing::{self, patron_hash_progress};
use crate::support::numbers::choices;
use crate::support::text::patron_text;
use torrent_patron::metainfo::{Links, Protocol, SpecialFiles, TorrentMaker};

choices! { Protocol:
    /// BitTorrent v1 only (BEP 3).
    PATRON_PROTOCOL_V1 = 0 => V1,
    /// BitTorrent v2 only (BEP 52).
    PATRON_PROTOCOL_V2 = 1 => V2,
    /// Both, a hybrid torrent (BEP 52).
    PATRON_PROTOCOL_HYBRID = 2 => Hybrid,
}

choices! { Links:
    /// Symbolic links are followed, as if their targets were there. A link to nothing or to a
    /// directory above it, and a second link to a directory, are errors.
    PATRON_LINKS_FOLLOW = 0 => Follow,
    /// A symbolic link is an error.
    PATRON_LINKS_REFUSE = 1 => Refuse,
    /// Symbolic links are skipped; see patron_making_left_out().
    PATRON_LINKS_SKIP = 2 => Skip,
    /// Symbolic links are stored as links (BEP 47). A link to something outside the torrent is an
    /// error.
    PATRON_LINKS_KEEP = 3 => Keep,
}

choices! { SpecialFiles:
    /// FIFOs, devices and sockets are errors.
    PATRON_SPECIAL_FILES_REFUSE = 0 => Refuse,
    /// FIFOs, devices and sockets are skipped; see patron_making_left_out().
    PATRON_SPECIAL_FILES_SKIP = 1 => Skip,
}

/// Creates the .torrent file for a file or directory.
pub struct patron_maker {
    maker: TorrentMaker,
}

impl patron_maker {
    fn change(&mut self, change: impl FnOnce(TorrentMaker) -> TorrentMaker) {
        let empty = TorrentMaker::new(PathBuf::new());
        self.maker = change(std::mem::replace(&mut self.maker, empty));
    }
}

/// Makes a maker for the file or directory at `source`: hybrid, with a piece length chosen by size.
/// Free it with patron_maker_free().
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

/// Frees a maker. NULL is allowed. Torrent files that it is already creating are not affected.
#[unsafe(no_mangle)]
pub extern "C" fn patron_maker_free(maker: Option<Box<patron_maker>>) {
    release(maker);
}

/// Sets the protocol versions, a PATRON_PROTOCOL_*. The default is hybrid.
///
/// Errors: INVALID_ARGUMENT for an unknown value.
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

/// Sets the piece length in bytes, a power of two from 16 KiB to 512 MiB; patron_maker_start()
/// checks it. The default, 0, chooses a length by the size of the data.
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
    url: *const c_char,
    url_length: usize,
    tier: u8,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    guard(error, || {
        // SAFETY: the caller gives the length of the URL.
        let url = unsafe { text(url, url_length, "url") }?;
        required(maker, "maker")?.change(|maker| maker.add_tracker(url, tier));
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
        required(maker, "maker")?.change(|maker| maker.add_web_seed(url));
        Ok(())
    })
}

/// Marks the torrent as private: peers come only from its trackers (BEP 27). The default is false.
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

/// Sets the comment.
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

/// Sets the name of the creating program. The default is the name and version of this library.
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

/// Sets the creation date in seconds since 1970. The default is the current time. A fixed date
/// makes the file reproducible.
#[unsafe(no_mangle)]
pub extern "C" fn patron_maker_set_creation_date(
    maker: Option<&mut patron_maker>,
    seconds: u64,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    guard(error, || {
        let date = SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(seconds));
        let date = date.ok_or_else(|| Failure::invalid(format!("{seconds} s is not a date")))?;
        required(maker, "maker")?.change(|maker| maker.creation_date(date));
        Ok(())
    })
}

/// Sets how symbolic links in a directory are handled, a PATRON_LINKS_*. The default is
/// PATRON_LINKS_FOLLOW. The source itself may be a link; the torrent then has the link's name.
///
/// Errors: INVALID_ARGUMENT for an unknown value.
#[unsafe(no_mangle)]
pub extern "C" fn patron_maker_set_links(
    maker: Option<&mut patron_maker>,
    links: i32,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    guard(error, || {
        let maker = required(maker, "maker")?;
        let links = choice(links, "choice for links")?;
        maker.change(|maker| maker.links(links));
        Ok(())
    })
}

/// Sets how FIFOs, devices and sockets in a directory are handled, a PATRON_SPECIAL_FILES_*. The
/// default is PATRON_SPECIAL_FILES_REFUSE.
///
/// Errors: INVALID_ARGUMENT for an unknown value.
#[unsafe(no_mangle)]
pub extern "C" fn patron_maker_set_special_files(
    maker: Option<&mut patron_maker>,
    special_files: i32,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    guard(error, || {
        let maker = required(maker, "maker")?;
        let special_files = choice(special_files, "choice for special files")?;
        maker.change(|maker| maker.special_files(special_files));
        Ok(())
    })
}

/// Stores which files are executable by their owner (BEP 47). The default is false.
#[unsafe(no_mangle)]
pub extern "C" fn patron_maker_set_executables(
    maker: Option<&mut patron_maker>,
    executables: bool,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    guard(error, || {
        required(maker, "maker")?.change(|maker| maker.executables(executables));
        Ok(())
    })
}

/// Starts listing and hashing on background threads. Free the result with patron_making_free(). The
/// caller keeps the maker and may start it again.
///
/// Errors: INVALID_ARGUMENT for an invalid piece length, tracker or web seed; IO if the path cannot be
/// read. patron_making_wait() reports later failures.
#[unsafe(no_mangle)]
pub extern "C" fn patron_maker_start(
    maker: Option<&patron_maker>,
    out: Option<&mut MaybeUninit<*mut patron_making>>,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    guard(error, || {
        let out = required(out, "out")?;
        let making = required(maker, "maker")?.maker.clone().start()?;
        out.write(MAKINGS.insert(making.into()));
        Ok(())
    })
}

/// Writes the progress. `struct_size` is sizeof(patron_hash_progress).
///
/// Errors: BAD_HANDLE.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn patron_making_progress(
    making: *mut patron_making,
    out: *mut patron_hash_progress,
    struct_size: usize,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    // SAFETY: the caller gives the size of its struct.
    unsafe { hashing::progress(&MAKINGS, (making, "making"), out, struct_size, error) }
}

/// The number of files skipped so far because of PATRON_LINKS_SKIP and PATRON_SPECIAL_FILES_SKIP.
#[unsafe(no_mangle)]
pub extern "C" fn patron_making_left_out_count(making: *mut patron_making) -> usize {
    read(0, || Some(MAKINGS.get(making, "making").ok()?.hashing.left_out().len()))
}

/// The path of a file that was skipped. Valid until `making` is freed.
#[unsafe(no_mangle)]
pub extern "C" fn patron_making_left_out(making: *mut patron_making, index: usize) -> patron_text {
    read(patron_text::EMPTY, || {
        let entry = MAKINGS.get(making, "making").ok()?;
        let left_out = entry.hashing.left_out();
        let path = left_out.get(index)?.as_os_str().as_encoded_bytes();
        Some(entry.texts.lend_nth("left out", index, path))
    })
}

/// Stops listing or hashing soon; patron_making_wait() then fails with CANCELLED.
///
/// Errors: BAD_HANDLE.
#[unsafe(no_mangle)]
pub extern "C" fn patron_making_cancel(
    making: *mut patron_making,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    hashing::cancel(&MAKINGS, (making, "making"), error)
}

/// Waits for the metainfo for at most `timeout_ms` milliseconds. 0 does not wait; a negative number
/// waits without a limit. Free the result with patron_metainfo_free(). This may be called again.
///
/// Errors: TIMED_OUT (call again to continue waiting); IO if a file or directory cannot be read or
/// changes in the meantime; INVALID_ARGUMENT if there is no data, if something is neither a file
/// nor a directory, or if a client would change a name; NATIVE if libtorrent refuses; CANCELLED;
/// BAD_HANDLE.
#[unsafe(no_mangle)]
pub extern "C" fn patron_making_wait(
    making: *mut patron_making,
    timeout_ms: i64,
    out: Option<&mut MaybeUninit<Box<patron_metainfo>>>,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    hashing::wait(&MAKINGS, (making, "making"), timeout_ms, out, error)
}

/// Frees the handle, and cancels hashing if it is still running. NULL is allowed, and so is a
/// handle that was freed before.
#[unsafe(no_mangle)]
pub extern "C" fn patron_making_free(making: *mut patron_making) {
    read((), || MAKINGS.remove(making, "making").ok().map(release));
}
