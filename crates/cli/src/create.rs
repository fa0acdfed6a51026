//! `torrent-patron create`: makes a .torrent file for a file or a directory.

use std::path::Path;

use torrent_patron::error::ErrorKind;
use torrent_patron::metainfo::{Making, Metainfo, TorrentMaker};

use crate::arguments::Create;
use crate::info::{row, summary};
use crate::interrupt::Interrupt;
use crate::output::Screen;
use crate::torrent_file::Target;
use crate::{Outcome, Result};

pub(crate) fn run(arguments: &Create) -> Result<Outcome> {
    let output = &arguments.output;
    let target = Target::find(output, &arguments.path, arguments.force)?;
    let interrupt = Interrupt::catch()?;
    let making = maker(arguments).start()?;
    let metainfo = match watch(&making, &arguments.path, &interrupt) {
        Ok(metainfo) => metainfo,
        Err(error) if error.kind() == ErrorKind::Cancelled => return Ok(Outcome::Interrupted),
        Err(error) => return Err(error.into()),
    };
    target
        .write(metainfo.torrent_file())
        .map_err(|error| format!("cannot write {}: {error}", output.display()))?;
    if !target.is_stdout() {
        summary(&metainfo)?;
        row("magnet", metainfo.magnet())?;
    }
    Ok(Outcome::Done)
}

fn maker(arguments: &Create) -> TorrentMaker {
    let mut maker = TorrentMaker::new(&arguments.path)
        .protocol(arguments.protocol())
        .private(arguments.private)
        .links(arguments.links.into())
        .special_files(arguments.special_files.into())
        .executables(arguments.executables);
    for (tier, url) in arguments.tracker.iter().enumerate() {
        maker = maker.add_tracker(url, u8::try_from(tier).unwrap_or(u8::MAX));
    }
    for url in &arguments.web_seed {
        maker = maker.add_web_seed(url);
    }
    if let Some(length) = arguments.piece_length {
        maker = maker.piece_length(length);
    }
    if let Some(comment) = &arguments.comment {
        maker = maker.comment(comment);
    }
    maker
}

fn watch(making: &Making, path: &Path, interrupt: &Interrupt) -> torrent_patron::Result<Metainfo> {
    let screen = Screen::new(false);
    if !screen.has_bars() {
        screen.line(format_args!("hashing {}", path.display()));
    }
    let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy();
    let result = screen.watch(making, &name, || interrupt.is_interrupted());
    for path in making.left_out() {
        screen.warn(format_args!("left out: {}", path.display()));
    }
    result
}
