//! What a store keeps, as plain data.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::num::NonZeroU64;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::SystemTime;

use crate::add::join;
use crate::error::Error;
use crate::model::{Existing, InfoHashes};

/// The name of a torrent in a store. It stays the same over restarts, and is not used again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key(NonZeroU64);

impl Key {
    /// The key with this number: 1 to `i64::MAX`, which databases have room for.
    #[must_use]
    pub const fn new(number: u64) -> Option<Self> {
        match NonZeroU64::new(number) {
            Some(number) if number.get() <= i64::MAX as u64 => Some(Self(number)),
            _ => None,
        }
    }

    /// Its number.
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

/// All that is kept of a torrent. Times are kept to a millisecond.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Record {
    /// Its name in the store.
    pub key: Key,
    /// Its info hashes; of a magnet link, those that the link has.
    pub info_hashes: InfoHashes,
    /// Its name for people.
    pub name: Box<str>,
    /// What it was added from, for people: a path, a magnet link.
    pub source: Box<str>,
    /// When it was added.
    pub added: SystemTime,
    /// When all that is wanted of it was here first.
    pub completed: Option<SystemTime>,
    /// Where its files are.
    pub save_dir: PathBuf,
    /// Its files are being moved.
    pub moving: Option<Relocation>,
    /// It stays paused when it is restored: a person has paused it, or a goal.
    pub paused: bool,
    /// Its files are being deleted, and then it is removed.
    pub deleting: bool,
    /// Its place among those that are not complete, where that was chosen.
    pub queue_position: Option<u32>,
    /// The info dictionary of its metainfo. Stores keep one copy for each info hash.
    pub info: Option<Arc<[u8]>>,
    /// Its resume data without the info dictionary: progress, priorities, limits, flags, trackers, goals.
    pub resume_data: Arc<[u8]>,
    /// What the program calls it.
    pub labels: BTreeSet<Box<str>>,
    /// What the program keeps with it, by key.
    pub notes: BTreeMap<Box<str>, Arc<[u8]>>,
}

/// Files on their way to another directory.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Relocation {
    /// Where they go.
    pub to: PathBuf,
    /// What is done where a file is there already.
    pub existing: Existing,
}

impl Relocation {
    /// Files on their way to this directory.
    pub fn new(to: impl Into<PathBuf>, existing: Existing) -> Self {
        Self { to: to.into(), existing }
    }
}

impl Record {
    /// A torrent of which nothing else is known.
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

    /// All that libtorrent and other programs need of it: a
    /// [`Source::ResumeData`](crate::Source::ResumeData).
    #[must_use]
    pub fn to_resume_data(&self) -> Vec<u8> {
        join(self.info.as_deref().unwrap_or_default(), &self.resume_data)
    }

    /// Changes one value. A store that keeps whole records needs no more to carry out a [`Change::Set`].
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

/// Without the bytes.
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
#[allow(missing_docs)] // each has the name of its field
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
    /// Whether it has this label.
    Label(Box<str>, bool),
    /// A note, or none, under this key.
    Note(Box<str>, Option<Arc<[u8]>>),
}

/// A change of a store.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Change {
    /// A new torrent.
    Add(Box<Record>),
    /// Another value of a torrent.
    Set(Key, Value),
    /// A torrent goes, with all that is kept of it. There may be none.
    Remove(Key),
    /// What the client keeps of itself under this name; `None`: no more.
    State(Box<str>, Option<Arc<[u8]>>),
}

/// A torrent as it is read from a store.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Loaded {
    /// It is as it was committed.
    Torrent(Box<Record>),
    /// It cannot be read.
    Unreadable {
        /// Its key.
        key: Key,
        /// Its name, where that can be read.
        name: Box<str>,
        /// Why.
        error: Error,
    },
}

impl Loaded {
    /// Its key.
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
    fn a_key_fits_into_the_integers_of_a_database() {
        assert_eq!(Key::new(0), None);
        assert_eq!(Key::new(u64::MAX), None);
        assert_eq!(Key::new(i64::MAX as u64).map(Key::get), Some(i64::MAX as u64));
    }
}
