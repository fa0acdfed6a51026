//! The part of the bridge that creates torrents and hashes their pieces.
#![allow(unsafe_code, missing_debug_implementations, unreachable_pub)]

#[cxx::bridge(namespace = "patron")]
#[allow(clippy::missing_safety_doc)]
mod shim {
    /// A file of a new torrent.
    struct NewFileRecord {
        /// Begins with the torrent's name.
        path: Vec<u8>,
        size: i64,
        executable: bool,
        /// The target of a symbolic link, relative to the torrent's directory; empty for a file.
        symlink: Vec<u8>,
    }

    struct NewTorrentRecord {
        /// In the order of BEP 52.
        files: Vec<NewFileRecord>,
        /// 0 lets libtorrent choose.
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

    /// The files of a torrent in the order of their data, including pad files.
    struct LayoutRecord {
        piece_length: i32,
        piece_count: i32,
        sizes: Vec<i64>,
        pads: Vec<bool>,
    }

    /// The hashes of one piece; all zeros means no hash.
    #[derive(Clone, Copy, PartialEq, Eq)]
    struct PieceHashes {
        v1: [u8; 20],
        /// The root of the blocks' hash tree.
        v2: [u8; 32],
    }

    unsafe extern "C++" {
        include!("torrent-patron/cpp/hashing.hpp");
        include!("torrent-patron/cpp/maker.hpp");
        include!("torrent-patron/cpp/metainfo.hpp");
        include!("torrent-patron/cpp/trycatch.hpp");
        include!("torrent-patron/src/sys/bridge.rs.h");

        type TorrentParams = crate::sys::bridge::TorrentParams;
        type TrackerRecord = crate::sys::bridge::TrackerRecord;

        /// Returns the hash of each piece. Fails if `torrent`, the .torrent file, lacks the v2 piece hashes.
        fn piece_hashes(self: &TorrentParams, torrent: &[u8]) -> Result<Vec<PieceHashes>>;
        fn layout(self: &TorrentParams) -> Result<LayoutRecord>;

        /// An `lt::create_torrent`.
        type NewTorrent;
        fn new_torrent(record: &NewTorrentRecord) -> Result<UniquePtr<NewTorrent>>;
        fn layout(self: &NewTorrent) -> Result<LayoutRecord>;
        /// Returns the .torrent file, with placeholder hashes.
        fn preview(record: &NewTorrentRecord) -> Result<Vec<u8>>;
        /// `file` is an index into the layout; `piece_of_file` is relative to the file's first piece.
        fn set_hashes(
            self: Pin<&mut NewTorrent>,
            piece: i32,
            file: i32,
            piece_of_file: i32,
            hashes: &PieceHashes,
        ) -> Result<()>;
        fn encode(self: &NewTorrent) -> Result<Vec<u8>>;

        /// Hashes one piece after another.
        type PieceHasher;
        fn new_piece_hasher(v1: bool, v2: bool) -> Result<UniquePtr<PieceHasher>>;
        /// Adds data of a file. If v2 is hashed, the length must be a multiple of 16 KiB except at
        /// the end of the file.
        fn update(self: Pin<&mut PieceHasher>, data: &[u8]) -> Result<()>;
        /// Adds the zeros of a pad file, which v2 does not include.
        fn pad(self: Pin<&mut PieceHasher>, length: usize) -> Result<()>;
        /// Returns the hashes, with a v2 tree of `blocks` leaves. The hasher can then be used for
        /// another piece.
        fn finish(self: Pin<&mut PieceHasher>, blocks: usize) -> Result<PieceHashes>;
    }
}

pub(crate) use shim::*;
