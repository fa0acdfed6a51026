// The files that the read path has open.
#pragma once

#include "torrent-patron/cpp/disk/counters.hpp"
#include "torrent-patron/cpp/disk/pool.hpp"
#include "torrent-patron/cpp/disk/read/file.hpp"
#include "torrent-patron/cpp/disk/shared.hpp"
#include "torrent-patron/cpp/disk/torrents.hpp"

#include <libtorrent/io_context.hpp>

#include <boost/asio/steady_timer.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <unordered_map>
#include <vector>

namespace patron {

using clock = std::chrono::steady_clock;

// The open files of all torrents, up to a limit. Beyond the limit, the least recently used file is
// closed. Files in use are checked from time to time, whether open or not. Network thread only.
class OpenFiles {
  public:
    class Torrent;

    // `lost` is called for files that have changed while they were in use.
    OpenFiles(lt::io_context& network, std::shared_ptr<Pool> pool,
              std::function<void(LostFile)> lost, std::shared_ptr<ReadCounters> counters)
        : network_(network), pool_(std::move(pool)), lost_(std::move(lost)),
          counters_(std::move(counters)), timer_(network) {}

    void set_limit(std::size_t files);
    // Returns the file, which is open or which a worker will open. Returns null for a while after
    // descriptors or memory ran out.
    File* use(TorrentFiles const& torrent, Torrent& files, lt::file_index_t index,
              clock::time_point now);
    // Records the stamps of the wanted files, so that a change before their first use is noticed. A
    // worker examines a few files at a time.
    void record_stamps(std::shared_ptr<TorrentFiles> const& torrent, Torrent& files, int first = 0);
    // Checks on a worker whether the probes still exist. Passes the first loss to `then`.
    void check_probes(std::vector<Probe> probes,
                      std::function<void(lt::storage_error const&)> then);
    // Closes the file, if it is still in use. The next use opens it again.
    void close(Torrent& files, lt::file_index_t index, File const& file);
    // Closes all files of the torrent, and forgets their stamps.
    void release(Torrent& files);
    // Records that a file could not be opened because descriptors or memory are short.
    void exhausted();
    // Ends all checks.
    void stop();

  private:
    struct Use {
        Torrent* files;
        int index;
    };
    using Uses = std::list<Use>;
    struct Slot {
        std::shared_ptr<File> file;
        Uses::iterator use;
        std::size_t key;
        clock::time_point next_check;
        clock::time_point next_poll;
        clock::time_point last_use;
        // Whether the file has changed and that was reported.
        bool is_lost;
        // While a worker checks it, which a disk may hold up for long.
        std::weak_ptr<void> checking{};
    };
    using Slots = std::unordered_map<int, Slot>;

    void poll(Slot& slot, clock::time_point now);
    void check(Slot& slot, clock::time_point now);
    void check_later();
    void check_all();
    void report_lost();
    void make_room(std::size_t files);
    void close(Torrent& files, Slots::iterator slot);

    lt::io_context& network_;
    std::shared_ptr<Pool> const pool_;
    std::function<void(LostFile)> const lost_;
    std::shared_ptr<ReadCounters> const counters_;
    // Runs while files are in use.
    boost::asio::steady_timer timer_;
    bool is_timed_ = false;
    // The most recently used file is first.
    Uses uses_;
    std::size_t limit_ = 1;
    clock::time_point exhausted_until_{};
    // Expires with this object.
    std::shared_ptr<bool const> const alive_ = std::make_shared<bool const>(true);
};

// The open files of one torrent.
class OpenFiles::Torrent {
  public:
    Torrent(std::uint64_t id, bool mapped) : id_(id), mapped_(mapped) {}
    // Returns the counter of doubtful changes of its files.
    std::shared_ptr<Doubts> const& doubts();

  private:
    friend class OpenFiles;

    Slots& slots();
    Slot& slot(int index) { return slots_->at(index); }
    bool has_slot(int index) const { return slots_ && slots_->count(index) > 0; }
    void set_stamp(int index, Stamp stamp);

    std::uint64_t const id_;
    bool const mapped_;
    // These two are made when first needed, because most torrents are idle.
    std::unique_ptr<Slots> slots_;
    std::shared_ptr<Doubts> doubts_;
    // The known stamps, by file.
    std::vector<Stamp> stamps_;
    // Changes when the stamps are forgotten.
    std::uint64_t generation_ = 0;
};

} // namespace patron
