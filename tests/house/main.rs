//! Holds the code to the layering of the house: who may use whom, no circles, and `unsafe` in its
//! rooms alone. It reads the sources as text.

mod parity;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Each room of `src/` and the rooms that it may use. A room not listed fails the test.
const MAY_USE: &[(&str, &[&str])] = &[
    // Foundations.
    ("ffi", &[]),
    ("text", &[]),
    ("url", &["text"]),
    ("error", &["text"]),
    ("types", &["error"]),
    ("status", &["error", "types"]),
    ("file", &["types"]),
    ("piece", &["types"]),
    ("peer", &["types"]),
    ("tracker", &["error", "types"]),
    ("torrent", &["types"]),
    ("peer_class", &["ip_filter"]),
    ("port", &[]),
    ("ip_filter", &["error"]),
    ("settings", &["error", "ffi"]),
    ("proxy", &["error", "settings"]),
    ("statistics", &["ffi"]),
    // Reading and making torrents, on the caller's thread.
    ("metainfo", &["error", "ffi", "text", "types", "url"]),
    ("magnet", &["error", "ffi", "text", "types", "metainfo", "url"]),
    ("maker", &["error", "ffi", "metainfo", "reply", "url"]),
    (
        "source",
        &[
            "error", "ffi", "text", "types", "url", "file", "torrent", "settings", "proxy",
            "metainfo", "magnet",
        ],
    ),
    // Messages.
    ("reply", &["error"]),
    ("event", &["error", "types", "statistics", "status", "torrent", "port"]),
    (
        "request",
        &[
            "types",
            "file",
            "piece",
            "peer",
            "tracker",
            "torrent",
            "ip_filter",
            "peer_class",
            "port",
            "metainfo",
            "settings",
            "status",
        ],
    ),
    (
        "command",
        &["error", "types", "statistics", "status", "torrent", "source", "reply", "request"],
    ),
    ("mailbox", &["error", "types", "event"]),
    ("explain", &["text", "types", "event", "status", "torrent"]),
    // What patrons and the client thread share.
    (
        "service",
        &["error", "command", "event", "mailbox", "settings", "source", "statistics", "status"],
    ),
    // The handle: never the engine, never the client.
    (
        "patron",
        &[
            "error",
            "types",
            "status",
            "file",
            "piece",
            "peer",
            "tracker",
            "torrent",
            "ip_filter",
            "peer_class",
            "port",
            "settings",
            "metainfo",
            "source",
            "command",
            "event",
            "mailbox",
            "reply",
            "request",
            "service",
            "statistics",
            "url",
        ],
    ),
    // The C ABI, a user of the Rust one.
    (
        "capi",
        &[
            "error",
            "types",
            "statistics",
            "status",
            "file",
            "piece",
            "peer",
            "tracker",
            "torrent",
            "ip_filter",
            "peer_class",
            "port",
            "proxy",
            "settings",
            "metainfo",
            "magnet",
            "maker",
            "source",
            "reply",
            "event",
            "explain",
            "command",
            "patron",
            "client",
        ],
    ),
    // The owner: the engine by its trait; by name only where it is made.
    ("engine", &["error", "types", "event", "status", "port", "request"]),
    (
        "engine/native",
        &[
            "engine",
            "error",
            "text",
            "types",
            "event",
            "statistics",
            "status",
            "settings",
            "request",
            "file",
            "piece",
            "peer",
            "tracker",
            "torrent",
            "ip_filter",
            "peer_class",
            "port",
            "proxy",
            "metainfo",
            "ffi",
        ],
    ),
    (
        "client",
        &[
            "engine",
            "error",
            "types",
            "statistics",
            "status",
            "settings",
            "file",
            "torrent",
            "proxy",
            "source",
            "command",
            "event",
            "reply",
            "request",
            "service",
            "patron",
        ],
    ),
];

const MAY_BE_UNSAFE: &[&str] = &["ffi", "engine/native", "capi"];

fn sources() -> Vec<(String, String)> {
    fn collect(directory: &Path, found: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                collect(&path, found);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path);
            }
        }
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut paths = Vec::new();
    collect(&root, &mut paths);
    paths
        .into_iter()
        .map(|path| {
            let name = path.strip_prefix(&root).unwrap().with_extension("");
            (name.to_str().unwrap().replace('\\', "/"), std::fs::read_to_string(&path).unwrap())
        })
        .collect()
}

/// The room that a file belongs to; `None` for the roof and for what only tests see.
fn room(file: &str) -> Option<&str> {
    if file == "lib" || file.starts_with("bin/") || file == "client/tests" || file == "engine/fake"
    {
        return None;
    }
    let named = MAY_USE.iter().map(|(room, _)| *room).filter(|room| {
        file == *room || file.strip_prefix(*room).is_some_and(|rest| rest.starts_with('/'))
    });
    Some(named.max_by_key(|room| room.len()).unwrap_or_else(|| panic!("{file} is in no room")))
}

/// The code without its tests and comments.
fn code(text: &str) -> String {
    let before_tests = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
    let lines = before_tests.lines().filter(|line| !line.trim_start().starts_with("//"));
    lines.collect::<Vec<_>>().join("\n")
}

/// The rooms named as `crate::ROOM` and, inside a room of several files, as `super::`.
fn uses(file: &str, code: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for rest in code.split("crate::").skip(1) {
        let path: String =
            rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_' || *c == ':').collect();
        let mut parts = path.split("::");
        let first = parts.next().unwrap_or_default();
        let second = parts.next().unwrap_or_default();
        let nested = format!("{first}/{second}");
        let known = |room: &str| MAY_USE.iter().any(|(name, _)| *name == room);
        if known(&nested) {
            found.insert(nested);
        } else if known(first) {
            found.insert(first.to_owned());
        } else {
            // `pub(crate)` has no `::`; a type named from the roof hides where it lives.
            panic!("{file} names crate::{path}, which is no room");
        }
    }
    if file == "engine/native" {
        assert!(code.contains("use super::{Engine"), "native implements the trait of its room");
        found.insert("engine".to_owned());
    }
    found
}

fn edges() -> BTreeMap<String, BTreeSet<String>> {
    let mut edges: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (file, text) in sources() {
        let Some(room) = room(&file) else { continue };
        let mut used = uses(&file, &code(&text));
        used.remove(room);
        edges.entry(room.to_owned()).or_default().extend(used);
    }
    edges
}

#[test]
fn every_room_uses_only_what_it_may() {
    for (room, used) in edges() {
        let (_, allowed) = MAY_USE.iter().find(|(name, _)| *name == room).unwrap();
        for other in used {
            // The one place that makes the engine.
            if room == "client" && other == "engine/native" {
                continue;
            }
            assert!(allowed.contains(&&*other), "{room} uses {other}; see MAY_USE");
        }
    }
}

#[test]
fn the_engine_is_made_in_one_place() {
    let makers: Vec<_> = sources()
        .into_iter()
        .filter(|(file, text)| {
            file.starts_with("client") && code(text).contains("crate::engine::native")
        })
        .map(|(file, _)| file)
        .collect();
    assert_eq!(makers, ["client/builder"]);
}

#[test]
fn there_are_no_circles() {
    let edges = edges();
    for start in edges.keys() {
        let mut seen = BTreeSet::new();
        let mut open: Vec<_> = edges[start].iter().collect();
        while let Some(next) = open.pop() {
            assert!(next != start, "{start} uses itself by way of others");
            if seen.insert(next) {
                open.extend(edges.get(next).into_iter().flatten());
            }
        }
    }
}

#[test]
fn unsafe_code_stays_in_its_rooms_and_says_why_it_is_safe() {
    for (file, text) in sources() {
        let allowed = MAY_BE_UNSAFE.iter().any(|room| {
            file == *room || file.strip_prefix(room).is_some_and(|rest| rest.starts_with('/'))
        });
        let lines: Vec<_> = text.lines().collect();
        for (number, line) in lines.iter().enumerate() {
            let opens = ["unsafe {", "unsafe impl", "unsafe fn", "unsafe extern"];
            let is_code = !line.trim_start().starts_with("//");
            if !is_code || !opens.iter().any(|opening| line.contains(opening)) {
                continue;
            }
            assert!(allowed, "{file}:{}: unsafe outside its rooms", number + 1);
            // The block of cxx declares; the shim behind it is ours. What a C function asks of its
            // caller stands in the header. The last is a type.
            let declares =
                ["unsafe extern \"C++\"", "pub unsafe extern \"C\" fn", "unsafe extern \"C\" fn("];
            let documented = line.contains("unsafe fn")
                && lines[..number].iter().rev().take(8).any(|above| above.contains("# Safety"));
            let reason = documented
                || declares.iter().any(|declaration| line.contains(declaration))
                || lines[..number].iter().rev().take(3).any(|above| above.contains("SAFETY:"));
            assert!(reason, "{file}:{}: unsafe without a SAFETY line", number + 1);
        }
    }
}

/// `rust-version` is what the dependencies need, and no less. Asked of cargo, for this platform only:
/// the crates of others are not here.
#[test]
#[cfg(target_os = "linux")]
fn the_rust_version_is_the_highest_that_the_dependencies_need() {
    let platform = format!("{}-unknown-linux-gnu", std::env::consts::ARCH);
    let output = std::process::Command::new(env!("CARGO"))
        .args(["metadata", "--format-version=1", "--offline", "--locked"])
        .args(["--filter-platform", &platform])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let version = |package: &serde_json::Value| -> Option<Vec<u32>> {
        let text = package["rust_version"].as_str()?;
        Some(text.split('.').map(|part| part.parse().unwrap()).take(2).collect())
    };
    let packages = metadata["packages"].as_array().unwrap();
    let (ours, others): (Vec<_>, Vec<_>) =
        packages.iter().partition(|package| package["name"] == env!("CARGO_PKG_NAME"));
    let highest = others.iter().filter_map(|package| version(package)).max();
    assert_eq!(version(ours[0]), highest);
}
