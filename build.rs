//! Builds the C++ shim against the system's libtorrent-rasterbar. This file only orders the steps:
//! `build/find.rs` finds the library, `build/shim.rs` compiles.

#[path = "build/find.rs"]
mod find;
#[path = "build/shim.rs"]
mod shim;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The first is what all of C++ sees; the others are what C++ calls.
const BRIDGES: [&str; 3] = ["src/sys/bridge.rs", "src/sys/alerts.rs", "src/sys/task.rs"];

fn main() {
    for watched in ["cpp", "build"] {
        println!("cargo::rerun-if-changed={watched}");
    }
    // docs.rs has no libtorrent; rustdoc needs only the Rust half of the bridge.
    println!("cargo::rerun-if-env-changed=DOCS_RS");
    if std::env::var_os("DOCS_RS").is_some() {
        return;
    }
    if let Err(message) = build() {
        for line in message.lines() {
            println!("cargo::error={line}");
        }
        std::process::exit(1);
    }
}

fn build() -> Result<(), String> {
    let native = find::libtorrent()?;
    let mut build = cxx_build::bridges(BRIDGES);
    build.std("c++17").warnings(true).extra_warnings(true);
    for directory in &native.include_paths {
        build.flag_if_supported(format!("-isystem{}", directory.display()));
    }
    // libtorrent's layout depends on its defines, so they are passed on exactly. Sorted, so that
    // the compile command is the same each time.
    for (name, value) in native.defines.iter().collect::<BTreeMap<_, _>>() {
        build.define(name, value.as_deref());
    }
    let io = |error: std::io::Error| format!("cannot compile the C++ shim: {error}");
    // Adds the sources that cxx has generated.
    let generated =
        PathBuf::from(std::env::var_os("OUT_DIR").unwrap_or_default()).join("cxxbridge/sources");
    let mut sources = Vec::new();
    collect(&generated, &mut sources).map_err(io)?;
    collect(Path::new("cpp"), &mut sources).map_err(io)?;
    if std::env::var("CARGO_CFG_TARGET_OS").is_ok_and(|system| system != "linux") {
        // See cpp/disk/read/path.hpp.
        sources.retain(|source| !source.starts_with("cpp/disk/read"));
    }
    let objects = shim::Shim::new(&build, &native.version)
        .and_then(|shim| shim.compile(&sources))
        .map_err(io)?;
    cc::Build::new()
        .cpp(true)
        .objects(objects)
        .try_compile("torrent_patron_shim")
        .map_err(|error| format!("cannot link the C++ shim: {error}"))?;
    println!("cargo::metadata=libtorrent_version={}", native.version);
    Ok(())
}

/// The C++ files below a directory, in order of their names.
fn collect(directory: &Path, sources: &mut Vec<PathBuf>) -> std::io::Result<()> {
    let mut entries: Vec<_> = std::fs::read_dir(directory)?
        .map(|entry| Ok(entry?.path()))
        .collect::<std::io::Result<_>>()?;
    entries.sort();
    for path in entries {
        if path.is_dir() {
            collect(&path, sources)?;
        } else if path.extension().is_some_and(|kind| kind == "cpp" || kind == "cc") {
            sources.push(path);
        }
    }
    Ok(())
}
