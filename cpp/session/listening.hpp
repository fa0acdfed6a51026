// The sockets on which a session listens.
#pragma once

#include "torrent-patron/cpp/requests/overridden_setting.hpp"

#include <libtorrent/extensions.hpp>
#include <libtorrent/session_handle.hpp>
#include <libtorrent/socket.hpp>

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

namespace patron {

class Listening : public lt::plugin, public std::enable_shared_from_this<Listening> {
  public:
    // Calls `wake` when the addresses have changed.
    explicit Listening(std::function<void()> wake) : wake_(std::move(wake)) {}

    // Returns the addresses where peers are accepted by TCP, if they have changed since the last
    // call. Any thread.
    std::optional<std::vector<lt::tcp::endpoint>> take();
    // The setting for outgoing uTP connections. Network thread only, like everything below.
    OverriddenSetting& outgoing_utp() { return outgoing_utp_; }
    // Reads the state of libtorrent's sockets.
    void update();

    lt::feature_flags_t implemented_features() override { return alert_feature | tick_feature; }
    void added(lt::session_handle const& session) override;
    void on_alert(lt::alert const* alert) override;
    void on_tick() override { update(); }

  private:
    void update_soon();

    std::function<void()> const wake_;
    lt::session_handle session_;
    OverriddenSetting outgoing_utp_{lt::settings_pack::enable_outgoing_utp};
    std::mutex mutex_;
    std::vector<lt::tcp::endpoint> addresses_;
    bool changed_ = false;
};

} // namespace patron
