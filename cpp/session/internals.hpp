// The only file that accesses what libtorrent hides from its plugins.
#pragma once

#include <libtorrent/ip_filter.hpp>
#include <libtorrent/peer_connection_handle.hpp>
#include <libtorrent/performance_counters.hpp>
#include <libtorrent/session_handle.hpp>
#include <libtorrent/time.hpp>

#include <functional>
#include <memory>
#include <string>

namespace patron::internals {

// The URL of a web seed.
std::string url(lt::peer_connection_handle const& connection);

// On the network thread.
lt::counters const& counters(lt::session_handle const& session);

using Visit = std::function<void(lt::peer_connection_handle const&, lt::time_point since)>;
// Includes connections that belong to no torrent yet, and so have no plugin.
void each_connection(lt::session_handle const& session, Visit const& visit);

// HTTP requests to trackers that are queued or under way, with the filter for their addresses: it
// is applied when a name has been resolved, and again for each redirect.
using VisitAnnounce =
    std::function<void(std::string const& url, std::shared_ptr<lt::ip_filter const>& filter)>;
void each_http_announce(lt::session_handle const& session, VisitAnnounce const& visit);

} // namespace patron::internals
