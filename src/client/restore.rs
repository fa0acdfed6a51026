//! Reads the torrents of a store and prepares them for libtorrent, on separate threads.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, available_parallelism};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Select, Sender, TryRecvError, bounded};

use crate::add::{Prepared, Restorable, StoredForm, UnfinishedMove, restore};
use crate::error::{Error, ErrorKind, Result};
use crate::messages::service::Service;
use crate::model::TorrentId;
use crate::store::{Loaded, Pages, Record};
use crate::text::printable;

/// How many torrents are read and prepared at once, while the client adds the previous ones.
const PAGE: usize = 512;

/// How often progress is reported.
const PROGRESS: Duration = Duration::from_millis(250);

/// A torrent from the store, on its way to the client thread.
#[derive(Debug)]
pub(in crate::client) enum Restored {
    /// The record does not include the data that the store keeps for libtorrent.
    Ready(Box<Record>, Box<Prepared>),
    /// The same, as far as the record can be read.
    Failed(Box<Record>, Arc<str>, Error),
    /// There are no more torrents, or reading failed.
    End(Result<()>),
}

/// The progress of restoring.
pub(in crate::client) struct Restoring {
    prepared: Receiver<Vec<Restored>>,
    /// The rest of the current page.
    page: std::vec::IntoIter<Restored>,
    pub(in crate::client) total: u64,
    pub(in crate::client) restored: u64,
    pub(in crate::client) failed: u64,
    /// The number of torrents that the engine has not answered.
    pub(in crate::client) open: u64,
    pub(in crate::client) ended: bool,
    pub(in crate::client) began: Instant,
    reported: Instant,
}

impl Restoring {
    /// Starts to read the store.
    pub(in crate::client) fn start(
        pages: Pages,
        total: u64,
        service: &Arc<Service>,
    ) -> Result<Self> {
        let (to, prepared) = bounded(1);
        let service = service.clone();
        thread::Builder::new()
            .name("torrent-restore".into())
            .spawn(move || {
                crate::sys::process::block_signals();
                let restore = |torrent| restore(torrent, &service.defaults);
                let end = read(&pages, &restore, &to);
                // If the client has ended, nobody receives this.
                let _ = to.send(vec![Restored::End(end)]);
            })
            .map_err(|error| Error::io(RESTORE, "a separate thread", &error))?;
        Ok(Self::of(prepared, total))
    }

    fn of(prepared: Receiver<Vec<Restored>>, total: u64) -> Self {
        let began = Instant::now();
        Self {
            prepared,
            page: Vec::new().into_iter(),
            total,
            restored: 0,
            failed: 0,
            open: 0,
            ended: false,
            began,
            reported: began,
        }
    }

    /// Returns the next torrent, if one is available.
    pub(in crate::client) fn next(&mut self) -> Option<Restored> {
        let next = self.page.next();
        if next.is_some() {
            return next;
        }
        match self.prepared.try_recv() {
            Ok(page) => self.page = page.into_iter(),
            Err(TryRecvError::Disconnected) if !self.ended => {
                return Some(Restored::End(Err(panicked())));
            }
            Err(_) => return None,
        }
        self.page.next()
    }

    /// Registers the wait for the next page, unless all have arrived.
    pub(in crate::client) fn select<'a>(&'a self, select: &mut Select<'a>) {
        if !self.ended {
            select.recv(&self.prepared);
        }
    }

    /// Returns whether progress should be reported now.
    pub(in crate::client) fn is_due(&mut self, now: Instant) -> bool {
        let due = now >= self.reported + PROGRESS;
        if due {
            self.reported = now;
        }
        due
    }
}

/// Moves that an earlier run has not finished. A separate thread removes what they have copied.
pub(in crate::client) struct UnfinishedMoves {
    pub(in crate::client) ready: Receiver<(TorrentId, Box<UnfinishedMove>, Result<()>)>,
    stop: Arc<AtomicBool>,
}

impl UnfinishedMoves {
    pub(in crate::client) fn start(moves: Vec<(TorrentId, Box<UnfinishedMove>)>) -> Self {
        let (to, ready) = bounded(moves.len());
        let stop = Arc::<AtomicBool>::default();
        let stopped = stop.clone();
        let started = thread::Builder::new().name("torrent-moves".into()).spawn(move || {
            crate::sys::process::block_signals();
            for (id, unfinished) in moves {
                let removed = unfinished.remove_copies(&stopped);
                // If the client has ended, nobody receives this.
                let _ = to.send((id, unfinished, removed));
            }
        });
        if let Err(error) = started {
            tracing::warn!(%error, "interrupted moves go on after the next start");
        }
        Self { ready, stop }
    }
}

impl Drop for UnfinishedMoves {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

const RESTORE: &str = "restore the torrents";

fn panicked() -> Error {
    Error::new(ErrorKind::Panicked, RESTORE, "the thread that reads them panicked")
}

fn read<R>(pages: &Pages, restore: &R, to: &Sender<Vec<Restored>>) -> Result<()>
where
    R: Fn(Restorable) -> Result<Prepared> + Sync,
{
    let thread = || thread::Builder::new().name("torrent-prepare".into());
    let mut after = None;
    loop {
        let page = pages.next(after, PAGE)?;
        let Some(last) = page.last() else { return Ok(()) };
        after = Some(last.key());
        if to.send(prepare_all(page, thread, restore)).is_err() {
            return Ok(());
        }
    }
}

/// Prepares the torrents of a page on all cores, and returns them in order.
fn prepare_all<R>(page: Vec<Loaded>, thread: fn() -> thread::Builder, restore: &R) -> Vec<Restored>
where
    R: Fn(Restorable) -> Result<Prepared> + Sync,
{
    let threads = available_parallelism().map_or(1, usize::from);
    let share = page.len().div_ceil(threads).max(1);
    let mut page: Vec<_> = page.into_iter().map(|loaded| (Some(loaded), None)).collect();
    let prepare_share = &|share: &mut [(Option<Loaded>, Option<Restored>)]| {
        for (loaded, prepared) in share {
            *prepared = prepared.take().or_else(|| Some(prepare(loaded.take()?, restore)));
        }
    };
    thread::scope(|scope| {
        for share in page.chunks_mut(share) {
            // Fewer threads are enough.
            if thread().spawn_scoped(scope, move || prepare_share(share)).is_err() {
                break;
            }
        }
    });
    // Those for which no thread could be started.
    prepare_share(&mut page);
    page.into_iter().filter_map(|(_, prepared)| prepared).collect()
}

fn prepare(loaded: Loaded, restore: &impl Fn(Restorable) -> Result<Prepared>) -> Restored {
    let mut record = match loaded {
        Loaded::Torrent(record) => record,
        Loaded::Unreadable { key, info_hashes, name, error } => {
            let record = Box::new(Record::new(key, info_hashes, ""));
            return Restored::Failed(record, printable(&name).into(), error);
        }
    };
    let name: Arc<str> = printable(&record.name).into();
    let has_info = record.info.is_some();
    let torrent = Restorable {
        name: name.clone(),
        stored: StoredForm {
            info: record.info.take(),
            resume_data: std::mem::take(&mut record.resume_data),
        },
        save_dir: record.save_dir.clone(),
        moving: record.moving.as_ref().map(|moving| (moving.to.clone(), moving.on_conflict)),
        paused: record.paused,
        deleting: record.deleting,
    };
    // Exceptions of libtorrent are errors already.
    match catch_unwind(AssertUnwindSafe(|| restore(torrent))).unwrap_or_else(|_| Err(panicked())) {
        Ok(prepared) => {
            // The client thread only needs to know that there is an info dictionary.
            record.info = has_info.then(Arc::default);
            Restored::Ready(record, Box::new(prepared))
        }
        Err(error) => Restored::Failed(record, name, error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::InfoHashes;
    use crate::store::Key;

    fn page(count: u64) -> Vec<Loaded> {
        let record = |number: u64| {
            let key = Key::new(number).unwrap();
            let mut record = Record::new(key, InfoHashes::default(), "d");
            record.name = number.to_string().into();
            Loaded::Torrent(Box::new(record))
        };
        (1..=count).map(record).collect()
    }

    fn failed(restored: Vec<Restored>) -> Vec<(u64, ErrorKind)> {
        let failure = |restored| match restored {
            Restored::Failed(record, _, error) => (record.key.get(), error.kind()),
            other => panic!("{other:?}"),
        };
        restored.into_iter().map(failure).collect()
    }

    #[test]
    fn torrents_are_prepared_without_threads_where_none_can_be_started() {
        let restore = |_| Err(Error::new(ErrorKind::Disk, RESTORE, "no disk"));
        let none = || thread::Builder::new().stack_size(1 << 60);
        let expected: Vec<_> = (1..=9).map(|number| (number, ErrorKind::Disk)).collect();
        assert_eq!(failed(prepare_all(page(9), none, &restore)), expected);
        assert_eq!(failed(prepare_all(page(9), thread::Builder::new, &restore)), expected);
    }

    #[test]
    fn a_torrent_whose_preparation_panics_fails_alone() {
        let restore = |torrent: Restorable| {
            assert_ne!(&*torrent.name, "2", "the test wants a panic");
            Err(Error::new(ErrorKind::Disk, RESTORE, "no disk"))
        };
        let (disk, panicked) = (ErrorKind::Disk, ErrorKind::Panicked);
        let restored = prepare_all(page(3), thread::Builder::new, &restore);
        assert_eq!(failed(restored), [(1, disk), (2, panicked), (3, disk)]);
    }

    #[test]
    fn a_thread_that_ends_early_ends_the_restoring() {
        let (to, prepared) = bounded(1);
        let mut restoring = Restoring::of(prepared, 1);
        assert!(restoring.next().is_none());
        drop(to);
        let end = restoring.next();
        assert!(matches!(end, Some(Restored::End(Err(_)))), "{end:?}");
        restoring.ended = true;
        assert!(restoring.next().is_none());
    }
}
