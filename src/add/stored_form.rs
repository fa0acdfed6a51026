//! The data that a store keeps of a torrent for libtorrent: the info dictionary, which never changes,
//! separate from the resume data, which is written often.

use std::sync::Arc;

use crate::sys::StoredRecord;

/// The data from which a torrent can be added again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StoredForm {
    /// `None` for a magnet link without metadata.
    pub(crate) info: Option<Arc<[u8]>>,
    /// The resume data without the info dictionary.
    pub(crate) resume_data: Arc<[u8]>,
}

impl From<StoredRecord> for StoredForm {
    fn from(StoredRecord { resume_data, info }: StoredRecord) -> Self {
        Self { info: (!info.is_empty()).then(|| info.into()), resume_data: resume_data.into() }
    }
}

/// Inserts the info dictionary, unless it is empty, into the dictionary of the resume data.
pub(crate) fn join(info: &[u8], resume_data: &[u8]) -> Vec<u8> {
    if info.is_empty() { resume_data.to_vec() } else { insert(b"info", info, resume_data) }
}

/// Inserts an encoded value into a dictionary, whose keys are sorted (BEP 3). Anything else is returned
/// unchanged.
pub(crate) fn insert(key: &[u8], value: &[u8], dictionary: &[u8]) -> Vec<u8> {
    let Some(place) = place_of(key, dictionary) else { return dictionary.to_vec() };
    let (before, after) = dictionary.split_at(place);
    [before, format!("{}:", key.len()).as_bytes(), key, value, after].concat()
}

/// Returns the position of the first key in a dictionary that is greater than this one.
fn place_of(key: &[u8], dictionary: &[u8]) -> Option<usize> {
    let mut place = (dictionary.first() == Some(&b'd')).then_some(1)?;
    while dictionary.get(place)? != &b'e' {
        let (found, value) = string(dictionary, place)?;
        if found > key {
            break;
        }
        place = skip(dictionary, value)?;
    }
    Some(place)
}

/// Returns the encoded value of a key of a dictionary.
pub(crate) fn find_in<'a>(dictionary: &'a [u8], key: &[u8]) -> Option<&'a [u8]> {
    let mut place = (dictionary.first() == Some(&b'd')).then_some(1)?;
    while dictionary.get(place)? != &b'e' {
        let (found, value) = string(dictionary, place)?;
        place = skip(dictionary, value)?;
        if found == key {
            return dictionary.get(value..place);
        }
    }
    None
}

/// Returns a string, or the strings of a list, if they are valid text.
pub(crate) fn strings(value: &[u8]) -> Vec<String> {
    let mut place = usize::from(value.first() == Some(&b'l'));
    let mut found = Vec::new();
    while let Some((text, end)) = string(value, place) {
        found.extend(String::from_utf8(text.to_vec()));
        place = end;
    }
    found
}

/// Returns the entries of a dictionary of strings whose keys are valid text.
pub(crate) fn pairs(dictionary: &[u8]) -> Vec<(String, &[u8])> {
    let mut found = Vec::new();
    if dictionary.first() != Some(&b'd') {
        return found;
    }
    let mut place = 1;
    while let Some((key, end)) = string(dictionary, place)
        && let Some((value, end)) = string(dictionary, end)
    {
        found.extend(String::from_utf8(key.to_vec()).map(|key| (key, value)));
        place = end;
    }
    found
}

/// Returns the string at this position, and where it ends.
fn string(bytes: &[u8], place: usize) -> Option<(&[u8], usize)> {
    let digits = bytes.get(place..)?.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let begin = place + digits + 1;
    let length = std::str::from_utf8(bytes.get(place..place + digits)?).ok()?.parse().ok()?;
    let end = begin.checked_add(length)?;
    Some((bytes.get(begin..end)?, end))
}

/// Returns whether this is an encoded dictionary and nothing else.
pub(crate) fn is_dictionary(bytes: &[u8]) -> bool {
    bytes.first() == Some(&b'd') && skip(bytes, 0) == Some(bytes.len())
}

/// Returns where the value at this position ends.
fn skip(bytes: &[u8], mut place: usize) -> Option<usize> {
    let mut depth = 0usize;
    loop {
        match bytes.get(place)? {
            b'i' => place += bytes.get(place..)?.iter().position(|byte| *byte == b'e')? + 1,
            b'l' | b'd' => {
                depth += 1;
                place += 1;
                continue;
            }
            b'e' => {
                depth = depth.checked_sub(1)?;
                place += 1;
            }
            _ => place = string(bytes, place)?.1,
        }
        if depth == 0 {
            return Some(place);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn joined(resume_data: &str) -> String {
        String::from_utf8(join(b"d4:name1:ne", resume_data.as_bytes())).unwrap()
    }

    #[test]
    fn the_info_dictionary_is_put_where_it_belongs() {
        assert_eq!(joined("de"), "d4:infod4:name1:nee");
        assert_eq!(joined("d1:ai1ee"), "d1:ai1e4:infod4:name1:nee");
        assert_eq!(joined("d4:infp0:e"), "d4:infod4:name1:ne4:infp0:e");
        let nested = "d1:ald1:bi-5e4:info2:xxeli0eee9:info-hash2:hhe";
        let expected = "d1:ald1:bi-5e4:info2:xxeli0eee4:infod4:name1:ne9:info-hash2:hhe";
        assert_eq!(joined(nested), expected);
    }

    #[test]
    fn values_are_found_by_their_keys() {
        let data = b"d1:al2:xx1:ye1:b3:one1:ci5ee";
        assert_eq!(find_in(data, b"a").map(strings).unwrap(), ["xx", "y"]);
        assert_eq!(find_in(data, b"b").map(strings).unwrap(), ["one"]);
        assert_eq!(find_in(data, b"c"), Some(&b"i5e"[..]));
        assert!(strings(b"i5e").is_empty() && find_in(data, b"d").is_none());
        assert!(find_in(b"d1:a", b"a").is_none() && find_in(b"", b"a").is_none());
    }

    #[test]
    fn the_entries_of_a_dictionary_of_strings_are_read() {
        let text = |key: &str| key.to_owned();
        assert_eq!(pairs(b"d0:1:x1:a0:e"), [(text(""), &b"x"[..]), (text("a"), b"")]);
        assert_eq!(pairs(b"d1:\xff1:x1:a1:ye"), [(text("a"), &b"y"[..])]);
        assert_eq!(pairs(b"d1:a1:x1:bi5e1:c1:ye"), [(text("a"), &b"x"[..])]);
        for none in [&b"de"[..], b"", b"i5e", b"d1:ae", b"d1:a9:xe", b"1:a1:b"] {
            assert!(pairs(none).is_empty(), "{none:?}");
        }
    }

    #[test]
    fn a_dictionary_is_one_as_a_whole() {
        for yes in [&b"de"[..], b"d1:ai5e1:bl1:xee"] {
            assert!(is_dictionary(yes), "{yes:?}");
        }
        for no in [&b""[..], b"d", b"le", b"d1:ai5e", b"dee", b"d1:ai5"] {
            assert!(!is_dictionary(no), "{no:?}");
        }
    }

    #[test]
    fn values_other_than_dictionaries_are_unchanged() {
        for wrong in ["", "i1e", "d", "d1:a", "d99999999999999999999:ae", "d1:ai1", "d1:aleee"] {
            let _ = joined(wrong);
        }
        assert_eq!(joined("i1e"), "i1e");
        assert_eq!(join(b"", b"d1:ai1ee"), b"d1:ai1ee");
    }
}
