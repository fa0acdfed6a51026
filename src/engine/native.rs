//! libtorrent behind the [`Engine`] trait. It lives on one thread: `UniquePtr<Session>` is not
//! `Send`.

mod requests;

use std::any::Any;
use std::borrow::Cow;
use std::ffi::OsString;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use crossbeam_channel::Sender;
use cxx::{SharedPtr, UniquePtr};

use super::{Engine, EngineEvent};
use crate::error::{Error, ErrorKind, Result};
use crate::event::{EventKind, EventKinds, PerformanceLimit, PortMapper};
use crate::ffi::{self, AlertKind, AlertRecord, NativeError, StatusRecord};
use crate::port::PortProtocol;
use crate::proxy::ProxyKind;
use crate::request::{SessionRequest, TorrentRequest};
use crate::settings::{DiskReads, SettingValue, Settings};
use crate::statistics::ReadStatistics;
use crate::status::{SavedFigures, TorrentState, TorrentStatus};
use crate::text::printable;
use crate::types::{InfoHashes, TorrentId};

const START_CLIENT: &str = "start the client";
const START: &str = "start the torrent";
const USE: &str = "use the torrent";

pub(crate) struct NativeEngine {
    session: UniquePtr<ffi::Session>,
}

impl NativeEngine {
    pub(crate) fn new(
        settings: &Settings,
        loopback_only: bool,
        proxy: Option<ProxyKind>,
        state: &[u8],
        counters: &ReadCounters,
        wake: Sender<()>,
    ) -> Result<Self> {
        check_versions(&ffi::compiled_version(), &ffi::loaded_version())?;
        let records: Vec<_> = settings.native().map(setting).collect();
        let reads = match settings.disk_reads() {
            DiskReads::Stock => ffi::DiskReads::Stock,
            DiskReads::Copy => ffi::DiskReads::Copy,
            DiskReads::ZeroCopy => ffi::DiskReads::ZeroCopy,
        };
        let waker = Box::new(ffi::Waker(wake));
        let session = ffi::new_session(
            &records,
            loopback_only,
            names(proxy),
            reads,
            state,
            counters.0.clone(),
            waker,
        )
        .map_err(|exception| Error::from_native(START_CLIENT, &exception))?;
        Ok(Self { session })
    }
}

/// What the read path counts. The session adds to it; any thread reads it, also when the session is
/// gone.
#[derive(Clone)]
pub(crate) struct ReadCounters(SharedPtr<ffi::ReadCounters>);

impl ReadCounters {
    pub(crate) fn new() -> Result<Self> {
        let counters = ffi::new_read_counters()
            .map_err(|exception| Error::from_native(START_CLIENT, &exception))?;
        Ok(Self(counters))
    }

    pub(crate) fn read(&self) -> ReadStatistics {
        let Some(counters) = self.0.as_ref() else { return ReadStatistics::default() };
        let now = counters.snapshot();
        ReadStatistics {
            mapped_blocks: now.mapped_blocks,
            mapped_bytes: now.mapped_bytes,
            copied_blocks: now.copied_blocks,
            copied_bytes: now.copied_bytes,
            cold_blocks: now.cold_blocks,
            cold_bytes: now.cold_bytes,
            stock_writing: now.stock_writing,
            stock_partial: now.stock_partial,
            stock_scattered: now.stock_scattered,
            stock_descriptors: now.stock_descriptors,
            stock_unusable: now.stock_unusable,
            stock_other: now.stock_other,
            failed: now.failed,
            refused_files: now.refused,
            evicted_files: now.evicted,
            open_files: now.open_files,
            mappings: now.mappings,
        }
    }
}

/// The settings in a state that [`SessionRequest::State`] gave.
pub(crate) fn settings_of_state(state: &[u8]) -> Result<Settings> {
    let records = ffi::settings_of_state(state).map_err(|exception| {
        Error::from_native("read the saved state", &exception).with_kind(ErrorKind::Parse)
    })?;
    Ok(requests::settings(&records))
}

/// Raises the process's limit of open descriptors to what is wanted, as far as it may; what it is
/// then.
pub(crate) fn raise_descriptor_limit(wanted: u64) -> Result<u64> {
    ffi::raise_descriptor_limit(wanted)
        .map_err(|exception| Error::from_native(START_CLIENT, &exception))
}

fn names(proxy: Option<ProxyKind>) -> ffi::Names {
    match proxy {
        None => ffi::Names::Here,
        Some(ProxyKind::Socks5) => ffi::Names::BySocks5,
        Some(ProxyKind::Http) => ffi::Names::ByHttp,
    }
}

/// libtorrent keeps its binary interface within a major and minor version.
fn check_versions(compiled: &str, loaded: &str) -> Result<()> {
    let minor = |version: &str| {
        let mut parts = version.split('.').map(str::to_owned);
        (parts.next(), parts.next())
    };
    if minor(compiled) == minor(loaded) {
        return Ok(());
    }
    let message = format!(
        "this program was compiled for libtorrent {compiled}, but libtorrent {loaded} is loaded; \
         compile it again or install the other version"
    );
    Err(Error::new(ErrorKind::VersionMismatch, START_CLIENT, message))
}

fn setting((name, value): (&str, &SettingValue)) -> ffi::SettingRecord {
    let (text, number) = match value {
        SettingValue::Text(text) => (text.clone(), 0),
        SettingValue::Int(number) => (String::new(), i64::from(*number)),
        SettingValue::Bool(switch) => (String::new(), i64::from(*switch)),
    };
    ffi::SettingRecord { name: name.into(), text, number }
}

impl Engine for NativeEngine {
    fn add(&mut self, id: TorrentId, params: Box<dyn Any + Send>) -> Result<()> {
        let params = params
            .downcast::<UniquePtr<ffi::TorrentParams>>()
            .map_err(|_| Error::new(ErrorKind::Panicked, START, "parameters of another engine"))?;
        self.session
            .pin_mut()
            .add_torrent(id.raw(), *params)
            .map_err(|exception| Error::from_native(START, &exception))
    }

    fn retry_add(&mut self, id: TorrentId) -> Result<()> {
        self.session
            .pin_mut()
            .retry_add(id.raw())
            .map_err(|exception| Error::from_native(START, &exception))
    }

    fn forget_add(&mut self, id: TorrentId) {
        self.session.pin_mut().forget_add(id.raw());
    }

    fn remove(&mut self, id: TorrentId, delete_files: bool) -> Result<()> {
        self.session
            .pin_mut()
            .remove_torrent(id.raw(), delete_files)
            .map_err(|exception| Error::from_native("close the torrent", &exception).on(id))
    }

    fn pause(&mut self, id: TorrentId) -> Result<()> {
        self.session
            .pin_mut()
            .pause(id.raw())
            .map_err(|exception| Error::from_native("pause the torrent", &exception).on(id))
    }

    fn resume(&mut self, id: TorrentId) -> Result<()> {
        self.session
            .pin_mut()
            .resume(id.raw())
            .map_err(|exception| Error::from_native("resume the torrent", &exception).on(id))
    }

    fn request_of_torrent(
        &mut self,
        request: u64,
        id: TorrentId,
        asked: TorrentRequest,
    ) -> Result<()> {
        self.hand_over(requests::of_torrent(request, id, asked))
    }

    fn request_of_session(&mut self, request: u64, asked: SessionRequest) -> Result<()> {
        self.hand_over(requests::of_session(request, asked))
    }

    fn subscribe(&mut self, kinds: EventKinds) -> Result<()> {
        let any = |of: &[EventKind]| of.iter().any(|kind| kinds.contains(*kind));
        let interest = ffi::InterestRecord {
            // A connection that ends with an error belongs to these.
            peers: any(&[EventKind::PeerBanned, EventKind::PeerDisconnected]),
            connections: any(&[EventKind::PeerConnected, EventKind::PeerDisconnected]),
            trackers: any(&[EventKind::TrackerReply, EventKind::Scraped, EventKind::ScrapeFailed]),
            files: any(&[EventKind::FileCompleted]),
            pieces: any(&[EventKind::PieceFinished]),
            performance: any(&[EventKind::PerformanceWarning]),
        };
        self.session
            .pin_mut()
            .subscribe(&interest)
            .map_err(|exception| Error::from_native("subscribe", &exception))
    }

    fn request_statuses(&mut self) -> Result<()> {
        self.session
            .pin_mut()
            .request_statuses()
            .map_err(|exception| Error::from_native(STATUS, &exception))
    }

    fn request_every_status(&mut self) -> Result<()> {
        self.session
            .pin_mut()
            .request_every_status()
            .map_err(|exception| Error::from_native(STATUS, &exception))
    }

    fn request_statistics(&mut self) -> Result<()> {
        self.session
            .pin_mut()
            .request_statistics()
            .map_err(|exception| Error::from_native("get the statistics", &exception))
    }

    fn drain(&mut self) -> Result<Vec<EngineEvent>> {
        let drained = self
            .session
            .pin_mut()
            .drain()
            .map_err(|exception| Error::from_native("read libtorrent's alerts", &exception))?;
        let now = Instant::now();
        let mut counters = drained.counters;
        let mut statuses = drained.statuses.into_iter().filter_map(|record| status(record, now));
        let events = drained
            .alerts
            .into_iter()
            .filter_map(|alert| event(alert, &mut statuses, &mut counters));
        // What has happened is told before what it answers.
        let answers = drained.answers.into_iter().map(|record| EngineEvent::Answered {
            request: record.request,
            answer: requests::answer(record),
        });
        Ok(events.chain(answers).collect())
    }

    fn abort(self) -> Result<Box<dyn FnOnce() + Send>> {
        let teardown = ffi::abort_session(self.session)
            .map_err(|exception| Error::from_native("stop the client", &exception))?;
        Ok(Box::new(move || drop(teardown)))
    }
}

const MOVE: &str = "move the files";
const STATUS: &str = "get the status";

fn event(
    alert: AlertRecord,
    statuses: &mut impl Iterator<Item = TorrentStatus>,
    counters: &mut Vec<i64>,
) -> Option<EngineEvent> {
    // Here texts of strangers come in: names, what trackers say, paths of files in errors.
    let (text, detail) = (shown(alert.text), shown(alert.detail));
    let alert = AlertRecord { text, detail, ..alert };
    let id = TorrentId::from_raw(alert.torrent);
    let count = usize::try_from(alert.number).unwrap_or(0);
    let info_hashes = InfoHashes::from_bytes(&alert.v1, &alert.v2);
    let failure = |op, on: &str| failure(op, on, &alert.error);
    Some(match alert.kind {
        AlertKind::Added => EngineEvent::Added { id: id?, name: alert.text, info_hashes },
        AlertKind::AddFailed => {
            EngineEvent::AddFailed { id: id?, error: failure(START, ""), busy: alert.number != 0 }
        }
        AlertKind::Removed => EngineEvent::Removed(id?),
        AlertKind::Deleted => EngineEvent::Deleted(id?),
        // No error: a magnet link without metadata has no files.
        AlertKind::DeleteFailed if alert.error.category.is_empty() => EngineEvent::Deleted(id?),
        AlertKind::DeleteFailed => {
            EngineEvent::DeleteFailed { id: id?, error: failure("delete the files", "") }
        }
        AlertKind::StateChanged => EngineEvent::StateChanged { id: id?, state: state(alert.state) },
        AlertKind::Paused => EngineEvent::Paused(id?),
        AlertKind::Resumed => EngineEvent::Resumed(id?),
        AlertKind::Checked => EngineEvent::Checked(id?),
        AlertKind::Finished => EngineEvent::Finished(id?),
        AlertKind::MetadataReceived => {
            EngineEvent::MetadataReceived { id: id?, name: alert.text, info_hashes }
        }
        AlertKind::MetadataFailed => {
            EngineEvent::Failed { id: id?, error: failure("use the metadata that a peer sent", "") }
        }
        AlertKind::StorageMoved => EngineEvent::Moved { id: id?, to: path(alert.bytes) },
        AlertKind::StorageMoveFailed => {
            EngineEvent::MoveFailed { id: id?, error: failure(MOVE, &alert.text) }
        }
        AlertKind::FileRenamed => {
            EngineEvent::FileRenamed { id: id?, file: place(alert.number), to: path(alert.bytes) }
        }
        AlertKind::TorrentError => {
            EngineEvent::Failed { id: id?, error: failure(USE, &alert.text) }
        }
        AlertKind::FileError => {
            EngineEvent::Failed { id: id?, error: failure(disk(&alert.detail), &alert.text) }
        }
        AlertKind::HashFailed => EngineEvent::HashFailed { id: id?, piece: place(alert.number) },
        AlertKind::TrackerError => EngineEvent::TrackerFailed {
            id: id?,
            error: failure("announce to the tracker", &alert.text),
            times_in_row: alert.number.try_into().unwrap_or(0),
            url: alert.text,
        },
        AlertKind::TrackerWarning => {
            EngineEvent::TrackerWarning { id: id?, url: alert.text, message: alert.detail }
        }
        AlertKind::TrackerReply => {
            EngineEvent::TrackerReply { id: id?, url: alert.text, peers: place(alert.number) }
        }
        AlertKind::Scraped => EngineEvent::Scraped {
            id: id?,
            url: alert.text,
            seeds: alert.number.try_into().ok(),
            leechers: alert.other.try_into().ok(),
        },
        AlertKind::ScrapeFailed => EngineEvent::ScrapeFailed {
            id: id?,
            error: failure("scrape the tracker", &alert.text),
            url: alert.text,
        },
        AlertKind::WebSeedFailed => EngineEvent::WebSeedFailed {
            id: id?,
            error: failure("use the web seed", &alert.text),
            url: alert.text,
        },
        AlertKind::PeerBanned => {
            EngineEvent::PeerBanned { id: id?, address: alert.text.parse().ok()? }
        }
        AlertKind::PeerConnected => EngineEvent::PeerConnected {
            id: id?,
            address: alert.text.parse().ok()?,
            outgoing: alert.number != 0,
        },
        AlertKind::PeerDisconnected => EngineEvent::PeerDisconnected {
            id: id?,
            address: alert.text.parse().ok()?,
            error: failure("talk to the peer", &alert.text),
        },
        AlertKind::FileCompleted => {
            EngineEvent::FileCompleted { id: id?, file: place(alert.number) }
        }
        AlertKind::PieceFinished => {
            EngineEvent::PieceFinished { id: id?, piece: place(alert.number) }
        }
        AlertKind::PerformanceWarning => {
            EngineEvent::PerformanceWarning { id, limit: limit(alert.number) }
        }
        AlertKind::PortMapped => EngineEvent::PortMapped {
            by: mapper(&alert.detail),
            protocol: if alert.other == 0 { PortProtocol::Tcp } else { PortProtocol::Udp },
            external_port: alert.number.try_into().ok()?,
            local: alert.text.parse().ok()?,
        },
        AlertKind::PortMappingFailed => EngineEvent::PortMappingFailed {
            by: mapper(&alert.detail),
            local: alert.text.parse().ok()?,
            error: failure("have the router let peers in", ""),
        },
        AlertKind::ExternalAddress => EngineEvent::ExternalAddress(alert.text.parse().ok()?),
        AlertKind::Conflict => EngineEvent::Failed {
            id: id?,
            error: Error::new(
                ErrorKind::Native,
                USE,
                "its metadata shows that it is the same torrent as another one here (a hybrid \
                 torrent started by its v1 and by its v2 hash); close one of them",
            ),
        },
        AlertKind::Listening => EngineEvent::Listening(alert.text.parse().ok()?),
        AlertKind::ListenFailed => EngineEvent::ListenFailed {
            error: failure("listen for peers", &alert.text),
            address: alert.text,
        },
        AlertKind::SessionError => EngineEvent::EngineFailed(failure("run libtorrent", "")),
        AlertKind::Unreadable => {
            EngineEvent::EngineFailed(failure("read an alert of libtorrent", &alert.text))
        }
        // Each with its own: one of a torrent that was started between two answers comes after its
        // start.
        AlertKind::Statuses => EngineEvent::Statuses(statuses.take(count).collect()),
        AlertKind::EveryStatus => EngineEvent::EveryStatus(statuses.take(count).collect()),
        // The first answer answers all who have asked.
        AlertKind::Statistics if counters.is_empty() => return None,
        AlertKind::Statistics => EngineEvent::Statistics(std::mem::take(counters)),
        AlertKind::Dropped => EngineEvent::Dropped,
        // The enum is the shim's own and compiled with it: there is no other value.
        _ => return None,
    })
}

fn shown(text: String) -> String {
    match printable(&text) {
        Cow::Borrowed(_) => text,
        Cow::Owned(shown) => shown,
    }
}

/// An index or a count.
fn place(number: i64) -> u32 {
    number.try_into().unwrap_or(0)
}

fn mapper(name: &str) -> PortMapper {
    if name == "upnp" { PortMapper::Upnp } else { PortMapper::NatPmp }
}

/// `lt::performance_alert::performance_warning_t`; 8 means nothing any more.
fn limit(warning: i64) -> PerformanceLimit {
    match warning {
        0 => PerformanceLimit::DiskQueueFull,
        1 => PerformanceLimit::RequestQueueFull,
        2 => PerformanceLimit::UploadLimitTooLow,
        3 => PerformanceLimit::DownloadLimitTooLow,
        4 => PerformanceLimit::SendBufferTooSmall,
        5 => PerformanceLimit::TooManyOptimisticSlots,
        6 => PerformanceLimit::DiskQueueTooLarge,
        7 => PerformanceLimit::DiskOperations,
        9 => PerformanceLimit::TooFewOutgoingPorts,
        10 => PerformanceLimit::TooFewDescriptors,
        _ => PerformanceLimit::Other,
    }
}

fn failure(op: &'static str, on: &str, error: &NativeError) -> Error {
    let failed = Error::from_code(op, &error.category, error.value, &error.message);
    if on.is_empty() { failed } else { failed.on(on) }
}

/// `lt::operation_name` as a verb phrase, where a disk error can say so.
fn disk(operation: &str) -> &'static str {
    match operation {
        "file_read" | "file_mmap" => "read the file",
        "file_write" => "write the file",
        "file_open" => "open the file",
        "file_stat" => "look at the file",
        "file_fallocate" | "file_truncate" => "set the size of the file",
        "mkdir" => "make the directory",
        "partfile_read" | "partfile_write" | "partfile_move" => "use the part file",
        _ => "use the file",
    }
}

/// `lt::torrent_status::state_t`.
fn state(number: u8) -> TorrentState {
    match number {
        1 => TorrentState::CheckingFiles,
        2 => TorrentState::DownloadingMetadata,
        3 => TorrentState::Downloading,
        4 => TorrentState::Finished,
        5 => TorrentState::Seeding,
        _ => TorrentState::CheckingResumeData,
    }
}

fn status(record: StatusRecord, updated: Instant) -> Option<TorrentStatus> {
    let size = |bytes: i64| u64::try_from(bytes).unwrap_or(0);
    let count = |number: i32| u32::try_from(number).unwrap_or(0);
    let rate = |bytes: i32| u64::from(count(bytes));
    let error = (!record.error.category.is_empty()).then(|| failure(USE, "", &record.error));
    Some(TorrentStatus {
        id: TorrentId::from_raw(record.torrent)?,
        name: Default::default(),
        info_hashes: InfoHashes::default(),
        state: state(record.state),
        paused: record.paused,
        finished: record.finished,
        seeding: record.seeding,
        has_metadata: record.has_metadata,
        needs_saving: record.needs_saving,
        saved_figures: SavedFigures {
            uploaded: size(record.ever_uploaded),
            downloaded: size(record.ever_downloaded),
            pieces: count(record.num_pieces),
        },
        progress: record.progress_ppm as f32 / 1e6,
        total_size: size(record.total),
        total_done: size(record.total_done),
        wanted_size: size(record.total_wanted),
        wanted_done: size(record.total_wanted_done),
        downloaded: size(record.downloaded),
        uploaded: size(record.uploaded),
        download_rate: rate(record.download_rate),
        upload_rate: rate(record.upload_rate),
        peers: count(record.num_peers),
        seeds: count(record.num_seeds),
        connections: count(record.num_connections),
        all_time_downloaded: size(record.all_time_downloaded),
        all_time_uploaded: size(record.all_time_uploaded),
        active_time: Duration::from_secs(size(record.active_seconds)),
        seeding_time: Duration::from_secs(size(record.seeding_seconds)),
        error,
        updated,
    })
}

/// A path as libtorrent gives it: the bytes that it was given.
fn path(bytes: Vec<u8>) -> PathBuf {
    #[cfg(unix)]
    return PathBuf::from(<OsString as std::os::unix::ffi::OsStringExt>::from_vec(bytes));
    #[cfg(not(unix))]
    PathBuf::from(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_minor_version_is_refused() {
        assert!(check_versions("2.0.8.0", "2.0.11.0").is_ok());
        let error = check_versions("2.0.8.0", "2.1.0.0").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::VersionMismatch);
        assert!(error.to_string().contains("compiled for libtorrent 2.0.8.0"), "{error}");
    }

    #[test]
    fn this_build_matches_the_library() {
        check_versions(&ffi::compiled_version(), &ffi::loaded_version()).unwrap();
    }

    fn blank(kind: AlertKind) -> AlertRecord {
        AlertRecord {
            kind,
            torrent: 0,
            state: 0,
            number: 0,
            text: String::new(),
            bytes: Vec::new(),
            other: 0,
            detail: String::new(),
            v1: Vec::new(),
            v2: Vec::new(),
            error: NativeError { category: String::new(), value: 0, message: String::new() },
        }
    }

    #[test]
    fn what_strangers_say_is_made_visible_in_every_event() {
        let said = || "a\u{202e}b\u{1b}[31m\u{2028}c\u{9b}".to_owned();
        const SHOWN: &str = r"a\u{202e}b\u{1b}[31m\u{2028}c\u{9b}";
        let told = |kind| {
            let error = NativeError { category: "tracker".into(), value: 1, message: said() };
            let alert =
                AlertRecord { torrent: 1, text: said(), detail: said(), error, ..blank(kind) };
            event(alert, &mut std::iter::empty(), &mut Vec::new()).unwrap()
        };
        for kind in [AlertKind::Added, AlertKind::MetadataReceived] {
            match told(kind) {
                EngineEvent::Added { name, .. } | EngineEvent::MetadataReceived { name, .. } => {
                    assert_eq!(name, SHOWN);
                }
                other => panic!("{other:?}"),
            }
        }
        match told(AlertKind::TrackerWarning) {
            EngineEvent::TrackerWarning { message, url, .. } => {
                assert_eq!((&*message, &*url), (SHOWN, SHOWN));
            }
            other => panic!("{other:?}"),
        }
        for kind in [
            AlertKind::AddFailed,
            AlertKind::DeleteFailed,
            AlertKind::MetadataFailed,
            AlertKind::StorageMoveFailed,
            AlertKind::TorrentError,
            AlertKind::FileError,
            AlertKind::TrackerError,
            AlertKind::ScrapeFailed,
            AlertKind::WebSeedFailed,
            AlertKind::ListenFailed,
            AlertKind::Unreadable,
        ] {
            match told(kind) {
                EngineEvent::AddFailed { error, .. }
                | EngineEvent::DeleteFailed { error, .. }
                | EngineEvent::Failed { error, .. }
                | EngineEvent::MoveFailed { error, .. }
                | EngineEvent::TrackerFailed { error, .. }
                | EngineEvent::ScrapeFailed { error, .. }
                | EngineEvent::WebSeedFailed { error, .. }
                | EngineEvent::ListenFailed { error, .. }
                | EngineEvent::EngineFailed(error) => {
                    assert_eq!(error.message().replace(SHOWN, "").replace(": ", ""), "");
                }
                other => panic!("{other:?}"),
            }
        }
    }

    #[test]
    fn each_answer_has_its_own_statuses() {
        let status = |raw| {
            TorrentStatus::starting(TorrentId::from_raw(raw).unwrap(), Default::default(), true)
        };
        let mut statuses = [1, 2, 3].map(status).into_iter();
        let mut told = |number| {
            let answer = AlertRecord { number, ..blank(AlertKind::Statuses) };
            match event(answer, &mut statuses, &mut Vec::new()) {
                Some(EngineEvent::Statuses(own)) => {
                    own.iter().map(|status| status.id.raw()).collect::<Vec<_>>()
                }
                _ => panic!("the answer was lost"),
            }
        };
        assert_eq!([told(2), told(0), told(1)], [vec![1, 2], vec![], vec![3]]);
    }
}
