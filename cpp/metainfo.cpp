// Reads and describes .torrent files and magnet links. Nothing here uses a session, so it can run
// on any thread.
#include "torrent-patron/cpp/metainfo.hpp"
#include "torrent-patron/cpp/compat.hpp"
#include "torrent-patron/cpp/convert.hpp"
#include "torrent-patron/cpp/file_names.hpp"
#include "torrent-patron/cpp/metainfo_cost.hpp"
#include "torrent-patron/cpp/resume_check.hpp"
#include "torrent-patron/cpp/resume_data.hpp"
#include "torrent-patron/src/sys/making.rs.h"

#include <libtorrent/address.hpp>
#include <libtorrent/bdecode.hpp>
#include <libtorrent/bencode.hpp>
#include <libtorrent/load_torrent.hpp>
#include <libtorrent/magnet_uri.hpp>
#include <libtorrent/read_resume_data.hpp>
#include <libtorrent/torrent_flags.hpp>
#include <libtorrent/write_resume_data.hpp>

#include <algorithm>
#include <iterator>
#include <map>
#include <stdexcept>

namespace patron {
namespace {

// Larger files are refused before they are read (src/metainfo/mod.rs), so the buffer limit is the
// same. The limits for depth and pieces are the defaults of libtorrent.
constexpr int max_metainfo_size = 64 * 1024 * 1024;
// The limit for items, which take 8 bytes of memory each. A file in a hybrid torrent takes 30 with
// its padding, so 100,000 files reach libtorrent's default of 3 million.
constexpr int max_tokens = 12'000'000;

lt::load_torrent_limits limits() {
    lt::load_torrent_limits limits;
    limits.max_buffer_size = max_metainfo_size;
    limits.max_decode_tokens = max_tokens;
    return limits;
}

void check_hashes(lt::add_torrent_params const& params) {
    if (params.ti && compat::lacks_v1_hashes(*params.ti))
        throw lt::system_error(lt::errors::torrent_missing_pieces);
}

lt::bdecode_node decode(lt::span<char const> buffer) {
    lt::load_torrent_limits const limit = limits();
    return lt::bdecode(buffer, limit.max_decode_depth, limit.max_decode_tokens);
}

// libtorrent reads the DHT nodes that a torrent names into the parameters, where they can be
// dropped, and also into its torrent_info, where they cannot. So the torrent_info is made from a
// torrent without them.
std::string without_nodes(lt::bdecode_node const& root) {
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

lt::add_torrent_params read_metainfo(rust::Slice<std::uint8_t const> bytes) {
    auto const* data = reinterpret_cast<char const*>(bytes.data());
    lt::span<char const> const buffer(data, static_cast<std::ptrdiff_t>(bytes.size()));
    lt::add_torrent_params params;
    try {
        lt::bdecode_node const root = decode(buffer);
        check_cost(root, bytes.size());
        params = lt::load_torrent_parsed(root, limits());
        if (!params.dht_nodes.empty()) {
            auto const nodes = std::move(params.dht_nodes);
            params = lt::load_torrent_buffer(without_nodes(root), limits());
            params.dht_nodes = nodes;
        }
    } catch (lt::system_error const& e) {
        // A file entry that is not a dictionary is refused without an error code.
        throw e.code() ? e : lt::system_error(lt::errors::torrent_file_parse_failed);
    }
    // A "magnet-uri" in place of "info" is also accepted, but describes no files. In that case, 2.1
    // has no torrent_info.
    if (!params.ti || !params.ti->is_valid())
        throw lt::system_error(lt::errors::torrent_missing_info);
    check_hashes(params);
    return params;
}

std::unique_ptr<TorrentParams> params_from_metainfo(rust::Slice<std::uint8_t const> bytes) {
    return std::make_unique<TorrentParams>(read_metainfo(bytes));
}

std::unique_ptr<TorrentParams> params_from_magnet(rust::Str uri) {
    return std::make_unique<TorrentParams>(
        lt::parse_magnet_uri(lt::string_view(uri.data(), uri.size())));
}

namespace {

lt::entry client_data_entry(lt::bdecode_node const& root) {
    lt::bdecode_node const found = root.dict_find_dict(client_data_key);
    return found ? lt::entry(found) : lt::entry();
}

} // namespace

namespace {

void read_compact(lt::add_torrent_params& params, lt::bdecode_node const& resume_data) {
    lt::bdecode_node const pieces = resume_data.dict_find_string("pieces");
    if (compat::reads_compact_resume_data || !pieces ||
        resume_data.dict_find_int_value("file-version", 1) < 2)
        return;
    params.have_pieces.assign(pieces.string_ptr(), pieces.string_length() * 8);
    // These were misread too. They are found again.
    params.verified_pieces.clear();
    params.merkle_trees.clear();
    params.merkle_tree_mask.clear();
    params.verified_leaf_hashes.clear();
}

} // namespace

std::unique_ptr<TorrentParams> params_from_resume_data(rust::Slice<std::uint8_t const> bytes) {
    auto const* data = reinterpret_cast<char const*>(bytes.data());
    lt::span<char const> const buffer(data, static_cast<std::ptrdiff_t>(bytes.size()));
    // Decoded only once, because thousands may have to be read at the start.
    lt::bdecode_node const root = decode(buffer);
    check_cost(root, bytes.size());
    auto params = lt::read_resume_data(root, limits().max_pieces);
    read_compact(params, root);
    check_hashes(params);
    cut_trees(params);
    check_renamed_files(params);
    return std::make_unique<TorrentParams>(std::move(params), client_data_entry(root));
}

std::unique_ptr<TorrentParams> params_from_info_hashes(rust::Slice<std::uint8_t const> v1,
                                                       rust::Slice<std::uint8_t const> v2) {
    lt::add_torrent_params params;
    if (v1.size() == std::size_t(lt::sha1_hash::size()))
        params.info_hashes.v1.assign(reinterpret_cast<char const*>(v1.data()));
    if (v2.size() == std::size_t(lt::sha256_hash::size()))
        params.info_hashes.v2.assign(reinterpret_cast<char const*>(v2.data()));
    return std::make_unique<TorrentParams>(std::move(params));
}

void TorrentParams::use_resume_data(rust::Slice<std::uint8_t const> bytes) {
    auto const resumed = params_from_resume_data(bytes);
    lt::add_torrent_params& other = resumed->params_;
    auto const& ours = params_.info_hashes;
    bool const same = (ours.has_v1() && ours.v1 == other.info_hashes.v1) ||
                      (ours.has_v2() && ours.v2 == other.info_hashes.v2);
    if (!same)
        throw std::invalid_argument("the resume data belongs to another torrent");
    if (params_.ti)
        other.ti = std::move(params_.ti);
    other.info_hashes = params_.info_hashes;
    cut_trees(other);
    check_renamed_files(other);
    // After those in the resume data; duplicates are removed by src/metainfo/urls.rs.
    auto const add = [](auto& to, auto const& from) {
        to.insert(to.end(), from.begin(), from.end());
    };
    other.tracker_tiers.resize(other.trackers.size(), 0);
    params_.tracker_tiers.resize(params_.trackers.size(), 0);
    add(other.trackers, params_.trackers);
    add(other.tracker_tiers, params_.tracker_tiers);
    add(other.url_seeds, params_.url_seeds);
    if (auto* const seeds = compat::http_seeds(other))
        add(*seeds, *compat::http_seeds(params_));
    resumed->peers_.swap(params_.peers);
    *this = std::move(*resumed);
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
    if (auto const* const seeds = compat::http_seeds(params_))
        for (auto const& url : *seeds)
            out.http_seeds.push_back(text(url));
    out.client_data = no_client_data();
    if (resumed_) {
        out.save_path = bytes(params_.save_path);
        out.has_pieces = params_.have_pieces.count() > 0;
        out.paused = bool(params_.flags & lt::torrent_flags::paused);
        out.client_data = client_data(client_data_);
    }

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
        out.files.push_back(FileRecord{text(file_name(params_, i)), files.file_size(i),
                                       files.file_offset(i), files.pad_file_at(i),
                                       out.has_pieces && is_claimed(params_, i),
                                       text(files.symlink(i))});
    return out;
}

StoredRecord TorrentParams::encode(ClientDataRecord const& record) const {
    bool const claims = params_.ti && params_.have_pieces.count() > 0;
    return encode_resume_data(params_, record, claims ? file_stamps(params_) : std::string(), true);
}

SavedRecord TorrentParams::saved_figures() const noexcept {
    return {params_.total_uploaded, params_.total_downloaded,
            doubtful_ ? -1 : params_.have_pieces.count()};
}

LayoutRecord TorrentParams::layout() const {
    lt::file_storage const& files = compat::files(*params_.ti);
    LayoutRecord out{};
    out.piece_length = params_.ti->piece_length();
    out.piece_count = params_.ti->num_pieces();
    for (auto const i : files.file_range()) {
        out.sizes.push_back(files.file_size(i));
        out.pads.push_back(files.pad_file_at(i));
    }
    return out;
}

namespace {

// Returns the piece layers of a .torrent file by the roots of the files (BEP 52). libtorrent moves
// them to its own trees, where files with the same data share one.
std::map<lt::sha256_hash, lt::string_view> piece_layers(lt::span<char const> torrent) {
    std::map<lt::sha256_hash, lt::string_view> out;
    lt::bdecode_node const root = decode(torrent);
    lt::bdecode_node const layers = root.dict_find_dict("piece layers");
    for (int i = 0; layers && i < layers.dict_size(); ++i) {
        auto const entry = layers.dict_at(i);
        if (entry.first.size() == std::size_t(lt::sha256_hash::size()) &&
            entry.second.type() == lt::bdecode_node::string_t)
            out.emplace(lt::sha256_hash(entry.first.data()), entry.second.string_value());
    }
    return out;
}

} // namespace

rust::Vec<PieceHashes> TorrentParams::piece_hashes(rust::Slice<std::uint8_t const> torrent) const {
    lt::torrent_info const& info = *params_.ti;
    lt::file_storage const& files = compat::files(info);
    rust::Vec<PieceHashes> out;
    for (int piece = 0; piece < info.num_pieces(); ++piece) {
        PieceHashes hashes{};
        if (info.info_hashes().has_v1()) {
            auto const hash = info.hash_for_piece(lt::piece_index_t(piece));
            std::copy(hash.begin(), hash.end(), hashes.v1.begin());
        }
        out.push_back(hashes);
    }
    if (!info.info_hashes().has_v2())
        return out;
    auto const layers = piece_layers(
        {reinterpret_cast<char const*>(torrent.data()), std::ptrdiff_t(torrent.size())});
    for (auto const i : files.file_range()) {
        if (!has_data(files, i))
            continue;
        lt::sha256_hash const root = files.root(i);
        lt::string_view layer(root.data(), std::size_t(lt::sha256_hash::size()));
        if (files.file_size(i) > info.piece_length()) {
            auto const found = layers.find(root);
            layer = found == layers.end() ? lt::string_view() : found->second;
        }
        std::int64_t const length = info.piece_length();
        auto const pieces = static_cast<std::size_t>((files.file_size(i) + length - 1) / length);
        auto const first = static_cast<std::size_t>(files.file_offset(i) / length);
        if (layer.size() != pieces * std::size_t(lt::sha256_hash::size()) ||
            first + pieces > out.size())
            throw lt::system_error(lt::errors::torrent_missing_piece_layer);
        for (std::size_t piece = 0; piece < pieces; ++piece)
            std::copy_n(layer.data() + piece * std::size_t(lt::sha256_hash::size()),
                        lt::sha256_hash::size(), out[first + piece].v2.begin());
    }
    return out;
}

} // namespace patron
