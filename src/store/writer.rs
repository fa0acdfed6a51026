//! The thread that calls a store. It commits all changes that have arrived in the meantime as one batch.

use std::collections::HashSet;
use std::mem::{Discriminant, discriminant, take};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, bounded};
use parking_lot::{Condvar, Mutex};

use super::{COMMIT, Change, Key, Loaded, Store, Value};
use crate::error::{Error, ErrorKind, Result};

/// The number of queued orders at which the client thread takes no more commands.
const WINDOW: usize = 1024;

/// The delay before a failed change without a ticket is tried again.
const RETRY: Duration = Duration::from_secs(1);

/// A store and its thread. Only [`Pages::next`] and [`Writer::end`] wait for the store.
pub(crate) struct Writer {
    shared: Arc<Shared>,
    /// Receives whether everything was committed, when the store is closed.
    ended: Receiver<bool>,
}

struct Shared {
    inner: Mutex<Inner>,
    changed: Condvar,
    /// Signals that `reports` is not empty.
    wake: Sender<()>,
}

#[derive(Default)]
struct Inner {
    orders: Vec<Order>,
    page: Option<PageRequest>,
    reports: Vec<Report>,
    ending: bool,
}

/// Changes that get one answer.
struct Order {
    /// Identifies the answer. Changes without a ticket are retried until they succeed.
    ticket: Option<u64>,
    changes: Vec<Change>,
}

struct PageRequest {
    after: Option<Key>,
    limit: usize,
    to: Sender<Result<Vec<Loaded>>>,
}

/// A report from the thread.
#[derive(Debug)]
pub(crate) enum Report {
    Committed(u64, Result<()>),
    /// A commit failed after one that succeeded.
    Failing(Error),
    /// A commit succeeded after one that failed.
    Recovered,
}

impl Writer {
    pub(crate) fn start(store: Box<dyn Store>, wake: Sender<()>) -> Result<Self> {
        let inner = Mutex::new(Inner::default());
        let shared = Arc::new(Shared { inner, changed: Condvar::new(), wake });
        let (ends, ended) = bounded(1);
        std::thread::Builder::new()
            .name("torrent-store".into())
            .spawn({
                let shared = shared.clone();
                move || {
                    crate::sys::process::block_signals();
                    let complete = Thread { store, shared, kept: Vec::new(), failing: false }.run();
                    let _ = ends.send(complete);
                }
            })
            .map_err(|error| Error::io("start the store", "a separate thread", &error))?;
        Ok(Self { shared, ended })
    }

    /// Queues changes. With a ticket, they are answered by [`Report::Committed`].
    pub(crate) fn submit(&self, ticket: Option<u64>, changes: Vec<Change>) {
        self.shared.inner.lock().orders.push(Order { ticket, changes });
        self.shared.changed.notify_one();
    }

    /// Returns whether so many orders are queued that no more should be added.
    pub(crate) fn is_full(&self) -> bool {
        self.shared.inner.lock().orders.len() >= WINDOW
    }

    pub(crate) fn take_reports(&self) -> Vec<Report> {
        take(&mut self.shared.inner.lock().reports)
    }

    /// Returns a reader of torrents, which runs between commits.
    pub(crate) fn pages(&self) -> Pages {
        Pages(self.shared.clone())
    }

    /// Commits what is queued and closes the store. Returns whether everything was committed by the deadline.
    pub(crate) fn end(self, deadline: Instant) -> bool {
        let ended = self.ended.clone();
        drop(self);
        ended.recv_deadline(deadline).unwrap_or(false)
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.shared.inner.lock().ending = true;
        self.shared.changed.notify_one();
    }
}

/// Reads the torrents of a store, a page at a time. For use by one thread.
pub(crate) struct Pages(Arc<Shared>);

impl Pages {
    /// Returns the next page. Waits for the store.
    pub(crate) fn next(&self, after: Option<Key>, limit: usize) -> Result<Vec<Loaded>> {
        let (to, page) = bounded(1);
        let mut inner = self.0.inner.lock();
        if inner.ending {
            return Err(Error::stopped("read the store"));
        }
        inner.page = Some(PageRequest { after, limit, to });
        drop(inner);
        self.0.changed.notify_one();
        page.recv().unwrap_or_else(|_| Err(Error::stopped("read the store")))
    }
}

struct Thread {
    store: Box<dyn Store>,
    shared: Arc<Shared>,
    /// Failed changes without a ticket, to be retried.
    kept: Vec<Order>,
    failing: bool,
}

impl Thread {
    /// Returns whether everything was committed.
    fn run(mut self) -> bool {
        loop {
            let (orders, page, ending) = self.wait();
            if orders.len() >= WINDOW {
                // The client thread may be waiting for space in the queue.
                let _ = self.shared.wake.try_send(());
            }
            if !orders.is_empty() || !self.kept.is_empty() {
                self.commit(orders);
            }
            if let Some(PageRequest { after, limit, to }) = page {
                let _ = to.send(caught("read the store", || self.store.load(after, limit)));
            }
            if ending {
                return self.kept.is_empty();
            }
        }
    }

    fn wait(&self) -> (Vec<Order>, Option<PageRequest>, bool) {
        let retry = (!self.kept.is_empty()).then(|| Instant::now() + RETRY);
        let mut inner = self.shared.inner.lock();
        while inner.orders.is_empty() && inner.page.is_none() && !inner.ending {
            match retry {
                None => self.shared.changed.wait(&mut inner),
                Some(when) => {
                    if self.shared.changed.wait_until(&mut inner, when).timed_out() {
                        break;
                    }
                }
            }
        }
        (take(&mut inner.orders), inner.page.take(), inner.ending)
    }

    fn commit(&mut self, new: Vec<Order>) {
        let mut orders = take(&mut self.kept);
        orders.extend(new);
        let mut reports = Vec::new();
        self.commit_all(orders, &mut reports);
        if !reports.is_empty() {
            self.shared.inner.lock().reports.extend(reports);
            let _ = self.shared.wake.try_send(());
        }
    }

    /// Commits the orders together or, if one of their changes is invalid, each by itself.
    fn commit_all(&mut self, mut orders: Vec<Order>, reports: &mut Vec<Report>) {
        match self.try_commit(&mut orders) {
            Ok(()) => {
                if take(&mut self.failing) {
                    reports.push(Report::Recovered);
                }
                reports.extend(tickets(&orders).map(|ticket| Report::Committed(ticket, Ok(()))));
            }
            Err(error) if is_of_a_change(&error) => {
                if orders.len() > 1 {
                    return orders.into_iter().for_each(|one| self.commit_all(vec![one], reports));
                }
                tracing::error!(%error, "a change is dropped");
                let failed = |ticket| Report::Committed(ticket, Err(error.clone()));
                reports.extend(tickets(&orders).map(failed));
            }
            Err(error) => {
                if !std::mem::replace(&mut self.failing, true) {
                    tracing::error!(%error, "cannot write to the store");
                    reports.push(Report::Failing(error.clone()));
                }
                let failed = |ticket| Report::Committed(ticket, Err(error.clone()));
                reports.extend(tickets(&orders).map(failed));
                orders.retain(|order| order.ticket.is_none());
                self.kept.extend(orders);
                self.kept = newest(take(&mut self.kept));
            }
        }
    }

    fn try_commit(&mut self, orders: &mut [Order]) -> Result<()> {
        if let [only] = orders {
            return caught(COMMIT, || self.store.commit(&only.changes));
        }
        let lengths: Vec<_> = orders.iter().map(|order| order.changes.len()).collect();
        let mut all: Vec<_> =
            orders.iter_mut().flat_map(|order| take(&mut order.changes)).collect();
        let made = caught(COMMIT, || self.store.commit(&all));
        if made.is_err() {
            let mut rest = all.drain(..);
            for (order, length) in orders.iter_mut().zip(lengths) {
                order.changes = rest.by_ref().take(length).collect();
            }
        }
        made
    }
}

fn tickets(orders: &[Order]) -> impl Iterator<Item = u64> {
    orders.iter().filter_map(|order| order.ticket)
}

/// Returns whether a change is at fault, and not the store.
fn is_of_a_change(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::NotFound | ErrorKind::InvalidArgument)
}

/// Reduces the changes to the last one for each value, so that their number is bounded while commits fail.
fn newest(orders: Vec<Order>) -> Vec<Order> {
    type Place = (Option<Key>, Option<Discriminant<Value>>, Option<Box<str>>);
    let place = |change: &Change| -> Place {
        match change {
            Change::Add(record) => (Some(record.key), None, None),
            Change::Remove(key) => (Some(*key), None, None),
            Change::State(name, _) => (None, None, Some(name.clone())),
            Change::Set(key, value) => {
                let part = match value {
                    Value::Label(part, _) | Value::Note(part, _) => Some(part.clone()),
                    _ => None,
                };
                (Some(*key), Some(discriminant(value)), part)
            }
        }
    };
    let mut seen = HashSet::new();
    let mut changes: Vec<_> = orders.into_iter().flat_map(|order| order.changes).collect();
    changes.reverse();
    changes.retain(|change| seen.insert(place(change)));
    changes.reverse();
    match changes.is_empty() {
        true => Vec::new(),
        false => changes
            .into_iter()
            .map(|change| Order { ticket: None, changes: vec![change] })
            .collect(),
    }
}

/// Calls the store. It may be implemented by the program, so it may panic.
fn caught<T>(op: &'static str, call: impl FnOnce() -> Result<T>) -> Result<T> {
    catch_unwind(AssertUnwindSafe(call))
        .unwrap_or_else(|_| Err(Error::new(ErrorKind::Panicked, op, "the store panicked")))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::model::InfoHashes;
    use crate::store::{Memory, Record};

    const PATIENCE: Duration = Duration::from_secs(20);

    struct Started {
        memory: Memory,
        writer: Writer,
        woken: Receiver<()>,
    }

    fn start() -> Started {
        let (wake, woken) = bounded(1);
        let memory = Memory::new();
        let writer = Writer::start(Box::new(memory.clone()), wake).unwrap();
        Started { memory, writer, woken }
    }

    impl Started {
        fn reports(&self) -> Vec<Report> {
            self.woken.recv_timeout(PATIENCE).unwrap();
            self.writer.take_reports()
        }

        fn add(&self, ticket: u64, number: u64) {
            let record = Record::new(key(number), InfoHashes::default(), "d");
            self.writer.submit(Some(ticket), vec![Change::Add(Box::new(record))]);
        }
    }

    fn key(number: u64) -> Key {
        Key::new(number).unwrap()
    }

    fn full() -> Error {
        Error::new(ErrorKind::Disk, COMMIT, "the disk is full")
    }

    #[test]
    fn an_order_is_confirmed_when_it_is_committed() {
        let started = start();
        started.add(7, 1);
        assert!(matches!(started.reports()[..], [Report::Committed(7, Ok(()))]));
        assert_eq!(started.memory.records().len(), 1);
        assert!(started.writer.end(Instant::now() + PATIENCE));
    }

    #[test]
    fn pending_changes_are_committed_before_the_end() {
        let Started { memory, writer, woken: _woken } = start();
        for number in 1..=100 {
            let record = Record::new(key(number), InfoHashes::default(), "d");
            writer.submit(None, vec![Change::Add(Box::new(record))]);
        }
        assert!(writer.end(Instant::now() + PATIENCE));
        assert_eq!(memory.records().len(), 100);
    }

    #[test]
    fn the_end_reports_whether_everything_was_committed() {
        for works in [false, true] {
            let started = start();
            started.add(1, 1);
            started.reports();
            started.memory.fail_with(Some(full()));
            started.writer.submit(None, vec![Change::Set(key(1), Value::Paused(true))]);
            started.reports();
            started.memory.fail_with((!works).then(full));
            let Started { memory, writer, woken: _woken } = started;
            assert_eq!(writer.end(Instant::now() + PATIENCE), works);
            assert_eq!(memory.records()[0].paused, works);
        }
    }

    #[test]
    fn a_failing_store_is_reported_once_and_background_writes_are_retried() {
        let started = start();
        started.add(1, 1);
        started.reports();
        started.memory.fail_with(Some(full()));
        started.writer.submit(None, vec![Change::Set(key(1), Value::Paused(true))]);
        assert!(matches!(&started.reports()[..], [Report::Failing(error)] if *error == full()));
        started.add(2, 2);
        let reports = started.reports();
        assert!(matches!(&reports[..], [Report::Committed(2, Err(error))] if *error == full()));
        started.memory.fail_with(None);
        assert!(matches!(started.reports()[..], [Report::Recovered]), "it is tried by itself");
        assert!(started.memory.records()[0].paused);
        assert_eq!(started.memory.records().len(), 1, "who waited was told that it failed");
    }

    #[test]
    fn a_wrong_change_fails_alone() {
        let started = start();
        started.memory.fail_with(Some(full()));
        started.writer.submit(None, vec![Change::Set(key(9), Value::Paused(true))]);
        started.reports();
        started.memory.fail_with(None);
        started.add(1, 1);
        let reports = started.reports();
        let works = matches!(reports[..], [Report::Recovered, Report::Committed(1, Ok(()))]);
        assert!(works, "{reports:?}");
        started.add(2, 2);
        assert!(matches!(started.reports()[..], [Report::Committed(2, Ok(()))]));
    }

    #[test]
    fn a_retry_keeps_only_the_newest_changes() {
        let order = |change| Order { ticket: None, changes: vec![change] };
        let kept = newest(vec![
            order(Change::Set(key(1), Value::Paused(true))),
            order(Change::Set(key(2), Value::Paused(true))),
            order(Change::State("a".into(), None)),
            order(Change::Set(key(1), Value::Paused(false))),
        ]);
        let kept: Vec<_> = kept.into_iter().flat_map(|order| order.changes).collect();
        assert_eq!(
            kept,
            [
                Change::Set(key(2), Value::Paused(true)),
                Change::State("a".into(), None),
                Change::Set(key(1), Value::Paused(false)),
            ]
        );
    }

    #[test]
    fn pages_are_read_between_commits() {
        let started = start();
        started.add(1, 1);
        started.reports();
        let pages = started.writer.pages();
        assert_eq!(pages.next(None, 10).unwrap().len(), 1);
        assert!(pages.next(Some(key(1)), 10).unwrap().is_empty());
        assert!(started.writer.end(Instant::now() + PATIENCE));
        assert_eq!(pages.next(None, 10).unwrap_err().kind(), ErrorKind::Stopped);
    }
}
