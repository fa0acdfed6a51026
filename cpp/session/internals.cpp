#include "torrent-patron/cpp/session/internals.hpp"

#include <libtorrent/aux_/session_impl.hpp>

// Since 2.1 their headers are internal.
#if __has_include(<libtorrent/aux_/tracker_manager.hpp>)
#include <libtorrent/aux_/http_tracker_connection.hpp>
#include <libtorrent/aux_/peer_connection.hpp>
#include <libtorrent/aux_/tracker_manager.hpp>
#include <libtorrent/aux_/web_connection_base.hpp>
namespace native = lt::aux;
#else
#include <libtorrent/http_tracker_connection.hpp>
#include <libtorrent/peer_connection.hpp>
#include <libtorrent/tracker_manager.hpp>
#include <libtorrent/web_connection_base.hpp>
namespace native = lt;
#endif

namespace patron::internals {
namespace {

// An explicit instantiation may name a private member, and a friend function can then return it.
template <typename Tag, typename Tag::type Member>
struct Open {
    friend typename Tag::type member(Tag) { return Member; }
};

struct Connections {
    using type = std::set<std::shared_ptr<native::peer_connection>> lt::aux::session_impl::*;
    friend type member(Connections);
};
template struct Open<Connections, &lt::aux::session_impl::m_connections>;

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

struct Queued {
    using type = std::deque<TrackerConnection> native::tracker_manager::*;
    friend type member(Queued);
};
template struct Open<Queued, &native::tracker_manager::m_queued>;

} // namespace

lt::counters const& counters(lt::session_handle const& session) {
    return static_cast<lt::aux::session_interface&>(*session.native_handle()).stats_counters();
}

std::string url(lt::peer_connection_handle const& connection) {
    auto const peer = connection.native_handle();
    return peer ? static_cast<native::web_connection_base const&>(*peer).url() : std::string();
}

void each_connection(lt::session_handle const& session, Visit const& visit) {
    auto const impl = session.native_handle();
    if (!impl)
        return;
    // A visit may end a connection, which removes it from the set.
    auto const all = (*impl).*member(Connections());
    for (auto const& connection : all)
        visit(lt::peer_connection_handle(connection), connection->connected_time());
}

void each_http_announce(lt::session_handle const& session, VisitAnnounce const& visit) {
    auto const impl = session.native_handle();
    if (!impl)
        return;
    auto& trackers = (*impl).*member(Trackers());
    auto const each = [&visit](auto const& connections) {
        for (auto const& connection : connections) {
            auto const& request = connection->tracker_req();
            using Filter = std::shared_ptr<lt::ip_filter const>;
            visit(request.url, const_cast<Filter&>(request.filter));
        }
    };
    each(trackers.*member(Announces()));
    each(trackers.*member(Queued()));
}

} // namespace patron::internals
