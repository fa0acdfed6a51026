//! Torrents that outlive their patrons, and what a program attaches to torrents.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::Patron;
#[cfg(doc)]
use crate::error::ErrorKind;
use crate::messages::command::Job;
use crate::model::TorrentId;
use crate::reply::Reply;

/// Labels and notes: what a program attaches to a torrent. Where the client has a
/// [store](crate::ClientBuilder::store) they are kept over restarts, and the reply says that they are
/// durable; else they go with the torrent. Errors of the replies: [`NotFound`](ErrorKind::NotFound),
/// [`Gone`](ErrorKind::Gone), and what the store says.
impl Patron {
    /// Gives the torrent a label; one that it has stays.
    pub fn add_label(&self, id: TorrentId, label: impl Into<Box<str>>) -> Reply<()> {
        let label = label.into();
        self.ask("add the label", |reply| Job::SetLabel(id, label, true, reply))
    }

    /// Takes a label from the torrent, where it has it.
    pub fn remove_label(&self, id: TorrentId, label: impl Into<Box<str>>) -> Reply<()> {
        let label = label.into();
        self.ask("remove the label", |reply| Job::SetLabel(id, label, false, reply))
    }

    /// The labels of the torrent.
    pub fn labels(&self, id: TorrentId) -> Reply<BTreeSet<Box<str>>> {
        self.ask("list the labels", |reply| Job::Labels(id, reply))
    }

    /// Keeps bytes of the program's own with the torrent, under a key; `None` takes them away. They are
    /// held in memory too.
    pub fn set_note(
        &self,
        id: TorrentId,
        key: impl Into<Box<str>>,
        value: Option<Arc<[u8]>>,
    ) -> Reply<()> {
        let key = key.into();
        self.ask("set the note", |reply| Job::SetNote(id, key, value, reply))
    }

    /// What is kept with the torrent, by key.
    pub fn notes(&self, id: TorrentId) -> Reply<BTreeMap<Box<str>, Arc<[u8]>>> {
        self.ask("list the notes", |reply| Job::Notes(id, reply))
    }

    /// From now on the events of every torrent of the client come here, of those to come too; the first
    /// of each that is here is its status. Torrents that are restored from a store belong to no patron:
    /// this is how their events are received.
    pub fn watch_all(&self) -> Reply<()> {
        self.ask("watch all torrents", |reply| Job::WatchAll(true, reply))
    }

    /// Ends [`watch`](Patron::watch) and [`watch_all`](Patron::watch_all) of every torrent. The events of
    /// those that this patron owns go on.
    pub fn unwatch_all(&self) -> Reply<()> {
        self.ask("unwatch all torrents", |reply| Job::WatchAll(false, reply))
    }

    /// Makes this patron the owner of a torrent that has none, as if it had added it: it gets its events,
    /// and [`OnLeave`](super::OnLeave) says what becomes of it when the patron leaves.
    ///
    /// # Errors
    ///
    /// [`InvalidArgument`](ErrorKind::InvalidArgument) when it belongs to another patron.
    pub fn adopt(&self, id: TorrentId) -> Reply<()> {
        self.ask("adopt the torrent", |reply| Job::Adopt(id, reply))
    }
}
