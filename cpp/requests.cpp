// Requests about one torrent.
#include "torrent-patron/cpp/requests.hpp"
#include "torrent-patron/cpp/compat.hpp"
#include "torrent-patron/cpp/convert.hpp"
#include "torrent-patron/cpp/web_seeds.hpp"

#include <libtorrent/announce_entry.hpp>
#include <libtorrent/download_priority.hpp>
#include <libtorrent/load_torrent.hpp>
#include <libtorrent/peer_info.hpp>
#include <libtorrent/storage_defs.hpp>
#include <libtorrent/time.hpp>
#include <libtorrent/torrent_flags.hpp>
#include <libtorrent/torrent_info.hpp>

#include <algorithm>
#include <array>
#include <filesystem>
#include <stdexcept>
#include <string>

namespace patron {
namespace {

// libtorrent has no number for "no limit" of connections and upload slots but this one.
constexpr int unlimited = (1 << 24) - 1;

void done(AnswerRecord&) {}

std::shared_ptr<lt::torrent_info const> metainfo(lt::torrent_handle const& torrent) {
    auto info = torrent.torrent_file();
    if (!info || !info->is_valid())
        throw lt::system_error(lt::errors::no_metadata);
    return info;
}

[[noreturn]] void refuse(std::string const& why) {
    throw std::invalid_argument(why);
}

std::string count(int number, char const* what) {
    return std::to_string(number) + " " + what + (number == 1 ? "" : "s");
}

lt::file_index_t file(lt::torrent_info const& info, RequestRecord const& request) {
    if (request.index < 0 || request.index >= info.num_files())
        refuse("file " + std::to_string(static_cast<unsigned>(request.index)) +
               ": the torrent has " + count(info.num_files(), "file"));
    return lt::file_index_t(request.index);
}

lt::piece_index_t piece(lt::torrent_info const& info, RequestRecord const& request) {
    if (request.index < 0 || request.index >= info.num_pieces())
        refuse("piece " + std::to_string(static_cast<unsigned>(request.index)) +
               ": the torrent has " + count(info.num_pieces(), "piece"));
    return lt::piece_index_t(request.index);
}

lt::download_priority_t priority(std::int64_t level) {
    return lt::download_priority_t(static_cast<std::uint8_t>(level));
}

std::vector<lt::download_priority_t> priorities(RequestRecord const& request, int wanted,
                                                char const* what) {
    if (request.levels.size() != static_cast<std::size_t>(wanted))
        refuse(std::to_string(request.levels.size()) + " priorities: the torrent has " +
               count(wanted, what));
    std::vector<lt::download_priority_t> out;
    out.reserve(request.levels.size());
    for (std::uint8_t const level : request.levels)
        out.push_back(priority(level));
    return out;
}

Finish files(lt::torrent_handle const& torrent) {
    auto const info = metainfo(torrent);
    auto const progress = torrent.file_progress();
    auto const wanted = torrent.get_file_priorities();
    rust::Vec<FileStatusRecord> out;
    auto const& layout = compat::files(*info);
    for (lt::file_index_t const i : layout.file_range()) {
        auto const place = static_cast<std::size_t>(static_cast<int>(i));
        FileStatusRecord record{};
        record.path = bytes(layout.file_path(i));
        record.size = layout.file_size(i);
        record.done = place < progress.size() ? progress[place] : 0;
        // Those that nobody chose for are not in the list.
        record.priority =
            static_cast<std::uint8_t>(place < wanted.size() ? wanted[place] : lt::default_priority);
        record.pad = layout.pad_file_at(i);
        out.push_back(std::move(record));
    }
    return [out = std::make_shared<rust::Vec<FileStatusRecord>>(std::move(out))](
               AnswerRecord& answer) { answer.files = std::move(*out); };
}

// libtorrent would write over what is there.
void rename_file(lt::torrent_handle const& torrent, RequestRecord const& request) {
    auto const info = metainfo(torrent);
    lt::file_index_t const renamed = file(*info, request);
    std::string const name(request.bytes.begin(), request.bytes.end());
    auto const& layout = compat::files(*info);
    if (layout.file_path(renamed) != name) {
        for (lt::file_index_t const i : layout.file_range())
            if (layout.file_path(i) == name)
                refuse(name + ": the torrent has a file of that name");
        auto const root = torrent.status(lt::torrent_handle::query_save_path).save_path;
        std::error_code failure;
        if (std::filesystem::exists(std::filesystem::path(root) / name, failure))
            refuse(name + ": there is a file of that name");
    }
    torrent.rename_file(renamed, name);
}

Finish pieces(lt::torrent_handle const& torrent) {
    auto const info = metainfo(torrent);
    lt::torrent_status status = torrent.status(lt::torrent_handle::query_pieces);
    auto priorities = torrent.get_piece_priorities();
    std::vector<int> availability;
    torrent.piece_availability(availability);
    // Its blocks point into memory that the next call uses again.
    auto queue = torrent.get_download_queue();
    return
        [count = info->num_pieces(), have = std::move(status.pieces), seeding = status.is_seeding,
         priorities = std::move(priorities), availability = std::move(availability),
         queue = std::move(queue)](AnswerRecord& answer) {
            for (int i = 0; i < count; ++i) {
                bool const here = seeding || (i < have.size() && have[lt::piece_index_t(i)]);
                answer.bytes.push_back(here);
                auto const place = static_cast<std::size_t>(i);
                answer.levels.push_back(static_cast<std::uint8_t>(
                    place < priorities.size() ? priorities[place] : lt::default_priority));
            }
            for (int const peers : availability)
                answer.numbers.push_back(peers);
            for (auto const& part : queue)
                answer.partial.push_back(PartialPieceRecord{static_cast<int>(part.piece_index),
                                                            part.blocks_in_piece, part.finished,
                                                            part.writing, part.requested});
        };
}

// The first and the last piece of each file: players look there for the index. What is skipped
// stays so.
Finish ends_first(lt::torrent_handle const& torrent, bool first) {
    auto const info = metainfo(torrent);
    auto const& layout = compat::files(*info);
    auto const files = torrent.get_file_priorities();
    auto const pieces = torrent.get_piece_priorities();
    auto const level = [](std::vector<lt::download_priority_t> const& levels, int place) {
        auto const i = static_cast<std::size_t>(place);
        return i < levels.size() ? levels[i] : lt::default_priority;
    };
    std::vector<std::pair<lt::piece_index_t, lt::download_priority_t>> ends;
    for (lt::file_index_t const i : layout.file_range()) {
        auto const of_file = level(files, static_cast<int>(i));
        if (of_file == lt::dont_download || layout.pad_file_at(i) || layout.file_size(i) == 0)
            continue;
        for (std::int64_t const offset : {std::int64_t(0), layout.file_size(i) - 1}) {
            lt::piece_index_t const end = layout.map_file(i, offset, 1).piece;
            if (level(pieces, static_cast<int>(end)) != lt::dont_download)
                ends.emplace_back(end, first ? lt::top_priority : of_file);
        }
    }
    torrent.prioritize_pieces(ends);
    return done;
}

Finish add_piece(lt::torrent_handle const& torrent, RequestRecord const& request) {
    auto const info = metainfo(torrent);
    lt::piece_index_t const index = piece(*info, request);
    auto const size = static_cast<std::size_t>(info->piece_size(index));
    if (request.bytes.size() != size)
        refuse("piece " + std::to_string(request.index) + " has " + std::to_string(size) +
               " bytes, not " + std::to_string(request.bytes.size()));
    torrent.add_piece(index, std::vector<char>(request.bytes.begin(), request.bytes.end()));
    return done;
}

Finish options(lt::torrent_handle const& torrent) {
    lt::torrent_status const status = torrent.status(lt::torrent_handle::query_save_path);
    std::int64_t on = 0;
    for (std::size_t i = 0; i < flag_count; ++i)
        if (status.flags & flag(i))
            on |= std::int64_t(1) << i;
    auto const rate = [](int limit) { return limit > 0 ? limit : -1; };
    auto const number = [](int limit) { return limit > 0 && limit < unlimited ? limit : -1; };
    std::array<int, 5> const limits{rate(torrent.download_limit()), rate(torrent.upload_limit()),
                                    number(torrent.max_connections()),
                                    number(torrent.max_uploads()),
                                    static_cast<int>(status.queue_position)};
    return [path = status.save_path, on, limits](AnswerRecord& answer) {
        answer.bytes = bytes(path);
        answer.number = on;
        for (int const limit : limits)
            answer.numbers.push_back(limit);
    };
}

void queue(lt::torrent_handle const& torrent, std::int64_t place) {
    switch (place) {
    case -1:
        return torrent.queue_position_up();
    case -2:
        return torrent.queue_position_down();
    case -3:
        return torrent.queue_position_top();
    case -4:
        return torrent.queue_position_bottom();
    default:
        return torrent.queue_position_set(lt::queue_position_t(static_cast<int>(place)));
    }
}

PeerStatusRecord peer(lt::peer_info const& p) {
    using info = lt::peer_info;
    auto const is = [&p](lt::peer_flags_t flag) { return bool(p.flags & flag); };
    auto const known = [](lt::tcp::endpoint const& end) {
        return end.address().is_unspecified() ? rust::String() : address(end.address(), end.port());
    };
    PeerStatusRecord out{};
    out.i2p = is(info::i2p_socket);
    if (!out.i2p)
        out.address = known(p.ip);
    out.local_address = known(p.local_endpoint);
    out.connection = p.connection_type == info::web_seed              ? 1
                     : p.connection_type == info::standard_bittorrent ? 0
                                                                      : 2;
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

Finish trackers(lt::torrent_handle const& torrent) {
    auto const hashes = torrent.info_hashes();
    return [all = torrent.trackers(), hashes](AnswerRecord& answer) {
        for (lt::announce_entry const& entry : all) {
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
                    answer.announces.push_back(announce(from, from.info_hashes[version], version));
                    ++tracker.announces;
                }
            }
            answer.trackers.push_back(std::move(tracker));
        }
    };
}

lt::announce_entry tracker(TrackerRecord const& record) {
    lt::announce_entry entry{std::string(record.url)};
    entry.tier = static_cast<std::uint8_t>(record.tier);
    entry.source = lt::announce_entry::source_client;
    return entry;
}

Finish remove_tracker(lt::torrent_handle const& torrent, std::string const& url) {
    auto all = torrent.trackers();
    auto const gone =
        std::remove_if(all.begin(), all.end(),
                       [&url](lt::announce_entry const& entry) { return entry.url == url; });
    if (gone == all.end())
        refuse(url + ": the torrent has no such tracker");
    all.erase(gone, all.end());
    torrent.replace_trackers(all);
    return done;
}

Finish replace_trackers(lt::torrent_handle const& torrent, RequestRecord const& request) {
    std::vector<lt::announce_entry> all;
    for (TrackerRecord const& record : request.trackers)
        all.push_back(tracker(record));
    torrent.replace_trackers(all);
    return done;
}

// All trackers: libtorrent asks only the one that answered last when it is not told which.
void scrape(lt::torrent_handle const& torrent) {
    int const count = static_cast<int>(torrent.trackers().size());
    if (count == 0)
        refuse("the torrent has no tracker");
    for (int i = 0; i < count; ++i)
        torrent.scrape_tracker(i);
}

Finish web_seeds(lt::torrent_handle const& torrent) {
    return [all = torrent.url_seeds()](AnswerRecord& answer) {
        for (std::string const& url : all)
            answer.texts.push_back(text(url));
    };
}

// The URL of a web seed as libtorrent was given it.
std::string given(lt::torrent_handle const& torrent, RequestRecord const& request) {
    std::string const url(request.text);
    auto const info = torrent.torrent_file();
    return info && info->is_valid() ? web_seed_url(*info, url) : url;
}

// What the client may not be told of.
void stay_within(Bounds const& bounds, RequestRecord const& request) {
    auto const check = [&bounds](bool within, rust::String const& what) {
        if (!within)
            refuse(std::string(what) + ": " + bounds.reason());
    };
    for (TrackerRecord const& record : request.trackers)
        check(bounds.tracker(std::string(record.url)), record.url);
    if (request.kind == RequestKind::AddWebSeed)
        check(bounds.web_seed(std::string(request.text)), request.text);
    if (request.kind == RequestKind::ConnectPeer)
        check(bounds.peer(lt::make_address(std::string(request.text))), request.text);
}

Finish give_metainfo(lt::torrent_handle const& torrent, RequestRecord const& request) {
    auto const* data = reinterpret_cast<char const*>(request.bytes.data());
    auto const given =
        lt::load_torrent_buffer({data, static_cast<std::ptrdiff_t>(request.bytes.size())});
    auto const ours = torrent.info_hashes();
    auto const& theirs = given.info_hashes;
    bool const same =
        (ours.has_v1() && ours.v1 == theirs.v1) || (ours.has_v2() && ours.v2 == theirs.v2);
    if (!same)
        refuse("the metainfo is of another torrent");
    if (!torrent.set_metadata(given.ti->info_section()))
        refuse("the torrent has its metadata");
    return done;
}

lt::move_flags_t existing(std::int64_t choice) {
    switch (choice) {
    case 1:
        return lt::move_flags_t::always_replace_files;
    case 2:
        return lt::move_flags_t::dont_replace;
    default:
        return lt::move_flags_t::fail_if_exist;
    }
}

} // namespace

Finish carry_out(lt::torrent_handle const& torrent, RequestRecord& request, Bounds const& bounds) {
    using Kind = RequestKind;
    int const limit = static_cast<int>(request.number);
    stay_within(bounds, request);
    switch (request.kind) {
    case Kind::Metainfo:
    case Kind::ResumeData:
        torrent.save_resume_data(lt::torrent_handle::save_info_dict);
        return {};
    case Kind::ResumeDataIfChanged:
        torrent.save_resume_data(lt::torrent_handle::save_info_dict |
                                 lt::torrent_handle::only_if_modified);
        return {};
    case Kind::Files:
        return files(torrent);
    case Kind::FilePriority:
        torrent.file_priority(file(*metainfo(torrent), request), priority(request.number));
        return {};
    case Kind::FilePriorities:
        torrent.prioritize_files(priorities(request, metainfo(torrent)->num_files(), "file"));
        return {};
    case Kind::RenameFile:
        rename_file(torrent, request);
        return {};
    case Kind::MoveStorage:
        torrent.move_storage(std::string(request.bytes.begin(), request.bytes.end()),
                             existing(request.number));
        return {};
    case Kind::Pieces:
        return pieces(torrent);
    case Kind::PiecePriority:
        torrent.piece_priority(piece(*metainfo(torrent), request), priority(request.number));
        return done;
    case Kind::PiecePriorities:
        torrent.prioritize_pieces(priorities(request, metainfo(torrent)->num_pieces(), "piece"));
        return done;
    case Kind::PieceDeadline: {
        lt::piece_index_t const index = piece(*metainfo(torrent), request);
        if (request.number < 0)
            torrent.reset_piece_deadline(index);
        else
            torrent.set_piece_deadline(index, limit);
        return done;
    }
    case Kind::ClearPieceDeadlines:
        torrent.clear_piece_deadlines();
        return done;
    case Kind::EndsFirst:
        return ends_first(torrent, request.number != 0);
    case Kind::ReadPiece:
        torrent.read_piece(piece(*metainfo(torrent), request));
        return {};
    case Kind::AddPiece:
        return add_piece(torrent, request);
    case Kind::Recheck:
        metainfo(torrent);
        torrent.force_recheck();
        return done;
    case Kind::Options:
        return options(torrent);
    case Kind::Flag: {
        auto const chosen = flag(static_cast<std::size_t>(request.index));
        torrent.set_flags(request.number != 0 ? chosen : lt::torrent_flags_t{}, chosen);
        return done;
    }
    case Kind::DownloadLimit:
        torrent.set_download_limit(limit);
        return done;
    case Kind::UploadLimit:
        torrent.set_upload_limit(limit);
        return done;
    case Kind::ConnectionsLimit:
        torrent.set_max_connections(limit);
        return done;
    case Kind::UploadSlots:
        torrent.set_max_uploads(limit);
        return done;
    case Kind::Queue:
        queue(torrent, request.number);
        return done;
    case Kind::Peers: {
        auto all = std::make_shared<std::vector<lt::peer_info>>();
        torrent.get_peer_info(*all);
        return [all](AnswerRecord& answer) {
            for (lt::peer_info const& p : *all)
                answer.peers.push_back(peer(p));
        };
    }
    case Kind::ConnectPeer:
        torrent.connect_peer({lt::make_address(std::string(request.text)),
                              static_cast<std::uint16_t>(request.number)});
        return done;
    case Kind::ClearPeers:
        lt::torrent_handle(torrent).clear_peers();
        return done;
    case Kind::Trackers:
        return trackers(torrent);
    case Kind::AddTracker:
        for (TrackerRecord const& record : request.trackers)
            torrent.add_tracker(tracker(record));
        return done;
    case Kind::RemoveTracker:
        return remove_tracker(torrent, std::string(request.text));
    case Kind::ReplaceTrackers:
        return replace_trackers(torrent, request);
    case Kind::Reannounce:
        torrent.force_reannounce(0, -1, lt::torrent_handle::ignore_min_interval);
        return done;
    case Kind::Scrape:
        scrape(torrent);
        return done;
    case Kind::AnnounceToDht:
        torrent.force_dht_announce();
        return done;
    case Kind::AnnounceLocally:
        torrent.force_lsd_announce();
        return done;
    case Kind::WebSeeds:
        return web_seeds(torrent);
    case Kind::AddWebSeed:
        torrent.add_url_seed(given(torrent, request));
        return done;
    case Kind::RemoveWebSeed:
        if (torrent.url_seeds().count(given(torrent, request)) == 0)
            refuse(std::string(request.text) + ": the torrent has no such web seed");
        torrent.remove_url_seed(given(torrent, request));
        return done;
    case Kind::TlsCertificate: {
        if (metainfo(torrent)->ssl_cert().empty())
            refuse("the torrent is not for TLS");
        auto const text = [&request](std::size_t i) { return std::string(request.texts.at(i)); };
        lt::torrent_handle(torrent).set_ssl_certificate_buffer(text(0), text(1), text(2));
        return done;
    }
    case Kind::PauseGracefully:
        torrent.pause(lt::torrent_handle::graceful_pause);
        return done;
    case Kind::FlushFiles:
        metainfo(torrent);
        torrent.flush_cache();
        return done;
    case Kind::GiveMetainfo:
        return give_metainfo(torrent, request);
    default:
        refuse("no request about a torrent");
    }
}

} // namespace patron
