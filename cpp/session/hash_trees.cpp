#include "torrent-patron/cpp/session/hash_trees.hpp"
#include "torrent-patron/cpp/compat.hpp"
#include "torrent-patron/cpp/session/private_member.hpp"

#include <array>
#include <cstdint>
#include <random>
#include <type_traits>

namespace patron::internals {

struct Trees {};
auto member(Trees);
template struct Open<Trees, &native::torrent::m_merkle_trees>;

struct Root {};
auto member(Root);
template struct Open<Root, &lt::aux::merkle_tree::m_root>;

struct Blocks {};
auto member(Blocks);
template struct Open<Blocks, &lt::aux::merkle_tree::m_num_blocks>;

struct PieceLevels {};
auto member(PieceLevels);
template struct Open<PieceLevels, &lt::aux::merkle_tree::m_blocks_per_piece_log>;

struct Mode {};
auto member(Mode);
template struct Open<Mode, &lt::aux::merkle_tree::m_mode>;

struct Requested {};
auto member(Requested);
template struct Open<Requested, &native::hash_picker::m_piece_hash_requested>;

namespace {

// A tree of which only the root is known.
constexpr std::uint8_t empty_tree = 1;

char const* random_root() {
    static auto const root = [] {
        std::array<char, 32> bytes;
        std::random_device random;
        for (char& byte : bytes)
            byte = static_cast<char>(random());
        return bytes;
    }();
    return root.data();
}

bool has_no_trees(native::torrent const& torrent) {
    return compat::trusts_hash_messages && torrent.valid_metadata() &&
           !torrent.torrent_file().info_hashes().has_v2();
}

void drop_v2(native::peer_connection const& peer) {
    if (auto* const known = peer.peer_info_struct())
        known->protocol_v2 = false;
}

} // namespace

void fill_pad_trees(std::shared_ptr<void> const& torrent) {
    if (!compat::pads_lack_trees)
        return;
    auto& owner = *static_cast<native::torrent*>(torrent.get());
    auto& trees = owner.*member(Trees());
    lt::file_storage const& files = compat::original_files(owner.torrent_file());
    constexpr int block = lt::default_block_size;
    std::uint8_t levels = 0;
    while (block << levels < files.piece_length())
        ++levels;
    for (lt::file_index_t i(0); i < trees.end_index(); ++i) {
        if (!files.pad_file_at(i) || files.file_size(i) == 0)
            continue;
        lt::aux::merkle_tree& tree = trees[i];
        tree.*member(Root()) = random_root();
        tree.*member(Blocks()) = static_cast<int>((files.file_size(i) + block - 1) / block);
        tree.*member(PieceLevels()) = levels;
        auto& mode = tree.*member(Mode());
        mode = static_cast<std::remove_reference_t<decltype(mode)>>(empty_tree);
    }
}

void expect_rejects(lt::torrent_handle const& torrent, lt::piece_index_t const piece) {
    auto const owner = torrent.native_handle();
    if (!compat::trusts_hash_messages || !owner || !owner->has_hash_picker() ||
        !owner->torrent_file().info_hashes().has_v2())
        return;
    lt::file_storage const& files = compat::original_files(owner->torrent_file());
    lt::file_index_t const file = files.file_index_at_piece(piece);
    std::int64_t leaves = 1;
    while (leaves * lt::default_block_size < files.file_size(file))
        leaves *= 2;
    constexpr int per_entry = 512;
    auto const entries = static_cast<int>((leaves + per_entry - 1) / per_entry);
    auto& requested = (owner->get_hash_picker().*member(Requested()))[file];
    int const first = requested.end_index();
    if (entries <= first)
        return;
    requested.resize(entries);
    // These are never requested.
    for (int i = first; i < entries; ++i)
        requested[i].have = true;
}

void drop_v2(std::shared_ptr<void> const& torrent) {
    auto const& owner = *static_cast<native::torrent const*>(torrent.get());
    if (has_no_trees(owner))
        for (native::peer_connection const* const peer : owner)
            drop_v2(*peer);
}

void drop_v2(lt::peer_connection_handle const& peer, lt::torrent_handle const& torrent) {
    auto const owner = torrent.native_handle();
    auto const connection = peer.native_handle();
    if (owner && connection && has_no_trees(*owner))
        drop_v2(*connection);
}

} // namespace patron::internals
