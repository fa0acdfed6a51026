//! The record of one torrent.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

use super::commits::Attachment;
use super::last_errors::LastErrors;
use super::save_queue::Save;
use crate::error::Result;
use crate::messages::command::RemoveFiles;
use crate::messages::member::{Member, MemberId};
use crate::messages::request::Respond;
use crate::model::{ClientData, Event, EventKind, Goals, InfoHashes, SavedFigures, TorrentStatus};
use crate::reply::Responder;
use crate::store::{Key, Record};

/// Everything that the client thread knows about a torrent. A client has many torrents and most are idle, so
/// data that most of them lack is boxed.
pub(in crate::client) struct Torrent {
    pub(in crate::client) name: Arc<str>,
    pub(in crate::client) info_hashes: InfoHashes,
    /// The patron that added it, unless it has left.
    pub(super) owner: Option<Arc<Member>>,
    pub(super) watchers: Option<Box<Watchers>>,
    pub(super) client_data: Option<Box<ClientData>>,
    pub(super) save: Option<Box<Save>>,
    /// Set while the files are being moved, or are to be moved when the store knows of it.
    pub(in crate::client) moving: Option<MoveRequester>,
    /// A move that the engine has made, until it is durable.
    pub(in crate::client) made_move: Option<Box<MadeMove>>,
    /// Whether the engine has reported what is wanted now as complete and written.
    pub(in crate::client) finished: bool,
    pub(in crate::client) removing: Option<Box<Removing>>,
    pub(in crate::client) errors: LastErrors,
    waiters: Option<Box<Waiters>>,
    pub(in crate::client) attached: Option<Box<Attached>>,
    /// Its key in the store, if there is a store.
    pub(in crate::client) key: Option<Key>,
    /// Whether the store has its info dictionary.
    pub(in crate::client) has_info: bool,
    /// Whether all wanted data was complete at some time.
    pub(in crate::client) completed: bool,
    /// Whether it is unchanged since its resume data was stored, unless its files turn out to be different.
    pub(in crate::client) as_saved: bool,
    /// Whether it was added with the option to pause after the check.
    pub(in crate::client) stops_itself: bool,
    /// Whether the last request to pause or to resume it was to resume it.
    pub(in crate::client) told_to_run: bool,
    /// How many requests to resume it may not be in its status yet.
    pub(in crate::client) resuming: u32,
}

/// Data that the program has attached to a torrent.
#[derive(Default)]
pub(in crate::client) struct Attached {
    labels: BTreeSet<Box<str>>,
    notes: BTreeMap<Box<str>, Arc<[u8]>>,
}

impl Attached {
    pub(in crate::client) fn of(record: &Record) -> Option<Box<Self>> {
        let (labels, notes) = (record.labels.clone(), record.notes.clone());
        (!labels.is_empty() || !notes.is_empty()).then(|| Box::new(Self { labels, notes }))
    }
}

/// The patrons that watch a torrent which they do not own.
#[derive(Default)]
pub(super) struct Watchers(pub(super) Vec<Arc<Member>>);

/// The replies that wait until a torrent is complete.
#[derive(Default)]
struct Waiters(Vec<Responder<()>>);

/// Who requested a move of the files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::client) enum MoveRequester {
    /// The client, because the files are complete or because the move was interrupted.
    Client,
    Patron,
    /// An earlier run. It has not begun again.
    EarlierRun,
}

/// A move that the engine has made, and whose files may not be durable yet.
pub(in crate::client) struct MadeMove {
    pub(in crate::client) to: PathBuf,
    pub(in crate::client) respond: Respond,
    /// Whether a save has begun since then.
    pub(in crate::client) save_begun: bool,
}

/// A torrent that is being removed.
pub(in crate::client) struct Removing {
    pub(in crate::client) files: RemoveFiles,
    /// The patron that removed it, if the answer is an event.
    pub(in crate::client) from: Option<Arc<Member>>,
    pub(in crate::client) reply: Option<Responder<()>>,
}

impl Torrent {
    pub(in crate::client) fn new(
        name: Arc<str>,
        info_hashes: InfoHashes,
        owner: Option<Arc<Member>>,
        client_data: ClientData,
    ) -> Self {
        Self {
            name,
            info_hashes,
            owner,
            watchers: None,
            client_data: (client_data != ClientData::default()).then(|| Box::new(client_data)),
            save: None,
            moving: None,
            made_move: None,
            finished: false,
            removing: None,
            errors: LastErrors::default(),
            waiters: None,
            attached: None,
            key: None,
            has_info: false,
            completed: false,
            as_saved: false,
            stops_itself: false,
            told_to_run: false,
            resuming: 0,
        }
    }

    /// Returns whether all wanted data is complete and written. Data downloaded in this run is written once
    /// the engine has reported the torrent as finished. There is no such report for data that was complete
    /// before.
    pub(in crate::client) fn is_complete(&self, status: &TorrentStatus) -> bool {
        status.finished && (self.finished || status.downloaded == 0)
    }

    /// Returns whether it is removed with its files.
    pub(in crate::client) fn is_being_deleted(&self) -> bool {
        let removing = self.removing.as_ref();
        removing.is_some_and(|removing| removing.files == RemoveFiles::Delete)
    }

    /// Adds a reply that waits until the torrent is complete. Each time their number has doubled, removes those
    /// that nobody waits for any more.
    pub(in crate::client) fn add_waiter(&mut self, reply: Responder<()>) {
        let Waiters(replies) = &mut **self.waiters.get_or_insert_default();
        if replies.len() == replies.capacity() {
            replies.retain(|reply| !reply.is_abandoned());
            replies.reserve(replies.len().max(1));
        }
        replies.push(reply);
    }

    pub(in crate::client) fn answer_waiters(&mut self, answer: &Result<()>) {
        for reply in self.waiters.take().into_iter().flat_map(|waiters| waiters.0) {
            reply.send(answer.clone());
        }
    }

    /// Sends an event to the patrons that subscribe to it.
    pub(in crate::client) fn send(&self, event: Event) {
        for watcher in self.watchers() {
            watcher.send(&event);
        }
        if let Some(owner) = &self.owner
            && owner.wants(event.kind())
        {
            owner.mailbox.push(event);
        }
    }

    pub(in crate::client) fn is_wanted(&self, kind: EventKind) -> bool {
        self.audience().any(|member| member.wants(kind))
    }

    pub(super) fn audience(&self) -> impl Iterator<Item = &Arc<Member>> {
        self.owner.iter().chain(self.watchers())
    }

    fn watchers(&self) -> impl Iterator<Item = &Arc<Member>> {
        self.watchers.iter().flat_map(|watchers| &watchers.0)
    }

    /// Returns whether the patron was a watcher.
    pub(super) fn remove_watcher(&mut self, member: MemberId) -> bool {
        let Some(Watchers(watchers)) = self.watchers.as_deref_mut() else { return false };
        let before = watchers.len();
        watchers.retain(|watcher| watcher.id != member);
        let removed = watchers.len() < before;
        self.watchers.take_if(|watchers| watchers.0.is_empty());
        removed
    }

    pub(in crate::client) fn has(&self, member: &Member) -> bool {
        self.audience().any(|known| known.id == member.id)
    }

    /// Returns whether the pause was the one requested when the torrent was added, and not due to an error.
    pub(in crate::client) fn has_stopped_itself(&mut self) -> bool {
        self.errors.stopped_by().is_none() && std::mem::take(&mut self.stops_itself)
    }

    pub(in crate::client) fn attach(&mut self, attachment: Attachment) {
        let attached = self.attached.get_or_insert_default();
        match attachment {
            Attachment::Label(label, true) => _ = attached.labels.insert(label),
            Attachment::Label(label, false) => _ = attached.labels.remove(&label),
            Attachment::Note(key, Some(value)) => _ = attached.notes.insert(key, value),
            Attachment::Note(key, None) => _ = attached.notes.remove(&key),
        }
        self.attached.take_if(|attached| attached.labels.is_empty() && attached.notes.is_empty());
    }

    pub(in crate::client) fn labels(&self) -> BTreeSet<Box<str>> {
        self.attached.as_ref().map(|attached| attached.labels.clone()).unwrap_or_default()
    }

    pub(in crate::client) fn notes(&self) -> BTreeMap<Box<str>, Arc<[u8]>> {
        self.attached.as_ref().map(|attached| attached.notes.clone()).unwrap_or_default()
    }

    /// Returns the client's data that is saved with the resume data.
    pub(in crate::client) fn client_data(&self) -> ClientData {
        self.client_data.as_deref().cloned().unwrap_or_default()
    }

    /// Returns the directory that complete files are moved to, at the first call.
    pub(in crate::client) fn take_move_to(&mut self) -> Option<PathBuf> {
        let to = self.client_data.as_mut()?.move_to.take();
        self.free_client_data();
        to
    }

    /// Records that the files were checked again. Returns whether that was to be done.
    pub(in crate::client) fn take_verify(&mut self) -> bool {
        let was = self.client_data.as_mut().is_some_and(|data| std::mem::take(&mut data.verify));
        self.free_client_data();
        was
    }

    pub(super) fn goals(&self) -> Goals {
        self.client_data.as_ref().map(|data| data.goals).unwrap_or_default()
    }

    pub(super) fn free_client_data(&mut self) {
        self.client_data.take_if(|data| **data == ClientData::default());
    }

    /// Returns the figures from when the resume data was last saved.
    pub(in crate::client) fn saved_figures(&self) -> Option<SavedFigures> {
        self.save.as_ref()?.figures()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::state::fixtures::hashes;
    use crate::reply::one_shot;

    #[test]
    fn waits_for_the_end_that_were_abandoned_do_not_pile_up() {
        let mut torrent =
            Torrent::new("n".into(), hashes(Some(1), None), None, ClientData::default());
        let (responder, awaited) = one_shot("test");
        torrent.add_waiter(responder);
        for _ in 0..1000 {
            torrent.add_waiter(one_shot("test").0);
        }
        let count = torrent.waiters.as_ref().map(|waiters| waiters.0.len());
        assert!(count.is_some_and(|count| count < 10), "{count:?}");
        torrent.answer_waiters(&Ok(()));
        awaited.wait().unwrap();
    }

    #[test]
    fn an_idle_torrent_is_small() {
        assert!(size_of::<Torrent>() <= 184, "{} bytes", size_of::<Torrent>());
    }
}
