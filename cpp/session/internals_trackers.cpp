// Requests to trackers, of which libtorrent has no public list.
#include "torrent-patron/cpp/convert.hpp"
#include "torrent-patron/cpp/session/internals.hpp"
#include "torrent-patron/cpp/session/private_member.hpp"

#include <libtorrent/announce_entry.hpp>
#include <libtorrent/aux_/session_impl.hpp>

#include <algorithm>
#include <memory>
#include <new>
#include <utility>

namespace patron::internals {

struct Trackers {
    using type = native::tracker_manager lt::aux::session_impl::*;
    friend type member(Trackers);
};
template struct Open<Trackers, &lt::aux::session_impl::m_tracker_manager>;

using TrackerConnection = std::shared_ptr<native::http_tracker_connection>;
struct Announces {
    using type = std::vector<TrackerConnection> native::tracker_manager::*;
    friend type member(Announces);
};
template struct Open<Announces, &native::tracker_manager::m_http_conns>;

struct QueuedAnnounces {
    using type = std::deque<TrackerConnection> native::tracker_manager::*;
    friend type member(QueuedAnnounces);
};
template struct Open<QueuedAnnounces, &native::tracker_manager::m_queued>;

struct Send {
    using type = native::tracker_manager::send_fun_t native::tracker_manager::*;
    friend type member(Send);
};
template struct Open<Send, &native::tracker_manager::m_send_fun>;

struct UdpRequests {
    using type = std::unordered_map<std::uint32_t, std::shared_ptr<native::udp_tracker_connection>>
        native::tracker_manager::*;
    friend type member(UdpRequests);
};
template struct Open<UdpRequests, &native::tracker_manager::m_udp_conns>;

struct Requester {
    using type = std::weak_ptr<native::request_callback> native::tracker_connection::*;
    friend type member(Requester);
};
template struct Open<Requester, &native::tracker_connection::m_requester>;

namespace {

// Only torrents make requests to trackers. Returns 0 if the torrent no longer exists.
std::uint64_t torrent_of(native::tracker_connection const& request) {
    auto const asks = (request.*member(Requester())).lock();
    return asks ? torrent_id(static_cast<native::torrent const&>(*asks).get_userdata()) : 0;
}

} // namespace

void filter_http_requests(lt::session_handle const& session, ChooseFilter const& choose) {
    auto const impl = session.native_handle();
    if (!impl)
        return;
    auto& trackers = (*impl).*member(Trackers());
    auto const each = [&choose](TrackerConnection const& connection) {
        auto const& request = connection->tracker_req();
        Filter filter = choose(torrent_of(*connection), request.url, request.filter);
        if (filter == request.filter)
            return;
        // The member is const: it must not be written to, but another object may take its place
        // (P1971R0, RU007; a defect report against C++17).
        std::destroy_at(&request.filter);
        ::new (const_cast<Filter*>(&request.filter)) Filter(std::move(filter));
    };
    for (TrackerConnection const& connection : trackers.*member(Announces()))
        each(connection);
    if (auto const& queued = trackers.*member(QueuedAnnounces()); !queued.empty()) {
        each(queued.front());
        each(queued.back());
    }
}

void filter_udp_requests(lt::session_handle const& session, AllowPacket allows) {
    auto const impl = session.native_handle();
    if (!impl)
        return;
    auto& trackers = (*impl).*member(Trackers());
    auto& send = trackers.*member(Send());
    // BEP 15: the connection id, the action and the transaction, in network byte order.
    send = [inner = send, &trackers, allows = std::move(allows)](
               auto const& socket, lt::udp::endpoint const& to, lt::span<char const> packet,
               lt::error_code& failure, auto flags) {
        std::uint32_t transaction = 0;
        for (int i = 12; i < 16 && i < packet.size(); ++i)
            transaction = (transaction << 8) | static_cast<unsigned char>(packet[i]);
        auto const& requests = trackers.*member(UdpRequests());
        if (auto const found = requests.find(transaction);
            found != requests.end() &&
            !allows(torrent_of(*found->second), found->second->tracker_req().url, to.address()))
            failure = lt::errors::ssrf_mitigation;
        else
            inner(socket, to, packet, failure, flags);
    };
}

void stop_by_udp(std::vector<lt::torrent_handle> const& torrents) {
    auto const is_known = [](lt::announce_entry const& tracker) {
        auto const began = [](lt::announce_endpoint const& from) {
            return from.info_hashes[lt::protocol_version::V1].start_sent ||
                   from.info_hashes[lt::protocol_version::V2].start_sent;
        };
        return tracker.url.rfind("udp:", 0) == 0 &&
               std::any_of(tracker.endpoints.begin(), tracker.endpoints.end(), began);
    };
    for (lt::torrent_handle const& torrent : torrents) {
        auto const impl = torrent.native_handle();
        if (!impl || impl->is_torrent_paused())
            continue;
        auto const trackers = torrent.trackers();
        if (std::any_of(trackers.begin(), trackers.end(), is_known))
            torrent.pause();
    }
}

bool is_stopping_by_udp(lt::session_handle const& session) {
    auto const impl = session.native_handle();
    if (!impl)
        return false;
    auto const& requests = ((*impl).*member(Trackers())).*member(UdpRequests());
    return std::any_of(requests.begin(), requests.end(), [](auto const& request) {
        return request.second->tracker_req().event == lt::event_t::stopped;
    });
}

} // namespace patron::internals
