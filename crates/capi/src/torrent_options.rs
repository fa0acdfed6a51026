//! How a torrent is set up
//!
//! Switches, limits, and the queue. They can be changed at any time.

use std::ffi::c_char;
use std::mem::{MaybeUninit, offset_of};

use crate::support::arguments::{choice, goals, limit, or_none, text};
use crate::support::failure::patron_error;
use crate::support::guard::guard;
use crate::support::handles::{patron_handle, patron_reply};
use crate::support::numbers::{bits, choices};
use crate::support::replies::{ask_of, write_answer};
use crate::support::structs::Struct;
use torrent_patron::{GoalAction, QueueMove, TorrentFlag, TorrentOptions};

choices! { TorrentFlag:
    /// Nothing is downloaded; what is here is served. A full disk switches it on.
    PATRON_FLAG_UPLOAD_MODE = 1 => UploadMode,
    /// Only as much is downloaded as helps others: for one who wants to seed what he does not want.
    PATRON_FLAG_SHARE_MODE = 2 => ShareMode,
    /// Peers that the IP filter blocks are refused. On unless switched off.
    PATRON_FLAG_APPLY_IP_FILTER = 4 => ApplyIpFilter,
    /// libtorrent starts and stops it: as many run as the "active_" settings allow, in the order of the
    /// queue.
    PATRON_FLAG_AUTO_MANAGED = 8 => AutoManaged,
    /// Each piece is offered to one peer at a time, so that the first copy spreads with the least sending
    /// (BEP 16).
    PATRON_FLAG_SUPER_SEEDING = 16 => SuperSeeding,
    /// Pieces are asked for in their order.
    PATRON_FLAG_SEQUENTIAL = 32 => Sequential,
    /// It is paused when it would begin to download or to seed.
    PATRON_FLAG_STOP_WHEN_READY = 64 => StopWhenReady,
    /// It is not announced to the distributed hash table.
    PATRON_FLAG_NO_DHT = 128 => NoDht,
    /// It is not announced on the local network.
    PATRON_FLAG_NO_LOCAL_DISCOVERY = 256 => NoLocalDiscovery,
    /// Peers are not told of other peers.
    PATRON_FLAG_NO_PEER_EXCHANGE = 512 => NoPeerExchange,
}

choices! { QueueMove:
    /// One place nearer to the front of the queue.
    PATRON_QUEUE_UP = 0 => Up,
    /// One place nearer to the end.
    PATRON_QUEUE_DOWN = 1 => Down,
    /// To the front.
    PATRON_QUEUE_TOP = 2 => Top,
    /// To the end.
    PATRON_QUEUE_BOTTOM = 3 => Bottom,
}

choices! { GoalAction:
    /// A torrent that has reached a goal is paused. When it is resumed it seeds on: the goals are gone.
    PATRON_GOAL_PAUSE = 0 => Pause,
    /// It is closed; its files stay.
    PATRON_GOAL_REMOVE = 1 => Remove,
    /// It is closed and its files are deleted.
    PATRON_GOAL_REMOVE_AND_DELETE = 2 => RemoveAndDelete,
    /// It seeds on, by super-seeding: as little as the swarm needs.
    PATRON_GOAL_SUPER_SEED = 3 => SuperSeed,
}

/// How a torrent is set up at present; patron_reply_path() is where its files are.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct patron_torrent_options {
    /// How many bytes a second it may receive; -1: as the client may.
    pub download_limit: i64,
    /// How many bytes a second it may send; -1: as the client may.
    pub upload_limit: i64,
    /// How many peers it may be connected to; -1: as many as the client.
    pub connections_limit: i64,
    /// How many peers it may serve at once; -1: as many as the client.
    pub upload_slots: i64,
    /// Its place among the torrents that are not complete, the first is 0; -1 when it is complete.
    pub queue_position: i64,
    /// The PATRON_FLAG_* that are on, combined by "or".
    pub flags: i32,
    /// Zero.
    pub reserved: u32,
}

impl Struct for patron_torrent_options {
    const NAME: &str = "patron_torrent_options";
    const FIRST_SIZE: usize = offset_of!(Self, reserved) + size_of::<u32>();
}

impl From<&TorrentOptions> for patron_torrent_options {
    fn from(options: &TorrentOptions) -> Self {
        Self {
            download_limit: or_none(options.download_limit),
            upload_limit: or_none(options.upload_limit),
            connections_limit: or_none(options.connections_limit),
            upload_slots: or_none(options.upload_slots),
            queue_position: or_none(options.queue_position),
            flags: bits(&options.flags),
            reserved: 0,
        }
    }
}

/// Asks how a torrent is set up; patron_reply_torrent_options() and patron_reply_path() read the
/// answer.
#[unsafe(no_mangle)]
pub extern "C" fn patron_get_torrent_options(
    patron: *mut patron_handle,
    torrent_id: u64,
    reply: Option<&mut MaybeUninit<*mut patron_reply>>,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    ask_of(patron, torrent_id, reply, error, |patron, id| Ok(patron.options(id)))
}

/// Of patron_get_torrent_options(): the options. `struct_size` is sizeof(patron_torrent_options).
///
/// Errors: INVALID_ARGUMENT when the reply has no options, or none yet; BAD_HANDLE.
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

/// Switches a flag, one PATRON_FLAG_*, on or off.
///
/// Errors: INVALID_ARGUMENT for an unknown flag and for more than one.
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

/// How many bytes a second a torrent may receive; 0 or less: as the client may.
#[unsafe(no_mangle)]
pub extern "C" fn patron_set_download_limit(
    patron: *mut patron_handle,
    torrent_id: u64,
    rate: i64,
    reply: Option<&mut MaybeUninit<*mut patron_reply>>,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    ask_of(patron, torrent_id, reply, error, |patron, id| {
        Ok(patron.set_download_limit(id, limit(rate)))
    })
}

/// How many bytes a second a torrent may send; 0 or less: as the client may.
#[unsafe(no_mangle)]
pub extern "C" fn patron_set_upload_limit(
    patron: *mut patron_handle,
    torrent_id: u64,
    rate: i64,
    reply: Option<&mut MaybeUninit<*mut patron_reply>>,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    ask_of(patron, torrent_id, reply, error, |patron, id| {
        Ok(patron.set_upload_limit(id, limit(rate)))
    })
}

/// How many peers a torrent may be connected to, at least 2; 0 or less: as many as the client.
#[unsafe(no_mangle)]
pub extern "C" fn patron_set_connections_limit(
    patron: *mut patron_handle,
    torrent_id: u64,
    peers: i64,
    reply: Option<&mut MaybeUninit<*mut patron_reply>>,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    ask_of(patron, torrent_id, reply, error, |patron, id| {
        Ok(patron.set_connections_limit(id, limit(peers)))
    })
}

/// How many peers a torrent may serve at once; 0 or less: as many as the client.
#[unsafe(no_mangle)]
pub extern "C" fn patron_set_upload_slots(
    patron: *mut patron_handle,
    torrent_id: u64,
    peers: i64,
    reply: Option<&mut MaybeUninit<*mut patron_reply>>,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    ask_of(patron, torrent_id, reply, error, |patron, id| {
        Ok(patron.set_upload_slots(id, limit(peers)))
    })
}

/// When a torrent has given back enough, and what then becomes of it, a PATRON_GOAL_*; these goals take
/// the place of those before. `share_ratio` is what was sent for what was received, `seed_seconds` how
/// long it had everything and was not paused, both in all runs; negative is no such goal, and the first
/// that is reached counts. It is looked at each tick; PATRON_EVENT_GOAL_REACHED says that it is so. Goals
/// are kept in resume data.
///
/// Errors: INVALID_ARGUMENT for an unknown action and for a share ratio that is no number.
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

/// Gives a torrent for TLS the certificate that its peers ask for, in PEM: the certificate, signed by the
/// one in the metainfo ("ssl-cert"); its private key; the parameters of Diffie and Hellman. One that
/// libtorrent refuses is a PATRON_EVENT_ERROR.
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

/// Moves a torrent in the queue of those that are not complete, by a PATRON_QUEUE_*. The queue says
/// which of the torrents with PATRON_FLAG_AUTO_MANAGED run.
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

/// Moves a torrent to a place in that queue, the first is 0; beyond the end is the end.
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
