//! `torrent-patron verify`: is the data on disk what the torrent says? Nothing is changed.

use std::fs;
use std::path::Path;
use std::time::Duration;

use bytesize::ByteSize;
use crossbeam_channel::select;
use torrent_patron::{AddOptions, Client, Event, FileEntry, Metainfo, TorrentStatus};

use crate::arguments::Verify;
use crate::info::data_size;
use crate::interrupt::Interrupt;
use crate::output::{Screen, result};
use crate::{Outcome, Result};

const TICK: Duration = Duration::from_millis(200);

pub(crate) fn run(arguments: &Verify) -> Result<Outcome> {
    let metainfo = Metainfo::read(&arguments.torrent)?;
    let directory = &arguments.directory;
    if !directory.is_dir() {
        return Err(format!("{} is not a directory", directory.display()).into());
    }
    let interrupt = Interrupt::catch()?;
    match check(&metainfo, directory, &interrupt)? {
        Some(status) => report(&metainfo, &status, directory),
        None => Ok(Outcome::Interrupted),
    }
}

/// How the torrent stands once its files are checked; `None` when interrupted.
fn check(
    metainfo: &Metainfo,
    directory: &Path,
    interrupt: &Interrupt,
) -> Result<Option<TorrentStatus>> {
    let client = Client::builder().offline(true).tick_interval(TICK).start()?;
    let patron = client.patron();
    let options = AddOptions::default().save_dir(directory).stop_when_checked(true);
    let id = patron.create_torrent(metainfo, options).wait()?.id();

    let screen = Screen::new(false);
    let bar = screen.bar(&metainfo.name);
    let ready = patron.ready();
    loop {
        select! {
            recv(ready) -> _ => {}
            recv(interrupt.signal()) -> _ => {
                screen.close(interrupt);
                return Ok(None);
            }
        }
        while let Some(event) = patron.try_recv() {
            match event {
                Event::Status(status) => bar.status(&status),
                Event::Checked { .. } => {
                    let status = patron.fresh_status(id).wait()?;
                    screen.close(interrupt);
                    return Ok(Some(status));
                }
                Event::Error { error, .. } => return Err(error.into()),
                Event::ClientStopped { error: Some(error) } => return Err(error.into()),
                _ => {}
            }
        }
    }
}

fn report(metainfo: &Metainfo, status: &TorrentStatus, directory: &Path) -> Result<Outcome> {
    let name = &metainfo.name;
    let missing = status.wanted_size.saturating_sub(status.wanted_done);
    let wrong: Vec<_> = metainfo
        .files
        .iter()
        .filter(|file| !file.pad)
        .filter_map(|file| what_is_wrong(file, directory))
        .collect();
    if missing == 0 && wrong.is_empty() {
        let (pieces, size) = (metainfo.piece_count, ByteSize(data_size(metainfo)));
        let plural = if pieces == 1 { "" } else { "s" };
        result(format_args!("OK  {name}: {pieces} piece{plural}, {size}"))?;
        return Ok(Outcome::Done);
    }
    let (lost, all) = (ByteSize(missing), ByteSize(status.wanted_size));
    result(format_args!("BAD  {name}: {lost} of {all} ({missing} bytes) missing or damaged"))?;
    for line in wrong {
        result(line)?;
    }
    Ok(Outcome::Failed)
}

fn what_is_wrong(file: &FileEntry, directory: &Path) -> Option<String> {
    let (path, size) = (file.path.display(), file.size);
    match fs::metadata(directory.join(&file.path)) {
        Ok(found) if !found.is_file() => Some(format!("not a file   {path}")),
        Ok(found) if found.len() == size => None,
        Ok(found) => Some(format!("wrong size   {path}: {} bytes, not {size}", found.len())),
        Err(_) => Some(format!("missing      {path}")),
    }
}
