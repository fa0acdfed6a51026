//! Clients
//!
//! A client is one libtorrent session on a thread of its own. It makes patrons, which do all the
//! work, and it is shut down. Several clients work side by side in one process; most programs want
//! one, and those that do not want to carry it around use patron_shared().

use std::ffi::c_char;
use std::mem::MaybeUninit;
use std::time::Duration;

use parking_lot::Mutex;

use super::arguments::{bytes, milliseconds, path, required, text};
use super::errors::{Failure, give, patron_error};
use super::guard::{guard, read, release};
use super::handle::{Table, patron_client, patron_handle};
use super::patron::PATRONS;
use super::settings::patron_settings;
use super::text::{Kept, patron_text};
use torrent_patron::{Client, ClientBuilder, Patron, Proxy, ShutdownReport};

/// What a client is to be started with. Used by one thread at a time.
pub struct patron_builder {
    builder: ClientBuilder,
}

impl patron_builder {
    fn change(&mut self, change: impl FnOnce(ClientBuilder) -> ClientBuilder) {
        self.builder = change(std::mem::take(&mut self.builder));
    }
}

/// Empty from the moment that the client is being shut down.
static CLIENTS: Table<Mutex<Option<Client>>, patron_client> = Table::new(1);

/// What a shutdown did and what it left undone.
pub struct patron_report {
    report: ShutdownReport,
    explained: Kept,
}

/// Prepares a client: with the settings of PATRON_PRESET_DEFAULT, listening on port 6881, saving to
/// the working directory. Free it with patron_builder_free().
#[unsafe(no_mangle)]
pub extern "C" fn patron_builder_new(
    out: Option<&mut MaybeUninit<Box<patron_builder>>>,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    guard(error, || {
        give(required(out, "out")?, patron_builder { builder: ClientBuilder::default() });
        Ok(())
    })
}

/// Frees a builder. NULL is fine. The clients that it has started are not concerned.
#[unsafe(no_mangle)]
pub extern "C" fn patron_builder_free(builder: Option<Box<patron_builder>>) {
    release(builder);
}

/// How old a status may be, in milliseconds: each interval the client asks libtorrent what has
/// changed. Commands and events do not wait for it. 5000 unless set; 0 is refused at the start.
#[unsafe(no_mangle)]
pub extern "C" fn patron_builder_set_tick_interval(
    builder: Option<&mut patron_builder>,
    interval_ms: u64,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    guard(error, || {
        let interval = Duration::from_millis(interval_ms);
        required(builder, "builder")?.change(|builder| builder.tick_interval(interval));
        Ok(())
    })
}

/// How often, in milliseconds, the resume data of a torrent is saved that goes on downloading or
/// uploading, while a patron that started or watches it is subscribed to PATRON_EVENT_RESUME_DATA.
/// 60000 unless set; 0 is refused at the start.
#[unsafe(no_mangle)]
pub extern "C" fn patron_builder_set_resume_data_interval(
    builder: Option<&mut patron_builder>,
    interval_ms: u64,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    guard(error, || {
        let interval = Duration::from_millis(interval_ms);
        required(builder, "builder")?.change(|builder| builder.resume_data_interval(interval));
        Ok(())
    })
}

/// Where to accept peers: "ADDRESS:PORT" or "DEVICE:PORT", separated by commas; port 0 takes a free
/// one. "0.0.0.0:6881,[::]:6881" unless set, and "127.0.0.1:0" offline.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn patron_builder_set_listen(
    builder: Option<&mut patron_builder>,
    interfaces: *const c_char,
    interfaces_length: usize,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    guard(error, || {
        // SAFETY: the caller gives the length of the text.
        let interfaces = unsafe { text(interfaces, interfaces_length, "interfaces") }?;
        required(builder, "builder")?.change(|builder| builder.listen(interfaces));
        Ok(())
    })
}

/// Where finished files belong; the working directory unless set.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn patron_builder_set_save_dir(
    builder: Option<&mut patron_builder>,
    directory: *const c_char,
    directory_length: usize,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    guard(error, || {
        // SAFETY: the caller gives the length of the path.
        let directory = unsafe { path(directory, directory_length, "directory") }?;
        required(builder, "builder")?.change(|builder| builder.save_dir(directory));
        Ok(())
    })
}

/// Where files are until they are complete; the save directory unless set.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn patron_builder_set_incomplete_dir(
    builder: Option<&mut patron_builder>,
    directory: *const c_char,
    directory_length: usize,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    guard(error, || {
        // SAFETY: the caller gives the length of the path.
        let directory = unsafe { path(directory, directory_length, "directory") }?;
        required(builder, "builder")?.change(|builder| builder.incomplete_dir(directory));
        Ok(())
    })
}

/// Whether nothing is sent beyond the loopback interface: no DHT, LSD, UPnP, NAT-PMP; peers, trackers
/// and web seeds elsewhere are dropped before a name is looked up. False unless set.
#[unsafe(no_mangle)]
pub extern "C" fn patron_builder_set_offline(
    builder: Option<&mut patron_builder>,
    offline: bool,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    guard(error, || {
        required(builder, "builder")?.change(|builder| builder.offline(offline));
        Ok(())
    })
}

/// Replaces the settings by a copy of these.
#[unsafe(no_mangle)]
pub extern "C" fn patron_builder_set_settings(
    builder: Option<&mut patron_builder>,
    settings: Option<&patron_settings>,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    guard(error, || {
        let builder = required(builder, "builder")?;
        let settings = required(settings, "settings")?.settings.clone();
        builder.change(|builder| builder.settings(settings));
        Ok(())
    })
}

/// Does everything through a proxy, and leaves undone what cannot go through it:
/// "socks5://[USER:PASSWORD@]HOST:PORT", or the same with "http". Name and password may be
/// percent-encoded, and have to be where they hold one of ":@/%".
///
/// Errors: INVALID_ARGUMENT for what is no such URL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn patron_builder_set_proxy(
    builder: Option<&mut patron_builder>,
    url: *const c_char,
    url_length: usize,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    guard(error, || {
        // SAFETY: the caller gives the length of the URL.
        let proxy: Proxy = unsafe { text(url, url_length, "url") }?.parse()?;
        required(builder, "builder")?.change(|builder| builder.proxy(proxy));
        Ok(())
    })
}

/// Begins where an earlier client stood: what patron_save_state() gave. Its settings take the place of
/// those of patron_builder_set_settings(); what the other functions here choose goes before both. A copy
/// is made; of the length 0 it is none.
///
/// Errors at the start: PARSE for what is no state.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn patron_builder_set_state(
    builder: Option<&mut patron_builder>,
    data: *const u8,
    length: usize,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    guard(error, || {
        // SAFETY: the caller gives the length of the data.
        let data = unsafe { bytes(data, length, "data") }?;
        required(builder, "builder")?.change(|builder| builder.state(data));
        Ok(())
    })
}

/// The settings that libtorrent will be given, all that differ from its defaults. Free the result
/// with patron_settings_free().
#[unsafe(no_mangle)]
pub extern "C" fn patron_builder_effective_settings(
    builder: Option<&patron_builder>,
    out: Option<&mut MaybeUninit<Box<patron_settings>>>,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    guard(error, || {
        let out = required(out, "out")?;
        give(out, required(builder, "builder")?.builder.effective_settings()?.into());
        Ok(())
    })
}

/// Starts a client; returns when the session is made. The builder stays the caller's and may start
/// more. End the client with patron_client_shutdown() or patron_client_free().
///
/// Errors: INVALID_ARGUMENT for a wrong setting or an interval of 0; PARSE for a wrong state;
/// VERSION_MISMATCH; IO when no thread is to be had.
#[unsafe(no_mangle)]
pub extern "C" fn patron_builder_start(
    builder: Option<&patron_builder>,
    out: Option<&mut MaybeUninit<*mut patron_client>>,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    guard(error, || {
        let out = required(out, "out")?;
        let client = required(builder, "builder")?.builder.clone().start()?;
        out.write(CLIENTS.insert(Mutex::new(Some(client))));
        Ok(())
    })
}

/// Makes a patron of the client, with a mailbox of its own. Free it with patron_free().
///
/// Errors: BAD_HANDLE.
#[unsafe(no_mangle)]
pub extern "C" fn patron_client_patron(
    client: *mut patron_client,
    out: Option<&mut MaybeUninit<*mut patron_handle>>,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    guard(error, || {
        let entry = CLIENTS.get(client, "client")?;
        let out = required(out, "out")?;
        let client = entry.lock();
        let client = client.as_ref().ok_or_else(|| Failure::bad_handle("client"))?;
        out.write(PATRONS.insert(client.patron().into()));
        Ok(())
    })
}

/// Makes a patron of the process-wide client, which the first starts, with `builder`, and which stops
/// after the last is freed. A `builder` of NULL means the client that runs, or else the defaults. Free
/// the patron with patron_free(); freeing the last waits for the client to end, for at most 5 seconds.
///
/// Errors: as for patron_builder_start(); PATRON_E_INVALID_ARGUMENT where the client runs and was
/// started with other options.
#[unsafe(no_mangle)]
pub extern "C" fn patron_shared(
    builder: Option<&patron_builder>,
    out: Option<&mut MaybeUninit<*mut patron_handle>>,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    guard(error, || {
        let out = required(out, "out")?;
        let patron = match builder {
            Some(given) => Patron::shared_with(given.builder.clone()),
            None => Patron::shared(),
        };
        out.write(PATRONS.insert(patron?.into()));
        Ok(())
    })
}

/// Stops a client: no more commands are taken, deletions and moves under way are waited for, trackers
/// are told, files are flushed; all of it for at most so many milliseconds. Open replies become
/// STOPPED, and every patron gets PATRON_EVENT_CLIENT_STOPPED. The handle means nothing from now on.
/// `report` may be NULL; free what it gets with patron_report_free().
///
/// What libtorrent has not ended by then goes on ending on a thread of its own; the report says so.
///
/// Errors: BAD_HANDLE.
#[unsafe(no_mangle)]
pub extern "C" fn patron_client_shutdown(
    client: *mut patron_client,
    deadline_ms: u64,
    report: Option<&mut MaybeUninit<Box<patron_report>>>,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    guard(error, || {
        let entry = CLIENTS.remove(client, "client")?;
        let client = entry.lock().take().ok_or_else(|| Failure::bad_handle("client"))?;
        let done = client.shutdown(Duration::from_millis(deadline_ms));
        if let Some(report) = report {
            let explained = Kept::new(done.to_string());
            give(report, patron_report { report: done, explained });
        }
        Ok(())
    })
}

/// Stops a client as patron_client_shutdown() does, within 5 seconds and without a report. NULL is
/// fine, and so is what was freed or shut down before.
#[unsafe(no_mangle)]
pub extern "C" fn patron_client_free(client: *mut patron_client) {
    read((), || CLIENTS.remove(client, "client").ok().map(release));
}

/// How long the shutdown took, in milliseconds.
#[unsafe(no_mangle)]
pub extern "C" fn patron_report_took(report: Option<&patron_report>) -> u64 {
    read(0, || Some(milliseconds(report?.report.took)))
}

/// How many torrents were open.
#[unsafe(no_mangle)]
pub extern "C" fn patron_report_torrents(report: Option<&patron_report>) -> usize {
    read(0, || Some(report?.report.torrents))
}

/// How many commands and starts got the answer that the client has stopped.
#[unsafe(no_mangle)]
pub extern "C" fn patron_report_unanswered(report: Option<&patron_report>) -> usize {
    read(0, || Some(report?.report.unanswered))
}

/// A torrent whose files were being deleted when the deadline came; 0 from the index on that has none.
#[unsafe(no_mangle)]
pub extern "C" fn patron_report_unfinished_deletion(
    report: Option<&patron_report>,
    index: usize,
) -> u64 {
    read(0, || Some(report?.report.deletions_unfinished.get(index)?.get()))
}

/// A torrent whose files were being moved when the deadline came; 0 from the index on that has none.
#[unsafe(no_mangle)]
pub extern "C" fn patron_report_unfinished_move(
    report: Option<&patron_report>,
    index: usize,
) -> u64 {
    read(0, || Some(report?.report.moves_unfinished.get(index)?.get()))
}

/// How many torrents had resume data that a patron wanted and did not get when the deadline came.
#[unsafe(no_mangle)]
pub extern "C" fn patron_report_unsaved(report: Option<&patron_report>) -> usize {
    read(0, || Some(report?.report.unsaved))
}

/// Whether libtorrent has ended: trackers are told, files are flushed and closed.
#[unsafe(no_mangle)]
pub extern "C" fn patron_report_engine_ended(report: Option<&patron_report>) -> bool {
    read(false, || Some(report?.report.engine_ended))
}

/// Whether nothing was left undone.
#[unsafe(no_mangle)]
pub extern "C" fn patron_report_is_clean(report: Option<&patron_report>) -> bool {
    read(false, || Some(report?.report.is_clean()))
}

/// One line for a person: "stopped with 3 torrents in 0.2 s".
#[unsafe(no_mangle)]
pub extern "C" fn patron_report_explain(report: Option<&patron_report>) -> patron_text {
    read(patron_text::EMPTY, || Some(report?.explained.text()))
}

/// Frees a report. NULL is fine.
#[unsafe(no_mangle)]
pub extern "C" fn patron_report_free(report: Option<Box<patron_report>>) {
    release(report);
}
