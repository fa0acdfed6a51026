// Keeps request queues short while a program waits for data, because earlier requests delay the
// next one.
//
// Each peer has just enough open requests to stay busy. If blocks take hardly longer than the
// fastest block from that peer, it could get more requests; if they take longer, they have waited
// behind others. All peers send blocks of the next piece. libtorrent would request whole pieces
// from fast peers, so that the next piece would take as many times as long as there are peers.
#pragma once

#include <libtorrent/torrent_handle.hpp>

#include <cstdint>
#include <map>
#include <memory>

namespace patron {

class TorrentQueues;

// The request queues of a session's torrents. Network thread only.
class RequestQueues {
  public:
    // Keeps the queues of a torrent short, including those of later peers, or restores them.
    void limit(lt::torrent_handle const& torrent, bool limited);

  private:
    // By the id of the torrent, which owns the queues.
    std::map<std::uint64_t, std::weak_ptr<TorrentQueues>> torrents_;
};

} // namespace patron
