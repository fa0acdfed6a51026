// Finds another free port when the one that libtorrent has taken for TCP is in use for UDP: it
// would give up, although the program left the choice to it (port 0).
#pragma once

#include <libtorrent/alert_types.hpp>
#include <libtorrent/extensions.hpp>
#include <libtorrent/session_handle.hpp>

#include <mutex>
#include <set>

namespace patron {

class FreePorts : public lt::plugin {
  public:
    // Whether another port was taken after this failure. Any thread.
    bool is_resolved(lt::listen_failed_alert const& alert);

    // Network thread only, like everything below.
    lt::feature_flags_t implemented_features() override { return alert_feature; }
    void added(lt::session_handle const& session) override { session_ = session; }
    void on_alert(lt::alert const* alert) override;

  private:
    bool is_chosen_by_program(int port) const;

    lt::session_handle session_;
    // Since a port was found.
    int attempts_ = 0;
    std::mutex mutex_;
    // The ports of failures that the client has not seen yet.
    std::multiset<int> resolved_;
};

} // namespace patron
