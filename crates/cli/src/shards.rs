//! `seed --clients`: further clients that seed what the first one has, each with a network thread and
//! a port of its own. Their events are translated to the first client's torrents, so that all of them
//! together look like one client with several addresses.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use torrent_patron::{
    AddOptions, Client, ClientBuilder, Command, Event, Patron, ShutdownReport, Source, TorrentId,
    TorrentStatus,
};

use crate::Result;

#[derive(Default)]
pub(crate) struct Shards {
    shards: Vec<Shard>,
    /// What their torrents are added with.
    options: AddOptions,
}

struct Shard {
    client: Client,
    patron: Patron,
    /// Its ids by those of the first client, and the other way round.
    ids: HashMap<TorrentId, TorrentId>,
    first_ids: HashMap<TorrentId, TorrentId>,
}

impl Shards {
    pub(crate) fn start(
        clients: impl Iterator<Item = ClientBuilder>,
        options: AddOptions,
    ) -> Result<Self> {
        let start = |client: ClientBuilder| {
            let client = client.start()?;
            let patron = client.patron();
            Ok(Shard { client, patron, ids: HashMap::new(), first_ids: HashMap::new() })
        };
        let shards = clients.map(start).collect::<Result<_>>()?;
        // The first client has checked the data.
        Ok(Self { shards, options: options.trust(true) })
    }

    pub(crate) fn count(&self) -> usize {
        self.shards.len()
    }

    pub(crate) fn patrons(&self) -> impl Iterator<Item = &Patron> {
        self.shards.iter().map(|shard| &shard.patron)
    }

    pub(crate) fn listen_addresses(&self) -> Result<Vec<SocketAddr>> {
        let mut all = Vec::new();
        for patron in self.patrons() {
            all.extend(patron.listen_addresses().wait()?);
        }
        Ok(all)
    }

    /// Has them seed a torrent that the first client has completely in `save_dir`.
    pub(crate) fn seed(&mut self, id: TorrentId, source: &Source, save_dir: &Path) -> Result<()> {
        for shard in &mut self.shards {
            let options = self.options.clone().save_dir(save_dir);
            let own = shard.patron.add_torrent(source.clone(), options).wait()?.id();
            shard.ids.insert(id, own);
            shard.first_ids.insert(own, id);
        }
        Ok(())
    }

    pub(crate) fn pause(&self, id: TorrentId) -> Result<()> {
        for shard in &self.shards {
            if let Some(&own) = shard.ids.get(&id) {
                shard.patron.send(Command::Pause(own))?;
            }
        }
        Ok(())
    }

    /// The next event of theirs that `first`, a patron of the first client, does not get as well.
    pub(crate) fn try_recv(&self, first: &Patron) -> Option<Event> {
        self.shards.iter().find_map(|shard| {
            let mut events = std::iter::from_fn(|| shard.patron.try_recv());
            events.find_map(|event| shard.translate(event, first))
        })
    }

    /// Adds what they have sent, and their peers.
    pub(crate) fn add_to(&self, status: &mut TorrentStatus) {
        for shard in &self.shards {
            let own = shard.ids.get(&status.id);
            let Some(own) = own.and_then(|&id| shard.patron.status(id)) else { continue };
            status.uploaded += own.uploaded;
            status.all_time_uploaded += own.all_time_uploaded;
            status.upload_rate += own.upload_rate;
            status.peers += own.peers;
            status.connections += own.connections;
        }
    }

    /// All at once, so that they share the deadline.
    pub(crate) fn shutdown(self, deadline: Duration) -> Vec<ShutdownReport> {
        std::thread::scope(|scope| {
            let end = |shard: Shard| scope.spawn(move || shard.client.shutdown(deadline));
            let ending: Vec<_> = self.shards.into_iter().map(end).collect();
            ending.into_iter().filter_map(|thread| thread.join().ok()).collect()
        })
    }
}

impl Shard {
    fn translate(&self, event: Event, first: &Patron) -> Option<Event> {
        let id_of = |own| self.first_ids.get(&own).copied();
        Some(match event {
            // `add_to` adds its own.
            Event::Status(status) => Event::Status(first.status(id_of(status.id)?)?),
            Event::Error { id, name, error } => Event::Error { id: id_of(id)?, name, error },
            Event::GoalReached { id, name, goal } => {
                Event::GoalReached { id: id_of(id)?, name, goal }
            }
            // The first client, which is started last, has the event that there are too few descriptors.
            Event::Listening { .. }
            | Event::ListenFailed { .. }
            | Event::ClientStopped { error: Some(_) } => event,
            _ => return None,
        })
    }
}
