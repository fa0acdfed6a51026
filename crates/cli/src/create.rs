//! `torrent-patron create`: a .torrent file of a file or a directory.

use std::io::Write;
use std::path::Path;
use std::time::Duration;

use torrent_patron::{ErrorKind, Making, Metainfo, TorrentMaker};

use crate::arguments::Create;
use crate::info::{row, summary};
use crate::interrupt::Interrupt;
use crate::output::Screen;
use crate::{Outcome, Result};

const LOOK: Duration = Duration::from_millis(100);

pub(crate) fn run(arguments: &Create) -> Result<Outcome> {
    let output = &arguments.output;
    if !arguments.force && output.try_exists().is_ok_and(|exists| exists) {
        return Err(format!("{} exists; --force overwrites it", output.display()).into());
    }
    let interrupt = Interrupt::catch()?;
    let making = maker(arguments).start()?;
    let metainfo = match watch(making, &arguments.path, &interrupt) {
        Ok(metainfo) => metainfo,
        Err(error) if error.kind() == ErrorKind::Cancelled => return Ok(Outcome::Interrupted),
        Err(error) => return Err(error.into()),
    };
    write(metainfo.torrent_file(), output, arguments.force)
        .map_err(|error| format!("cannot write {}: {error}", output.display()))?;
    summary(&metainfo)?;
    row("magnet", metainfo.magnet()?)?;
    Ok(Outcome::Done)
}

fn maker(arguments: &Create) -> TorrentMaker {
    let mut maker = TorrentMaker::new(&arguments.path)
        .protocol(arguments.protocol())
        .private(arguments.private);
    for (tier, url) in arguments.tracker.iter().enumerate() {
        maker = maker.tracker(u8::try_from(tier).unwrap_or(u8::MAX), url);
    }
    for url in &arguments.web_seed {
        maker = maker.web_seed(url);
    }
    if let Some(length) = arguments.piece_length {
        maker = maker.piece_length(length);
    }
    if let Some(comment) = &arguments.comment {
        maker = maker.comment(comment);
    }
    maker
}

fn watch(
    mut making: Making,
    path: &Path,
    interrupt: &Interrupt,
) -> torrent_patron::Result<Metainfo> {
    let screen = Screen::new(false);
    if !screen.has_bars() {
        screen.line(format_args!("hashing {}", path.display()));
    }
    let bar = screen.bar(&path.file_name().unwrap_or(path.as_os_str()).to_string_lossy());
    let result = loop {
        if let Ok(result) = making.wait_timeout(LOOK) {
            break result;
        }
        if interrupt.came() {
            making.cancel();
        }
        let (pieces, of) = making.progress();
        bar.show(pieces as f64 / of.max(1) as f64, format_args!("{pieces} of {of} pieces hashed"));
    };
    screen.close(interrupt);
    result
}

/// All of it or nothing: a reader never sees half a file.
fn write(bytes: &[u8], output: &Path, force: bool) -> std::io::Result<()> {
    let directory = match output.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let mut builder = tempfile::Builder::new();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        // A temporary file is the owner's alone; this one becomes an ordinary file.
        builder.permissions(std::fs::Permissions::from_mode(0o666));
    }
    let mut file = builder.tempfile_in(directory)?;
    file.write_all(bytes)?;
    if force {
        file.persist(output)?;
    } else {
        file.persist_noclobber(output)?;
    }
    Ok(())
}
