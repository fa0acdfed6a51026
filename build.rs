//! Builds the C++ shim against libtorrent-rasterbar. This file only orders the steps: `build/find.rs`
//! finds the system's library, or `build/vendored.rs` builds it from source; `build/objects.rs` compiles.

#[cfg(not(feature = "vendored-plain"))]
#[path = "build/find.rs"]
mod native;
#[cfg(feature = "vendored-plain")]
#[path = "build/vendored.rs"]
mod native;
#[path = "build/objects.rs"]
mod objects;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The files with a bridge to C++.
const BRIDGES: [&str; 9] = [
    "src/sys/bridge.rs",
    "src/sys/alerts.rs",
    "src/sys/catalogue.rs",
    "src/sys/counters.rs",
    "src/sys/errors.rs",
    "src/sys/making.rs",
    "src/sys/process.rs",
    "src/sys/range.rs",
    "src/sys/task.rs",
];
/// The first supported libtorrent, and the first unsupported one.
const OLDEST: &str = "2.0.8";
const BEYOND: &str = "2.2";

/// What the shim is compiled and linked with.
struct Libtorrent {
    version: String,
    include_paths: Vec<PathBuf>,
    /// libtorrent's layout depends on its defines, so they are passed on exactly. Sorted, so that the
    /// compile command is the same each time.
    defines: BTreeMap<String, Option<String>>,
    /// libtorrent's own objects, if it is linked statically.
    objects: Vec<PathBuf>,
}

impl Libtorrent {
    fn configure(&self, build: &mut cc::Build) {
        for directory in &self.include_paths {
            build.flag_if_supported(format!("-isystem{}", directory.display()));
        }
        for (name, value) in &self.defines {
            build.define(name, value.as_deref());
        }
        if cfg!(feature = "vendored-plain") {
            build.flag("-fvisibility=hidden").flag("-fvisibility-inlines-hidden");
        }
    }
}

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
    let libtorrent = native::libtorrent()?;
    let mut build = cxx_build::bridges(BRIDGES);
    build.std("c++17").warnings(true).extra_warnings(true);
    libtorrent.configure(&mut build);
    // CXXFLAGS applies to a vendored libtorrent too; this to the shim alone.
    println!("cargo::rerun-if-env-changed=TORRENT_PATRON_CXXFLAGS");
    for flag in std::env::var("TORRENT_PATRON_CXXFLAGS").unwrap_or_default().split_whitespace() {
        build.flag(flag);
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
    let objects = objects::Objects::of_profile(&build, &format!("shim-{}", libtorrent.version))
        .map_err(io)?;
    let shim = objects.compile(&sources, Some("cpp/libtorrent.hpp")).map_err(io)?;
    // One archive for all feature sets, because it can be large.
    cc::Build::new()
        .cpp(true)
        .out_dir(objects.directory())
        .objects(shim)
        .objects(libtorrent.objects)
        .try_compile("torrent_patron_shim")
        .map_err(|error| format!("cannot link the C++ shim: {error}"))?;
    println!("cargo::metadata=libtorrent_version={}", libtorrent.version);
    Ok(())
}

/// Collects the C++ files below a directory, in order of their names.
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
