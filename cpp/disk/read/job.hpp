// Blocks that workers read.
#pragma once

#include "torrent-patron/cpp/disk/read/file.hpp"
#include "torrent-patron/cpp/disk/read/parts.hpp"
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

// A block. Made and destroyed on the network thread: its handler owns a peer.
struct Job {
    Job(lt::io_context& network, std::shared_ptr<TorrentFiles> of, lt::peer_request const& block,
        ReadHandler then, lt::disk_job_flags_t how, Parts const& where);

    // On a worker.
    void read(bool stopped);

    WorkGuard work;
    std::shared_ptr<TorrentFiles> torrent;
    std::uint64_t generation;
    lt::peer_request request;
    ReadHandler handler;
    lt::disk_job_flags_t flags;
    Parts parts;
    // Keep the files of the parts.
    std::array<std::shared_ptr<File>, Parts::max> files;
    // From the block's beginning to the end of its piece: a peer requests all of it.
    int ahead;

    // What came of it. Any state but `open` says that the file could not be opened.
    std::unique_ptr<char[]> buffer;
    lt::storage_error error;
    File::State state = File::State::open;
};

// Jobs on their way back to the network thread.
class FinishedJobs : public std::enable_shared_from_this<FinishedJobs> {
  public:
    // `complete` is called on the network thread.
    FinishedJobs(lt::io_context& network, std::function<void(Job&)> complete)
        : network_(network), complete_(std::move(complete)) {}

    // On a worker.
    void push(std::shared_ptr<Job> job);
    // On the network thread: `complete` is not called any more.
    void close() { complete_ = nullptr; }

  private:
    lt::io_context& network_;
    std::function<void(Job&)> complete_;
    std::mutex mutex_;
    std::vector<std::shared_ptr<Job>> jobs_;
};

} // namespace patron
