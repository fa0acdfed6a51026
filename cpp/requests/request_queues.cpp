#include "torrent-patron/cpp/requests/request_queues.hpp"
#include "torrent-patron/cpp/session/internals.hpp"
#include "torrent-patron/src/sys/bridge.rs.h"

#include <libtorrent/disk_interface.hpp>

#include <algorithm>

namespace patron {
namespace {

// A queue lasts for so long at the peer's rate, and has so many blocks at least: a peer that is
// asked for less does not show how fast it is.
struct Depth {
    std::int64_t milliseconds;
    std::int64_t fewest;
};
constexpr Depth shallow{125, 16};
constexpr Depth shallowest{60, 8};

} // namespace

void RequestQueues::limit(lt::torrent_handle const& torrent, Requests requests) {
    Depth const depth = requests == Requests::Shallowest ? shallowest : shallow;
    for (auto known = most_.begin(); known != most_.end();)
        known = known->first.expired() ? most_.erase(known) : std::next(known);
    internals::each_request_queue(torrent, [this, depth](internals::RequestQueue const& queue) {
        std::uint16_t const before = most_.emplace(queue.peer, queue.most).first->second;
        std::int64_t const wanted =
            queue.download_rate * depth.milliseconds / 1000 / lt::default_block_size;
        queue.most = std::min(before, static_cast<std::uint16_t>(std::clamp<std::int64_t>(
                                          wanted, depth.fewest, UINT16_MAX)));
        queue.wanted = std::min(queue.wanted, queue.most);
    });
}

void RequestQueues::restore(lt::torrent_handle const& torrent) {
    internals::each_request_queue(torrent, [this](internals::RequestQueue const& queue) {
        auto const known = most_.find(queue.peer);
        if (known == most_.end())
            return;
        queue.most = known->second;
        most_.erase(known);
    });
}

} // namespace patron
