//! Controls and examines which parts of files the kernel has in memory, without root.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use anyhow::{Context, Result};
use rustix::fs::{Advice, fadvise};

use crate::process::output;

/// Reads the files once.
pub(crate) fn warm<'a>(files: impl Iterator<Item = &'a Path>) -> Result<()> {
    let mut buffer = vec![0; 1 << 20];
    for path in files {
        let mut file = File::open(path)?;
        while file.read(&mut buffer)? > 0 {}
    }
    Ok(())
}

/// Drops the files' pages, except those that some process has mapped.
pub(crate) fn evict<'a>(files: impl Iterator<Item = &'a Path>) -> Result<()> {
    for path in files {
        fadvise(File::open(path)?, 0, None, Advice::DontNeed)?;
    }
    Ok(())
}

/// Returns the part of the files, 0 to 1, that is in memory. Uses `fincore` of util-linux, because `mincore`
/// itself needs a mapping.
pub(crate) fn resident<'a>(files: impl Iterator<Item = &'a Path>) -> Result<f64> {
    let mut arguments = vec!["--bytes", "--noheadings", "--raw", "--output", "RES,SIZE"];
    for path in files {
        arguments.push(path.to_str().context("a directory that is not UTF-8")?);
    }
    let (mut in_memory, mut of_all) = (0.0, 0.0);
    for line in output("fincore", &arguments)?.lines() {
        let mut numbers = line.split_whitespace().map(str::parse::<f64>);
        let (Some(Ok(resident)), Some(Ok(size))) = (numbers.next(), numbers.next()) else {
            anyhow::bail!("fincore says {line:?}");
        };
        in_memory += resident;
        of_all += size;
    }
    Ok(in_memory / of_all)
}
