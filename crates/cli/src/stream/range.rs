//! Byte ranges in requests (RFC 9110, section 14).

use std::ops::Range;

/// The part of a file that a request asks for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    All,
    Part(Range<u64>),
    /// The range is beyond the end.
    Unsatisfiable,
}

/// Parses the header. What is not a range is ignored, as the RFC requires, and so are several ranges, as it
/// allows: then the whole file is sent.
pub(super) fn wanted(header: &str, size: u64) -> Wanted {
    let Some((unit, ranges)) = header.trim().split_once('=') else { return Wanted::All };
    if !unit.eq_ignore_ascii_case("bytes") {
        return Wanted::All;
    }
    if ranges.contains(',') {
        return Wanted::All;
    }
    let Some((first, last)) = ranges.trim().split_once('-') else { return Wanted::All };
    let number = |text: &str| match text.bytes().all(|byte| byte.is_ascii_digit()) {
        // A number that is too large is beyond the end.
        true => Some(text.parse::<u64>().unwrap_or(u64::MAX)),
        false => None,
    };
    let range = match (first, last) {
        ("", "") => return Wanted::All,
        ("", suffix) => number(suffix).map(|length| size.saturating_sub(length)..size),
        (first, "") => number(first).map(|first| first..size),
        (first, last) => match (number(first), number(last)) {
            (Some(first), Some(last)) if first <= last => {
                Some(first..size.min(last.saturating_add(1)))
            }
            _ => None,
        },
    };
    match range {
        None => Wanted::All,
        Some(range) if range.start >= range.end => Wanted::Unsatisfiable,
        Some(range) => Wanted::Part(range),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_range_is_a_part_of_the_file() {
        for (header, range) in [
            ("bytes=0-", 0..100),
            ("bytes=10-19", 10..20),
            ("bytes=99-99", 99..100),
            ("bytes=10-1000", 10..100),
            ("bytes=-1", 99..100),
            ("bytes=-1000", 0..100),
            ("bytes=0-99999999999999999999999", 0..100),
            (" bytes= 5-6 ", 5..7),
            ("BYTES=5-6", 5..7),
        ] {
            assert_eq!(wanted(header, 100), Wanted::Part(range), "{header}");
        }
    }

    #[test]
    fn unsatisfiable_ranges_are_refused() {
        for header in ["bytes=100-", "bytes=100-200", "bytes=-0", "bytes=99999999999999999999-"] {
            assert_eq!(wanted(header, 100), Wanted::Unsatisfiable, "{header}");
        }
        assert_eq!(wanted("bytes=0-", 0), Wanted::Unsatisfiable);
    }

    #[test]
    fn invalid_and_multiple_ranges_are_ignored() {
        for header in [
            "",
            "items=0-1",
            "bytes=",
            "bytes=-",
            "bytes=a-b",
            "bytes=5-1",
            "bytes=1",
            "bytes=+1-2",
            "bytes=0-1,5-6",
        ] {
            assert_eq!(wanted(header, 100), Wanted::All, "{header}");
        }
    }
}
