//! Requests and their answers, to the bridge and back.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use super::{failure, path, setting, shown};
use crate::error::{Error, Result};
use crate::ffi::{
    AnnounceRecord, AnswerRecord, FileStatusRecord, OwnRecord, PeerClassRecord, PeerStatusRecord,
    RequestKind, RequestRecord, SettingRecord, TrackerRecord, TrackerStatusRecord,
};
use crate::file::{Existing, FileStatus};
use crate::ip_filter::{IpFilter, IpRange};
use crate::metainfo::Tracker;
use crate::peer::{Encryption, Peer, PeerKind, PeerSource, Transport};
use crate::peer_class::{PeerClass, PeerClassOptions, PeerClassRange};
use crate::piece::{PartialPiece, PieceMap};
use crate::port::{PortMapping, PortProtocol};
use crate::request::{Answer, Own, SessionRequest, TorrentRequest};
use crate::settings::Settings;
use crate::status::SavedFigures;
use crate::torrent::{GoalAction, QueueMove, TorrentFlag, TorrentOptions};
use crate::tracker::{Announce, TrackerSource, TrackerStatus};
use crate::types::{Priority, TorrentId};

fn blank(kind: RequestKind, request: u64) -> RequestRecord {
    RequestRecord {
        kind,
        request,
        torrent: 0,
        index: 0,
        number: 0,
        text: String::new(),
        texts: Vec::new(),
        bytes: Vec::new(),
        levels: Vec::new(),
        trackers: Vec::new(),
        settings: Vec::new(),
        numbers: Vec::new(),
        peer_class: Vec::new(),
        own: own(&Own::default()),
    }
}

fn own(own: &Own) -> OwnRecord {
    let Own { move_to, goals } = own;
    OwnRecord {
        move_to: move_to.iter().flat_map(|to| to.as_os_str().as_encoded_bytes().to_vec()).collect(),
        share_ratio_permille: goals.share_ratio.map_or(-1, |ratio| (ratio * 1000.0).round() as i64),
        seed_seconds: goals
            .seed_time
            .map_or(-1, |time| i64::try_from(time.as_secs()).unwrap_or(i64::MAX)),
        goal_action: match goals.then {
            GoalAction::Pause => 0,
            GoalAction::Close => 1,
            GoalAction::CloseAndDelete => 2,
            GoalAction::SuperSeed => 3,
        },
    }
}

/// No limit is -1.
fn limit(limit: Option<u32>) -> i64 {
    limit.map_or(-1, |limit| i64::from(i32::try_from(limit).unwrap_or(i32::MAX)))
}

fn index(number: u32) -> i32 {
    // What is too large for libtorrent is too large for the torrent, which it says.
    i32::try_from(number).unwrap_or(i32::MAX)
}

fn levels(priorities: &[Priority]) -> Vec<u8> {
    priorities.iter().map(|priority| priority.level()).collect()
}

fn tracker(tracker: &Tracker) -> TrackerRecord {
    TrackerRecord { url: tracker.url.clone(), tier: i32::from(tracker.tier) }
}

pub(super) fn of_torrent(request: u64, id: TorrentId, asked: TorrentRequest) -> RequestRecord {
    use RequestKind as Kind;
    let on = |kind| RequestRecord { torrent: id.raw(), ..blank(kind, request) };
    let number = |kind, number| RequestRecord { number, ..on(kind) };
    let indexed = |kind, place, number| RequestRecord { index: index(place), number, ..on(kind) };
    let text = |kind, text| RequestRecord { text, ..on(kind) };
    match asked {
        TorrentRequest::Metainfo => on(Kind::Metainfo),
        TorrentRequest::ResumeData(kept) => {
            RequestRecord { own: own(&kept), ..on(Kind::ResumeData) }
        }
        TorrentRequest::ResumeDataForEvent { own: kept, unchanged_too } => RequestRecord {
            own: own(&kept),
            ..on(if unchanged_too { Kind::ResumeData } else { Kind::ResumeDataIfChanged })
        },
        TorrentRequest::Files => on(Kind::Files),
        TorrentRequest::FilePriority { file, priority } => {
            indexed(Kind::FilePriority, file, priority.level().into())
        }
        TorrentRequest::FilePriorities(priorities) => {
            RequestRecord { levels: levels(&priorities), ..on(Kind::FilePriorities) }
        }
        TorrentRequest::RenameFile { file, to } => RequestRecord {
            bytes: to.into_os_string().into_encoded_bytes(),
            ..indexed(Kind::RenameFile, file, 0)
        },
        TorrentRequest::MoveStorage { to, existing } => RequestRecord {
            bytes: to.into_os_string().into_encoded_bytes(),
            number: match existing {
                Existing::Fail => 0,
                Existing::Replace => 1,
                Existing::Keep => 2,
            },
            ..on(Kind::MoveStorage)
        },
        TorrentRequest::Pieces => on(Kind::Pieces),
        TorrentRequest::PiecePriority { piece, priority } => {
            indexed(Kind::PiecePriority, piece, priority.level().into())
        }
        TorrentRequest::PiecePriorities(priorities) => {
            RequestRecord { levels: levels(&priorities), ..on(Kind::PiecePriorities) }
        }
        TorrentRequest::PieceDeadline { piece, within } => {
            let longest = i64::from(i32::MAX);
            let milliseconds = within.map_or(-1, |within| {
                i64::try_from(within.as_millis()).unwrap_or(longest).min(longest)
            });
            indexed(Kind::PieceDeadline, piece, milliseconds)
        }
        TorrentRequest::ClearPieceDeadlines => on(Kind::ClearPieceDeadlines),
        TorrentRequest::EndsFirst(first) => number(Kind::EndsFirst, first.into()),
        TorrentRequest::ReadPiece(piece) => indexed(Kind::ReadPiece, piece, 0),
        TorrentRequest::AddPiece { piece, data } => {
            RequestRecord { bytes: data, ..indexed(Kind::AddPiece, piece, 0) }
        }
        TorrentRequest::Recheck => on(Kind::Recheck),
        TorrentRequest::Options => on(Kind::Options),
        TorrentRequest::Flag(flag, on) => indexed(Kind::Flag, flag.place().into(), on.into()),
        TorrentRequest::DownloadLimit(rate) => number(Kind::DownloadLimit, limit(rate)),
        TorrentRequest::UploadLimit(rate) => number(Kind::UploadLimit, limit(rate)),
        TorrentRequest::ConnectionsLimit(count) => number(Kind::ConnectionsLimit, limit(count)),
        TorrentRequest::UploadSlots(count) => number(Kind::UploadSlots, limit(count)),
        TorrentRequest::Queue(to) => {
            let place = match to {
                QueueMove::Up => -1,
                QueueMove::Down => -2,
                QueueMove::Top => -3,
                QueueMove::Bottom => -4,
                QueueMove::To(place) => index(place).into(),
            };
            number(Kind::Queue, place)
        }
        TorrentRequest::Peers => on(Kind::Peers),
        TorrentRequest::ConnectPeer(peer) => RequestRecord {
            text: peer.ip().to_string(),
            number: peer.port().into(),
            ..on(Kind::ConnectPeer)
        },
        TorrentRequest::ClearPeers => on(Kind::ClearPeers),
        TorrentRequest::Trackers => on(Kind::Trackers),
        TorrentRequest::AddTracker(added) => {
            RequestRecord { trackers: vec![tracker(&added)], ..on(Kind::AddTracker) }
        }
        TorrentRequest::RemoveTracker(url) => text(Kind::RemoveTracker, url),
        TorrentRequest::ReplaceTrackers(all) => RequestRecord {
            trackers: all.iter().map(tracker).collect(),
            ..on(Kind::ReplaceTrackers)
        },
        TorrentRequest::Reannounce => on(Kind::Reannounce),
        TorrentRequest::Scrape => on(Kind::Scrape),
        TorrentRequest::AnnounceToDht => on(Kind::AnnounceToDht),
        TorrentRequest::AnnounceLocally => on(Kind::AnnounceLocally),
        TorrentRequest::WebSeeds => on(Kind::WebSeeds),
        TorrentRequest::AddWebSeed(url) => text(Kind::AddWebSeed, url),
        TorrentRequest::RemoveWebSeed(url) => text(Kind::RemoveWebSeed, url),
        TorrentRequest::TlsCertificate { certificate, private_key, dh_parameters } => {
            RequestRecord {
                texts: vec![certificate, private_key, dh_parameters],
                ..on(Kind::TlsCertificate)
            }
        }
        TorrentRequest::PauseGracefully => on(Kind::PauseGracefully),
        TorrentRequest::FlushFiles => on(Kind::FlushFiles),
        TorrentRequest::GiveMetainfo(bytes) => {
            RequestRecord { bytes: bytes.to_vec(), ..on(Kind::GiveMetainfo) }
        }
    }
}

pub(super) fn of_session(request: u64, asked: SessionRequest) -> RequestRecord {
    use RequestKind as Kind;
    let on = |kind| blank(kind, request);
    match asked {
        SessionRequest::Settings => on(Kind::Settings),
        SessionRequest::ApplySettings(settings) => RequestRecord {
            settings: settings.native().map(setting).collect(),
            ..on(Kind::ApplySettings)
        },
        SessionRequest::State => on(Kind::State),
        SessionRequest::IpFilter => on(Kind::IpFilter),
        SessionRequest::SetIpFilter(filter) => {
            let ends = filter.ranges().iter().flat_map(|range| [range.first, range.last]);
            RequestRecord {
                texts: ends.map(|end| end.to_string()).collect(),
                ..on(Kind::SetIpFilter)
            }
        }
        SessionRequest::Ban(address) => {
            RequestRecord { text: address.to_string(), ..on(Kind::Ban) }
        }
        SessionRequest::PauseAll => on(Kind::PauseAll),
        SessionRequest::ResumeAll => on(Kind::ResumeAll),
        SessionRequest::AllPaused => on(Kind::AllPaused),
        SessionRequest::SetPortFilter(ranges) => {
            let ends = ranges.iter().flat_map(|range| [*range.start(), *range.end()]);
            RequestRecord { numbers: ends.map(i64::from).collect(), ..on(Kind::SetPortFilter) }
        }
        SessionRequest::AddDhtNode { host, port } => {
            RequestRecord { text: host, number: port.into(), ..on(Kind::AddDhtNode) }
        }
        SessionRequest::DhtRunning => on(Kind::DhtRunning),
        SessionRequest::MapPort { protocol, external, local } => RequestRecord {
            index: match protocol {
                PortProtocol::Tcp => 0,
                PortProtocol::Udp => 1,
            },
            number: external.into(),
            numbers: vec![local.into()],
            ..on(Kind::MapPort)
        },
        SessionRequest::UnmapPort(mapping) => {
            RequestRecord { number: mapping.number().into(), ..on(Kind::UnmapPort) }
        }
        SessionRequest::ReopenSockets => on(Kind::ReopenSockets),
        SessionRequest::CreatePeerClass(name) => {
            RequestRecord { text: name, ..on(Kind::CreatePeerClass) }
        }
        SessionRequest::RemovePeerClass(class) => of_class(on(Kind::RemovePeerClass), class),
        SessionRequest::PeerClass(class) => of_class(on(Kind::PeerClass), class),
        SessionRequest::SetPeerClass(class, options) => RequestRecord {
            peer_class: vec![peer_class_record(options)],
            ..of_class(on(Kind::SetPeerClass), class)
        },
        SessionRequest::PeerClassRanges => on(Kind::PeerClassRanges),
        SessionRequest::SetPeerClassRanges(ranges) => {
            let ends = ranges.iter().flat_map(|one| [one.range.first, one.range.last]);
            let bits = |classes: &[PeerClass]| {
                classes
                    .iter()
                    .fold(0, |bits, class| bits | 1i64.checked_shl(class.number()).unwrap_or(0))
            };
            RequestRecord {
                texts: ends.map(|end| end.to_string()).collect(),
                numbers: ranges.iter().map(|one| bits(&one.classes)).collect(),
                ..on(Kind::SetPeerClassRanges)
            }
        }
    }
}

fn of_class(record: RequestRecord, class: PeerClass) -> RequestRecord {
    RequestRecord { number: class.number().into(), ..record }
}

fn peer_class_record(options: PeerClassOptions) -> PeerClassRecord {
    let limit = |limit: Option<u32>| limit.map_or(0, index);
    PeerClassRecord {
        name: options.name,
        ignore_unchoke_slots: options.ignore_unchoke_slots,
        connection_limit_factor: index(options.connection_limit_percent.max(1)),
        upload_limit: limit(options.upload_limit),
        download_limit: limit(options.download_limit),
        upload_priority: options.upload_priority.max(1).into(),
        download_priority: options.download_priority.max(1).into(),
    }
}

/// The answer; its error does not know yet what was tried.
pub(super) fn answer(record: AnswerRecord) -> Result<Answer> {
    use RequestKind as Kind;
    if !record.error.category.is_empty() {
        let on = String::from_utf8_lossy(&record.bytes);
        return Err(failure("", &on, &record.error));
    }
    Ok(match record.kind {
        Kind::Metainfo | Kind::ReadPiece | Kind::State => Answer::Bytes(record.bytes),
        Kind::ResumeData | Kind::ResumeDataIfChanged => {
            let number = |place: usize| {
                let number = record.numbers.get(place).copied().unwrap_or(0);
                u64::try_from(number).unwrap_or(0)
            };
            let figures = SavedFigures {
                uploaded: number(0),
                downloaded: number(1),
                pieces: number(2).try_into().unwrap_or(0),
            };
            Answer::ResumeData(record.bytes, figures)
        }
        Kind::RenameFile | Kind::MoveStorage => Answer::Path(path(record.bytes)),
        Kind::Files => Answer::Files(record.files.into_iter().map(file).collect()),
        Kind::Pieces => Answer::Pieces(PieceMap {
            have: record.bytes.iter().map(|here| *here != 0).collect(),
            priorities: record.levels.iter().map(|level| Priority::new(*level)).collect(),
            availability: record.numbers.iter().map(|peers| count(*peers)).collect(),
            partial: record
                .partial
                .iter()
                .map(|part| PartialPiece {
                    piece: count(part.piece.into()),
                    blocks: count(part.blocks.into()),
                    finished: count(part.finished.into()),
                    writing: count(part.writing.into()),
                    requested: count(part.requested.into()),
                })
                .collect(),
        }),
        Kind::Options => {
            let limit = |place: usize| {
                record.numbers.get(place).and_then(|limit| u32::try_from(*limit).ok())
            };
            let is_on = |place: usize| record.number & (1 << place) != 0;
            let flags = TorrentFlag::ALL.into_iter().enumerate();
            Answer::Options(TorrentOptions {
                flags: flags.filter(|(place, _)| is_on(*place)).map(|(_, flag)| flag).collect(),
                download_limit: limit(0),
                upload_limit: limit(1),
                connections_limit: limit(2),
                upload_slots: limit(3),
                queue_position: limit(4),
                save_dir: path(record.bytes),
            })
        }
        Kind::Peers => Answer::Peers(record.peers.into_iter().map(peer).collect()),
        Kind::Trackers => {
            let mut announces = record.announces.into_iter();
            let trackers = record.trackers.into_iter();
            Answer::Trackers(
                trackers.map(|tracker| tracker_status(tracker, &mut announces)).collect(),
            )
        }
        Kind::WebSeeds => Answer::Texts(record.texts),
        Kind::Settings => Answer::Settings(settings(&record.settings)),
        Kind::IpFilter => Answer::IpFilter(ip_filter(&record.texts)),
        Kind::DhtRunning | Kind::AllPaused => Answer::Flag(record.number != 0),
        Kind::MapPort => {
            let handles = record.numbers.iter();
            Answer::Mappings(handles.map(|handle| PortMapping::from_number(*handle)).collect())
        }
        Kind::CreatePeerClass => Answer::CreatedPeerClass(PeerClass::from_number(record.number)),
        Kind::PeerClass => Answer::PeerClass(
            record.peer_class.into_iter().map(peer_class).next().unwrap_or_default(),
        ),
        Kind::PeerClassRanges => {
            let ranges = record.texts.chunks_exact(2).zip(&record.numbers);
            Answer::PeerClassRanges(
                ranges.filter_map(|(ends, bits)| peer_class_range(ends, *bits)).collect(),
            )
        }
        _ => Answer::Done,
    })
}

fn count(number: i64) -> u32 {
    u32::try_from(number).unwrap_or(0)
}

fn size(bytes: i64) -> u64 {
    u64::try_from(bytes).unwrap_or(0)
}

fn file(record: FileStatusRecord) -> FileStatus {
    FileStatus {
        path: path(record.path),
        size: size(record.size),
        done: size(record.done),
        priority: Priority::new(record.priority),
        pad: record.pad,
    }
}

fn peer(record: PeerStatusRecord) -> Peer {
    const SOURCES: [PeerSource; 6] = [
        PeerSource::Tracker,
        PeerSource::Dht,
        PeerSource::PeerExchange,
        PeerSource::LocalDiscovery,
        PeerSource::ResumeData,
        PeerSource::Incoming,
    ];
    let milliseconds = |number: i64| Duration::from_millis(u64::try_from(number).unwrap_or(0));
    let found_by = SOURCES.into_iter().enumerate();
    Peer {
        address: record.address.parse().ok(),
        local_address: record.local_address.parse().ok(),
        kind: match record.connection {
            1 => PeerKind::WebSeed,
            2 => PeerKind::HttpSeed,
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
        sources: found_by
            .filter(|(bit, _)| record.sources & (1 << bit) != 0)
            .map(|(_, source)| source)
            .collect(),
        progress: record.progress_ppm as f32 / 1e6,
        seed: record.seed,
        outgoing: record.outgoing,
        connecting: record.connecting,
        interesting: record.interesting,
        choked: record.choked,
        interested: record.interested,
        choking: record.choking,
        snubbed: record.snubbed,
        optimistic_unchoke: record.optimistic_unchoke,
        suspected: record.suspected,
        download_rate: size(record.download_rate.into()),
        upload_rate: size(record.upload_rate.into()),
        downloaded: size(record.downloaded),
        uploaded: size(record.uploaded),
        requested: count(record.requested.into()),
        requests: count(record.requests.into()),
        hash_failures: count(record.hash_failures.into()),
        failures: count(record.failures.into()),
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
        source: match record.source {
            source if source & 1 != 0 => TrackerSource::Metainfo,
            source if source & 2 != 0 => TrackerSource::Program,
            source if source & 4 != 0 => TrackerSource::Magnet,
            _ => TrackerSource::Peer,
        },
        url: record.url.into(),
    }
}

fn announce(record: AnnounceRecord, url: &str) -> Option<Announce> {
    let failed = !record.error.category.is_empty();
    Some(Announce {
        from: record.from.parse::<SocketAddr>().ok()?,
        protocol: record.protocol,
        message: shown(record.message).into(),
        error: failed.then(|| failure("announce to the tracker", url, &record.error)),
        failures: record.failures,
        updating: record.updating,
        next: u64::try_from(record.next_seconds).ok().map(Duration::from_secs),
        seeds: u32::try_from(record.seeds).ok(),
        leechers: u32::try_from(record.leechers).ok(),
        downloads: u32::try_from(record.downloads).ok(),
    })
}

pub(super) fn settings(records: &[SettingRecord]) -> Settings {
    let values = records.iter().map(|record| (&*record.name, &*record.text, record.number));
    Settings::from_native(values)
}

fn peer_class(record: PeerClassRecord) -> PeerClassOptions {
    let limit = |rate: i32| u32::try_from(rate).ok().filter(|rate| *rate > 0);
    let priority = |level: i32| u8::try_from(level).unwrap_or(u8::MAX);
    PeerClassOptions {
        name: record.name,
        ignore_unchoke_slots: record.ignore_unchoke_slots,
        connection_limit_percent: count(record.connection_limit_factor.into()),
        upload_limit: limit(record.upload_limit),
        download_limit: limit(record.download_limit),
        upload_priority: priority(record.upload_priority),
        download_priority: priority(record.download_priority),
    }
}

fn peer_class_range(ends: &[String], bits: i64) -> Option<PeerClassRange> {
    let range = IpRange::new(ends[0].parse().ok()?, ends[1].parse().ok()?).ok()?;
    let classes = (0..32).filter(|class| bits & (1 << class) != 0).map(PeerClass::from_number);
    Some(PeerClassRange::new(range, classes.collect::<Vec<_>>()))
}

fn ip_filter(ends: &[String]) -> IpFilter {
    let mut filter = IpFilter::default();
    for range in ends.chunks_exact(2) {
        if let (Ok(first), Ok(last)) = (range[0].parse::<IpAddr>(), range[1].parse::<IpAddr>()) {
            // libtorrent's ranges are in order.
            let _ = filter.block(first, last);
        }
    }
    filter
}

impl super::NativeEngine {
    pub(super) fn hand_over(&mut self, record: RequestRecord) -> Result<()> {
        self.session
            .pin_mut()
            .request(record)
            .map_err(|exception| Error::from_native("", &exception))
    }
}
