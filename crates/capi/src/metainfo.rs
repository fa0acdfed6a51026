//! Metainfo
//!
//! Parsed .torrent files (BEP 3, BEP 52). Several threads may read a metainfo object at once.

use std::ffi::c_char;
use std::mem::MaybeUninit;
use std::ops::Range;
use std::time::SystemTime;

use crate::support::arguments::{bytes, give, hash, path, required};
use crate::support::failure::patron_error;
use crate::support::guard::{guard, read, release};
use crate::support::handles::patron_reply;
use crate::support::replies::give_answer;
use crate::support::text::{Texts, patron_bytes, patron_text};
use torrent_patron::metainfo::{FileEntry, Metainfo};

/// A parsed .torrent file.
pub struct patron_metainfo {
    pub(crate) metainfo: Metainfo,
    texts: Texts,
}

impl From<Metainfo> for patron_metainfo {
    fn from(metainfo: Metainfo) -> Self {
        Self { metainfo, texts: Texts::default() }
    }
}

/// Parses the bytes of a .torrent file. Free the result with patron_metainfo_free().
///
/// Errors: PARSE.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn patron_metainfo_decode(
    data: *const u8,
    length: usize,
    out: Option<&mut MaybeUninit<Box<patron_metainfo>>>,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    guard(error, || {
        let out = required(out, "out")?;
        // SAFETY: the caller gives the length of the data.
        let data = unsafe { bytes(data, length, "data") }?;
        give(out, Metainfo::decode(data)?.into());
        Ok(())
    })
}

/// Reads a .torrent file. Free the result with patron_metainfo_free().
///
/// Errors: PARSE; UNREADABLE if the file cannot be read.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn patron_metainfo_read(
    file: *const c_char,
    file_length: usize,
    out: Option<&mut MaybeUninit<Box<patron_metainfo>>>,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    guard(error, || {
        let out = required(out, "out")?;
        // SAFETY: the caller gives the length of the path.
        let file = unsafe { path(file, file_length, "file") }?;
        give(out, Metainfo::read(file)?.into());
        Ok(())
    })
}

/// For patron_get_metainfo(): the metainfo, a new object for each call. Free it with
/// patron_metainfo_free().
///
/// Errors: INVALID_ARGUMENT if the reply has no answer yet or is of another kind; BAD_HANDLE.
#[unsafe(no_mangle)]
pub extern "C" fn patron_reply_metainfo(
    reply: *mut patron_reply,
    out: Option<&mut MaybeUninit<Box<patron_metainfo>>>,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    guard(error, || {
        give_answer(reply, out, "metainfo", |metainfo: &Metainfo| metainfo.clone().into())
    })
}

/// Frees a metainfo object. NULL is allowed.
#[unsafe(no_mangle)]
pub extern "C" fn patron_metainfo_free(metainfo: Option<Box<patron_metainfo>>) {
    release(metainfo);
}

/// The name of the single file, or of the directory that contains the files.
#[unsafe(no_mangle)]
pub extern "C" fn patron_metainfo_name(metainfo: Option<&patron_metainfo>) -> patron_text {
    read(patron_text::EMPTY, || {
        let metainfo = metainfo?;
        Some(metainfo.texts.lend("name", &metainfo.metainfo.name))
    })
}

/// Writes the v1 info hash, 20 bytes (BEP 3). Returns false and writes nothing if there is none.
#[unsafe(no_mangle)]
pub extern "C" fn patron_metainfo_info_hash_v1(
    metainfo: Option<&patron_metainfo>,
    out: Option<&mut MaybeUninit<[u8; 20]>>,
) -> bool {
    read(false, || hash(metainfo?.metainfo.info_hashes.v1.map(|hash| hash.0), out))
}

/// Writes the v2 info hash, 32 bytes (BEP 52). Returns false and writes nothing if there is none.
#[unsafe(no_mangle)]
pub extern "C" fn patron_metainfo_info_hash_v2(
    metainfo: Option<&patron_metainfo>,
    out: Option<&mut MaybeUninit<[u8; 32]>>,
) -> bool {
    read(false, || hash(metainfo?.metainfo.info_hashes.v2.map(|hash| hash.0), out))
}

/// The total size of the files in bytes, including pad files.
#[unsafe(no_mangle)]
pub extern "C" fn patron_metainfo_total_size(metainfo: Option<&patron_metainfo>) -> u64 {
    read(0, || Some(metainfo?.metainfo.total_size))
}

/// The piece length in bytes; the last piece may be shorter.
#[unsafe(no_mangle)]
pub extern "C" fn patron_metainfo_piece_length(metainfo: Option<&patron_metainfo>) -> u32 {
    read(0, || Some(metainfo?.metainfo.piece_length))
}

/// The number of pieces.
#[unsafe(no_mangle)]
pub extern "C" fn patron_metainfo_piece_count(metainfo: Option<&patron_metainfo>) -> u32 {
    read(0, || Some(metainfo?.metainfo.piece_count))
}

/// The number of files, including pad files.
#[unsafe(no_mangle)]
pub extern "C" fn patron_metainfo_file_count(metainfo: Option<&patron_metainfo>) -> usize {
    read(0, || Some(metainfo?.metainfo.files.len()))
}

fn file(metainfo: &patron_metainfo, index: usize) -> Option<&FileEntry> {
    metainfo.metainfo.files.get(index)
}

fn pieces_of(metainfo: &patron_metainfo, index: usize) -> Option<Range<u32>> {
    Some(metainfo.metainfo.pieces_of(file(metainfo, index)?))
}

/// The path of a file, relative to the save directory; never absolute, never with "..".
#[unsafe(no_mangle)]
pub extern "C" fn patron_metainfo_file_path(
    metainfo: Option<&patron_metainfo>,
    index: usize,
) -> patron_text {
    read(patron_text::EMPTY, || {
        let metainfo = metainfo?;
        let path = file(metainfo, index)?.path.as_os_str().as_encoded_bytes();
        Some(metainfo.texts.lend_nth("file", index, path))
    })
}

/// The size of a file in bytes.
#[unsafe(no_mangle)]
pub extern "C" fn patron_metainfo_file_size(
    metainfo: Option<&patron_metainfo>,
    index: usize,
) -> u64 {
    read(0, || Some(file(metainfo?, index)?.size))
}

/// The position of a file's data in the torrent's data, in bytes.
#[unsafe(no_mangle)]
pub extern "C" fn patron_metainfo_file_offset(
    metainfo: Option<&patron_metainfo>,
    index: usize,
) -> u64 {
    read(0, || Some(file(metainfo?, index)?.offset))
}

/// The first piece that contains data of a file. The first and last pieces of a file may also contain
/// data of neighbouring files.
#[unsafe(no_mangle)]
pub extern "C" fn patron_metainfo_file_first_piece(
    metainfo: Option<&patron_metainfo>,
    index: usize,
) -> u32 {
    read(0, || Some(pieces_of(metainfo?, index)?.start))
}

/// The number of pieces that contain data of a file; 0 for an empty file.
#[unsafe(no_mangle)]
pub extern "C" fn patron_metainfo_file_piece_count(
    metainfo: Option<&patron_metainfo>,
    index: usize,
) -> u32 {
    read(0, || {
        let pieces = pieces_of(metainfo?, index)?;
        Some(pieces.end - pieces.start)
    })
}

/// Whether it is a pad file, which only fills space up to a piece boundary and is never on disk
/// (BEP 47).
#[unsafe(no_mangle)]
pub extern "C" fn patron_metainfo_file_is_pad(
    metainfo: Option<&patron_metainfo>,
    index: usize,
) -> bool {
    read(false, || Some(file(metainfo?, index)?.pad))
}

/// The target of a symbolic link, relative to the save directory (BEP 47); empty for a file.
#[unsafe(no_mangle)]
pub extern "C" fn patron_metainfo_file_symlink(
    metainfo: Option<&patron_metainfo>,
    index: usize,
) -> patron_text {
    read(patron_text::EMPTY, || {
        let metainfo = metainfo?;
        let target = file(metainfo, index)?.symlink.as_ref()?.as_os_str().as_encoded_bytes();
        Some(metainfo.texts.lend_nth("symlink", index, target))
    })
}

/// The number of trackers.
#[unsafe(no_mangle)]
pub extern "C" fn patron_metainfo_tracker_count(metainfo: Option<&patron_metainfo>) -> usize {
    read(0, || Some(metainfo?.metainfo.trackers.len()))
}

/// The announce URL of a tracker. Its tier is written to `tier`, unless that is NULL; lower tiers
/// are tried first (BEP 12).
#[unsafe(no_mangle)]
pub extern "C" fn patron_metainfo_tracker(
    metainfo: Option<&patron_metainfo>,
    index: usize,
    tier: Option<&mut MaybeUninit<u8>>,
) -> patron_text {
    read(patron_text::EMPTY, || {
        let metainfo = metainfo?;
        let tracker = metainfo.metainfo.trackers.get(index)?;
        if let Some(tier) = tier {
            tier.write(tracker.tier);
        }
        Some(metainfo.texts.lend_nth("tracker", index, &tracker.url))
    })
}

/// The number of web seeds (BEP 19).
#[unsafe(no_mangle)]
pub extern "C" fn patron_metainfo_web_seed_count(metainfo: Option<&patron_metainfo>) -> usize {
    read(0, || Some(metainfo?.metainfo.web_seeds.len()))
}

/// The URL of a web seed.
#[unsafe(no_mangle)]
pub extern "C" fn patron_metainfo_web_seed(
    metainfo: Option<&patron_metainfo>,
    index: usize,
) -> patron_text {
    read(patron_text::EMPTY, || {
        let metainfo = metainfo?;
        let url = metainfo.metainfo.web_seeds.get(index)?;
        Some(metainfo.texts.lend_nth("web seed", index, url))
    })
}

/// The number of invalid URLs that patron_metainfo_invalid_url() can return. Their trackers and web
/// seeds were left out. If there are very many, only the first are counted.
#[unsafe(no_mangle)]
pub extern "C" fn patron_metainfo_invalid_url_count(metainfo: Option<&patron_metainfo>) -> usize {
    read(0, || Some(metainfo?.metainfo.invalid_urls.len()))
}

/// An invalid URL and what is wrong with it, as text for a user.
#[unsafe(no_mangle)]
pub extern "C" fn patron_metainfo_invalid_url(
    metainfo: Option<&patron_metainfo>,
    index: usize,
) -> patron_text {
    read(patron_text::EMPTY, || {
        let metainfo = metainfo?;
        let url = metainfo.metainfo.invalid_urls.get(index)?;
        Some(metainfo.texts.lend_nth("invalid url", index, url))
    })
}

/// Whether the torrent is private: peers come only from its trackers (BEP 27).
#[unsafe(no_mangle)]
pub extern "C" fn patron_metainfo_is_private(metainfo: Option<&patron_metainfo>) -> bool {
    read(false, || Some(metainfo?.metainfo.private))
}

/// The comment; often empty.
#[unsafe(no_mangle)]
pub extern "C" fn patron_metainfo_comment(metainfo: Option<&patron_metainfo>) -> patron_text {
    read(patron_text::EMPTY, || {
        let metainfo = metainfo?;
        Some(metainfo.texts.lend("comment", metainfo.metainfo.comment.as_ref()?))
    })
}

/// The name of the program that created it; often empty.
#[unsafe(no_mangle)]
pub extern "C" fn patron_metainfo_creator(metainfo: Option<&patron_metainfo>) -> patron_text {
    read(patron_text::EMPTY, || {
        let metainfo = metainfo?;
        Some(metainfo.texts.lend("creator", metainfo.metainfo.creator.as_ref()?))
    })
}

/// The creation date in seconds since 1970; 0 if there is none.
#[unsafe(no_mangle)]
pub extern "C" fn patron_metainfo_creation_date(metainfo: Option<&patron_metainfo>) -> u64 {
    read(0, || {
        let date = metainfo?.metainfo.creation_date?;
        Some(date.duration_since(SystemTime::UNIX_EPOCH).ok()?.as_secs())
    })
}

/// The bytes of the .torrent file.
#[unsafe(no_mangle)]
pub extern "C" fn patron_metainfo_torrent_file(metainfo: Option<&patron_metainfo>) -> patron_bytes {
    read(patron_bytes::NONE, || Some(patron_bytes::of(metainfo?.metainfo.torrent_file())))
}
