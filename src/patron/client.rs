//! The client as a whole.

use std::net::IpAddr;
use std::ops::RangeInclusive;

use super::Patron;
use crate::error::{Error, ErrorKind};
use crate::messages::request::SessionRequest;
use crate::model::{
    IpFilter, PeerClass, PeerClassOptions, PeerClassRange, PortMapping, PortProtocol,
};
use crate::reply::Reply;
use crate::settings::Settings;

/// The client, for all of its patrons.
impl Patron {
    /// All settings as libtorrent has them now, those that have their default included.
    pub fn settings(&self) -> Reply<Settings> {
        self.of_session(SessionRequest::Settings)
    }

    /// Changes the settings that are in the set; the others stay. Most take effect at once: listening
    /// moves to other addresses, discovery goes on and off.
    ///
    /// # Errors
    ///
    /// [`InvalidArgument`](crate::ErrorKind::InvalidArgument) for settings that need another start of
    /// the client (`disk_reads`), for those that do not go with how the client reads, and for those by
    /// which an offline client would leave the loopback interface.
    pub fn apply_settings(&self, settings: &Settings) -> Reply<()> {
        match self.0.service.change_settings(settings) {
            Ok(()) => self.of_session(SessionRequest::ApplySettings(settings.clone())),
            Err(error) => Reply::ready(Err(error)),
        }
    }

    /// All that a later client needs to begin where this one stands: settings, the DHT's nodes and
    /// the IP filter, as bytes. Torrents are not in it; see [`resume_data`](Patron::resume_data).
    pub fn save_state(&self) -> Reply<Vec<u8>> {
        self.of_session(SessionRequest::State)
    }

    /// The addresses that are blocked.
    pub fn ip_filter(&self) -> Reply<IpFilter> {
        self.of_session(SessionRequest::IpFilter)
    }

    /// Blocks these addresses and no others. Peers that are connected and blocked now are dropped. A
    /// client that is offline goes on blocking all but the loopback interface.
    pub fn set_ip_filter(&self, filter: IpFilter) -> Reply<()> {
        self.of_session(SessionRequest::SetIpFilter(filter))
    }

    /// Blocks one address more.
    pub fn ban(&self, address: IpAddr) -> Reply<()> {
        self.of_session(SessionRequest::Ban(address))
    }

    /// Stops all torrents until [`resume_all`](Patron::resume_all), without changing which are paused.
    pub fn pause_all(&self) -> Reply<()> {
        self.of_session(SessionRequest::PauseAll)
    }

    /// Lets them go on.
    pub fn resume_all(&self) -> Reply<()> {
        self.of_session(SessionRequest::ResumeAll)
    }

    /// Whether all torrents are stopped by [`pause_all`](Patron::pause_all).
    pub fn all_paused(&self) -> Reply<bool> {
        self.of_session(SessionRequest::AllPaused)
    }

    /// Calls no peer at these ports; peers may call from there.
    pub fn set_port_filter(&self, blocked: impl Into<Vec<RangeInclusive<u16>>>) -> Reply<()> {
        self.of_session(SessionRequest::SetPortFilter(blocked.into()))
    }

    // The DHT (BEP 5).

    /// Tells the DHT of a node, by which it may find others.
    ///
    /// # Errors
    ///
    /// [`InvalidArgument`](crate::ErrorKind::InvalidArgument) where the client is offline or behind a
    /// proxy and the node is beyond that.
    pub fn add_dht_node(&self, host: impl Into<String>, port: u16) -> Reply<()> {
        self.of_session(SessionRequest::AddDhtNode { host: host.into(), port })
    }

    /// Whether the DHT runs.
    pub fn dht_is_running(&self) -> Reply<bool> {
        self.of_session(SessionRequest::DhtRunning)
    }

    // The network.

    /// Asks the routers that are known (UPnP, NAT-PMP) to forward a port. The ports that the client
    /// listens on are forwarded without this.
    pub fn map_port(
        &self,
        protocol: PortProtocol,
        external: u16,
        local: u16,
    ) -> Reply<Vec<PortMapping>> {
        self.of_session(SessionRequest::MapPort { protocol, external, local })
    }

    /// Ends that.
    pub fn unmap_port(&self, mapping: PortMapping) -> Reply<()> {
        let asked = SessionRequest::UnmapPort(mapping);
        // libtorrent would look in front of its table. A mapping that was written down may be anything.
        if mapping.get() < 0 {
            let message = format!("there is no mapping {}", mapping.get());
            let error = Error::new(ErrorKind::InvalidArgument, asked.operation(), message);
            return Reply::ready(Err(error));
        }
        self.of_session(asked)
    }

    /// Opens the listening sockets again and maps their ports again, as after a change of the network
    /// that libtorrent could not see.
    pub fn reopen_sockets(&self) -> Reply<()> {
        self.of_session(SessionRequest::ReopenSockets)
    }

    // Peer classes.

    /// Makes a group of peers that may have limits of its own. There can be 32.
    pub fn create_peer_class(&self, name: impl Into<String>) -> Reply<PeerClass> {
        self.of_session(SessionRequest::CreatePeerClass(name.into()))
    }

    /// Removes a group. Peers that are in it stay in it until they leave.
    ///
    /// # Errors
    ///
    /// [`InvalidArgument`](crate::ErrorKind::InvalidArgument) for a class that is none.
    pub fn remove_peer_class(&self, class: PeerClass) -> Reply<()> {
        self.of_session(SessionRequest::RemovePeerClass(class))
    }

    /// What the peers of a group may have.
    ///
    /// # Errors
    ///
    /// As for [`remove_peer_class`](Patron::remove_peer_class).
    pub fn peer_class(&self, class: PeerClass) -> Reply<PeerClassOptions> {
        self.of_session(SessionRequest::PeerClass(class))
    }

    /// Changes what the peers of a group may have: `PeerClass::LOCAL` with a limit, for instance,
    /// limits peers on the local network, who have none otherwise.
    ///
    /// # Errors
    ///
    /// As for [`remove_peer_class`](Patron::remove_peer_class).
    pub fn set_peer_class(&self, class: PeerClass, options: PeerClassOptions) -> Reply<()> {
        self.of_session(SessionRequest::SetPeerClass(class, options))
    }

    /// Which addresses are in which classes.
    pub fn peer_class_ranges(&self) -> Reply<Vec<PeerClassRange>> {
        self.of_session(SessionRequest::PeerClassRanges)
    }

    /// Puts addresses into classes; ranges that come later go before those that come first. Peers are
    /// put into their classes when they connect.
    pub fn set_peer_class_ranges(&self, ranges: impl Into<Vec<PeerClassRange>>) -> Reply<()> {
        self.of_session(SessionRequest::SetPeerClassRanges(ranges.into()))
    }
}
