//! `torrent-patron verify`: checks data on disk against its torrent, without changing anything.

use bytesize::ByteSize;
use torrent_patron::error::ErrorKind;
use torrent_patron::metainfo::{FileState, Metainfo, VerifiedFile, Verifier, VerifyReport};

use crate::arguments::Verify;
use crate::interrupt::Interrupt;
use crate::output::{Screen, json, result};
use crate::{Outcome, Result};

pub(crate) fn run(arguments: &Verify) -> Result<Outcome> {
    let metainfo = Metainfo::read(&arguments.torrent)?;
    let interrupt = Interrupt::catch()?;
    let verifying = Verifier::new(&metainfo, &arguments.directory).start()?;
    match Screen::new(false).watch(&verifying, &metainfo.name, || interrupt.is_interrupted()) {
        Ok(verified) if arguments.json => {
            json(&verified)?;
            Ok(if verified.is_good() { Outcome::Done } else { Outcome::Failed })
        }
        Ok(verified) => report(&metainfo, &verified),
        Err(error) if error.kind() == ErrorKind::Cancelled => Ok(Outcome::Interrupted),
        Err(error) => Err(error.into()),
    }
}

fn report(metainfo: &Metainfo, report: &VerifyReport) -> Result<Outcome> {
    let name = &metainfo.name;
    let (bad, size) = (report.bad_size, ByteSize(report.size));
    if report.is_good() {
        let pieces = metainfo.piece_count;
        let plural = if pieces == 1 { "" } else { "s" };
        result(format_args!("OK  {name}: {pieces} piece{plural}, {size}"))?;
        return Ok(Outcome::Done);
    }
    let lost = ByteSize(bad);
    result(format_args!("FAILED  {name}: {lost} of {size} ({bad} bytes) missing or damaged"))?;
    for line in report.files.iter().filter_map(describe) {
        result(line)?;
    }
    Ok(Outcome::Failed)
}

fn describe(file: &VerifiedFile) -> Option<String> {
    let (path, size) = (file.path.display(), file.size);
    Some(match &file.state {
        FileState::Good => return None,
        FileState::Missing => format!("missing      {path}"),
        FileState::NotAFile => format!("not a file   {path}"),
        FileState::WrongSize(found) => format!("wrong size   {path}: {found} bytes, not {size}"),
        FileState::Damaged(1) => format!("damaged      {path}: 1 piece"),
        FileState::Damaged(pieces) => format!("damaged      {path}: {pieces} pieces"),
        FileState::Doubtful => {
            format!("uncertain    {path}: shares a damaged piece with other files")
        }
        FileState::Unreadable(error) => format!("unreadable   {}", error.message()),
        FileState::WrongLink => format!("wrong link   {path}"),
        other => format!("{other:?} {path}"),
    })
}
