// Requests that an alert answers, in the order in which they were made: libtorrent answers those of
// one kind in their order.
#pragma once

#include "torrent-patron/src/sys/bridge.rs.h"

#include <cstdint>
#include <deque>
#include <map>
#include <tuple>
#include <unordered_map>
#include <vector>

namespace patron {

struct PendingRequest {
    std::uint64_t request = 0;
    AnsweredBy by{};
    ClientDataRecord client_data{};
};

class PendingAlerts {
  public:
    // Metainfo, resume data and progress come by the same alert.
    struct Key {
        AnsweredBy by;
        std::uint64_t torrent;
        // The file or the piece.
        std::int64_t index;
        bool operator<(Key const& other) const {
            return std::tie(torrent, by, index) < std::tie(other.torrent, other.by, other.index);
        }
    };
    void add(std::uint64_t torrent, std::int64_t index, PendingRequest request);
    // The oldest; request 0 where nobody asked.
    PendingRequest pop(Key key);
    // One that failed before any alert; the torrent whose files it chose among, or 0.
    std::uint64_t forget(std::uint64_t request);
    void forget_torrent(std::uint64_t torrent);
    std::vector<PendingRequest> take_all();

  private:
    std::map<Key, std::deque<PendingRequest>> entries_;
    std::unordered_map<std::uint64_t, Key> keys_;
};

} // namespace patron
