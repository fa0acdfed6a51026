//! The one bridge to C++. Data crosses as plain structs; ownership crosses only as `UniquePtr` of
//! opaque C++ types and as the boxed [`Waker`]. Every function that can throw returns `Result`.
#![allow(unsafe_code, missing_debug_implementations, unreachable_pub)]

use crossbeam_channel::{Sender, TrySendError};

/// What libtorrent's alert-notify callback holds: the sending end of the client's wake channel.
pub(crate) struct Waker(pub(crate) Sender<()>);

impl Waker {
    /// Called by libtorrent's thread with its alert mutex held: one `try_send`, which neither
    /// blocks nor panics. A full channel means that the client thread is already on its way.
    fn wake(&self) {
        match self.0.try_send(()) {
            Ok(()) | Err(TrySendError::Full(()) | TrySendError::Disconnected(())) => {}
        }
    }
}

/// How far a torrent in the making has come, and whether to go on; called once a piece.
pub(crate) struct PieceObserver(pub(crate) Box<dyn Fn(u64, u64) -> bool + Send>);

impl PieceObserver {
    fn hashed(&self, pieces: u64, of: u64) -> bool {
        (self.0)(pieces, of)
    }
}

#[cxx::bridge(namespace = "patron")]
#[allow(clippy::missing_safety_doc)]
mod bridge {
    /// What an [`AlertRecord`] says; which fields carry meaning is told at each.
    #[repr(u8)]
    enum AlertKind {
        /// `text` the name, `v1`, `v2`.
        Added,
        /// `error`; `number` is not 0 when it may pass by itself.
        AddFailed,
        Removed,
        Deleted,
        /// `error`; none when there was nothing to delete.
        DeleteFailed,
        /// `state`.
        StateChanged,
        Paused,
        Resumed,
        Checked,
        Finished,
        /// `text` the name, `v1`, `v2`.
        MetadataReceived,
        /// `error`.
        MetadataFailed,
        /// `bytes` the new path.
        StorageMoved,
        /// `error`, `text` the file.
        StorageMoveFailed,
        /// `number` the file, `bytes` its new path.
        FileRenamed,
        /// `error`, `text` the file if one is concerned.
        TorrentError,
        /// `error`, `detail` the operation, `text` the file.
        FileError,
        /// `number` the piece.
        HashFailed,
        /// `error`, `text` the URL, `number` how often in a row.
        TrackerError,
        /// `text` the URL, `detail` what it says.
        TrackerWarning,
        /// `text` the URL, `number` of peers.
        TrackerReply,
        /// `text` the URL, `number` of seeds, `other` of leechers, each -1 for not known.
        Scraped,
        /// `error`, `text` the URL.
        ScrapeFailed,
        /// `error`, `text` the URL.
        WebSeedFailed,
        /// `text` the address.
        PeerBanned,
        /// `text` the address, `number` 1 where we called.
        PeerConnected,
        /// `error`, `text` the address.
        PeerDisconnected,
        /// `number` the file.
        FileCompleted,
        /// `number` the piece.
        PieceFinished,
        /// `number` as `lt::performance_alert::performance_warning_t`; perhaps of no torrent.
        PerformanceWarning,
        /// Two of these, one for each torrent.
        Conflict,
        /// `text` our address in the router's network, `number` the port; `detail` `upnp` or empty,
        /// `other` 1 for UDP.
        PortMapped,
        /// `error`, `text` and `detail` likewise.
        PortMappingFailed,
        /// `text` the address.
        ExternalAddress,
        /// `text` the address.
        Listening,
        /// `error`, `text` the interface.
        ListenFailed,
        /// `error`: libtorrent itself gave up.
        SessionError,
        /// One `request_statuses` is answered; its statuses are the next `number` in
        /// `Drained::statuses`.
        Statuses,
        /// A `request_every_status` is answered, likewise.
        EveryStatus,
        /// A `request_statistics` is answered; the counters are in `Drained::counters`.
        Statistics,
        /// libtorrent's alert queue was full and alerts were lost.
        Dropped,
        /// An alert that could not be converted; `error`.
        Unreadable,
    }

    struct NativeError {
        /// Empty: no error.
        category: String,
        value: i32,
        message: String,
    }

    struct AlertRecord {
        kind: AlertKind,
        /// The torrent's id, 0 for none.
        torrent: u64,
        state: u8,
        number: i64,
        other: i64,
        text: String,
        bytes: Vec<u8>,
        detail: String,
        v1: Vec<u8>,
        v2: Vec<u8>,
        error: NativeError,
    }

    /// `lt::torrent_status` without what costs the network thread something to compute.
    struct StatusRecord {
        torrent: u64,
        /// `lt::torrent_status::state_t`.
        state: u8,
        paused: bool,
        finished: bool,
        seeding: bool,
        has_metadata: bool,
        needs_saving: bool,
        progress_ppm: i32,
        /// Uploaded and downloaded since the torrent was first started.
        ever_uploaded: i64,
        ever_downloaded: i64,
        num_pieces: i32,
        total: i64,
        total_done: i64,
        total_wanted: i64,
        total_wanted_done: i64,
        downloaded: i64,
        uploaded: i64,
        download_rate: i32,
        upload_rate: i32,
        num_peers: i32,
        num_seeds: i32,
        num_connections: i32,
        /// In all runs.
        all_time_downloaded: i64,
        all_time_uploaded: i64,
        active_seconds: i64,
        seeding_seconds: i64,
        error: NativeError,
    }

    /// What libtorrent tells only while somebody wants it (`lt::alert_category`).
    struct InterestRecord {
        peers: bool,
        connections: bool,
        trackers: bool,
        files: bool,
        pieces: bool,
        performance: bool,
    }

    struct Drained {
        /// What requests were answered with; older than the alerts.
        answers: Vec<AnswerRecord>,
        alerts: Vec<AlertRecord>,
        statuses: Vec<StatusRecord>,
        /// libtorrent's own counters, the newest; [`MetricRecord::index`] is a place in it.
        counters: Vec<i64>,
    }

    /// One of libtorrent's counters.
    struct MetricRecord {
        name: String,
        index: i32,
        /// It goes up and down; else it only grows.
        gauge: bool,
    }

    /// A libtorrent setting; `text` or `number` holds the value, as the setting's type says.
    struct SettingRecord {
        name: String,
        text: String,
        number: i64,
    }

    /// How blocks are read for peers.
    #[repr(u8)]
    enum DiskReads {
        /// As libtorrent does it.
        Stock,
        Copy,
        ZeroCopy,
    }

    /// What the read path has done so far.
    struct ReadRecord {
        mapped_blocks: u64,
        mapped_bytes: u64,
        copied_blocks: u64,
        copied_bytes: u64,
        cold_blocks: u64,
        cold_bytes: u64,
        stock_writing: u64,
        stock_partial: u64,
        stock_scattered: u64,
        stock_descriptors: u64,
        stock_unusable: u64,
        stock_other: u64,
        failed: u64,
        refused: u64,
        evicted: u64,
        open_files: u64,
        mappings: u64,
    }

    /// What is asked of libtorrent, and which fields it takes.
    #[repr(u8)]
    #[derive(Debug)]
    enum RequestKind {
        /// Answered by `bytes`, a .torrent file.
        Metainfo,
        /// Answered by `bytes`; `numbers`, what was uploaded and downloaded ever, and how many pieces
        /// are here.
        ResumeData,
        /// Likewise; without bytes where nothing has changed since the last time.
        ResumeDataIfChanged,
        /// Answered by `files`.
        Files,
        /// `index` the file, `number` the priority.
        FilePriority,
        /// `levels` the priorities.
        FilePriorities,
        /// `index` the file, `bytes` its new path. Answered by `bytes`, the new path.
        RenameFile,
        /// `bytes` the directory, `number` 0 fail, 1 replace, 2 keep. Answered by `bytes`, the
        /// directory.
        MoveStorage,
        /// Answered by `levels`, the priorities; `bytes`, 1 for each piece that is here; `numbers`,
        /// the availability; `partial`.
        Pieces,
        /// `index` the piece, `number` the priority.
        PiecePriority,
        /// `levels` the priorities.
        PiecePriorities,
        /// `index` the piece, `number` milliseconds; -1 for no deadline.
        PieceDeadline,
        ClearPieceDeadlines,
        /// `number` 1 to want the ends of files first, 0 to want them as the rest.
        EndsFirst,
        /// `index` the piece. Answered by `bytes`.
        ReadPiece,
        /// `index` the piece, `bytes` its data.
        AddPiece,
        Recheck,
        /// Answered by `bytes`, the directory; `number`, the flags; `numbers`, the limits of
        /// download, upload, connections and upload slots and the place in the queue, -1 for none.
        Options,
        /// `index` a place in `TorrentFlag::ALL`, `number` 0 or 1.
        Flag,
        /// `number` bytes per second; -1 for none.
        DownloadLimit,
        UploadLimit,
        /// `number` connections; -1 for none.
        ConnectionsLimit,
        UploadSlots,
        /// `number` the place; -1 up, -2 down, -3 to the front, -4 to the end.
        Queue,
        /// Answered by `peers`.
        Peers,
        /// `text` the address, `number` the port.
        ConnectPeer,
        ClearPeers,
        /// Answered by `trackers`.
        Trackers,
        /// `trackers`, one.
        AddTracker,
        /// `text` the URL.
        RemoveTracker,
        /// `trackers`.
        ReplaceTrackers,
        Reannounce,
        Scrape,
        AnnounceToDht,
        AnnounceLocally,
        /// Answered by `texts`.
        WebSeeds,
        /// `text` the URL.
        AddWebSeed,
        RemoveWebSeed,
        /// `texts` in PEM: the certificate, the private key, the parameters of Diffie and Hellman.
        TlsCertificate,
        /// `bytes`, a .torrent file.
        GiveMetainfo,
        PauseGracefully,
        FlushFiles,
        // Of the session.
        /// Answered by `settings`.
        Settings,
        /// `settings`.
        ApplySettings,
        /// Answered by `bytes`.
        State,
        /// Answered by `texts`, the first and the last address of each range that is blocked.
        IpFilter,
        /// `texts`, likewise.
        SetIpFilter,
        /// `text` the address.
        Ban,
        PauseAll,
        ResumeAll,
        /// Answered by `number`, 0 or 1.
        AllPaused,
        /// `numbers`, the first and the last port of each range that is not called.
        SetPortFilter,
        /// `text` the host, `number` the port.
        AddDhtNode,
        /// Answered by `number`, 0 or 1.
        DhtRunning,
        /// `index` 0 for TCP, 1 for UDP; `number` the external port, `numbers` the local one. Answered
        /// by `numbers`, the handles.
        MapPort,
        /// `number` the handle.
        UnmapPort,
        ReopenSockets,
        /// `text` the name. Answered by `number`, the class.
        CreatePeerClass,
        /// `number` the class.
        RemovePeerClass,
        /// `number` the class. Answered by `peer_class`, one.
        PeerClass,
        /// `number` the class, `peer_class`, one.
        SetPeerClass,
        /// Answered by `texts` as for `IpFilter`, and `numbers`, for each range a bit for each class.
        PeerClassRanges,
        /// Likewise.
        SetPeerClassRanges,
    }

    struct RequestRecord {
        kind: RequestKind,
        /// Comes back in the answer.
        request: u64,
        /// The torrent's id, 0 for none.
        torrent: u64,
        index: i32,
        number: i64,
        text: String,
        texts: Vec<String>,
        bytes: Vec<u8>,
        levels: Vec<u8>,
        trackers: Vec<TrackerRecord>,
        settings: Vec<SettingRecord>,
        numbers: Vec<i64>,
        peer_class: Vec<PeerClassRecord>,
        /// For the resume data.
        own: OwnRecord,
    }

    /// `lt::peer_class_info`.
    struct PeerClassRecord {
        name: String,
        ignore_unchoke_slots: bool,
        connection_limit_factor: i32,
        /// 0: no limit.
        upload_limit: i32,
        download_limit: i32,
        upload_priority: i32,
        download_priority: i32,
    }

    struct AnswerRecord {
        kind: RequestKind,
        request: u64,
        /// If there is one, nothing else is here.
        error: NativeError,
        number: i64,
        texts: Vec<String>,
        bytes: Vec<u8>,
        levels: Vec<u8>,
        numbers: Vec<i64>,
        files: Vec<FileStatusRecord>,
        partial: Vec<PartialPieceRecord>,
        peers: Vec<PeerStatusRecord>,
        trackers: Vec<TrackerStatusRecord>,
        announces: Vec<AnnounceRecord>,
        peer_class: Vec<PeerClassRecord>,
        settings: Vec<SettingRecord>,
    }

    struct FileStatusRecord {
        path: Vec<u8>,
        size: i64,
        done: i64,
        priority: u8,
        pad: bool,
    }

    struct PartialPieceRecord {
        piece: i32,
        blocks: i32,
        finished: i32,
        writing: i32,
        requested: i32,
    }

    /// `lt::peer_info`.
    struct PeerStatusRecord {
        /// Empty for one that has none.
        address: String,
        local_address: String,
        /// 0 a client, 1 a web seed, 2 an HTTP seed.
        connection: u8,
        client: String,
        id: Vec<u8>,
        utp: bool,
        i2p: bool,
        tls: bool,
        rc4: bool,
        obfuscated: bool,
        /// Bits as in `lt::peer_info`: tracker, DHT, PEX, LSD, resume data, incoming.
        sources: u8,
        progress_ppm: i32,
        seed: bool,
        outgoing: bool,
        connecting: bool,
        interesting: bool,
        choked: bool,
        interested: bool,
        choking: bool,
        snubbed: bool,
        optimistic_unchoke: bool,
        suspected: bool,
        download_rate: i32,
        upload_rate: i32,
        downloaded: i64,
        uploaded: i64,
        requested: i32,
        requests: i32,
        hash_failures: i32,
        failures: i32,
        idle_ms: i64,
        round_trip_ms: i64,
    }

    struct TrackerStatusRecord {
        url: String,
        tier: u8,
        working: bool,
        /// `lt::announce_entry::tracker_source`.
        source: u8,
        /// How many of `AnswerRecord::announces` are this tracker's; they are in order.
        announces: usize,
    }

    struct AnnounceRecord {
        from: String,
        protocol: u8,
        message: String,
        error: NativeError,
        failures: u32,
        updating: bool,
        /// -1: none is planned.
        next_seconds: i64,
        /// -1: not known.
        seeds: i32,
        leechers: i32,
        downloads: i32,
    }

    struct PeerRecord {
        address: String,
        port: u16,
    }

    /// What the client knows of a torrent and libtorrent does not; it travels in the resume data.
    struct OwnRecord {
        /// Where the files go when they are complete; empty for nowhere.
        move_to: Vec<u8>,
        /// -1: there is no such goal.
        share_ratio_permille: i64,
        seed_seconds: i64,
        goal_action: u8,
    }

    struct AddRecord {
        save_path: Vec<u8>,
        peers: Vec<PeerRecord>,
        /// In the place of those that the parameters have, and so are both kinds of seed.
        trackers: Vec<TrackerRecord>,
        web_seeds: Vec<String>,
        http_seeds: Vec<String>,
        /// Empty: all are wanted alike.
        file_priorities: Vec<u8>,
        /// Take all room on the disk at the start.
        allocate: bool,
        /// Places in `TorrentFlag::ALL`; those flags are on.
        flags: Vec<u8>,
        /// -1: as resume data says, or none.
        download_limit: i32,
        upload_limit: i32,
        connections_limit: i32,
        upload_slots: i32,
        paused: bool,
        /// Every piece is taken as present, unhashed.
        trust: bool,
        /// Pause as soon as the files are checked.
        stop_when_checked: bool,
        /// Drop what would be contacted beyond the loopback interface.
        loopback_only: bool,
        names: Names,
    }

    /// Who looks up host names. Where it is a proxy, what libtorrent would look up itself is dropped.
    #[repr(u8)]
    enum Names {
        Here,
        BySocks5,
        ByHttp,
    }

    struct FileRecord {
        path: String,
        size: i64,
        pad: bool,
    }

    struct TrackerRecord {
        url: String,
        tier: i32,
    }

    /// What a .torrent file or a magnet link says.
    struct DescriptionRecord {
        name: String,
        v1: Vec<u8>,
        v2: Vec<u8>,
        has_metadata: bool,
        total_size: i64,
        piece_length: i32,
        num_pieces: i32,
        files: Vec<FileRecord>,
        trackers: Vec<TrackerRecord>,
        web_seeds: Vec<String>,
        http_seeds: Vec<String>,
        is_private: bool,
        comment: String,
        creator: String,
        /// Seconds since 1970; 0 when not given.
        creation_date: i64,
        /// Of resume data; empty for all else.
        save_path: Vec<u8>,
        paused: bool,
        own: OwnRecord,
    }

    struct RecipeRecord {
        /// The file or directory to share.
        path: Vec<u8>,
        /// 0: libtorrent chooses.
        piece_length: i32,
        v1: bool,
        v2: bool,
        is_private: bool,
        comment: String,
        creator: String,
        /// Seconds since 1970.
        creation_date: i64,
        trackers: Vec<TrackerRecord>,
        web_seeds: Vec<String>,
    }

    extern "Rust" {
        type Waker;
        fn wake(self: &Waker);

        type PieceObserver;
        fn hashed(self: &PieceObserver, pieces: u64, of: u64) -> bool;
    }

    unsafe extern "C++" {
        include!("torrent-patron/cpp/shim.hpp");

        /// `LIBTORRENT_VERSION` of the headers that the shim was compiled with.
        fn compiled_version() -> String;
        /// `lt::version()` of the library that is loaded.
        fn loaded_version() -> String;
        /// Whether libtorrent is built with WebRTC.
        fn has_webrtc() -> bool;

        /// The names of all settings of the library.
        fn setting_names() -> Result<Vec<String>>;
        /// 0 text, 1 integer, 2 switch, -1 unknown.
        fn setting_kind(name: &str) -> Result<i32>;

        /// What libtorrent counts.
        fn metrics() -> Result<Vec<MetricRecord>>;

        /// Raises the process's limit of open descriptors where it is below `wanted`, as far as it
        /// may, and says what it is then.
        fn raise_descriptor_limit(wanted: u64) -> Result<u64>;

        /// Atomic counters; read on any thread.
        type ReadCounters;
        fn new_read_counters() -> Result<SharedPtr<ReadCounters>>;
        fn snapshot(self: &ReadCounters) -> ReadRecord;

        /// An `lt::add_torrent_params`; made on any thread and handed over.
        type TorrentParams;
        fn params_from_metainfo(bytes: &[u8]) -> Result<UniquePtr<TorrentParams>>;
        fn params_from_magnet(uri: &str) -> Result<UniquePtr<TorrentParams>>;
        fn params_from_resume_data(bytes: &[u8]) -> Result<UniquePtr<TorrentParams>>;
        /// Empty for one that is not known.
        fn params_from_info_hashes(v1: &[u8], v2: &[u8]) -> Result<UniquePtr<TorrentParams>>;
        /// Goes on where resume data of the same torrent stands.
        fn use_resume_data(self: Pin<&mut TorrentParams>, bytes: &[u8]) -> Result<()>;
        fn describe(self: &TorrentParams) -> Result<DescriptionRecord>;
        fn configure(self: Pin<&mut TorrentParams>, options: &AddRecord) -> Result<()>;

        /// Hashes the files; calls the observer once a piece and stops when it says so.
        fn make_metainfo(recipe: &RecipeRecord, observer: Box<PieceObserver>) -> Result<Vec<u8>>;

        /// The settings that `State` saved, those that differ from libtorrent's defaults.
        fn settings_of_state(state: &[u8]) -> Result<Vec<SettingRecord>>;

        /// One `lt::session`. None of its functions waits for libtorrent's network thread.
        type Session;
        fn new_session(
            settings: &[SettingRecord],
            loopback_only: bool,
            names: Names,
            reads: DiskReads,
            state: &[u8],
            counters: SharedPtr<ReadCounters>,
            waker: Box<Waker>,
        ) -> Result<UniquePtr<Session>>;
        fn add_torrent(
            self: Pin<&mut Session>,
            torrent: u64,
            params: UniquePtr<TorrentParams>,
        ) -> Result<()>;
        /// Adds again what libtorrent refused; the parameters are kept until it succeeds.
        fn retry_add(self: Pin<&mut Session>, torrent: u64) -> Result<()>;
        fn forget_add(self: Pin<&mut Session>, torrent: u64);
        fn remove_torrent(self: Pin<&mut Session>, torrent: u64, delete_files: bool) -> Result<()>;
        fn pause(self: Pin<&mut Session>, torrent: u64) -> Result<()>;
        fn resume(self: Pin<&mut Session>, torrent: u64) -> Result<()>;
        /// Answered by a record in `Drained::answers`.
        fn request(self: Pin<&mut Session>, request: RequestRecord) -> Result<()>;
        fn subscribe(self: Pin<&mut Session>, interest: &InterestRecord) -> Result<()>;
        fn request_statuses(self: Pin<&mut Session>) -> Result<()>;
        fn request_every_status(self: Pin<&mut Session>) -> Result<()>;
        fn request_statistics(self: Pin<&mut Session>) -> Result<()>;
        fn drain(self: Pin<&mut Session>) -> Result<Drained>;

        /// Keeps the network thread joinable after the session is gone; dropping it joins, which
        /// takes as long as the trackers take to be told (`stop_tracker_timeout`).
        type Teardown;
        fn abort_session(session: UniquePtr<Session>) -> Result<UniquePtr<Teardown>>;

        /// Throws one exception of each sort.
        #[allow(dead_code)] // the tests below call it
        fn throw_for_test(sort: i32) -> Result<()>;
    }
}

pub(crate) use bridge::*;

// SAFETY: add_torrent_params holds values and a shared_ptr to an immutable torrent_info; nothing in
// it is bound to the thread that made it.
unsafe impl Send for TorrentParams {}
// SAFETY: nothing but atomics, and what reads them changes nothing.
unsafe impl Send for ReadCounters {}
// SAFETY: as above.
unsafe impl Sync for ReadCounters {}
// SAFETY: a Teardown is a session_proxy, which libtorrent lets any thread destroy.
unsafe impl Send for Teardown {}

#[cfg(test)]
mod tests {
    use super::throw_for_test;
    use crate::error::{Error, ErrorKind};

    fn thrown(sort: i32) -> Error {
        Error::from_native("test", &throw_for_test(sort).unwrap_err())
    }

    fn code(error: &Error) -> Option<(&str, i32)> {
        error.native().map(|code| (&*code.category, code.value))
    }

    #[test]
    fn every_sort_of_exception_becomes_an_error_that_has_lost_nothing() {
        let native = thrown(0);
        assert_eq!(code(&native).map(|(category, _)| category), Some("libtorrent"));
        assert_eq!(native.message(), "torrent file is not a dictionary");
        let system = thrown(1);
        assert_eq!(code(&system), Some(("generic", 28)));
        assert_eq!(system.kind(), ErrorKind::Io);
        assert_eq!(thrown(2).message(), "a plain exception");
        assert_eq!(code(&thrown(3)), Some(("generic", 12)));
        assert_eq!(thrown(4).message(), "a C++ exception of an unknown type");
    }

    #[test]
    fn a_message_that_is_long_and_no_text_is_shortened_and_replaced() {
        let error = thrown(5);
        assert!(error.message().starts_with('\u{fffd}'), "{error}");
    }

    #[test]
    fn no_exception_is_no_error() {
        assert!(throw_for_test(-1).is_ok());
    }
}
