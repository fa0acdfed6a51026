#include "torrent-patron/cpp/session/guard.hpp"
#include "torrent-patron/cpp/process.hpp"
#include "torrent-patron/cpp/session/hash_messages.hpp"
#include "torrent-patron/cpp/session/hash_trees.hpp"
#include "torrent-patron/cpp/session/http_responses.hpp"
#include "torrent-patron/cpp/session/internals.hpp"

#include <libtorrent/error_code.hpp>
#include <libtorrent/operations.hpp>

#include <boost/asio/post.hpp>

#include <algorithm>
#include <chrono>
#include <utility>
#include <vector>

namespace patron {
namespace {

// libtorrent's own clock is set with that of the machine. Peers must not be slowed for that.
using clock = std::chrono::steady_clock;

// The number of unrequested blocks from one address before it is refused. A few are normal, because
// a cancelled request may still be answered.
constexpr int max_unrequested = 64;
// If a connection has fewer answers than this per unrequested block, its address is refused at
// once.
constexpr int answers_per_unrequested = 4;
// The number of addresses that are remembered.
constexpr std::size_t max_addresses = 4096;
// How many bytes may wait to be sent to a peer, beyond what libtorrent reads ahead for it.
constexpr int unsent_margin = 1024 * 1024;
// The allowance for messages from a peer, in bytes without the payload of blocks: per second, one
// byte for this many bytes of payload that it has sent or received, for each piece of the torrent
// (availability, hashes of BEP 52), and once per connection.
constexpr int messages_per_second = 16 * 1024;
constexpr int payload_per_message = 64;
constexpr int messages_per_piece = 64;
constexpr int messages_margin = 1024 * 1024;
// How many bytes per second are read from all peers together that exceed their allowance.
constexpr int flood_rate = 128 * 1024;
// The number of slowed connections from an address after which all of its incoming connections are
// slowed from the start.
constexpr int max_floods = 16;
// The maximum number of changes of a peer's interest per second. Each may be answered.
constexpr int max_interest_changes = 1000;
// The maximum number of invalid requests from a peer per second. libtorrent makes an alert of each.
constexpr int max_invalid_requests = 100;
// The maximum number of connections from one address before their handshake. New ones do not count.
constexpr int max_silent = 8;
constexpr auto min_silence = std::chrono::seconds(1);

class PeerGuard : public lt::peer_plugin {
  public:
    PeerGuard(std::shared_ptr<Guard> guard, lt::peer_connection_handle peer,
              lt::torrent_handle torrent)
        : guard_(std::move(guard)), peer_(std::move(peer)), torrent_(std::move(torrent)),
          needs_metadata_(internals::pieces(torrent_) == 0) {}

    // A request is answered by the block or by a reject message. Requests beyond the queue are
    // rejected, or dropped if the peer does not support reject messages.
    bool on_request(lt::peer_request const&) override {
        if (disconnecting_ || sends_invalid_requests())
            return disconnect(lt::errors::invalid_request);
        int const limit = guard_->max_requests();
        if (open_requests_ <= limit)
            ++open_requests_;
        else
            ++excess_requests_;
        auto const connection = peer_.native_handle();
        if (excess_requests_ <= 2 * limit &&
            (!connection || connection->send_buffer_size() <= guard_->max_unsent()))
            return false;
        return disconnect(lt::errors::too_many_requests_when_choked);
    }
    // While it super-seeds, libtorrent passes on only some requests.
    void sent_reject_request(lt::peer_request const&) override {
        if (sends_invalid_requests())
            disconnect(lt::errors::invalid_request);
    }
    void sent_piece(lt::peer_request const&) override {
        open_requests_ = std::max(open_requests_ - 1, 0);
        excess_requests_ = std::max(excess_requests_ - 1, 0);
    }
    bool on_cancel(lt::peer_request const&) override {
        open_requests_ = std::max(open_requests_ - 1, 0);
        return false;
    }
    void sent_choke() override { open_requests_ = 0; }

    // Once per second. The messages themselves are not counted: libtorrent passes on no
    // keep-alives.
    void tick() override {
        interest_changes_ = 0;
        if (sends_invalid_requests())
            disconnect(lt::errors::invalid_request);
        else if (auto* const invalid = internals::invalid_requests(peer_))
            *invalid = 0;
        auto const connection = peer_.native_handle();
        if (!connection || is_slow_)
            return;
        auto const now = clock::now();
        auto const& transferred = connection->statistics();
        std::int64_t const messages = transferred.total_protocol_download();
        std::int64_t const payload =
            transferred.total_payload_download() + transferred.total_payload_upload();
        auto const passed =
            std::chrono::duration_cast<std::chrono::milliseconds>(now - counted_at_);
        std::int64_t const expected = passed.count() * messages_per_second / 1000 +
                                      (payload - payload_) / payload_per_message;
        excess_messages_ += std::max(messages - messages_ - expected, std::int64_t(0));
        std::int64_t const max = messages_margin +
                                 std::int64_t(internals::pieces(torrent_)) * messages_per_piece +
                                 (needs_metadata_ ? guard_->max_metadata() : 0);
        counted_at_ = now;
        messages_ = messages;
        payload_ = payload;
        if (excess_messages_ > max) {
            guard_->count_flood(peer_.remote());
            slow_down();
        }
    }
    bool on_interested() override { return changes_interest_too_often(); }
    bool on_not_interested() override { return changes_interest_too_often(); }

    void slow_down() {
        is_slow_ = true;
        guard_->slow_down(peer_);
    }

    bool on_handshake(lt::span<char const> reserved) override {
        sends_rejects_ = (reserved[7] & 0x04) != 0;
        internals::drop_v2(peer_, torrent_);
        return true;
    }
    void sent_request(lt::peer_request const& request) override {
        auto& times = requested_[key(request)];
        times = static_cast<std::uint8_t>(std::min(times + 1, 255));
    }
    bool on_reject(lt::peer_request const& request) override {
        if (sends_rejects_)
            take(request);
        return false;
    }
    bool on_piece(lt::peer_request const& block, lt::span<char const>) override {
        if (take(block)) {
            ++answered_;
            return false;
        }
        ++unrequested_;
        // A peer that has answered almost no requests is not a good peer with a stray block.
        bool const refused = guard_->count_unrequested(
            peer_.remote(), unrequested_ * answers_per_unrequested > answered_);
        return refused && disconnect(lt::errors::peer_banned);
    }

  private:
    using Block = std::pair<int, int>;

    bool changes_interest_too_often() {
        return ++interest_changes_ > max_interest_changes &&
               disconnect(lt::errors::too_many_requests_when_choked);
    }
    bool sends_invalid_requests() const {
        auto const* const invalid = internals::invalid_requests(peer_);
        return invalid != nullptr && *invalid >= max_invalid_requests;
    }
    // Messages that have been received are still processed until then.
    bool disconnect(lt::error_code const& error) {
        if (!std::exchange(disconnecting_, true))
            guard_->disconnect(peer_, error);
        return true;
    }

    static Block key(lt::peer_request const& request) {
        return {static_cast<int>(request.piece), request.start};
    }
    bool take(lt::peer_request const& block) {
        auto const found = requested_.find(key(block));
        if (found == requested_.end())
            return false;
        if (--found->second == 0)
            requested_.erase(found);
        return true;
    }

    std::shared_ptr<Guard> const guard_;
    lt::peer_connection_handle peer_;
    lt::torrent_handle const torrent_;
    bool const needs_metadata_;
    bool is_slow_ = false;
    bool disconnecting_ = false;
    // The time and the totals when messages were last counted.
    clock::time_point counted_at_ = clock::now();
    std::int64_t messages_ = 0;
    std::int64_t payload_ = 0;
    std::int64_t excess_messages_ = 0;
    int interest_changes_ = 0;
    int open_requests_ = 0;
    int excess_requests_ = 0;
    std::int64_t answered_ = 0;
    std::int64_t unrequested_ = 0;
    // Whether the peer sends reject messages (BEP 6). If it does not, libtorrent itself rejects a
    // request that it cancels, and all requests when it is choked; the block may still arrive.
    bool sends_rejects_ = false;
    // By piece and offset: how often a block was requested and not answered. If libtorrent cancels
    // a request and makes it again, it may be answered twice.
    std::map<Block, std::uint8_t> requested_;
};

class TorrentGuard : public lt::torrent_plugin {
  public:
    TorrentGuard(std::shared_ptr<Guard> guard, lt::torrent_handle torrent)
        : guard_(std::move(guard)), torrent_(std::move(torrent)) {}

    std::shared_ptr<lt::peer_plugin>
    new_connection(lt::peer_connection_handle const& peer) override {
        if (peer.type() != lt::connection_type::bittorrent) {
            guard_responses(peer);
            return nullptr;
        }
        if (guard_->is_refused(peer.remote()))
            guard_->disconnect(peer, lt::errors::peer_banned);
        guard_hash_messages(peer);
        auto guard = std::make_shared<PeerGuard>(guard_, peer, torrent_);
        if (!peer.is_outgoing() && guard_->floods(peer.remote()))
            guard->slow_down();
        return guard;
    }

    void on_piece_failed(lt::piece_index_t piece) override {
        internals::expect_rejects(torrent_, piece);
    }

  private:
    std::shared_ptr<Guard> const guard_;
    lt::torrent_handle const torrent_;
};

} // namespace

int Guard::max_requests() const {
    return settings_->get_int(lt::settings_pack::max_allowed_in_request_queue);
}

int Guard::max_metadata() const {
    return settings_->get_int(lt::settings_pack::max_metadata_size);
}

int Guard::max_unsent() const {
    return settings_->get_int(lt::settings_pack::send_buffer_watermark) + unsent_margin;
}

void Guard::disconnect(lt::peer_connection_handle peer, lt::error_code error) {
    boost::asio::post(*network_, [peer = std::move(peer), error]() mutable {
        peer.disconnect(error, lt::operation_t::bittorrent,
                        lt::peer_connection_interface::peer_error);
    });
}

void Guard::slow_down(lt::peer_connection_handle const& peer) {
    if (slow_)
        internals::add_to_class(session_, peer, *slow_);
}

lt::tcp::endpoint Guard::peer(lt::tcp::endpoint const& from) const {
    bool const several = settings_->get_bool(lt::settings_pack::allow_multiple_connections_per_ip);
    return {from.address(), several ? from.port() : std::uint16_t(0)};
}

int& Guard::Counts::operator[](lt::tcp::endpoint const& peer) {
    if (counts_.size() >= max_addresses && counts_.count(peer) == 0)
        counts_.clear();
    return counts_[peer];
}

int Guard::Counts::of(lt::tcp::endpoint const& peer) const {
    auto const found = counts_.find(peer);
    return found == counts_.end() ? 0 : found->second;
}

void Guard::count_flood(lt::tcp::endpoint const& from) {
    ++floods_[{from.address(), 0}];
}

bool Guard::floods(lt::tcp::endpoint const& from) const {
    return floods_.of({from.address(), 0}) >= max_floods;
}

bool Guard::count_unrequested(lt::tcp::endpoint const& from, bool refuse) {
    int& count = unrequested_[peer(from)];
    count = refuse ? max_unrequested + 1 : count + 1;
    return count > max_unrequested;
}

bool Guard::is_refused(lt::tcp::endpoint const& from) const {
    return unrequested_.of(peer(from)) > max_unrequested;
}

lt::feature_flags_t Guard::implemented_features() {
    return tick_feature;
}

std::shared_ptr<lt::torrent_plugin> Guard::of_torrent(lt::torrent_handle const& torrent) {
    return std::make_shared<TorrentGuard>(shared_from_this(), torrent);
}

void Guard::added(lt::session_handle const& session) {
    session_ = session;
    internals::post(session, [guard = weak_from_this()] {
        if (auto const self = guard.lock())
            self->set_classes();
    });
}

void Guard::set_classes() {
    // Before the program creates any, because a filter of peer classes knows only the first 32.
    slow_ = session_.create_peer_class("slow");
    lt::peer_class_info slow = session_.get_peer_class(*slow_);
    slow.download_limit = flood_rate;
    session_.set_peer_class(*slow_, slow);
    // libtorrent divides limits by this factor. With its default of 150, peers of local networks
    // have fewer connections than others.
    auto const id = lt::session_handle::local_peer_class_id;
    lt::peer_class_info local = session_.get_peer_class(id);
    local.connection_limit_factor = 100;
    session_.set_peer_class(id, local);
}

void Guard::on_tick() {
    drop_silent();
    name_disk_threads();
}

// Disconnects the oldest silent connections, so that each address keeps its share, and all together
// keep at most a quarter of connections_limit.
void Guard::drop_silent() {
    auto const now = lt::clock_type::now();
    std::vector<std::pair<lt::time_point, lt::peer_connection_handle>> silent;
    internals::each_connection(session_,
                               [&](lt::peer_connection_handle const& peer, lt::time_point since) {
                                   if (!peer.is_outgoing() && !peer.is_disconnecting() &&
                                       peer.in_handshake() && now - since > min_silence)
                                       silent.emplace_back(since, peer);
                               });
    std::sort(silent.begin(), silent.end(),
              [](auto const& a, auto const& b) { return a.first > b.first; });
    std::size_t const max = static_cast<std::size_t>(
        std::max(settings_->get_int(lt::settings_pack::connections_limit) / 4, max_silent));
    std::map<lt::address, int> from;
    std::size_t kept = 0;
    for (auto& [since, peer] : silent) {
        if (kept < max && ++from[peer.remote().address()] <= max_silent)
            ++kept;
        else
            peer.disconnect(lt::errors::timed_out_no_handshake, lt::operation_t::bittorrent);
    }
}

} // namespace patron
