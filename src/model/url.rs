//! Normalizes the URLs of trackers and web seeds. libtorrent copies a URL into its requests unchanged, so a
//! line break in it would start another request. Therefore every URL passes through this module, whatever its
//! source.

use std::fmt::Write;
use std::net::Ipv6Addr;

use crate::text::{is_hidden, printable};

/// The maximum length of a URL, in bytes.
const MAX_URL: usize = 2048;

/// The schemes that libtorrent can announce with. WebTorrent trackers need a libtorrent built with
/// WebRTC.
const TRACKERS: &[&str] = &["http", "https", "udp", "ws", "wss"];

const WEB_SEEDS: &[&str] = &["http", "https"];

/// Normalizes a tracker's announce URL. An error names the URL and the problem.
pub(crate) fn tracker(url: &str) -> Result<String, String> {
    normal(url, TRACKERS).map_err(|why| format!("{:?}: {why}", printable(url)))
}

/// Normalizes a web seed's URL; errors are as for [`tracker`].
pub(crate) fn web_seed(url: &str) -> Result<String, String> {
    normal(url, WEB_SEEDS).map_err(|why| format!("{:?}: {why}", printable(url)))
}

/// Normalizes a URL: scheme and host in lower case, no white space at the ends, no fragment; user and
/// password decoded, as libtorrent expects them; the rest percent-encoded where necessary (RFC 3986).
fn normal(url: &str, schemes: &[&str]) -> Result<String, String> {
    let url = url.trim();
    let parts = url.split_once("://").map(|(scheme, rest)| (scheme.to_ascii_lowercase(), rest));
    let Some((scheme, rest)) = parts.filter(|(scheme, _)| schemes.contains(&&**scheme)) else {
        return Err(format!("expected a URL that begins with {}://", schemes.join("://, ")));
    };
    if url.contains(|c: char| c.is_whitespace() || is_hidden(c)) {
        return Err("it contains a space or a control character".into());
    }
    let rest = rest.split('#').next().unwrap_or_default();
    let (authority, path) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
    let (user, host) = match authority.rsplit_once('@') {
        Some((user, host)) => (user_info(user)?, host),
        None => (String::new(), authority),
    };
    let normal = format!("{scheme}://{user}{}{}", host_and_port(host)?, encoded(path));
    if normal.len() > MAX_URL {
        return Err(format!("it is longer than {MAX_URL} bytes"));
    }
    Ok(normal)
}

/// Normalizes `user:password@`. libtorrent does not decode it, and finds the host only if the user is
/// followed by a colon.
fn user_info(text: &str) -> Result<String, String> {
    if text.is_empty() {
        return Ok(String::new());
    }
    let (user, password) = text.split_once(':').unwrap_or((text, ""));
    let decoded = |part: &str| {
        String::from_utf8(decoded(part)).ok().filter(|plain| {
            let plain_text = |c: char| !(c.is_whitespace() || is_hidden(c) || "@/?#\\".contains(c));
            // The URL is normalized more than once, so a decoded text must not contain an escape.
            plain.chars().all(plain_text) && self::decoded(plain) == plain.as_bytes()
        })
    };
    match (decoded(user).filter(|user| !user.contains(':')), decoded(password)) {
        (Some(user), Some(password)) => Ok(format!("{user}:{password}@")),
        _ => Err("its user name or password has characters that libtorrent cannot send".into()),
    }
}

fn host_and_port(text: &str) -> Result<String, String> {
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => {
            let (address, port) = rest.split_once(']').unwrap_or_default();
            let address: Ipv6Addr =
                address.parse().map_err(|_| "its host is not an IPv6 address".to_owned())?;
            (format!("[{address}]"), port)
        }
        None => {
            let (host, port) = text.split_at(text.find(':').unwrap_or(text.len()));
            (host.to_ascii_lowercase(), port)
        }
    };
    if host.is_empty() {
        return Err("it has no host".into());
    }
    let in_a_name = |c: char| c.is_ascii_alphanumeric() || "-._".contains(c);
    if !host.starts_with('[') && !host.chars().all(in_a_name) {
        return Err("its host is neither a name nor an address".into());
    }
    match port.strip_prefix(':') {
        None if port.is_empty() => Ok(host),
        Some("") => Ok(host),
        Some(digits) if digits.bytes().all(|byte| byte.is_ascii_digit()) => {
            match digits.parse::<u16>() {
                Ok(port @ 1..) => Ok(format!("{host}:{port}")),
                _ => Err("its port is not from 1 to 65535".into()),
            }
        }
        _ => Err("its port is not a number".into()),
    }
}

/// Percent-encodes the bytes that a URL must not contain; existing escapes are kept.
fn encoded(path: &str) -> String {
    let mut out = String::with_capacity(path.len());
    for byte in path.bytes() {
        if byte.is_ascii_graphic() && !br#""<>\^`{|}"#.contains(&byte) {
            out.push(byte.into());
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

/// Percent-encodes everything except unreserved characters (RFC 3986).
pub(crate) fn component(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(byte.into());
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

/// Decodes percent escapes: `%3a` becomes `:`. Invalid ones are kept.
pub(crate) fn decoded(text: &str) -> Vec<u8> {
    let digit = |byte: Option<&u8>| byte.and_then(|byte| char::from(*byte).to_digit(16));
    let mut bytes = text.as_bytes();
    let mut plain = Vec::with_capacity(bytes.len());
    while let Some((&byte, rest)) = bytes.split_first() {
        match (byte, digit(rest.first()), digit(rest.get(1))) {
            (b'%', Some(high), Some(low)) => {
                plain.push((high * 16 + low) as u8);
                bytes = &rest[2..];
            }
            _ => {
                plain.push(byte);
                bytes = rest;
            }
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_url_is_put_into_its_normal_form() {
        for (url, expected) in [
            ("http://tracker.example/announce", "http://tracker.example/announce"),
            (" \t http://t/announce\r\n", "http://t/announce"),
            ("\u{3000}http://t/announce\u{a0}", "http://t/announce"),
            (
                "HTTPS://Tracker.EXAMPLE:443/Announce?Key=A",
                "https://tracker.example:443/Announce?Key=A",
            ),
            ("udp://t:6969", "udp://t:6969"),
            ("wss://t:/x", "wss://t/x"),
            ("http://t?passkey=1", "http://t?passkey=1"),
            ("http://t/a#part", "http://t/a"),
            ("http://[::1]:80/a", "http://[::1]:80/a"),
            ("http://[0:0:0:0:0:0:0:1]/a", "http://[::1]/a"),
            ("http://me:p%3Aw%25!@t/a", "http://me:p:w%!@t/a"),
            ("http://me@t/a", "http://me:@t/a"),
            ("http://@t/a", "http://t/a"),
            ("http://t/caf\u{e9}/\"<x>|", "http://t/caf%C3%A9/%22%3Cx%3E%7C"),
            ("http://t/a%20b%2", "http://t/a%20b%2"),
            ("http://t/a@b:c", "http://t/a@b:c"),
        ] {
            assert_eq!(tracker(url).as_deref(), Ok(expected), "{url}");
        }
        assert_eq!(web_seed("http://t/dir/").as_deref(), Ok("http://t/dir/"));
    }

    #[test]
    fn invalid_urls_are_refused_and_named() {
        for (url, why) in [
            ("", "expected a URL that begins with http://, https://, udp://, ws://, wss://"),
            ("announce", "expected a URL that begins with"),
            ("http:/t/announce", "expected a URL that begins with"),
            ("ftp://t/announce", "expected a URL that begins with"),
            ("dht://0123456789/announce", "expected a URL that begins with"),
            ("http://t/announce HTTP/1.1\r\nHost: x\r\n\r\nDELETE /", "a space or a control"),
            ("http://t/a\r\nX: y", "a space or a control"),
            ("http://t/a\0", "a space or a control"),
            ("http://t/a b", "a space or a control"),
            ("http://t\t/a", "a space or a control"),
            ("http://t/a\u{2028}b", "a space or a control"),
            ("http://t/\u{202e}b", "a space or a control"),
            ("http://", "it has no host"),
            ("http:///announce", "it has no host"),
            ("http://:80/a", "it has no host"),
            ("http://me:pw@/a", "it has no host"),
            ("http://t_\u{e9}/a", "its host is neither a name nor an address"),
            ("http://t%00/a", "its host is neither a name nor an address"),
            (r"http://t\@evil/a", "characters that libtorrent cannot send"),
            ("http://[::1/a", "its host is not an IPv6 address"),
            ("http://[nonsense]/a", "its host is not an IPv6 address"),
            ("http://[::1]x/a", "its port is not a number"),
            ("http://t:80x/a", "its port is not a number"),
            ("http://t:0/a", "its port is not from 1 to 65535"),
            ("http://t:65536/a", "its port is not from 1 to 65535"),
            ("http://me:p%40w@t/a", "characters that libtorrent cannot send"),
            ("http://me:p%0d%0aw@t/a", "characters that libtorrent cannot send"),
            ("http://me:p%2541@t/a", "characters that libtorrent cannot send"),
            ("http://me:%ff@t/a", "characters that libtorrent cannot send"),
            ("http://m%3ae:pw@t/a", "characters that libtorrent cannot send"),
        ] {
            let error = tracker(url).unwrap_err();
            assert!(error.contains(why), "{url:?}: {error}");
            assert!(!error.contains(is_hidden), "{error:?}");
        }
        let long = format!("http://t/{}", "x".repeat(MAX_URL));
        assert!(tracker(&long).unwrap_err().ends_with("it is longer than 2048 bytes"));
        assert!(web_seed("udp://t:1/a").unwrap_err().contains("begins with http://, https://"));
    }

    proptest! {
        #[test]
        fn the_normal_form_is_stable_and_has_no_blank(
            url in r#"\s?(http|HTTPS|udp|ftp)://([a-z%@:\[\]0-9 ]|\PC){0,20}([/?#]([ -~]|.){0,30})?"#
        ) {
            if let Ok(normal) = tracker(&url) {
                prop_assert!(!normal.contains(|c: char| c.is_whitespace() || is_hidden(c)));
                prop_assert_eq!(tracker(&normal), Ok(normal));
            }
        }
    }
}
