// Statuses of the torrents that have changed, or of all.
#include "torrent-patron/cpp/session/status.hpp"
#include "torrent-patron/cpp/compat.hpp"
#include "torrent-patron/cpp/convert.hpp"
#include "torrent-patron/cpp/metainfo.hpp"
#include "torrent-patron/cpp/session/session.hpp"
#include "torrent-patron/src/sys/alerts.rs.h"

#include <libtorrent/torrent_flags.hpp>

#include <boost/asio/post.hpp>

#include <algorithm>
#include <utility>

namespace patron {
namespace {

StatusRecord status(lt::torrent_status const& s) {
    StatusRecord out;
    out.torrent = torrent_id(s.handle.userdata());
    out.state = static_cast<TorrentState>(s.state);
    out.paused = bool(s.flags & lt::torrent_flags::paused);
    out.finished = s.is_finished;
    out.seeding = s.is_seeding;
    out.has_metadata = s.has_metadata;
    out.needs_saving = compat::needs_saving(s);
    out.ever_uploaded = s.all_time_upload;
    out.ever_downloaded = s.all_time_download;
    out.num_pieces = s.num_pieces;
    out.progress_ppm = s.progress_ppm;
    // libtorrent reports 0 for a torrent without a piece picker: all data is available, or none.
    out.total = s.total != 0 ? s.total : std::max(s.total_done, s.total_wanted);
    out.total_done = s.total_done;
    out.total_wanted = s.total_wanted;
    out.total_wanted_done = s.total_wanted_done;
    out.downloaded = s.total_payload_download;
    out.uploaded = s.total_payload_upload;
    out.download_rate = s.download_payload_rate;
    out.upload_rate = s.upload_payload_rate;
    out.num_peers = s.num_peers;
    out.num_seeds = s.num_seeds;
    out.num_connections = s.num_connections;
    out.all_time_downloaded = s.all_time_download;
    out.all_time_uploaded = s.all_time_upload;
    out.active_seconds = lt::total_seconds(s.active_duration);
    out.seeding_seconds = lt::total_seconds(s.finished_duration);
    out.error = error(s.errc);
    return out;
}

} // namespace

rust::Vec<StatusRecord> statuses(std::vector<lt::torrent_status> const& all) {
    rust::Vec<StatusRecord> out;
    out.reserve(all.size());
    for (auto const& s : all) {
        StatusRecord converted = status(s);
        // 0 if it has been removed since.
        if (converted.torrent != 0)
            out.push_back(std::move(converted));
    }
    return out;
}

void Session::request_statuses() {
    // Without flags: otherwise, name, path and piece bitfield would be copied for every torrent.
    session_.post_torrent_updates({});
}

void Session::request_every_status() {
    boost::asio::post(session_.get_context(), [session = lt::session_handle(session_),
                                               snapshots = snapshots_, waker = waker_] {
        auto const all = [](lt::torrent_status const&) { return true; };
        auto taken = session.get_torrent_status(all, {});
        {
            std::lock_guard<std::mutex> const lock(snapshots->mutex);
            snapshots->taken.push_back(std::move(taken));
        }
        (*waker)->wake();
    });
}

void Session::take_snapshots(Alerts& out) {
    std::vector<std::vector<lt::torrent_status>> taken;
    {
        std::lock_guard<std::mutex> const lock(snapshots_->mutex);
        taken = std::exchange(snapshots_->taken, {});
    }
    for (auto const& all : taken) {
        for (auto const& s : all) {
            std::uint64_t const torrent = torrent_id(s.handle.userdata());
            if (torrent == 0)
                continue;
            auto const [known, is_new] = torrents_.try_emplace(torrent, KnownTorrent{s.handle});
            if (is_new) {
                // Its add_torrent_alert was lost, or has not arrived yet.
                rust::Vec<std::uint8_t> v1, v2;
                hashes(s.info_hashes, v1, v2);
                out.added(torrent, {}, std::move(v1), std::move(v2));
                finish_add(torrent, known->second, out);
            }
        }
        out.every_status(statuses(all));
    }
}

void Session::request_statistics() {
    session_.post_session_stats();
}

} // namespace patron
