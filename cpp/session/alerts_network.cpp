// Alerts of trackers, web seeds and peers, and of the session's sockets.
#include "torrent-patron/cpp/compat.hpp"
#include "torrent-patron/cpp/convert.hpp"
#include "torrent-patron/cpp/session/alert.hpp"
#include "torrent-patron/cpp/session/free_ports.hpp"
#include "torrent-patron/cpp/session/session.hpp"
#include "torrent-patron/src/sys/alerts.rs.h"
#include "torrent-patron/src/sys/bridge.rs.h"

#include <libtorrent/alert_types.hpp>
#include <libtorrent/announce_entry.hpp>
#include <libtorrent/operations.hpp>

#include <boost/asio/post.hpp>

#include <string>
#include <utility>

namespace patron {
namespace {

// Empty for an I2P peer.
rust::String peer(lt::peer_alert const& alert) {
    auto const end = compat::endpoint(alert);
    return end ? address(end->address(), end->port()) : rust::String();
}

PortMapper mapper(lt::portmap_transport transport) {
    return transport == lt::portmap_transport::upnp ? PortMapper::Upnp : PortMapper::NatPmp;
}

// The tracker's own message says more than the code, but for HTTP, where it is only the server's
// wording of the code.
NativeError refusal(lt::error_code const& code, char const* reason) {
    NativeError out = error(code);
    if (reason == nullptr || *reason == '\0')
        return out;
    if (code.category() == lt::http_category())
        out.message = text(std::to_string(code.value()) + " " + reason);
    else
        out.message = text(reason);
    return out;
}

// Returns whether a tracker has answered from another of our listening addresses, or may still.
bool is_reached(lt::torrent_handle const& torrent, std::string const& url,
                lt::protocol_version version) {
    for (lt::announce_entry const& entry : torrent.trackers()) {
        if (entry.url != url)
            continue;
        for (lt::announce_endpoint const& from : entry.endpoints) {
            lt::announce_infohash const& announce = from.info_hashes[version];
            if (from.enabled && (announce.updating || (announce.start_sent && announce.fails == 0)))
                return true;
        }
    }
    return false;
}

} // namespace

bool Session::convert_trackers(lt::alert& alert, Alerts& out) {
    switch (alert.type()) {
    case lt::tracker_error_alert::alert_type: {
        auto const& a = static_cast<lt::tracker_error_alert const&>(alert);
        // If the message is from the tracker, the tracker was reached.
        if (char const* reason = a.failure_reason(); reason != nullptr && *reason != '\0')
            out.tracker_error(id(a), text(a.tracker_url()), number(a.times_in_row),
                              refusal(a.error, reason));
        else
            report_unless_reached(a);
        return true;
    }
    case lt::tracker_warning_alert::alert_type: {
        auto const& a = static_cast<lt::tracker_warning_alert const&>(alert);
        out.tracker_warning(id(a), text(a.tracker_url()), text(a.warning_message()));
        return true;
    }
    case lt::tracker_reply_alert::alert_type: {
        auto const& a = static_cast<lt::tracker_reply_alert const&>(alert);
        // Caused by connect_some().
        if (*a.tracker_url() == '\0')
            return true;
        out.tracker_reply(id(a), text(a.tracker_url()), number(a.num_peers));
        return true;
    }
    case lt::scrape_reply_alert::alert_type: {
        auto const& a = static_cast<lt::scrape_reply_alert const&>(alert);
        out.scraped(id(a), text(a.tracker_url()), a.complete, a.incomplete);
        return true;
    }
    case lt::scrape_failed_alert::alert_type: {
        auto const& a = static_cast<lt::scrape_failed_alert const&>(alert);
        out.scrape_failed(id(a), text(a.tracker_url()), refusal(a.error, a.error_message()));
        return true;
    }
    case lt::url_seed_alert::alert_type: {
        auto const& a = static_cast<lt::url_seed_alert const&>(alert);
        // A refusal by the server is reported when the connection ends (web_seeds.cpp).
        if (!a.error)
            return true;
        NativeError failure = error(a.error);
        if (a.error == lt::errors::peer_banned)
            failure.message = "it sent damaged data";
        out.web_seed_failed(id(a), text(a.server_url()), std::move(failure));
        return true;
    }
    default:
        return false;
    }
}

// If a tracker is reached from one address but not from another, it has not failed: most have no
// IPv6. If the other address still waits for an answer, its failure will be reported.
void Session::report_unless_reached(lt::tracker_error_alert const& alert) {
    NativeError failure = error(alert.error);
    if (failure.message.empty())
        failure.message = "its answer is invalid";
    boost::asio::post(session_.get_context(),
                      [reports = reports_, id = id(alert), torrent = alert.handle,
                       version = alert.version, url = std::string(alert.tracker_url()),
                       times_in_row = number(alert.times_in_row), failure = std::move(failure)] {
                          if (!torrent.is_valid() || is_reached(torrent, url, version))
                              return;
                          reports->add([id, url, times_in_row, failure](Session&, Alerts& out) {
                              out.tracker_error(id, text(url), times_in_row, failure);
                          });
                      });
}

bool Session::convert_peers(lt::alert& alert, Alerts& out) {
    switch (alert.type()) {
    case lt::peer_ban_alert::alert_type: {
        auto const& a = static_cast<lt::peer_ban_alert const&>(alert);
        out.peer_banned(id(a), peer(a));
        return true;
    }
    case lt::peer_connect_alert::alert_type: {
        auto const& a = static_cast<lt::peer_connect_alert const&>(alert);
        out.peer_connected(id(a), peer(a), a.direction == lt::peer_connect_alert::direction_t::out);
        return true;
    }
    case lt::peer_disconnected_alert::alert_type: {
        auto const& a = static_cast<lt::peer_disconnected_alert const&>(alert);
        out.peer_disconnected(id(a), peer(a), error(a.error));
        return true;
    }
    // Only this alert reports a protocol error of a peer.
    case lt::peer_error_alert::alert_type: {
        auto const& a = static_cast<lt::peer_error_alert const&>(alert);
        // The only error after which the peer stays connected.
        if (a.error != lt::errors::peer_sent_empty_piece)
            out.peer_disconnected(id(a), peer(a), error(a.error));
        return true;
    }
    default:
        return false;
    }
}

// Sockets, routers, and the session itself.
bool Session::convert_network(lt::alert& alert, Alerts& out) {
    switch (alert.type()) {
    case lt::portmap_alert::alert_type: {
        auto const& a = static_cast<lt::portmap_alert const&>(alert);
        out.port_mapped(mapper(a.map_transport),
                        a.map_protocol == lt::portmap_protocol::udp ? Protocol::Udp : Protocol::Tcp,
                        static_cast<std::uint16_t>(a.external_port),
                        text(a.local_address.to_string()));
        return true;
    }
    case lt::portmap_error_alert::alert_type: {
        auto const& a = static_cast<lt::portmap_error_alert const&>(alert);
        out.port_mapping_failed(mapper(a.map_transport), text(a.local_address.to_string()),
                                error(a.error));
        return true;
    }
    case lt::external_ip_alert::alert_type: {
        auto const& a = static_cast<lt::external_ip_alert const&>(alert);
        out.external_address(text(a.external_address.to_string()));
        return true;
    }
    case lt::listen_succeeded_alert::alert_type: {
        auto const& a = static_cast<lt::listen_succeeded_alert const&>(alert);
        if (a.socket_type == lt::socket_type_t::utp)
            restore_dht_nodes();
        return true;
    }
    case lt::listen_failed_alert::alert_type: {
        auto const& a = static_cast<lt::listen_failed_alert const&>(alert);
        if (free_ports_->is_resolved(a))
            return true;
        if (a.op == lt::operation_t::sock_accept || is_temporary(a.error)) {
            // There is an alert for each waiting connection, and for each attempt to listen.
            if (was_reported(listen_failure_reported_))
                return true;
        }
        out.listen_failed(a.address.is_unspecified() && a.port == 0 ? text(a.listen_interface())
                                                                    : address(a.address, a.port),
                          error(a.error));
        return true;
    }
    case lt::session_error_alert::alert_type: {
        auto const& a = static_cast<lt::session_error_alert const&>(alert);
        NativeError failure = error(a.error);
        // An exception has only a text.
        if (!a.error)
            failure.message = text(a.message());
        out.session_error(std::move(failure));
        return true;
    }
    case lt::alerts_dropped_alert::alert_type:
        out.dropped();
        give_up_pending(out);
        return true;
    default:
        return false;
    }
}

} // namespace patron
