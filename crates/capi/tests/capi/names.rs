//! Checks that names follow one rule, so that a reader knows what a function does or which constants
//! belong together.

use std::collections::BTreeSet;

use anyhow::{Result, ensure};

use crate::header::{functions, numbers, path};

#[test]
fn what_asks_is_named_get_and_what_reads_at_once_is_named_peek() {
    for function in functions() {
        let asks = function.parameters.iter().any(|parameter| parameter.kind == "patron_reply **");
        let name = &*function.name;
        assert!(asks || !name.starts_with("patron_get_"), "{name} gives no reply");
        assert!(!asks || !name.starts_with("patron_peek_"), "{name} gives a reply");
        assert!(!asks || !name.starts_with("patron_is_"), "{name} looks like a read at once");
    }
}

/// "PATRON_PEER_KIND_" for the kinds of peers.
fn common_prefix(constants: &[String]) -> &str {
    let first = &*constants[0];
    let is_common = |end: &usize| constants.iter().all(|other| other.starts_with(&first[..=*end]));
    let mut ends = first.match_indices('_').map(|(end, _)| end);
    ends.rfind(is_common).map_or("", |end| &first[..=end])
}

#[test]
fn no_prefix_of_constants_stands_for_two_enums() -> Result<()> {
    let header = std::fs::read_to_string(path())?;
    let all = header.lines().filter_map(|line| line.strip_prefix("#define ")?.split(' ').next());
    let all: BTreeSet<_> = all.filter(|name| name.starts_with("PATRON_")).collect();
    for enumeration in numbers()?.iter().filter(|numbers| numbers.constants.len() > 1) {
        let prefix = common_prefix(&enumeration.constants);
        ensure!(prefix != "PATRON_", "{} has no prefix of its own", enumeration.name);
        let own: BTreeSet<_> = enumeration.constants.iter().map(|name| &**name).collect();
        let with_prefix: BTreeSet<_> =
            all.iter().copied().filter(|name| name.starts_with(prefix)).collect();
        let strange: Vec<_> = with_prefix.difference(&own).collect();
        let known = ["PATRON_E_NULL", "PATRON_E_BAD_HANDLE", "PATRON_E_FORKED"];
        let strange: Vec<_> = strange.into_iter().filter(|name| !known.contains(name)).collect();
        ensure!(strange.is_empty(), "{prefix}* is {}, but not {strange:?}", enumeration.name);
    }
    Ok(())
}
