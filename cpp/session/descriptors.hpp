// Handles a lack of descriptors, and descriptors that child processes would inherit. Network thread
// only.
//
// When there are no descriptors left, libtorrent immediately tries again to accept a connection,
// and permanently lowers its limit on connections. If nothing helps, this closes the listening
// socket until there are descriptors again. After other errors, libtorrent would never accept a
// connection again.
//
// If child processes would inherit the sockets for peers, they are set to close on exec.
#pragma once

#include <libtorrent/alert_types.hpp>
#include <libtorrent/aux_/session_settings.hpp>
#include <libtorrent/extensions.hpp>
#include <libtorrent/session_handle.hpp>

namespace patron {

class Descriptors : public lt::plugin {
  public:
    Descriptors();
    ~Descriptors() override;
    Descriptors(Descriptors const&) = delete;
    Descriptors& operator=(Descriptors const&) = delete;

    lt::feature_flags_t implemented_features() override { return alert_feature | tick_feature; }
    void added(lt::session_handle const& session) override;
    void on_alert(lt::alert const* alert) override;
    void on_tick() override;

  private:
    void on_failure(lt::listen_failed_alert const& alert);
    void recover();
    void take_spare();
    int limit() const;

    // Whether child processes would inherit the sockets.
    bool const is_inherited_;
    lt::session_handle session_;
    // Closed when no descriptor is left, so that waiting connections can be accepted and closed.
    int spare_ = -1;
    // Failures to accept since the last tick.
    int failures_ = 0;
    // Whether a socket that should be listening is not.
    bool not_listening_ = false;
    // connections_limit as it was set, and as libtorrent has lowered it; 0 if it has not.
    int limit_ = 0;
    int lowered_ = 0;
};

} // namespace patron
