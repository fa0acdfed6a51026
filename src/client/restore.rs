//! The torrents of a store, read and prepared on threads of their own.

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

/// How many torrents are read and prepared at once, while the client adds as many others.
const PAGE: usize = 512;

/// How often the progress is told.
const PROGRESS: Duration = Duration::from_millis(250);

/// A torrent of the store, on its way to the client thread.
pub(in crate::client) enum Restored {
    /// The record is without what the store keeps for libtorrent.
    Ready(Box<Record>, Box<Prepared>),
    Failed {
        key: Key,
        name: Arc<str>,
        info_hashes: InfoHashes,
        error: Error,
    },
    /// There are no more, or the store cannot be read any further.
    End(Result<()>),
}

/// How far it has come.
pub(in crate::client) struct Restoring {
    prepared: Receiver<Vec<Restored>>,
    /// The rest of the last page.
    page: std::vec::IntoIter<Restored>,
    pub(in crate::client) total: u64,
    pub(in crate::client) restored: u64,
    pub(in crate::client) failed: u64,
    /// Before the engine.
    pub(in crate::client) open: u64,
    pub(in crate::client) ended: bool,
    pub(in crate::client) began: Instant,
    told: Instant,
}

impl Restoring {
    /// Begins at once.
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
                // Where the client has ended, nobody listens.
                let _ = to.send(vec![Restored::End(end)]);
            })
            .map_err(|error| Error::io("restore the torrents", "a thread of its own", &error))?;
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

    /// The next torrent, if it is here.
    pub(in crate::client) fn next(&mut self) -> Option<Restored> {
        let next = self.page.next();
        if next.is_some() {
            return next;
        }
        self.page = self.prepared.try_recv().ok()?.into_iter();
        self.page.next()
    }

    /// Waits for the next torrent, if it has not ended.
    pub(in crate::client) fn select<'a>(&'a self, select: &mut Select<'a>) {
        if !self.ended {
            select.recv(&self.prepared);
        }
    }

    /// Whether the progress is to be told.
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

/// In their order, on all cores.
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
        // One that has panicked has no torrents to give; libtorrent's exceptions are errors.
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
            // That it is there is all that the client thread wants to know.
            record.info = has_info.then(Arc::default);
            Restored::Ready(record, Box::new(prepared))
        }
        Err(error) => {
            let Record { key, info_hashes, .. } = *record;
            Restored::Failed { key, name, info_hashes, error }
        }
    }
}
