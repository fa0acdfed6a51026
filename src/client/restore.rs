//! Reads the torrents of a store and prepares them for libtorrent, on separate threads.

use std::sync::Arc;
use std::thread::available_parallelism;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Select, Sender, bounded};

use crate::add::{Kept, Prepared, Restorable, restore};
use crate::error::{Error, Result};
use crate::messages::service::Service;
use crate::model::InfoHashes;
use crate::store::{Key, Loaded, Pages, Record};
use crate::text::printable;

/// How many torrents are read and prepared at once, while the client adds the previous ones.
const PAGE: usize = 512;

/// How often progress is reported.
const PROGRESS: Duration = Duration::from_millis(250);

/// A torrent from the store, on its way to the client thread.
pub(in crate::client) enum Restored {
    /// The record does not include the data that the store keeps for libtorrent.
    Ready(Box<Record>, Box<Prepared>),
    Failed {
        key: Key,
        name: Arc<str>,
        info_hashes: InfoHashes,
        error: Error,
    },
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
    told: Instant,
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
        std::thread::Builder::new()
            .name("torrent-restore".into())
            .spawn(move || {
                crate::sys::process::block_signals();
                let end = read(&pages, &service, &to);
                // If the client has ended, nobody receives this.
                let _ = to.send(vec![Restored::End(end)]);
            })
            .map_err(|error| Error::io("restore the torrents", "a separate thread", &error))?;
        let began = Instant::now();
        Ok(Self {
            prepared,
            page: Vec::new().into_iter(),
            total,
            restored: 0,
            failed: 0,
            open: 0,
            ended: false,
            began,
            told: began,
        })
    }

    /// Returns the next torrent, if one is available.
    pub(in crate::client) fn next(&mut self) -> Option<Restored> {
        let next = self.page.next();
        if next.is_some() {
            return next;
        }
        self.page = self.prepared.try_recv().ok()?.into_iter();
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
        let due = now >= self.told + PROGRESS;
        if due {
            self.told = now;
        }
        due
    }
}

fn read(pages: &Pages, service: &Service, to: &Sender<Vec<Restored>>) -> Result<()> {
    let mut after = None;
    loop {
        let page = pages.next(after, PAGE)?;
        let Some(last) = page.last() else { return Ok(()) };
        after = Some(last.key());
        if to.send(prepare_all(page, service)).is_err() {
            return Ok(());
        }
    }
}

/// Prepares the torrents of a page on all cores, and returns them in order.
fn prepare_all(page: Vec<Loaded>, service: &Service) -> Vec<Restored> {
    let threads = available_parallelism().map_or(1, usize::from);
    let share = page.len().div_ceil(threads).max(1);
    let mut page = page.into_iter();
    let shares: Vec<Vec<_>> = std::iter::from_fn(|| {
        let share: Vec<_> = page.by_ref().take(share).collect();
        (!share.is_empty()).then_some(share)
    })
    .collect();
    std::thread::scope(|scope| {
        let prepare = |share: Vec<Loaded>| -> Vec<_> {
            share.into_iter().map(|loaded| prepare(loaded, service)).collect()
        };
        let threads: Vec<_> =
            shares.into_iter().map(|share| scope.spawn(move || prepare(share))).collect();
        // A thread that panicked returns no torrents. libtorrent's exceptions become errors.
        threads.into_iter().flat_map(|thread| thread.join().unwrap_or_default()).collect()
    })
}

fn prepare(loaded: Loaded, service: &Service) -> Restored {
    let mut record = match loaded {
        Loaded::Torrent(record) => record,
        Loaded::Unreadable { key, name, error } => {
            let (name, info_hashes) = (Arc::from(name), InfoHashes::default());
            return Restored::Failed { key, name, info_hashes, error };
        }
    };
    let name: Arc<str> = printable(&record.name).into();
    let has_info = record.info.is_some();
    let torrent = Restorable {
        name: name.clone(),
        kept: Kept {
            info: record.info.take(),
            resume_data: std::mem::take(&mut record.resume_data),
        },
        save_dir: record.save_dir.clone(),
        moving: record.moving.as_ref().map(|moving| (moving.to.clone(), moving.existing)),
        paused: record.paused,
        deleting: record.deleting,
    };
    match restore(torrent, &service.defaults) {
        Ok(prepared) => {
            // The client thread only needs to know that there is an info dictionary.
            record.info = has_info.then(Arc::default);
            Restored::Ready(record, Box::new(prepared))
        }
        Err(error) => {
            let Record { key, info_hashes, .. } = *record;
            Restored::Failed { key, name, info_hashes, error }
        }
    }
}
