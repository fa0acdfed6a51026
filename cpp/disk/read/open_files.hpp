// The files that the read path has open.
#pragma once

#include "torrent-patron/cpp/disk/counters.hpp"
#include "torrent-patron/cpp/disk/read/file.hpp"
#include "torrent-patron/cpp/disk/read/pool.hpp"
#include "torrent-patron/cpp/disk/torrents.hpp"
#include "torrent-patron/cpp/disk/written.hpp"

#include <libtorrent/io_context.hpp>
#include <libtorrent/sha1_hash.hpp>

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

// Those of all torrents, up to a limit; beyond it, the least recently used is closed. A file that
// is in use is looked at now and then, open or not. Network thread only.
class OpenFiles {
  public:
    class Torrent;

    OpenFiles(lt::io_context& network, std::shared_ptr<Pool> pool, std::shared_ptr<Written> written,
              std::shared_ptr<ReadCounters> counters)
        : network_(network), pool_(std::move(pool)), written_(std::move(written)),
          counters_(std::move(counters)), timer_(network) {}

    void set_limit(std::size_t files);
    // The file, open or to be opened by a worker. Null for a while after an exhaustion.
    File* use(TorrentFiles const& torrent, Torrent& files, lt::file_index_t index,
              clock::time_point now);
    // Remembers how the files that are wanted are now, so that a change is seen which comes before
    // they are first used. A worker looks at them, a few at a time.
    void remember(std::shared_ptr<TorrentFiles> const& torrent, Torrent& files, int first = 0);
    // Looks on a worker whether these are still there; gives the first that is not.
    void look_for(std::vector<Probe> probes, std::function<void(lt::storage_error const&)> then);
    // Closes the file, if it is still the one that is in use. The next use opens it again.
    void close(Torrent& files, lt::file_index_t index, File const& file);
    // Closes all and forgets what they were.
    void release(Torrent& files);
    // A file could not be opened, because descriptors or memory are short.
    void exhausted();
    // Nothing is checked any more.
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
        clock::time_point next_look;
        clock::time_point last_use;
        // It has changed, and that was told.
        bool is_lost;
        // While a worker checks it, which a disk may hold up for long.
        std::weak_ptr<void> checking{};
    };
    using Slots = std::unordered_map<int, Slot>;

    void look(Slot& slot, clock::time_point now);
    void check(Slot& slot, clock::time_point now);
    void check_later();
    void check_all();
    void tell_lost();
    void make_room(std::size_t files);
    void close(Torrent& files, Slots::iterator slot);

    lt::io_context& network_;
    std::shared_ptr<Pool> const pool_;
    std::shared_ptr<Written> const written_;
    std::shared_ptr<ReadCounters> const counters_;
    // Runs while files are in use.
    boost::asio::steady_timer timer_;
    bool is_timed_ = false;
    // The most recently used first.
    Uses uses_;
    std::size_t limit_ = 1;
    clock::time_point exhausted_until_{};
    // Gone with this.
    std::shared_ptr<bool const> const alive_ = std::make_shared<bool const>(true);
};

// Those of one torrent.
class OpenFiles::Torrent {
  public:
    Torrent(lt::sha1_hash const& hash, bool mapped) : hash_(hash), mapped_(mapped) {}
    // Of its files.
    std::shared_ptr<Doubts> const& doubts();

  private:
    friend class OpenFiles;

    void set_stamp(int index, Stamp stamp);

    lt::sha1_hash const hash_;
    bool const mapped_;
    Slots slots_;
    // Made when they are first needed: most torrents of many are idle.
    std::shared_ptr<Doubts> doubts_;
    // By file, as far as they are known.
    std::vector<Stamp> stamps_;
    // Changes when they are forgotten.
    std::uint64_t generation_ = 0;
};

} // namespace patron
