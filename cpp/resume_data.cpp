#include "torrent-patron/cpp/resume_data.hpp"
#include "torrent-patron/cpp/compat.hpp"
#include "torrent-patron/cpp/convert.hpp"

#include <libtorrent/bencode.hpp>
#include <libtorrent/download_priority.hpp>
#include <libtorrent/error_code.hpp>
#include <libtorrent/torrent_info.hpp>
#include <libtorrent/write_resume_data.hpp>

#include <iterator>
#include <vector>

namespace patron {

ClientDataRecord no_client_data() {
    return ClientDataRecord{{}, -1, -1, GoalAction::Pause, 0, false, 0, {}};
}

ClientDataRecord client_data(lt::entry const& entry) {
    ClientDataRecord record = no_client_data();
    if (entry.type() != lt::entry::dictionary_t)
        return record;
    auto const number = [&entry](char const* key, std::int64_t otherwise) {
        lt::entry const* const found = entry.find_key(key);
        return found != nullptr && found->type() == lt::entry::int_t ? found->integer() : otherwise;
    };
    if (lt::entry const* const to = entry.find_key("move to");
        to != nullptr && to->type() == lt::entry::string_t)
        record.move_to = bytes(to->string());
    record.share_ratio_permille = number("share ratio", -1);
    record.seed_seconds = number("seed seconds", -1);
    std::int64_t const action = number("goal action", 0);
    if (action >= 0 && action <= static_cast<std::int64_t>(GoalAction::SuperSeed))
        record.goal_action = static_cast<GoalAction>(action);
    record.replicas =
        static_cast<std::uint16_t>(std::clamp<std::int64_t>(number("replicas", 0), 0, 0xffff));
    record.verify = number("verify", 0) != 0;
    return record;
}

std::string saved_stamps(lt::entry const& entry) {
    if (entry.type() != lt::entry::dictionary_t)
        return {};
    lt::entry const* const found = entry.find_key("files");
    return found != nullptr && found->type() == lt::entry::string_t ? found->string()
                                                                    : std::string();
}

namespace {

lt::entry encode(ClientDataRecord const& record) {
    lt::entry entry(lt::entry::dictionary_t);
    if (!record.move_to.empty())
        entry["move to"] = std::string(record.move_to.begin(), record.move_to.end());
    if (record.share_ratio_permille >= 0)
        entry["share ratio"] = record.share_ratio_permille;
    if (record.seed_seconds >= 0)
        entry["seed seconds"] = record.seed_seconds;
    if (record.goal_action != GoalAction::Pause)
        entry["goal action"] = static_cast<std::int64_t>(record.goal_action);
    if (record.replicas > 0)
        entry["replicas"] = record.replicas;
    if (record.verify)
        entry["verify"] = 1;
    return entry;
}

// Removes zero bits at the end of the bits that libtorrent writes for hash trees. It writes a byte
// for each node of a tree: 800 MB for 6 TB of which only the root is known. It treats missing bits
// at the end as zeros. The result is never empty: libtorrent does not write empty ones, and 2.0.9
// to 2.0.12 then assign those of later files to earlier ones. Bits are a std::vector<bool>, and
// from 2.1 an lt::bitfield.
template <typename Bits>
void shorten(Bits& bits) {
    auto used = bits.size();
    while (used > 1 && !bits[used - 1])
        --used;
    bits.resize(used > 0 ? used : 1, false);
}

// Removes bits at the end that stand for nothing.
template <typename Bits>
void cut(Bits& bits, std::int64_t count) {
    if (static_cast<std::int64_t>(bits.size()) > count)
        bits.resize(static_cast<decltype(bits.size())>(count));
}

// In libtorrent's format: empty if no priority was set.
std::vector<lt::download_priority_t> chosen_priorities(rust::Vec<std::uint8_t> const& levels) {
    std::vector<lt::download_priority_t> out;
    out.reserve(levels.size());
    for (std::uint8_t const level : levels)
        out.push_back(lt::download_priority_t(level));
    bool const chosen = std::any_of(out.begin(), out.end(), [](lt::download_priority_t priority) {
        return priority != lt::default_priority;
    });
    return chosen ? out : std::vector<lt::download_priority_t>();
}

} // namespace

void cut_trees(lt::add_torrent_params& params) {
    if (!params.ti)
        return;
    lt::file_storage const& files = compat::original_files(*params.ti);
    for (lt::file_index_t const i : files.file_range()) {
        std::int64_t const blocks =
            (files.file_size(i) + lt::default_block_size - 1) / lt::default_block_size;
        std::int64_t leaves = 1;
        while (leaves < blocks)
            leaves *= 2;
        if (i < params.verified_leaf_hashes.end_index())
            cut(params.verified_leaf_hashes[i], blocks);
        if (i < params.merkle_tree_mask.end_index())
            cut(params.merkle_tree_mask[i], 2 * leaves - 1);
    }
}

StoredRecord encode_resume_data(lt::add_torrent_params params, ClientDataRecord const& record,
                                std::string const& stamps, bool with_info) {
    for (auto& mask : params.merkle_tree_mask)
        shorten(mask);
    for (auto& verified : params.verified_leaf_hashes)
        shorten(verified);
    // Not the priorities that readers have set.
    if (!record.piece_levels.empty())
        params.piece_priorities = chosen_priorities(record.piece_levels);
    StoredRecord out;
    if (with_info && params.ti) {
        auto const info = params.ti->info_section();
        out.info = bytes(lt::string_view(info.data(), static_cast<std::size_t>(info.size())));
    }
    lt::entry encoded = lt::write_resume_data(params);
    encoded.dict().erase("info");
    lt::entry part = encode(record);
    if (!stamps.empty())
        part["files"] = stamps;
    if (!part.dict().empty())
        encoded[client_data_key] = std::move(part);
    std::vector<char> buffer;
    lt::bencode(std::back_inserter(buffer), encoded);
    out.resume_data = bytes(lt::string_view(buffer.data(), buffer.size()));
    return out;
}

rust::Vec<std::uint8_t> encode_metainfo(lt::add_torrent_params const& params) {
    if (!params.ti)
        throw lt::system_error(lt::errors::no_metadata);
    auto const encoded = lt::write_torrent_file_buf(params, {});
    return bytes(lt::string_view(encoded.data(), encoded.size()));
}

} // namespace patron
