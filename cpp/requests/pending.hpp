// Requests that alerts answer, in the order in which they were made: libtorrent answers requests of
// one kind in order.
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
    // Metainfo, resume data and progress are answered by the same alert.
    struct Key {
        AnsweredBy by;
        std::uint64_t torrent;
        // The index of the file or piece.
        std::int64_t index;
        bool operator<(Key const& other) const {
            return std::tie(torrent, by, index) < std::tie(other.torrent, other.by, other.index);
        }
    };
    void add(std::uint64_t torrent, std::int64_t index, PendingRequest request);
    // Removes and returns the oldest request; request 0 if there is none.
    PendingRequest pop(Key key);
    // Forgets a request that failed before any alert. Returns its torrent if the request changed
    // file priorities, otherwise 0.
    std::uint64_t forget(std::uint64_t request);
    void forget_torrent(std::uint64_t torrent);
    // Removes those whose alert may have been lost. Moves of files are answered without one.
    std::vector<PendingRequest> take_lost();

  private:
    std::map<Key, std::deque<PendingRequest>> entries_;
    std::unordered_map<std::uint64_t, Key> keys_;
};

} // namespace patron
