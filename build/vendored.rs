//! Compiles libtorrent-rasterbar from source, to link it statically (feature `vendored`). Its symbols are
//! hidden, so that it does not clash with another libtorrent in the process.

use std::path::{Path, PathBuf};

use crate::objects::Objects;
use crate::{BEYOND, Libtorrent, OLDEST, collect};

/// The variable that names the directory with the source.
const VARIABLE: &str = "TORRENT_PATRON_LIBTORRENT";
/// The directory that `vendor/libtorrent` creates.
const DEFAULT: &str = "vendor/source/libtorrent";

/// The defines of libtorrent's own build; the shim has the same ones.
const DEFINES: [(&str, Option<&str>); 7] = [
    ("BOOST_ASIO_ENABLE_CANCELIO", None),
    ("BOOST_ASIO_NO_DEPRECATED", None),
    ("BOOST_EXCEPTION_DISABLE", None),
    ("BOOST_SYSTEM_USE_UTF8", None),
    // Nothing reads its logs.
    ("TORRENT_DISABLE_LOGGING", None),
    // Peers in browsers (since 2.1) need libraries that are not in its source.
    ("TORRENT_USE_RTC", Some("0")),
    ("_FILE_OFFSET_BITS", Some("64")),
];
const WITH_OPENSSL: [(&str, Option<&str>); 4] = [
    ("OPENSSL_NO_SSL2", None),
    ("TORRENT_SSL_PEERS", None),
    ("TORRENT_USE_LIBCRYPTO", None),
    ("TORRENT_USE_OPENSSL", None),
];

/// What does something for each byte or block that is sent or received. The rest is optimised for size.
const HOT: [&str; 20] = [
    "bdecode",
    "bitfield",
    "bt_peer_connection",
    "chained_buffer",
    "crc32c",
    "disk_buffer_pool",
    "ffs",
    "file_storage",
    "hasher",
    "merkle",
    "merkle_tree",
    "mmap_storage",
    "packet_buffer",
    "pe_crypto",
    "piece_picker",
    "receive_buffer",
    "sha1",
    "sha1_hash",
    "sha256",
    "utp_stream",
];

pub(crate) fn libtorrent() -> Result<Libtorrent, String> {
    let source = source()?;
    let version = version(&source)?;
    let mut library = Libtorrent {
        version,
        include_paths: vec![source.join("include")],
        defines: DEFINES.map(|(name, value)| (name.into(), value.map(Into::into))).into(),
        objects: Vec::new(),
    };
    if cfg!(feature = "vendored") {
        let more = WITH_OPENSSL.map(|(name, value)| (name.into(), value.map(Into::into)));
        library.defines.extend(more);
        // Set by openssl-sys. With -isystem, /usr/include would hide the C library from libstdc++.
        let include = std::env::var_os("DEP_OPENSSL_INCLUDE").map(PathBuf::from);
        library.include_paths.extend(include.filter(|path| path != Path::new("/usr/include")));
    }
    library.objects = compile(&source, &library)
        .map_err(|error| format!("cannot compile libtorrent in {}: {error}", source.display()))?;
    Ok(library)
}

/// Compiles the source, always optimised, so that it is compiled once for all profiles.
fn compile(source: &Path, library: &Libtorrent) -> std::io::Result<Vec<PathBuf>> {
    let mut build = cc::Build::new();
    build.cpp(true).std("c++17").opt_level(2).debug(false).warnings(false).flag("-w");
    library.configure(&mut build);
    for name in ["BOOST_ASIO_HAS_STD_CHRONO", "NDEBUG", "TORRENT_BUILDING_LIBRARY"] {
        build.define(name, None);
    }
    let try_signal = source.join("deps/try_signal");
    build.include(&try_signal);
    let mut sources =
        vec![try_signal.join("try_signal.cpp"), try_signal.join("signal_error_code.cpp")];
    collect(&source.join("src"), &mut sources)?;
    let is_hot = |source: &PathBuf| HOT.iter().any(|hot| source.file_stem() == Some(hot.as_ref()));
    let (hot, cold): (Vec<_>, Vec<_>) = sources.into_iter().partition(is_hot);
    let kind = format!("libtorrent-{}", library.version);
    // Precompiled headers do not save time here.
    let mut objects = Objects::shared(&build, &kind)?.compile(&hot, None)?;
    build.opt_level_str("s");
    objects.extend(Objects::shared(&build, &kind)?.compile(&cold, None)?);
    Ok(objects)
}

fn source() -> Result<PathBuf, String> {
    println!("cargo::rerun-if-env-changed={VARIABLE}");
    let (named, how) = match std::env::var_os(VARIABLE) {
        Some(named) => (PathBuf::from(named), format!("as {VARIABLE} says")),
        None => (PathBuf::from(DEFAULT), format!("{VARIABLE} is not set")),
    };
    let source = named.canonicalize().unwrap_or(named);
    println!("cargo::rerun-if-changed={}", source.display());
    if source.join("src/session_impl.cpp").exists()
        && source.join("deps/try_signal/try_signal.cpp").exists()
    {
        return Ok(source);
    }
    Err(format!(
        "the feature `vendored` compiles libtorrent-rasterbar, whose source is not in {} ({how}).\n\
         vendor/libtorrent brings it; or let {VARIABLE} be the directory of a release or of a distribution's \
         source package (Debian: apt-get source libtorrent-rasterbar), with deps/try_signal in it.",
        source.display()
    ))
}

fn version(source: &Path) -> Result<String, String> {
    let header = source.join("include/libtorrent/version.hpp");
    let text = std::fs::read_to_string(&header)
        .map_err(|error| format!("cannot read {}: {error}", header.display()))?;
    let version = text
        .lines()
        .find_map(|line| line.trim().strip_prefix("#define LIBTORRENT_VERSION \""))
        .and_then(|rest| rest.split('"').next())
        .ok_or_else(|| format!("no version in {}", header.display()))?;
    let numbers = |version: &str| -> Vec<u32> {
        version.split('.').map_while(|number| number.parse().ok()).collect()
    };
    if numbers(version) < numbers(OLDEST) || numbers(version) >= numbers(BEYOND) {
        return Err(format!(
            "torrent-patron needs libtorrent-rasterbar {OLDEST} or newer, before {BEYOND}; that in {} is {version}",
            source.display()
        ));
    }
    Ok(version.into())
}
