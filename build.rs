//! Builds the C++ shim against the libtorrent-rasterbar of the system. Only the order of the steps
//! stands here; how the library is found is in `build/find.rs`.

#[path = "build/find.rs"]
mod find;

/// The translation units of the shim. Each is one job; see `cpp/shim.hpp`.
const SOURCES: [&str; 12] = [
    "cpp/alerts.cpp",
    "cpp/answers.cpp",
    "cpp/bounds.cpp",
    "cpp/convert.cpp",
    "cpp/disk/backend.cpp",
    "cpp/file_names.cpp",
    "cpp/metainfo.cpp",
    "cpp/requests.cpp",
    "cpp/session.cpp",
    "cpp/session_requests.cpp",
    "cpp/torrent.cpp",
    "cpp/web_seeds.cpp",
];
/// The read path, which needs Linux; see `cpp/disk/read_path.hpp`.
const READ_PATH: [&str; 3] = ["cpp/disk/file.cpp", "cpp/disk/pool.cpp", "cpp/disk/read_path.cpp"];
const HEADERS: [&str; 14] = [
    "cpp/bounds.hpp",
    "cpp/compat.hpp",
    "cpp/convert.hpp",
    "cpp/disk/backend.hpp",
    "cpp/disk/buffers.hpp",
    "cpp/disk/counters.hpp",
    "cpp/disk/file.hpp",
    "cpp/disk/pool.hpp",
    "cpp/disk/read_path.hpp",
    "cpp/requests.hpp",
    "cpp/shim.hpp",
    "cpp/trycatch.hpp",
    "cpp/url.hpp",
    "cpp/web_seeds.hpp",
];

fn main() {
    for file in SOURCES.iter().chain(&READ_PATH).chain(&HEADERS).chain(&["build/find.rs"]) {
        println!("cargo::rerun-if-changed={file}");
    }
    // docs.rs has no libtorrent; rustdoc needs the bridge's Rust half only.
    println!("cargo::rerun-if-env-changed=DOCS_RS");
    if std::env::var_os("DOCS_RS").is_some() {
        return;
    }
    let native = match find::libtorrent() {
        Ok(native) => native,
        Err(message) => {
            for line in message.lines() {
                println!("cargo::error={line}");
            }
            std::process::exit(1);
        }
    };
    let mut shim = cxx_build::bridge("src/ffi.rs");
    shim.files(SOURCES).std("c++17").warnings(true).extra_warnings(true);
    if std::env::var("CARGO_CFG_TARGET_OS").is_ok_and(|system| system == "linux") {
        shim.files(READ_PATH);
    }
    for directory in &native.include_paths {
        shim.flag_if_supported(format!("-isystem{}", directory.display()));
    }
    // libtorrent's layout depends on its defines: they are taken as they are, none added.
    for (name, value) in &native.defines {
        shim.define(name, value.as_deref());
    }
    shim.compile("torrent_patron_shim");
    println!("cargo::metadata=libtorrent_version={}", native.version);
}
