//! Checks the addresses that a client listens on: a comma-separated list of `ADDRESS:PORT` or `DEVICE:PORT`,
//! each with libtorrent's flags after the port.

use std::net::IpAddr;

use crate::error::{Error, ErrorKind, Result};

/// The setting.
pub(crate) const LISTEN_INTERFACES: &str = "listen_interfaces";

/// Checks the list. libtorrent ignores invalid entries, and the client might not listen at all.
pub(super) fn check(interfaces: &str, is_device: impl Fn(&str) -> bool) -> Result<()> {
    for interface in interfaces.split(',').map(str::trim).filter(|one| !one.is_empty()) {
        if let Err(why) = check_one(interface, &is_device) {
            let message = format!("{interface:?}: {why}");
            return Err(Error::new(ErrorKind::InvalidArgument, "listen", message));
        }
    }
    Ok(())
}

fn check_one(interface: &str, is_device: impl Fn(&str) -> bool) -> Result<(), String> {
    let (host, port) = interface.rsplit_once(':').ok_or("the port is missing")?;
    let digits = port.trim_end_matches(|flag: char| flag.is_ascii_alphabetic());
    if digits.parse::<u16>().is_err() {
        return Err(format!("{port:?} is not a port"));
    }
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let address = bare.split('%').next().unwrap_or_default();
    if address.parse::<IpAddr>().is_ok() || is_device(host) {
        return Ok(());
    }
    Err(format!("{host:?} is neither an address nor a network device of this machine"))
}

/// Returns the list with ports increased by this number; `None` if one is above 65535. 0, which means any
/// port, is not changed.
pub(super) fn next_ports(interfaces: &str, by: usize) -> Option<String> {
    let moved = |interface: &str| {
        let Some((host, port)) = interface.rsplit_once(':') else { return Some(interface.into()) };
        let digits = port.trim_end_matches(|flag: char| flag.is_ascii_alphabetic());
        let flags = &port[digits.len()..];
        match digits.parse::<u16>() {
            // The error is reported elsewhere.
            Err(_) | Ok(0) => Some(interface.to_owned()),
            Ok(port) => {
                let port = port.checked_add(u16::try_from(by).ok()?)?;
                Some(format!("{host}:{port}{flags}"))
            }
        }
    };
    Some(interfaces.split(',').map(moved).collect::<Option<Vec<_>>>()?.join(","))
}

#[cfg(test)]
mod tests {
    use super::{check, next_ports};

    #[test]
    fn ports_follow_each_other() {
        let next = |interfaces| next_ports(interfaces, 2);
        assert_eq!(next("0.0.0.0:6881,[::]:6881s").unwrap(), "0.0.0.0:6883,[::]:6883s");
        assert_eq!(next("127.0.0.1:0").unwrap(), "127.0.0.1:0");
        assert_eq!(next("").unwrap(), "");
        assert_eq!(next("eth0:65533").unwrap(), "eth0:65535");
        assert_eq!(next("eth0:65534"), None);
    }

    #[test]
    fn an_interface_is_an_address_or_a_device_with_a_port() {
        let is_device = |name: &str| name == "eth0";
        for right in ["", "127.0.0.1:0", "0.0.0.0:6881,[::]:6881", " eth0:1s , [fe80::1%eth0]:2l"] {
            check(right, is_device).unwrap();
        }
        for wrong in
            ["eth9:0", "localhost:0", "127.0.0.1", "127.0.0.1:", "eth0:70000", ":0", "1.2:3"]
        {
            let error = check(wrong, is_device).unwrap_err().to_string();
            assert!(error.starts_with(&format!("cannot listen: {wrong:?}: ")), "{error}");
        }
    }
}
