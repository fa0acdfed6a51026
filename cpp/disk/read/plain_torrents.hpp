// Which torrents may be sent from mappings.
#pragma once

#include <libtorrent/sha1_hash.hpp>

#include <mutex>
#include <set>

namespace patron {

// The torrents that do not use TLS. OpenSSL must not get a pointer into a mapping, because a
// truncated file would end the process. A backend cannot know which torrents use TLS, but the
// thread that adds them does. Any thread.
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
