// Reads ranges of files for the program.
#pragma once

#include "torrent-patron/cpp/disk/file_view.hpp"

#include <libtorrent/span.hpp>
#include <libtorrent/storage_defs.hpp>

#include <cstdint>
#include <functional>
#include <memory>

namespace patron {

// A disk backend that reads verified data directly from the file, on another thread. While a
// torrent is downloaded, libtorrent reads a block after the writes in its queue.
class SpanReader {
  public:
    // Fills `to` with the bytes of the torrent from `begin` on, which are in verified pieces.
    // Returns false if the disk backend must read them block by block. Otherwise calls `then`
    // later: with true on the other thread, or with false on the network thread if it failed.
    // Called on the network thread.
    virtual bool read_span(lt::storage_index_t torrent, std::int64_t begin, lt::span<char> to,
                           std::function<void(bool)> then) = 0;
    // Returns the view of a file; null if there is none. Called on the network thread.
    virtual std::shared_ptr<FileView> view(lt::storage_index_t torrent, lt::file_index_t file) = 0;

  protected:
    ~SpanReader() = default;
};

} // namespace patron
