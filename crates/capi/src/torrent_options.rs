//! Options of a torrent
//!
//! Flags, limits, goals and the queue. They can be changed at any time; limits can also be set for a
//! torrent to be added.
//!
//! A limit is greater than 0, or PATRON_NO_LIMIT. Functions that set a limit return INVALID_ARGUMENT for
//! other numbers: to stop a torrent, pause it.

use std::ffi::c_char;
use std::mem::{MaybeUninit, offset_of};

use crate::add_options::patron_add_options;
use crate::support::arguments::{NO_LIMIT, choice, goals, limit, or_none, required, text};
use crate::support::failure::patron_error;
use crate::support::guard::guard;
use crate::support::handles::{patron_handle, patron_reply};
use crate::support::numbers::{bits, choices};
use crate::support::replies::{ask_of, write_answer};
use crate::support::structs::Struct;
use torrent_patron::torrent::{GoalAction, QueueMove, TorrentFlag, TorrentOptions};

/// As a limit: no limit but the client's.
pub const PATRON_NO_LIMIT: i64 = -1;

const _: () = assert!(PATRON_NO_LIMIT == NO_LIMIT);

choices! { TorrentFlag:
    /// Nothing is downloaded; existing data is uploaded. A full disk turns this on.
    PATRON_FLAG_UPLOAD_MODE = 1 => UploadMode,
    /// Only as much is downloaded as helps to increase the share ratio.
    PATRON_FLAG_SHARE_MODE = 2 => ShareMode,
    /// Peers blocked by the IP filter are refused. On by default.
    PATRON_FLAG_APPLY_IP_FILTER = 4 => ApplyIpFilter,
    /// libtorrent starts and stops it: as many torrents run as the "active_" settings allow, in
    /// queue order.
    PATRON_FLAG_AUTO_MANAGED = 8 => AutoManaged,
    /// Super-seeding: each piece is offered to one peer at a time, so that the first copy spreads
    /// with the least upload (BEP 16).
    PATRON_FLAG_SUPER_SEEDING = 16 => SuperSeeding,
    /// Pieces are downloaded in order.
    PATRON_FLAG_SEQUENTIAL = 32 => Sequential,
    /// It is paused when it would start to download or seed.
    PATRON_FLAG_STOP_WHEN_READY = 64 => StopWhenReady,
    /// It is not announced to the DHT.
    PATRON_FLAG_NO_DHT = 128 => NoDht,
    /// It is not announced on the local network.
    PATRON_FLAG_NO_LOCAL_DISCOVERY = 256 => NoLocalDiscovery,
    /// Peer exchange is off.
    PATRON_FLAG_NO_PEER_EXCHANGE = 512 => NoPeerExchange,
}

choices! { QueueMove:
    /// One position up.
    PATRON_QUEUE_UP = 0 => Up,
    /// One position down.
    PATRON_QUEUE_DOWN = 1 => Down,
    /// To the front of the queue.
    PATRON_QUEUE_TOP = 2 => Top,
    /// To the end of the queue.
    PATRON_QUEUE_BOTTOM = 3 => Bottom,
}

choices! { GoalAction:
    /// A torrent that has reached a goal is paused. If it is resumed, it seeds without goals.
    PATRON_GOAL_ACTION_PAUSE = 0 => Pause,
    /// It is removed; its files are kept.
    PATRON_GOAL_ACTION_REMOVE = 1 => Remove,
    /// It is removed and its files are deleted.
    PATRON_GOAL_ACTION_REMOVE_AND_DELETE = 2 => RemoveAndDelete,
    /// It keeps seeding in super-seeding mode.
    PATRON_GOAL_ACTION_SUPER_SEED = 3 => SuperSeed,
}

/// The current options of a torrent; patron_reply_path() is the directory of its files.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct patron_torrent_options {
    /// The download rate limit in bytes per second; PATRON_NO_LIMIT if there is none.
    pub download_limit: i64,
    /// The upload rate limit in bytes per second; PATRON_NO_LIMIT if there is none.
    pub upload_limit: i64,
    /// The connections limit; PATRON_NO_LIMIT if there is none.
    pub connections_limit: i64,
    /// The number of upload slots; PATRON_NO_LIMIT if there is none.
    pub upload_slots: i64,
    /// The queue position, starting at 0; -1 if it is complete.
    pub queue_position: i64,
    /// The PATRON_FLAG_* that are on, combined by "or".
    pub flags: i32,
    /// Reserved; zero.
    pub reserved: u32,
}

impl Struct for patron_torrent_options {
    const NAME: &str = "patron_torrent_options";
    const FIRST_SIZE: usize = offset_of!(Self, reserved) + size_of::<u32>();
}

impl From<&TorrentOptions> for patron_torrent_options {
    fn from(options: &TorrentOptions) -> Self {
        Self {
            download_limit: or_none(options.limits.download_limit),
            upload_limit: or_none(options.limits.upload_limit),
            connections_limit: or_none(options.limits.connections_limit),
            upload_slots: or_none(options.limits.upload_slots),
            queue_position: or_none(options.queue_position),
            flags: bits(options.flags),
            reserved: 0,
        }
    }
}

/// Asks for the options of a torrent; patron_reply_torrent_options() and patron_reply_path() read
/// the answer.
#[unsafe(no_mangle)]
pub extern "C" fn patron_get_torrent_options(
    patron: *mut patron_handle,
    torrent_id: u64,
    reply: Option<&mut MaybeUninit<*mut patron_reply>>,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    ask_of(patron, torrent_id, reply, error, |patron, id| Ok(patron.options(id)))
}

/// For patron_get_torrent_options(): writes the options. `struct_size` is
/// sizeof(patron_torrent_options).
///
/// Errors: INVALID_ARGUMENT if the reply has no answer yet or is of another kind; BAD_HANDLE.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn patron_reply_torrent_options(
    reply: *mut patron_reply,
    out: *mut patron_torrent_options,
    struct_size: usize,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    guard(error, || {
        // SAFETY: the caller gives the size of its struct.
        unsafe { write_answer::<TorrentOptions, _>(reply, out, struct_size, "options") }
    })
}

/// Turns a flag, one PATRON_FLAG_*, on or off.
///
/// Errors: INVALID_ARGUMENT for an unknown flag or more than one.
#[unsafe(no_mangle)]
pub extern "C" fn patron_set_flag(
    patron: *mut patron_handle,
    torrent_id: u64,
    flag: i32,
    on: bool,
    reply: Option<&mut MaybeUninit<*mut patron_reply>>,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    ask_of(patron, torrent_id, reply, error, |patron, id| {
        Ok(patron.set_flag(id, choice(flag, "flag")?, on))
    })
}

/// Limits the download rate of the torrent to be added, in bytes per second.
#[unsafe(no_mangle)]
pub extern "C" fn patron_add_options_set_download_limit(
    options: Option<&mut patron_add_options>,
    rate: i64,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    guard(error, || {
        required(options, "options")?.options.limits.download_limit = limit(rate, "rate")?;
        Ok(())
    })
}

/// Limits the upload rate of the torrent to be added, in bytes per second.
#[unsafe(no_mangle)]
pub extern "C" fn patron_add_options_set_upload_limit(
    options: Option<&mut patron_add_options>,
    rate: i64,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    guard(error, || {
        required(options, "options")?.options.limits.upload_limit = limit(rate, "rate")?;
        Ok(())
    })
}

/// Limits the number of connections of the torrent to be added.
#[unsafe(no_mangle)]
pub extern "C" fn patron_add_options_set_connections_limit(
    options: Option<&mut patron_add_options>,
    peers: i64,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    guard(error, || {
        required(options, "options")?.options.limits.connections_limit = limit(peers, "peers")?;
        Ok(())
    })
}

/// Limits the number of upload slots of the torrent to be added.
#[unsafe(no_mangle)]
pub extern "C" fn patron_add_options_set_upload_slots(
    options: Option<&mut patron_add_options>,
    peers: i64,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    guard(error, || {
        required(options, "options")?.options.limits.upload_slots = limit(peers, "peers")?;
        Ok(())
    })
}

/// Limits the download rate of a torrent, in bytes per second.
#[unsafe(no_mangle)]
pub extern "C" fn patron_set_download_limit(
    patron: *mut patron_handle,
    torrent_id: u64,
    rate: i64,
    reply: Option<&mut MaybeUninit<*mut patron_reply>>,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    ask_of(patron, torrent_id, reply, error, |patron, id| {
        Ok(patron.set_download_limit(id, limit(rate, "rate")?))
    })
}

/// Limits the upload rate of a torrent, in bytes per second.
#[unsafe(no_mangle)]
pub extern "C" fn patron_set_upload_limit(
    patron: *mut patron_handle,
    torrent_id: u64,
    rate: i64,
    reply: Option<&mut MaybeUninit<*mut patron_reply>>,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    ask_of(patron, torrent_id, reply, error, |patron, id| {
        Ok(patron.set_upload_limit(id, limit(rate, "rate")?))
    })
}

/// Limits the connections of a torrent, to at least 2.
#[unsafe(no_mangle)]
pub extern "C" fn patron_set_connections_limit(
    patron: *mut patron_handle,
    torrent_id: u64,
    peers: i64,
    reply: Option<&mut MaybeUninit<*mut patron_reply>>,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    ask_of(patron, torrent_id, reply, error, |patron, id| {
        Ok(patron.set_connections_limit(id, limit(peers, "peers")?))
    })
}

/// Limits the upload slots of a torrent.
#[unsafe(no_mangle)]
pub extern "C" fn patron_set_upload_slots(
    patron: *mut patron_handle,
    torrent_id: u64,
    peers: i64,
    reply: Option<&mut MaybeUninit<*mut patron_reply>>,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    ask_of(patron, torrent_id, reply, error, |patron, id| {
        Ok(patron.set_upload_slots(id, limit(peers, "peers")?))
    })
}

/// Sets the seeding goals of a torrent, and what happens when the first is reached, a
/// PATRON_GOAL_ACTION_*. They replace earlier goals. `share_ratio` is bytes sent per byte received;
/// `seed_seconds` is the time that the torrent was complete and not paused. Both count all runs; a
/// negative number means no such goal. Goals are checked at each tick; PATRON_EVENT_GOAL_REACHED
/// reports success. They are stored in resume data.
///
/// Errors: INVALID_ARGUMENT for an unknown action, or if the share ratio is not a number.
#[unsafe(no_mangle)]
pub extern "C" fn patron_set_goals(
    patron: *mut patron_handle,
    torrent_id: u64,
    share_ratio: f64,
    seed_seconds: i64,
    action: i32,
    reply: Option<&mut MaybeUninit<*mut patron_reply>>,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    ask_of(patron, torrent_id, reply, error, |patron, id| {
        Ok(patron.set_goals(id, goals(share_ratio, seed_seconds, action)?))
    })
}

/// Sets the certificate of a TLS torrent, in PEM: the certificate, signed by the one in the
/// metainfo ("ssl-cert"); its private key; and the Diffie-Hellman parameters. If libtorrent rejects
/// it, PATRON_EVENT_ERROR reports it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn patron_set_tls_certificate(
    patron: *mut patron_handle,
    torrent_id: u64,
    certificate: *const c_char,
    certificate_length: usize,
    private_key: *const c_char,
    private_key_length: usize,
    dh_parameters: *const c_char,
    dh_parameters_length: usize,
    reply: Option<&mut MaybeUninit<*mut patron_reply>>,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    ask_of(patron, torrent_id, reply, error, |patron, id| {
        // SAFETY: the caller gives the length of each text.
        let (certificate, private_key, dh_parameters) = unsafe {
            (
                text(certificate, certificate_length, "certificate")?,
                text(private_key, private_key_length, "private_key")?,
                text(dh_parameters, dh_parameters_length, "dh_parameters")?,
            )
        };
        Ok(patron.set_tls_certificate(id, certificate, private_key, dh_parameters))
    })
}

/// Moves a torrent in the queue of incomplete torrents, by a PATRON_QUEUE_*. The queue decides
/// which torrents with PATRON_FLAG_AUTO_MANAGED run.
///
/// Errors: INVALID_ARGUMENT for an unknown move.
#[unsafe(no_mangle)]
pub extern "C" fn patron_move_in_queue(
    patron: *mut patron_handle,
    torrent_id: u64,
    queue_move: i32,
    reply: Option<&mut MaybeUninit<*mut patron_reply>>,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    ask_of(patron, torrent_id, reply, error, |patron, id| {
        Ok(patron.move_in_queue(id, choice(queue_move, "queue move")?))
    })
}

/// Moves a torrent to a position in the queue, starting at 0. A position past the end means the
/// end.
#[unsafe(no_mangle)]
pub extern "C" fn patron_set_queue_position(
    patron: *mut patron_handle,
    torrent_id: u64,
    position: u32,
    reply: Option<&mut MaybeUninit<*mut patron_reply>>,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    ask_of(patron, torrent_id, reply, error, |patron, id| {
        Ok(patron.move_in_queue(id, QueueMove::To(position)))
    })
}
