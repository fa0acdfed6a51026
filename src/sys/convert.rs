//! Conversions between the bridge's records and the model's types.

use std::borrow::Cow;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use cxx::{Exception, UniquePtr};

use super::bridge::{
    self, AnnounceRecord, ClassRangesRecord, ClientDataRecord, FileStatusRecord, LimitsRecord,
    OptionsRecord, PartStateRecord, PeerClassRecord, PeerStatusRecord, PiecesRecord,
    QueuePlaceRecord, SavedRecord, SpanRecord, StatusRecord, Torrent, TrackerRecord,
    TrackerStatusRecord, TrackersRecord,
};
use super::errors::{disk_failure, failure};
use super::task::ShardPart;
use crate::model::op;
use crate::model::{
    Announce, BitSet, ClientData, Encryption, FileStatus, GoalAction, Goals, InfoHashes, IpFilter,
    IpRange, Limits, Look, OnConflict, PartialPiece, Peer, PeerClassOptions, PeerClassRange,
    PeerClasses, PeerKind, PeerSource, PeerSources, PieceMap, PortProtocol, Priority,
    ProtocolVersion, QueueMove, Requests, SavedFigures, Span, TorrentFlag, TorrentFlags, TorrentId,
    TorrentOptions, TorrentState, TorrentStatus, Tracker, TrackerSource, TrackerStatus, Transport,
};
use crate::text::printable;

pub(crate) fn id(torrent: u64) -> Option<TorrentId> {
    TorrentId::new(torrent)
}

pub(crate) fn count(number: impl TryInto<u32>) -> u32 {
    number.try_into().unwrap_or(0)
}

fn size(bytes: i64) -> u64 {
    u64::try_from(bytes).unwrap_or(0)
}

/// Converts text from strangers: names, and messages of trackers and peers.
pub(crate) fn shown(text: String) -> String {
    match printable(&text) {
        Cow::Borrowed(_) => text,
        Cow::Owned(shown) => shown,
    }
}

pub(crate) fn state(state: bridge::TorrentState) -> TorrentState {
    match state {
        bridge::TorrentState::CheckingFiles => TorrentState::CheckingFiles,
        bridge::TorrentState::DownloadingMetadata => TorrentState::DownloadingMetadata,
        bridge::TorrentState::Downloading => TorrentState::Downloading,
        bridge::TorrentState::Finished => TorrentState::Finished,
        bridge::TorrentState::Seeding => TorrentState::Seeding,
        _ => TorrentState::CheckingResumeData,
    }
}

pub(crate) fn status(record: StatusRecord, updated: Instant) -> Option<TorrentStatus> {
    let rate = |bytes: i32| u64::from(count(bytes));
    let error = (!record.error.category.is_empty())
        .then(|| disk_failure("process the torrent", "", &record.error));
    Some(TorrentStatus {
        id: TorrentId::new(record.torrent)?,
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

/// Converts a path from libtorrent: the same bytes that libtorrent was given.
pub(crate) fn path(bytes: Vec<u8>) -> PathBuf {
    #[cfg(unix)]
    return PathBuf::from(<std::ffi::OsString as std::os::unix::ffi::OsStringExt>::from_vec(bytes));
    #[cfg(not(unix))]
    PathBuf::from(String::from_utf8_lossy(&bytes).into_owned())
}

/// Converts a path to the form that libtorrent expects.
pub(crate) fn path_bytes(path: &Path) -> &[u8] {
    path.as_os_str().as_encoded_bytes()
}

pub(crate) fn client_data_record(data: &ClientData) -> ClientDataRecord {
    let ClientData { move_to, goals, replicas, verify, sent_by_copies, piece_levels } = data;
    ClientDataRecord {
        move_to: move_to.as_deref().map(path_bytes).unwrap_or_default().to_vec(),
        share_ratio_permille: goals.share_ratio.map_or(-1, |ratio| (ratio * 1000.0).round() as i64),
        seed_seconds: goals
            .seed_time
            .map_or(-1, |time| i64::try_from(time.as_secs()).unwrap_or(i64::MAX)),
        goal_action: match goals.then {
            GoalAction::Pause => bridge::GoalAction::Pause,
            GoalAction::Remove => bridge::GoalAction::Remove,
            GoalAction::RemoveAndDelete => bridge::GoalAction::RemoveAndDelete,
            GoalAction::SuperSeed => bridge::GoalAction::SuperSeed,
        },
        replicas: *replicas,
        verify: *verify,
        sent_by_copies: i64::try_from(*sent_by_copies).unwrap_or(i64::MAX),
        piece_levels: piece_levels.clone(),
    }
}

pub(crate) fn requests(requests: Requests) -> bridge::Requests {
    match requests {
        Requests::Deep => bridge::Requests::Deep,
        Requests::Shallow => bridge::Requests::Shallow,
    }
}

pub(crate) fn look(record: PartStateRecord) -> Look {
    let PartStateRecord { span: SpanRecord { begin, size: length }, piece_length, have, levels } =
        record;
    let span = Span { begin: size(begin), size: size(length) };
    let piece_length = u64::from(count(piece_length));
    Look { span, piece_length, have, levels: Some(levels), view: None }
}

pub(crate) fn goals(record: &ClientDataRecord) -> Goals {
    let ratio = record.share_ratio_permille;
    Goals {
        share_ratio: (ratio >= 0).then_some(ratio as f64 / 1000.0),
        seed_time: u64::try_from(record.seed_seconds).ok().map(Duration::from_secs),
        then: match record.goal_action {
            bridge::GoalAction::Remove => GoalAction::Remove,
            bridge::GoalAction::RemoveAndDelete => GoalAction::RemoveAndDelete,
            bridge::GoalAction::SuperSeed => GoalAction::SuperSeed,
            _ => GoalAction::Pause,
        },
    }
}

pub(crate) fn file(record: FileStatusRecord) -> FileStatus {
    FileStatus {
        path: path(record.path),
        size: size(record.size),
        done: size(record.done),
        priority: Priority::new(record.priority),
        pad: record.pad,
    }
}

pub(crate) fn peer(record: PeerStatusRecord) -> Peer {
    let milliseconds = |number: i64| Duration::from_millis(u64::try_from(number).unwrap_or(0));
    Peer {
        address: record.address.parse().ok(),
        local_address: record.local_address.parse().ok(),
        kind: match record.kind {
            bridge::PeerKind::WebSeed => PeerKind::WebSeed,
            bridge::PeerKind::HttpSeed => PeerKind::HttpSeed,
            _ => PeerKind::Client,
        },
        transport: match (record.utp, record.i2p) {
            (_, true) => Transport::I2p,
            (true, _) => Transport::Utp,
            _ => Transport::Tcp,
        },
        encryption: match (record.tls, record.rc4, record.obfuscated) {
            (true, ..) => Encryption::Tls,
            (_, true, _) => Encryption::Rc4,
            (.., true) => Encryption::Handshake,
            _ => Encryption::None,
        },
        client: shown(record.client),
        id: record.id.try_into().unwrap_or_default(),
        sources: PeerSources::from_bits(record.sources.into()),
        progress: record.progress_ppm as f32 / 1e6,
        seed: record.seed,
        outgoing: record.outgoing,
        connecting: record.connecting,
        am_interested: record.interesting,
        am_choking: record.choked,
        peer_interested: record.interested,
        peer_choking: record.choking,
        snubbed: record.snubbed,
        optimistic_unchoke: record.optimistic_unchoke,
        suspected: record.suspected,
        download_rate: size(record.download_rate.into()),
        upload_rate: size(record.upload_rate.into()),
        downloaded: size(record.downloaded),
        uploaded: size(record.uploaded),
        outgoing_requests: count(record.requested),
        incoming_requests: count(record.requests),
        hash_failures: count(record.hash_failures),
        failures: count(record.failures),
        idle: milliseconds(record.idle_ms),
        round_trip: milliseconds(record.round_trip_ms),
    }
}

fn tracker_status(
    record: TrackerStatusRecord,
    announces: &mut impl Iterator<Item = AnnounceRecord>,
) -> TrackerStatus {
    TrackerStatus {
        announces: announces
            .take(record.announces)
            .filter_map(|a| announce(a, &record.url))
            .collect(),
        tier: record.tier,
        working: record.working,
        source: {
            let is = |bit: bridge::TrackerSource| record.source & bit.repr != 0;
            if is(bridge::TrackerSource::Metainfo) {
                TrackerSource::Metainfo
            } else if is(bridge::TrackerSource::Program) {
                TrackerSource::Program
            } else if is(bridge::TrackerSource::Magnet) {
                TrackerSource::Magnet
            } else {
                TrackerSource::Peer
            }
        },
        url: record.url.into(),
    }
}

fn announce(record: AnnounceRecord, url: &str) -> Option<Announce> {
    let failed = !record.error.category.is_empty();
    Some(Announce {
        from: record.from.parse::<SocketAddr>().ok()?,
        protocol: if record.v2 { ProtocolVersion::V2 } else { ProtocolVersion::V1 },
        message: shown(record.message).into(),
        error: failed.then(|| failure(op::ANNOUNCE, url, &record.error)),
        failures: record.failures,
        updating: record.updating,
        next: u64::try_from(record.next_seconds).ok().map(Duration::from_secs),
        seeds: u32::try_from(record.seeds).ok(),
        leechers: u32::try_from(record.leechers).ok(),
        downloads: u32::try_from(record.downloads).ok(),
    })
}

pub(crate) fn peer_class_record(options: PeerClassOptions) -> PeerClassRecord {
    let limit = |limit: Option<u32>| limit.map_or(0, index);
    PeerClassRecord {
        name: options.name,
        ignore_unchoke_slots: options.ignore_unchoke_slots,
        connection_limit_factor: index(inverse_percent(options.connection_limit_percent)),
        upload_limit: limit(options.upload_limit),
        download_limit: limit(options.download_limit),
        upload_priority: options.upload_priority.max(1).into(),
        download_priority: options.download_priority.max(1).into(),
    }
}

/// libtorrent divides the limit by the percentage.
fn inverse_percent(percent: u32) -> u32 {
    let percent = percent.max(1);
    (10_000_u32.saturating_add(percent / 2) / percent).max(1)
}

pub(crate) fn peer_class(record: PeerClassRecord) -> PeerClassOptions {
    let limit = |rate: i32| u32::try_from(rate).ok().filter(|rate| *rate > 0);
    let priority = |level: i32| u8::try_from(level).unwrap_or(u8::MAX);
    PeerClassOptions {
        name: record.name,
        ignore_unchoke_slots: record.ignore_unchoke_slots,
        connection_limit_percent: inverse_percent(count(record.connection_limit_factor)),
        upload_limit: limit(record.upload_limit),
        download_limit: limit(record.download_limit),
        upload_priority: priority(record.upload_priority),
        download_priority: priority(record.download_priority),
    }
}

/// Returns the part of a class's limits for one of several sessions.
pub(crate) fn part_of_class(whole: &PeerClassRecord, part: ShardPart) -> PeerClassRecord {
    PeerClassRecord {
        upload_limit: part.of_limit(whole.upload_limit),
        download_limit: part.of_limit(whole.download_limit),
        ..whole.clone()
    }
}

/// Combines the parts of a class from all sessions.
pub(crate) fn sum_peer_class(parts: Vec<PeerClassRecord>) -> PeerClassRecord {
    let sum = |one: i32, other: i32| one.saturating_add(other);
    let add = |whole: PeerClassRecord, part: PeerClassRecord| PeerClassRecord {
        upload_limit: sum(whole.upload_limit, part.upload_limit),
        download_limit: sum(whole.download_limit, part.download_limit),
        ..whole
    };
    parts.into_iter().reduce(add).unwrap_or_default()
}

pub(crate) fn peer_class_ranges(record: ClassRangesRecord) -> Vec<PeerClassRange> {
    let ranges = record.ends.chunks_exact(2).zip(record.classes);
    ranges
        .filter_map(|(ends, bits)| {
            let range = IpRange::new(ends[0].parse().ok()?, ends[1].parse().ok()?).ok()?;
            Some(PeerClassRange::new(range, PeerClasses::from_bits(bits.into())))
        })
        .collect()
}

pub(crate) fn peer_class_ranges_record(ranges: &[PeerClassRange]) -> ClassRangesRecord {
    ClassRangesRecord {
        ends: ends(ranges.iter().map(|one| &one.range)),
        classes: ranges.iter().map(|one| low_bits(one.classes)).collect(),
    }
}

/// Returns the first and last address of each range.
pub(crate) fn ends<'a>(ranges: impl Iterator<Item = &'a IpRange>) -> Vec<String> {
    ranges.flat_map(|range| [range.first().to_string(), range.last().to_string()]).collect()
}

pub(crate) fn native_ip_filter(
    filter: &IpFilter,
) -> std::result::Result<UniquePtr<super::bridge::IpFilter>, Exception> {
    super::bridge::new_ip_filter(&ends(filter.ranges().iter()))
}

pub(crate) fn ip_filter(ends: &[String]) -> IpFilter {
    let mut filter = IpFilter::default();
    for range in ends.chunks_exact(2) {
        if let (Ok(first), Ok(last)) = (range[0].parse::<IpAddr>(), range[1].parse::<IpAddr>()) {
            // libtorrent's ranges are valid.
            let _ = filter.block(first, last);
        }
    }
    filter
}

/// Returns the bits of a set whose values have numbers below 32.
fn low_bits<T>(set: BitSet<T>) -> u32 {
    u32::try_from(set.bits()).unwrap_or_default()
}

pub(crate) fn flags(flags: TorrentFlags) -> u32 {
    low_bits(flags)
}

const NO_LIMIT: i32 = -1;
const AS_IT_IS: i32 = -2;

/// Converts a limit; `None` becomes no limit.
fn limit(limit: Option<u32>) -> i32 {
    limit.map_or(NO_LIMIT, index)
}

fn limits_record(limits: Limits, limit: impl Fn(Option<u32>) -> i32) -> LimitsRecord {
    let Limits { download_limit, upload_limit, connections_limit, upload_slots } = limits;
    LimitsRecord {
        download_rate: limit(download_limit),
        upload_rate: limit(upload_limit),
        connections: limit(connections_limit),
        upload_slots: limit(upload_slots),
    }
}

/// Converts limits; `None` leaves the limit unchanged.
pub(crate) fn some_limits(limits: Limits) -> LimitsRecord {
    limits_record(limits, |limit| limit.map_or(AS_IT_IS, index))
}

/// Sets all limits of a torrent.
pub(crate) fn set_limits(torrent: &Torrent, limits: Limits) -> Result<(), Exception> {
    torrent.set_limits(&limits_record(limits, limit))
}

/// Sets the limit of a torrent that `field` sets in [`Limits`].
pub(crate) fn set_limit(
    torrent: &Torrent,
    field: fn(Limits, u32) -> Limits,
    to: Option<u32>,
) -> Result<(), Exception> {
    let this_one = field(Limits::default(), 1);
    torrent.set_limits(&limits_record(this_one, |is| is.map_or(AS_IT_IS, |_| limit(to))))
}

fn limits(record: LimitsRecord) -> Limits {
    let limit = |limit: i32| u32::try_from(limit).ok();
    let LimitsRecord { download_rate, upload_rate, connections, upload_slots } = record;
    Limits {
        download_limit: limit(download_rate),
        upload_limit: limit(upload_rate),
        connections_limit: limit(connections),
        upload_slots: limit(upload_slots),
    }
}

/// Converts an index. A number that is too large for libtorrent becomes its largest.
fn index(number: u32) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}

pub(crate) fn levels(priorities: &[Priority]) -> Vec<u8> {
    priorities.iter().map(|priority| priority.level()).collect()
}

pub(crate) fn tracker_record(tracker: &Tracker) -> TrackerRecord {
    TrackerRecord { url: tracker.url.clone(), tier: i32::from(tracker.tier) }
}

pub(crate) fn trackers(record: TrackersRecord) -> Vec<TrackerStatus> {
    let mut announces = record.announces.into_iter();
    record.trackers.into_iter().map(|one| tracker_status(one, &mut announces)).collect()
}

pub(crate) fn saved(record: &SavedRecord) -> SavedFigures {
    SavedFigures {
        uploaded: size(record.uploaded),
        downloaded: size(record.downloaded),
        pieces: count(record.pieces),
    }
}

pub(crate) fn pieces(record: PiecesRecord) -> PieceMap {
    let part = |part: &bridge::PartialPieceRecord| PartialPiece {
        piece: count(part.piece),
        blocks: count(part.blocks),
        finished: count(part.finished),
        writing: count(part.writing),
        requested: count(part.requested),
    };
    PieceMap {
        have: record.have.iter().map(|here| *here != 0).collect(),
        priorities: record.priorities.iter().map(|level| Priority::new(*level)).collect(),
        availability: record.availability.iter().map(|peers| count(*peers)).collect(),
        partial: record.partial.iter().map(part).collect(),
    }
}

pub(crate) fn options(record: OptionsRecord) -> TorrentOptions {
    TorrentOptions {
        flags: TorrentFlags::from_bits(record.flags.into()),
        limits: limits(record.limits),
        queue_position: u32::try_from(record.queue_position).ok(),
        save_dir: path(record.save_path),
    }
}

pub(crate) fn on_conflict(on_conflict: OnConflict) -> bridge::OnConflict {
    match on_conflict {
        OnConflict::Fail => bridge::OnConflict::Fail,
        OnConflict::Replace => bridge::OnConflict::Replace,
        OnConflict::Keep => bridge::OnConflict::Keep,
    }
}

pub(crate) fn protocol(protocol: PortProtocol) -> bridge::Protocol {
    match protocol {
        PortProtocol::Tcp => bridge::Protocol::Tcp,
        PortProtocol::Udp => bridge::Protocol::Udp,
    }
}

/// Converts the positions of torrents in the queue.
pub(crate) fn queue(places: Vec<QueuePlaceRecord>) -> Vec<(TorrentId, u32)> {
    places.into_iter().filter_map(|place| Some((id(place.torrent)?, place.position))).collect()
}

/// Converts a move, with its position if it has one.
pub(crate) fn queue_move(to: QueueMove) -> (bridge::QueueMove, i32) {
    match to {
        QueueMove::Up => (bridge::QueueMove::Up, 0),
        QueueMove::Down => (bridge::QueueMove::Down, 0),
        QueueMove::Top => (bridge::QueueMove::Top, 0),
        QueueMove::Bottom => (bridge::QueueMove::Bottom, 0),
        QueueMove::To(position) => (bridge::QueueMove::To, index(position)),
    }
}

/// The bridge numbers flags in the order of `TorrentFlag::ALL`.
const _: () = {
    assert!(TorrentFlag::UploadMode as u8 == bridge::TorrentFlag::UploadMode.repr);
    assert!(TorrentFlag::ShareMode as u8 == bridge::TorrentFlag::ShareMode.repr);
    assert!(TorrentFlag::ApplyIpFilter as u8 == bridge::TorrentFlag::ApplyIpFilter.repr);
    assert!(TorrentFlag::AutoManaged as u8 == bridge::TorrentFlag::AutoManaged.repr);
    assert!(TorrentFlag::SuperSeeding as u8 == bridge::TorrentFlag::SuperSeeding.repr);
    assert!(TorrentFlag::Sequential as u8 == bridge::TorrentFlag::Sequential.repr);
    assert!(TorrentFlag::StopWhenReady as u8 == bridge::TorrentFlag::StopWhenReady.repr);
    assert!(TorrentFlag::NoDht as u8 == bridge::TorrentFlag::NoDht.repr);
    assert!(TorrentFlag::NoLocalDiscovery as u8 == bridge::TorrentFlag::NoLocalDiscovery.repr);
    assert!(TorrentFlag::NoPeerExchange as u8 == bridge::TorrentFlag::NoPeerExchange.repr);
};

/// The bridge uses the bits of a set of sources.
const _: () = {
    assert!(1 << PeerSource::Tracker as u8 == bridge::PeerSource::Tracker.repr);
    assert!(1 << PeerSource::Dht as u8 == bridge::PeerSource::Dht.repr);
    assert!(1 << PeerSource::PeerExchange as u8 == bridge::PeerSource::PeerExchange.repr);
    assert!(1 << PeerSource::LocalDiscovery as u8 == bridge::PeerSource::LocalDiscovery.repr);
    assert!(1 << PeerSource::ResumeData as u8 == bridge::PeerSource::ResumeData.repr);
    assert!(1 << PeerSource::Incoming as u8 == bridge::PeerSource::Incoming.repr);
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_the_connections_are_twice_the_divisor() {
        for (percent, divisor) in [(50, 200), (100, 100), (200, 50), (1, 10_000), (0, 10_000)] {
            let options =
                PeerClassOptions { connection_limit_percent: percent, ..Default::default() };
            let record = peer_class_record(options);
            assert_eq!(record.connection_limit_factor, divisor);
            assert_eq!(peer_class(record).connection_limit_percent, percent.max(1));
        }
    }
}
