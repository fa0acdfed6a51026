#include "torrent-patron/cpp/session/ssrf_filter.hpp"
#include "torrent-patron/cpp/convert.hpp"
#include "torrent-patron/cpp/session/internals.hpp"

#include <libtorrent/alert_types.hpp>
#include <libtorrent/error_code.hpp>
#include <libtorrent/operations.hpp>
#include <libtorrent/peer_connection_handle.hpp>
#include <libtorrent/settings_pack.hpp>

#include <utility>

namespace patron {
namespace {

class TorrentSsrfFilter : public lt::torrent_plugin {
  public:
    TorrentSsrfFilter(std::shared_ptr<SessionPolicy> policy, std::uint64_t torrent)
        : policy_(std::move(policy)), torrent_(torrent) {}

    std::shared_ptr<lt::peer_plugin>
    new_connection(lt::peer_connection_handle const& connection) override {
        lt::peer_connection_handle peer = connection;
        if (peer.type() != lt::connection_type::bittorrent &&
            !policy_->allows_resolved(torrent_, internals::url(peer), peer.remote().address()))
            peer.disconnect(lt::errors::ssrf_mitigation, lt::operation_t::connect);
        return nullptr;
    }

  private:
    std::shared_ptr<SessionPolicy> const policy_;
    std::uint64_t const torrent_;
};

} // namespace

void restrict_trackers(lt::session_handle const& session, SessionPolicy& policy) {
    if (!session.is_valid())
        return;
    // Then the filter sees the address of the proxy, which may be local.
    int const proxy = internals::settings(session).get_int(lt::settings_pack::proxy_type);
    if (proxy == lt::settings_pack::http || proxy == lt::settings_pack::http_pw)
        return;
    internals::filter_http_requests(
        session, [&policy](std::uint64_t torrent, std::string const& url, auto const& filter) {
            return policy.allows_local(torrent, url) ? filter : policy.with_local_blocked(filter);
        });
}

std::shared_ptr<lt::torrent_plugin> SsrfFilter::of_torrent(std::uint64_t torrent) {
    return std::make_shared<TorrentSsrfFilter>(policy_, torrent);
}

void SsrfFilter::added(lt::session_handle const& session) {
    session_ = session;
    internals::filter_udp_requests(
        session,
        [policy = policy_](std::uint64_t torrent, std::string const& url, lt::address const& to) {
            return policy->allows_resolved(torrent, url, to);
        });
}

// This alert is posted after the request is created and before it starts.
void SsrfFilter::on_alert(lt::alert const* alert) {
    if (lt::alert_cast<lt::tracker_announce_alert>(alert) != nullptr)
        restrict_trackers(session_, *policy_);
}

// The session itself scrapes the trackers of paused torrents, later in this tick.
void SsrfFilter::on_tick() {
    internals::post(
        session_, [session = session_, policy = policy_] { restrict_trackers(session, *policy); });
}

} // namespace patron
