//! Parses the common blocklist formats: P2P, DAT, and plain addresses, ranges and networks.

use std::io::{self, BufRead, Read};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::{Blocklist, IpRange};
use crate::error::{Error, ErrorKind, Result};

pub(super) const READ: &str = "read the blocklist";

const LONGEST_LINE: u64 = 4096;
const MOST_LINES: u32 = 10_000_000;
/// The largest unpacked size, in bytes: 100 for each line.
const MOST_BYTES: u64 = 1_000_000_000;

/// How many of the skipped lines are reported.
const NAMED: usize = 10;

/// DAT: ranges with a higher level are allowed.
const HIGHEST_BLOCKED: u32 = 127;

/// How to handle a line that is not a rule.
pub(super) enum Wrong {
    Refuse,
    Skip,
}

pub(super) fn read(input: impl BufRead, wrong: Wrong) -> Result<Blocklist> {
    let mut input = input;
    let start = input.fill_buf().map_err(|error| Error::io(READ, "its start", &error))?;
    match start {
        #[cfg(feature = "gzip")]
        [0x1f, 0x8b, ..] => {
            let unpacked = flate2::bufread::MultiGzDecoder::new(input).take(MOST_BYTES + 1);
            read_lines(&mut io::BufReader::new(unpacked), wrong)
        }
        #[cfg(not(feature = "gzip"))]
        [0x1f, 0x8b, ..] => {
            let message =
                "it is compressed by gzip; decompress it first, or build with the feature gzip";
            Err(Error::new(ErrorKind::Parse, READ, message))
        }
        [b'P', b'K', 3, 4, ..] => {
            let message = "it is compressed by zip; decompress it first";
            Err(Error::new(ErrorKind::Parse, READ, message))
        }
        _ => read_lines(&mut input, wrong),
    }
}

fn read_lines(input: &mut dyn BufRead, wrong: Wrong) -> Result<Blocklist> {
    let mut list = Blocklist::default();
    let mut allowed = 0;
    let mut bytes = Vec::new();
    let mut total = 0;
    for number in 1.. {
        bytes.clear();
        // One extra byte shows that the line is too long.
        let read = input.take(LONGEST_LINE + 1).read_until(b'\n', &mut bytes);
        let read = read.map_err(|error| unreadable(number, &error))?;
        if read == 0 {
            break;
        }
        let mut size = read as u64;
        let is_long = size > LONGEST_LINE;
        if is_long && bytes.last() != Some(&b'\n') {
            size += skip_line(input).map_err(|error| unreadable(number, &error))?;
        }
        total += size;
        if number > MOST_LINES {
            return Err(too_large(&format!("{MOST_LINES} lines")));
        }
        if total > MOST_BYTES {
            return Err(too_large(&format!("{MOST_BYTES} bytes")));
        }
        let text = bytes.strip_prefix(b"\xef\xbb\xbf").filter(|_| number == 1).unwrap_or(&bytes);
        let text = text.trim_ascii();
        if !is_long && (text.is_empty() || is_comment(text)) {
            continue;
        }
        match if is_long { Err(too_long()) } else { blocked(text) } {
            Ok(Some(range)) => list.filter.0.push(range),
            Ok(None) => allowed += 1,
            Err(error) => {
                let error = error.on(format!("line {number}"));
                match wrong {
                    Wrong::Refuse => return Err(error),
                    Wrong::Skip => {
                        list.skipped += 1;
                        if list.first_skipped.len() < NAMED {
                            list.first_skipped.push(error);
                        }
                    }
                }
            }
        }
    }
    if list.filter.0.is_empty() && allowed == 0 {
        // The first skipped line shows what the file contains instead.
        let why = list.first_skipped.first().map(|error| format!(": {}", error.message()));
        let message = format!("it has no rule{}", why.unwrap_or_default());
        return Err(Error::new(ErrorKind::Parse, READ, message));
    }
    Ok(list)
}

/// Skips to the end of the line and returns the number of bytes skipped.
fn skip_line(input: &mut dyn BufRead) -> io::Result<u64> {
    let mut skipped = 0;
    loop {
        let buffer = input.fill_buf()?;
        let end = buffer.iter().position(|byte| *byte == b'\n');
        let size = end.map_or(buffer.len(), |end| end + 1);
        input.consume(size);
        skipped += size as u64;
        if size == 0 || end.is_some() || skipped > MOST_BYTES {
            return Ok(skipped);
        }
    }
}

/// Converts an error. A file that cannot be decompressed is a parse error, not an I/O error.
fn unreadable(line: u32, error: &io::Error) -> Error {
    let at = format!("line {line}");
    match error.kind() {
        io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof => {
            Error::new(ErrorKind::Parse, READ, format!("the gzip data is damaged: {error}")).on(at)
        }
        _ => Error::io(READ, at, error),
    }
}

fn too_large(limit: &str) -> Error {
    Error::new(ErrorKind::Parse, READ, format!("it has more than {limit}"))
}

fn too_long() -> Error {
    Error::new(ErrorKind::Parse, READ, format!("it is longer than {LONGEST_LINE} bytes"))
}

/// Returns the range that a line blocks; `None` if it allows one.
fn blocked(text: &[u8]) -> Result<Option<IpRange>> {
    match rule(text).ok_or_else(|| unknown(text))? {
        Rule::Allow => Ok(None),
        Rule::Block(first, last) => {
            // Connections have IPv4 addresses, not those that IPv6 has for them.
            let (first, last) = match (first.to_canonical(), last.to_canonical()) {
                (IpAddr::V4(first), IpAddr::V4(last)) => (first.into(), last.into()),
                _ => (first, last),
            };
            IpRange::new(first, last)
                .map(Some)
                .map_err(|error| Error::new(ErrorKind::Parse, READ, error.message()))
        }
    }
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

/// Parses an address, a range or a network.
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

/// Parses a DAT line: `001.002.003.004 - 001.002.003.009 , 100 , a name`.
fn dat(text: &[u8]) -> Option<Rule> {
    let mut fields = text.splitn(3, |byte| *byte == b',');
    let (first, last) = range(fields.next()?)?;
    let level = number(fields.next()?)?;
    Some(if level > HIGHEST_BLOCKED { Rule::Allow } else { Rule::Block(first, last) })
}

/// Parses a P2P line: `a name:1.2.3.4-1.2.3.9`. Names may contain colons: an IPv4 range follows the last one.
/// An IPv6 range itself contains colons, so the longest suffix that is a range is used.
fn p2p(text: &[u8]) -> Option<(IpAddr, IpAddr)> {
    let colon = text.iter().rposition(|byte| *byte == b':')?;
    let after = |colon: usize| range(&text[colon + 1..]);
    after(colon).or_else(|| {
        let longest = text.len().saturating_sub(LONGEST_RANGE);
        (longest..colon).filter(|at| text[*at] == b':').find_map(after)
    })
}

/// The length of two addresses of eight groups, with some space around the dash. The limit bounds the work
/// for a line full of colons.
const LONGEST_RANGE: usize = 100;

/// Removes a remark: `1.2.3.0/24 ; a remark`.
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

/// Parses a decimal number, with or without leading zeros.
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
    use std::io::Write;

    use super::*;
    use crate::model::IpFilter;

    /// Returns the only range of a list.
    fn only(text: impl AsRef<[u8]>) -> String {
        let shown = String::from_utf8_lossy(text.as_ref()).into_owned();
        let filter = IpFilter::parse(text).unwrap_or_else(|error| panic!("{shown}: {error}"));
        let [range] = filter.ranges() else { panic!("{shown}: {filter:?}") };
        format!("{} {}", range.first(), range.last())
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
            ("::ffff:1.2.3.4-::ffff:1.2.3.9", "1.2.3.4 1.2.3.9"),
            ("::ffff:1.2.3.0/120", "1.2.3.0 1.2.3.255"),
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
    fn allowed_addresses_are_not_blocked() {
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
        refused("1.2.3.9-1.2.3.4", "line 1: 1.2.3.9 to 1.2.3.4 is not a range of addresses");
        refused("1.2.3.9-::1", "line 1: 1.2.3.9 to ::1 is not a range of addresses");
        refused("", "it has no rule");
        refused("# nothing\n\n", "it has no rule");
        refused(b"PK\x03\x04", "it is compressed by zip; decompress it first");
        refused(vec![b'#'; 4097], "line 1: it is longer than 4096 bytes");
        refused([&b"1.2.3.4\n"[..], &[b':'; 1 << 20]].concat(), "line 2: it is longer than 4096");
        assert_eq!(only([&[b'#'; 4095][..], b"\n1.2.3.4"].concat()), "1.2.3.4 1.2.3.4");
    }

    #[test]
    fn lines_that_are_not_rules_can_be_skipped() {
        let rules = "1.2.3.4\n".repeat(20);
        let long = "#".repeat(10_000);
        let text =
            format!("{rules}nonsense\r\n1.2.3.9-1.2.3.4\n{long}\n\n# a comment\n{rules}{long}");
        let list = IpFilter::parse_lenient(&text).unwrap();
        assert_eq!((list.filter.ranges().len(), list.skipped), (40, 4));
        let told: Vec<_> = list.first_skipped.iter().map(|error| error.message()).collect();
        assert!(told[0].starts_with("line 21: expected ADDRESS, "), "{told:?}");
        assert_eq!(told[1], "line 22: 1.2.3.9 to 1.2.3.4 is not a range of addresses");
        assert_eq!(told[2], "line 23: it is longer than 4096 bytes");
        assert_eq!(told[3], "line 46: it is longer than 4096 bytes");
        let many = IpFilter::parse_lenient(format!("1.2.3.4\n{}", "?\n".repeat(1000))).unwrap();
        assert_eq!((many.skipped, many.first_skipped.len()), (1000, 10));
        let page = IpFilter::parse_lenient("<html>\n<body>not found\n").unwrap_err().to_string();
        assert!(page.contains(r#"it has no rule: line 1: expected ADDRESS, "#), "{page}");
        assert!(IpFilter::parse_lenient("1.2.3.4 - 1.2.3.9 , 128 , good\n").is_ok());
    }

    #[cfg(not(feature = "gzip"))]
    #[test]
    fn without_gzip_a_compressed_list_is_named() {
        refused(b"\x1f\x8b\x08\0\0", "it is compressed by gzip; decompress it first");
    }

    #[cfg(feature = "gzip")]
    fn gzip(text: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    }

    #[cfg(feature = "gzip")]
    #[test]
    fn a_list_may_be_compressed_by_gzip() {
        refused(b"\x1f\x8b\x08\0\0", "line 1: the gzip data is damaged");
        let packed = [gzip(b"a name:1.2.3.4-1.2.3.9\n"), gzip(b"1.2.4.4\n")].concat();
        assert_eq!(IpFilter::parse(&packed).unwrap().ranges().len(), 2, "of several members");
        refused(gzip(b"1.2.3.4\nnonsense\n"), "line 2: expected");
        refused(&packed[..packed.len() - 9], "the gzip data is damaged");
        assert!(IpFilter::parse_lenient(&packed[..packed.len() - 9]).is_err(), "cut off");
    }

    #[cfg(feature = "gzip")]
    #[test]
    fn a_list_that_is_too_large_when_unpacked_is_refused() {
        // A gigabyte of comments, compressed to a thousandth of it.
        let part = gzip(&b"#234567\n".repeat(1 << 20));
        let bomb = part.repeat(1 + (MOST_BYTES >> 23) as usize);
        assert!((bomb.len() as u64) < MOST_BYTES / 100);
        refused(&bomb, "it has more than 10000000 lines");
        let part = gzip(&[b'#'; 1 << 23]);
        refused(part.repeat(1 + (MOST_BYTES >> 23) as usize), "it has more than 1000000000 bytes");
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

    /// Each line is made of parts of rules. If it parses, it must block exactly the stated range.
    #[test]
    fn every_line_is_a_rule_or_an_error() {
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
                assert!(filter.ranges().iter().all(|range| range.first() <= range.last()));
            }
        }
        assert!(read > 1000, "{read}");
    }
}
