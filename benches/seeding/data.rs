//! Random data, and a v1 torrent of it that owes nothing to the code under test.

use std::fs::File;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use sha1::{Digest, Sha1};

use crate::load::{Torrent, split_mix};

const PIECE_LENGTH: u32 = 1 << 20;
const NAME: &str = "random.data";

/// A complete download: the data in a directory, and its torrent file beside it.
pub(crate) struct Data {
    pub(crate) directory: PathBuf,
    pub(crate) torrent_file: PathBuf,
    pub(crate) torrent: Torrent,
}

impl Data {
    pub(crate) fn make(directory: &Path, size: u64) -> Result<Self> {
        let path = directory.join(NAME);
        let piece_hashes =
            write_random(&path, size).with_context(|| format!("cannot make {}", path.display()))?;

        let info = info_dictionary(size, &piece_hashes);
        let torrent_file = directory.join("random.torrent");
        std::fs::write(&torrent_file, [b"d4:info", info.as_slice(), b"e"].concat())
            .with_context(|| format!("cannot write {}", torrent_file.display()))?;

        Ok(Self {
            directory: directory.to_owned(),
            torrent_file,
            torrent: Torrent {
                info_hash: Sha1::digest(&info).into(),
                piece_hashes,
                piece_length: PIECE_LENGTH,
                size,
            },
        })
    }

    /// Reads the data once, so that it is in the page cache.
    pub(crate) fn warm(&self) -> Result<()> {
        let mut file = File::open(self.directory.join(NAME))?;
        let mut buffer = vec![0; PIECE_LENGTH as usize];
        while file.read(&mut buffer)? > 0 {}
        Ok(())
    }
}

fn write_random(path: &Path, size: u64) -> Result<Vec<[u8; 20]>> {
    let mut file = File::create(path)?;
    let mut piece = vec![0; PIECE_LENGTH as usize];
    let mut hashes = Vec::new();
    let mut random = size;
    let mut left = size;
    while left > 0 {
        piece.truncate(left.min(PIECE_LENGTH.into()) as usize);
        for word in piece.chunks_mut(8) {
            word.copy_from_slice(&split_mix(&mut random).to_le_bytes()[..word.len()]);
        }
        file.write_all(&piece)?;
        hashes.push(Sha1::digest(&piece).into());
        left -= piece.len() as u64;
    }
    // Or the kernel would write it out in the middle of the runs.
    file.sync_all()?;
    Ok(hashes)
}

fn info_dictionary(size: u64, piece_hashes: &[[u8; 20]]) -> Vec<u8> {
    let pieces = piece_hashes.concat();
    let mut info = format!(
        "d6:lengthi{size}e4:name{}:{NAME}12:piece lengthi{PIECE_LENGTH}e6:pieces{}:",
        NAME.len(),
        pieces.len()
    )
    .into_bytes();
    info.extend_from_slice(&pieces);
    info.push(b'e');
    info
}
