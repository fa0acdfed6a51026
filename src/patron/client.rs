//! The client as a whole.

use std::net::IpAddr;
use std::ops::RangeInclusive;

use super::Patron;
use crate::error::{Error, ErrorKind};
use crate::messages::request::{Ask, RequestRole};
use crate::model::limits::refuse_zero;
use crate::model::{
    IpFilter, PeerClass, PeerClassOptions, PeerClassRange, PortMapping, PortProtocol,
};
use crate::reply::Reply;
use crate::settings::Settings;
use crate::sys::{SessionHandle, convert};

/// Calls that concern the whole client, for all of its patrons.
impl Patron {
    /// All of libtorrent's current settings, including those that have their default value.
    pub fn settings(&self) -> Reply<Settings> {
        self.session_then(
            Ask::session("get the settings", |session| session.current_settings()),
            |records| Settings::from_records(&records),
        )
    }

    /// Changes the settings in the set and leaves the others. Most take effect at once: the client
    /// moves to other listening addresses, and turns discovery on and off.
    ///
    /// # Errors
    ///
    /// [`InvalidArgument`](crate::error::ErrorKind::InvalidArgument) for settings that need a
    /// restart of the client (`disk_reads`), for those that cannot be combined with the client's
    /// `disk_reads`, and for those that would make an offline client leave the loopback interface.
    pub fn apply_settings(&self, settings: &Settings) -> Reply<()> {
        if let Err(error) = self.0.service.change_settings(settings) {
            return Reply::ready(Err(error));
        }
        let role = RequestRole::ChangesSettings(Box::new(settings.clone()));
        let settings = settings.clone();
        let ask = Ask::session("change the settings", move |session| {
            session.change_settings(&settings.records())
        });
        self.session(ask.session_role(role))
    }

    /// Everything that a later client needs to start in the same state: settings, DHT nodes and the
    /// IP filter, as bytes. Torrents are not included; see [`resume_data`](Patron::resume_data).
    pub fn save_state(&self) -> Reply<Vec<u8>> {
        self.session(Ask::session("save the state of the client", |session| session.state()))
    }

    /// The addresses that are blocked.
    pub fn ip_filter(&self) -> Reply<IpFilter> {
        self.session_then(
            Ask::session("get the IP filter", |session| session.blocked_ranges()),
            |ends| convert::ip_filter(&ends),
        )
    }

    /// Replaces the blocked addresses. Connected peers that are now blocked are disconnected. An
    /// offline client continues to block everything but the loopback interface.
    pub fn set_ip_filter(&self, filter: IpFilter) -> Reply<()> {
        let ends = convert::ends(filter.ranges().iter());
        let ask = Ask::session("set the IP filter", move |session| session.block_ranges(&ends));
        self.session(ask.session_role(RequestRole::ChangesIpFilter))
    }

    /// Blocks one more address.
    pub fn ban(&self, address: IpAddr) -> Reply<()> {
        let ask = Ask::session("ban the address", move |session| session.ban(&address.to_string()));
        self.session(ask.session_role(RequestRole::ChangesIpFilter))
    }

    /// Stops all torrents until [`resume_all`](Patron::resume_all), without changing which are paused.
    pub fn pause_all(&self) -> Reply<()> {
        self.session(Ask::session("pause all torrents", SessionHandle::pause))
    }

    /// Ends [`pause_all`](Patron::pause_all).
    pub fn resume_all(&self) -> Reply<()> {
        self.session(Ask::session("resume all torrents", SessionHandle::resume))
    }

    /// Whether all torrents are stopped because of [`pause_all`](Patron::pause_all).
    pub fn all_paused(&self) -> Reply<bool> {
        self.session(Ask::session("tell whether all is paused", |session| session.is_paused()))
    }

    /// Blocks outgoing connections to peers at these ports; incoming connections from them are
    /// accepted.
    pub fn set_port_filter(&self, blocked: impl Into<Vec<RangeInclusive<u16>>>) -> Reply<()> {
        let blocked = blocked.into();
        let ends: Vec<_> = blocked.iter().flat_map(|one| [*one.start(), *one.end()]).collect();
        self.session(Ask::session("set the port filter", move |session| session.block_ports(&ends)))
    }

    // The DHT (BEP 5).

    /// Tells the DHT about a node, through which it may find others.
    ///
    /// # Errors
    ///
    /// [`InvalidArgument`](crate::error::ErrorKind::InvalidArgument) if the client is offline and
    /// the node is not on the loopback interface, or if the client uses an HTTP proxy and the node
    /// is given by name.
    pub fn add_dht_node(&self, host: impl Into<String>, port: u16) -> Reply<()> {
        let host = host.into();
        self.session(Ask::session("add the DHT node", move |session| session.add_node(&host, port)))
    }

    /// Whether the DHT runs.
    pub fn dht_is_running(&self) -> Reply<bool> {
        self.session(Ask::session("look at the DHT", |session| session.is_dht_running()))
    }

    // The network.

    /// Asks the known routers (UPnP, NAT-PMP) to forward a port. The ports that the client listens
    /// on are forwarded without this call.
    pub fn map_port(
        &self,
        protocol: PortProtocol,
        external: u16,
        local: u16,
    ) -> Reply<Vec<PortMapping>> {
        self.session_then(
            Ask::session("map the port", move |session| {
                session.map_port(convert::protocol(protocol), external, local)
            }),
            |mappings| mappings.into_iter().map(|one| PortMapping::new(one.into())).collect(),
        )
    }

    /// Ends a port mapping.
    pub fn unmap_port(&self, mapping: PortMapping) -> Reply<()> {
        const UNMAP: &str = "end the port mapping";
        // libtorrent would read before the start of its table. A number that was stored may be
        // anything.
        if mapping.get() < 0 {
            let message = format!("there is no mapping {}", mapping.get());
            return Reply::ready(Err(Error::new(ErrorKind::InvalidArgument, UNMAP, message)));
        }
        self.session(Ask::session(UNMAP, move |session| session.unmap_port(mapping.get())))
    }

    /// Opens the listening sockets again and renews their port mappings, as needed after a change
    /// of the network that libtorrent could not detect.
    pub fn reopen_sockets(&self) -> Reply<()> {
        self.session(Ask::session("open the sockets again", SessionHandle::reopen_sockets))
    }

    // Peer classes.

    /// Creates a group of peers with limits of its own. There can be 32.
    pub fn create_peer_class(&self, name: impl Into<String>) -> Reply<PeerClass> {
        let name = name.into();
        self.session_then(
            Ask::session("create the peer class", move |session| session.add_peer_class(&name)),
            PeerClass::new,
        )
    }

    /// Removes a peer class. Peers that are already in it stay in it until they disconnect.
    ///
    /// # Errors
    ///
    /// [`InvalidArgument`](crate::error::ErrorKind::InvalidArgument) for an unknown class.
    pub fn remove_peer_class(&self, class: PeerClass) -> Reply<()> {
        self.session(Ask::session("remove the peer class", move |session| {
            session.remove_peer_class(class.get())
        }))
    }

    /// The options of a peer class.
    ///
    /// # Errors
    ///
    /// As for [`remove_peer_class`](Patron::remove_peer_class).
    pub fn peer_class(&self, class: PeerClass) -> Reply<PeerClassOptions> {
        self.session_then(
            Ask::session("get the peer class", move |session| session.peer_class(class.get())),
            convert::peer_class,
        )
    }

    /// Changes the options of a peer class. For example, a limit for `PeerClass::LOCAL` applies to
    /// peers on the local network, which otherwise have none.
    ///
    /// # Errors
    ///
    /// As for [`remove_peer_class`](Patron::remove_peer_class);
    /// [`InvalidArgument`](crate::error::ErrorKind::InvalidArgument) for a limit of 0.
    pub fn set_peer_class(&self, class: PeerClass, options: PeerClassOptions) -> Reply<()> {
        const CHANGE: &str = "change the peer class";
        if let Err(error) = refuse_zero(CHANGE, &[options.upload_limit, options.download_limit]) {
            return Reply::ready(Err(error));
        }
        let options = convert::peer_class_record(options);
        self.session(Ask::session(CHANGE, move |session| {
            session.change_peer_class(class.get(), &options)
        }))
    }

    /// The classes of ranges of addresses.
    pub fn peer_class_ranges(&self) -> Reply<Vec<PeerClassRange>> {
        self.session_then(
            Ask::session("get the ranges of peer classes", |session| session.peer_class_ranges()),
            convert::peer_class_ranges,
        )
    }

    /// Puts ranges of addresses into classes; later ranges override earlier ones. A peer is put
    /// into its classes when it connects.
    pub fn set_peer_class_ranges(&self, ranges: impl Into<Vec<PeerClassRange>>) -> Reply<()> {
        let ranges = convert::peer_class_ranges_record(&ranges.into());
        self.session(Ask::session("set the ranges of peer classes", move |session| {
            session.set_peer_class_ranges(&ranges)
        }))
    }
}
