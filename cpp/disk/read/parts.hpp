// Where in a torrent's files a block lies.
#pragma once

#include <libtorrent/file_storage.hpp>
#include <libtorrent/peer_request.hpp>

#include <array>
#include <cstddef>
#include <cstdint>

namespace patron {

class File;

// What a block covers of one file.
struct Part {
    lt::file_index_t index{0};
    std::int64_t offset = 0;
    int length = 0;
    bool pad = false;
    // Filled in once it is open, or to be opened; null for a pad file.
    File* file = nullptr;
};

class Parts {
  public:
    // A block may lie in several small files.
    static constexpr int max = 4;

    // False for a block that lies in more files, or outside of the torrent. `hint` is the file to
    // look at first, and becomes the block's first file.
    bool split(lt::file_storage const& files, lt::peer_request const& request,
               lt::file_index_t& hint);
    // Marks what a mapping has of them as being in memory.
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
