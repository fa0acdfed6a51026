//! Checks the exported symbols and the names of the shared object.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::Command;

use crate::header::{functions, root};
use crate::library::{output, shared};
use crate::support::report_skipped;

fn recorded() -> PathBuf {
    root().join("crates/capi/tests/capi/exports.txt")
}

fn exports() -> BTreeSet<String> {
    let mut nm = Command::new("nm");
    // ld sometimes leaves a local symbol there, which nobody can link with.
    let exported = ["-D", "--defined-only", "--extern-only"];
    let text = output(nm.args(exported).arg(shared().shared_object()));
    // The version node has a symbol of its own.
    let names = text.lines().filter(|line| !line.contains(" A "));
    let names = names.filter_map(|line| line.split_whitespace().nth(2)?.split('@').next());
    names.map(str::to_owned).collect()
}

#[test]
fn the_shared_object_exports_the_functions_of_the_header_alone() {
    let declared: BTreeSet<_> = functions().into_iter().map(|function| function.name).collect();
    let exports = exports();
    let odd: Vec<_> = exports.symmetric_difference(&declared).collect();
    assert!(odd.is_empty(), "exported or declared, but not both: {odd:?}");
    assert!(declared.len() > 100 && declared.iter().all(|name| name.starts_with("patron_")));
}

#[test]
fn every_added_or_removed_function_is_recorded() {
    let text = std::fs::read_to_string(recorded()).unwrap_or_default();
    let known: BTreeSet<_> = text.lines().map(str::to_owned).collect();
    let exports = exports();
    let gone: Vec<_> = known.difference(&exports).collect();
    assert!(gone.is_empty(), "programs in the field call these, and they are gone: {gone:?}");
    let new: Vec<_> = exports.difference(&known).map(String::as_str).collect();
    if !new.is_empty() && std::env::var_os("PATRON_WRITE_EXPORTS").is_some() {
        std::fs::write(recorded(), text + &new.join("\n") + "\n").unwrap();
        return;
    }
    assert!(
        new.is_empty(),
        "{new:?}: once released, a function stays; to record these, run \
         PATRON_WRITE_EXPORTS=1 cargo test -p torrent-patron-capi --test capi symbols"
    );
}

#[test]
fn versions_agree() {
    let version = env!("CARGO_PKG_VERSION");
    let (abi, _) = version.rsplit_once('.').unwrap();
    let mut readelf = Command::new("readelf");
    let text = output(readelf.arg("-d").arg(shared().shared_object()));
    let soname = format!("Library soname: [libtorrent_patron.so.{abi}]");
    assert!(text.contains(&soname), "no {soname} in {text}");
    assert!(text.contains("NODELETE"), "dlclose() could unload it: {text}");
    assert_eq!(shared().pkg_config(&["--modversion"]), [version]);
    let mut nm = Command::new("nm");
    let text = output(nm.args(["-D", "--defined-only"]).arg(shared().shared_object()));
    assert!(text.contains(&format!(" patron_version@@PATRON_{abi}\n")), "{text}");
    // patron_version() is compared with the header by tests/c/data.c.
    let header = std::fs::read_to_string(shared().header()).unwrap();
    let numbers = ["MAJOR", "MINOR", "PATCH"].map(|part| {
        let define = format!("#define PATRON_VERSION_{part} ");
        let (_, rest) = header.split_once(&define).unwrap();
        rest.lines().next().unwrap().to_owned()
    });
    assert_eq!(numbers.join("."), version);
}

/// `cargo cinstall` is another way to install the same files. CI does not build cargo-c.
#[test]
fn cargo_c_installs_the_same_functions() {
    let installed = Command::new(env!("CARGO")).args(["cinstall", "--version"]).output();
    if !installed.is_ok_and(|output| output.status.success()) {
        return report_skipped("cargo_c_installs_the_same_functions", "cargo-c is not installed");
    }
    let dir = tempfile::tempdir().unwrap();
    let mut command = Command::new(env!("CARGO"));
    command.args(["cinstall", "--locked", "--profile", "dev", "-p", "torrent-patron-capi"]);
    command.arg("--prefix").arg(dir.path()).arg("--libdir=lib");
    output(command.env("CARGO_TARGET_DIR", dir.path().join("target")));
    let mut nm = Command::new("nm");
    let object = dir.path().join("lib/libtorrent_patron.so");
    let text = output(nm.args(["-D", "--defined-only"]).arg(object));
    for name in exports() {
        assert!(text.contains(&format!(" T {name}\n")), "{name} is missing");
    }
}
