#include "torrent-patron/cpp/requests/torrent.hpp"
#include "torrent-patron/cpp/compat.hpp"
#include "torrent-patron/cpp/convert.hpp"
#include "torrent-patron/cpp/errors.hpp"
#include "torrent-patron/cpp/file_names.hpp"
#include "torrent-patron/cpp/limits.hpp"
#include "torrent-patron/cpp/metainfo.hpp"
#include "torrent-patron/cpp/policy.hpp"

#include <libtorrent/announce_entry.hpp>
#include <libtorrent/download_priority.hpp>
#include <libtorrent/storage_defs.hpp>
#include <libtorrent/torrent_flags.hpp>
#include <libtorrent/torrent_info.hpp>

#include <set>
#include <string>
#include <utility>
#include <vector>

namespace patron {
namespace {

using Bytes = rust::Slice<std::uint8_t const>;

std::vector<lt::download_priority_t> priorities(Bytes levels, int wanted, char const* what) {
    if (levels.size() != static_cast<std::size_t>(wanted))
        refuse(std::to_string(levels.size()) + " priorities: the torrent has " +
               count(wanted, what));
    std::vector<lt::download_priority_t> out;
    out.reserve(levels.size());
    for (std::uint8_t const level : levels)
        out.push_back(lt::download_priority_t(level));
    return out;
}

} // namespace

// Running and stopping.

bool check_again(lt::torrent_handle const& torrent) {
    auto const held = torrent.native_handle();
    if (!held || !torrent.in_session())
        return false;
    torrent.force_recheck();
    return true;
}

// libtorrent does not check the files of a paused torrent. It is resumed for the check, and then
// paused again.
void Torrent::recheck() const {
    metainfo(*this);
    auto const set = flags();
    if (!check_again(*this))
        refuse("it is being removed");
    if (!(set & lt::torrent_flags::paused) || (set & lt::torrent_flags::auto_managed))
        return;
    set_flags(lt::torrent_flags::stop_when_ready);
    resume();
}

std::unique_ptr<TorrentParams> Torrent::copy() const {
    lt::add_torrent_params params;
    params.ti = torrent_file_with_hashes();
    lt::torrent_status const now = status(query_save_path);
    if (!params.ti || !now.is_seeding)
        throw Busy("it is not complete");
    if (now.flags & lt::torrent_flags::paused)
        throw Busy("it is paused");
    if (params.ti->priv())
        refuse("it is private: its tracker would count several users");
    if (!params.ti->ssl_cert().empty())
        refuse("it is for TLS");
    if (now.flags & lt::torrent_flags::super_seeding)
        refuse("it super-seeds");
    if (is_limited(patron::limits(*this)))
        refuse("it has its own limits");
    // The metainfo of 2.1 does not have the new names of renamed files.
    auto const paths = compat::paths(*this, *params.ti);
    auto const& original = compat::original_files(*params.ti);
    for (lt::file_index_t const i : original.file_range())
        if (auto const& name = paths[static_cast<std::size_t>(static_cast<int>(i))];
            name != original.file_path(i))
            params.renamed_files[i] = name;
    params.save_path = now.save_path;
    params.flags =
        now.flags & (lt::torrent_flags::apply_ip_filter | lt::torrent_flags::disable_dht |
                     lt::torrent_flags::disable_lsd | lt::torrent_flags::disable_pex);
    params.flags |= lt::torrent_flags::duplicate_is_error | lt::torrent_flags::no_verify_files |
                    lt::torrent_flags::update_subscribe;
    params.have_pieces.resize(params.ti->num_pieces(), true);
    std::set<std::string> named;
    for (lt::announce_entry const& tracker : trackers()) {
        params.trackers.push_back(tracker.url);
        params.tracker_tiers.push_back(tracker.tier);
        if (policy_.allows_local(torrent_id(userdata()), tracker.url))
            named.insert(tracker.url);
    }
    return std::make_unique<TorrentParams>(std::move(params), std::move(named));
}

void Torrent::use_metainfo(TorrentParams const& given) const {
    auto const ours = info_hashes();
    auto const theirs = given.params_.ti->info_hashes();
    bool const same =
        (ours.has_v1() && ours.v1 == theirs.v1) || (ours.has_v2() && ours.v2 == theirs.v2);
    if (!same)
        refuse("the metainfo belongs to another torrent");
    if (!set_metadata(given.params_.ti->info_section()))
        refuse("the torrent already has its metadata");
}

// Files.

rust::Vec<FileStatusRecord> Torrent::files() const {
    auto const info = metainfo(*this);
    auto const progress = file_progress();
    auto const wanted = get_file_priorities();
    rust::Vec<FileStatusRecord> out;
    auto const paths = compat::paths(*this, *info);
    auto const& layout = compat::files(*info);
    out.reserve(static_cast<std::size_t>(info->num_files()));
    for (lt::file_index_t const i : layout.file_range()) {
        auto const place = static_cast<std::size_t>(static_cast<int>(i));
        FileStatusRecord record{};
        record.path = bytes(paths[place]);
        record.size = layout.file_size(i);
        record.done = place < progress.size() ? progress[place] : 0;
        record.priority = static_cast<std::uint8_t>(level(wanted, static_cast<int>(i)));
        record.pad = layout.pad_file_at(i);
        out.push_back(std::move(record));
    }
    return out;
}

void Torrent::set_file_priorities(Bytes levels) const {
    prioritize_files(priorities(levels, metainfo(*this)->num_files(), "file"));
}

void Torrent::rename(std::uint32_t index, Bytes path) const {
    auto const info = metainfo(*this);
    lt::file_index_t const renamed = file(*info, index);
    std::string const name = patron::path(path);
    check_rename(compat::files(*info), compat::paths(*this, *info), renamed, name);
    rename_file(renamed, name);
}

void Torrent::move_files(Bytes directory, OnConflict on_conflict) const {
    move_storage(path(directory),
                 on_conflict == OnConflict::Replace ? lt::move_flags_t::always_replace_files
                 : on_conflict == OnConflict::Keep  ? lt::move_flags_t::dont_replace
                                                    : lt::move_flags_t::fail_if_exist);
}

// Pieces.

PiecesRecord Torrent::pieces() const {
    auto const info = metainfo(*this);
    lt::torrent_status const status = this->status(lt::torrent_handle::query_pieces);
    auto const priorities = get_piece_priorities();
    std::vector<int> availability;
    piece_availability(availability);
    PiecesRecord out{};
    for (int i = 0; i < info->num_pieces(); ++i) {
        out.have.push_back(has_piece(status, i));
        out.priorities.push_back(static_cast<std::uint8_t>(level(priorities, i)));
    }
    for (int const peers : availability)
        out.availability.push_back(peers);
    for (auto const& part : get_download_queue())
        out.partial.push_back(PartialPieceRecord{static_cast<int>(part.piece_index),
                                                 part.blocks_in_piece, part.finished, part.writing,
                                                 part.requested});
    return out;
}

void Torrent::set_piece_priorities(Bytes levels) const {
    prioritize_pieces(priorities(levels, metainfo(*this)->num_pieces(), "piece"));
}

// The first and last piece of each file, where players look for the index. Skipped pieces stay
// skipped.
void Torrent::set_ends_first(bool first) const {
    auto const info = metainfo(*this);
    auto const& layout = compat::files(*info);
    auto const files = get_file_priorities();
    auto const pieces = get_piece_priorities();
    std::vector<std::pair<lt::piece_index_t, lt::download_priority_t>> ends;
    for (lt::file_index_t const i : layout.file_range()) {
        auto const of_file = level(files, static_cast<int>(i));
        if (of_file == lt::dont_download || !has_data(layout, i))
            continue;
        for (std::int64_t const offset : {std::int64_t(0), layout.file_size(i) - 1}) {
            lt::piece_index_t const end = layout.map_file(i, offset, 1).piece;
            if (level(pieces, static_cast<int>(end)) != lt::dont_download)
                ends.emplace_back(end, first ? lt::top_priority : of_file);
        }
    }
    prioritize_pieces(ends);
}

// For a missing piece, libtorrent would read whatever is on disk, and stop the torrent if there is
// nothing.
void Torrent::read(std::uint32_t index) const {
    lt::piece_index_t const wanted = piece(*metainfo(*this), index);
    if (!have_piece(wanted))
        throw NotDownloaded("piece " + std::to_string(index) + " has not been downloaded yet");
    read_piece(wanted);
}

void Torrent::add(std::uint32_t index, Bytes data) const {
    auto const info = metainfo(*this);
    lt::piece_index_t const given = piece(*info, index);
    auto const size = static_cast<std::size_t>(info->piece_size(given));
    if (data.size() != size)
        refuse("piece " + std::to_string(index) + " has " + std::to_string(size) + " bytes, not " +
               std::to_string(data.size()));
    // libtorrent would drop the piece silently.
    check_settled(*this, "piece " + std::to_string(index) + ": the files are still being checked");
    add_piece(given, std::vector<char>(data.begin(), data.end()));
}

// Options.

OptionsRecord Torrent::options() const {
    lt::torrent_status const status = this->status(lt::torrent_handle::query_save_path);
    OptionsRecord out{};
    for (std::uint8_t place = 0; place < flag_count; ++place)
        if (status.flags & flag(TorrentFlag(place)))
            out.flags |= std::uint32_t(1) << place;
    out.limits = limits(*this);
    out.queue_position = static_cast<int>(status.queue_position);
    out.save_path = bytes(status.save_path);
    return out;
}

void Torrent::set_limits(LimitsRecord const& limits) const {
    apply(limits, *this);
}

void Torrent::set_flag(std::uint8_t place, bool on) const {
    auto const chosen = flag(TorrentFlag(place));
    set_flags(on ? chosen : lt::torrent_flags_t{}, chosen);
}

void Torrent::move_in_queue(QueueMove move, std::int32_t position) const {
    switch (move) {
    case QueueMove::Up:
        return queue_position_up();
    case QueueMove::Down:
        return queue_position_down();
    case QueueMove::Top:
        return queue_position_top();
    case QueueMove::Bottom:
        return queue_position_bottom();
    default:
        return queue_position_set(lt::queue_position_t(position));
    }
}

} // namespace patron
