//! The one bridge to C++. Data crosses as plain structs; ownership crosses only as `UniquePtr` of
//! opaque C++ types and as boxed Rust ones. Every function that can throw returns `Result`.
#![allow(unsafe_code, missing_debug_implementations, unreachable_pub)]

use super::alerts::Alerts;
use super::task::{SessionTask, TorrentTask};
use super::wake::Waker;

/// A copy of bytes that C++ has, made at once.
fn copied(bytes: &[u8]) -> Vec<u8> {
    bytes.to_vec()
}

#[cxx::bridge(namespace = "patron")]
#[allow(clippy::missing_safety_doc)]
mod bridge {
    /// The shim's own categories of errors, which `category_name` names.
    #[repr(u8)]
    enum ShimCategory {
        Argument,
        NotHere,
        Busy,
        File,
        Exception,
    }

    /// Those of libtorrent's codes that are a kind of error of their own.
    #[repr(i32)]
    enum LibtorrentError {
        NoMetadata = 109,
    }

    struct NativeError {
        /// Empty: no error.
        category: String,
        value: i32,
        message: String,
    }

    /// `lt::torrent_status` without what costs the network thread something to compute.
    struct StatusRecord {
        torrent: u64,
        state: TorrentState,
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

    // Numbers that cross as libtorrent has them; cpp/numbers.cpp compares them.

    /// `lt::torrent_status::state_t`.
    #[repr(u8)]
    enum TorrentState {
        CheckingFiles = 1,
        DownloadingMetadata = 2,
        Downloading = 3,
        Finished = 4,
        Seeding = 5,
        CheckingResumeData = 7,
    }

    /// `lt::performance_alert::performance_warning_t`; 8 means nothing any more.
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

    /// The bits of `lt::peer_source_flags_t`.
    #[repr(u8)]
    enum PeerSource {
        Tracker = 1,
        Dht = 2,
        PeerExchange = 4,
        LocalDiscovery = 8,
        ResumeData = 16,
        Incoming = 32,
    }

    /// The bits of `lt::announce_entry::tracker_source`.
    #[repr(u8)]
    enum TrackerSource {
        Metainfo = 1,
        Program = 2,
        Magnet = 4,
        Peer = 8,
    }

    /// What a connection speaks (`lt::peer_info::connection_type`).
    #[repr(u8)]
    enum PeerKind {
        Client,
        WebSeed,
        HttpSeed,
    }

    /// Places in `TorrentFlag::ALL`.
    #[repr(u8)]
    enum TorrentFlag {
        UploadMode,
        ShareMode,
        ApplyIpFilter,
        AutoManaged,
        SuperSeeding,
        Sequential,
        StopWhenReady,
        NoDht,
        NoLocalDiscovery,
        NoPeerExchange,
    }

    /// What the setting with a name takes.
    #[repr(u8)]
    enum SettingKind {
        Text,
        Int,
        Bool,
        /// There is no such setting.
        Unknown,
    }

    /// What brings the answer to a request about a torrent.
    #[repr(u8)]
    #[derive(Debug)]
    enum AnsweredBy {
        /// The task, at once: it does no more than post, as most of libtorrent's setters do, and runs
        /// on the client thread.
        Posting,
        /// The task, on the network thread; all others are alerts.
        Task,
        ResumeData,
        /// The alert of resume data, too.
        Metainfo,
        FilesMoved,
        FileRenamed,
        FilesChosen,
        PieceRead,
    }

    /// What is done where a file that is moved is at the destination already.
    #[repr(u8)]
    enum Existing {
        Fail,
        Replace,
        Keep,
    }

    #[repr(u8)]
    enum QueueMove {
        Up,
        Down,
        Top,
        Bottom,
        /// With a position.
        To,
    }

    /// What becomes of a torrent that has reached its goal. Its numbers are written in resume data.
    #[repr(u8)]
    enum GoalAction {
        Pause = 0,
        Remove = 1,
        RemoveAndDelete = 2,
        SuperSeed = 3,
    }

    #[repr(u8)]
    enum Protocol {
        Tcp,
        Udp,
    }

    #[repr(u8)]
    enum PortMapper {
        NatPmp,
        Upnp,
    }

    /// The limits of a torrent: -1 means none, -2 leaves what there is.
    #[derive(Debug, Clone, Copy)]
    struct LimitsRecord {
        /// Bytes per second.
        download_rate: i32,
        upload_rate: i32,
        connections: i32,
        upload_slots: i32,
    }

    /// How a torrent is set up.
    struct OptionsRecord {
        save_path: Vec<u8>,
        /// A bit for each place in `TorrentFlag::ALL`.
        flags: u32,
        limits: LimitsRecord,
        /// -1: it is complete.
        queue_position: i32,
    }

    struct PiecesRecord {
        /// 1 for each piece that is here.
        have: Vec<u8>,
        priorities: Vec<u8>,
        availability: Vec<i32>,
        partial: Vec<PartialPieceRecord>,
    }

    /// What resume data holds.
    struct SavedRecord {
        /// Since the torrent was first started.
        uploaded: i64,
        downloaded: i64,
        /// How many pieces are here.
        pieces: i32,
    }

    struct TrackersRecord {
        trackers: Vec<TrackerStatusRecord>,
        announces: Vec<AnnounceRecord>,
    }

    /// Which peers are in which classes.
    struct ClassRangesRecord {
        /// The first and the last address of each range.
        ends: Vec<String>,
        /// For each range a bit for each class.
        classes: Vec<u32>,
    }

    /// `lt::peer_class_info`.
    #[derive(Debug, Clone, Default)]
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

    /// What a session uses of what the sessions of a client share.
    #[derive(Debug, Clone, Copy)]
    struct DemandRecord {
        /// Bytes, in all.
        sent: i64,
        received: i64,
        connections: i32,
        unchoked: i32,
        /// Of the processor, by the network thread, in nanoseconds.
        thread_time: i64,
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
        kind: PeerKind,
        client: String,
        id: Vec<u8>,
        utp: bool,
        i2p: bool,
        tls: bool,
        rc4: bool,
        obfuscated: bool,
        /// Bits of [`PeerSource`].
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
        /// Bits of [`TrackerSource`].
        source: u8,
        /// How many of `TrackersRecord::announces` are this tracker's; they are in order.
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
    struct ClientDataRecord {
        /// Where the files go when they are complete; empty for nowhere.
        move_to: Vec<u8>,
        /// -1: there is no such goal.
        share_ratio_permille: i64,
        seed_seconds: i64,
        goal_action: GoalAction,
        /// How many network threads serve it; 0: as for any torrent.
        replicas: u16,
        /// To be added to what libtorrent has counted; not kept.
        sent_by_copies: i64,
    }

    struct AddRecord {
        save_path: Vec<u8>,
        peers: Vec<PeerRecord>,
        /// In the place of those that the parameters have, and so are both kinds of seed.
        trackers: Vec<TrackerRecord>,
        web_seeds: Vec<String>,
        http_seeds: Vec<String>,
        /// Those of the URLs that the program names: they may be on the local network.
        named: Vec<String>,
        /// Empty: all are wanted alike.
        file_priorities: Vec<u8>,
        /// Take all room on the disk at the start.
        allocate: bool,
        /// As in `OptionsRecord`; those flags are on.
        flags: u32,
        /// -2: as resume data says, or none.
        limits: LimitsRecord,
        paused: bool,
        /// Every piece is taken as present, unhashed.
        trust: bool,
        /// Pause as soon as the files are checked.
        stop_when_checked: bool,
        /// Hash what was downloaded once more before it is called finished.
        verify_finished: bool,
        policy: PolicyRecord,
    }

    /// Where a client may connect.
    #[derive(Debug, Clone, Copy)]
    struct PolicyRecord {
        /// Drop what would be contacted beyond the loopback interface.
        loopback_only: bool,
        names: Names,
        /// What a torrent itself names may be on the local network.
        local_urls: bool,
    }

    /// Who looks up host names. Where it is a proxy, what libtorrent would look up itself is dropped.
    #[repr(u8)]
    #[derive(Debug)]
    enum Names {
        Here,
        BySocks5,
        ByHttp,
    }

    struct FileRecord {
        path: String,
        size: i64,
        offset: i64,
        pad: bool,
        /// Where a symbolic link leads, below the save directory; empty for a file.
        symlink: String,
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
        /// It says that pieces are on disk.
        has_pieces: bool,
        paused: bool,
        client_data: ClientDataRecord,
    }

    /// A file of a torrent that is to be made.
    struct NewFileRecord {
        /// With the torrent's name.
        path: Vec<u8>,
        size: i64,
        executable: bool,
        /// Where a symbolic link leads, below the torrent's directory; empty for a file.
        symlink: Vec<u8>,
    }

    struct NewTorrentRecord {
        /// In the order of BEP 52.
        files: Vec<NewFileRecord>,
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

    /// The files of a torrent in the order of their data, pad files among them.
    struct LayoutRecord {
        piece_length: i32,
        piece_count: i32,
        sizes: Vec<i64>,
        pads: Vec<bool>,
    }

    /// Of one piece; a hash of zeros is none.
    #[derive(Clone, Copy, PartialEq, Eq)]
    struct PieceHashes {
        v1: [u8; 20],
        /// The root of the blocks' hash tree.
        v2: [u8; 32],
    }

    extern "Rust" {
        type Waker;
        fn wake(self: &Waker);

        fn copied(bytes: &[u8]) -> Vec<u8>;

        /// Work for the network thread.
        type TorrentTask;
        fn run(self: &TorrentTask, torrent: &Torrent);
        type SessionTask;
        fn run(self: &SessionTask, session: Pin<&mut SessionHandle>);

        /// Where alerts go. The name of each function is libtorrent's for its alert, where it has one;
        /// `torrent` is a torrent's id, 0 for none.
        type Alerts;
        fn added(self: &mut Alerts, torrent: u64, name: String, v1: Vec<u8>, v2: Vec<u8>);
        /// Its failure may pass by itself.
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
        /// `operation` is `lt::operation_name`.
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
        /// -1: not known.
        fn scraped(self: &mut Alerts, torrent: u64, url: String, seeds: i32, leechers: i32);
        fn scrape_failed(self: &mut Alerts, torrent: u64, url: String, error: NativeError);
        fn web_seed_failed(self: &mut Alerts, torrent: u64, url: String, error: NativeError);
        /// The address of a peer is empty where it has none.
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
        fn listening(self: &mut Alerts, address: String);
        fn listen_failed(self: &mut Alerts, address: String, error: NativeError);
        fn session_error(self: &mut Alerts, error: NativeError);
        /// An alert that could not be converted.
        fn unreadable(self: &mut Alerts, alert: &str, error: NativeError);
        /// libtorrent's alert queue was full and alerts were lost.
        fn dropped(self: &mut Alerts);
        fn statuses(self: &mut Alerts, statuses: Vec<StatusRecord>);
        fn every_status(self: &mut Alerts, statuses: Vec<StatusRecord>);
        /// In the order of `metrics`.
        fn statistics(self: &mut Alerts, counters: &[i64]);
        // What alerts answer.
        fn answer_done(self: &mut Alerts, request: u64);
        fn answer_path(self: &mut Alerts, request: u64, path: Vec<u8>);
        fn answer_bytes(self: &mut Alerts, request: u64, bytes: Vec<u8>);
        /// No bytes: nothing has changed.
        fn answer_resume_data(self: &mut Alerts, request: u64, bytes: Vec<u8>, saved: SavedRecord);
        fn answer_failed(self: &mut Alerts, request: u64, on: String, error: NativeError);
        fn answer_lost(self: &mut Alerts, request: u64);
    }

    unsafe extern "C++" {
        include!("torrent-patron/cpp/bridge.hpp");

        /// `LIBTORRENT_VERSION` of the headers that the shim was compiled with.
        fn compiled_version() -> String;
        /// `lt::version()` of the library that is loaded.
        fn loaded_version() -> String;
        /// Whether libtorrent is built with WebRTC.
        fn has_webrtc() -> bool;
        fn category_name(category: ShimCategory) -> &'static str;

        /// The names of all settings of the library.
        fn setting_names() -> Result<Vec<String>>;
        fn setting_kind(name: &str) -> Result<SettingKind>;

        /// What libtorrent counts.
        fn metrics() -> Result<Vec<MetricRecord>>;

        /// Raises the process's limit of open descriptors where it is below `wanted`, as far as it
        /// may, and says what it is then.
        fn raise_descriptor_limit(wanted: u64) -> Result<u64>;

        /// The calling thread takes no signals: those of the program are for its own threads.
        fn block_signals();
        fn is_network_device(name: &str) -> bool;
        /// The files that the functions of libtorrent come from, which is one.
        fn loaded_from() -> Result<Vec<String>>;

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
        /// Gives the URLs of the torrent that were dropped: they are on the local network.
        fn configure(self: Pin<&mut TorrentParams>, options: &AddRecord) -> Result<Vec<String>>;
        /// When it is configured.
        fn is_complete(self: &TorrentParams) -> Result<bool>;

        /// Whether there are places in the file to which nothing was written. It is looked at.
        fn has_hole(path: &[u8]) -> bool;
        /// The hash of each piece; fails where the .torrent file, which is given, lacks those of v2.
        fn piece_hashes(self: &TorrentParams, torrent: &[u8]) -> Result<Vec<PieceHashes>>;
        fn layout(self: &TorrentParams) -> Result<LayoutRecord>;

        /// An `lt::add_torrent`.
        type NewTorrent;
        fn new_torrent(record: &NewTorrentRecord) -> Result<UniquePtr<NewTorrent>>;
        fn layout(self: &NewTorrent) -> Result<LayoutRecord>;
        /// The .torrent file with hashes of no data in place of those that are not set yet.
        fn preview(record: &NewTorrentRecord) -> Result<Vec<u8>>;
        /// `file` by its place in the layout, `piece_of_file` counted from the file's first.
        fn set_hashes(
            self: Pin<&mut NewTorrent>,
            piece: i32,
            file: i32,
            piece_of_file: i32,
            hashes: &PieceHashes,
        ) -> Result<()>;
        fn encode(self: &NewTorrent) -> Result<Vec<u8>>;

        /// Hashes one piece after the other.
        type PieceHasher;
        fn new_piece_hasher(v1: bool, v2: bool) -> Result<UniquePtr<PieceHasher>>;
        /// Data of a file. Where v2 is hashed, the length is a multiple of 16 KiB except at the end
        /// of the file.
        fn update(self: Pin<&mut PieceHasher>, data: &[u8]) -> Result<()>;
        /// Zeros of a pad file, which v2 does not know.
        fn pad(self: Pin<&mut PieceHasher>, length: usize) -> Result<()>;
        /// The hashes, with as many blocks as the tree has for v2. Another piece can follow.
        fn finish(self: Pin<&mut PieceHasher>, blocks: usize) -> Result<PieceHashes>;

        /// The settings that `State` saved, those that differ from libtorrent's defaults.
        fn settings_of_state(state: &[u8]) -> Result<Vec<SettingRecord>>;

        /// One `lt::session`. None of its functions waits for libtorrent's network thread.
        type Session;
        /// Of several sessions, one keeps the ids that the state has for its nodes of the DHT.
        fn new_session(
            settings: &[SettingRecord],
            policy: PolicyRecord,
            reads: DiskReads,
            keep_node_ids: bool,
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
        fn subscribe(self: Pin<&mut Session>, interest: &InterestRecord) -> Result<()>;
        /// `index` is the file or the piece that the answer is about.
        fn run_on_torrent(
            self: Pin<&mut Session>,
            request: u64,
            torrent: u64,
            by: AnsweredBy,
            index: u32,
            client_data: &ClientDataRecord,
            task: Box<TorrentTask>,
        ) -> Result<()>;
        fn run_on_session(self: Pin<&mut Session>, task: Box<SessionTask>) -> Result<()>;
        /// Its task has failed: no alert answers it.
        fn forget_request(self: Pin<&mut Session>, request: u64) -> Result<()>;
        fn request_statuses(self: Pin<&mut Session>) -> Result<()>;
        fn request_every_status(self: Pin<&mut Session>) -> Result<()>;
        fn request_statistics(self: Pin<&mut Session>) -> Result<()>;
        fn pop_alerts(self: Pin<&mut Session>) -> Result<()>;
        /// Those that were popped.
        fn convert_alerts(self: Pin<&mut Session>, out: &mut Alerts) -> Result<()>;

        /// Keeps the network thread joinable after the session is gone; dropping it joins, which
        /// takes as long as the trackers take to be told (`stop_tracker_timeout`).
        type Teardown;
        fn abort_session(session: UniquePtr<Session>) -> Result<UniquePtr<Teardown>>;

        /// An `lt::torrent_handle` on the network thread, where its getters do not wait. What is
        /// declared here and not in requests/torrent.hpp is libtorrent's own.
        type Torrent;
        fn pause_torrent(self: &Torrent, gracefully: bool) -> Result<()>;
        fn resume_torrent(self: &Torrent) -> Result<()>;
        fn recheck(self: &Torrent) -> Result<()>;
        /// For another session to serve the same files, which it takes as complete.
        fn copy(self: &Torrent) -> Result<UniquePtr<TorrentParams>>;
        fn save_metainfo(self: &Torrent) -> Result<()>;
        fn save_resume(self: &Torrent, only_if_changed: bool) -> Result<()>;
        fn use_metainfo(self: &Torrent, torrent_file: &[u8]) -> Result<()>;
        fn files(self: &Torrent) -> Result<Vec<FileStatusRecord>>;
        fn set_file_priority(self: &Torrent, file: u32, priority: u8) -> Result<()>;
        fn set_file_priorities(self: &Torrent, priorities: &[u8]) -> Result<()>;
        fn rename(self: &Torrent, file: u32, path: &[u8]) -> Result<()>;
        fn move_files(self: &Torrent, directory: &[u8], existing: Existing) -> Result<()>;
        fn flush_files(self: &Torrent) -> Result<()>;
        fn pieces(self: &Torrent) -> Result<PiecesRecord>;
        fn set_piece_priority(self: &Torrent, piece: u32, priority: u8) -> Result<()>;
        fn set_piece_priorities(self: &Torrent, priorities: &[u8]) -> Result<()>;
        /// A negative one means none.
        fn set_deadline(self: &Torrent, piece: u32, milliseconds: i32) -> Result<()>;
        fn clear_piece_deadlines(self: &Torrent) -> Result<()>;
        fn set_ends_first(self: &Torrent, first: bool) -> Result<()>;
        fn read(self: &Torrent, piece: u32) -> Result<()>;
        fn add(self: &Torrent, piece: u32, data: &[u8]) -> Result<()>;
        fn options(self: &Torrent) -> Result<OptionsRecord>;
        fn set_limits(self: &Torrent, limits: &LimitsRecord) -> Result<()>;
        /// By its place in `TorrentFlag::ALL`.
        fn set_flag(self: &Torrent, flag: u8, on: bool) -> Result<()>;
        fn move_in_queue(self: &Torrent, to: QueueMove, position: i32) -> Result<()>;
        /// In PEM; `dh` are the Diffie-Hellman parameters.
        fn set_certificate(
            self: &Torrent,
            certificate: &str,
            private_key: &str,
            dh: &str,
        ) -> Result<()>;
        fn peers(self: &Torrent) -> Result<Vec<PeerStatusRecord>>;
        fn connect(self: &Torrent, address: &str, port: u16) -> Result<()>;
        fn forget_peers(self: &Torrent) -> Result<()>;
        fn tracker_statuses(self: &Torrent) -> Result<TrackersRecord>;
        fn add_one_tracker(self: &Torrent, tracker: &TrackerRecord) -> Result<()>;
        fn remove_tracker(self: &Torrent, url: &str) -> Result<()>;
        fn replace_all_trackers(self: &Torrent, trackers: &[TrackerRecord]) -> Result<()>;
        fn reannounce(self: &Torrent) -> Result<()>;
        fn scrape(self: &Torrent) -> Result<()>;
        fn force_dht_announce(self: &Torrent) -> Result<()>;
        fn force_lsd_announce(self: &Torrent) -> Result<()>;
        fn web_seeds(self: &Torrent) -> Result<Vec<String>>;
        fn add_web_seed(self: &Torrent, url: &str) -> Result<()>;
        fn remove_web_seed(self: &Torrent, url: &str) -> Result<()>;

        /// An `lt::session_handle` on the network thread; likewise.
        type SessionHandle;
        fn current_settings(self: &SessionHandle) -> Result<Vec<SettingRecord>>;
        fn change_settings(self: Pin<&mut SessionHandle>, settings: &[SettingRecord])
        -> Result<()>;
        /// With these in place of its own settings.
        fn state(self: &SessionHandle, settings: &[SettingRecord]) -> Result<Vec<u8>>;
        /// The first and the last address of each range.
        fn blocked_ranges(self: &SessionHandle) -> Result<Vec<String>>;
        fn block_ranges(self: Pin<&mut SessionHandle>, ends: &[String]) -> Result<()>;
        fn ban(self: Pin<&mut SessionHandle>, address: &str) -> Result<()>;
        /// The first and the last port of each range.
        fn block_ports(self: Pin<&mut SessionHandle>, ends: &[u16]) -> Result<()>;
        fn demand(self: &SessionHandle) -> Result<DemandRecord>;
        fn pause(self: Pin<&mut SessionHandle>) -> Result<()>;
        fn resume(self: Pin<&mut SessionHandle>) -> Result<()>;
        fn is_paused(self: &SessionHandle) -> Result<bool>;
        fn add_node(self: Pin<&mut SessionHandle>, host: &str, port: u16) -> Result<()>;
        fn is_dht_running(self: &SessionHandle) -> Result<bool>;
        fn map_port(
            self: Pin<&mut SessionHandle>,
            protocol: Protocol,
            external: u16,
            local: u16,
        ) -> Result<Vec<i32>>;
        fn unmap_port(self: Pin<&mut SessionHandle>, mapping: i32) -> Result<()>;
        fn reopen_sockets(self: Pin<&mut SessionHandle>) -> Result<()>;
        fn add_peer_class(self: Pin<&mut SessionHandle>, name: &str) -> Result<u32>;
        fn remove_peer_class(self: Pin<&mut SessionHandle>, number: u32) -> Result<()>;
        fn peer_class(self: &SessionHandle, number: u32) -> Result<PeerClassRecord>;
        fn change_peer_class(
            self: Pin<&mut SessionHandle>,
            number: u32,
            options: &PeerClassRecord,
        ) -> Result<()>;
        fn peer_class_ranges(self: &SessionHandle) -> Result<ClassRangesRecord>;
        fn set_peer_class_ranges(
            self: Pin<&mut SessionHandle>,
            ranges: &ClassRangesRecord,
        ) -> Result<()>;

        /// Throws one exception of each kind.
        #[allow(dead_code)] // the tests below call it
        fn throw_for_test(kind: i32) -> Result<()>;
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
        for (sort, kind) in [
            (2, ErrorKind::Native),
            (6, ErrorKind::InvalidArgument),
            (7, ErrorKind::NotHere),
            (8, ErrorKind::NoMetadata),
        ] {
            assert_eq!(thrown(sort).kind(), kind, "{sort}");
        }
        assert_eq!(code(&thrown(6)), None, "the shim's own categories are no codes");
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
