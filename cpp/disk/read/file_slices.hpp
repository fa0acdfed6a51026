// Finds the slices of a torrent's files that contain a block.
#pragma once

#include <libtorrent/file_storage.hpp>
#include <libtorrent/peer_request.hpp>

#include <array>
#include <cstddef>
#include <cstdint>

namespace patron {

class File;

// The part of a block that is in one file.
struct FileSlice {
    lt::file_index_t index{0};
    std::int64_t offset = 0;
    int length = 0;
    bool pad = false;
    // Filled in when the file is open or being opened; null for a pad file.
    File* file = nullptr;
};

class FileSlices {
  public:
    // A block may lie in several small files.
    static constexpr int max = 4;

    // Finds the slices. Returns false if the block is in more files, or outside of the torrent.
    // `hint` is the file to try first; it is set to the block's first file.
    bool split(lt::file_storage const& files, lt::peer_request const& request,
               lt::file_index_t& hint);
    // Marks the mapped slices as being in memory.
    void set_resident() const;

    FileSlice* begin() { return slices_.data(); }
    FileSlice* end() { return slices_.data() + count_; }
    FileSlice const* begin() const { return slices_.data(); }
    FileSlice const* end() const { return slices_.data() + count_; }
    int size() const { return count_; }

  private:
    std::array<FileSlice, max> slices_;
    int count_ = 0;
};

} // namespace patron
