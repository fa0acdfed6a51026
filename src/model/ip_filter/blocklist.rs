//! Blocklists as people exchange them: P2P, DAT, and plain addresses, ranges and networks.

use std::io::{BufRead, Read};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::IpFilter;
use crate::error::{Error, ErrorKind, Result};

pub(super) const READ: &str = "read the blocklist";

const LONGEST_LINE: u64 = 4096;
const MOST_LINES: u32 = 10_000_000;

/// DAT: those above this level are allowed.
const HIGHEST_BLOCKED: u32 = 127;

pub(super) fn read(input: &mut dyn BufRead) -> Result<IpFilter> {
    let mut filter = IpFilter::default();
    let mut has_rules = false;
    let mut bytes = Vec::new();
    for number in 1.. {
        bytes.clear();
        // One byte more tells that the line is too long.
        let read = input.take(LONGEST_LINE + 1).read_until(b'\n', &mut bytes);
        if read.map_err(|error| Error::io(READ, line(number), &error))? == 0 {
            break;
        }
        if number == 1 {
            refuse_compressed(&bytes)?;
        }
        if bytes.len() as u64 > LONGEST_LINE {
            let message = format!("it is longer than {LONGEST_LINE} bytes");
            return Err(Error::new(ErrorKind::Parse, READ, message).on(line(number)));
        }
        if number > MOST_LINES {
            let message = format!("it has more than {MOST_LINES} lines");
            return Err(Error::new(ErrorKind::Parse, READ, message));
        }
        let text = bytes.strip_prefix(b"\xef\xbb\xbf").filter(|_| number == 1).unwrap_or(&bytes);
        let text = text.trim_ascii();
        if text.is_empty() || is_comment(text) {
            continue;
        }
        has_rules = true;
        let rule = rule(text).ok_or_else(|| unknown(text).on(line(number)))?;
        if let Rule::Block(first, last) = rule {
            filter
                .block(first, last)
                .map_err(|error| Error::new(ErrorKind::Parse, READ, error.message()))
                .map_err(|error| error.on(line(number)))?;
        }
    }
    if !has_rules {
        return Err(Error::new(ErrorKind::Parse, READ, "it has no rule"));
    }
    Ok(filter)
}

fn line(number: u32) -> String {
    format!("line {number}")
}

fn refuse_compressed(start: &[u8]) -> Result<()> {
    let name = match start {
        [0x1f, 0x8b, ..] => "gzip",
        [b'P', b'K', 3, 4, ..] => "zip",
        _ => return Ok(()),
    };
    let message = format!("it is compressed by {name}; decompress it first");
    Err(Error::new(ErrorKind::Parse, READ, message))
}

fn unknown(text: &[u8]) -> Error {
    let shown: String = String::from_utf8_lossy(text).chars().take(60).collect();
    let message = format!(
        "expected ADDRESS, FIRST-LAST, NETWORK/BITS, NAME:FIRST-LAST or FIRST - LAST , LEVEL , NAME, \
         not {shown:?}"
    );
    Error::new(ErrorKind::Parse, READ, message)
}

fn is_comment(text: &[u8]) -> bool {
    matches!(text, [b'#' | b';', ..] | [b'/', b'/', ..])
}

enum Rule {
    Block(IpAddr, IpAddr),
    Allow,
}

fn rule(text: &[u8]) -> Option<Rule> {
    let block = |(first, last)| Rule::Block(first, last);
    plain(text)
        .map(block)
        .or_else(|| dat(text))
        .or_else(|| p2p(text).map(block))
        .or_else(|| plain(without_remark(text)).map(block))
}

/// An address, a range or a network.
fn plain(text: &[u8]) -> Option<(IpAddr, IpAddr)> {
    range(text)
        .or_else(|| network(text))
        .or_else(|| address(text).map(|address| (address, address)))
}

fn range(text: &[u8]) -> Option<(IpAddr, IpAddr)> {
    let dash = text.iter().rposition(|byte| *byte == b'-')?;
    Some((address(&text[..dash])?, address(&text[dash + 1..])?))
}

fn network(text: &[u8]) -> Option<(IpAddr, IpAddr)> {
    let slash = text.iter().rposition(|byte| *byte == b'/')?;
    let bits = number(&text[slash + 1..])?;
    match address(&text[..slash])? {
        IpAddr::V4(address) => {
            let hosts = u32::MAX.checked_shr(bits).unwrap_or(0);
            let first = address.to_bits() & !hosts;
            let ends = (Ipv4Addr::from_bits(first), Ipv4Addr::from_bits(first | hosts));
            (bits <= 32).then_some((ends.0.into(), ends.1.into()))
        }
        IpAddr::V6(address) => {
            let hosts = u128::MAX.checked_shr(bits).unwrap_or(0);
            let first = address.to_bits() & !hosts;
            let ends = (Ipv6Addr::from_bits(first), Ipv6Addr::from_bits(first | hosts));
            (bits <= 128).then_some((ends.0.into(), ends.1.into()))
        }
    }
}

/// `001.002.003.004 - 001.002.003.009 , 100 , a name`.
fn dat(text: &[u8]) -> Option<Rule> {
    let mut fields = text.splitn(3, |byte| *byte == b',');
    let (first, last) = range(fields.next()?)?;
    let level = number(fields.next()?)?;
    Some(if level > HIGHEST_BLOCKED { Rule::Allow } else { Rule::Block(first, last) })
}

/// `a name:1.2.3.4-1.2.3.9`. Names have colons too: of IPv4 the range is what follows the last one.
/// IPv6 has its own, so that the longest text that is a range counts.
fn p2p(text: &[u8]) -> Option<(IpAddr, IpAddr)> {
    let colon = text.iter().rposition(|byte| *byte == b':')?;
    let after = |colon: usize| range(&text[colon + 1..]);
    after(colon).or_else(|| {
        let longest = text.len().saturating_sub(LONGEST_RANGE);
        (longest..colon).filter(|at| text[*at] == b':').find_map(after)
    })
}

/// Two addresses of eight groups with some space around the dash: no range is longer, and a line of
/// colons costs no more than that.
const LONGEST_RANGE: usize = 100;

/// `1.2.3.0/24 ; a remark`.
fn without_remark(text: &[u8]) -> &[u8] {
    let begins = |at: &usize| text[*at].is_ascii_whitespace() && is_comment(&text[at + 1..]);
    let end = (0..text.len()).find(begins).unwrap_or(0);
    &text[..end]
}

fn address(text: &[u8]) -> Option<IpAddr> {
    let text = text.trim_ascii();
    if text.contains(&b':') {
        let text = str::from_utf8(text).ok()?;
        return text.parse::<Ipv6Addr>().ok().map(IpAddr::V6);
    }
    let mut octets = [0; 4];
    let mut parts = text.split(|byte| *byte == b'.');
    for octet in &mut octets {
        *octet = u8::try_from(number(parts.next()?)?).ok()?;
    }
    parts.next().is_none().then_some(IpAddr::V4(octets.into()))
}

/// Decimal, with zeros in front or without.
fn number(text: &[u8]) -> Option<u32> {
    let digits = text.trim_ascii();
    if digits.is_empty() || digits.len() > 4 {
        return None;
    }
    digits.iter().try_fold(0, |value, byte| {
        byte.is_ascii_digit().then(|| value * 10 + u32::from(byte - b'0'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The only range of a list.
    fn only(text: impl AsRef<[u8]>) -> String {
        let shown = String::from_utf8_lossy(text.as_ref()).into_owned();
        let filter = IpFilter::parse(text).unwrap_or_else(|error| panic!("{shown}: {error}"));
        let [range] = filter.ranges() else { panic!("{shown}: {filter:?}") };
        format!("{} {}", range.first, range.last)
    }

    #[track_caller]
    fn refused(text: impl AsRef<[u8]>, why: &str) {
        let error = IpFilter::parse(text).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Parse);
        assert!(error.to_string().contains(why), "{error}");
    }

    #[test]
    fn every_form_is_read() {
        for (text, range) in [
            ("some name:1.2.3.4-1.2.3.9", "1.2.3.4 1.2.3.9"),
            ("a: b-c, d:1.2.3.4-1.2.3.9", "1.2.3.4 1.2.3.9"),
            ("1.2.3.4-1.2.3.5:1.2.3.4-1.2.3.9", "1.2.3.4 1.2.3.9"),
            (":1.2.3.4-1.2.3.9\r\n", "1.2.3.4 1.2.3.9"),
            ("some name:2001:db8::1-2001:db8::ff", "2001:db8::1 2001:db8::ff"),
            ("001.002.003.004 - 001.002.003.009 , 100 , a, name", "1.2.3.4 1.2.3.9"),
            ("1.2.3.4-1.2.3.9,127,", "1.2.3.4 1.2.3.9"),
            ("1.2.3.4-1.2.3.9,000", "1.2.3.4 1.2.3.9"),
            ("1.2.3.4", "1.2.3.4 1.2.3.4"),
            ("010.020.030.099", "10.20.30.99 10.20.30.99"),
            ("  1.2.3.4\t-\t1.2.3.9  ", "1.2.3.4 1.2.3.9"),
            ("\u{feff}1.2.3.4", "1.2.3.4 1.2.3.4"),
            ("1.2.3.4/24", "1.2.3.0 1.2.3.255"),
            ("1.2.3.4/32", "1.2.3.4 1.2.3.4"),
            ("1.2.3.4/0", "0.0.0.0 255.255.255.255"),
            ("1.2.3.0/24 ; a remark", "1.2.3.0 1.2.3.255"),
            ("1.2.3.4 - 1.2.3.9 # a remark", "1.2.3.4 1.2.3.9"),
            ("2001:db8::1", "2001:db8::1 2001:db8::1"),
            ("2001:db8::1 - 2001:db8::ff", "2001:db8::1 2001:db8::ff"),
            ("::ffff:1.2.3.4-::ffff:1.2.3.9", "::ffff:1.2.3.4 ::ffff:1.2.3.9"),
            ("2001:db8::/32", "2001:db8:: 2001:db8:ffff:ffff:ffff:ffff:ffff:ffff"),
            ("::/0", ":: ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
            ("::1/128", "::1 ::1"),
        ] {
            assert_eq!(only(text), range, "{text}");
        }
        assert_eq!(only(b"caf\xe9:1.2.3.4-1.2.3.9"), "1.2.3.4 1.2.3.9");
    }

    #[test]
    fn comments_and_empty_lines_are_skipped() {
        assert_eq!(only("# a\r\n\r\n// b\n  ; c:1.2.3.4-1.2.3.9\n1.2.3.4"), "1.2.3.4 1.2.3.4");
    }

    #[test]
    fn what_is_allowed_is_not_blocked() {
        let text = "1.2.3.4 - 1.2.3.9 , 128 , good\n1.2.3.4 - 1.2.3.9 , 255 , better\n";
        assert!(IpFilter::parse(text).unwrap().ranges().is_empty());
    }

    #[test]
    fn nonsense_is_refused_with_its_line() {
        for wrong in [
            "1.2.3",
            "1.2.3.4.5",
            "1.2.3.256",
            "1.2..4",
            "1.2.3.4-",
            "-1.2.3.4",
            "1.2.3.4/33",
            "1.2.3.4/",
            "::/129",
            "0x1.2.3.4",
            "a name",
            "a name:1.2.3.4",
            "1.2.3.4-1.2.3.9,high,a name",
            "1.2.3.4-1.2.3.9 a name",
            "1.2.3.4 a name",
            "1.2.3.4 1.2.3.9",
            "\u{663}.2.3.4",
        ] {
            refused(format!("1.2.3.4\n{wrong}\n"), "line 2: expected ADDRESS, ");
        }
        refused("1.2.3.4\n\nan \x1b[31m unseemly line\n", "line 3: expected");
        refused("an \x1b[31m unseemly line\n", r#", not "an \u{1b}[31m unseemly line""#);
        refused("1.2.3.9-1.2.3.4", "line 1: 1.2.3.9 to 1.2.3.4 is no range of addresses");
        refused("1.2.3.9-::1", "line 1: 1.2.3.9 to ::1 is no range of addresses");
        refused("", "it has no rule");
        refused("# nothing\n\n", "it has no rule");
        refused(b"\x1f\x8b\x08\0\0", "it is compressed by gzip; decompress it first");
        refused(b"PK\x03\x04", "it is compressed by zip; decompress it first");
        refused(vec![b'#'; 4097], "line 1: it is longer than 4096 bytes");
        refused([&b"1.2.3.4\n"[..], &[b':'; 1 << 20]].concat(), "line 2: it is longer than 4096");
        assert_eq!(only([&[b'#'; 4095][..], b"\n1.2.3.4"].concat()), "1.2.3.4 1.2.3.4");
    }

    #[test]
    fn an_error_names_the_file() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("list.p2p");
        let missing = IpFilter::read(&path).unwrap_err();
        assert_eq!(missing.kind(), ErrorKind::Io);
        assert!(missing.to_string().contains("list.p2p: No such file"), "{missing}");
        assert_eq!(IpFilter::read(dir.path()).unwrap_err().kind(), ErrorKind::Io);
        std::fs::write(&path, "1.2.3.4\nnonsense\n").unwrap();
        let error = IpFilter::read(&path).unwrap_err().to_string();
        let start = format!("cannot read the blocklist: {}: line 2: expected ", path.display());
        assert!(error.starts_with(&start), "{error}");
        std::fs::write(&path, "1.2.3.4\n").unwrap();
        assert!(IpFilter::read(&path).unwrap().blocks("1.2.3.4".parse().unwrap()));
    }

    /// Lines out of what rules are made of; what of them is a rule is what it says.
    #[test]
    fn whatever_is_in_a_line_it_is_a_rule_or_an_error() {
        const PARTS: [&[u8]; 20] = [
            b"1.2.3.4",
            b"001",
            b"255",
            b".",
            b":",
            b"::",
            b"-",
            b"/",
            b",",
            b" ",
            b"#",
            b";",
            b"name",
            b"2001:db8",
            b"ffff",
            b"\xff",
            b"99999999999",
            b"\0",
            b"/32",
            b"1.2.3.9",
        ];
        let mut state = 1u64;
        let mut chance = move |below: usize| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state % below as u64) as usize
        };
        let mut read = 0;
        for _ in 0..200_000 {
            let text: Vec<u8> = (0..chance(9)).flat_map(|_| PARTS[chance(20)]).copied().collect();
            if let Ok(filter) = IpFilter::parse(&text) {
                read += filter.ranges().len();
                assert!(filter.ranges().iter().all(|range| range.first <= range.last));
            }
        }
        assert!(read > 1000, "{read}");
    }
}
