//! Converts libtorrent's alerts to events: the sink that C++ calls, and the event for each call.
#![allow(unsafe_code, missing_debug_implementations, unreachable_pub)]

use std::sync::Arc;
use std::time::Instant;

use super::bridge::{self, SavedRecord, StatusRecord, StoredRecord};
use super::convert::{id, path, saved, shown, state, status};
use super::errors::{NativeError, disk_failure, failure, move_failure};
use crate::error::{Error, ErrorKind};
use crate::model::op;
use crate::model::{
    Answer, EngineEvent, Event, InfoHashes, PerformanceLimit, PortMapper, PortProtocol, ResumeData,
    TorrentId,
};

#[cxx::bridge(namespace = "patron")]
#[allow(clippy::missing_safety_doc)]
mod sink {
    /// `lt::performance_alert::performance_warning_t`; 8 is no longer used.
    #[repr(i32)]
    enum PerformanceWarning {
        OutstandingDiskBufferLimitReached = 0,
        OutstandingRequestLimitReached = 1,
        UploadLimitTooLow = 2,
        DownloadLimitTooLow = 3,
        SendBufferWatermarkTooLow = 4,
        TooManyOptimisticUnchokeSlots = 5,
        TooHighDiskQueueLimit = 6,
        AioLimitReached = 7,
        TooFewOutgoingPorts = 9,
        TooFewFileDescriptors = 10,
    }

    #[repr(u8)]
    enum PortMapper {
        NatPmp,
        Upnp,
    }

    unsafe extern "C++" {
        include!("torrent-patron/cpp/session/session.hpp");
        include!("torrent-patron/src/sys/bridge.rs.h");

        type NativeError = crate::sys::errors::NativeError;
        type Protocol = crate::sys::bridge::Protocol;
        type SavedRecord = crate::sys::bridge::SavedRecord;
        type Session = crate::sys::bridge::Session;
        type StatusRecord = crate::sys::bridge::StatusRecord;
        type StoredRecord = crate::sys::bridge::StoredRecord;
        type TorrentState = crate::sys::bridge::TorrentState;

        /// Converts the alerts that were popped.
        fn convert_alerts(self: Pin<&mut Session>, out: &mut Alerts) -> Result<()>;
    }

    extern "Rust" {
        /// Receives alerts. Where possible, each function has the name of libtorrent's alert;
        /// `torrent` is a torrent's id, or 0 for none.
        type Alerts;
        fn added(self: &mut Alerts, torrent: u64, name: String, v1: Vec<u8>, v2: Vec<u8>);
        /// `is_temporary` means that adding it again may succeed.
        fn add_failed(self: &mut Alerts, torrent: u64, error: NativeError, is_temporary: bool);
        fn removed(self: &mut Alerts, torrent: u64);
        fn files_deleted(self: &mut Alerts, torrent: u64);
        fn delete_failed(self: &mut Alerts, torrent: u64, error: NativeError);
        fn state_changed(self: &mut Alerts, torrent: u64, state: TorrentState);
        fn paused(self: &mut Alerts, torrent: u64);
        fn resumed(self: &mut Alerts, torrent: u64);
        fn checked(self: &mut Alerts, torrent: u64);
        fn finished(self: &mut Alerts, torrent: u64);
        fn metadata_received(
            self: &mut Alerts,
            torrent: u64,
            name: String,
            v1: Vec<u8>,
            v2: Vec<u8>,
        );
        fn metadata_failed(self: &mut Alerts, torrent: u64, error: NativeError);
        fn torrent_error(self: &mut Alerts, torrent: u64, file: String, error: NativeError);
        fn conflict(self: &mut Alerts, torrent: u64);
        fn storage_moved(self: &mut Alerts, torrent: u64, path: Vec<u8>);
        fn storage_move_failed(self: &mut Alerts, torrent: u64, file: String, error: NativeError);
        fn file_renamed(self: &mut Alerts, torrent: u64, file: u32, path: Vec<u8>);
        /// `operation` is from `lt::operation_name`.
        fn file_unavailable(
            self: &mut Alerts,
            torrent: u64,
            operation: &str,
            file: String,
            error: NativeError,
        );
        fn file_error(
            self: &mut Alerts,
            torrent: u64,
            operation: &str,
            file: String,
            error: NativeError,
        );
        fn file_completed(self: &mut Alerts, torrent: u64, file: u32);
        fn piece_finished(self: &mut Alerts, torrent: u64, piece: u32);
        fn hash_failed(self: &mut Alerts, torrent: u64, piece: u32);
        fn performance_warning(self: &mut Alerts, torrent: u64, warning: PerformanceWarning);
        fn tracker_error(
            self: &mut Alerts,
            torrent: u64,
            url: String,
            times_in_row: u32,
            error: NativeError,
        );
        fn tracker_warning(self: &mut Alerts, torrent: u64, url: String, message: String);
        fn tracker_reply(self: &mut Alerts, torrent: u64, url: String, peers: u32);
        /// A number is -1 if it is not known.
        fn scraped(self: &mut Alerts, torrent: u64, url: String, seeds: i32, leechers: i32);
        fn scrape_failed(self: &mut Alerts, torrent: u64, url: String, error: NativeError);
        fn web_seed_failed(self: &mut Alerts, torrent: u64, url: String, error: NativeError);
        /// The address is empty if the peer has none.
        fn peer_banned(self: &mut Alerts, torrent: u64, address: String);
        fn peer_connected(self: &mut Alerts, torrent: u64, address: String, outgoing: bool);
        fn peer_disconnected(self: &mut Alerts, torrent: u64, address: String, error: NativeError);
        fn port_mapped(
            self: &mut Alerts,
            by: PortMapper,
            protocol: Protocol,
            external_port: u16,
            local: String,
        );
        fn port_mapping_failed(
            self: &mut Alerts,
            by: PortMapper,
            local: String,
            error: NativeError,
        );
        fn external_address(self: &mut Alerts, address: String);
        fn listens_at(self: &mut Alerts, addresses: Vec<String>);
        fn listen_failed(self: &mut Alerts, address: String, error: NativeError);
        fn session_error(self: &mut Alerts, error: NativeError);
        /// An alert that could not be converted.
        fn unreadable(self: &mut Alerts, alert: &str, error: NativeError);
        /// libtorrent's alert queue was full and alerts were lost.
        fn dropped(self: &mut Alerts);
        fn statuses(self: &mut Alerts, statuses: Vec<StatusRecord>);
        fn every_status(self: &mut Alerts, statuses: Vec<StatusRecord>);
        /// The values are in the order of `metrics`.
        fn statistics(self: &mut Alerts, counters: &[i64]);
        // Answers that come with alerts.
        fn answer_done(self: &mut Alerts, request: u64);
        fn answer_path(self: &mut Alerts, request: u64, path: Vec<u8>);
        fn answer_bytes(self: &mut Alerts, request: u64, bytes: Vec<u8>);
        /// No bytes mean that nothing has changed.
        fn answer_resume_data(
            self: &mut Alerts,
            request: u64,
            data: StoredRecord,
            saved: SavedRecord,
        );
        fn answer_failed(self: &mut Alerts, request: u64, on: String, error: NativeError);
        fn answer_lost(self: &mut Alerts, request: u64);
    }
}

const PROCESS: &str = "process the torrent";

/// The error of two torrents that turned out to be one.
pub(crate) fn duplicate() -> Error {
    let message = "its metadata shows that it is the same torrent as another one here (a hybrid torrent \
                   added by its v1 and by its v2 hash); remove one of them";
    Error::new(ErrorKind::Native, PROCESS, message)
}

/// Collects alerts as events, in order. C++ calls these functions, so none of them panics.
#[derive(Debug, Default)]
pub(crate) struct Alerts {
    pub(crate) events: Vec<EngineEvent>,
    pub(crate) answers: Vec<EngineEvent>,
    /// Whether the newest counters were taken, which answer every request for them.
    has_statistics: bool,
}

impl Alerts {
    fn push(&mut self, torrent: u64, event: impl FnOnce(TorrentId) -> EngineEvent) {
        self.events.extend(id(torrent).map(event));
    }

    /// Adds an event for the patrons of a torrent. The client adds the torrent's name.
    fn publish(&mut self, torrent: u64, event: impl FnOnce(TorrentId, Arc<str>) -> Event) {
        self.push(torrent, |id| EngineEvent::OfTorrent(event(id, Arc::default())));
    }

    fn answer(&mut self, request: u64, answer: Result<Answer, Error>) {
        self.answers.push(EngineEvent::Answered { request, answer });
    }

    pub(super) fn added(&mut self, torrent: u64, name: String, v1: Vec<u8>, v2: Vec<u8>) {
        let name = shown(name);
        let info_hashes = InfoHashes::from_bytes(&v1, &v2);
        self.push(torrent, |id| EngineEvent::Added { id, name, info_hashes });
    }

    pub(super) fn add_failed(&mut self, torrent: u64, error: NativeError, is_temporary: bool) {
        let error = failure(op::ADD, "", &error);
        self.push(torrent, |id| EngineEvent::AddFailed { id, error, busy: is_temporary });
    }

    pub(super) fn removed(&mut self, torrent: u64) {
        self.push(torrent, EngineEvent::Removed);
    }

    pub(super) fn files_deleted(&mut self, torrent: u64) {
        self.push(torrent, EngineEvent::Deleted);
    }

    pub(super) fn delete_failed(&mut self, torrent: u64, error: NativeError) {
        let error = disk_failure("delete the files", "", &error);
        self.push(torrent, |id| EngineEvent::DeleteFailed { id, error });
    }

    pub(super) fn state_changed(&mut self, torrent: u64, now: bridge::TorrentState) {
        self.push(torrent, |id| EngineEvent::StateChanged { id, state: state(now) });
    }

    pub(super) fn paused(&mut self, torrent: u64) {
        self.push(torrent, EngineEvent::Paused);
    }

    pub(super) fn resumed(&mut self, torrent: u64) {
        self.push(torrent, EngineEvent::Resumed);
    }

    pub(super) fn checked(&mut self, torrent: u64) {
        self.push(torrent, EngineEvent::Checked);
    }

    pub(super) fn finished(&mut self, torrent: u64) {
        self.push(torrent, EngineEvent::Finished);
    }

    pub(super) fn metadata_received(
        &mut self,
        torrent: u64,
        name: String,
        v1: Vec<u8>,
        v2: Vec<u8>,
    ) {
        let name = shown(name);
        let info_hashes = InfoHashes::from_bytes(&v1, &v2);
        self.push(torrent, |id| EngineEvent::MetadataReceived { id, name, info_hashes });
    }

    pub(super) fn metadata_failed(&mut self, torrent: u64, error: NativeError) {
        let error = failure("use the metadata that a peer sent", "", &error);
        let error = error.with_kind(ErrorKind::NoMetadata);
        self.push(torrent, |id| EngineEvent::Failed { id, error });
    }

    pub(super) fn torrent_error(&mut self, torrent: u64, file: String, error: NativeError) {
        let error = disk_failure(PROCESS, &file, &error);
        self.push(torrent, |id| EngineEvent::Failed { id, error });
    }

    pub(super) fn conflict(&mut self, torrent: u64) {
        self.push(torrent, |id| EngineEvent::Failed { id, error: duplicate() });
    }

    pub(super) fn storage_moved(&mut self, torrent: u64, to: Vec<u8>) {
        self.push(torrent, |id| EngineEvent::Moved { id, to: path(to) });
    }

    pub(super) fn storage_move_failed(&mut self, torrent: u64, file: String, error: NativeError) {
        let error = move_failure(op::MOVE, &file, &error);
        self.push(torrent, |id| EngineEvent::MoveFailed { id, error });
    }

    pub(super) fn file_renamed(&mut self, torrent: u64, file: u32, to: Vec<u8>) {
        self.push(torrent, |id| EngineEvent::FileRenamed { id, file, to: path(to) });
    }

    pub(super) fn file_error(
        &mut self,
        torrent: u64,
        operation: &str,
        file: String,
        error: NativeError,
    ) {
        let error = disk_failure(disk(operation), &file, &error);
        self.push(torrent, |id| EngineEvent::Failed { id, error });
    }

    /// A lack of descriptors or memory passes. It does not stop the torrent; peers ask again.
    pub(super) fn file_unavailable(
        &mut self,
        torrent: u64,
        operation: &str,
        file: String,
        error: NativeError,
    ) {
        let error = disk_failure(disk(operation), &file, &error);
        tracing::warn!(id = torrent, %error, "a file is not available at the moment");
    }

    pub(super) fn file_completed(&mut self, torrent: u64, file: u32) {
        self.publish(torrent, |id, name| Event::FileCompleted { id, name, file });
    }

    pub(super) fn piece_finished(&mut self, torrent: u64, piece: u32) {
        self.publish(torrent, |id, name| Event::PieceFinished { id, name, piece });
    }

    pub(super) fn hash_failed(&mut self, torrent: u64, piece: u32) {
        self.publish(torrent, |id, name| Event::HashFailed { id, name, piece });
    }

    pub(super) fn performance_warning(&mut self, torrent: u64, warning: sink::PerformanceWarning) {
        let limit = performance_limit(warning);
        let id = id(torrent);
        let event = Event::PerformanceWarning { id, name: None, limit };
        self.events.push(match id {
            Some(_) => EngineEvent::OfTorrent(event),
            None => EngineEvent::OfClient(event),
        });
    }

    pub(super) fn tracker_error(
        &mut self,
        torrent: u64,
        url: String,
        times_in_row: u32,
        error: NativeError,
    ) {
        let error = failure(op::ANNOUNCE, &url, &error);
        let url = shown(url);
        self.push(torrent, |id| EngineEvent::TrackerFailed { id, url, times_in_row, error });
    }

    pub(super) fn tracker_warning(&mut self, torrent: u64, url: String, message: String) {
        let (url, message) = (shown(url).into(), shown(message).into());
        self.publish(torrent, |id, name| Event::TrackerWarning { id, name, url, message });
    }

    pub(super) fn tracker_reply(&mut self, torrent: u64, url: String, peers: u32) {
        let url = shown(url).into();
        self.publish(torrent, |id, name| Event::TrackerReply { id, name, url, peers });
    }

    pub(super) fn scraped(&mut self, torrent: u64, url: String, seeds: i32, leechers: i32) {
        let url = shown(url).into();
        let (seeds, leechers) = (seeds.try_into().ok(), leechers.try_into().ok());
        self.publish(torrent, |id, name| Event::Scraped { id, name, url, seeds, leechers });
    }

    pub(super) fn scrape_failed(&mut self, torrent: u64, url: String, error: NativeError) {
        let error = failure("scrape the tracker", &url, &error);
        let url = shown(url).into();
        self.publish(torrent, |id, name| Event::ScrapeFailed { id, name, url, error });
    }

    pub(super) fn web_seed_failed(&mut self, torrent: u64, url: String, error: NativeError) {
        let error = failure("use the web seed", &url, &error);
        let url = shown(url).into();
        self.publish(torrent, |id, name| Event::WebSeedFailed { id, name, url, error });
    }

    pub(super) fn peer_banned(&mut self, torrent: u64, address: String) {
        let Ok(address) = address.parse() else { return };
        self.publish(torrent, |id, name| Event::PeerBanned { id, name, address });
    }

    pub(super) fn peer_connected(&mut self, torrent: u64, address: String, outgoing: bool) {
        let Ok(address) = address.parse() else { return };
        self.publish(torrent, |id, name| Event::PeerConnected { id, name, address, outgoing });
    }

    pub(super) fn peer_disconnected(&mut self, torrent: u64, address: String, error: NativeError) {
        let error = failure("talk to the peer", &address, &error);
        let Ok(address) = address.parse() else { return };
        self.publish(torrent, |id, name| Event::PeerDisconnected { id, name, address, error });
    }

    pub(super) fn port_mapped(
        &mut self,
        by: sink::PortMapper,
        protocol: bridge::Protocol,
        external_port: u16,
        local: String,
    ) {
        let Ok(local) = local.parse() else { return };
        let protocol = match protocol {
            bridge::Protocol::Udp => PortProtocol::Udp,
            _ => PortProtocol::Tcp,
        };
        let event = Event::PortMapped { by: mapper(by), protocol, external_port, local };
        self.events.push(EngineEvent::OfClient(event));
    }

    pub(super) fn port_mapping_failed(
        &mut self,
        by: sink::PortMapper,
        local: String,
        error: NativeError,
    ) {
        let Ok(local) = local.parse() else { return };
        let error = failure("map a port of the router", "", &error);
        let event = Event::PortMappingFailed { by: mapper(by), local, error };
        self.events.push(EngineEvent::OfClient(event));
    }

    pub(super) fn external_address(&mut self, address: String) {
        let Ok(address) = address.parse() else { return };
        self.events.push(EngineEvent::OfClient(Event::ExternalAddress { address }));
    }

    pub(super) fn listens_at(&mut self, addresses: Vec<String>) {
        let addresses = addresses.iter().filter_map(|address| address.parse().ok()).collect();
        self.events.push(EngineEvent::ListensAt(addresses));
    }

    pub(super) fn listen_failed(&mut self, address: String, error: NativeError) {
        let error = failure(op::LISTEN, &address, &error);
        self.events.push(EngineEvent::ListenFailed { address: shown(address), error });
    }

    pub(super) fn session_error(&mut self, error: NativeError) {
        self.events.push(EngineEvent::EngineFailed(failure("run libtorrent", "", &error)));
    }

    pub(super) fn unreadable(&mut self, alert: &str, error: NativeError) {
        let error = failure("read an alert of libtorrent", alert, &error);
        self.events.push(EngineEvent::EngineFailed(error));
    }

    pub(super) fn dropped(&mut self) {
        self.events.push(EngineEvent::Dropped);
    }

    pub(super) fn statuses(&mut self, records: Vec<StatusRecord>) {
        self.events.push(EngineEvent::Statuses(read(records)));
    }

    pub(super) fn every_status(&mut self, records: Vec<StatusRecord>) {
        self.events.push(EngineEvent::EveryStatus(read(records)));
    }

    pub(super) fn statistics(&mut self, counters: &[i64]) {
        // The first counters answer every request.
        if !std::mem::replace(&mut self.has_statistics, true) {
            self.events.push(EngineEvent::Statistics(vec![counters.to_vec()]));
        }
    }

    pub(super) fn answer_done(&mut self, request: u64) {
        self.answer(request, Ok(Box::new(())));
    }

    pub(super) fn answer_path(&mut self, request: u64, bytes: Vec<u8>) {
        self.answer(request, Ok(Box::new(path(bytes))));
    }

    pub(super) fn answer_bytes(&mut self, request: u64, bytes: Vec<u8>) {
        self.answer(request, Ok(Box::new(bytes)));
    }

    pub(super) fn answer_resume_data(
        &mut self,
        request: u64,
        data: StoredRecord,
        record: SavedRecord,
    ) {
        let StoredRecord { resume_data: bytes, info } = data;
        self.answer(request, Ok(Box::new(ResumeData { bytes, info, figures: saved(&record) })));
    }

    pub(super) fn answer_failed(&mut self, request: u64, on: String, error: NativeError) {
        let error = match error.category.is_empty() {
            true => Error::new(ErrorKind::Native, "", "libtorrent gave no reason"),
            // Requests that are answered by an alert concern the files.
            false => move_failure("", &on, &error),
        };
        self.answer(request, Err(error));
    }

    pub(super) fn answer_lost(&mut self, request: u64) {
        let message = "libtorrent lost its answer under load";
        self.answer(request, Err(Error::new(ErrorKind::Busy, "", message)));
    }
}

fn read(records: Vec<StatusRecord>) -> Vec<crate::model::TorrentStatus> {
    let now = Instant::now();
    records.into_iter().filter_map(|record| status(record, now)).collect()
}

fn mapper(by: sink::PortMapper) -> PortMapper {
    match by {
        sink::PortMapper::Upnp => PortMapper::Upnp,
        _ => PortMapper::NatPmp,
    }
}

fn performance_limit(warning: sink::PerformanceWarning) -> PerformanceLimit {
    use sink::PerformanceWarning as Warning;
    match warning {
        Warning::OutstandingDiskBufferLimitReached => PerformanceLimit::DiskQueueFull,
        Warning::OutstandingRequestLimitReached => PerformanceLimit::RequestQueueFull,
        Warning::UploadLimitTooLow => PerformanceLimit::UploadLimitTooLow,
        Warning::DownloadLimitTooLow => PerformanceLimit::DownloadLimitTooLow,
        Warning::SendBufferWatermarkTooLow => PerformanceLimit::SendBufferTooSmall,
        Warning::TooManyOptimisticUnchokeSlots => PerformanceLimit::TooManyOptimisticSlots,
        Warning::TooHighDiskQueueLimit => PerformanceLimit::DiskQueueTooLarge,
        Warning::AioLimitReached => PerformanceLimit::DiskOperations,
        Warning::TooFewOutgoingPorts => PerformanceLimit::TooFewOutgoingPorts,
        Warning::TooFewFileDescriptors => PerformanceLimit::TooFewDescriptors,
        _ => PerformanceLimit::Other,
    }
}

/// Converts `lt::operation_name` to a verb phrase, for operations that can fail on disk.
fn disk(operation: &str) -> &'static str {
    match operation {
        "file_read" | "file_mmap" => "read the file",
        "file_write" => "write the file",
        "file_open" => "open the file",
        "file_stat" => "examine the file",
        "file_fallocate" | "file_truncate" => "set the size of the file",
        "mkdir" => "create the directory",
        "partfile_read" | "partfile_write" | "partfile_move" => "access the part file",
        _ => "access the file",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::TorrentStatus;

    fn error() -> NativeError {
        NativeError { category: "system".into(), value: 5, message: "no".into() }
    }

    #[test]
    fn alerts_of_unknown_torrents_are_dropped() {
        let mut alerts = Alerts::default();
        alerts.paused(0);
        alerts.piece_finished(0, 1);
        alerts.peer_banned(1, "not an address".into());
        assert!(alerts.events.is_empty());
        alerts.scrape_failed(1, "udp://t/".into(), error());
        let [EngineEvent::OfTorrent(Event::ScrapeFailed { error, .. })] = &alerts.events[..] else {
            panic!("{alerts:?}")
        };
        assert_eq!(error.to_string(), "cannot scrape the tracker: udp://t/: no");
    }

    #[test]
    fn what_strangers_say_is_made_visible_in_every_event() {
        let said = || "a\u{202e}b\u{1b}[31m\u{2028}c\u{9b}".to_owned();
        const SHOWN: &str = r"a\u{202e}b\u{1b}[31m\u{2028}c\u{9b}";
        let error = || NativeError { category: "tracker".into(), value: 1, message: said() };
        let mut alerts = Alerts::default();
        alerts.added(1, said(), Vec::new(), Vec::new());
        alerts.metadata_received(1, said(), Vec::new(), Vec::new());
        alerts.tracker_warning(1, said(), said());
        alerts.tracker_reply(1, said(), 0);
        alerts.scraped(1, said(), 0, 0);
        alerts.add_failed(1, error(), false);
        alerts.delete_failed(1, error());
        alerts.metadata_failed(1, error());
        alerts.storage_move_failed(1, said(), error());
        alerts.torrent_error(1, said(), error());
        alerts.file_error(1, "file_read", said(), error());
        alerts.tracker_error(1, said(), 1, error());
        alerts.scrape_failed(1, said(), error());
        alerts.web_seed_failed(1, said(), error());
        alerts.listen_failed(said(), error());
        alerts.session_error(error());
        alerts.unreadable(&said(), error());
        alerts.answer_failed(1, said(), error());
        assert_eq!((alerts.events.len(), alerts.answers.len()), (17, 1));
        for event in alerts.events.into_iter().chain(alerts.answers) {
            let texts = match event {
                EngineEvent::Added { name, .. } | EngineEvent::MetadataReceived { name, .. } => {
                    name
                }
                EngineEvent::OfTorrent(Event::TrackerWarning { url, message, .. }) => {
                    format!("{url}{message}")
                }
                EngineEvent::OfTorrent(
                    Event::TrackerReply { url, .. } | Event::Scraped { url, .. },
                ) => url.into(),
                EngineEvent::OfTorrent(
                    Event::ScrapeFailed { url, error, .. }
                    | Event::WebSeedFailed { url, error, .. },
                ) => format!("{url}{}", error.message()),
                EngineEvent::TrackerFailed { url, error, .. }
                | EngineEvent::ListenFailed { address: url, error } => {
                    format!("{url}{}", error.message())
                }
                EngineEvent::AddFailed { error, .. }
                | EngineEvent::DeleteFailed { error, .. }
                | EngineEvent::Failed { error, .. }
                | EngineEvent::MoveFailed { error, .. }
                | EngineEvent::EngineFailed(error)
                | EngineEvent::Answered { answer: Err(error), .. } => error.message().into(),
                other => panic!("{other:?}"),
            };
            assert!(texts.contains(SHOWN), "{texts}");
            assert_eq!(texts.replace(SHOWN, "").replace(": ", ""), "");
        }
    }

    #[test]
    fn the_first_counters_answer_all_who_have_asked() {
        let mut alerts = Alerts::default();
        alerts.statistics(&[1, 2]);
        alerts.statistics(&[1, 3]);
        assert!(
            matches!(&alerts.events[..], [EngineEvent::Statistics(values)] if values == &[[1, 2]])
        );
    }

    #[test]
    fn statuses_of_removed_torrents_are_left_out() {
        assert_eq!(read(Vec::new()), Vec::<TorrentStatus>::new());
    }
}
