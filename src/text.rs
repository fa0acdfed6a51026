//! Makes text from strangers safe to show.

use std::borrow::Cow;
use std::fmt::Write;

/// The maximum length of text from a stranger, in bytes of UTF-8; longer text is cut.
pub const MAX_TEXT: usize = 4096;

/// Returns a text with its control characters made visible, cut to [`MAX_TEXT`] bytes.
///
/// Characters that move the cursor, change the writing direction, break a line or are invisible are
/// written as escapes, as in a Rust string: `\n`, `\u{1b}`, `\u{202e}`. These are the C0 and C1
/// control characters, DEL, the line and paragraph separators, and the invisible format characters:
/// bidirectional controls, zero-width characters, the byte order mark, tags. A text that was cut
/// ends in `…`.
///
/// Names, comments, tracker messages, names of peers' clients, and all errors from this crate are
/// in this form. Paths are not, because a file is found only by its exact name; use this function
/// to show one.
///
/// ```
/// assert_eq!(torrent_patron::text::printable("caf\u{e9}\u{202e}gpj.exe"), "caf\u{e9}\\u{202e}gpj.exe");
/// ```
pub fn printable(text: &str) -> Cow<'_, str> {
    let is_plain = |byte: u8| matches!(byte, b' '..=b'~');
    if text.len() <= MAX_TEXT && (text.bytes().all(is_plain) || !text.contains(is_hidden)) {
        return Cow::Borrowed(text);
    }
    const CUT: &str = "…";
    let mut shown = String::new();
    // Where the text ends if the rest is too long.
    let mut end = 0;
    for c in text.chars() {
        if is_hidden(c) {
            let _ = write!(shown, "{}", c.escape_default());
        } else {
            shown.push(c);
        }
        if shown.len() > MAX_TEXT {
            shown.truncate(end);
            shown.push_str(CUT);
            break;
        }
        if shown.len() <= MAX_TEXT - CUT.len() {
            end = shown.len();
        }
    }
    Cow::Owned(shown)
}

/// Returns whether a character is invisible or a control character.
pub(crate) fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{ad}'
                | '\u{61c}'
                | '\u{180e}'
                | '\u{200b}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{feff}'
                | '\u{fff9}'..='\u{fffb}'
                | '\u{e0000}'..='\u{e007f}'
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn invisible_characters_are_escaped() {
        for (hidden, shown) in [
            ("\n", r"\n"),
            ("\r\t", r"\r\t"),
            ("\0", r"\u{0}"),
            ("\u{7}", r"\u{7}"),
            ("\u{1b}[31m", r"\u{1b}[31m"),
            ("\u{7f}", r"\u{7f}"),
            ("\u{85}", r"\u{85}"),
            ("\u{9b}", r"\u{9b}"),
            ("\u{ad}", r"\u{ad}"),
            ("\u{61c}", r"\u{61c}"),
            ("\u{200b}\u{200f}", r"\u{200b}\u{200f}"),
            ("\u{2028}\u{2029}", r"\u{2028}\u{2029}"),
            ("\u{202a}\u{202e}", r"\u{202a}\u{202e}"),
            ("\u{2060}\u{2064}", r"\u{2060}\u{2064}"),
            ("\u{2066}\u{2069}", r"\u{2066}\u{2069}"),
            ("\u{feff}", r"\u{feff}"),
            ("\u{fff9}", r"\u{fff9}"),
            ("\u{e0001}\u{e007f}", r"\u{e0001}\u{e007f}"),
        ] {
            assert_eq!(printable(&format!("a{hidden}b")), format!("a{shown}b"));
        }
    }

    #[test]
    fn printable_text_is_unchanged() {
        for text in ["", "a b", "Größe", "日本語\u{3000}名", "עברית", "🎬", r"\u{202e}", "e\u{301}"]
        {
            assert!(matches!(printable(text), Cow::Borrowed(same) if same == text), "{text}");
        }
    }

    #[test]
    fn a_long_text_is_cut_at_a_character() {
        assert_eq!(printable(&"x".repeat(MAX_TEXT)).len(), MAX_TEXT);
        for part in ["x", "é", "日", "🎬", "\u{202e}", "\n"] {
            let cut = printable(&part.repeat(500_000)).into_owned();
            assert!(cut.len() <= MAX_TEXT && cut.len() > MAX_TEXT - 16, "{part:?}: {}", cut.len());
            let whole = cut.strip_suffix('…').unwrap();
            assert_eq!(whole.replace(&*printable(part), ""), "", "{part:?}");
            assert_eq!(printable(&cut), cut, "once is enough");
        }
    }
}
