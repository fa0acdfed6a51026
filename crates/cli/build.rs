//! Links the C++ library statically if libtorrent is, so that the program is a single file.

use std::path::PathBuf;
use std::process::Command;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=CXX");
    if std::env::var_os("CARGO_FEATURE_VENDORED_PLAIN").is_none() || !cfg!(target_os = "linux") {
        return;
    }
    if let Err(error) = link_in("libstdc++.a") {
        println!("cargo::warning=the program needs libstdc++.so: {error}");
    }
}

/// The linker takes the first library that it finds, and searches this directory before the system's.
fn link_in(archive: &str) -> std::io::Result<()> {
    let directory = PathBuf::from(std::env::var_os("OUT_DIR").unwrap_or_default());
    let compiler = std::env::var("CXX").unwrap_or_else(|_| "c++".into());
    let mut words = compiler.split_whitespace();
    let output = Command::new(words.next().unwrap_or("c++"))
        .args(words)
        .arg(format!("-print-file-name={archive}"))
        .output()?;
    let found = PathBuf::from(String::from_utf8_lossy(&output.stdout).trim()).canonicalize()?;
    let link = directory.join(archive);
    if link.symlink_metadata().is_ok() {
        std::fs::remove_file(&link)?;
    }
    std::os::unix::fs::symlink(found, link)?;
    println!("cargo::rustc-link-search=native={}", directory.display());
    Ok(())
}
