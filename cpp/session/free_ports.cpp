#include "torrent-patron/cpp/session/free_ports.hpp"
#include "torrent-patron/cpp/session/internals.hpp"

#include <libtorrent/error_code.hpp>
#include <libtorrent/operations.hpp>
#include <libtorrent/settings_pack.hpp>

#include <cctype>
#include <string>

namespace patron {
namespace {

// More would not find one either.
constexpr int max_attempts = 100;

bool is_udp_port_in_use(lt::listen_failed_alert const& alert) {
    return alert.op == lt::operation_t::sock_bind &&
           alert.error == boost::system::errc::address_in_use &&
           (alert.socket_type == lt::socket_type_t::utp ||
            alert.socket_type == lt::socket_type_t::utp_ssl);
}

} // namespace

bool FreePorts::is_resolved(lt::listen_failed_alert const& alert) {
    if (!is_udp_port_in_use(alert))
        return false;
    std::lock_guard<std::mutex> const lock(mutex_);
    auto const found = resolved_.find(alert.port);
    if (found == resolved_.end())
        return false;
    resolved_.erase(found);
    return true;
}

bool FreePorts::is_chosen_by_program(int port) const {
    std::string const interfaces =
        internals::settings(session_).get_str(lt::settings_pack::listen_interfaces);
    std::string const wanted = ':' + std::to_string(port);
    for (auto at = interfaces.find(wanted); at != std::string::npos;
         at = interfaces.find(wanted, at + 1)) {
        auto const end = at + wanted.size();
        if (end == interfaces.size() ||
            std::isdigit(static_cast<unsigned char>(interfaces[end])) == 0)
            return true;
    }
    return false;
}

void FreePorts::on_alert(lt::alert const* alert) {
    if (lt::alert_cast<lt::listen_succeeded_alert>(alert) != nullptr) {
        attempts_ = 0;
        return;
    }
    auto const* failure = lt::alert_cast<lt::listen_failed_alert>(alert);
    if (failure == nullptr || !is_udp_port_in_use(*failure) ||
        is_chosen_by_program(failure->port) || ++attempts_ > max_attempts)
        return;
    {
        std::lock_guard<std::mutex> const lock(mutex_);
        resolved_.insert(failure->port);
    }
    session_.reopen_network_sockets({});
}

} // namespace patron
