//! A store in memory.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;

use parking_lot::Mutex;

use super::{COMMIT, Change, Key, Loaded, Record, Store};
use crate::error::{Error, ErrorKind, Result};

/// A store in memory, for tests. Clones share their contents, so a test can give one clone to a client and
/// another to the next client.
#[derive(Debug, Clone, Default)]
pub struct Memory(Arc<Mutex<Contents>>);

#[derive(Debug, Clone, Default)]
struct Contents {
    torrents: BTreeMap<Key, Record>,
    state: BTreeMap<String, Arc<[u8]>>,
    failure: Option<Error>,
    commits: u64,
}

impl Memory {
    /// Creates an empty store.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Makes all commits fail with this error from now on; with `None` they succeed again.
    pub fn fail_with(&self, error: Option<Error>) {
        self.0.lock().failure = error;
    }

    /// Returns an independent copy: what would be left after a crash at this moment.
    #[must_use]
    pub fn copy(&self) -> Self {
        let contents = Contents { failure: None, ..self.0.lock().clone() };
        Self(Arc::new(Mutex::new(contents)))
    }

    /// Returns the torrents, sorted by key.
    #[must_use]
    pub fn records(&self) -> Vec<Record> {
        self.0.lock().torrents.values().cloned().collect()
    }

    /// Returns the number of committed batches.
    #[must_use]
    pub fn commits(&self) -> u64 {
        self.0.lock().commits
    }
}

impl Store for Memory {
    fn name(&self) -> String {
        "the store in memory".into()
    }

    fn state(&mut self) -> Result<BTreeMap<String, Result<Arc<[u8]>>>> {
        let contents = self.0.lock();
        Ok(contents.state.iter().map(|(name, part)| (name.clone(), Ok(part.clone()))).collect())
    }

    fn count(&mut self) -> Result<u64> {
        Ok(self.0.lock().torrents.len() as u64)
    }

    fn load(&mut self, after: Option<Key>, limit: usize) -> Result<Vec<Loaded>> {
        let contents = self.0.lock();
        let above = (after.map_or(Bound::Unbounded, Bound::Excluded), Bound::Unbounded);
        let records = contents.torrents.range(above).take(limit);
        Ok(records.map(|(_, record)| Loaded::Torrent(Box::new(record.clone()))).collect())
    }

    fn commit(&mut self, changes: &[Change]) -> Result<()> {
        let mut contents = self.0.lock();
        if let Some(error) = &contents.failure {
            return Err(error.clone());
        }
        let mut undo = Vec::new();
        let mut state = contents.state.clone();
        for change in changes {
            let torrents = &mut contents.torrents;
            let (key, before) = match change {
                Change::Add(record) => (record.key, torrents.get(&record.key).cloned()),
                Change::Set(key, _) | Change::Remove(key) => (*key, torrents.get(key).cloned()),
                Change::State(name, Some(value)) => {
                    state.insert(name.to_string(), value.clone());
                    continue;
                }
                Change::State(name, None) => {
                    state.remove(&**name);
                    continue;
                }
            };
            let made = change_torrent(torrents, change);
            undo.push((key, before));
            if let Err(error) = made {
                for (key, before) in undo.into_iter().rev() {
                    match before {
                        Some(record) => _ = contents.torrents.insert(key, record),
                        None => _ = contents.torrents.remove(&key),
                    }
                }
                return Err(error);
            }
        }
        contents.state = state;
        contents.commits += 1;
        Ok(())
    }
}

fn change_torrent(torrents: &mut BTreeMap<Key, Record>, change: &Change) -> Result<()> {
    match change {
        Change::Add(record) if torrents.contains_key(&record.key) => {
            let message = format!("a torrent with key {} already exists", record.key);
            return Err(Error::new(ErrorKind::InvalidArgument, COMMIT, message));
        }
        Change::Add(record) => _ = torrents.insert(record.key, (**record).clone()),
        Change::Set(key, value) => match torrents.get_mut(key) {
            Some(record) => record.set(value),
            None => {
                let message = format!("there is no torrent with the key {key}");
                return Err(Error::new(ErrorKind::NotFound, COMMIT, message));
            }
        },
        Change::Remove(key) => _ = torrents.remove(key),
        Change::State(..) => {}
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    #[test]
    fn it_conforms() {
        let mut stores = HashMap::new();
        super::super::conformance(move |number| {
            stores.entry(number).or_insert_with(Memory::new).clone()
        });
    }
}
