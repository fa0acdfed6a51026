#include "torrent-patron/cpp/session/listening.hpp"
#include "torrent-patron/cpp/session/internals.hpp"

#include <libtorrent/alert_types.hpp>

#include <utility>

namespace patron {

std::optional<std::vector<lt::tcp::endpoint>> Listening::take() {
    std::lock_guard<std::mutex> const lock(mutex_);
    if (!std::exchange(changed_, false))
        return std::nullopt;
    return addresses_;
}

// Outgoing uTP connections use a listening socket. Without one, libtorrent fails them without the
// fallback to TCP that it has for peers that do not answer. So a port in use would stop all
// downloads.
void Listening::update() {
    auto sockets = internals::listeners(session_);
    if (sockets.has_utp == outgoing_utp_.is_set())
        outgoing_utp_.set(session_, sockets.has_utp ? std::nullopt : std::optional<int>(false));
    {
        std::lock_guard<std::mutex> const lock(mutex_);
        if (addresses_ == sockets.tcp)
            return;
        addresses_ = std::move(sockets.tcp);
        changed_ = true;
    }
    wake_();
}

void Listening::added(lt::session_handle const& session) {
    session_ = session;
    // Its sockets were opened before. There is no alert if it listens nowhere.
    update();
}

void Listening::on_alert(lt::alert const* alert) {
    if (lt::alert_cast<lt::listen_succeeded_alert>(alert) != nullptr ||
        lt::alert_cast<lt::listen_failed_alert>(alert) != nullptr)
        update_soon();
}

// libtorrent is still changing its sockets.
void Listening::update_soon() {
    internals::post(session_, [weak = weak_from_this()] {
        if (auto const self = weak.lock())
            self->update();
    });
}

} // namespace patron
