//! `--select`: selects the files of a torrent to download.

use std::path::Path;

use torrent_patron::file::Priority;

use crate::Result;

/// A file by its index, as shown by `info`, or files by a pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Selection {
    File(usize),
    Pattern(String),
}

impl std::str::FromStr for Selection {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.is_empty() {
            return Err("expected a file index, as shown by `info`, or a pattern".into());
        }
        if text.bytes().all(|byte| byte.is_ascii_digit()) {
            return text.parse().map(Self::File).map_err(|error| error.to_string());
        }
        Ok(Self::Pattern(text.into()))
    }
}

impl Selection {
    /// Returns whether a file is selected. A pattern with a slash matches the whole path, otherwise the name.
    fn has(&self, index: usize, path: &Path) -> bool {
        match self {
            Self::File(number) => *number == index,
            Self::Pattern(pattern) => {
                let whole = pattern.contains('/').then_some(path.as_os_str());
                let text = whole.or_else(|| path.file_name()).unwrap_or_default();
                matches(pattern, &text.to_string_lossy())
            }
        }
    }
}

/// Returns the priority of each file: selected files are downloaded, the others are skipped.
pub(crate) fn priorities<'a>(
    selections: &[Selection],
    files: impl ExactSizeIterator<Item = (&'a Path, bool)>,
) -> Result<Vec<Priority>> {
    let count = files.len();
    if let Some(number) = selections.iter().find_map(|selection| match selection {
        Selection::File(number) if *number >= count => Some(number),
        _ => None,
    }) {
        return Err(format!("--select {number}: valid indexes are 0 to {}", count - 1).into());
    }
    let wanted: Vec<_> = files
        .enumerate()
        .map(|(index, (path, pad))| {
            let chosen = !pad && selections.iter().any(|selection| selection.has(index, path));
            if chosen { Priority::DEFAULT } else { Priority::SKIP }
        })
        .collect();
    if wanted.iter().all(|priority| *priority == Priority::SKIP) {
        return Err("no file is selected: nothing matches --select".into());
    }
    Ok(wanted)
}

/// Matches `*` with any text and `?` with any single character. After a mismatch, the last `*` takes one more
/// character.
fn matches(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) =
        (pattern.chars().collect(), text.chars().collect());
    let (mut at, mut place) = (0, 0);
    let mut star = None;
    while place < text.len() {
        match pattern.get(at) {
            Some('*') => {
                star = Some((at, place));
                at += 1;
            }
            Some(c) if *c == '?' || *c == text[place] => {
                at += 1;
                place += 1;
            }
            _ => {
                let Some((before, taken)) = star else { return false };
                star = Some((before, taken + 1));
                (at, place) = (before + 1, taken + 1);
            }
        }
    }
    pattern[at..].iter().all(|c| *c == '*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_as_in_a_shell() {
        for (pattern, text) in [
            ("*", ""),
            ("*.mkv", "film.mkv"),
            ("*.mkv", ".mkv.mkv"),
            ("f?lm*", "film"),
            ("*a*b*c", "xxaxbxbxc"),
            ("ĉ?*", "ĉ☂"),
            ("more/*", "more/deep/two.bin"),
        ] {
            assert!(matches(pattern, text), "{pattern} {text}");
        }
        for (pattern, text) in [
            ("", "a"),
            ("?", ""),
            ("*.mkv", "film.mkv2"),
            ("a*b", "ab c"),
            ("A", "a"),
            ("[ab]", "a"),
        ] {
            assert!(!matches(pattern, text), "{pattern} {text}");
        }
        assert!(!matches(&"*a".repeat(50), &"a".repeat(49)), "it ends");
    }

    #[test]
    fn files_are_selected_by_number_name_and_path() {
        let files =
            [("album/one.bin", false), ("album/.pad/9", true), ("album/more/two.bin", false)];
        let levels = |selections: &[&str]| {
            let selections: Vec<_> = selections.iter().map(|text| text.parse().unwrap()).collect();
            let files = files.iter().map(|(path, pad)| (Path::new(path), *pad));
            let wanted = priorities(&selections, files).map_err(|error| error.to_string())?;
            Ok::<_, String>(wanted.iter().map(|priority| priority.level()).collect::<Vec<_>>())
        };
        assert_eq!(levels(&["0"]).unwrap(), [4, 0, 0]);
        assert_eq!(levels(&["two*"]).unwrap(), [0, 0, 4]);
        assert_eq!(levels(&["*/more/*"]).unwrap(), [0, 0, 4]);
        assert_eq!(levels(&["*"]).unwrap(), [4, 0, 4]);
        assert_eq!(levels(&["2", "one.bin"]).unwrap(), [4, 0, 4]);
        assert!(levels(&["3"]).unwrap_err().contains("--select 3: valid indexes are 0 to 2"));
        assert!(levels(&["1"]).unwrap_err().contains("no file is selected"));
        assert!(levels(&["*.mkv"]).is_err());
    }
}
