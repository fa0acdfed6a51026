#include "torrent-patron/cpp/requests/torrent.hpp"
#include "torrent-patron/cpp/compat.hpp"
#include "torrent-patron/cpp/convert.hpp"
#include "torrent-patron/cpp/errors.hpp"
#include "torrent-patron/cpp/file_names.hpp"
#include "torrent-patron/cpp/limits.hpp"
#include "torrent-patron/cpp/metainfo.hpp"
#include "torrent-patron/cpp/policy.hpp"
#include "torrent-patron/cpp/requests/check.hpp"
#include "torrent-patron/cpp/session/internals.hpp"
#include "torrent-patron/cpp/session/reach.hpp"
#include "torrent-patron/cpp/web_seeds.hpp"

#include <libtorrent/announce_entry.hpp>
#include <libtorrent/download_priority.hpp>
#include <libtorrent/peer_info.hpp>
#include <libtorrent/storage_defs.hpp>
#include <libtorrent/time.hpp>
#include <libtorrent/torrent_flags.hpp>
#include <libtorrent/torrent_info.hpp>

#include <algorithm>
#include <stdexcept>
#include <string>

namespace patron {

std::shared_ptr<lt::torrent_info const> metainfo(Torrent const& torrent) {
    auto info = torrent.torrent_file();
    if (!info || !info->is_valid())
        throw lt::system_error(lt::errors::no_metadata);
    return info;
}

void refuse(std::string const& why) {
    throw std::invalid_argument(why);
}

namespace {

std::string count(int number, char const* what) {
    return std::to_string(number) + " " + what + (number == 1 ? "" : "s");
}

} // namespace

lt::file_index_t file(lt::torrent_info const& info, std::uint32_t index) {
    if (index >= static_cast<std::uint32_t>(info.num_files()))
        refuse("file " + std::to_string(index) + ": the torrent has " +
               count(info.num_files(), "file"));
    return lt::file_index_t(static_cast<int>(index));
}

lt::piece_index_t piece(lt::torrent_info const& info, std::uint32_t index) {
    if (index >= static_cast<std::uint32_t>(info.num_pieces()))
        refuse("piece " + std::to_string(index) + ": the torrent has " +
               count(info.num_pieces(), "piece"));
    return lt::piece_index_t(static_cast<int>(index));
}

void check_settled(Torrent const& torrent, std::string const& why) {
    auto const state = torrent.status({}).state;
    if (state == lt::torrent_status::checking_files ||
        state == lt::torrent_status::checking_resume_data)
        throw Busy(why);
}

lt::download_priority_t level(std::vector<lt::download_priority_t> const& levels, int place) {
    auto const i = static_cast<std::size_t>(place);
    return i < levels.size() ? levels[i] : lt::default_priority;
}

bool has_piece(lt::torrent_status const& status, int piece) {
    return status.is_seeding ||
           (piece < status.pieces.size() && status.pieces[lt::piece_index_t(piece)]);
}

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

PeerStatusRecord peer(lt::peer_info const& p) {
    using info = lt::peer_info;
    auto const is = [&p](lt::peer_flags_t flag) { return bool(p.flags & flag); };
    auto const known = [](lt::tcp::endpoint const& end) {
        return end.address().is_unspecified() ? rust::String() : address(end.address(), end.port());
    };
    PeerStatusRecord out{};
    out.i2p = is(info::i2p_socket);
    out.address = known(compat::remote(p));
    out.local_address = known(compat::local(p));
    out.kind = p.connection_type == info::web_seed              ? PeerKind::WebSeed
               : p.connection_type == info::standard_bittorrent ? PeerKind::Client
                                                                : PeerKind::HttpSeed;
    out.client = text(p.client);
    out.id = bytes(lt::string_view(p.pid.data(), p.pid.size()));
    out.utp = is(info::utp_socket);
    out.tls = is(info::ssl_socket);
    out.rc4 = is(info::rc4_encrypted);
    out.obfuscated = is(info::plaintext_encrypted);
    out.sources = static_cast<std::uint8_t>(p.source);
    out.progress_ppm = p.progress_ppm;
    out.seed = is(info::seed);
    out.outgoing = is(info::outgoing_connection);
    out.connecting = is(info::connecting) || is(info::handshake);
    out.interesting = is(info::interesting);
    out.choked = is(info::choked);
    out.interested = is(info::remote_interested);
    out.choking = is(info::remote_choked);
    out.snubbed = is(info::snubbed);
    out.optimistic_unchoke = is(info::optimistic_unchoke);
    out.suspected = is(info::on_parole);
    out.download_rate = p.down_speed;
    out.upload_rate = p.up_speed;
    out.downloaded = p.total_download;
    out.uploaded = p.total_upload;
    out.requested = p.download_queue_length;
    out.requests = p.upload_queue_length;
    out.hash_failures = p.num_hashfails;
    out.failures = p.failcount;
    out.idle_ms = lt::total_milliseconds(p.last_active);
    out.round_trip_ms = p.rtt;
    return out;
}

AnnounceRecord announce(lt::announce_endpoint const& from, lt::announce_infohash const& a,
                        lt::protocol_version version) {
    AnnounceRecord out{};
    out.from = address(from.local_endpoint.address(), from.local_endpoint.port());
    out.protocol = version == lt::protocol_version::V2 ? 2 : 1;
    out.message = text(a.message);
    out.error = error(a.last_error);
    out.failures = a.fails;
    out.updating = a.updating;
    auto const until = lt::total_seconds(a.next_announce - lt::clock_type::now());
    out.next_seconds =
        a.next_announce == (lt::time_point32::min)() ? -1 : std::max<std::int64_t>(until, 0);
    out.seeds = a.scrape_complete;
    out.leechers = a.scrape_incomplete;
    out.downloads = a.scrape_downloaded;
    return out;
}

lt::announce_entry tracker(TrackerRecord const& record) {
    lt::announce_entry entry{std::string(record.url)};
    entry.tier = static_cast<std::uint8_t>(record.tier);
    entry.source = lt::announce_entry::source_client;
    return entry;
}

// Returns the URL of a web seed in the form that libtorrent was given.
std::string given(Torrent const& torrent, rust::Str url) {
    auto const info = torrent.torrent_file();
    return info && info->is_valid() ? web_seed_url(*info, std::string(url)) : std::string(url);
}

void check(bool allowed, NetworkPolicy const& policy, std::string const& what) {
    if (!allowed)
        refuse(what + ": " + policy.reason(what));
}

} // namespace

// Running and stopping.

void Torrent::pause_torrent(bool gracefully) const {
    pause(gracefully ? lt::torrent_handle::graceful_pause : lt::pause_flags_t{});
}

// An error or a full disk stops a torrent in other ways than a pause. These are undone too.
void Torrent::resume_torrent() const {
    clear_error();
    unset_flags(lt::torrent_flags::upload_mode);
    resume();
}

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
        refuse("it is not complete");
    if (now.flags & lt::torrent_flags::paused)
        refuse("it is paused");
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

void Torrent::save_metainfo() const {
    save_resume_data(lt::torrent_handle::save_info_dict);
}

void Torrent::save_resume(bool only_if_changed) const {
    auto const flags = lt::torrent_handle::save_info_dict;
    save_resume_data(only_if_changed ? flags | lt::torrent_handle::only_if_modified : flags);
}

void Torrent::use_metainfo(TorrentParams const& given) const {
    auto const ours = info_hashes();
    auto const theirs = given.params_.ti->info_hashes();
    bool const same =
        (ours.has_v1() && ours.v1 == theirs.v1) || (ours.has_v2() && ours.v2 == theirs.v2);
    if (!same)
        refuse("the metainfo is of another torrent");
    if (!set_metadata(given.params_.ti->info_section()))
        refuse("the torrent already has its metadata");
}

// Nobody waits for an answer, so a failure need not be reported.
void Torrent::merge(TorrentParams const& other) const noexcept try {
    lt::add_torrent_params const& source = other.params_;
    auto const info = torrent_file();
    if (info && info->priv())
        return;
    if (source.ti && !(info && info->is_valid()))
        set_metadata(source.ti->info_section());
    for (std::size_t i = 0; i < source.trackers.size(); ++i) {
        int const tier = i < source.tracker_tiers.size() ? source.tracker_tiers[i] : 0;
        add_tracker(tracker(TrackerRecord{text(source.trackers[i]), tier}));
    }
    for (std::string const& url : source.url_seeds)
        add_url_seed(given(*this, url));
    compat::add_http_seeds(*this, source);
    for (lt::tcp::endpoint const& peer : other.peers_)
        connect_peer(peer);
} catch (...) {
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

void Torrent::set_file_priority(std::uint32_t index, std::uint8_t priority) const {
    file_priority(file(*metainfo(*this), index), lt::download_priority_t(priority));
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

void Torrent::move_files(Bytes directory, Existing existing) const {
    move_storage(path(directory), existing == Existing::Replace
                                      ? lt::move_flags_t::always_replace_files
                                  : existing == Existing::Keep ? lt::move_flags_t::dont_replace
                                                               : lt::move_flags_t::fail_if_exist);
}

void Torrent::flush_files() const {
    metainfo(*this);
    flush_cache();
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

void Torrent::set_piece_priority(std::uint32_t index, std::uint8_t priority) const {
    piece_priority(piece(*metainfo(*this), index), lt::download_priority_t(priority));
}

void Torrent::set_piece_priorities(Bytes levels) const {
    prioritize_pieces(priorities(levels, metainfo(*this)->num_pieces(), "piece"));
}

void Torrent::set_deadline(std::uint32_t index, std::int32_t milliseconds) const {
    lt::piece_index_t const wanted = piece(*metainfo(*this), index);
    if (milliseconds < 0)
        reset_piece_deadline(wanted);
    else
        set_piece_deadline(wanted, milliseconds);
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

void Torrent::set_certificate(rust::Str certificate, rust::Str private_key, rust::Str dh) const {
    if (metainfo(*this)->ssl_cert().empty())
        refuse("the torrent is not for TLS");
    lt::torrent_handle(*this).set_ssl_certificate_buffer(std::string(certificate),
                                                         std::string(private_key), std::string(dh));
}

// Peers.

rust::Vec<PeerStatusRecord> Torrent::peers() const {
    std::vector<lt::peer_info> all;
    get_peer_info(all);
    rust::Vec<PeerStatusRecord> out;
    out.reserve(all.size());
    for (lt::peer_info const& p : all)
        out.push_back(peer(p));
    return out;
}

void Torrent::connect(rust::Str address, std::uint16_t port) const {
    auto const ip = lt::make_address(std::string(address));
    check(policy_.allows_peer(ip), policy_, std::string(address));
    connect_peer({ip, port});
}

void Torrent::forget_peers() const {
    lt::torrent_handle(*this).clear_peers();
}

// Trackers and web seeds.

TrackersRecord Torrent::tracker_statuses() const {
    auto const hashes = info_hashes();
    TrackersRecord out{};
    for (lt::announce_entry const& entry : trackers()) {
        TrackerStatusRecord tracker{};
        tracker.url = text(entry.url);
        tracker.tier = entry.tier;
        tracker.working = entry.verified;
        tracker.source = entry.source;
        for (lt::announce_endpoint const& from : entry.endpoints) {
            if (!from.enabled)
                continue;
            for (auto const version : {lt::protocol_version::V1, lt::protocol_version::V2}) {
                if (!hashes.has(version))
                    continue;
                out.announces.push_back(announce(from, from.info_hashes[version], version));
                ++tracker.announces;
            }
        }
        out.trackers.push_back(std::move(tracker));
    }
    return out;
}

void Torrent::add_one_tracker(TrackerRecord const& record) const {
    check(policy_.allows_tracker(std::string(record.url)), policy_, std::string(record.url));
    policy_.name(torrent_id(userdata()), std::string(record.url));
    add_tracker(tracker(record));
}

void Torrent::remove_tracker(rust::Str url) const {
    auto all = trackers();
    auto const gone =
        std::remove_if(all.begin(), all.end(), [wanted = std::string(url)](auto const& entry) {
            return entry.url == wanted;
        });
    if (gone == all.end())
        refuse(std::string(url) + ": the torrent has no such tracker");
    all.erase(gone, all.end());
    replace_trackers(all);
}

void Torrent::replace_all_trackers(rust::Slice<TrackerRecord const> records) const {
    std::vector<lt::announce_entry> all;
    for (TrackerRecord const& record : records) {
        check(policy_.allows_tracker(std::string(record.url)), policy_, std::string(record.url));
        policy_.name(torrent_id(userdata()), std::string(record.url));
        all.push_back(tracker(record));
    }
    replace_trackers(all);
}

void Torrent::reannounce() const {
    force_reannounce(0, -1, lt::torrent_handle::ignore_min_interval);
}

// Asks all trackers. By default, libtorrent scrapes only the one that answered last.
void Torrent::scrape() const {
    int const count = static_cast<int>(trackers().size());
    if (count == 0)
        refuse("the torrent has no tracker");
    for (int i = 0; i < count; ++i)
        scrape_tracker(i);
    if (policy_.keeps_local())
        restrict_trackers(internals::session_of(*this), policy_);
}

rust::Vec<rust::String> Torrent::web_seeds() const {
    rust::Vec<rust::String> out;
    for (std::string const& url : url_seeds())
        out.push_back(text(url));
    return out;
}

void Torrent::add_web_seed(rust::Str url) const {
    check(policy_.allows_web_seed(std::string(url)), policy_, std::string(url));
    policy_.name(torrent_id(userdata()), std::string(url));
    add_url_seed(given(*this, url));
}

void Torrent::remove_web_seed(rust::Str url) const {
    std::string const wanted = given(*this, url);
    if (url_seeds().count(wanted) == 0)
        refuse(std::string(url) + ": the torrent has no such web seed");
    remove_url_seed(wanted);
}

} // namespace patron
