//! The bridge to sessions and torrents. Other parts of the bridge are declared in the files of this folder that use them. Data
//! is passed as plain structs; ownership is passed only as `UniquePtr` of opaque C++ types and as boxed Rust types.
//! Every function that can throw returns `Result`.
#![allow(unsafe_code, missing_debug_implementations, unreachable_pub)]

use super::wake::Waker;

/// Copies bytes that C++ owns.
fn copied(bytes: &[u8]) -> Vec<u8> {
    bytes.to_vec()
}

#[cxx::bridge(namespace = "patron")]
#[allow(clippy::missing_safety_doc, clippy::too_many_arguments)]
mod bridge {
    /// `lt::torrent_status` without the fields that are expensive for the network thread.
    struct StatusRecord {
        torrent: u64,
        state: TorrentState,
        paused: bool,
        finished: bool,
        seeding: bool,
        has_metadata: bool,
        needs_saving: bool,
        progress_ppm: i32,
        /// Bytes since the torrent was first added.
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
        /// Bytes in all runs.
        all_time_downloaded: i64,
        all_time_uploaded: i64,
        active_seconds: i64,
        seeding_seconds: i64,
        error: NativeError,
    }

    /// What libtorrent reports only while a patron subscribes to it (`lt::alert_category`).
    struct InterestRecord {
        peers: bool,
        connections: bool,
        trackers: bool,
        files: bool,
        pieces: bool,
        performance: bool,
    }

    /// A libtorrent setting; its value is in `text` or `number`, depending on the setting's type.
    struct SettingRecord {
        name: String,
        text: String,
        number: i64,
    }

    /// How blocks are read for peers.
    #[repr(u8)]
    enum DiskReads {
        /// By libtorrent itself.
        Stock,
        Copy,
        ZeroCopy,
    }

    // Numbers that are libtorrent's own; cpp/numbers.cpp checks them.

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

    /// The protocol of a connection (`lt::peer_info::connection_type`).
    #[repr(u8)]
    enum PeerKind {
        Client,
        WebSeed,
        HttpSeed,
    }

    /// Indexes into `TorrentFlag::ALL`.
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

    /// How a request about a torrent is answered.
    #[repr(u8)]
    #[derive(Debug)]
    enum AnsweredBy {
        /// By the task, on the network thread. All the others are alerts.
        Task,
        ResumeData,
        /// The alert for resume data, too.
        Metainfo,
        /// The alert for resume data, too: resume data without the info dictionary.
        Progress,
        FilesMoved,
        FileRenamed,
        FilesChosen,
        PieceRead,
    }

    /// What to do if a file to be moved already exists at the destination.
    #[repr(u8)]
    enum OnConflict {
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
        /// Needs a position.
        To,
    }

    /// What to do with a torrent that has reached a goal. These numbers are stored in resume data.
    #[repr(u8)]
    enum GoalAction {
        Pause = 0,
        Remove = 1,
        RemoveAndDelete = 2,
        SuperSeed = 3,
    }

    /// How many requests are sent to peers in advance.
    #[repr(u8)]
    enum Requests {
        Deep,
        Shallow,
    }

    #[repr(u8)]
    enum Protocol {
        Tcp,
        Udp,
    }

    /// The limits of a torrent: -1 means no limit, -2 leaves the current one.
    #[derive(Debug, Clone, Copy)]
    struct LimitsRecord {
        /// In bytes per second.
        download_rate: i32,
        upload_rate: i32,
        connections: i32,
        upload_slots: i32,
    }

    /// The current options of a torrent.
    struct OptionsRecord {
        save_path: Vec<u8>,
        /// A bit for each index in `TorrentFlag::ALL`.
        flags: u32,
        limits: LimitsRecord,
        /// -1 if the torrent is complete.
        queue_position: i32,
    }

    struct PiecesRecord {
        /// 1 for each piece that is available.
        have: Vec<u8>,
        priorities: Vec<u8>,
        availability: Vec<i32>,
        partial: Vec<PartialPieceRecord>,
    }

    /// The byte range of a file or a piece in the torrent.
    struct SpanRecord {
        begin: i64,
        size: i64,
    }

    struct PartStateRecord {
        span: SpanRecord,
        piece_length: i32,
        /// 1 for each piece that is available.
        have: Vec<u8>,
        levels: Vec<u8>,
    }

    struct PieceLevel {
        piece: u32,
        level: u8,
    }

    struct PieceDeadline {
        piece: u32,
        milliseconds: u32,
    }

    /// Resume data, and separately the info dictionary, if it is requested and known.
    struct StoredRecord {
        resume_data: Vec<u8>,
        info: Vec<u8>,
    }

    /// What resume data contains.
    struct SavedRecord {
        /// Bytes since the torrent was first added.
        uploaded: i64,
        downloaded: i64,
        /// The number of available pieces.
        pieces: i32,
    }

    /// The position of a torrent in the queue.
    struct QueuePlaceRecord {
        torrent: u64,
        position: u32,
    }

    struct TrackersRecord {
        trackers: Vec<TrackerStatusRecord>,
        announces: Vec<AnnounceRecord>,
    }

    /// The peer classes of ranges of addresses.
    struct ClassRangesRecord {
        /// The first and last address of each range.
        ends: Vec<String>,
        /// One bit for each class, for each range.
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

    /// What a session gets as one of its client's.
    struct ShardRecord {
        /// Whether the session keeps the DHT node ids of the saved state. Only one of several sessions does.
        keep_node_ids: bool,
        /// The cores that its network thread is bound to. Empty: it is not bound.
        cores: Vec<u32>,
        counters: SharedPtr<ReadCounters>,
        /// All sessions of a client have the same.
        paths: SharedPtr<Paths>,
    }

    /// What a session uses of the limits that the sessions of a client share.
    #[derive(Debug, Clone, Default)]
    struct DemandRecord {
        /// Total bytes.
        sent: i64,
        received: i64,
        connections: i32,
        unchoked: i32,
        /// The processor time of the network thread, in nanoseconds.
        thread_time: i64,
        /// The first torrents in libtorrent's queue, in its order; of the complete ones, those that run are
        /// first. At most as many as were asked for.
        checking: Vec<QueuedRecord>,
        downloads: Vec<QueuedRecord>,
        seeds: Vec<QueuedRecord>,
        /// The number of all torrents in the queue.
        queued: u32,
        /// After so many seconds at a low rate a torrent certainly does not count; negative if all count
        /// (`dont_count_slow_torrents`).
        slow_after: i32,
    }

    /// A torrent that libtorrent's queue may run.
    #[derive(Debug, Clone, Copy)]
    struct QueuedRecord {
        torrent: u64,
        /// Whether it runs and its rate is low.
        idle: bool,
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
        /// Empty if the peer has no address.
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
        /// The number of entries in `TrackersRecord::announces` for this tracker; they are in order.
        announces: usize,
    }

    struct AnnounceRecord {
        from: String,
        /// Whether it uses the v2 info hash, not the v1 info hash.
        v2: bool,
        message: String,
        error: NativeError,
        failures: u32,
        updating: bool,
        /// -1 if none is scheduled.
        next_seconds: i64,
        /// -1 if not known.
        seeds: i32,
        leechers: i32,
        downloads: i32,
    }

    struct PeerRecord {
        address: String,
        port: u16,
    }

    /// The client's own data about a torrent, which is stored in the resume data.
    struct ClientDataRecord {
        /// The directory for the complete files; empty for none.
        move_to: Vec<u8>,
        /// -1 if there is no such goal.
        share_ratio_permille: i64,
        seed_seconds: i64,
        goal_action: GoalAction,
        /// How many network threads serve it; 0 for the default.
        replicas: u16,
        /// Whether to check the files again once they are downloaded.
        verify: bool,
        /// Bytes to add to libtorrent's count; not stored.
        sent_by_copies: i64,
        /// The program's level of each piece if libtorrent has others; otherwise empty.
        piece_levels: Vec<u8>,
    }

    struct AddRecord {
        save_path: Vec<u8>,
        peers: Vec<PeerRecord>,
        /// Replaces the trackers in the parameters. Both kinds of seeds do the same.
        trackers: Vec<TrackerRecord>,
        web_seeds: Vec<String>,
        http_seeds: Vec<String>,
        /// The URLs that the program itself supplied, which may be on the local network.
        named: Vec<String>,
        /// Empty if all files have the default priority.
        file_priorities: Vec<u8>,
        /// Allocate all disk space at the start.
        allocate: bool,
        /// The flags to turn on, as in `OptionsRecord`.
        flags: u32,
        /// -2 means the limit in the resume data, otherwise no limit.
        limits: LimitsRecord,
        paused: bool,
        /// Whether it comes from a store. Its flags are exactly those in the resume data, and its URLs are
        /// those of the program. Its files may have been moved since.
        restored: bool,
        /// Assume that every piece is present, without hashing.
        trust: bool,
        /// Pause as soon as the files have been checked.
        stop_when_checked: bool,
        /// Whether files of others must not be overwritten, though the files are not known yet.
        refuse_foreign: bool,
        /// Check downloaded files again before the torrent is reported as finished.
        verify_finished: bool,
        policy: PolicyRecord,
    }

    /// Where a client may connect.
    #[derive(Debug, Clone, Copy)]
    struct PolicyRecord {
        /// Drop everything that would be contacted beyond the loopback interface.
        loopback_only: bool,
        names: Names,
        /// Whether URLs that come with a torrent may be on the local network.
        local_urls: bool,
        /// Whether trackers for WebRTC peers are allowed (libtorrent 2.1, if built with it).
        webrtc: bool,
    }

    /// Who resolves host names. If a proxy does, everything that libtorrent would resolve itself is dropped.
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
        /// Whether resume data claims that data of it is on disk.
        claimed: bool,
        /// The target of a symbolic link, relative to the save directory; empty for a file.
        symlink: String,
    }

    struct TrackerRecord {
        url: String,
        tier: i32,
    }

    /// The contents of a .torrent file, a magnet link or resume data.
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
        /// Seconds since 1970; 0 if not given.
        creation_date: i64,
        /// Only for resume data; otherwise empty.
        save_path: Vec<u8>,
        /// Whether it claims that pieces are on disk.
        has_pieces: bool,
        paused: bool,
        client_data: ClientDataRecord,
    }

    // Used by the sink of alerts.
    impl Vec<StatusRecord> {}

    extern "Rust" {
        type Waker;
        fn wake(self: &Waker);

        fn copied(bytes: &[u8]) -> Vec<u8>;
    }

    unsafe extern "C++" {
        include!("torrent-patron/cpp/disk/paths.hpp");
        include!("torrent-patron/cpp/file_state.hpp");
        include!("torrent-patron/cpp/metainfo.hpp");
        include!("torrent-patron/cpp/requests/session.hpp");
        include!("torrent-patron/cpp/requests/torrent.hpp");
        include!("torrent-patron/cpp/session/session.hpp");
        include!("torrent-patron/cpp/settings.hpp");
        include!("torrent-patron/src/sys/counters.rs.h");
        include!("torrent-patron/src/sys/errors.rs.h");

        type NativeError = crate::sys::errors::NativeError;
        type ReadCounters = crate::sys::counters::native::ReadCounters;

        /// An `lt::add_torrent_params`, which is created on any thread and then passed on.
        type TorrentParams;
        fn params_from_metainfo(bytes: &[u8]) -> Result<UniquePtr<TorrentParams>>;
        fn params_from_magnet(uri: &str) -> Result<UniquePtr<TorrentParams>>;
        fn params_from_resume_data(bytes: &[u8]) -> Result<UniquePtr<TorrentParams>>;
        /// Empty if the hash is not known.
        fn params_from_info_hashes(v1: &[u8], v2: &[u8]) -> Result<UniquePtr<TorrentParams>>;
        /// Continues from resume data of the same torrent.
        fn use_resume_data(self: Pin<&mut TorrentParams>, bytes: &[u8]) -> Result<()>;
        fn describe(self: &TorrentParams) -> Result<DescriptionRecord>;
        /// Returns the URLs of the torrent that were dropped because they are on the local network.
        fn configure(self: Pin<&mut TorrentParams>, options: &AddRecord) -> Result<Vec<String>>;
        /// Must be called after `configure`.
        fn is_complete(self: &TorrentParams) -> Result<bool>;
        /// Must be called after `configure`. Encodes the data for a store.
        fn encode(self: &TorrentParams, client_data: &ClientDataRecord) -> Result<StoredRecord>;
        /// Must be called after `configure`. Returns the figures in its resume data, with -1 pieces if that
        /// differs from the files on disk.
        fn saved_figures(self: &TorrentParams) -> SavedRecord;

        /// Returns whether the range of the file has holes: ranges that were never written. It examines the file on
        /// disk.
        fn has_hole(path: &[u8], begin: u64, end: u64) -> bool;

        /// Returns all of libtorrent's settings with their defaults.
        fn default_settings() -> Result<Vec<SettingRecord>>;
        /// Returns the settings in a saved state: those that differ from libtorrent's defaults.
        fn settings_of_state(state: &[u8]) -> Result<Vec<SettingRecord>>;

        /// Finds files that several torrents of a client have in common. Has its own lock.
        type Paths;
        fn new_paths() -> Result<SharedPtr<Paths>>;

        /// One `lt::session`. None of its functions waits for libtorrent's network thread.
        type Session;
        /// `blocked` replaces the IP filter in the state, unless it is null.
        fn new_session(
            settings: &[SettingRecord],
            policy: PolicyRecord,
            reads: DiskReads,
            shard: ShardRecord,
            state: &[u8],
            blocked: UniquePtr<IpFilter>,
            waker: Box<Waker>,
        ) -> Result<UniquePtr<Session>>;
        /// Whether names are looked up in the DNS although the client is offline or behind a proxy.
        fn leaks_names(self: &Session) -> bool;
        fn add_torrent(
            self: Pin<&mut Session>,
            torrent: u64,
            params: UniquePtr<TorrentParams>,
        ) -> Result<()>;
        /// Returns a handle for calls that only post.
        fn torrent(self: &Session, torrent: u64) -> Result<UniquePtr<Torrent>>;
        /// Retries to add a torrent that libtorrent refused. Its parameters are kept until it succeeds.
        fn retry_add(self: Pin<&mut Session>, torrent: u64) -> Result<()>;
        fn forget_add(self: Pin<&mut Session>, torrent: u64);
        /// Merges the parameters into an existing torrent.
        fn merge(
            self: Pin<&mut Session>,
            torrent: u64,
            params: UniquePtr<TorrentParams>,
        ) -> Result<()>;
        fn remove_torrent(self: Pin<&mut Session>, torrent: u64, delete_files: bool) -> Result<()>;
        fn subscribe(self: Pin<&mut Session>, interest: &InterestRecord) -> Result<()>;
        /// Forgets a request whose task has failed, because no alert will answer it.
        fn forget_request(self: Pin<&mut Session>, request: u64) -> Result<()>;
        fn request_statuses(self: Pin<&mut Session>) -> Result<()>;
        fn request_every_status(self: Pin<&mut Session>) -> Result<()>;
        fn request_statistics(self: Pin<&mut Session>) -> Result<()>;
        fn pop_alerts(self: Pin<&mut Session>) -> Result<()>;

        /// Keeps the network thread joinable after the session is gone. Dropping it joins the
        /// thread, which waits until the trackers have been notified (`stop_tracker_timeout`).
        type Teardown;
        fn abort_session(session: UniquePtr<Session>) -> Result<UniquePtr<Teardown>>;

        /// An `lt::torrent_handle` on the network thread, where its getters do not block. Functions
        /// that are declared here but not in requests/torrent.hpp are libtorrent's own.
        type Torrent;
        fn pause_torrent(self: &Torrent, gracefully: bool) -> Result<()>;
        fn resume_torrent(self: &Torrent) -> Result<()>;
        fn is_paused(self: &Torrent) -> Result<bool>;
        fn recheck(self: &Torrent) -> Result<()>;
        /// Returns the parameters for another session that serves the same files, which are taken as
        /// complete.
        fn copy(self: &Torrent) -> Result<UniquePtr<TorrentParams>>;
        fn save_metainfo(self: &Torrent) -> Result<()>;
        fn save_resume(self: &Torrent, only_if_changed: bool) -> Result<()>;
        /// Of a .torrent file.
        fn use_metainfo(self: &Torrent, given: &TorrentParams) -> Result<()>;
        fn files(self: &Torrent) -> Result<Vec<FileStatusRecord>>;
        fn set_file_priority(self: &Torrent, file: u32, priority: u8) -> Result<()>;
        fn set_file_priorities(self: &Torrent, priorities: &[u8]) -> Result<()>;
        fn rename(self: &Torrent, file: u32, path: &[u8]) -> Result<()>;
        fn move_files(self: &Torrent, directory: &[u8], on_conflict: OnConflict) -> Result<()>;
        fn flush_files(self: &Torrent) -> Result<()>;
        fn pieces(self: &Torrent) -> Result<PiecesRecord>;
        fn set_piece_priority(self: &Torrent, piece: u32, priority: u8) -> Result<()>;
        fn set_piece_priorities(self: &Torrent, priorities: &[u8]) -> Result<()>;
        /// A negative deadline removes it.
        fn set_deadline(self: &Torrent, piece: u32, milliseconds: i32) -> Result<()>;
        fn clear_piece_deadlines(self: &Torrent) -> Result<()>;
        fn set_ends_first(self: &Torrent, first: bool) -> Result<()>;
        fn read(self: &Torrent, piece: u32) -> Result<()>;
        fn add(self: &Torrent, piece: u32, data: &[u8]) -> Result<()>;
        /// Both fail as busy while the files are being checked.
        fn file_state(self: &Torrent, file: u32) -> Result<PartStateRecord>;
        fn piece_state(self: &Torrent, piece: u32) -> Result<PartStateRecord>;
        /// Removes deadlines, sets others, and then sets levels.
        fn steer(
            self: &Torrent,
            dropped: &[u32],
            deadlines: &[PieceDeadline],
            levels: &[PieceLevel],
            requests: Requests,
        ) -> Result<()>;
        fn options(self: &Torrent) -> Result<OptionsRecord>;
        fn set_limits(self: &Torrent, limits: &LimitsRecord) -> Result<()>;
        /// `flag` is an index into `TorrentFlag::ALL`.
        fn set_flag(self: &Torrent, flag: u8, on: bool) -> Result<()>;
        fn move_in_queue(self: &Torrent, to: QueueMove, position: i32) -> Result<()>;
        /// In PEM format; `dh` are the Diffie-Hellman parameters.
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

        /// Blocked addresses: an `lt::ip_filter`, for any thread.
        type IpFilter;
        /// Makes a filter from the first and last address of each range.
        fn new_ip_filter(ends: &[String]) -> Result<UniquePtr<IpFilter>>;
        fn ranges(self: &IpFilter) -> Result<Vec<String>>;

        /// An `lt::session_handle` on the network thread.
        type SessionHandle;
        fn current_settings(self: &SessionHandle) -> Result<Vec<SettingRecord>>;
        fn change_settings(self: Pin<&mut SessionHandle>, settings: &[SettingRecord])
        -> Result<()>;
        /// Returns the state with these settings instead of its own.
        fn state(self: &SessionHandle, settings: &[SettingRecord]) -> Result<Vec<u8>>;
        /// Returns the DHT nodes and the IP filter, without settings.
        fn network_state(self: &SessionHandle) -> Result<Vec<u8>>;
        /// Returns the incomplete torrents.
        fn queue(self: &SessionHandle) -> Result<Vec<QueuePlaceRecord>>;
        fn blocked(self: &SessionHandle) -> Result<UniquePtr<IpFilter>>;
        fn block(self: Pin<&mut SessionHandle>, filter: &IpFilter) -> Result<()>;
        fn ban(self: Pin<&mut SessionHandle>, address: &str) -> Result<()>;
        /// The first and last port of each range.
        fn block_ports(self: Pin<&mut SessionHandle>, ends: &[u16]) -> Result<()>;
        /// Lists at most this many torrents of each kind.
        fn demand(self: &SessionHandle, queued: u32) -> Result<DemandRecord>;
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
    }
}

pub(crate) use bridge::*;

// SAFETY: add_torrent_params holds values and a shared_ptr to an immutable torrent_info; none of
// them is tied to the thread that created it.
unsafe impl Send for TorrentParams {}
// SAFETY: an ip_filter holds only values.
unsafe impl Send for IpFilter {}
// SAFETY: as above, and nothing changes it.
unsafe impl Sync for IpFilter {}
// SAFETY: a Paths is locked by each of its functions.
unsafe impl Send for Paths {}
// SAFETY: as above.
unsafe impl Sync for Paths {}
// SAFETY: a Teardown is a session_proxy, which libtorrent allows any thread to destroy.
unsafe impl Send for Teardown {}
