//! Hashes the pieces of a torrent on all cores, to make or verify it.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::thread;

use crossbeam_channel::{Sender, bounded};
use cxx::UniquePtr;
use parking_lot::Mutex;

use crate::error::{Error, ErrorKind, Result};
use crate::sys::{self, PieceHasher, PieceHashes};

/// The block size of v2 hash trees (BEP 52).
const BLOCK: u64 = 16 * 1024;

/// The size of one read: a multiple of a block that fits into a core's cache.
const CHUNK: usize = 128 * 1024;

/// More threads would not read a disk any faster.
const MAX_THREADS: usize = 16;

/// How many results may wait for the caller.
const QUEUE: usize = 256;

/// The progress of making or verifying a torrent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct HashProgress {
    /// The number of files listed.
    pub files: u64,
    /// The number of pieces hashed.
    pub pieces: u64,
    /// The number of pieces; 0 while the files are being listed.
    pub piece_count: u64,
    /// The number of bytes read.
    pub bytes: u64,
    /// The number of bytes in all files; 0 while the files are being listed.
    pub size: u64,
}

/// Counters only: no other data depends on them, so relaxed ordering is enough.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    files: AtomicU64,
    pieces: AtomicU64,
    piece_count: AtomicU64,
    bytes: AtomicU64,
    size: AtomicU64,
    cancelled: AtomicBool,
    /// The files that the caller chose to skip.
    pub(crate) left_out: Mutex<Vec<PathBuf>>,
}

impl Progress {
    pub(crate) fn snapshot(&self) -> HashProgress {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        HashProgress {
            files: read(&self.files),
            pieces: read(&self.pieces),
            piece_count: read(&self.piece_count),
            bytes: read(&self.bytes),
            size: read(&self.size),
        }
    }

    pub(crate) fn listed(&self) {
        self.files.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn cancel(&self) {
        self.cancelled.store(true, Ordering::Relaxed);
    }

    fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Relaxed)
    }

    /// # Errors
    ///
    /// [`Cancelled`](ErrorKind::Cancelled).
    pub(crate) fn check_cancelled(&self, op: &'static str) -> Result<()> {
        if self.is_cancelled() {
            return Err(Error::new(ErrorKind::Cancelled, op, "it was cancelled"));
        }
        Ok(())
    }
}

/// The files of a torrent, in the order of their data.
#[derive(Debug)]
pub(crate) struct Layout {
    piece_length: u64,
    piece_count: u32,
    v1: bool,
    v2: bool,
    files: Vec<Extent>,
}

#[derive(Debug)]
struct Extent {
    offset: u64,
    size: u64,
    pad: bool,
}

/// The part of a file that is in a piece.
struct Slice {
    file: usize,
    offset: u64,
    length: u64,
}

impl Layout {
    pub(crate) fn new(record: &sys::LayoutRecord, v1: bool, v2: bool) -> Self {
        let mut offset = 0;
        let extents = record.sizes.iter().zip(&record.pads).map(|(&size, &pad)| {
            let size = size.unsigned_abs();
            let extent = Extent { offset, size, pad };
            offset += size;
            extent
        });
        Self {
            files: extents.collect(),
            piece_length: record.piece_length.unsigned_abs().max(1).into(),
            piece_count: record.piece_count.unsigned_abs(),
            v1,
            v2,
        }
    }

    /// Returns the indexes of the files that are not pad files.
    pub(crate) fn real_files(&self) -> impl Iterator<Item = usize> {
        self.files.iter().enumerate().filter(|(_, file)| !file.pad).map(|(index, _)| index)
    }

    /// Returns up to about `count` pieces, spread over a file, that contain no data of other files.
    pub(crate) fn whole_pieces(&self, file: usize, count: usize) -> impl Iterator<Item = u32> {
        let Extent { offset, size, .. } = self.files[file];
        let number = |at: u64| u32::try_from(at / self.piece_length).unwrap_or(u32::MAX);
        let (first, last) = (number(offset), number(offset + size.max(1) - 1));
        let step = ((last - first) as usize / count).max(1);
        (first..=last)
            .step_by(step)
            .chain((first < last).then_some(last))
            .filter(move |piece| self.contents(*piece).all(|(other, _)| other == file))
    }

    pub(crate) fn file_count(&self) -> usize {
        self.files.len()
    }

    fn size(&self) -> u64 {
        self.files.iter().filter(|file| !file.pad).map(|file| file.size).sum()
    }

    fn slices(&self, piece: u32) -> impl Iterator<Item = Slice> {
        let start = u64::from(piece) * self.piece_length;
        let end = start + self.piece_length;
        let first = self.files.partition_point(|file| file.offset + file.size <= start);
        self.files[first..]
            .iter()
            .enumerate()
            .take_while(move |(_, file)| file.offset < end)
            .filter(|(_, file)| file.size > 0)
            .map(move |(index, file)| {
                let from = start.max(file.offset);
                Slice {
                    file: first + index,
                    offset: from - file.offset,
                    length: end.min(file.offset + file.size) - from,
                }
            })
    }

    /// Returns the byte ranges of files that are in a piece, without pad files.
    pub(crate) fn contents(&self, piece: u32) -> impl Iterator<Item = (usize, Range<u64>)> {
        self.slices(piece)
            .filter(|slice| !self.files[slice.file].pad)
            .map(|slice| (slice.file, slice.offset..slice.offset + slice.length))
    }

    /// Returns the file that a v2 piece belongs to, and the piece's index in that file.
    pub(crate) fn owner(&self, piece: u32) -> Option<(usize, u64)> {
        self.contents(piece).next().map(|(file, range)| (file, range.start / self.piece_length))
    }

    /// Returns the number of leaves of the piece's hash tree: that of a whole piece, unless the file is
    /// smaller.
    fn leaves(&self, piece: u32) -> u64 {
        let whole = self.piece_length / BLOCK;
        self.owner(piece).map_or(whole, |(file, _)| {
            self.files[file].size.div_ceil(BLOCK).next_power_of_two().min(whole)
        })
    }
}

/// A file whose data cannot be read.
#[derive(Debug)]
pub(crate) struct Unreadable {
    /// Its index in the layout.
    pub(crate) file: usize,
    pub(crate) error: io::Error,
}

/// Hashes all pieces and calls `each` with every result, in no particular order. `path` returns the path of a
/// file, or `None` if the file must not be read.
///
/// # Errors
///
/// The error of `each`, which ends the hashing; [`Cancelled`](ErrorKind::Cancelled);
/// [`Io`](ErrorKind::Io) if no thread can be started.
pub(crate) fn hash_pieces(
    op: &'static str,
    layout: &Layout,
    path: &(dyn Fn(usize) -> Option<PathBuf> + Sync),
    progress: &Progress,
    mut each: impl FnMut(u32, Result<PieceHashes, Unreadable>) -> Result<()>,
) -> Result<()> {
    progress.size.store(layout.size(), Ordering::Relaxed);
    progress.piece_count.store(layout.piece_count.into(), Ordering::Relaxed);
    let next = AtomicU32::new(0);
    let cores = thread::available_parallelism().map_or(1, Into::into);
    // One more than the cores, because one thread may be waiting for the disk.
    let threads = (cores + 1).min(MAX_THREADS).min(layout.piece_count as usize);
    thread::scope(|scope| {
        // Dropped when this function returns for any reason, so that the threads end.
        let (sender, receiver) = bounded(QUEUE);
        for number in 0..threads {
            let (sender, next) = (sender.clone(), &next);
            let started = thread::Builder::new()
                .name(format!("patron-hash-{number}"))
                .spawn_scoped(scope, move || {
                    Worker { layout, path, progress, next, open: None, buffer: vec![0; CHUNK] }
                        .run(&sender);
                });
            match started {
                Ok(_) => {}
                // Continue with fewer threads.
                Err(_) if number > 0 => break,
                Err(error) => return Err(Error::io(op, "a thread to hash on", &error)),
            }
        }
        drop(sender);
        for (piece, hashes) in &receiver {
            each(piece, hashes)?;
            progress.pieces.fetch_add(1, Ordering::Relaxed);
        }
        progress.check_cancelled(op)
    })
}

/// Hashes one piece on the calling thread.
pub(crate) fn hash_piece(
    layout: &Layout,
    path: &(dyn Fn(usize) -> Option<PathBuf> + Sync),
    piece: u32,
) -> Result<PieceHashes, Unreadable> {
    let (progress, next) = (Progress::default(), AtomicU32::new(0));
    let buffer = vec![0; CHUNK];
    Worker { layout, path, progress: &progress, next: &next, open: None, buffer }.hash(piece)
}

/// Calls `each` for every item, on all cores; useful for many small files.
///
/// # Errors
///
/// The first error in the order of the items; [`Io`](ErrorKind::Io) if no thread can be started.
pub(crate) fn for_each<T: Send>(
    op: &'static str,
    items: &mut [T],
    each: impl Fn(&mut T) -> Result<()> + Sync,
) -> Result<()> {
    let cores = thread::available_parallelism().map_or(1, Into::into).min(MAX_THREADS);
    let share = items.len().div_ceil(cores).max(1000);
    let each = &each;
    thread::scope(|scope| {
        let mut shares = items.chunks_mut(share);
        let mine = shares.next();
        let mut started = Vec::new();
        for share in shares {
            let handle = thread::Builder::new()
                .name("patron-list".into())
                .spawn_scoped(scope, move || share.iter_mut().try_for_each(each))
                .map_err(|error| Error::io(op, "a thread to list on", &error))?;
            started.push(handle);
        }
        mine.map_or(Ok(()), |share| share.iter_mut().try_for_each(each))?;
        started.into_iter().try_for_each(|handle| {
            handle.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        })
    })
}

struct Worker<'a> {
    layout: &'a Layout,
    path: &'a (dyn Fn(usize) -> Option<PathBuf> + Sync),
    progress: &'a Progress,
    next: &'a AtomicU32,
    /// The last file that was read, and the position in it.
    open: Option<(usize, File, u64)>,
    buffer: Vec<u8>,
}

impl Worker<'_> {
    /// Hashes pieces. They are taken in order, so that the disk is read from front to back.
    fn run(&mut self, sender: &Sender<(u32, Result<PieceHashes, Unreadable>)>) {
        loop {
            let piece = self.next.fetch_add(1, Ordering::Relaxed);
            if piece >= self.layout.piece_count || self.progress.is_cancelled() {
                return;
            }
            let hashes = self.hash(piece);
            if self.progress.is_cancelled() || sender.send((piece, hashes)).is_err() {
                return;
            }
        }
    }

    fn hash(&mut self, piece: u32) -> Result<PieceHashes, Unreadable> {
        let layout = self.layout;
        let failed = |file| move |error| Unreadable { file, error };
        let file = layout.owner(piece).map_or(0, |(file, _)| file);
        let mut hasher =
            native(sys::new_piece_hasher(layout.v1, layout.v2)).map_err(failed(file))?;
        for slice in layout.slices(piece) {
            let hashed = if layout.files[slice.file].pad {
                native(hasher.pin_mut().pad(as_length(slice.length)))
            } else {
                self.read(&slice, &mut hasher)
            };
            if hashed.is_err() {
                // The position in the file is unknown now.
                self.open = None;
            }
            hashed.map_err(failed(slice.file))?;
        }
        native(hasher.pin_mut().finish(as_length(layout.leaves(piece)))).map_err(failed(file))
    }

    fn read(&mut self, slice: &Slice, hasher: &mut UniquePtr<PieceHasher>) -> io::Result<()> {
        if self.open.as_ref().is_none_or(|(file, ..)| *file != slice.file) {
            let path = (self.path)(slice.file).ok_or(io::ErrorKind::NotFound)?;
            self.open = Some((slice.file, File::open(path)?, 0));
        }
        let Some((_, file, position)) = &mut self.open else { return Ok(()) };
        if *position != slice.offset {
            file.seek(SeekFrom::Start(slice.offset))?;
        }
        *position = slice.offset + slice.length;
        let mut left = slice.length;
        while left > 0 && !self.progress.is_cancelled() {
            let chunk = &mut self.buffer[..as_length(left.min(CHUNK as u64))];
            file.read_exact(chunk)?;
            native(hasher.pin_mut().update(chunk))?;
            left -= chunk.len() as u64;
            self.progress.bytes.fetch_add(chunk.len() as u64, Ordering::Relaxed);
        }
        Ok(())
    }
}

/// Converts an error. In the shim, these calls can fail only for lack of memory.
fn native<T>(result: std::result::Result<T, cxx::Exception>) -> io::Result<T> {
    result.map_err(|exception| io::Error::other(exception.what().to_owned()))
}

/// Converts a length. It is at most that of a piece, which fits into an `int`.
fn as_length(length: u64) -> usize {
    length.try_into().unwrap_or(usize::MAX)
}

/// Properties of a file that show later whether it has changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Stamp {
    size: u64,
    modified: Option<std::time::SystemTime>,
    #[cfg(unix)]
    unix: [i64; 4],
}

impl Stamp {
    pub(crate) fn new(metadata: &std::fs::Metadata) -> Self {
        Self {
            size: metadata.len(),
            modified: metadata.modified().ok(),
            // The change time, unlike the modification time, cannot be set back.
            #[cfg(unix)]
            unix: {
                use std::os::unix::fs::MetadataExt;
                let (device, inode) = (metadata.dev().cast_signed(), metadata.ino().cast_signed());
                [device, inode, metadata.ctime(), metadata.ctime_nsec()]
            },
        }
    }

    pub(crate) fn of(path: &Path) -> io::Result<Self> {
        std::fs::metadata(path).map(|metadata| Self::new(&metadata))
    }

    pub(crate) fn modified(&self) -> Option<std::time::SystemTime> {
        self.modified
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layout(piece_length: i32, piece_count: i32, files: &[(i64, bool)], v2: bool) -> Layout {
        let record = sys::LayoutRecord {
            piece_length,
            piece_count,
            sizes: files.iter().map(|(size, _)| *size).collect(),
            pads: files.iter().map(|(_, pad)| *pad).collect(),
        };
        Layout::new(&record, true, v2)
    }

    #[test]
    fn a_piece_has_the_parts_of_files_that_lie_in_it() {
        let files = [(0, false), (10, false), (0, false), (20, false), (4, false), (0, false)];
        let layout = layout(16, 3, &files, false);
        let contents = |piece| layout.contents(piece).collect::<Vec<_>>();
        assert_eq!(contents(0), [(1, 0..10), (3, 0..6)]);
        assert_eq!(contents(1), [(3, 6..20), (4, 0..2)]);
        assert_eq!(contents(2), [(4, 2..4)]);
    }

    #[test]
    fn whole_pieces_have_data_of_one_file_only() {
        let files = [(40, false), (8, true), (16, false), (20, false)];
        let layout = layout(16, 6, &files, false);
        let whole = |file, count| layout.whole_pieces(file, count).collect::<Vec<_>>();
        assert_eq!(whole(0, 9), [0, 1, 2, 2]);
        assert_eq!(whole(2, 9), [3]);
        assert_eq!(whole(3, 9), [4, 5, 5]);
        let layout = super::tests::layout(16, 2, &[(10, false), (22, false)], false);
        assert_eq!(layout.whole_pieces(0, 9).collect::<Vec<_>>(), [0; 0]);
        assert_eq!(layout.whole_pieces(1, 9).collect::<Vec<_>>(), [1, 1]);
    }

    #[test]
    fn the_tree_of_a_small_file_is_no_larger_than_the_file() {
        let piece = 8 * 16384;
        let files = [(3 * 16384, false), (piece - 3 * 16384, true), (piece + 1, false)];
        let layout = layout(piece as i32, 3, &files, true);
        assert_eq!((layout.leaves(0), layout.leaves(1), layout.leaves(2)), (4, 8, 8));
        assert_eq!((layout.owner(1), layout.owner(2)), (Some((2, 0)), Some((2, 1))));
    }
}
