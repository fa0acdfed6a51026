//! The data in a store.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::num::NonZeroU64;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::SystemTime;

use crate::add::{insert, join};
use crate::error::Error;
use crate::model::{InfoHashes, OnConflict};

/// Identifies a torrent in a store. A key does not change when the client restarts. After a restart, that of a
/// removed torrent may be used again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key(NonZeroU64);

impl Key {
    /// Creates a key from a number from 1 to `i64::MAX`.
    #[must_use]
    pub const fn new(number: u64) -> Option<Self> {
        match NonZeroU64::new(number) {
            Some(number) if number.get() <= i64::MAX as u64 => Some(Self(number)),
            _ => None,
        }
    }

    /// Returns the key as a number.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0.get()
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// A torrent in a store. Times have a resolution of one millisecond.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Record {
    /// Identifies the torrent in the store.
    pub key: Key,
    /// The info hashes; for a magnet link, those in the link.
    pub info_hashes: InfoHashes,
    /// The display name.
    pub name: Box<str>,
    /// Where the torrent was added from, as text: a path or a magnet link.
    pub source: Box<str>,
    /// When the torrent was added.
    pub added: SystemTime,
    /// When all wanted data was complete for the first time.
    pub completed: Option<SystemTime>,
    /// The directory that contains the files.
    pub save_dir: PathBuf,
    /// The move of the files that is in progress.
    pub moving: Option<Relocation>,
    /// Whether the torrent is restored paused, because a patron or a goal paused it.
    pub paused: bool,
    /// Whether the files are being deleted. The torrent is removed afterwards.
    pub deleting: bool,
    /// The position in the download queue, if a patron has changed the order.
    pub queue_position: Option<u32>,
    /// The info dictionary; `None` for a magnet link without metadata. A store keeps one copy for each
    /// info hash.
    pub info: Option<Arc<[u8]>>,
    /// The resume data without the info dictionary: progress, priorities, limits, flags, trackers, goals.
    pub resume_data: Arc<[u8]>,
    /// The labels that the program has attached.
    pub labels: BTreeSet<Box<str>>,
    /// The bytes that the program has attached, by key.
    pub notes: BTreeMap<Box<str>, Arc<[u8]>>,
}

/// A move of files to another directory.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Relocation {
    /// The destination.
    pub to: PathBuf,
    /// What to do with files that exist at the destination.
    pub on_conflict: OnConflict,
}

impl Relocation {
    /// Describes a move to this directory.
    pub fn new(to: impl Into<PathBuf>, on_conflict: OnConflict) -> Self {
        Self { to: to.into(), on_conflict }
    }
}

impl Record {
    /// Creates a record with default values for all other fields.
    pub fn new(key: Key, info_hashes: InfoHashes, save_dir: impl Into<PathBuf>) -> Self {
        Self {
            key,
            info_hashes,
            name: Box::default(),
            source: Box::default(),
            added: SystemTime::UNIX_EPOCH,
            completed: None,
            save_dir: save_dir.into(),
            moving: None,
            paused: false,
            deleting: false,
            queue_position: None,
            info: None,
            resume_data: Arc::default(),
            labels: BTreeSet::new(),
            notes: BTreeMap::new(),
        }
    }

    /// Returns complete resume data, including the info dictionary, for
    /// [`Source::ResumeData`](crate::Source::ResumeData) or another libtorrent program. The labels are
    /// qBittorrent's tags, and the notes are in the dictionary `torrent-patron-notes`;
    /// [`import`](super::import()) reads both.
    #[must_use]
    pub fn to_resume_data(&self) -> Vec<u8> {
        let mut data = join(self.info.as_deref().unwrap_or_default(), &self.resume_data);
        if !self.labels.is_empty() {
            let tags: Vec<_> = self.labels.iter().map(|label| encoded(label.as_bytes())).collect();
            data = insert(b"qBt-tags", &[b"l", &*tags.concat(), b"e"].concat(), &data);
        }
        if !self.notes.is_empty() {
            let notes = self.notes.iter();
            let notes: Vec<_> = notes
                .map(|(key, value)| [encoded(key.as_bytes()), encoded(value)].concat())
                .collect();
            data = insert(NOTES, &[b"d", &*notes.concat(), b"e"].concat(), &data);
        }
        data
    }

    /// Changes one value. A store that holds whole records can implement [`Change::Set`] with this.
    pub fn set(&mut self, value: &Value) {
        match value.clone() {
            Value::InfoHashes(hashes) => self.info_hashes = hashes,
            Value::Name(name) => self.name = name,
            Value::Completed(when) => self.completed = when,
            Value::SaveDir(directory) => self.save_dir = directory,
            Value::Moving(moving) => self.moving = moving,
            Value::Paused(paused) => self.paused = paused,
            Value::Deleting(deleting) => self.deleting = deleting,
            Value::QueuePosition(position) => self.queue_position = position,
            Value::Info(info) => self.info = Some(info),
            Value::ResumeData(data) => self.resume_data = data,
            Value::Label(label, true) => _ = self.labels.insert(label),
            Value::Label(label, false) => _ = self.labels.remove(&label),
            Value::Note(key, Some(value)) => _ = self.notes.insert(key, value),
            Value::Note(key, None) => _ = self.notes.remove(&key),
        }
    }
}

/// The key of the notes in resume data.
pub(super) const NOTES: &[u8] = b"torrent-patron-notes";

/// Encodes a string (BEP 3).
fn encoded(string: &[u8]) -> Vec<u8> {
    [string.len().to_string().as_bytes(), b":", string].concat()
}

/// Omits the contents of byte fields.
impl fmt::Debug for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Record")
            .field("key", &self.key)
            .field("info_hashes", &self.info_hashes)
            .field("name", &self.name)
            .field("save_dir", &self.save_dir)
            .finish_non_exhaustive()
    }
}

/// One value of a [`Record`]; see its fields.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
#[allow(missing_docs)] // see the fields of the same names
pub enum Value {
    InfoHashes(InfoHashes),
    Name(Box<str>),
    Completed(Option<SystemTime>),
    SaveDir(PathBuf),
    Moving(Option<Relocation>),
    Paused(bool),
    Deleting(bool),
    QueuePosition(Option<u32>),
    Info(Arc<[u8]>),
    ResumeData(Arc<[u8]>),
    /// Adds or removes a label.
    Label(Box<str>, bool),
    /// Sets or removes the note with this key.
    Note(Box<str>, Option<Arc<[u8]>>),
}

/// A change to a store.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Change {
    /// Adds a torrent.
    Add(Box<Record>),
    /// Changes one value of a torrent.
    Set(Key, Value),
    /// Removes a torrent, if it exists.
    Remove(Key),
    /// Sets or removes a part of the client's own state, by name.
    State(Box<str>, Option<Arc<[u8]>>),
}

/// The result of reading a torrent from a store.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Loaded {
    /// The torrent as it was committed.
    Torrent(Box<Record>),
    /// The torrent cannot be read.
    Unreadable {
        /// The key of the torrent.
        key: Key,
        /// The info hashes that can be read. A torrent with one of them that is added replaces this one.
        info_hashes: InfoHashes,
        /// The name of the torrent, if it can be read.
        name: Box<str>,
        /// Why the torrent cannot be read.
        error: Error,
    },
}

impl Loaded {
    /// Returns the key.
    #[must_use]
    pub fn key(&self) -> Key {
        match self {
            Self::Torrent(record) => record.key,
            Self::Unreadable { key, .. } => *key,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_and_notes_are_in_resume_data() {
        let mut record = Record::new(Key::new(1).unwrap(), InfoHashes::default(), "d");
        record.resume_data = b"d1:ai1e1:z0:e"[..].into();
        record.info = Some(b"d1:bi2ee"[..].into());
        record.labels = ["films".into(), "für uns".into()].into();
        let expected = "d1:ai1e4:infod1:bi2ee8:qBt-tagsl5:films8:für unse1:z0:e";
        assert_eq!(record.to_resume_data(), expected.as_bytes());
        record.labels.clear();
        record.notes.insert("z".into(), b"\0e"[..].into());
        record.notes.insert("".into(), b""[..].into());
        let expected = b"d1:ai1e4:infod1:bi2ee20:torrent-patron-notesd0:0:1:z2:\0ee1:z0:e";
        assert_eq!(record.to_resume_data(), expected);
    }

    #[test]
    fn a_key_fits_into_the_integers_of_a_database() {
        assert_eq!(Key::new(0), None);
        assert_eq!(Key::new(u64::MAX), None);
        assert_eq!(Key::new(i64::MAX as u64).map(Key::get), Some(i64::MAX as u64));
    }
}
