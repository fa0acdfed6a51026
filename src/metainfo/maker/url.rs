//! Whether a URL of a tracker or a web seed is one, told before anything is hashed.

use super::MAKE;
use crate::error::{Error, ErrorKind, Result};

/// # Errors
///
/// [`InvalidArgument`](ErrorKind::InvalidArgument).
pub(super) fn check(what: &str, url: &str, schemes: &[&str]) -> Result<()> {
    let refuse = |why: &str| {
        let message = format!("the {what} {url:?} is not a URL: {why}");
        Err(Error::new(ErrorKind::InvalidArgument, MAKE, message))
    };
    if url.chars().any(|c| c.is_control() || c.is_whitespace()) {
        return refuse("it has blanks or control characters");
    }
    let Some((scheme, rest)) = url.split_once("://") else {
        return refuse("it has no scheme");
    };
    if !schemes.iter().any(|known| known.eq_ignore_ascii_case(scheme)) {
        return refuse(&format!("the scheme is one of {}", schemes.join(", ")));
    }
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = authority.rsplit('@').next().unwrap_or_default();
    let (host, port) = match host.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, Some(port)),
        _ => (host, None),
    };
    if host.is_empty() {
        return refuse("it has no host");
    }
    if port.is_some_and(|port| port.parse::<u16>().is_err()) {
        return refuse("the port is not a number up to 65535");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_has_a_scheme_and_a_host() {
        let sound = |url| check("tracker", url, &["http", "udp"]).is_ok();
        for url in [
            "http://a",
            "HTTP://a/announce?x=1",
            "udp://127.0.0.1:80",
            "http://user:word@[::1]:80/a",
            "http://[::1]/",
        ] {
            assert!(sound(url), "{url}");
        }
        for url in [
            "",
            "a",
            "http:/a",
            "http://",
            "http:///a",
            "ftp://a",
            "http://a b",
            "http://a\r\nb",
            "http://:80",
            "http://a:port",
            "udp://a:65536",
        ] {
            assert!(!sound(url), "{url}");
        }
    }
}
