//! The most common settings, each with its own setter.

use super::{SettingValue, Settings};

// `lt::settings_pack::enc_level` and `enc_policy`; `pe_both` and `pe_enabled` are libtorrent's
// defaults.
pub(super) const PLAINTEXT: i32 = 1;
const RC4: i32 = 2;
const PE_BOTH: i32 = 3;
const PE_FORCED: i32 = 0;
const PE_ENABLED: i32 = 1;
pub(super) const PE_DISABLED: i32 = 2;

/// A limit of 0, which `check` refuses. libtorrent would take 0 as no limit.
pub(super) const ZERO_LIMIT: SettingValue = SettingValue::Int(i32::MIN);

/// Whether connections to peers are obfuscated (MSE).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(rename_all = "snake_case")
)]
#[non_exhaustive]
pub enum EncryptionPolicy {
    /// Connections are not obfuscated.
    Disabled,
    /// Connections to peers that support it are obfuscated.
    #[default]
    Enabled,
    /// All connections are obfuscated, with RC4. There are no connections to or from peers that do not
    /// support it.
    Forced,
}

/// The most common settings, for [`ClientBuilder::settings`](crate::ClientBuilder::settings) and,
/// starting from [`Settings::empty`], for
/// [`Patron::apply_settings`](crate::Patron::apply_settings). Each names the libtorrent setting
/// that it sets, and libtorrent's default.
///
/// ```
/// use torrent_patron::Settings;
///
/// let night = Settings::empty().download_limit(None).upload_limit(Some(2 << 20)).dht(false);
/// assert_eq!(night.get("upload_rate_limit"), Some(&(2 << 20).into()));
/// ```
///
/// Peer exchange (BEP 11) is not a setting: libtorrent always uses it, and
/// [`TorrentFlag::NoPeerExchange`](crate::torrent::TorrentFlag::NoPeerExchange) turns it off for a
/// torrent. A private torrent (BEP 27) never uses peer exchange, the DHT or local discovery,
/// whatever is set here.
///
/// Some of libtorrent's protections have no setter here, because there is rarely a reason to change
/// them:
///
/// | setting | default | what it does |
/// | --- | --- | --- |
/// | `ssrf_mitigation` | true | trackers on this machine are contacted only at `/announce`, and web seeds on the local network get no query strings; whether a torrent may name any there is up to `allow_local_urls`, see [`Settings`] |
/// | `validate_https_trackers` | true | the certificates of HTTPS trackers and web seeds are verified |
/// | `allow_idna` | false | trackers and web seeds with an internationalized host name are ignored, because such names can imitate others |
impl Settings {
    /// Sets the client's download rate limit in bytes per second; `None`: no limit
    /// (`download_rate_limit`, by default 0, which is no limit). Peers on the local network are exempt.
    /// A limit of 0 is refused when the settings are used.
    #[must_use]
    pub fn download_limit(self, rate: Option<u32>) -> Self {
        self.with("download_rate_limit", rate.map_or(0.into(), limit))
    }

    /// Sets the client's upload rate limit in bytes per second; `None`: no limit
    /// (`upload_rate_limit`, by default 0, which is no limit). Peers on the local network are exempt.
    /// A limit of 0 is refused when the settings are used.
    #[must_use]
    pub fn upload_limit(self, rate: Option<u32>) -> Self {
        self.with("upload_rate_limit", rate.map_or(0.into(), limit))
    }

    /// Sets how many peers the client may be connected to, for all torrents together
    /// (`connections_limit`, 200 by default). It is lowered if the process may not have that many
    /// descriptors. A limit of 0 is refused when the settings are used.
    #[must_use]
    pub fn connections_limit(self, count: u32) -> Self {
        self.with("connections_limit", limit(count))
    }

    /// Sets how many peers the client may serve at once, for all torrents together; `None`: all that are
    /// interested (`unchoke_slots_limit`, 8 by default, -1 for all).
    #[must_use]
    pub fn upload_slots(self, count: Option<u32>) -> Self {
        self.with("unchoke_slots_limit", count.map_or(-1, number))
    }

    /// Turns the DHT on or off, which finds peers without a tracker (BEP 5; `enable_dht`, on by default).
    #[must_use]
    pub fn dht(self, on: bool) -> Self {
        self.with("enable_dht", on)
    }

    /// Sets the bootstrap nodes of the DHT, as `HOST:PORT`
    /// (`dht_bootstrap_nodes`, `dht.libtorrent.org:25401` by default). It takes effect when the DHT
    /// is turned on.
    #[must_use]
    pub fn dht_bootstrap_nodes<T: AsRef<str>>(self, nodes: impl IntoIterator<Item = T>) -> Self {
        self.with("dht_bootstrap_nodes", list(nodes))
    }

    /// Turns local discovery on or off, which finds peers on the local network by multicast (BEP 14;
    /// `enable_lsd`, on by default).
    #[must_use]
    pub fn local_discovery(self, on: bool) -> Self {
        self.with("enable_lsd", on)
    }

    /// Turns port forwarding by UPnP on or off (`enable_upnp`, on by default).
    #[must_use]
    pub fn upnp(self, on: bool) -> Self {
        self.with("enable_upnp", on)
    }

    /// Turns port forwarding by NAT-PMP and PCP on or off (`enable_natpmp`, on by default).
    #[must_use]
    pub fn nat_pmp(self, on: bool) -> Self {
        self.with("enable_natpmp", on)
    }

    /// Sets the addresses to listen on, as `ADDRESS:PORT` or `DEVICE:PORT`; port 0 takes a free port
    /// (`listen_interfaces`; see [`ClientBuilder::listen`](crate::ClientBuilder::listen)).
    #[must_use]
    pub fn listen_interfaces<T: AsRef<str>>(self, interfaces: impl IntoIterator<Item = T>) -> Self {
        self.with("listen_interfaces", list(interfaces))
    }

    /// Sets the devices or addresses for outgoing connections, used in turn (`outgoing_interfaces`; none by
    /// default, so that the system chooses).
    #[must_use]
    pub fn outgoing_interfaces<T: AsRef<str>>(
        self,
        interfaces: impl IntoIterator<Item = T>,
    ) -> Self {
        self.with("outgoing_interfaces", list(interfaces))
    }

    /// Binds the client to one network device, such as a VPN tunnel: it listens on the device at this port,
    /// and outgoing connections use the device (`listen_interfaces`, `outgoing_interfaces`). A client does
    /// not start without the device. If the device disappears later, there are no connections until it is
    /// back.
    #[must_use]
    pub fn device(self, name: &str, port: u16) -> Self {
        self.listen_interfaces([format!("{name}:{port}")]).outgoing_interfaces([name])
    }

    /// Sets whether connections to peers are obfuscated (`in_enc_policy`, `out_enc_policy`,
    /// `allowed_enc_level` and `prefer_rc4`; [`Enabled`](EncryptionPolicy::Enabled) by default).
    /// With `zero_copy`, only [`Disabled`](EncryptionPolicy::Disabled) is allowed.
    /// [`Settings::seeding`] obfuscates the handshake; to keep that, do not call this function.
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

    /// Turns uTP (BEP 29) on or off in both directions (`enable_incoming_utp`,
    /// `enable_outgoing_utp`, on by default). It cannot be combined with `zero_copy`.
    #[must_use]
    pub fn utp(self, on: bool) -> Self {
        self.with("enable_incoming_utp", on).with("enable_outgoing_utp", on)
    }

    /// Turns TCP connections to peers on or off in both directions (`enable_incoming_tcp`,
    /// `enable_outgoing_tcp`, on by default).
    #[must_use]
    pub fn tcp(self, on: bool) -> Self {
        self.with("enable_incoming_tcp", on).with("enable_outgoing_tcp", on)
    }

    /// Sets how many torrents with
    /// [`TorrentFlag::AutoManaged`](crate::torrent::TorrentFlag::AutoManaged) may download at once;
    /// the others wait in the queue. `None`: all (`active_downloads`, 3 by default, -1 for all).
    /// Torrents that hardly transfer anything do not count.
    #[must_use]
    pub fn active_downloads(self, count: Option<u32>) -> Self {
        self.with("active_downloads", count.map_or(-1, number))
    }

    /// Sets how many auto-managed torrents may seed at once; `None`: all (`active_seeds`, 5 by
    /// default, -1 for all).
    #[must_use]
    pub fn active_seeds(self, count: Option<u32>) -> Self {
        self.with("active_seeds", count.map_or(-1, number))
    }

    /// Sets how many auto-managed torrents may be active at once, including those that hardly
    /// transfer anything; `None`: all (`active_limit`, 500 by default, -1 for all).
    #[must_use]
    pub fn active_limit(self, count: Option<u32>) -> Self {
        self.with("active_limit", count.map_or(-1, number))
    }

    /// Turns anonymous mode on or off: peers and trackers do not learn which program this is, and private
    /// trackers do not learn the local addresses (`anonymous_mode`, off by default). It does not hide IP
    /// addresses.
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

fn limit(limit: u32) -> SettingValue {
    match limit {
        0 => ZERO_LIMIT,
        limit => number(limit).into(),
    }
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
            (none().download_limit(None), "download_rate_limit=0"),
            (none().upload_limit(Some(u32::MAX)), "upload_rate_limit=2147483647"),
            (none().upload_limit(None), "upload_rate_limit=0"),
            (none().connections_limit(50), "connections_limit=50"),
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
    fn choices_are_compatible_with_zero_copy_or_refused() {
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

    #[test]
    fn a_limit_of_zero_is_refused() {
        let none = Settings::empty;
        for (settings, name) in [
            (none().download_limit(Some(0)), "download_rate_limit"),
            (none().upload_limit(Some(0)), "upload_rate_limit"),
            (none().connections_limit(0), "connections_limit"),
        ] {
            let error = settings.check().unwrap_err();
            assert_eq!(error.kind(), crate::error::ErrorKind::InvalidArgument);
            assert!(error.message().contains(name), "{error}");
            none().changed(&settings, false).unwrap_err();
        }
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
