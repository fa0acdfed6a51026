// Sets what a torrent is added with.
#include "torrent-patron/cpp/compat.hpp"
#include "torrent-patron/cpp/convert.hpp"
#include "torrent-patron/cpp/file_names.hpp"
#include "torrent-patron/cpp/limits.hpp"
#include "torrent-patron/cpp/metainfo.hpp"
#include "torrent-patron/cpp/policy.hpp"
#include "torrent-patron/cpp/resume_check.hpp"
#include "torrent-patron/cpp/resume_data.hpp"

#include <libtorrent/address.hpp>
#include <libtorrent/torrent_flags.hpp>

#include <algorithm>

namespace patron {
namespace {

// libtorrent creates a torrent's empty files before it checks the others, but a check must not
// write.
void leave_out_empty_files(lt::add_torrent_params& params) {
    lt::file_storage const& files = compat::files(*params.ti);
    params.file_priorities.resize(static_cast<std::size_t>(files.num_files()),
                                  lt::default_priority);
    for (auto const i : files.file_range())
        if (files.file_size(i) == 0)
            params.file_priorities[static_cast<std::size_t>(static_cast<int>(i))] =
                lt::dont_download;
}

void set_urls(lt::add_torrent_params& params, AddRecord const& options) {
    params.trackers.clear();
    params.tracker_tiers.clear();
    for (TrackerRecord const& tracker : options.trackers) {
        params.trackers.emplace_back(tracker.url);
        params.tracker_tiers.push_back(tracker.tier);
    }
    auto const replace = [](std::vector<std::string>& urls, rust::Vec<rust::String> const& by) {
        urls.clear();
        for (rust::String const& url : by)
            urls.emplace_back(url);
    };
    replace(params.url_seeds, options.web_seeds);
    if (auto* const seeds = compat::http_seeds(params))
        replace(*seeds, options.http_seeds);
}

void set_flags(lt::add_torrent_params& params, AddRecord const& options, bool resumed) {
    // By default, the program decides when torrents run. libtorrent's queue manager (auto_managed)
    // would pause and resume them by its own limits. The flags in resume data were set in an
    // earlier run.
    if (!resumed)
        params.flags &= ~(lt::torrent_flags::auto_managed | lt::torrent_flags::paused);
    // Pauses by libtorrent are not restored, except those of its queue.
    if (options.restored && !(params.flags & lt::torrent_flags::auto_managed))
        params.flags &= ~lt::torrent_flags::paused;
    for (std::uint8_t place = 0; place < flag_count; ++place)
        if (options.flags & (std::uint32_t(1) << place))
            params.flags |= flag(TorrentFlag(place));
    params.flags |= lt::torrent_flags::duplicate_is_error;
    if (options.paused)
        params.flags |= lt::torrent_flags::paused;
    if (options.stop_when_checked)
        params.flags |= lt::torrent_flags::stop_when_ready;
}

void set_files(lt::add_torrent_params& params, AddRecord const& options) {
    if (options.allocate)
        params.storage_mode = lt::storage_mode_allocate;
    if (!options.file_priorities.empty()) {
        params.file_priorities.clear();
        // The resume data's piece priorities would override those of the files.
        params.piece_priorities.clear();
        for (std::uint8_t const level : options.file_priorities)
            params.file_priorities.emplace_back(level);
    }
    bool const writes =
        !options.stop_when_checked && !(params.flags & lt::torrent_flags::upload_mode);
    if (!writes && params.ti)
        leave_out_empty_files(params);
}

} // namespace

rust::Vec<rust::String> TorrentParams::configure(AddRecord const& options) {
    auto const saved_priorities = params_.file_priorities;
    std::string const directory = path({options.save_path.data(), options.save_path.size()});
    bool const moved = options.restored && params_.save_path != directory;
    params_.save_path = directory;
    set_urls(params_, options);
    set_flags(params_, options, resumed_);
    set_files(params_, options);
    apply(options.limits, params_);
    verify_finished_ = options.verify_finished;
    refuse_foreign_ = options.refuse_foreign && !params_.ti;
    if (options.trust && params_.ti) {
        // Complete without hashing; seed_mode would hash each piece when it is first requested.
        params_.have_pieces.resize(params_.ti->num_pieces(), true);
        params_.flags |= lt::torrent_flags::no_verify_files;
    } else if (resumed_ && !options.trust) {
        doubtful_ =
            !check_resume_data(params_, saved_priorities, saved_stamps(client_data_), moved);
        if (client_data(client_data_).verify && is_complete()) {
            // The check was interrupted. Without claims, libtorrent checks it all.
            params_.have_pieces.clear();
            params_.unfinished_pieces.clear();
            doubtful_ = true;
        }
    }
    return apply_policy(options);
}

rust::Vec<rust::String> TorrentParams::apply_policy(AddRecord const& options) {
    NetworkPolicy const policy(options.policy);
    named_ = {options.named.begin(), options.named.end()};
    if (options.restored)
        named_ = policy.local_urls(params_);
    rust::Vec<rust::String> dropped;
    for (std::string const& url : policy.drop_local(params_, named_))
        dropped.push_back(text(url));
    dropped_ = policy.drop_webrtc(params_, named_);
    policy.restrict(params_);
    // After that, because the peers of resume data are not the program's.
    if (!resumed_)
        peers_.swap(params_.peers);
    for (PeerRecord const& peer : options.peers)
        if (auto const ip = lt::make_address(std::string(peer.address)); policy.allows_peer(ip))
            peers_.emplace_back(ip, peer.port);
    return dropped;
}

bool TorrentParams::is_complete() const {
    if (!params_.ti)
        return false;
    if (params_.flags & lt::torrent_flags::seed_mode)
        return true;
    lt::file_storage const& files = compat::files(*params_.ti);
    for (auto const piece : params_.ti->piece_range()) {
        if (piece < params_.have_pieces.end_index() && params_.have_pieces[piece])
            continue;
        if (is_skipped(params_.piece_priorities, piece))
            continue;
        auto const parts = files.map_block(piece, 0, files.piece_size(piece));
        if (!std::all_of(parts.begin(), parts.end(), [&](lt::file_slice const& part) {
                return files.pad_file_at(part.file_index) ||
                       is_skipped(params_.file_priorities, part.file_index);
            }))
            return false;
    }
    return true;
}

} // namespace patron
