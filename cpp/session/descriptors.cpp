#include "torrent-patron/cpp/session/descriptors.hpp"
#include "torrent-patron/cpp/close_on_exec.hpp"
#include "torrent-patron/cpp/session/internals.hpp"

#include <libtorrent/error_code.hpp>
#include <libtorrent/operations.hpp>
#include <libtorrent/settings_pack.hpp>

#include <fcntl.h>
#include <unistd.h>

#include <chrono>
#include <utility>

namespace patron {
namespace {

// A connection older than this has been seen by more than one tick.
constexpr auto recent = std::chrono::seconds(3);
// The maximum number of failures between two ticks. Beyond that, descriptors that are freed here
// are taken by others. Until then, waiting connections are accepted one after another, in place of
// the spare descriptor and of peers that libtorrent disconnects.
constexpr int max_failures = 64;

} // namespace

Descriptors::Descriptors() : is_inherited_(!open_close_on_exec()) {
    take_spare();
}

Descriptors::~Descriptors() {
    if (spare_ >= 0)
        ::close(spare_);
}

void Descriptors::take_spare() {
    if (spare_ < 0)
        spare_ = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
}

int Descriptors::limit() const {
    return internals::settings(session_).get_int(lt::settings_pack::connections_limit);
}

void Descriptors::added(lt::session_handle const& session) {
    session_ = session;
}

void Descriptors::on_alert(lt::alert const* alert) {
    if (auto const* failure = lt::alert_cast<lt::listen_failed_alert>(alert))
        on_failure(*failure);
    auto const* listens = lt::alert_cast<lt::listen_succeeded_alert>(alert);
    if (listens == nullptr)
        return;
    if (is_inherited_)
        close_on_exec(static_cast<std::uint16_t>(listens->port));
    // The session can accept connections now.
    if (lowered_ == 0)
        limit_ = limit();
}

void Descriptors::on_failure(lt::listen_failed_alert const& alert) {
    namespace errc = boost::system::errc;
    if (alert.op != lt::operation_t::sock_accept) {
        not_listening_ = not_listening_ || alert.error == errc::too_many_files_open ||
                         alert.error == errc::too_many_files_open_in_system;
        return;
    }
    // The only error after which libtorrent tries again.
    if (alert.error == errc::too_many_files_open) {
        lowered_ = limit();
        if (spare_ >= 0)
            ::close(std::exchange(spare_, -1));
        if (++failures_ < max_failures)
            return;
    }
    internals::close_listener(session_, {alert.address, static_cast<std::uint16_t>(alert.port)});
    not_listening_ = true;
}

void Descriptors::on_tick() {
    failures_ = 0;
    take_spare();
    if (spare_ >= 0)
        recover();
    if (!is_inherited_)
        return;
    auto const now = lt::clock_type::now();
    internals::each_connection(session_,
                               [now](lt::peer_connection_handle const& peer, lt::time_point since) {
                                   if (now - since < recent)
                                       internals::close_on_exec(peer);
                               });
}

// Descriptors are available again.
void Descriptors::recover() {
    if (lowered_ == 0) {
        limit_ = limit();
    } else if (std::exchange(lowered_, 0) == limit()) {
        lt::settings_pack pack;
        pack.set_int(lt::settings_pack::connections_limit, limit_);
        session_.apply_settings(std::move(pack));
    }
    if (std::exchange(not_listening_, false))
        session_.reopen_network_sockets({});
}

} // namespace patron
