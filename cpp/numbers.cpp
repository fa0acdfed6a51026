// Checks the numbers that cross to Rust unchanged.
#include "torrent-patron/src/sys/alerts.rs.h"
#include "torrent-patron/src/sys/bridge.rs.h"
#include "torrent-patron/src/sys/errors.rs.h"

#include <libtorrent/alert_types.hpp>
#include <libtorrent/announce_entry.hpp>
#include <libtorrent/error_code.hpp>
#include <libtorrent/peer_info.hpp>
#include <libtorrent/torrent_status.hpp>

namespace patron {
namespace {

template <typename Ours, typename Theirs>
constexpr bool same(Ours ours, Theirs theirs) {
    return static_cast<int>(ours) == static_cast<int>(theirs);
}

static_assert(same(LibtorrentError::FileTooShort, lt::errors::file_too_short));
static_assert(same(LibtorrentError::NoMetadata, lt::errors::no_metadata));

using state = lt::torrent_status;
static_assert(same(TorrentState::CheckingFiles, state::checking_files));
static_assert(same(TorrentState::DownloadingMetadata, state::downloading_metadata));
static_assert(same(TorrentState::Downloading, state::downloading));
static_assert(same(TorrentState::Finished, state::finished));
static_assert(same(TorrentState::Seeding, state::seeding));
static_assert(same(TorrentState::CheckingResumeData, state::checking_resume_data));

using slow = lt::performance_alert;
using Warning = PerformanceWarning;
static_assert(same(Warning::OutstandingDiskBufferLimitReached,
                   slow::outstanding_disk_buffer_limit_reached));
static_assert(same(Warning::OutstandingRequestLimitReached,
                   slow::outstanding_request_limit_reached));
static_assert(same(Warning::UploadLimitTooLow, slow::upload_limit_too_low));
static_assert(same(Warning::DownloadLimitTooLow, slow::download_limit_too_low));
static_assert(same(Warning::SendBufferWatermarkTooLow, slow::send_buffer_watermark_too_low));
static_assert(same(Warning::TooManyOptimisticUnchokeSlots,
                   slow::too_many_optimistic_unchoke_slots));
static_assert(same(Warning::TooHighDiskQueueLimit, slow::too_high_disk_queue_limit));
static_assert(same(Warning::AioLimitReached, slow::aio_limit_reached));
static_assert(same(Warning::TooFewOutgoingPorts, slow::too_few_outgoing_ports));
static_assert(same(Warning::TooFewFileDescriptors, slow::too_few_file_descriptors));

constexpr bool same(PeerSource ours, lt::peer_source_flags_t theirs) {
    return static_cast<std::uint8_t>(ours) == static_cast<std::uint8_t>(theirs);
}

static_assert(same(PeerSource::Tracker, lt::peer_info::tracker));
static_assert(same(PeerSource::Dht, lt::peer_info::dht));
static_assert(same(PeerSource::PeerExchange, lt::peer_info::pex));
static_assert(same(PeerSource::LocalDiscovery, lt::peer_info::lsd));
static_assert(same(PeerSource::ResumeData, lt::peer_info::resume_data));
static_assert(same(PeerSource::Incoming, lt::peer_info::incoming));

static_assert(same(TrackerSource::Metainfo, lt::announce_entry::source_torrent));
static_assert(same(TrackerSource::Program, lt::announce_entry::source_client));
static_assert(same(TrackerSource::Magnet, lt::announce_entry::source_magnet_link));
static_assert(same(TrackerSource::Peer, lt::announce_entry::source_tex));

} // namespace
} // namespace patron
