#include "torrent-patron/cpp/requests/request_queues.hpp"
#include "torrent-patron/cpp/convert.hpp"
#include "torrent-patron/cpp/session/internals.hpp"

#include <libtorrent/extensions.hpp>
#include <libtorrent/peer_connection_handle.hpp>
#include <libtorrent/peer_request.hpp>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <iterator>
#include <utility>
#include <vector>

namespace patron {
namespace {

// libtorrent's own clock is set with that of the machine.
using clock = std::chrono::steady_clock;

// Depths in blocks. libtorrent always has at least the smallest.
constexpr double initial_depth = 4;
constexpr double min_depth = 2;
// How much longer than the fastest block a block may take.
constexpr std::chrono::duration<double> slack = std::chrono::milliseconds(50);
// The most that a late block reduces the depth. A peer with a rate limit sends in bursts: most of
// its blocks arrive at once, and those that wait for the next burst show how deep the queue is.
constexpr double min_change = -1;

} // namespace

// The request queue of one peer.
class PeerQueue : public lt::peer_plugin {
  public:
    explicit PeerQueue(lt::peer_connection_handle peer) : peer_(std::move(peer)) {}

    void limit(bool shares_pieces) {
        if (!limited_)
            depth_ = initial_depth;
        limited_ = true;
        internals::prefer_whole_pieces(peer_, !shares_pieces);
        apply();
    }
    void restore() {
        if (auto const queue = internals::request_queue(peer_); queue && queue->max == applied_)
            queue->max = before_;
        internals::prefer_whole_pieces(peer_, true);
        limited_ = false;
        applied_ = 0;
        sent_.clear();
    }

    void sent_request(lt::peer_request const& request) override {
        if (limited_)
            sent_[key(request)] = clock::now();
    }
    void sent_cancel(lt::peer_request const& request) override { sent_.erase(key(request)); }
    bool on_reject(lt::peer_request const& request) override {
        sent_.erase(key(request));
        return false;
    }
    bool on_choke() override {
        sent_.clear();
        return false;
    }
    bool on_piece(lt::peer_request const& block, lt::span<char const>) override {
        if (auto const found = sent_.find(key(block)); found != sent_.end()) {
            adapt(clock::now() - found->second);
            sent_.erase(found);
        }
        if (limited_)
            apply();
        return false;
    }

  private:
    using Block = std::pair<int, int>;

    static Block key(lt::peer_request const& request) {
        return {static_cast<int>(request.piece), request.start};
    }
    void adapt(std::chrono::duration<double> took) {
        fastest_ = std::min(fastest_, took);
        double const change = std::max(1 - (took - fastest_) / slack, min_change);
        // A queue that was not full shows nothing about a deeper one.
        if (change < 0 || sent_.size() + 1 >= static_cast<std::size_t>(depth_))
            depth_ = std::clamp(depth_ + change, min_depth, double(UINT16_MAX));
    }
    void apply() {
        auto const queue = internals::request_queue(peer_);
        if (!queue)
            return;
        // The peer may itself announce how much it accepts.
        if (queue->max != applied_)
            before_ = queue->max;
        depth_ = std::min<double>(depth_, std::max<double>(before_, min_depth));
        applied_ = static_cast<std::uint16_t>(depth_);
        queue->max = applied_;
        queue->desired = std::min(queue->desired, applied_);
    }

    lt::peer_connection_handle peer_;
    bool limited_ = false;
    double depth_ = initial_depth;
    // The limit that libtorrent has from here, and the one that it had before.
    std::uint16_t applied_ = 0;
    std::uint16_t before_ = 0;
    std::chrono::duration<double> fastest_ = std::chrono::hours(1);
    // When each open block was requested.
    std::map<Block, clock::time_point> sent_;
};

class TorrentQueues : public lt::torrent_plugin {
  public:
    std::shared_ptr<lt::peer_plugin>
    new_connection(lt::peer_connection_handle const& peer) override {
        if (peer.type() != lt::connection_type::bittorrent)
            return nullptr;
        auto queue = std::make_shared<PeerQueue>(peer);
        if (limited_)
            queue->limit(shares_pieces_);
        queues_.erase(std::remove_if(queues_.begin(), queues_.end(),
                                     [](auto const& known) { return known.expired(); }),
                      queues_.end());
        queues_.push_back(queue);
        return queue;
    }

    void limit(bool limited, bool shares_pieces) {
        limited_ = limited;
        shares_pieces_ = shares_pieces;
        for (auto const& known : queues_) {
            auto const queue = known.lock();
            if (queue && limited)
                queue->limit(shares_pieces);
            else if (queue)
                queue->restore();
        }
    }

  private:
    bool limited_ = false;
    bool shares_pieces_ = false;
    std::vector<std::weak_ptr<PeerQueue>> queues_;
};

void RequestQueues::limit(lt::torrent_handle const& torrent, bool limited) {
    for (auto known = torrents_.begin(); known != torrents_.end();)
        known = known->second.expired() ? torrents_.erase(known) : std::next(known);
    // With deadlines, libtorrent does not request whole pieces anyway.
    bool const shares_pieces = limited && !internals::has_deadlines(torrent);
    auto const id = torrent_id(torrent.userdata());
    if (auto const known = torrents_.find(id); known != torrents_.end())
        return known->second.lock()->limit(limited, shares_pieces);
    if (!limited)
        return;
    auto const queues = std::make_shared<TorrentQueues>();
    queues->limit(true, shares_pieces);
    torrents_[id] = queues;
    lt::torrent_handle(torrent).add_extension(
        [queues](lt::torrent_handle const&, lt::client_data_t) { return queues; }, {});
}

} // namespace patron
