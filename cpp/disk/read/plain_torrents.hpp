// Which torrents may be sent from mappings.
#pragma once

#include <libtorrent/sha1_hash.hpp>

#include <mutex>
#include <set>

namespace patron {

// The torrents that do not use TLS. The thread that adds them knows; a backend is not told, and
// must not give OpenSSL a pointer into a mapping: a truncated file would end the process. Any
// thread.
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

} // namespace patron
