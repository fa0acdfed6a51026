//! The settings that people choose, each by a function of its own.

use super::{PE_BOTH, PE_DISABLED, PE_ENABLED, PE_FORCED, RC4, SettingValue, Settings};

/// Whether connections to peers are obfuscated (MSE).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(rename_all = "snake_case")
)]
#[non_exhaustive]
pub enum EncryptionPolicy {
    /// None is.
    Disabled,
    /// Those are whose other end can.
    #[default]
    Enabled,
    /// All are, with RC4; peers that cannot are neither called nor let in.
    Forced,
}

/// What people choose, for [`ClientBuilder::settings`](crate::ClientBuilder::settings) and, on
/// [`Settings::empty`], for [`Patron::apply_settings`](crate::Patron::apply_settings). Each says which of
/// libtorrent's settings it is and what libtorrent does by default.
///
/// ```
/// use torrent_patron::Settings;
///
/// let night = Settings::empty().download_limit(None).upload_limit(Some(2 << 20)).dht(false);
/// assert_eq!(night.get("upload_rate_limit"), Some(&(2 << 20).into()));
/// ```
///
/// Peer exchange (BEP 11) is no setting: libtorrent has it switched on, and a torrent does without it by
/// [`TorrentFlag::NoPeerExchange`](crate::torrent::TorrentFlag::NoPeerExchange). A private torrent (BEP 27) does
/// without it, the DHT and local discovery, whatever is chosen here.
///
/// Some of libtorrent's guards are settings without a function here, for there is rarely a reason to
/// change them:
///
/// | setting | default | what it does |
/// | --- | --- | --- |
/// | `ssrf_mitigation` | true | of trackers on this machine only `/announce` is asked for, and web seeds on the local network get no query strings; what a torrent itself may name there is said by `allow_local_urls`, see [`Settings`] |
/// | `validate_https_trackers` | true | the certificates of HTTPS trackers and web seeds are checked |
/// | `allow_idna` | false | trackers and web seeds with an international host name are ignored: such names can look like others |
impl Settings {
    /// How fast the client may receive, in bytes per second; `None`: as fast as it can
    /// (`download_rate_limit`, 0 by default, which is no limit; the least is 1). Peers on the local
    /// network are exempt.
    #[must_use]
    pub fn download_limit(self, rate: Option<u32>) -> Self {
        self.with("download_rate_limit", rate.map_or(0, |rate| number(rate.max(1))))
    }

    /// How fast the client may send, in bytes per second; `None`: as fast as it can
    /// (`upload_rate_limit`, 0 by default, which is no limit; the least is 1). Peers on the local network
    /// are exempt.
    #[must_use]
    pub fn upload_limit(self, rate: Option<u32>) -> Self {
        self.with("upload_rate_limit", rate.map_or(0, |rate| number(rate.max(1))))
    }

    /// How many peers the client may be connected to, all torrents together (`connections_limit`, 200 by
    /// default; the least is 1). Where the process may not have so many descriptors, it is fewer.
    #[must_use]
    pub fn connections_limit(self, count: u32) -> Self {
        self.with("connections_limit", number(count.max(1)))
    }

    /// How many peers the client may serve at once, all torrents together; `None`: all that ask
    /// (`unchoke_slots_limit`, 8 by default, -1 for all).
    #[must_use]
    pub fn upload_slots(self, count: Option<u32>) -> Self {
        self.with("unchoke_slots_limit", count.map_or(-1, number))
    }

    /// The distributed hash table (BEP 5): peers without a tracker (`enable_dht`, on by default).
    #[must_use]
    pub fn dht(self, on: bool) -> Self {
        self.with("enable_dht", on)
    }

    /// Where the DHT is entered for the first time, as `HOST:PORT` (`dht_bootstrap_nodes`,
    /// `dht.libtorrent.org:25401` by default). It takes effect when the DHT is switched on.
    #[must_use]
    pub fn dht_bootstrap_nodes<T: AsRef<str>>(self, nodes: impl IntoIterator<Item = T>) -> Self {
        self.with("dht_bootstrap_nodes", list(nodes))
    }

    /// Peers on the local network are looked for by multicast (BEP 14; `enable_lsd`, on by default).
    #[must_use]
    pub fn local_discovery(self, on: bool) -> Self {
        self.with("enable_lsd", on)
    }

    /// The router is asked by UPnP to let peers in (`enable_upnp`, on by default).
    #[must_use]
    pub fn upnp(self, on: bool) -> Self {
        self.with("enable_upnp", on)
    }

    /// The router is asked by NAT-PMP or PCP to let peers in (`enable_natpmp`, on by default).
    #[must_use]
    pub fn nat_pmp(self, on: bool) -> Self {
        self.with("enable_natpmp", on)
    }

    /// Where peers are let in, as `ADDRESS:PORT` or `DEVICE:PORT`; port 0 takes a free one
    /// (`listen_interfaces`; see [`ClientBuilder::listen`](crate::ClientBuilder::listen)).
    #[must_use]
    pub fn listen_interfaces<T: AsRef<str>>(self, interfaces: impl IntoIterator<Item = T>) -> Self {
        self.with("listen_interfaces", list(interfaces))
    }

    /// The devices or addresses from which peers are called, in turn (`outgoing_interfaces`, none by
    /// default: the system chooses).
    #[must_use]
    pub fn outgoing_interfaces<T: AsRef<str>>(
        self,
        interfaces: impl IntoIterator<Item = T>,
    ) -> Self {
        self.with("outgoing_interfaces", list(interfaces))
    }

    /// Binds the client to one network device, such as a tunnel's: peers are let in there, at this port,
    /// and called from there (`listen_interfaces`, `outgoing_interfaces`). A client does not start without
    /// the device; when it goes later, there are no connections until it is back.
    #[must_use]
    pub fn device(self, name: &str, port: u16) -> Self {
        self.listen_interfaces([format!("{name}:{port}")]).outgoing_interfaces([name])
    }

    /// Whether connections to peers are obfuscated (`in_enc_policy`, `out_enc_policy`,
    /// `allowed_enc_level` and `prefer_rc4`; [`Enabled`](EncryptionPolicy::Enabled) by default). Only
    /// [`Disabled`](EncryptionPolicy::Disabled) goes with `zero_copy`; for the obfuscated handshake of
    /// [`Settings::seeding`], leave it as it is.
    #[must_use]
    pub fn encryption(self, policy: EncryptionPolicy) -> Self {
        let (policy, level) = match policy {
            EncryptionPolicy::Disabled => (PE_DISABLED, PE_BOTH),
            EncryptionPolicy::Enabled => (PE_ENABLED, PE_BOTH),
            EncryptionPolicy::Forced => (PE_FORCED, RC4),
        };
        self.with("in_enc_policy", policy)
            .with("out_enc_policy", policy)
            .with("allowed_enc_level", level)
            .with("prefer_rc4", level == RC4)
    }

    /// Peers by uTP (BEP 29), both ways (`enable_incoming_utp`, `enable_outgoing_utp`, on by default). It
    /// does not go with `zero_copy`.
    #[must_use]
    pub fn utp(self, on: bool) -> Self {
        self.with("enable_incoming_utp", on).with("enable_outgoing_utp", on)
    }

    /// Peers by TCP, both ways (`enable_incoming_tcp`, `enable_outgoing_tcp`, on by default).
    #[must_use]
    pub fn tcp(self, on: bool) -> Self {
        self.with("enable_incoming_tcp", on).with("enable_outgoing_tcp", on)
    }

    /// How many torrents with [`TorrentFlag::AutoManaged`](crate::torrent::TorrentFlag::AutoManaged) may download at
    /// once; the others wait in the queue. `None`: all (`active_downloads`, 3 by default, -1 for all).
    /// Torrents that hardly move do not count.
    #[must_use]
    pub fn active_downloads(self, count: Option<u32>) -> Self {
        self.with("active_downloads", count.map_or(-1, number))
    }

    /// How many of them may seed at once; `None`: all (`active_seeds`, 5 by default, -1 for all).
    #[must_use]
    pub fn active_seeds(self, count: Option<u32>) -> Self {
        self.with("active_seeds", count.map_or(-1, number))
    }

    /// How many of them may be active at once, those that hardly move included; `None`: all
    /// (`active_limit`, 500 by default, -1 for all).
    #[must_use]
    pub fn active_limit(self, count: Option<u32>) -> Self {
        self.with("active_limit", count.map_or(-1, number))
    }

    /// Peers and trackers are not told which program this is, nor private trackers the local addresses
    /// (`anonymous_mode`, off by default). It hides no IP address.
    #[must_use]
    pub fn anonymous_mode(self, on: bool) -> Self {
        self.with("anonymous_mode", on)
    }

    fn with(mut self, name: &str, value: impl Into<SettingValue>) -> Self {
        self.assume([(name, value.into())]);
        self
    }
}

fn number(count: u32) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX)
}

fn list<T: AsRef<str>>(parts: impl IntoIterator<Item = T>) -> String {
    let parts: Vec<T> = parts.into_iter().collect();
    parts.iter().map(AsRef::as_ref).collect::<Vec<&str>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(settings: &Settings) -> String {
        let pairs: Vec<_> =
            settings.iter().map(|(name, value)| format!("{name}={value}")).collect();
        pairs.join(" ")
    }

    #[test]
    fn each_choice_is_a_setting_of_libtorrent() {
        let none = Settings::empty;
        for (settings, expected) in [
            (none().download_limit(Some(5 << 20)), "download_rate_limit=5242880"),
            (none().download_limit(Some(0)), "download_rate_limit=1"),
            (none().download_limit(None), "download_rate_limit=0"),
            (none().upload_limit(Some(u32::MAX)), "upload_rate_limit=2147483647"),
            (none().upload_limit(None), "upload_rate_limit=0"),
            (none().connections_limit(50), "connections_limit=50"),
            (none().connections_limit(0), "connections_limit=1"),
            (none().upload_slots(Some(0)), "unchoke_slots_limit=0"),
            (none().upload_slots(None), "unchoke_slots_limit=-1"),
            (none().dht(false), "enable_dht=false"),
            (none().dht_bootstrap_nodes(["a:1", "[::1]:2"]), "dht_bootstrap_nodes=a:1,[::1]:2"),
            (none().dht_bootstrap_nodes::<&str>([]), "dht_bootstrap_nodes="),
            (none().local_discovery(false), "enable_lsd=false"),
            (none().upnp(false), "enable_upnp=false"),
            (none().nat_pmp(false), "enable_natpmp=false"),
            (none().listen_interfaces(["eth0:0", "[::]:1"]), "listen_interfaces=eth0:0,[::]:1"),
            (none().outgoing_interfaces(["eth0"]), "outgoing_interfaces=eth0"),
            (none().device("tun0", 6881), "listen_interfaces=tun0:6881 outgoing_interfaces=tun0"),
            (
                none().encryption(EncryptionPolicy::Disabled),
                "allowed_enc_level=3 in_enc_policy=2 out_enc_policy=2 prefer_rc4=false",
            ),
            (
                none().encryption(EncryptionPolicy::Enabled),
                "allowed_enc_level=3 in_enc_policy=1 out_enc_policy=1 prefer_rc4=false",
            ),
            (
                none().encryption(EncryptionPolicy::Forced),
                "allowed_enc_level=2 in_enc_policy=0 out_enc_policy=0 prefer_rc4=true",
            ),
            (none().utp(false), "enable_incoming_utp=false enable_outgoing_utp=false"),
            (none().tcp(true), "enable_incoming_tcp=true enable_outgoing_tcp=true"),
            (none().active_downloads(Some(2)), "active_downloads=2"),
            (none().active_seeds(None), "active_seeds=-1"),
            (none().active_limit(Some(9)), "active_limit=9"),
            (none().anonymous_mode(true), "anonymous_mode=true"),
        ] {
            assert_eq!(text(&settings), expected);
            for (name, value) in settings.iter() {
                Settings::empty().set(name, value.clone()).unwrap();
            }
        }
    }

    #[test]
    fn choices_go_with_zero_copy_or_are_refused() {
        let check = |settings: Settings| settings.check().map_err(|error| error.to_string());
        let mut zero_copy = Settings::seeding();
        zero_copy.set("disk_reads", "zero_copy").unwrap();
        check(zero_copy.clone().encryption(EncryptionPolicy::Disabled)).unwrap();
        for wrong in [EncryptionPolicy::Enabled, EncryptionPolicy::Forced] {
            let error = check(zero_copy.clone().encryption(wrong)).unwrap_err();
            assert!(error.contains("allowed_enc_level"), "{error}");
        }
        let error = check(zero_copy.utp(true)).unwrap_err();
        assert!(error.contains("enable_incoming_utp"), "{error}");
    }

    #[cfg(feature = "serde")]
    #[test]
    fn policies_in_json() {
        for (policy, name) in [
            (EncryptionPolicy::Disabled, r#""disabled""#),
            (EncryptionPolicy::Enabled, r#""enabled""#),
            (EncryptionPolicy::Forced, r#""forced""#),
        ] {
            assert_eq!(serde_json::to_string(&policy).unwrap(), name);
            assert_eq!(serde_json::from_str::<EncryptionPolicy>(name).unwrap(), policy);
        }
    }
}
