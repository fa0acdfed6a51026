// Hashes pieces, to make and verify torrents.
#pragma once

#include "rust/cxx.h"

#include <libtorrent/hasher.hpp>
#include <libtorrent/sha1_hash.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace patron {

struct PieceHashes;

class PieceHasher {
  public:
    PieceHasher(bool v1, bool v2) : v1_(v1), v2_(v2) {}
    void update(rust::Slice<std::uint8_t const> data);
    void pad(std::size_t length);
    PieceHashes finish(std::size_t blocks);

  private:
    bool const v1_;
    bool const v2_;
    lt::hasher sha1_;
    // The hashes of the previous blocks.
    std::vector<lt::sha256_hash> leaves_;
};

// The root of a tree (BEP 52). Missing blocks have hashes of zeros; the number of leaves is a power
// of two.
lt::sha256_hash merkle_root(std::vector<lt::sha256_hash> leaves);

std::unique_ptr<PieceHasher> new_piece_hasher(bool v1, bool v2);

} // namespace patron
