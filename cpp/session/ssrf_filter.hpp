// Prevents torrents from making the session contact hosts on the local network, by trackers, web
// seeds or their redirects, unless the user has named the host.
#pragma once

#include "torrent-patron/cpp/policy.hpp"

#include <libtorrent/extensions.hpp>
#include <libtorrent/io_context.hpp>
#include <libtorrent/session_handle.hpp>

#include <cstdint>
#include <memory>

namespace patron {

// Gives new HTTP requests to trackers a filter. Must be called on the network thread, before their
// names are looked up.
void restrict_trackers(lt::session_handle const& session, SessionPolicy& policy);

// Used in a session that keeps torrents off the local network. Network thread only.
class SsrfFilter : public lt::plugin {
  public:
    explicit SsrfFilter(std::shared_ptr<SessionPolicy> policy) : policy_(std::move(policy)) {}

    // The plugin of a torrent.
    std::shared_ptr<lt::torrent_plugin> of_torrent(std::uint64_t torrent);

    lt::feature_flags_t implemented_features() override { return alert_feature | tick_feature; }
    void added(lt::session_handle const& session) override;
    void on_alert(lt::alert const* alert) override;
    void on_tick() override;

  private:
    std::shared_ptr<SessionPolicy> const policy_;
    lt::session_handle session_;
};

} // namespace patron
