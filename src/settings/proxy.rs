//! A proxy, and the settings that prevent traffic from bypassing it.

use std::fmt;
use std::str::FromStr;

use crate::error::{Error, ErrorKind, Result};
use crate::settings::Settings;
use crate::sys;

/// A proxy for all traffic of a client, for [`ClientBuilder::proxy`](crate::ClientBuilder::proxy). Whatever
/// cannot go through it is disabled.
///
/// | what | through SOCKS5 | through HTTP |
/// | --- | --- | --- |
/// | outgoing connections to peers, TCP | yes; IPv6 since libtorrent 2.0.9 | yes, by `CONNECT` |
/// | outgoing connections to peers, uTP | if the proxy supports `UDP ASSOCIATE`, otherwise TCP is tried | off: UDP |
/// | incoming connections | by uTP, if the proxy accepts them; no TCP port is opened | none |
/// | trackers, `http://` | yes | yes |
/// | trackers, `https://` | yes | those given by IP address; others are dropped, because libtorrent resolves the name itself |
/// | trackers, `udp://` | if the proxy supports `UDP ASSOCIATE`, otherwise [`TrackerError`](crate::Event::TrackerError) | dropped: UDP |
/// | other trackers | dropped: libtorrent has no proxy support for them | dropped |
/// | web seeds | yes | those given by IP address; others are dropped, because libtorrent resolves the name itself |
/// | host names | resolved by the proxy | resolved by the proxy |
/// | DHT | off; nodes that a torrent names are dropped, because libtorrent resolves their names itself | off, dropped |
/// | local peers (LSD), UPnP, NAT-PMP | off: they work on the local network | off |
///
/// If the proxy is given by its IP address, this machine sends no DNS queries, on Linux with
/// seccomp filters: the thread that resolves names cannot open a socket. If the proxy is given by
/// name, that name is resolved, and possibly also
///
/// - that of a peer, if a tracker identifies its peers by host name, which real trackers do not do;
/// - that of a redirect from a tracker or web seed, behind an HTTP proxy.
///
/// None of these makes a connection that bypasses the proxy.
///
/// If the proxy does not answer, it is not bypassed: trackers fail with a
/// [`TrackerError`](crate::Event::TrackerError) and are retried later. The proxy hides the address of a
/// client, but not which program it is; for that, use libtorrent's `anonymous_mode`.
///
/// Each of these settings can be changed by [`setting`](crate::ClientBuilder::setting). In
/// particular, if `proxy_hostnames` is false, this machine resolves names, and no tracker or web
/// seed is dropped because of its name.
///
/// ```
/// use torrent_patron::Client;
/// use torrent_patron::settings::Proxy;
///
/// let builder = Client::builder().proxy(Proxy::socks5("127.0.0.1:1080").login("me", "secret"));
/// let same = Client::builder().proxy("socks5://me:secret@127.0.0.1:1080".parse()?);
/// assert_eq!(builder.effective_settings()?, same.effective_settings()?);
/// # Ok::<(), torrent_patron::Error>(())
/// ```
#[must_use]
#[derive(Clone, PartialEq, Eq)]
pub struct Proxy {
    kind: ProxyKind,
    address: String,
    login: Option<(String, String)>,
}

/// The protocol of a proxy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ProxyKind {
    Socks5,
    Http,
}

impl ProxyKind {
    /// Returns who resolves host names.
    pub(super) fn names(proxy: Option<Self>) -> sys::Names {
        match proxy {
            None => sys::Names::Here,
            Some(Self::Socks5) => sys::Names::BySocks5,
            Some(Self::Http) => sys::Names::ByHttp,
        }
    }
}

impl Proxy {
    /// Creates a SOCKS5 proxy at `HOST:PORT`.
    #[must_use]
    pub fn socks5(address: impl Into<String>) -> Self {
        Self { kind: ProxyKind::Socks5, address: address.into(), login: None }
    }

    /// Creates an HTTP proxy at `HOST:PORT`, which must allow `CONNECT` to any port.
    #[must_use]
    pub fn http(address: impl Into<String>) -> Self {
        Self { kind: ProxyKind::Http, address: address.into(), login: None }
    }

    /// Sets the user name and password for the proxy. They are sent to it unencrypted.
    pub fn login(mut self, user: impl Into<String>, password: impl Into<String>) -> Self {
        self.login = Some((user.into(), password.into()));
        self
    }

    pub(crate) fn kind(&self) -> ProxyKind {
        self.kind
    }

    pub(crate) fn apply(&self, settings: &mut Settings) -> Result<()> {
        let (host, port) = self.host_and_port()?;
        let (user, password) = self.user_and_password()?;
        settings.assume([
            ("proxy_type", self.native_type().into()),
            ("proxy_hostname", host.into()),
            ("proxy_port", i32::from(port).into()),
            ("proxy_username", user.into()),
            ("proxy_password", password.into()),
            ("proxy_peer_connections", true.into()),
            ("proxy_tracker_connections", true.into()),
            ("proxy_hostnames", true.into()),
            ("enable_dht", false.into()),
            ("enable_lsd", false.into()),
            ("enable_upnp", false.into()),
            ("enable_natpmp", false.into()),
        ]);
        if self.kind == ProxyKind::Http {
            settings.assume([
                ("enable_outgoing_utp", false.into()),
                ("enable_incoming_utp", false.into()),
            ]);
        }
        Ok(())
    }

    /// Returns the `lt::settings_pack::proxy_type_t`.
    fn native_type(&self) -> i32 {
        match (self.kind, &self.login) {
            (ProxyKind::Socks5, None) => 2,
            (ProxyKind::Socks5, Some(_)) => 3,
            (ProxyKind::Http, None) => 4,
            (ProxyKind::Http, Some(_)) => 5,
        }
    }

    /// Splits the address. An IPv6 address is in brackets.
    fn host_and_port(&self) -> Result<(&str, u16)> {
        let found = self.address.rsplit_once(':').and_then(|(host, port)| {
            let port = port.parse().ok().filter(|port| *port > 0)?;
            let bare = match host.strip_prefix('[') {
                Some(rest) => rest.strip_suffix(']')?,
                None => host,
            };
            let is_host = !bare.is_empty()
                && (bare.len() < host.len() || !bare.contains(':'))
                && !bare
                    .contains(|c: char| c.is_whitespace() || c.is_control() || "/@[]".contains(c));
            is_host.then_some((bare, port))
        });
        found.ok_or_else(|| wrong(format!("{:?} is not of the form HOST:PORT", self.address)))
    }

    fn user_and_password(&self) -> Result<(&str, &str)> {
        let Some((user, password)) = &self.login else { return Ok(("", "")) };
        match self.kind {
            // RFC 1929 has one byte for each length.
            ProxyKind::Socks5
                if ![user, password].into_iter().all(|text| (1..=255).contains(&text.len())) =>
            {
                Err(wrong("SOCKS5 takes a name and a password of 1 to 255 bytes each"))
            }
            // RFC 7617: the name ends at the first colon.
            ProxyKind::Http if user.is_empty() || user.contains(':') => {
                Err(wrong("HTTP takes a name that is not empty and has no colon"))
            }
            _ => Ok((user, password)),
        }
    }
}

/// Parses `socks5://[USER:PASSWORD@]HOST:PORT`, or the same with `http`. The name and password may be
/// percent-encoded, and must be if they contain `:`, `@`, `/` or `%`.
///
/// # Errors
///
/// [`InvalidArgument`](ErrorKind::InvalidArgument) for anything else.
impl FromStr for Proxy {
    type Err = Error;

    fn from_str(url: &str) -> Result<Self> {
        const FORM: &str =
            "a proxy is given as socks5://[USER:PASSWORD@]HOST:PORT, or the same with http";
        let (scheme, rest) = url.split_once("://").ok_or_else(|| wrong(FORM))?;
        let (login, address) = match rest.rsplit_once('@') {
            Some((login, address)) => (Some(login), address),
            None => (None, rest),
        };
        let address = address.strip_suffix('/').unwrap_or(address);
        let mut proxy = match scheme.to_ascii_lowercase().as_str() {
            "socks5" | "socks5h" => Self::socks5(address),
            "http" => Self::http(address),
            _ => return Err(wrong(FORM)),
        };
        if let Some(login) = login {
            let (user, password) = login.split_once(':').ok_or_else(|| wrong(FORM))?;
            let decoded = percent_decoded(user).zip(percent_decoded(password));
            let (user, password) = decoded.ok_or_else(|| {
                wrong("the name or the password is not percent-encoded text, as in p%40ss")
            })?;
            proxy = proxy.login(user, password);
        }
        proxy.host_and_port()?;
        proxy.user_and_password()?;
        Ok(proxy)
    }
}

/// Omits the password.
impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let user = self.login.as_ref().map(|(user, _)| user);
        f.debug_struct("Proxy")
            .field("kind", &self.kind)
            .field("address", &self.address)
            .field("user", &user)
            .finish_non_exhaustive()
    }
}

fn percent_decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        if first == b'%' {
            let (digits, after) = after.split_at_checked(2)?;
            let digit = |byte: u8| char::from(byte).to_digit(16);
            bytes.push(u8::try_from(digit(digits[0])? * 16 + digit(digits[1])?).ok()?);
            rest = after;
        } else {
            bytes.push(first);
            rest = after;
        }
    }
    String::from_utf8(bytes).ok()
}

fn wrong(message: impl AsRef<str>) -> Error {
    Error::new(ErrorKind::InvalidArgument, "use the proxy", message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::SettingValue;

    fn settings(proxy: &Proxy) -> Settings {
        let mut settings = Settings::default();
        proxy.apply(&mut settings).unwrap();
        settings
    }

    /// `assume` relies on these names and types.
    #[test]
    fn the_settings_exist_and_have_their_types() {
        for proxy in [Proxy::socks5("proxy.example:1080"), Proxy::http("[::1]:8080")] {
            for (name, value) in settings(&proxy).iter() {
                Settings::default().set(name, value.clone()).unwrap();
            }
        }
    }

    #[test]
    fn a_proxy_url_can_express_everything_that_the_functions_can() {
        let same = [
            ("socks5://127.0.0.1:1080", Proxy::socks5("127.0.0.1:1080")),
            ("SOCKS5://127.0.0.1:1080/", Proxy::socks5("127.0.0.1:1080")),
            ("socks5h://proxy.example:1", Proxy::socks5("proxy.example:1")),
            ("http://[::1]:8080", Proxy::http("[::1]:8080")),
            ("http://me:@[::1]:8080", Proxy::http("[::1]:8080").login("me", "")),
            ("socks5://a:b@h:1", Proxy::socks5("h:1").login("a", "b")),
            ("socks5://a%40b:%c3%a9%3A%25@h:1", Proxy::socks5("h:1").login("a@b", "é:%")),
        ];
        for (url, proxy) in same {
            assert_eq!(url.parse::<Proxy>().unwrap(), proxy, "{url}");
        }
    }

    #[test]
    fn a_wrong_url_is_refused() {
        let wrong = [
            "",
            "127.0.0.1:1080",
            "socks5://",
            "socks5://127.0.0.1",
            "socks5://127.0.0.1:0",
            "socks5://127.0.0.1:65536",
            "socks5://:1080",
            "socks5://::1:1080",
            "socks5://[::1:1080",
            "socks5://h:1/path",
            "socks4://h:1",
            "https://h:1",
            "socks5://me@h:1",
            "socks5://me:@h:1",
            "http://:secret@h:1",
            "http://a%3Ab:secret@h:1",
            "http://a:%4@h:1",
            "http://a:%zz@h:1",
            "http://a:%ff@h:1",
        ];
        for url in wrong {
            let error = url.parse::<Proxy>().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{url}: {error}");
        }
        let long = format!("socks5://me:{}@h:1", "x".repeat(256));
        assert!(long.parse::<Proxy>().unwrap_err().message().contains("255"));
    }

    #[test]
    fn the_password_is_not_shown() {
        let shown = format!("{:?}", Proxy::socks5("h:1").login("me", "secret"));
        assert!(shown.contains("me") && !shown.contains("secret"), "{shown}");
    }

    #[test]
    fn features_that_the_proxy_cannot_carry_are_off() {
        for proxy in [Proxy::socks5("h:1"), Proxy::http("h:1").login("me", "secret")] {
            let settings = settings(&proxy);
            for off in ["enable_dht", "enable_lsd", "enable_upnp", "enable_natpmp"] {
                assert_eq!(settings.get(off), Some(&SettingValue::Bool(false)), "{off}");
            }
            let utp = settings.get("enable_outgoing_utp");
            assert_eq!(utp.is_none(), proxy.kind() == ProxyKind::Socks5);
        }
    }
}
