// How blocks are read for peers: libtorrent's own disk backend with the reading taken out of it.
//
//   backend.*    libtorrent's backend, and what is being done to a torrent's files
//   read_path.*  who reads a block: what is in memory is answered at once, on the network thread
//   file.*       a file that is open, its mapping, and what of it is in memory
//   pool.*       the threads that wait for disks
//   buffers.hpp  memory for blocks that are copied
//   counters.hpp what all of that did
//
// Linux only, but for the backend: elsewhere no system call tells what is in memory.
#pragma once

#include "torrent-patron/cpp/disk/counters.hpp"

#include <libtorrent/session_params.hpp>
#include <libtorrent/sha1_hash.hpp>

#include <memory>
#include <mutex>
#include <set>

namespace patron {

// The torrents that are not for TLS. The thread that adds them knows; a backend is not told, and
// must not hand out a pointer to what OpenSSL would read: a file cut short would end the process.
class PlainTorrents {
  public:
    void add(lt::sha1_hash const& torrent) {
        std::lock_guard<std::mutex> const lock(mutex_);
        torrents_.insert(torrent);
    }
    bool take(lt::sha1_hash const& torrent) {
        std::lock_guard<std::mutex> const lock(mutex_);
        return torrents_.erase(torrent) > 0;
    }

  private:
    std::mutex mutex_;
    std::set<lt::sha1_hash> torrents_;
};

// With `map`, blocks of plain torrents are sent from where they lie in the page cache.
lt::disk_io_constructor_type read_path(bool map, std::shared_ptr<PlainTorrents> plain,
                                       std::shared_ptr<ReadCounters> counters);

} // namespace patron
