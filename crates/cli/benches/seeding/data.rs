//! Random data, and v1 torrents of it that are made without the code under test: one large file, and many
//! small ones.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use sha1::{Digest, Sha1};

const LARGE_PIECE: u32 = 1 << 20;
const SMALL_PIECE: u32 = 256 << 10;

/// A torrent of one file, as far as a leecher must know it.
pub(crate) struct Torrent {
    pub(crate) file: PathBuf,
    pub(crate) torrent_file: PathBuf,
    pub(crate) info_hash: [u8; 20],
    pub(crate) piece_hashes: Vec<[u8; 20]>,
    pub(crate) piece_length: u32,
    pub(crate) size: u64,
}

impl Torrent {
    pub(crate) fn pieces(&self) -> u32 {
        self.piece_hashes.len() as u32
    }

    pub(crate) fn piece_size(&self, piece: u32) -> u32 {
        let start = u64::from(piece) * u64::from(self.piece_length);
        (self.size - start).min(self.piece_length.into()) as u32
    }

    fn make(directory: &Directories, name: &str, piece_length: u32, size: u64) -> Result<Self> {
        let file = directory.data.join(name);
        let piece_hashes = write_random(&file, piece_length, size)
            .with_context(|| format!("cannot make {}", file.display()))?;
        let info = info_dictionary(name, piece_length, size, &piece_hashes);
        let torrent_file = directory.torrents.join(format!("{name}.torrent"));
        std::fs::write(&torrent_file, [b"d4:info", info.as_slice(), b"e"].concat())
            .with_context(|| format!("cannot write {}", torrent_file.display()))?;
        let info_hash = Sha1::digest(&info).into();
        Ok(Self { file, torrent_file, info_hash, piece_hashes, piece_length, size })
    }
}

struct Directories {
    data: PathBuf,
    torrents: PathBuf,
}

/// All data that is seeded.
pub(crate) struct Data {
    /// The directory of the files.
    pub(crate) directory: PathBuf,
    /// The large torrent, then the small ones.
    pub(crate) torrents: Vec<Torrent>,
}

impl Data {
    /// The sizes are multiples of a block, so that all blocks are whole.
    pub(crate) fn make(directory: &Path, large: u64, small: u64, count: usize) -> Result<Self> {
        let directory =
            Directories { data: directory.join("data"), torrents: directory.join("torrents") };
        std::fs::create_dir(&directory.data)?;
        std::fs::create_dir(&directory.torrents)?;
        let mut torrents = vec![Torrent::make(&directory, "large", LARGE_PIECE, large)?];
        for number in 1..=count {
            let name = format!("small-{number:03}");
            torrents.push(Torrent::make(&directory, &name, SMALL_PIECE, small)?);
        }
        Ok(Self { directory: directory.data, torrents })
    }

    pub(crate) fn files(&self) -> impl Iterator<Item = &Path> {
        self.torrents.iter().map(|torrent| torrent.file.as_path())
    }
}

fn write_random(path: &Path, piece_length: u32, size: u64) -> Result<Vec<[u8; 20]>> {
    let mut file = File::create(path)?;
    let mut piece = vec![0; piece_length as usize];
    let mut hashes = Vec::new();
    let mut random =
        u64::from_be_bytes(Sha1::digest(path.as_os_str().as_encoded_bytes())[..8].try_into()?);
    let mut left = size;
    while left > 0 {
        piece.truncate(left.min(piece_length.into()) as usize);
        for word in piece.chunks_mut(8) {
            word.copy_from_slice(&split_mix(&mut random).to_le_bytes()[..word.len()]);
        }
        file.write_all(&piece)?;
        hashes.push(Sha1::digest(&piece).into());
        left -= piece.len() as u64;
    }
    // Otherwise the kernel would write the data in the middle of a slice, and could not drop it from memory
    // on request.
    file.sync_all()?;
    Ok(hashes)
}

fn info_dictionary(name: &str, piece_length: u32, size: u64, hashes: &[[u8; 20]]) -> Vec<u8> {
    let pieces = hashes.concat();
    let mut info = format!(
        "d6:lengthi{size}e4:name{}:{name}12:piece lengthi{piece_length}e6:pieces{}:",
        name.len(),
        pieces.len()
    )
    .into_bytes();
    info.extend_from_slice(&pieces);
    info.push(b'e');
    info
}

/// SplitMix64: random enough for data and piece numbers, and the same in every run.
pub(crate) fn split_mix(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
