//! `seed --clients`: further clients that seed what the first one has, each on a network thread and a
//! port of its own. What they have to say is said of the first one's torrents, so that all of them
//! together look like one client that listens in several places.

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
pub(crate) struct Mirrors {
    mirrors: Vec<Mirror>,
    /// What their torrents are started with.
    options: AddOptions,
}

struct Mirror {
    client: Client,
    patron: Patron,
    /// Its torrents by those of the first client, and the other way round.
    theirs: HashMap<TorrentId, TorrentId>,
    firsts: HashMap<TorrentId, TorrentId>,
}

impl Mirrors {
    pub(crate) fn start(
        clients: impl Iterator<Item = ClientBuilder>,
        options: AddOptions,
    ) -> Result<Self> {
        let start = |client: ClientBuilder| {
            let client = client.start()?;
            let patron = client.patron();
            Ok(Mirror { client, patron, theirs: HashMap::new(), firsts: HashMap::new() })
        };
        let mirrors = clients.map(start).collect::<Result<_>>()?;
        // The first client has seen to it that the data is good.
        Ok(Self { mirrors, options: options.trust(true) })
    }

    pub(crate) fn count(&self) -> usize {
        self.mirrors.len()
    }

    pub(crate) fn patrons(&self) -> impl Iterator<Item = &Patron> {
        self.mirrors.iter().map(|mirror| &mirror.patron)
    }

    pub(crate) fn listen_addresses(&self) -> Result<Vec<SocketAddr>> {
        let mut all = Vec::new();
        for patron in self.patrons() {
            all.extend(patron.listen_addresses().wait()?);
        }
        Ok(all)
    }

    /// Has them seed a torrent of the first client, all of which lies in `save_dir`.
    pub(crate) fn seed(&mut self, id: TorrentId, source: &Source, save_dir: &Path) -> Result<()> {
        for mirror in &mut self.mirrors {
            let options = self.options.clone().save_dir(save_dir);
            let theirs = mirror.patron.add_torrent(source.clone(), options).wait()?.id();
            mirror.theirs.insert(id, theirs);
            mirror.firsts.insert(theirs, id);
        }
        Ok(())
    }

    pub(crate) fn pause(&self, id: TorrentId) -> Result<()> {
        for mirror in &self.mirrors {
            if let Some(&theirs) = mirror.theirs.get(&id) {
                mirror.patron.send(Command::Pause(theirs))?;
            }
        }
        Ok(())
    }

    /// What one of them has to say that `first`, of the first client, is not told as well.
    pub(crate) fn try_recv(&self, first: &Patron) -> Option<Event> {
        self.mirrors.iter().find_map(|mirror| {
            let mut events = std::iter::from_fn(|| mirror.patron.try_recv());
            events.find_map(|event| mirror.translate(event, first))
        })
    }

    /// With what they have sent, and to how many.
    pub(crate) fn add_to(&self, status: &mut TorrentStatus) {
        for mirror in &self.mirrors {
            let theirs = mirror.theirs.get(&status.id);
            let Some(theirs) = theirs.and_then(|&id| mirror.patron.status(id)) else { continue };
            status.uploaded += theirs.uploaded;
            status.all_time_uploaded += theirs.all_time_uploaded;
            status.upload_rate += theirs.upload_rate;
            status.peers += theirs.peers;
            status.connections += theirs.connections;
        }
    }

    /// All at once, so that they share the deadline.
    pub(crate) fn shutdown(self, deadline: Duration) -> Vec<ShutdownReport> {
        std::thread::scope(|scope| {
            let end = |mirror: Mirror| scope.spawn(move || mirror.client.shutdown(deadline));
            let ending: Vec<_> = self.mirrors.into_iter().map(end).collect();
            ending.into_iter().filter_map(|thread| thread.join().ok()).collect()
        })
    }
}

impl Mirror {
    fn translate(&self, event: Event, first: &Patron) -> Option<Event> {
        let id_of = |theirs| self.firsts.get(&theirs).copied();
        Some(match event {
            // Theirs is added to it.
            Event::Status(status) => Event::Status(first.status(id_of(status.id)?)?),
            Event::Error { id, name, error } => Event::Error { id: id_of(id)?, name, error },
            Event::GoalReached { id, name, goal } => {
                Event::GoalReached { id: id_of(id)?, name, goal }
            }
            // That there are too few descriptors for all of them is told by the first client, which
            // is started last.
            Event::Listening { .. }
            | Event::ListenFailed { .. }
            | Event::ClientStopped { error: Some(_) } => event,
            _ => return None,
        })
    }
}
