// .torrent files and magnet links: read, described, made. Nothing here touches a session, so that
// it runs on whichever thread calls.
#include "torrent-patron/cpp/compat.hpp"
#include "torrent-patron/cpp/convert.hpp"
#include "torrent-patron/cpp/shim.hpp"

#include <libtorrent/address.hpp>
#include <libtorrent/bdecode.hpp>
#include <libtorrent/load_torrent.hpp>
#include <libtorrent/magnet_uri.hpp>
#include <libtorrent/torrent_flags.hpp>

#include <algorithm>

namespace patron {
namespace {

// Larger files are refused before they are read (src/metainfo.rs), so the buffer limit follows that
// one; the rest are libtorrent's own limits on depth, tokens and pieces.
constexpr int largest_metainfo = 64 * 1024 * 1024;

lt::load_torrent_limits limits() {
    lt::load_torrent_limits limits;
    limits.max_buffer_size = largest_metainfo;
    return limits;
}

// The host of a URL: what stands after "://" and any "user@", before the port or the path.
std::string host(std::string const& url) {
    auto const scheme = url.find("://");
    if (scheme == std::string::npos)
        return {};
    auto const begin = scheme + 3;
    std::string authority = url.substr(begin, url.find_first_of("/?#\\", begin) - begin);
    if (auto const user = authority.rfind('@'); user != std::string::npos)
        authority.erase(0, user + 1);
    if (!authority.empty() && authority.front() == '[')
        return authority.substr(1, authority.find(']') - 1);
    return authority.substr(0, authority.find(':'));
}

bool gives_address(std::string const& url) {
    lt::error_code failure;
    lt::make_address(host(url), failure);
    return !failure;
}

// In small letters.
std::string scheme(std::string const& url) {
    std::string scheme = url.substr(0, std::min(url.find("://"), url.size()));
    for (char& letter : scheme)
        if (letter >= 'A' && letter <= 'Z')
            letter += 'a' - 'A';
    return scheme;
}

bool is_loopback(std::string const& host) {
    if (host == "localhost")
        return true;
    lt::error_code failure;
    auto const ip = lt::make_address(host, failure);
    return !failure && ip.is_loopback();
}

bool leaves_host(std::string const& url) {
    return !is_loopback(host(url));
}

template <typename Predicate>
void drop_trackers(lt::add_torrent_params& params, Predicate unwanted) {
    std::vector<std::string> trackers;
    std::vector<int> tiers;
    for (std::size_t i = 0; i < params.trackers.size(); ++i) {
        if (unwanted(params.trackers[i]))
            continue;
        trackers.push_back(params.trackers[i]);
        tiers.push_back(i < params.tracker_tiers.size() ? params.tracker_tiers[i] : 0);
    }
    params.trackers = std::move(trackers);
    params.tracker_tiers = std::move(tiers);
}

template <typename Predicate>
void drop_web_seeds(lt::add_torrent_params& params, Predicate unwanted) {
    auto& urls = params.url_seeds;
    urls.erase(std::remove_if(urls.begin(), urls.end(), unwanted), urls.end());
    compat::drop_http_seeds(params);
}

// What would go past a proxy that is to look up all names: libtorrent looks up those of DHT nodes
// itself, even where the DHT is off, and behind an HTTP proxy all but those of plain HTTP trackers.
void keep_to_proxy(lt::add_torrent_params& params, Names names) {
    params.dht_nodes.clear();
    if (names == Names::BySocks5) {
        drop_trackers(params, [](std::string const& url) {
            std::string const kind = scheme(url);
            return kind != "http" && kind != "https" && kind != "udp";
        });
        return;
    }
    drop_trackers(params, [](std::string const& url) {
        std::string const kind = scheme(url);
        return kind != "http" && (kind != "https" || !gives_address(url));
    });
    drop_web_seeds(params, [](std::string const& url) { return !gives_address(url); });
}

void keep_loopback_only(lt::add_torrent_params& params) {
    drop_trackers(params, leaves_host);
    drop_web_seeds(params, leaves_host);
    params.dht_nodes.clear();

    auto& peers = params.peers;
    auto const remote = [](lt::tcp::endpoint const& peer) { return !peer.address().is_loopback(); };
    peers.erase(std::remove_if(peers.begin(), peers.end(), remote), peers.end());
}

// libtorrent makes the empty files of a torrent before it checks the others; looking must not
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

// The DHT nodes that a torrent names are read into the parameters, where they can be dropped. They
// also stay in its torrent_info, where they cannot; so that is made of a torrent without them.
std::string without_nodes(lt::span<char const> torrent) {
    lt::load_torrent_limits const limit = limits();
    lt::bdecode_node const root =
        lt::bdecode(torrent, limit.max_decode_depth, limit.max_decode_tokens);
    std::string rest = "d";
    for (int i = 0; i < root.dict_size(); ++i) {
        auto const entry = root.dict_at(i);
        if (entry.first == "nodes")
            continue;
        rest += std::to_string(entry.first.size()) + ':';
        rest.append(entry.first.data(), entry.first.size());
        auto const value = entry.second.data_section();
        rest.append(value.data(), static_cast<std::size_t>(value.size()));
    }
    return rest + 'e';
}

} // namespace

std::unique_ptr<TorrentParams> params_from_metainfo(rust::Slice<std::uint8_t const> bytes) {
    auto const* data = reinterpret_cast<char const*>(bytes.data());
    lt::span<char const> const buffer(data, static_cast<std::ptrdiff_t>(bytes.size()));
    lt::add_torrent_params params;
    try {
        params = lt::load_torrent_buffer(buffer, limits());
        if (!params.dht_nodes.empty()) {
            auto const nodes = std::move(params.dht_nodes);
            params = lt::load_torrent_buffer(without_nodes(buffer), limits());
            params.dht_nodes = nodes;
        }
    } catch (lt::system_error const& e) {
        // A file entry that is no dictionary is refused without a code.
        throw e.code() ? e : lt::system_error(lt::errors::torrent_file_parse_failed);
    }
    // A "magnet-uri" in the place of "info" is read too; it describes no files.
    if (!params.ti->is_valid())
        throw lt::system_error(lt::errors::torrent_missing_info);
    return std::make_unique<TorrentParams>(std::move(params));
}

std::unique_ptr<TorrentParams> params_from_magnet(rust::Str uri) {
    return std::make_unique<TorrentParams>(
        lt::parse_magnet_uri(lt::string_view(uri.data(), uri.size())));
}

rust::String TorrentParams::magnet_uri() const {
    lt::add_torrent_params named = params_;
    if (named.name.empty() && named.ti)
        named.name = named.ti->name();
    return text(lt::make_magnet_uri(named));
}

DescriptionRecord TorrentParams::describe() const {
    DescriptionRecord out{};
    hashes(params_.info_hashes, out.v1, out.v2);
    out.name = text(params_.name);
    for (std::size_t i = 0; i < params_.trackers.size(); ++i) {
        int const tier = i < params_.tracker_tiers.size() ? params_.tracker_tiers[i] : 0;
        out.trackers.push_back(TrackerRecord{text(params_.trackers[i]), tier});
    }
    for (auto const& url : params_.url_seeds)
        out.web_seeds.push_back(text(url));
    for (auto const& peer : params_.peers)
        out.peers.push_back(address(peer.address(), peer.port()));

    if (!params_.ti)
        return out;
    lt::torrent_info const& info = *params_.ti;
    lt::file_storage const& files = compat::files(info);
    out.has_metadata = true;
    out.name = text(info.name());
    out.total_size = files.total_size();
    out.piece_length = info.piece_length();
    out.num_pieces = info.num_pieces();
    out.is_private = info.priv();
    out.comment = text(compat::comment(params_));
    out.creator = text(compat::creator(params_));
    out.creation_date = compat::creation_date(params_);
    out.files.reserve(static_cast<std::size_t>(files.num_files()));
    for (auto const i : files.file_range())
        out.files.push_back(
            FileRecord{text(files.file_path(i)), files.file_size(i), files.pad_file_at(i)});
    return out;
}

void TorrentParams::configure(AddRecord const& options) {
    params_.save_path = path({options.save_path.data(), options.save_path.size()});
    for (PeerRecord const& peer : options.peers)
        params_.peers.emplace_back(lt::make_address(std::string(peer.address)), peer.port);

    // Our torrents run when they are told to: libtorrent's queue manager (auto_managed) would pause
    // and resume them by limits of its own.
    params_.flags &= ~(lt::torrent_flags::auto_managed | lt::torrent_flags::paused);
    params_.flags |= lt::torrent_flags::duplicate_is_error;
    if (options.paused)
        params_.flags |= lt::torrent_flags::paused;
    if (options.stop_when_checked) {
        params_.flags |= lt::torrent_flags::stop_when_ready;
        if (params_.ti)
            leave_out_empty_files(params_);
    }
    if (options.trust && params_.ti) {
        // Complete without hashing, now or on the first request (which seed_mode would do).
        params_.have_pieces.resize(params_.ti->num_pieces(), true);
        params_.flags |= lt::torrent_flags::no_verify_files;
    }
    if (options.loopback_only)
        keep_loopback_only(params_);
    if (options.names != Names::Here)
        keep_to_proxy(params_, options.names);
}

rust::Vec<std::uint8_t> make_metainfo(RecipeRecord const& recipe,
                                      rust::Box<PieceObserver> observer) {
    keep_file_names();
    std::string const source = path({recipe.path.data(), recipe.path.size()});
    lt::create_flags_t flags{};
    if (!recipe.v2)
        flags |= lt::create_torrent::v1_only;
    if (!recipe.v1)
        flags |= lt::create_torrent::v2_only;

    if (!compat::has_data(source, flags))
        throw lt::system_error(lt::errors::no_files_in_torrent);
    compat::Draft draft(source, recipe.piece_length, flags);
    lt::create_torrent& torrent = draft.torrent;
    for (TrackerRecord const& tracker : recipe.trackers)
        torrent.add_tracker(std::string(tracker.url), tracker.tier);
    for (rust::String const& url : recipe.web_seeds)
        torrent.add_url_seed(std::string(url));
    torrent.set_priv(recipe.is_private);
    torrent.set_creation_date(static_cast<std::time_t>(recipe.creation_date));
    if (!recipe.comment.empty())
        torrent.set_comment(std::string(recipe.comment).c_str());
    torrent.set_creator(std::string(recipe.creator).c_str());

    auto const slash = source.find_last_of('/');
    std::string const parent = slash == std::string::npos ? "." : source.substr(0, slash + 1);
    auto const total = static_cast<std::uint64_t>(torrent.num_pieces());
    std::uint64_t hashed = 0;
    lt::error_code failure;
    lt::set_piece_hashes(
        torrent, parent,
        [&](lt::piece_index_t) {
            // Leaving by an exception is the way to stop: libtorrent then aborts its disk threads.
            if (!observer->hashed(++hashed, total))
                throw lt::system_error(boost::asio::error::operation_aborted);
        },
        failure);
    if (failure)
        throw lt::system_error(failure);
    auto const encoded = torrent.generate_buf();
    return bytes(lt::string_view(encoded.data(), encoded.size()));
}

} // namespace patron
