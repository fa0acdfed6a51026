//! Checks which files of `src` use which: the chapters use `support`, but not each other.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{Context, Result, ensure};

/// The files of `src/support`. Each uses only files before it.
const SUPPORT: &[&str] = &[
    "text",
    "numbers",
    "failure",
    "fork",
    "guard",
    "arguments",
    "structs",
    "lists",
    "once",
    "table",
    "hashing",
    "handles",
    "replies",
    "thread",
];

/// Chapters that use an object of another chapter. The chapter that is used uses none.
const OBJECTS: &[(&str, &str)] = &[
    ("client", "ip_filter"),
    ("client", "settings"),
    ("events", "statistics"),
    ("events", "status"),
    ("files", "metainfo"),
    ("magnet", "metainfo"),
    ("maker", "metainfo"),
    ("patron", "add_options"),
    ("torrent_options", "add_options"),
    ("verifier", "metainfo"),
    ("whole_client", "ip_filter"),
    ("whole_client", "settings"),
];

/// The names of the files in `src` without ".rs", and their contents.
pub(crate) fn sources() -> Result<Vec<(String, String)>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = Vec::new();
    for (directory, prefix) in [(root.clone(), ""), (root.join("support"), "support/")] {
        for entry in std::fs::read_dir(directory)? {
            let path = entry?.path();
            if path.extension().is_some_and(|extension| extension == "rs") {
                let name = path.file_stem().and_then(|name| name.to_str()).context("a name")?;
                found.push((format!("{prefix}{name}"), std::fs::read_to_string(&path)?));
            }
        }
    }
    Ok(found)
}

/// The names behind `prefix` in the paths of a file.
fn uses<'a>(text: &'a str, prefix: &str) -> BTreeSet<&'a str> {
    let name = |rest: &'a str| rest.split(|c: char| !c.is_alphanumeric() && c != '_').next();
    text.split(prefix).skip(1).filter_map(name).filter(|name| !name.is_empty()).collect()
}

#[test]
fn chapters_use_what_supports_them_and_not_each_other() -> Result<()> {
    let mut used = BTreeSet::new();
    for (name, text) in sources()? {
        if let Some(name) = name.strip_prefix("support/") {
            // The tests in a file may use what they test.
            let code = text.split("#[cfg(test)]\nmod tests").next().unwrap_or_default();
            ensure!(!code.contains("crate::") || name == "numbers", "{name} uses a chapter");
            let place = SUPPORT.iter().position(|known| *known == name);
            ensure!(place.is_some() || name == "mod", "{name} has no place in the order");
            for other in uses(code, "super::") {
                let before = SUPPORT.iter().position(|known| *known == other);
                ensure!(before < place, "{name} uses {other}, which stands behind it");
            }
        } else if name != "lib" {
            ensure!(!text.contains("super::super"), "{name} reaches too far");
            for other in uses(&text, "crate::") {
                if other != "support" {
                    let known = OBJECTS.iter().find(|pair| **pair == (&*name, other));
                    used.insert(*known.with_context(|| format!("{name} uses {other}"))?);
                }
            }
        }
    }
    let listed: BTreeSet<_> = OBJECTS.iter().copied().collect();
    ensure!(used == listed, "no longer used: {:?}", listed.difference(&used));
    for (user, object) in OBJECTS {
        ensure!(OBJECTS.iter().all(|(other, _)| other != object), "{user} -> {object} goes on");
    }
    Ok(())
}
