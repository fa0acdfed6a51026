//! The time to make and verify torrents, compared with programs that hash the same files:
//! `mktorrent` if it is installed, `sha1sum` and `sha256sum`. All data is in the page cache.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use torrent_patron::metainfo::{Metainfo, Protocol, TorrentMaker, Verifier};

use crate::noise::noise;
use crate::session::{Result, directory};
use crate::table::{Table, Target};

const SIZE: usize = 2 << 30;
const SMALL_FILES: usize = 100_000;
const RUNS: usize = 5;

pub(crate) fn measure(table: &mut Table) -> Result<()> {
    large(table)?;
    small(table)
}

fn large(table: &mut Table) -> Result<()> {
    let directory = directory()?;
    let path = directory.path().join("large.bin");
    let part = noise(1, 64 << 20);
    let mut file = File::create(&path)?;
    for _ in 0..SIZE / part.len() {
        file.write_all(&part)?;
    }
    let torrent = make(&path, Protocol::V1)?;
    let output = directory.path().join("large.torrent");

    let mut seconds: [Vec<f64>; 7] = Default::default();
    let [v1, v2, hybrid, verify, mktorrent, sha1sum, sha256sum] = &mut seconds;
    for _ in 0..RUNS {
        v1.push(timed(|| make(&path, Protocol::V1).map(drop))?);
        if let Ok(took) = timed(|| run("mktorrent", &["-o".as_ref(), &output, &path])) {
            mktorrent.push(took);
            fs::remove_file(&output)?;
        }
        v2.push(timed(|| make(&path, Protocol::V2).map(drop))?);
        hybrid.push(timed(|| make(&path, Protocol::Hybrid).map(drop))?);
        verify.push(timed(|| verified(&torrent, directory.path()))?);
        sha1sum.push(timed(|| run("sha1sum", &[&path]))?);
        sha256sum.push(timed(|| run("sha256sum", &[&path]))?);
    }
    let both: Vec<_> =
        sha1sum.iter().zip(&*sha256sum).map(|(sha1, sha256)| sha1 + sha256).collect();
    let mut ratio = |name, runs: &[f64], references: &[f64], most| {
        let ratios: Vec<_> = runs.iter().zip(references).map(|(run, base)| run / base).collect();
        table.figure(name, &ratios, "times", Target::AtMost(most));
    };
    if !mktorrent.is_empty() {
        ratio("make for v1 / mktorrent", v1, mktorrent, 1.0);
    }
    ratio("make for v2 / sha1sum and sha256sum", v2, &both, 0.7);
    ratio("make a hybrid / sha1sum and sha256sum", hybrid, &both, 0.7);
    ratio("verify for v1 / sha1sum", verify, sha1sum, 0.7);
    if mktorrent.is_empty() {
        table.note("mktorrent is left out: it is not installed");
    }
    table.note(&format!("{} MiB in one file", SIZE >> 20));
    Ok(())
}

fn small(table: &mut Table) -> Result<()> {
    let directory = directory()?;
    let root = directory.path().join("small");
    for number in 0..SMALL_FILES {
        let parent = root.join((number / 1000).to_string());
        if number % 1000 == 0 {
            fs::create_dir_all(&parent)?;
        }
        fs::write(parent.join(number.to_string()), noise(number as u64, 700 + number % 3000))?;
    }
    for (name, protocol) in [("v1", Protocol::V1), ("v2", Protocol::V2)] {
        let mut seconds = Vec::new();
        for _ in 0..RUNS {
            seconds.push(timed(|| make(&root, protocol).map(drop))?);
        }
        table.figure(&format!("make for {name}, small files"), &seconds, "s", Target::None);
    }
    table.note(&format!("{SMALL_FILES} files of 2 KiB"));
    Ok(())
}

fn make(path: &Path, protocol: Protocol) -> Result<Metainfo> {
    Ok(TorrentMaker::new(path).protocol(protocol).start()?.wait()?)
}

fn verified(torrent: &Metainfo, directory: &Path) -> Result<()> {
    let report = Verifier::new(torrent, directory).start()?.wait()?;
    if report.is_good() { Ok(()) } else { Err("the data is not what it was".into()) }
}

fn run(program: &str, arguments: &[&Path]) -> Result<()> {
    let mut command = Command::new(program);
    let status = command.args(arguments).stdout(Stdio::null()).stderr(Stdio::null()).status()?;
    if status.success() { Ok(()) } else { Err(format!("{program}: {status}").into()) }
}

fn timed(work: impl FnOnce() -> Result<()>) -> Result<f64> {
    let start = Instant::now();
    work()?;
    Ok(start.elapsed().as_secs_f64())
}
