// Makes a .torrent file.
#pragma once

#include "torrent-patron/cpp/compat.hpp"

#include "rust/cxx.h"

#include <cstdint>
#include <memory>

namespace patron {

struct LayoutRecord;
struct NewTorrentRecord;
struct PieceHashes;

class NewTorrent {
  public:
    explicit NewTorrent(NewTorrentRecord const& record);
    LayoutRecord layout() const;
    void set_hashes(std::int32_t piece, std::int32_t file, std::int32_t piece_of_file,
                    PieceHashes const& hashes);
    // Sets placeholder hashes for all pieces.
    void set_placeholders();
    rust::Vec<std::uint8_t> encode() const;

  private:
    compat::CreateTorrent create_;
};

std::unique_ptr<NewTorrent> new_torrent(NewTorrentRecord const& record);
rust::Vec<std::uint8_t> preview(NewTorrentRecord const& record);

} // namespace patron
