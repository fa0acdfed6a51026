//! The client's loop with a fake engine: no libtorrent, no network and no disk, so that miri and
//! the sanitizers can run it.

mod adding;
mod events;
mod lost_events;
mod removing;
mod saving;
mod shutdown;
mod store;
mod waiting;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::inbox::Intervals;
use super::owner::{Client, start};
use super::state::fixtures;
use super::thread::StoreOptions;
use crate::add::{Defaults, Prepared};
use crate::engine::EngineEvent;
use crate::engine::fake::{Asked, Script, fake};
use crate::engine::sharded::Sharded;
use crate::error::{Error, ErrorKind, Result};
use crate::messages::command::{Added, ClientCommand, RemoveFiles};
use crate::messages::member::Member;
use crate::messages::request::{self, AskTorrent};
use crate::messages::service::Envelope;
use crate::model::{
    CommandKind, Event, EventKind, EventKinds, InfoHashes, TorrentId, TorrentStatus,
};
use crate::patron::messages::by_message;
use crate::patron::respond;
use crate::reply::{Reply, one_shot};
use crate::settings::Settings;
use crate::store::Store;

const PATIENCE: Duration = Duration::from_secs(20);

fn client() -> (Client, Script) {
    client_that_ticks(Duration::from_millis(20))
}

fn client_that_ticks(tick: Duration) -> (Client, Script) {
    client_with(Intervals { tick, resume_data: Duration::from_secs(3600) })
}

fn client_with(intervals: Intervals) -> (Client, Script) {
    client_of(intervals, None)
}

fn client_with_store(store: impl Store + 'static) -> (Client, Script) {
    let tick = Duration::from_millis(20);
    let options = store_options(Box::new(store));
    client_of(Intervals { tick, resume_data: Duration::from_secs(3600) }, Some(options))
}

fn store_options(store: Box<dyn Store>) -> StoreOptions {
    StoreOptions { store, totals: (0, 0), unusable: BTreeMap::new(), keeps_settings: true }
}

fn client_of(intervals: Intervals, store: Option<StoreOptions>) -> (Client, Script) {
    let (script, script_here) = crossbeam_channel::bounded(1);
    let client = start(Defaults::default(), intervals, Box::new(Vec::new), store, move |wake| {
        let (engine, its_script) = fake(wake);
        script.send(its_script).map_err(|_| Error::stopped("test"))?;
        Ok(engine)
    })
    .unwrap();
    (client, script_here.recv().unwrap())
}

/// A client whose engine has several shards.
fn client_of_shards<const N: usize>(tick: Duration) -> (Client, [Script; N]) {
    let (script, scripts) = crossbeam_channel::unbounded();
    let intervals = Intervals { tick, resume_data: Duration::from_secs(3600) };
    let client = start(Defaults::default(), intervals, Box::new(Vec::new), None, move |wake| {
        Sharded::start(N, &Settings::empty(), |_| {
            let (engine, its_script) = fake(wake.clone());
            script.send(its_script).map_err(|_| Error::stopped("test"))?;
            Ok(engine)
        })
    })
    .unwrap();
    (client, std::array::from_fn(|_| scripts.recv().unwrap()))
}

fn hashes(number: u8) -> InfoHashes {
    fixtures::hashes(Some(number), None)
}

fn prepared(number: u8, move_to: Option<PathBuf>) -> Box<Prepared> {
    Box::new(Prepared { move_to, ..fixtures::prepared(number) })
}

fn only(kinds: &[EventKind]) -> EventKinds {
    kinds.iter().copied().collect()
}

/// A patron without the part that reads sources with libtorrent.
struct Guest<'a> {
    client: &'a Client,
    member: Arc<Member>,
}

impl<'a> Guest<'a> {
    fn new(client: &'a Client) -> Self {
        Self { client, member: client.service.join() }
    }

    fn command<T>(
        &self,
        command: impl FnOnce(crate::reply::Responder<T>) -> ClientCommand,
    ) -> Reply<T> {
        let (responder, reply) = one_shot("test");
        let command = command(responder);
        let _ = self.client.service.send(Envelope { from: self.member.clone(), command });
        reply
    }

    fn ask<T: Send + 'static>(&self, id: TorrentId, ask: AskTorrent<T>) -> Reply<T> {
        self.command(|reply| ClientCommand::OfTorrent(id, ask.request, respond(reply)))
    }

    /// Sends `Command::Pause`.
    fn message_pause(&self, id: TorrentId) {
        self.message(by_message(request::pause(false), CommandKind::Pause, id, None));
    }

    fn add(&self, number: u8) -> Reply<Added> {
        self.command(|reply| ClientCommand::Add(prepared(number, None), Some(reply)))
    }

    fn remove_torrent(&self, id: TorrentId, files: RemoveFiles) -> Reply<()> {
        self.command(|reply| ClientCommand::Remove(id, files, Some(reply)))
    }

    fn message(&self, command: ClientCommand) {
        self.client.service.send(Envelope { from: self.member.clone(), command }).unwrap();
    }

    fn next(&self) -> Event {
        self.member.mailbox.recv_timeout(PATIENCE, "test").unwrap().unwrap()
    }

    fn subscribe(&self, kinds: EventKinds) {
        self.client.service.subscribe(&self.member, kinds);
    }

    fn leave(self) {
        self.client.service.leave(&self.member);
    }

    /// Returns when all commands that were sent before have been executed.
    fn barrier(&self) {
        let unknown = self.ask(TorrentId::next(), request::pause(false));
        assert_eq!(wait(unknown).unwrap_err().kind(), ErrorKind::NotFound);
    }
}

fn wait<T>(reply: Reply<T>) -> Result<T> {
    reply.wait_timeout(PATIENCE).expect("a reply in time")
}

fn added(result: Result<Added>) -> TorrentId {
    match result.unwrap() {
        Added::New(id) => id,
        other => panic!("{other:?}"),
    }
}

/// Adds a torrent and reads its `TorrentAdded`.
fn torrent(guest: &Guest<'_>, script: &Script, number: u8) -> TorrentId {
    let reply = guest.add(number);
    let id = script.accept();
    assert_eq!(added(wait(reply)), id);
    assert!(matches!(guest.next(), Event::TorrentAdded { id: told, .. } if told == id));
    id
}

/// Like `torrent`, but other events may be unread.
fn torrent_after(guest: &Guest<'_>, script: &Script, number: u8) -> TorrentId {
    let reply = guest.add(number);
    let id = script.accept();
    assert_eq!(added(wait(reply)), id);
    id
}

fn status(id: TorrentId) -> TorrentStatus {
    TorrentStatus::new(id, "")
}

fn busy(id: TorrentId) -> EngineEvent {
    let error = Error::new(ErrorKind::Io, "test", "too many open files");
    EngineEvent::AddFailed { id, error, busy: true }
}
