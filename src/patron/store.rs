//! Labels and notes of torrents, and torrents that belong to no patron.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::Patron;
#[cfg(doc)]
use crate::error::ErrorKind;
use crate::messages::command::ClientCommand;
use crate::model::{TorrentId, op};
use crate::reply::Reply;

/// Labels and notes are data that a program attaches to a torrent. If the client has a
/// [store](crate::ClientBuilder::store), they are durable when the reply arrives; otherwise they are lost
/// with the torrent. The replies fail with [`NotFound`](ErrorKind::NotFound), [`Gone`](ErrorKind::Gone), and
/// errors of the store.
impl Patron {
    /// Adds a label to the torrent, unless it already has it.
    pub fn add_label(&self, id: TorrentId, label: impl Into<Box<str>>) -> Reply<()> {
        let label = label.into();
        self.ask("add the label", |reply| ClientCommand::SetLabel(id, label, true, reply))
    }

    /// Removes a label from the torrent.
    pub fn remove_label(&self, id: TorrentId, label: impl Into<Box<str>>) -> Reply<()> {
        let label = label.into();
        self.ask("remove the label", |reply| ClientCommand::SetLabel(id, label, false, reply))
    }

    /// Returns the labels of the torrent.
    pub fn labels(&self, id: TorrentId) -> Reply<BTreeSet<Box<str>>> {
        self.ask(op::LABELS, |reply| ClientCommand::Labels(id, reply))
    }

    /// Attaches bytes to the torrent under a key; `None` removes them. The client also keeps them in memory.
    pub fn set_note(
        &self,
        id: TorrentId,
        key: impl Into<Box<str>>,
        value: Option<Arc<[u8]>>,
    ) -> Reply<()> {
        let key = key.into();
        self.ask("set the note", |reply| ClientCommand::SetNote(id, key, value, reply))
    }

    /// Returns the bytes attached to the torrent, by key.
    pub fn notes(&self, id: TorrentId) -> Reply<BTreeMap<Box<str>, Arc<[u8]>>> {
        self.ask(op::NOTES, |reply| ClientCommand::Notes(id, reply))
    }

    /// Delivers the events of all torrents of the client to this patron from now on, including torrents that
    /// are added later. The first event of each existing torrent is its status. Torrents that are restored
    /// from a store belong to no patron; this is how to receive their events.
    pub fn watch_all(&self) -> Reply<()> {
        self.ask("watch all torrents", |reply| ClientCommand::WatchAll(true, reply))
    }

    /// Ends [`watch_all`](Patron::watch_all), and [`watch`](Patron::watch) for all torrents. The patron
    /// still receives the events of the torrents that it owns.
    pub fn unwatch_all(&self) -> Reply<()> {
        self.ask("unwatch all torrents", |reply| ClientCommand::WatchAll(false, reply))
    }

    /// Makes this patron the owner of a torrent that has none, as if it had added it: it receives the
    /// torrent's events, and [`OnLeave`](super::OnLeave) applies when the patron leaves.
    ///
    /// # Errors
    ///
    /// [`InvalidArgument`](ErrorKind::InvalidArgument) if the torrent belongs to another patron.
    pub fn adopt(&self, id: TorrentId) -> Reply<()> {
        self.ask(op::ADOPT, |reply| ClientCommand::Adopt(id, reply))
    }
}
