//! Requests and their answers, to the bridge and back.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use super::{failure, path, setting};
use crate::error::{Error, Result};
use crate::ffi::{
    AnnounceRecord, AnswerRecord, FileStatusRecord, PeerStatusRecord, RequestKind, RequestRecord,
    SettingRecord, TrackerRecord, TrackerStatusRecord,
};
use crate::file::{Existing, FileStatus};
use crate::ip_filter::IpFilter;
use crate::metainfo::Tracker;
use crate::peer::{Encryption, Peer, PeerKind, PeerSource, Transport};
use crate::piece::{PartialPiece, PieceMap};
use crate::request::{Answer, SessionRequest, TorrentRequest};
use crate::settings::Settings;
use crate::status::SavedFigures;
use crate::torrent::{QueueMove, TorrentFlag, TorrentOptions};
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
        TorrentRequest::ResumeData => on(Kind::ResumeData),
        TorrentRequest::ResumeDataForEvent { unchanged_too: true } => on(Kind::ResumeData),
        TorrentRequest::ResumeDataForEvent { unchanged_too: false } => {
            on(Kind::ResumeDataIfChanged)
        }
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
        TorrentRequest::Flag(flag, on) => {
            let place = TorrentFlag::ALL.iter().position(|known| *known == flag);
            indexed(Kind::Flag, u32::try_from(place.unwrap_or(0)).unwrap_or(0), on.into())
        }
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
        client: record.client.replace(char::is_control, " "),
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
        message: record.message.replace(char::is_control, " ").into(),
        error: failed.then(|| failure("announce to the tracker", url, &record.error)),
        failures: record.failures,
        updating: record.updating,
        next: u64::try_from(record.next_seconds).ok().map(Duration::from_secs),
        seeds: u32::try_from(record.seeds).ok(),
        leechers: u32::try_from(record.leechers).ok(),
        downloads: u32::try_from(record.downloads).ok(),
    })
}

fn settings(records: &[SettingRecord]) -> Settings {
    let values = records.iter().map(|record| (&*record.name, &*record.text, record.number));
    Settings::from_native(values)
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
