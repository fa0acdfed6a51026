// Shallow request queues, while somebody waits for data: what was requested before stands in the
// way of what is requested next.
//
// Each peer has so many requests under way as keep it busy. Blocks that take hardly longer than the
// fastest one from that peer show that it could be asked for more; blocks that take longer have
// waited behind others. All peers send blocks of the piece that is needed next; libtorrent would
// ask a fast one for a whole piece, which takes as many times as long as there are peers.
#pragma once

#include <libtorrent/torrent_handle.hpp>

#include <cstdint>
#include <map>
#include <memory>

namespace patron {

class TorrentQueues;

// Those of the torrents of a session. Network thread only.
class RequestQueues {
  public:
    // Shallow queues for a torrent, those of peers that come later too; or as they were.
    void limit(lt::torrent_handle const& torrent, bool limited);

  private:
    // By the id of the torrent, which owns them.
    std::map<std::uint64_t, std::weak_ptr<TorrentQueues>> torrents_;
};

} // namespace patron
