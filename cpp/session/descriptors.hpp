// What libtorrent does with descriptors, and how it does without. Network thread only.
//
// Out of descriptors, libtorrent tries again at once to accept a connection, and does with fewer
// connections from then on. Where nothing helps it does not listen until there are descriptors
// again. After other errors it would accept nothing any more.
//
// Programs that are started inherit its sockets, and keep its port.
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

    feature_flags_t implemented_features() override { return alert_feature | tick_feature; }
    void added(lt::session_handle const& session) override;
    void on_alert(lt::alert const* alert) override;
    void on_tick() override;

  private:
    void failed(lt::listen_failed_alert const& alert);
    void recover();
    void take_spare();
    int limit() const;

    lt::session_handle session_;
    // Given up where there is none left, so that connections can be accepted and closed.
    int spare_ = -1;
    // To accept, since the last tick.
    int failures_ = 0;
    // A socket does not listen that should.
    bool deaf_ = false;
    // connections_limit as it was set, and as libtorrent has lowered it since; 0: it has not.
    int limit_ = 0;
    int lowered_ = 0;
};

} // namespace patron
