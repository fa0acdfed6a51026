//! Clients
//!
//! A client is libtorrent on its own thread, in one session or, with
//! patron_builder_set_network_threads(), in several. It makes patrons, which do all the work, and
//! is shut down at the end. Several clients can run in one process. Most programs need one;
//! patron_shared() gives access to it from anywhere in the process.

use std::ffi::c_char;
use std::mem::MaybeUninit;
use std::time::Duration;

use parking_lot::Mutex;

use crate::ip_filter::patron_ip_filter;
use crate::settings::patron_settings;
use crate::support::arguments::{bytes, give, milliseconds, path, required, text};
use crate::support::failure::{Failure, patron_error};
use crate::support::guard::{guard, read, release};
use crate::support::handles::{CLIENTS, PATRONS, patron_client, patron_handle};
use crate::support::text::{Kept, patron_text};
use torrent_patron::client::ShutdownReport;
use torrent_patron::settings::Proxy;
use torrent_patron::store::Sqlite;
use torrent_patron::{ClientBuilder, Patron};

/// The configuration of a client. Used by one thread at a time.
pub struct patron_builder {
    builder: ClientBuilder,
}

impl patron_builder {
    fn change(&mut self, change: impl FnOnce(ClientBuilder) -> ClientBuilder) {
        self.builder = change(std::mem::take(&mut self.builder));
    }
}

/// What a shutdown did and what it left unfinished.
pub struct patron_report {
    report: ShutdownReport,
    explained: Kept,
}

/// Makes a builder with the defaults: the settings of PATRON_PRESET_DEFAULT, listening on port
/// 6881, saving to the working directory. Free it with patron_builder_free().
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

/// Frees a builder. NULL is allowed. Clients that it has started are not affected.
#[unsafe(no_mangle)]
pub extern "C" fn patron_builder_free(builder: Option<Box<patron_builder>>) {
    release(builder);
}

/// Sets the tick interval in milliseconds: how often the client asks libtorrent for changed
/// statuses. Commands and all other events do not wait for a tick. The default is 5000. A value of
/// 0 is an error at the start.
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

/// Sets how often, in milliseconds, the resume data of a torrent is saved while it downloads or
/// uploads. It is saved if the client has a store, or while a patron that added or watches the
/// torrent is subscribed to PATRON_EVENT_RESUME_DATA. The default is 60000. A value of 0 is an
/// error at the start.
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

/// Sets where to listen for peers: "ADDRESS:PORT" or "DEVICE:PORT", separated by commas. Port 0
/// picks a free port. The default is "0.0.0.0:6881,[::]:6881", or "127.0.0.1:0" when offline.
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

/// Sets how many network threads of libtorrent the client uses, 1 to 256, so that it can use as
/// many cores. Torrents are assigned to threads by info hash; to the program it is still one
/// client. Each thread listens on its own port: consecutive ports from the configured one, or any
/// free ports if that is 0. All of them must be forwarded; see patron_listen_addresses_of(). The
/// client's limits apply to all threads together. The default is 1, or the number of cores with
/// PATRON_PRESET_SEEDING.
///
/// Errors at the start: INVALID_ARGUMENT for another number.
#[unsafe(no_mangle)]
pub extern "C" fn patron_builder_set_network_threads(
    builder: Option<&mut patron_builder>,
    count: usize,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    guard(error, || {
        required(builder, "builder")?.change(|builder| builder.network_threads(count));
        Ok(())
    })
}

/// Sets the directory for complete files. The default is the working directory.
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

/// Sets the directory for incomplete files. The default is the save directory.
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

/// Keeps all traffic on the loopback interface: no DHT, local discovery, UPnP or NAT-PMP. Peers,
/// trackers and web seeds elsewhere are dropped before any name is looked up. The default is false.
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

/// Replaces the settings with a copy of these.
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

/// Sends all traffic through a proxy, and disables what cannot go through it:
/// "socks5://[USER:PASSWORD@]HOST:PORT", or the same with "http". The name and the password may be
/// percent-encoded, and must be if they contain any of ":@/%".
///
/// Errors: INVALID_ARGUMENT if it is not such a URL.
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

/// Restores the state of an earlier client, as returned by patron_save_state(). Its settings
/// replace those of patron_builder_set_settings(); the other functions of this chapter override
/// both. The data is copied; a length of 0 means no state.
///
/// Errors at the start: PARSE if the data is not a saved state.
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

/// Sets the IP filter before the first torrent is added or restored, in place of the one in the
/// state or in the store. The filter is copied. patron_set_ip_filter() changes it later.
#[unsafe(no_mangle)]
pub extern "C" fn patron_builder_set_ip_filter(
    builder: Option<&mut patron_builder>,
    filter: Option<&patron_ip_filter>,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    guard(error, || {
        let filter = required(filter, "filter")?.filter.clone();
        required(builder, "builder")?.change(|builder| builder.ip_filter(filter));
        Ok(())
    })
}

/// Keeps the torrents of the client in this file, which is created if it does not exist, and
/// restores the torrents that are already in it; see "Stores". The file stays open from now on. It
/// belongs to the first client that the builder starts. Starting another client fails with IN_USE
/// until a store is set again.
///
/// Errors: IN_USE if another process or client has the file open; CORRUPT if it is damaged or is not
/// a store; VERSION_MISMATCH if a newer version of the library wrote it; DISK or IO if the system
/// refuses.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn patron_builder_set_store(
    builder: Option<&mut patron_builder>,
    file: *const c_char,
    file_length: usize,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    guard(error, || {
        let builder = required(builder, "builder")?;
        // SAFETY: the caller gives the length of the path.
        let store = Sqlite::open(unsafe { path(file, file_length, "file") }?)?;
        builder.change(|builder| builder.store(store));
        Ok(())
    })
}

/// Sets whether settings that are changed with patron_apply_settings() are kept in the store and
/// restored at the next start. The default is true. Restored settings override those of
/// patron_builder_set_settings().
#[unsafe(no_mangle)]
pub extern "C" fn patron_builder_set_restore_settings(
    builder: Option<&mut patron_builder>,
    restore: bool,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    guard(error, || {
        required(builder, "builder")?.change(|builder| builder.restore_settings(restore));
        Ok(())
    })
}

/// Returns the settings that libtorrent will receive: all that differ from its defaults. Free the
/// result with patron_settings_free().
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

/// Starts a client. Returns when its session exists. The caller keeps the builder and may start
/// more clients with it. Stop the client with patron_client_shutdown() or patron_client_free().
///
/// Errors: INVALID_ARGUMENT for an invalid setting, directory or proxy, and for an interval of 0; PARSE
/// for an invalid state; VERSION_MISMATCH; IO if no thread can be started; with a store, IN_USE if it
/// was given to another client, and CORRUPT or DISK if it cannot be read.
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

/// Makes a patron of the client. It has its own mailbox. Free it with patron_free().
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

/// Makes a patron of the process-wide client. The first call starts the client with `builder`; the
/// client stops when its last patron is freed. If `builder` is NULL, the running client is used, or
/// one with the defaults is started. Free the patron with patron_free(); for the last patron, it
/// waits up to 5 seconds for the client to stop.
///
/// Errors: as for patron_builder_start(); PATRON_E_INVALID_ARGUMENT if the client is running and
/// was started with other options.
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

/// Stops a client: refuses new commands, waits for deletions and moves in progress, notifies
/// trackers, and flushes files, all within `deadline_ms` milliseconds. Open replies fail with
/// STOPPED, and every patron receives PATRON_EVENT_CLIENT_STOPPED. The handle is invalid from now
/// on. `report` may be NULL; otherwise free the report with patron_report_free().
///
/// If libtorrent has not finished by the deadline, it finishes on a background thread; the report
/// says so.
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
        let done = client.shutdown(Duration::from_millis(deadline_ms)).wait();
        if let Some(report) = report {
            let explained = Kept::new(done.to_string());
            give(report, patron_report { report: done, explained });
        }
        Ok(())
    })
}

/// Stops a client like patron_client_shutdown(), within 5 seconds and without a report. NULL is
/// allowed, and so is a client that was freed or shut down before.
#[unsafe(no_mangle)]
pub extern "C" fn patron_client_free(client: *mut patron_client) {
    read((), || CLIENTS.remove(client, "client").ok().map(release));
}

/// How long the shutdown took, in milliseconds.
#[unsafe(no_mangle)]
pub extern "C" fn patron_report_took(report: Option<&patron_report>) -> u64 {
    read(0, || Some(milliseconds(report?.report.took)))
}

/// How many torrents the client had.
#[unsafe(no_mangle)]
pub extern "C" fn patron_report_torrents(report: Option<&patron_report>) -> usize {
    read(0, || Some(report?.report.torrents))
}

/// How many commands, including additions of torrents, failed because the client stopped.
#[unsafe(no_mangle)]
pub extern "C" fn patron_report_unanswered(report: Option<&patron_report>) -> usize {
    read(0, || Some(report?.report.unanswered))
}

/// The id of a torrent whose files were still being deleted at the deadline; 0 past the last one.
#[unsafe(no_mangle)]
pub extern "C" fn patron_report_unfinished_deletion(
    report: Option<&patron_report>,
    index: usize,
) -> u64 {
    read(0, || Some(report?.report.deletions_unfinished.get(index)?.get()))
}

/// The id of a torrent whose files were still being moved at the deadline; 0 past the last one.
#[unsafe(no_mangle)]
pub extern "C" fn patron_report_unfinished_move(
    report: Option<&patron_report>,
    index: usize,
) -> u64 {
    read(0, || Some(report?.report.moves_unfinished.get(index)?.get()))
}

/// How many torrents had resume data that a patron wanted but did not receive by the deadline.
#[unsafe(no_mangle)]
pub extern "C" fn patron_report_unsaved(report: Option<&patron_report>) -> usize {
    read(0, || Some(report?.report.unsaved))
}

/// Whether libtorrent has finished: trackers were notified, files were flushed and closed.
#[unsafe(no_mangle)]
pub extern "C" fn patron_report_engine_ended(report: Option<&patron_report>) -> bool {
    read(false, || Some(report?.report.engine_ended))
}

/// Whether nothing was left unfinished.
#[unsafe(no_mangle)]
pub extern "C" fn patron_report_is_clean(report: Option<&patron_report>) -> bool {
    read(false, || Some(report?.report.is_clean()))
}

/// One line to show to a user: "stopped with 3 torrents in 0.2 s".
#[unsafe(no_mangle)]
pub extern "C" fn patron_report_explain(report: Option<&patron_report>) -> patron_text {
    read(patron_text::EMPTY, || Some(report?.explained.text()))
}

/// Frees a report. NULL is allowed.
#[unsafe(no_mangle)]
pub extern "C" fn patron_report_free(report: Option<Box<patron_report>>) {
    release(report);
}
