//! Checks of single values, and of settings that depend on each other, the system or the running client.

use super::choices::{PE_DISABLED, PLAINTEXT, ZERO_LIMIT};
use super::own::{self, DiskReads, OWN};
use super::value::SettingValue;
use super::{LISTEN_INTERFACES, Settings, listen};
use crate::error::{Error, ErrorKind, Result};
use crate::model::op;
use crate::sys;

/// The proxy type with a login.
const SOCKS5_PASSWORD: i32 = 3;
/// How many bytes a SOCKS5 login may have.
const MOST_LOGIN: usize = 267;

/// Checks a value, whose type is right. Returns what is wrong.
pub(super) fn check_value(name: &str, value: &SettingValue) -> Result<(), String> {
    own::check(name, value)?;
    match value {
        // Some of them become lines of requests, as `user_agent` does.
        SettingValue::Text(text) if text.contains(|c: char| c.is_control()) => {
            Err(format!("{name} must be a string without control characters, not {text:?}"))
        }
        // Without alerts, the client would not learn of anything.
        SettingValue::Int(..1) if name == "alert_queue_size" => {
            Err(format!("{name} must be greater than 0, not {value}"))
        }
        SettingValue::Int(1..) if name == "predictive_piece_announce" => Err(format!(
            "{name} must be 0: with it, libtorrent before 2.0.13 crashes when a piece is corrupt"
        )),
        _ => Ok(()),
    }
}

impl Settings {
    /// Returns these settings with a change applied, if a running client can make that change.
    pub(crate) fn changed(&self, change: &Settings, offline: bool) -> Result<Self> {
        for fixed in OWN.map(|(name, _)| name).into_iter().chain(["alert_mask"]) {
            if change.get(fixed).is_some() {
                let message = format!("{fixed} cannot be changed while the client runs");
                return Err(Error::new(ErrorKind::InvalidArgument, op::CHANGE_SETTINGS, message));
            }
        }
        let mut changed = self.clone();
        changed.merge(change);
        changed.check().map_err(|error| error.in_operation(op::CHANGE_SETTINGS))?;
        if change.get(LISTEN_INTERFACES).is_some() {
            changed.check_interfaces()?;
            changed.check_ports(self.network_threads())?;
        }
        if offline {
            changed.stays_here(change)?;
        }
        Ok(changed)
    }

    /// Checks that a change keeps an offline client on the loopback interface.
    fn stays_here(&self, change: &Settings) -> Result<()> {
        let refuse = |what: String| {
            let message = format!("{what}: the client is offline, and this would leave loopback");
            Err(Error::new(ErrorKind::InvalidArgument, op::CHANGE_SETTINGS, message))
        };
        for name in ["enable_lsd", "enable_upnp", "enable_natpmp"] {
            if change.get(name) == Some(&true.into()) {
                return refuse(format!("{name}=true"));
            }
        }
        let nodes = self.text("dht_bootstrap_nodes", "libtorrent's own");
        let is_here = |node: &str| {
            let host = node.rsplit_once(':').map_or(node, |(host, _)| host);
            let address = host.trim_matches(['[', ']']).parse::<std::net::IpAddr>();
            host == "localhost" || address.is_ok_and(|address| address.is_loopback())
        };
        let elsewhere =
            nodes.split(',').map(str::trim).find(|node| !node.is_empty() && !is_here(node));
        match elsewhere {
            Some(node) if self.switch("enable_dht") => {
                refuse(format!("enable_dht=true with dht_bootstrap_nodes={node}"))
            }
            _ => Ok(()),
        }
    }

    /// Checks that the addresses and devices to listen on are valid.
    pub(crate) fn check_interfaces(&self) -> Result<()> {
        listen::check(self.text(LISTEN_INTERFACES, ""), sys::is_network_device)
    }

    /// Checks that the settings can be combined. Only the kernel may follow a pointer into a mapped
    /// file: if libtorrent read the data and the file had been truncated, SIGBUS would end the
    /// process.
    pub(crate) fn check(&self) -> Result<()> {
        if let Some((name, _)) = self.iter().find(|(_, value)| **value == ZERO_LIMIT) {
            let message = format!("{name}: a limit of 0 would allow nothing");
            return Err(Error::new(ErrorKind::InvalidArgument, op::START, message));
        }
        let login = ["proxy_username", "proxy_password"].map(|name| self.text(name, "").len());
        if self.number("proxy_type") == SOCKS5_PASSWORD && login.iter().sum::<usize>() > MOST_LOGIN
        {
            let message = format!(
                "proxy_username and proxy_password: {MOST_LOGIN} bytes are the most for both together, \
                 because libtorrent before 2.0.13 writes more beyond its buffer"
            );
            return Err(Error::new(ErrorKind::InvalidArgument, op::START, message));
        }
        if self.disk_reads() != DiskReads::ZeroCopy {
            return Ok(());
        }
        let refuse = |conflict: &str, why: &str| {
            let message = format!(
                "disk_reads=zero_copy cannot be combined with {conflict}: {why}, and a file that is \
                 truncated meanwhile would crash the process (SIGBUS)"
            );
            Err(Error::new(ErrorKind::InvalidArgument, op::START, message))
        };
        for name in ["enable_incoming_utp", "enable_outgoing_utp"] {
            if self.switch(name) {
                return refuse(&format!("{name}=true"), "uTP reads what it sends in user space");
            }
        }
        let encrypts = |name| self.number(name) != PE_DISABLED;
        let level = self.number("allowed_enc_level");
        if level != PLAINTEXT && (encrypts("in_enc_policy") || encrypts("out_enc_policy")) {
            let conflict = format!("allowed_enc_level={level} (1 is plaintext)");
            return refuse(&conflict, "RC4 reads what it sends in user space");
        }
        let interfaces = self.text("listen_interfaces", "");
        if let Some(tls) = interfaces.split(',').map(str::trim).find(|one| is_tls(one)) {
            let conflict = format!("listen_interfaces={tls}");
            return refuse(&conflict, "TLS (flag s) reads what it sends in user space");
        }
        Ok(())
    }

    /// Returns how many descriptors a client may need: for its connections, which libtorrent limits to 80 %
    /// of the available descriptors, or for its connections and its files, which both libtorrent and the read
    /// path keep open, and some for everything else.
    pub(crate) fn descriptors(&self) -> u64 {
        let count = |name| u64::try_from(self.number(name)).unwrap_or(0);
        let connections = count("connections_limit");
        let files = 2 * count("file_pool_size");
        (connections * 5).div_ceil(4).max(connections + files) + 64
    }

    /// Returns how many threads a client may have: for each session its network thread, one that resolves names, one
    /// that examines files and some that hash; the disk threads of libtorrent and of the read path; and some for
    /// everything else.
    pub(crate) fn most_threads(&self) -> usize {
        let count = |number: i32| usize::try_from(number).unwrap_or(0);
        let sessions = self.network_threads();
        let disk = count(self.number("aio_threads")).clamp(sessions, 64 * sessions);
        sessions * (3 + count(self.number("hashing_threads"))) + 2 * disk + 4
    }

    /// Reduces limits that exceed the available descriptors. 80 % is for connections: libtorrent uses the
    /// same share, but does not know about other clients. The read path and libtorrent's disk backend share
    /// the rest.
    pub(crate) fn fit(&mut self, descriptors: u64) {
        let files = i32::try_from(descriptors / 10).unwrap_or(i32::MAX).max(5);
        let wanted = self.number("file_pool_size");
        let connections = i32::try_from(descriptors / 10 * 8).unwrap_or(i32::MAX).max(1);
        let wanted_connections = self.number("connections_limit");
        self.assume([
            ("file_pool_size", wanted.min(files).into()),
            ("connections_limit", wanted_connections.min(connections).into()),
        ]);
    }
}

/// Returns whether an entry is for TLS. `ADDRESS:PORT` is followed by flags, of which `s` means TLS.
fn is_tls(interface: &str) -> bool {
    let port = interface.rsplit(':').next().unwrap_or_default();
    port.trim_start_matches(|c: char| c.is_ascii_digit()).contains('s')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_socks5_login_fits_into_the_buffer_of_libtorrent() {
        let with = |length: usize, kind: i32| {
            let mut settings = Settings::default();
            settings.set("proxy_type", kind).unwrap();
            settings.set("proxy_username", "u".repeat(200)).unwrap();
            settings.set("proxy_password", "p".repeat(length)).unwrap();
            settings.check()
        };
        assert!(with(67, SOCKS5_PASSWORD).is_ok());
        let error = with(68, SOCKS5_PASSWORD).unwrap_err();
        assert!(error.message().contains("267 bytes"), "{error}");
        assert!(with(68, 5).is_ok(), "HTTP has no such limit");
    }

    #[test]
    fn zero_copy_is_refused_where_the_process_itself_would_read_the_file() {
        Settings::seeding().check().unwrap();
        Settings::default().check().unwrap();
        let conflicts: [(&str, SettingValue); 5] = [
            ("enable_incoming_utp", true.into()),
            ("enable_outgoing_utp", true.into()),
            ("allowed_enc_level", 3.into()),
            ("allowed_enc_level", 2.into()),
            ("listen_interfaces", "0.0.0.0:6881,[::]:6882s".into()),
        ];
        for (name, value) in conflicts {
            let mut settings = Settings::seeding();
            settings.set(name, value).unwrap();
            let error = settings.check().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidArgument);
            assert!(error.message().contains(name), "{error}");
            settings.set("disk_reads", "copy").unwrap();
            settings.check().unwrap();
        }
        let mut settings = Settings::default();
        settings.set("disk_reads", "zero_copy").unwrap();
        assert!(settings.check().is_err(), "uTP is libtorrent's default");

        let mut settings = Settings::seeding();
        settings.set("disk_reads", "zero_copy").unwrap();
        settings.check().unwrap();
    }

    #[test]
    fn a_tls_interface_is_known_by_its_flag() {
        for tls in ["0.0.0.0:6881s", "[::]:1ls", "eth0:0s"] {
            assert!(is_tls(tls), "{tls}");
        }
        for plain in ["0.0.0.0:6881", "[::]:1l", "wlps0:0", ""] {
            assert!(!is_tls(plain), "{plain}");
        }
    }
}
