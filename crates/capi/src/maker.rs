//! Making torrents
//!
//! A maker is used by one thread at a time. A torrent in the making may be watched, cancelled and
//! waited for from any thread.

use std::ffi::c_char;
use std::mem::{MaybeUninit, offset_of};
use std::sync::OnceLock;
use std::time::{Duration, SystemTime};

use parking_lot::Mutex;

use super::arguments::{deadline, path, required, text, wait_once};
use super::errors::{Failure, give, patron_error};
use super::guard::{guard, read, release};
use super::handle::{Table, patron_making};
use super::metainfo::patron_metainfo;
use super::structs::{Struct, write};
use super::text::{Texts, patron_text};
use torrent_patron::Result;
use torrent_patron::metainfo::{Links, Making, Metainfo, Protocol, SpecialFiles, TorrentMaker};

/// BitTorrent v1 (BEP 3) alone.
pub const PATRON_PROTOCOL_V1: i32 = 0;
/// BitTorrent v2 (BEP 52) alone.
pub const PATRON_PROTOCOL_V2: i32 = 1;
/// Both (BEP 52).
pub const PATRON_PROTOCOL_HYBRID: i32 = 2;

/// What a symbolic link leads to is shared, as if it were there. One that leads nowhere or back to a
/// directory above it, and a second link to one directory, are errors.
pub const PATRON_LINKS_FOLLOW: i32 = 0;
/// A symbolic link is an error.
pub const PATRON_LINKS_REFUSE: i32 = 1;
/// Symbolic links are left out; see patron_making_left_out().
pub const PATRON_LINKS_SKIP: i32 = 2;
/// A symbolic link is shared as one (BEP 47). One that leads to nothing in the torrent is an error.
pub const PATRON_LINKS_KEEP: i32 = 3;

/// FIFOs, devices and sockets are errors.
pub const PATRON_SPECIAL_FILES_REFUSE: i32 = 0;
/// They are left out; see patron_making_left_out().
pub const PATRON_SPECIAL_FILES_SKIP: i32 = 1;

/// How far the making of a torrent has come.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct patron_hash_progress {
    /// How many files are listed.
    pub files: u64,
    /// How many pieces are hashed.
    pub pieces: u64,
    /// How many pieces there are; 0 while the files are being listed.
    pub piece_count: u64,
    /// How many bytes are read.
    pub bytes: u64,
    /// How many bytes there are; 0 while the files are being listed.
    pub size: u64,
}

impl Struct for patron_hash_progress {
    const NAME: &'static str = "patron_hash_progress";
    const FIRST_SIZE: usize = offset_of!(Self, size) + size_of::<u64>();
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

struct Entry {
    making: Making,
    /// One thread at a time takes the answer out of `making`; all read it here.
    turn: Mutex<()>,
    answer: OnceLock<Result<Metainfo>>,
    texts: Texts,
}

static MAKINGS: Table<Entry, patron_making> = Table::new(4);

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
        let protocol = match protocol {
            PATRON_PROTOCOL_V1 => Protocol::V1,
            PATRON_PROTOCOL_V2 => Protocol::V2,
            PATRON_PROTOCOL_HYBRID => Protocol::Hybrid,
            other => return Err(Failure::invalid(format!("there is no protocol {other}"))),
        };
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
        required(maker, "maker")?.change(|maker| maker.add_tracker(tier, url));
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

/// What becomes of symbolic links in a directory, a PATRON_LINKS_*; followed unless set. The source
/// itself may be a link; the torrent then has the link's name.
///
/// Errors: INVALID_ARGUMENT for an unknown one.
#[unsafe(no_mangle)]
pub extern "C" fn patron_maker_set_links(
    maker: Option<&mut patron_maker>,
    links: i32,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    guard(error, || {
        let maker = required(maker, "maker")?;
        let links = match links {
            PATRON_LINKS_FOLLOW => Links::Follow,
            PATRON_LINKS_REFUSE => Links::Refuse,
            PATRON_LINKS_SKIP => Links::Skip,
            PATRON_LINKS_KEEP => Links::Keep,
            other => return Err(Failure::invalid(format!("links cannot be {other}"))),
        };
        maker.change(|maker| maker.links(links));
        Ok(())
    })
}

/// What becomes of FIFOs, devices and sockets in a directory, a PATRON_SPECIAL_FILES_*; refused unless
/// set.
///
/// Errors: INVALID_ARGUMENT for an unknown one.
#[unsafe(no_mangle)]
pub extern "C" fn patron_maker_set_special_files(
    maker: Option<&mut patron_maker>,
    special_files: i32,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    guard(error, || {
        let maker = required(maker, "maker")?;
        let special_files = match special_files {
            PATRON_SPECIAL_FILES_REFUSE => SpecialFiles::Refuse,
            PATRON_SPECIAL_FILES_SKIP => SpecialFiles::Skip,
            other => return Err(Failure::invalid(format!("special files cannot be {other}"))),
        };
        maker.change(|maker| maker.special_files(special_files));
        Ok(())
    })
}

/// Whether the torrent tells which files their owner may execute (BEP 47). False unless set.
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

/// Starts to list and to hash, on threads of its own. Free the result with patron_making_free(). The maker stays
/// the caller's and may start again.
///
/// Errors: INVALID_ARGUMENT for a wrong piece length, a tracker or a web seed that is not a URL; IO
/// when the path cannot be read. What fails later is told by patron_making_wait().
#[unsafe(no_mangle)]
pub extern "C" fn patron_maker_start(
    maker: Option<&patron_maker>,
    out: Option<&mut MaybeUninit<*mut patron_making>>,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    guard(error, || {
        let out = required(out, "out")?;
        let making = required(maker, "maker")?.maker.clone().start()?;
        let entry = Entry {
            making,
            turn: Mutex::new(()),
            answer: OnceLock::new(),
            texts: Texts::default(),
        };
        out.write(MAKINGS.insert(entry));
        Ok(())
    })
}

/// How far it is. `struct_size` is sizeof(patron_hash_progress).
///
/// Errors: BAD_HANDLE.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn patron_making_progress(
    making: *mut patron_making,
    out: *mut patron_hash_progress,
    struct_size: usize,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    guard(error, || {
        let progress = MAKINGS.get(making, "making")?.making.progress();
        let progress = patron_hash_progress {
            files: progress.files,
            pieces: progress.pieces,
            piece_count: progress.piece_count,
            bytes: progress.bytes,
            size: progress.size,
        };
        // SAFETY: the caller's place has `struct_size` bytes.
        unsafe { write(progress, out, struct_size) }
    })
}

/// How many files were left out so far, by PATRON_LINKS_SKIP and PATRON_SPECIAL_FILES_SKIP.
#[unsafe(no_mangle)]
pub extern "C" fn patron_making_left_out_count(making: *mut patron_making) -> usize {
    read(0, || Some(MAKINGS.get(making, "making").ok()?.making.left_out().len()))
}

/// The path of a file that was left out; good until `making` is freed.
#[unsafe(no_mangle)]
pub extern "C" fn patron_making_left_out(making: *mut patron_making, index: usize) -> patron_text {
    read(patron_text::EMPTY, || {
        let entry = MAKINGS.get(making, "making").ok()?;
        let left_out = entry.making.left_out();
        let path = left_out.get(index)?.as_os_str().as_encoded_bytes();
        Some(entry.texts.lend_nth("left out", index, path))
    })
}

/// Stops the listing or the hashing, soon; patron_making_wait() then gives CANCELLED.
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
/// Errors: TIMED_OUT (wait again); IO when a file or a directory cannot be read or changes meanwhile;
/// INVALID_ARGUMENT when there is no data to share, when there is what is neither a file nor a
/// directory, or a name that a client would change; NATIVE when libtorrent refuses; CANCELLED;
/// BAD_HANDLE.
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
        let answer =
            wait_once(&entry.turn, &entry.answer, until, || entry.making.wait_until(until))?;
        give(out, answer.clone()?.into());
        Ok(())
    })
}

/// Frees it, and cancels what is not yet made. NULL is fine, and so is what was freed before.
#[unsafe(no_mangle)]
pub extern "C" fn patron_making_free(making: *mut patron_making) {
    read((), || MAKINGS.remove(making, "making").ok().map(release));
}
