//! The C++ shim is compiled once for all sets of features.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::SystemTime;

/// The objects of the shim below a build directory, and when each was written.
fn objects(build: &Path) -> BTreeMap<PathBuf, SystemTime> {
    let list = |directory: &Path| {
        let entries = std::fs::read_dir(directory).unwrap();
        entries.map(|entry| entry.unwrap().path()).collect::<Vec<_>>()
    };
    let shims = list(build).into_iter().filter(|directory| {
        directory
            .file_name()
            .is_some_and(|name| name.to_string_lossy().starts_with("torrent-patron-shim-"))
    });
    let files = shims.flat_map(|shim| list(&shim));
    files
        .filter(|file| file.extension().is_some_and(|extension| extension == "o"))
        .map(|file| {
            let written = std::fs::metadata(&file).unwrap().modified().unwrap();
            (file, written)
        })
        .collect()
}

#[test]
fn another_set_of_features_does_not_compile_it_again() {
    // target/debug/deps/house-HASH
    let program = std::env::current_exe().unwrap();
    let build = program.ancestors().nth(2).unwrap().join("build");
    let before = objects(&build);
    assert!(before.len() > 50, "{before:#?}");
    let mut cargo = Command::new(env!("CARGO"));
    cargo.current_dir(env!("CARGO_MANIFEST_DIR"));
    cargo.args(["check", "--package", env!("CARGO_PKG_NAME"), "--lib", "--offline"]);
    if cfg!(feature = "vendored-plain") {
        cargo.args(["--features", "vendored-plain"]);
    }
    if !cfg!(debug_assertions) {
        cargo.arg("--release");
    }
    let output = cargo.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(objects(&build), before);
}
