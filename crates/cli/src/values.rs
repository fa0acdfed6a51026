//! The values of arguments.

use std::net::{Ipv6Addr, SocketAddr};
use std::time::Duration;

use bytesize::ByteSize;
use torrent_patron::Settings;
use torrent_patron::settings::SettingValue;

/// A known setting, with a value of its type.
#[derive(Debug, Clone)]
pub(crate) struct Setting {
    pub(crate) name: String,
    pub(crate) value: SettingValue,
}

fn size(text: &str) -> Result<u64, String> {
    let size = text.parse::<ByteSize>().map(|size| size.as_u64());
    size.map_err(|_| "not a number of bytes, such as 65536, 512KiB or 1.5MiB".to_owned())
}

/// Parses the address of a peer.
pub(crate) fn peer(text: &str) -> Result<SocketAddr, String> {
    let peer = text.parse::<SocketAddr>().ok().filter(|peer| peer.port() != 0);
    let peer = peer.ok_or("not an IP address and a port, such as 192.0.2.1:6881")?;
    Ok(SocketAddr::new(peer.ip().to_canonical(), peer.port()))
}

pub(crate) fn piece_length(text: &str) -> Result<u32, String> {
    let bytes = size(text)?;
    u32::try_from(bytes)
        .ok()
        .filter(|bytes| bytes.is_power_of_two() && (16 << 10..=512 << 20).contains(bytes))
        .ok_or_else(|| format!("{bytes} bytes is not a power of two from 16KiB to 512MiB"))
}

pub(crate) fn rate(text: &str) -> Result<i32, String> {
    match i32::try_from(size(text)?) {
        // It would mean no limit.
        Ok(0) => Err("the rate must be greater than 0".to_owned()),
        Ok(rate) => Ok(rate),
        Err(_) => Err(format!("the maximum is {} per second", ByteSize(i32::MAX as u64))),
    }
}

/// Parses addresses in libtorrent's format: an IP address or a network device, a port, and flags.
pub(crate) fn listen(text: &str) -> Result<String, String> {
    let is_address = |text: &str| {
        let (host, port) = text.rsplit_once(':')?;
        let is_host = match host.strip_prefix('[') {
            Some(rest) => rest.strip_suffix(']')?.parse::<Ipv6Addr>().is_ok(),
            None => !host.is_empty() && !host.contains(':'),
        };
        let digits = port.trim_end_matches(['s', 'l']);
        let is_port = digits.bytes().all(|byte| byte.is_ascii_digit());
        digits.parse::<u16>().ok().filter(|_| is_host && is_port)
    };
    match text.split(',').find(|address| is_address(address).is_none()) {
        None => Ok(text.to_owned()),
        Some(wrong) => Err(format!(
            "{wrong:?} is not an address and a port, such as 0.0.0.0:6881, [::]:6881 or eth0:6881"
        )),
    }
}

pub(crate) fn setting(text: &str) -> Result<Setting, String> {
    let (name, value) = text.split_once('=').ok_or("expected NAME=VALUE")?;
    let mut settings = Settings::default();
    settings.set_text(name, value).map_err(|error| error.to_string())?;
    let value = settings.get(name).cloned().ok_or("unknown setting")?;
    Ok(Setting { name: name.to_owned(), value })
}

pub(crate) fn ratio(text: &str) -> Result<f64, String> {
    let ratio: f64 = text.parse().map_err(|_| "not a number such as 1.5".to_owned())?;
    let is_valid = ratio.is_finite() && ratio > 0.0;
    is_valid.then_some(ratio).ok_or_else(|| "must be greater than 0".to_owned())
}

/// Parses a duration: `90s`, `1h30m`.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    let wrong = || "not a duration, such as 90s, 30m, 12h or 2d".to_owned();
    let mut rest = text;
    let mut seconds = 0u64;
    while let Some(end) = rest.find(|c: char| !c.is_ascii_digit()) {
        let unit = match rest.as_bytes()[end] {
            b's' => 1,
            b'm' => 60,
            b'h' => 3600,
            b'd' => 86_400,
            _ => return Err(wrong()),
        };
        let count: u64 = rest[..end].parse().map_err(|_| wrong())?;
        let more = count.checked_mul(unit).and_then(|more| seconds.checked_add(more));
        seconds = more.ok_or_else(wrong)?;
        rest = &rest[end + 1..];
    }
    let is_valid = rest.is_empty() && seconds > 0;
    is_valid.then_some(Duration::from_secs(seconds)).ok_or_else(wrong)
}

pub(crate) fn seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text.parse().map_err(|_| "not a number".to_owned())?;
    Duration::try_from_secs_f64(seconds)
        .ok()
        .filter(|tick| !tick.is_zero())
        .ok_or_else(|| "must be greater than 0".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn listen_addresses_have_a_host_and_a_port() {
        for text in ["0.0.0.0:6881,[::]:6881", "eth0:0", "127.0.0.1:6881s", "[fe80::1]:1sl"] {
            assert_eq!(listen(text).as_deref(), Ok(text));
        }
        for text in ["", ":0", "eth0", "::1", "[eth0]:1", "1.1.1.1:+1", "1.1.1.1:70000", "eth0:1,"]
        {
            assert!(listen(text).unwrap_err().contains("is not an address and a port"), "{text}");
        }
    }

    #[test]
    fn a_peer_has_an_address_and_a_port() {
        assert_eq!(peer("[::ffff:127.0.0.1]:80"), Ok(SocketAddr::from(([127, 0, 0, 1], 80))));
        for wrong in ["127.0.0.1:0", "127.0.0.1", "localhost:80", ""] {
            assert!(peer(wrong).unwrap_err().starts_with("not an IP address and a port"));
        }
    }

    #[test]
    fn a_rate_limit_is_above_0() {
        assert_eq!((rate("5KiB"), rate("1")), (Ok(5120), Ok(1)));
        for wrong in ["0", "0MiB"] {
            assert_eq!(rate(wrong).unwrap_err(), "the rate must be greater than 0");
        }
        for wrong in ["", "0.3", "5MiB/s", "5mbit"] {
            assert!(rate(wrong).unwrap_err().starts_with("not a number of bytes"), "{wrong}");
        }
        assert!(rate("2GiB").unwrap_err().starts_with("the maximum is 2.0 GiB per second"));
    }

    #[test]
    fn times_have_units() {
        for (text, seconds) in [("90s", 90), ("30m", 1800), ("12h", 43_200), ("1d1h1m1s", 90_061)] {
            assert_eq!(duration(text), Ok(Duration::from_secs(seconds)));
        }
        for wrong in ["", "5", "s", "0s", "1.5h", "-1s", "1h30", "1 h", "9é", "99999999999999999d"]
        {
            assert!(
                duration(wrong).unwrap_err().starts_with("not a duration, such as 90s"),
                "{wrong}"
            );
        }
    }
}
