//! The client as a whole.

use std::net::IpAddr;
use std::ops::RangeInclusive;
use std::pin::Pin;

use super::Patron;
use crate::error::{Error, ErrorKind};
use crate::messages::request::{Ask, SessionRole};
use crate::model::limits::refuse_zero;
use crate::model::op;
use crate::model::{
    IpFilter, PeerClass, PeerClassOptions, PeerClassRange, PortMapping, PortProtocol,
};
use crate::reply::Reply;
use crate::settings::Settings;
use crate::sys::{SessionHandle, convert};

const GET_FILTER: &str = "get the IP filter";
const SET_FILTER: &str = "set the IP filter";

/// Calls that concern the whole client, including all of its patrons.
impl Patron {
    /// Returns all of libtorrent's current settings, including those with default values.
    pub fn settings(&self) -> Reply<Settings> {
        let shared = self.0.service.shared_settings();
        self.session_then(
            Ask::session("get the settings", |session| session.current_settings()),
            move |records| {
                let mut settings = Settings::from_records(&records);
                settings.merge(&shared);
                settings
            },
        )
    }

    /// Changes the given settings and leaves the others. Most take effect at once: for example, the client
    /// moves to other listening addresses and turns discovery on or off.
    ///
    /// # Errors
    ///
    /// [`InvalidArgument`](crate::error::ErrorKind::InvalidArgument) for settings that need a
    /// restart of the client (`disk_reads`), for those that cannot be combined with the client's
    /// `disk_reads`, and for those that would make an offline client leave the loopback interface.
    pub fn apply_settings(&self, settings: &Settings) -> Reply<()> {
        if let Err(error) = self.0.service.check_settings(settings) {
            return Reply::ready(Err(error));
        }
        let role = SessionRole::ChangesSettings(Box::new(settings.clone()));
        let (settings, shared) = (settings.clone(), settings.shared());
        let ask = Ask::by_part(op::CHANGE_SETTINGS, move |session, part| {
            session.change_settings(&settings.part(part).records())
        });
        self.session(ask.session_role(role).shared(shared).of_all())
    }

    /// Returns everything that a later client needs to start in the same state, as bytes: settings, DHT nodes
    /// and the IP filter. Torrents are not included; see [`resume_data`](Patron::resume_data).
    pub fn save_state(&self) -> Reply<Vec<u8>> {
        let shared = self.0.service.shared_settings().records();
        let save = move |session: Pin<&mut SessionHandle>| session.state(&shared);
        self.session(Ask::session("save the state of the client", save))
    }

    /// Returns the blocked addresses.
    pub fn ip_filter(&self) -> Reply<IpFilter> {
        let ask = Ask::session(GET_FILTER, |session| session.blocked());
        self.session_try(ask, |filter| {
            let ends = filter.ranges();
            let ends = ends.map_err(|exception| Error::from_native(GET_FILTER, &exception))?;
            Ok(convert::ip_filter(&ends))
        })
    }

    /// Replaces the blocked addresses. Connected peers that are now blocked are disconnected. An
    /// offline client continues to block everything but the loopback interface.
    pub fn set_ip_filter(&self, filter: IpFilter) -> Reply<()> {
        let filter = match convert::native_ip_filter(&filter) {
            Ok(filter) => filter,
            Err(exception) => return Reply::ready(Err(Error::from_native(SET_FILTER, &exception))),
        };
        let set = move |session: Pin<&mut SessionHandle>| session.block(&filter);
        let ask = Ask::session(SET_FILTER, set);
        self.session(ask.session_role(SessionRole::ChangesIpFilter).of_all())
    }

    /// Blocks one more address.
    pub fn ban(&self, address: IpAddr) -> Reply<()> {
        let ban = move |session: Pin<&mut SessionHandle>| session.ban(&address.to_string());
        let ask = Ask::session("ban the address", ban);
        self.session(ask.session_role(SessionRole::ChangesIpFilter).of_all())
    }

    /// Stops all torrents until [`resume_all`](Patron::resume_all), without changing which are paused.
    pub fn pause_all(&self) -> Reply<()> {
        self.session(Ask::session("pause all torrents", SessionHandle::pause).of_all())
    }

    /// Ends [`pause_all`](Patron::pause_all).
    pub fn resume_all(&self) -> Reply<()> {
        self.session(Ask::session("resume all torrents", SessionHandle::resume).of_all())
    }

    /// Returns whether all torrents are stopped by [`pause_all`](Patron::pause_all).
    pub fn is_paused(&self) -> Reply<bool> {
        self.session(Ask::session("check whether all torrents are paused", |session| {
            session.is_paused()
        }))
    }

    /// Blocks outgoing connections to peers at these ports. Incoming connections from them are still
    /// accepted.
    ///
    /// # Errors
    ///
    /// [`InvalidArgument`](ErrorKind::InvalidArgument) for a range that ends before it begins.
    pub fn set_port_filter(&self, blocked: impl Into<Vec<RangeInclusive<u16>>>) -> Reply<()> {
        let (op, blocked) = ("set the port filter", blocked.into());
        // With such a range, libtorrent's filter accesses freed memory.
        if let Some(one) = blocked.iter().find(|one| one.start() > one.end()) {
            let message = format!("{} to {} is not a range of ports", one.start(), one.end());
            return Reply::ready(Err(Error::new(ErrorKind::InvalidArgument, op, message)));
        }
        let ends: Vec<_> = blocked.iter().flat_map(|one| [*one.start(), *one.end()]).collect();
        let set = move |session: Pin<&mut SessionHandle>| session.block_ports(&ends);
        self.session(Ask::session(op, set).of_all())
    }

    // The DHT (BEP 5).

    /// Adds a DHT node, through which the DHT may find others.
    ///
    /// # Errors
    ///
    /// [`InvalidArgument`](crate::error::ErrorKind::InvalidArgument) if the client is offline and
    /// the node is not on the loopback interface, or if the client uses an HTTP proxy and the node
    /// is given by name.
    pub fn add_dht_node(&self, host: impl Into<String>, port: u16) -> Reply<()> {
        let host = host.into();
        let add = move |session: Pin<&mut SessionHandle>| session.add_node(&host, port);
        self.session(Ask::session("add the DHT node", add).of_all())
    }

    /// Returns whether the DHT is running.
    pub fn is_dht_running(&self) -> Reply<bool> {
        self.session(Ask::session("check the DHT", |session| session.is_dht_running()))
    }

    // The network.

    /// Asks the known routers (UPnP, NAT-PMP) to forward a port. The ports that the client listens on are
    /// forwarded automatically.
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
            |mappings| mappings.into_iter().map(PortMapping::new).collect(),
        )
    }

    /// Removes a port mapping.
    pub fn unmap_port(&self, mapping: PortMapping) -> Reply<()> {
        const UNMAP: &str = "remove the port mapping";
        // libtorrent would read before the start of its table. The program may have stored the number, so it
        // can be anything.
        if mapping.get() < 0 {
            let message = format!("there is no mapping {}", mapping.get());
            return Reply::ready(Err(Error::new(ErrorKind::InvalidArgument, UNMAP, message)));
        }
        self.session(Ask::session(UNMAP, move |session| session.unmap_port(mapping.get())))
    }

    /// Opens the listening sockets again and renews their port mappings. Use it after a change of the network
    /// that libtorrent could not detect.
    pub fn reopen_sockets(&self) -> Reply<()> {
        self.session(Ask::session("open the sockets again", SessionHandle::reopen_sockets).of_all())
    }

    // Peer classes.

    /// Creates a peer class: a group of peers with its own limits. There can be 28.
    pub fn create_peer_class(&self, name: impl Into<String>) -> Reply<PeerClass> {
        let name = name.into();
        self.session_then(
            Ask::session("create the peer class", move |session| session.add_peer_class(&name))
                .of_all(),
            PeerClass::new,
        )
    }

    /// Removes a peer class. Peers that are in it stay in it until they disconnect.
    ///
    /// # Errors
    ///
    /// [`InvalidArgument`](crate::error::ErrorKind::InvalidArgument) for an unknown class.
    pub fn remove_peer_class(&self, class: PeerClass) -> Reply<()> {
        let remove = move |session: Pin<&mut SessionHandle>| session.remove_peer_class(class.get());
        self.session(Ask::session("remove the peer class", remove).of_all())
    }

    /// Returns the options of a peer class.
    ///
    /// # Errors
    ///
    /// As for [`remove_peer_class`](Patron::remove_peer_class).
    pub fn peer_class(&self, class: PeerClass) -> Reply<PeerClassOptions> {
        self.session_then(
            Ask::session("get the peer class", move |session| session.peer_class(class.get()))
                .merged(convert::sum_peer_class),
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
        self.session(
            Ask::by_part(CHANGE, move |session, part| {
                session.change_peer_class(class.get(), &convert::part_of_class(&options, part))
            })
            .of_all(),
        )
    }

    /// Returns the peer classes of address ranges.
    pub fn peer_class_ranges(&self) -> Reply<Vec<PeerClassRange>> {
        self.session_then(
            Ask::session("get the ranges of peer classes", |session| session.peer_class_ranges()),
            convert::peer_class_ranges,
        )
    }

    /// Assigns address ranges to peer classes. Later ranges override earlier ones. A peer is assigned to its
    /// classes when it connects.
    pub fn set_peer_class_ranges(&self, ranges: impl Into<Vec<PeerClassRange>>) -> Reply<()> {
        let ranges = convert::peer_class_ranges_record(&ranges.into());
        let set = move |session: Pin<&mut SessionHandle>| session.set_peer_class_ranges(&ranges);
        self.session(Ask::session("set the ranges of peer classes", set).of_all())
    }
}
