//! Magnet links
//!
//! Parsed magnet links (BEP 9, BEP 53). Several threads may read a magnet object at once.

use std::ffi::c_char;
use std::mem::MaybeUninit;

use crate::metainfo::patron_metainfo;
use crate::support::arguments::{give, hash, required, text};
use crate::support::failure::patron_error;
use crate::support::guard::{guard, read, release};
use crate::support::text::{Texts, patron_text};
use torrent_patron::metainfo::Magnet;

/// A parsed magnet link.
pub struct patron_magnet {
    magnet: Magnet,
    texts: Texts,
}

impl From<Magnet> for patron_magnet {
    fn from(magnet: Magnet) -> Self {
        Self { magnet, texts: Texts::default() }
    }
}

/// Parses a magnet link. Free the result with patron_magnet_free().
///
/// Errors: PARSE.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn patron_magnet_parse(
    uri: *const c_char,
    uri_length: usize,
    out: Option<&mut MaybeUninit<Box<patron_magnet>>>,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    guard(error, || {
        let out = required(out, "out")?;
        // SAFETY: the caller gives the length of the link.
        let uri = unsafe { text(uri, uri_length, "uri") }?;
        give(out, Magnet::parse(uri)?.into());
        Ok(())
    })
}

/// Makes the magnet link of a torrent, with its info hashes, name, trackers and web seeds. Free the
/// result with patron_magnet_free().
#[unsafe(no_mangle)]
pub extern "C" fn patron_magnet_of(
    metainfo: Option<&patron_metainfo>,
    out: Option<&mut MaybeUninit<Box<patron_magnet>>>,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    guard(error, || {
        let out = required(out, "out")?;
        give(out, required(metainfo, "metainfo")?.metainfo.magnet().into());
        Ok(())
    })
}

/// Frees a magnet object. NULL is allowed.
#[unsafe(no_mangle)]
pub extern "C" fn patron_magnet_free(magnet: Option<Box<patron_magnet>>) {
    release(magnet);
}

/// The link as a text.
#[unsafe(no_mangle)]
pub extern "C" fn patron_magnet_uri(magnet: Option<&patron_magnet>) -> patron_text {
    read(patron_text::EMPTY, || {
        let magnet = magnet?;
        Some(magnet.texts.lend("uri", magnet.magnet.to_string()))
    })
}

/// The name to show until the metadata has arrived; empty if the link has none.
#[unsafe(no_mangle)]
pub extern "C" fn patron_magnet_name(magnet: Option<&patron_magnet>) -> patron_text {
    read(patron_text::EMPTY, || {
        let magnet = magnet?;
        Some(magnet.texts.lend("name", magnet.magnet.name.as_ref()?))
    })
}

/// Writes the v1 info hash, 20 bytes (BEP 3). Returns false and writes nothing if there is none.
#[unsafe(no_mangle)]
pub extern "C" fn patron_magnet_info_hash_v1(
    magnet: Option<&patron_magnet>,
    out: Option<&mut MaybeUninit<[u8; 20]>>,
) -> bool {
    read(false, || hash(magnet?.magnet.info_hashes.v1.map(|hash| hash.0), out))
}

/// Writes the v2 info hash, 32 bytes (BEP 52). Returns false and writes nothing if there is none.
#[unsafe(no_mangle)]
pub extern "C" fn patron_magnet_info_hash_v2(
    magnet: Option<&patron_magnet>,
    out: Option<&mut MaybeUninit<[u8; 32]>>,
) -> bool {
    read(false, || hash(magnet?.magnet.info_hashes.v2.map(|hash| hash.0), out))
}

/// The number of trackers.
#[unsafe(no_mangle)]
pub extern "C" fn patron_magnet_tracker_count(magnet: Option<&patron_magnet>) -> usize {
    read(0, || Some(magnet?.magnet.trackers.len()))
}

/// The announce URL of a tracker. Its tier is written to `tier`, unless that is NULL.
#[unsafe(no_mangle)]
pub extern "C" fn patron_magnet_tracker(
    magnet: Option<&patron_magnet>,
    index: usize,
    tier: Option<&mut MaybeUninit<u8>>,
) -> patron_text {
    read(patron_text::EMPTY, || {
        let magnet = magnet?;
        let tracker = magnet.magnet.trackers.get(index)?;
        if let Some(tier) = tier {
            tier.write(tracker.tier);
        }
        Some(magnet.texts.lend_nth("tracker", index, &tracker.url))
    })
}

/// The number of web seeds (BEP 19).
#[unsafe(no_mangle)]
pub extern "C" fn patron_magnet_web_seed_count(magnet: Option<&patron_magnet>) -> usize {
    read(0, || Some(magnet?.magnet.web_seeds.len()))
}

/// The URL of a web seed.
#[unsafe(no_mangle)]
pub extern "C" fn patron_magnet_web_seed(
    magnet: Option<&patron_magnet>,
    index: usize,
) -> patron_text {
    read(patron_text::EMPTY, || {
        let magnet = magnet?;
        let url = magnet.magnet.web_seeds.get(index)?;
        Some(magnet.texts.lend_nth("web seed", index, url))
    })
}

/// The number of invalid URLs that patron_magnet_invalid_url() can return. Their trackers and web
/// seeds were left out. If there are very many, only the first are counted.
#[unsafe(no_mangle)]
pub extern "C" fn patron_magnet_invalid_url_count(magnet: Option<&patron_magnet>) -> usize {
    read(0, || Some(magnet?.magnet.invalid_urls.len()))
}

/// An invalid URL and what is wrong with it, as text for a user.
#[unsafe(no_mangle)]
pub extern "C" fn patron_magnet_invalid_url(
    magnet: Option<&patron_magnet>,
    index: usize,
) -> patron_text {
    read(patron_text::EMPTY, || {
        let magnet = magnet?;
        let url = magnet.magnet.invalid_urls.get(index)?;
        Some(magnet.texts.lend_nth("invalid url", index, url))
    })
}

/// The number of peer addresses.
#[unsafe(no_mangle)]
pub extern "C" fn patron_magnet_peer_count(magnet: Option<&patron_magnet>) -> usize {
    read(0, || Some(magnet?.magnet.peers.len()))
}

/// The address and port of a peer.
#[unsafe(no_mangle)]
pub extern "C" fn patron_magnet_peer(magnet: Option<&patron_magnet>, index: usize) -> patron_text {
    read(patron_text::EMPTY, || {
        let magnet = magnet?;
        let peer = magnet.magnet.peers.get(index)?;
        Some(magnet.texts.lend_nth("peer", index, peer.to_string()))
    })
}
