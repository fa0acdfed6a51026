//! Compares the C ABI with the Rust API.

use std::collections::BTreeSet;
use std::path::Path;

/// The methods of `Patron` whose counterpart has another name than `patron_METHOD`, `patron_get_METHOD` or
/// `patron_peek_METHOD`.
const OTHERS: &[(&str, &str)] = &[
    ("changes_since", "patron_snapshot_changes_since"),
    ("events", "patron_next_event"),
    ("fresh_status", "patron_get_status"),
    ("is_stopped", "patron_next_event"),
    ("notify", "patron_reply_notify"),
    ("options", "patron_get_torrent_options"),
    ("reader", "patron_reader_open"),
    ("reader_with", "patron_reader_open"),
    ("ready_channel", "patron_event_fd"),
    ("ready_descriptor", "patron_event_fd"),
    ("recv", "patron_next_event"),
    ("recv_timeout", "patron_next_event"),
    ("recv_until", "patron_next_event"),
    ("send_tagged", "patron_send"),
    ("set_limits", "patron_set_upload_limit"),
    ("statuses", "patron_snapshot_take"),
    ("stream", "patron_event_fd"),
    ("torrents", "patron_snapshot_take"),
    ("try_recv", "patron_next_event"),
    ("try_send", "patron_send"),
    ("try_send_tagged", "patron_send"),
    ("wake_channel", "patron_set_wake"),
];

#[test]
fn every_method_of_a_patron_has_a_counterpart() {
    let exports: BTreeSet<_> = include_str!("exports.txt").lines().collect();
    let methods = methods();
    assert!(methods.len() > 100, "{methods:?}");
    let has = |name: &str| exports.contains(name);
    let verbs = ["", "get_", "peek_"];
    let alike = |method: &str| verbs.iter().any(|verb| has(&format!("patron_{verb}{method}")));
    let listed: BTreeSet<_> = OTHERS.iter().map(|(method, _)| (*method).to_owned()).collect();
    let others: BTreeSet<_> = methods.iter().filter(|method| !alike(method)).cloned().collect();
    assert_eq!(others, listed, "methods without a counterpart, and those of the table");
    let unknown: Vec<_> = OTHERS.iter().filter(|(_, function)| !has(function)).collect();
    assert!(unknown.is_empty(), "{unknown:?}");
}

/// The public methods of `Patron`.
fn methods() -> BTreeSet<String> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../src/patron");
    let mut methods = BTreeSet::new();
    for file in std::fs::read_dir(directory).unwrap() {
        let text = std::fs::read_to_string(file.unwrap().path()).unwrap();
        for block in text.split("\nimpl Patron {\n").skip(1) {
            let block = block.split("\n}\n").next().unwrap();
            let names = block.lines().filter_map(|line| line.strip_prefix("    pub fn "));
            methods.extend(names.map(|line| line.split(['(', '<']).next().unwrap().to_owned()));
        }
    }
    methods
}
