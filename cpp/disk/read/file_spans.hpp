// Reads ranges of files for the program, on a worker.
#pragma once

#include "torrent-patron/cpp/disk/counters.hpp"
#include "torrent-patron/cpp/disk/pool.hpp"
#include "torrent-patron/cpp/disk/read/open_files.hpp"
#include "torrent-patron/cpp/disk/read/view.hpp"
#include "torrent-patron/cpp/disk/torrents.hpp"

#include <libtorrent/io_context.hpp>
#include <libtorrent/span.hpp>

#include <cstdint>
#include <functional>
#include <memory>

namespace patron {

// Network thread only.
class FileSpans {
  public:
    FileSpans(lt::io_context& network, std::shared_ptr<Pool> pool, OpenFiles& open_files,
              std::shared_ptr<ReadCounters> counters)
        : network_(network), pool_(std::move(pool)), open_files_(open_files),
          counters_(std::move(counters)) {}

    // Like SpanReader::read_span. No job may be changing the files.
    bool read(TorrentFiles const& torrent, OpenFiles::Torrent& files, Views const* views,
              std::int64_t begin, lt::span<char> to, std::function<void(bool)> then);

  private:
    // Runs on a worker. Returns whether the range was read.
    using Read = std::function<bool()>;

    Read complete_file(TorrentFiles const& torrent, OpenFiles::Torrent& files,
                       lt::file_index_t file, std::int64_t offset, lt::span<char> to,
                       std::shared_ptr<OpenView> const& view);

    lt::io_context& network_;
    std::shared_ptr<Pool> const pool_;
    OpenFiles& open_files_;
    std::shared_ptr<ReadCounters> const counters_;
};

} // namespace patron
