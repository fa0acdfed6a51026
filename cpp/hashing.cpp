#include "torrent-patron/cpp/hashing.hpp"

#include "torrent-patron/cpp/metainfo.hpp"
#include "torrent-patron/src/sys/bridge.rs.h"

#include <algorithm>
#include <array>
#include <utility>

namespace patron {
namespace {

constexpr std::size_t block = lt::default_block_size;

lt::span<char const> span(std::uint8_t const* data, std::size_t length) {
    return {reinterpret_cast<char const*>(data), static_cast<std::ptrdiff_t>(length)};
}

} // namespace

lt::sha256_hash merkle_root(std::vector<lt::sha256_hash> level) {
    while (level.size() > 1) {
        for (std::size_t i = 0; i < level.size() / 2; ++i)
            level[i] = lt::hasher256().update(level[2 * i]).update(level[2 * i + 1]).final();
        level.resize(level.size() / 2);
    }
    return level.empty() ? lt::sha256_hash() : level.front();
}

void PieceHasher::update(rust::Slice<std::uint8_t const> data) {
    if (data.empty())
        return;
    if (v1_)
        sha1_.update(span(data.data(), data.size()));
    if (v2_)
        for (std::size_t at = 0; at < data.size(); at += block) {
            std::size_t const length = std::min(block, data.size() - at);
            leaves_.push_back(lt::hasher256(span(data.data() + at, length)).final());
        }
}

void PieceHasher::pad(std::size_t length) {
    static constexpr std::array<std::uint8_t, block> zeros{};
    for (; v1_ && length > 0; length -= std::min(length, block))
        sha1_.update(span(zeros.data(), std::min(length, block)));
}

PieceHashes PieceHasher::finish(std::size_t blocks) {
    PieceHashes out{};
    if (v1_) {
        auto const hash = sha1_.final();
        std::copy(hash.begin(), hash.end(), out.v1.begin());
        sha1_.reset();
    }
    if (v2_) {
        leaves_.resize(blocks);
        auto const hash = merkle_root(std::move(leaves_));
        std::copy(hash.begin(), hash.end(), out.v2.begin());
        leaves_.clear();
    }
    return out;
}

std::unique_ptr<PieceHasher> new_piece_hasher(bool v1, bool v2) {
    return std::make_unique<PieceHasher>(v1, v2);
}

} // namespace patron
