//! The client as a whole.

use std::net::IpAddr;

use super::Patron;
use crate::ip_filter::IpFilter;
use crate::reply::Reply;
use crate::request::SessionRequest;
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
    /// the client (`disk_reads`), and for those that do not go with how the client reads.
    pub fn apply_settings(&self, settings: &Settings) -> Reply<()> {
        self.of_session(SessionRequest::ApplySettings(settings.clone()))
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
}
