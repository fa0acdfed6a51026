// Shallow request queues, while somebody waits for data: what was asked for before stands in the
// way of what is asked for next.
#pragma once

#include <libtorrent/torrent_handle.hpp>

#include <cstdint>
#include <map>
#include <memory>

namespace patron {

enum class Requests : std::uint8_t;

// Those of the peers of a session. Network thread only.
class RequestQueues {
  public:
    // Of a torrent. To be repeated: peers come, and rates change.
    void limit(lt::torrent_handle const& torrent, Requests requests);
    // As they were.
    void restore(lt::torrent_handle const& torrent);

  private:
    // What each peer's was before.
    std::map<std::weak_ptr<void>, std::uint16_t, std::owner_less<>> most_;
};

} // namespace patron
