// Blocks that worker threads read.
#pragma once

#include "torrent-patron/cpp/disk/read/file.hpp"
#include "torrent-patron/cpp/disk/read/file_slices.hpp"
#include "torrent-patron/cpp/disk/torrents.hpp"

#include <libtorrent/disk_interface.hpp>
#include <libtorrent/io_context.hpp>
#include <libtorrent/peer_request.hpp>

#include <array>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

namespace patron {

// A block to read. It is created and destroyed on the network thread, because its handler owns a
// peer.
struct ReadJob {
    ReadJob(lt::io_context& network, std::shared_ptr<TorrentFiles> of,
            lt::peer_request const& block, ReadHandler then, lt::disk_job_flags_t how,
            FileSlices const& where);

    // Called on a worker thread.
    void read(bool stopped);

    WorkGuard work;
    std::shared_ptr<TorrentFiles> torrent;
    std::uint64_t generation;
    std::uint64_t exclusive_jobs_begun;
    lt::peer_request request;
    ReadHandler handler;
    lt::disk_job_flags_t flags;
    FileSlices slices;
    // Keep the files of the slices alive.
    std::array<std::shared_ptr<File>, FileSlices::max> files;
    // The length from the beginning of the block to the end of its piece, because a peer requests
    // the whole piece.
    int ahead;

    // The result. Any state but `open` means that the file could not be opened.
    std::unique_ptr<char[]> buffer;
    lt::storage_error error;
    File::State state = File::State::open;
};

// Finished jobs on their way back to the network thread.
class FinishedReads : public std::enable_shared_from_this<FinishedReads> {
  public:
    // `complete` is called on the network thread.
    FinishedReads(lt::io_context& network, std::function<void(ReadJob&)> complete)
        : network_(network), complete_(std::move(complete)) {}

    // Called on a worker thread.
    void push(std::shared_ptr<ReadJob> job);
    // Called on the network thread. Afterwards, `complete` is not called any more.
    void close() { complete_ = nullptr; }

  private:
    lt::io_context& network_;
    std::function<void(ReadJob&)> complete_;
    std::mutex mutex_;
    std::vector<std::shared_ptr<ReadJob>> jobs_;
};

} // namespace patron
