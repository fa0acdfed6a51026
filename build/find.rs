//! Finds libtorrent-rasterbar with pkg-config, and explains what to do if it is missing.

use std::fmt::Write;

use crate::{BEYOND, Libtorrent, OLDEST};

/// Returns the library that pkg-config describes. The linker instructions for cargo are already printed.
pub(crate) fn libtorrent() -> Result<Libtorrent, String> {
    let library = pkg_config::Config::new()
        .range_version(OLDEST..BEYOND)
        // With -isystem, /usr/include would hide the C library from libstdc++.
        .print_system_cflags(false)
        .probe("libtorrent-rasterbar")
        .map_err(|error| explain(&error))?;
    // Another version may have been installed in the same place.
    if let Ok(include) = pkg_config::get_variable("libtorrent-rasterbar", "includedir") {
        println!("cargo::rerun-if-changed={include}/libtorrent/version.hpp");
    }
    Ok(Libtorrent {
        version: library.version,
        include_paths: library.include_paths,
        defines: library.defines.into_iter().collect(),
        objects: Vec::new(),
    })
}

fn explain(error: &pkg_config::Error) -> String {
    let path = std::env::var("PKG_CONFIG_PATH").unwrap_or_else(|_| "not set".into());
    let mut text = format!(
        "torrent-patron needs libtorrent-rasterbar {OLDEST} or newer, before {BEYOND}, and could not find it.\n\
         tried: pkg-config 'libtorrent-rasterbar >= {OLDEST}', 'libtorrent-rasterbar < {BEYOND}' (PKG_CONFIG_PATH: {path})\n"
    );
    for line in error.to_string().lines().filter(|line| !line.trim().is_empty()).take(12) {
        let _ = writeln!(text, "  | {line}");
    }
    text.push_str(
        "Debian, Ubuntu: sudo apt-get install g++ pkg-config libtorrent-rasterbar-dev\n\
         Fedora:         sudo dnf install gcc-c++ pkgconf-pkg-config rb_libtorrent-devel openssl-devel\n\
         macOS:          brew install pkg-config libtorrent-rasterbar openssl && export PKG_CONFIG_PATH=\"$(brew --prefix)/lib/pkgconfig:$(brew --prefix openssl)/lib/pkgconfig\"\n\
         Or build it in: the feature `vendored` compiles libtorrent from its source.",
    );
    text
}
