//! IP filters
//!
//! Addresses that a client does not exchange data with: it neither connects to them nor accepts
//! connections from them. A filter is used by one thread at a time; patron_set_ip_filter()
//! activates it.

use std::ffi::c_char;
use std::mem::MaybeUninit;

use crate::support::arguments::{address, bytes, give, path, required};
use crate::support::failure::patron_error;
use crate::support::guard::{guard, read, release};
use crate::support::text::{Texts, patron_text};
use torrent_patron::Error;
use torrent_patron::ip_filter::{Blocklist, IpFilter};

/// Ranges of blocked addresses.
pub struct patron_ip_filter {
    pub(crate) filter: IpFilter,
    skipped: u64,
    first_skipped: Vec<Error>,
    texts: Texts,
}

impl From<IpFilter> for patron_ip_filter {
    fn from(filter: IpFilter) -> Self {
        Self { filter, skipped: 0, first_skipped: Vec::new(), texts: Texts::default() }
    }
}

impl From<Blocklist> for patron_ip_filter {
    fn from(Blocklist { filter, skipped, first_skipped, .. }: Blocklist) -> Self {
        Self { filter, skipped, first_skipped, texts: Texts::default() }
    }
}

/// Makes a filter that blocks nothing. Free it with patron_ip_filter_free().
#[unsafe(no_mangle)]
pub extern "C" fn patron_ip_filter_new(
    out: Option<&mut MaybeUninit<Box<patron_ip_filter>>>,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    guard(error, || {
        give(required(out, "out")?, IpFilter::default().into());
        Ok(())
    })
}

/// Reads a blocklist file with one rule per line: P2P (PeerGuardian, "a name:1.2.3.4-1.2.3.9"), DAT
/// (eMule, "001.002.003.004 - 001.002.003.009 , 100 , a name"), single addresses, ranges
/// ("1.2.3.4-1.2.3.9") and networks ("1.2.3.0/24"), also for IPv6. It may be compressed with gzip. Free
/// the filter with patron_ip_filter_free().
///
/// Errors: IO if the file cannot be read. PARSE, with the line number, for an invalid line; PARSE for a
/// file that is damaged or a zip archive, contains no rule, or is too large.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn patron_ip_filter_read(
    file: *const c_char,
    file_length: usize,
    out: Option<&mut MaybeUninit<Box<patron_ip_filter>>>,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    guard(error, || {
        let out = required(out, "out")?;
        // SAFETY: the caller gives the length of the path.
        let file = unsafe { path(file, file_length, "file") }?;
        give(out, IpFilter::read(file)?.into());
        Ok(())
    })
}

/// Like patron_ip_filter_read(), but skips lines that are not valid rules;
/// patron_ip_filter_skipped() counts them.
///
/// Errors: as for patron_ip_filter_read(), but not for single lines. A file without any valid rule
/// is an error.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn patron_ip_filter_read_lenient(
    file: *const c_char,
    file_length: usize,
    out: Option<&mut MaybeUninit<Box<patron_ip_filter>>>,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    guard(error, || {
        let out = required(out, "out")?;
        // SAFETY: the caller gives the length of the path.
        let file = unsafe { path(file, file_length, "file") }?;
        give(out, IpFilter::read_lenient(file)?.into());
        Ok(())
    })
}

/// Like patron_ip_filter_read(), for the contents of such a file.
///
/// Errors: PARSE.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn patron_ip_filter_parse(
    data: *const u8,
    length: usize,
    out: Option<&mut MaybeUninit<Box<patron_ip_filter>>>,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    guard(error, || {
        let out = required(out, "out")?;
        // SAFETY: the caller gives the length of the data.
        let data = unsafe { bytes(data, length, "data") }?;
        give(out, IpFilter::parse(data)?.into());
        Ok(())
    })
}

/// Like patron_ip_filter_read_lenient(), for the contents of such a file.
///
/// Errors: PARSE.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn patron_ip_filter_parse_lenient(
    data: *const u8,
    length: usize,
    out: Option<&mut MaybeUninit<Box<patron_ip_filter>>>,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    guard(error, || {
        let out = required(out, "out")?;
        // SAFETY: the caller gives the length of the data.
        let data = unsafe { bytes(data, length, "data") }?;
        give(out, IpFilter::parse_lenient(data)?.into());
        Ok(())
    })
}

/// How many lines were skipped while reading.
#[unsafe(no_mangle)]
pub extern "C" fn patron_ip_filter_skipped(filter: Option<&patron_ip_filter>) -> u64 {
    read(0, || Some(filter?.skipped))
}

/// Why a line was skipped, with its line number, as text for a user. Only the first ten skipped
/// lines have a text; for others it is empty.
#[unsafe(no_mangle)]
pub extern "C" fn patron_ip_filter_skipped_line(
    filter: Option<&patron_ip_filter>,
    index: usize,
) -> patron_text {
    read(patron_text::EMPTY, || {
        let filter = filter?;
        let line = filter.first_skipped.get(index)?.message();
        Some(filter.texts.lend_nth("skipped line", index, line))
    })
}

/// Frees a filter. NULL is allowed.
#[unsafe(no_mangle)]
pub extern "C" fn patron_ip_filter_free(filter: Option<Box<patron_ip_filter>>) {
    release(filter);
}

/// Blocks a range of addresses, `lowest` and `highest` included, written "192.0.2.1" or
/// "2001:db8::1".
///
/// Errors: INVALID_ARGUMENT for an invalid address, for a range that ends before it begins, and for
/// a range that mixes IPv4 and IPv6.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn patron_ip_filter_block(
    filter: Option<&mut patron_ip_filter>,
    lowest: *const c_char,
    lowest_length: usize,
    highest: *const c_char,
    highest_length: usize,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    guard(error, || {
        // SAFETY: the caller gives the length of both addresses.
        let (lowest, highest) = unsafe {
            (
                address(lowest, lowest_length, "lowest")?,
                address(highest, highest_length, "highest")?,
            )
        };
        Ok(required(filter, "filter")?.filter.block(lowest, highest)?)
    })
}

/// Whether an address is blocked; false if it is not an IP address.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn patron_ip_filter_blocks(
    filter: Option<&patron_ip_filter>,
    ip_address: *const c_char,
    ip_address_length: usize,
) -> bool {
    read(false, || {
        // SAFETY: the caller gives the length of the address.
        let address = unsafe { address(ip_address, ip_address_length, "ip_address") }.ok()?;
        Some(filter?.filter.blocks(address))
    })
}

/// The number of blocked ranges.
#[unsafe(no_mangle)]
pub extern "C" fn patron_ip_filter_count(filter: Option<&patron_ip_filter>) -> usize {
    read(0, || Some(filter?.filter.ranges().len()))
}

/// The first address of a range.
#[unsafe(no_mangle)]
pub extern "C" fn patron_ip_filter_lowest(
    filter: Option<&patron_ip_filter>,
    index: usize,
) -> patron_text {
    read(patron_text::EMPTY, || {
        let filter = filter?;
        let address = filter.filter.ranges().get(index)?.first();
        Some(filter.texts.lend_nth("lowest", index, address.to_string()))
    })
}

/// The last address of a range.
#[unsafe(no_mangle)]
pub extern "C" fn patron_ip_filter_highest(
    filter: Option<&patron_ip_filter>,
    index: usize,
) -> patron_text {
    read(patron_text::EMPTY, || {
        let filter = filter?;
        let address = filter.filter.ranges().get(index)?.last();
        Some(filter.texts.lend_nth("highest", index, address.to_string()))
    })
}
