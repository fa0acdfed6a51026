// Finds the parts of a torrent's files that contain a block.
#pragma once

#include <libtorrent/file_storage.hpp>
#include <libtorrent/peer_request.hpp>

#include <array>
#include <cstddef>
#include <cstdint>

namespace patron {

class File;

// The part of a block that is in one file.
struct Part {
    lt::file_index_t index{0};
    std::int64_t offset = 0;
    int length = 0;
    bool pad = false;
    // Filled in when the file is open or being opened; null for a pad file.
    File* file = nullptr;
};

class Parts {
  public:
    // A block may lie in several small files.
    static constexpr int max = 4;

    // Finds the parts. Returns false if the block is in more files, or outside of the torrent.
    // `hint` is the file to try first; it is set to the block's first file.
    bool split(lt::file_storage const& files, lt::peer_request const& request,
               lt::file_index_t& hint);
    // Marks the mapped parts as being in memory.
    void set_resident() const;

    Part* begin() { return parts_.data(); }
    Part* end() { return parts_.data() + count_; }
    Part const* begin() const { return parts_.data(); }
    Part const* end() const { return parts_.data() + count_; }
    int size() const { return count_; }

  private:
    std::array<Part, max> parts_;
    int count_ = 0;
};

} // namespace patron
