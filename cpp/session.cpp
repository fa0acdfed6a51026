// The session's life: settings, the notify callback, abort.
#include "torrent-patron/cpp/convert.hpp"
#include "torrent-patron/cpp/disk/read_path.hpp"
#include "torrent-patron/cpp/shim.hpp"

#include <libtorrent/alert.hpp>
#include <libtorrent/ip_filter.hpp>
#include <libtorrent/session_params.hpp>

#include <sys/resource.h>

#include <algorithm>
#include <cerrno>
#include <system_error>

namespace patron {

Session::Session(lt::session_params params, std::shared_ptr<PlainTorrents> plain,
                 rust::Box<Waker> waker)
    : waker_(std::make_shared<rust::Box<Waker>>(std::move(waker))), plain_(std::move(plain)),
      utp_wanted_(params.settings.get_bool(lt::settings_pack::enable_outgoing_utp)),
      session_(std::move(params)) {
    // Runs on the thread that posts an alert, with the alert mutex held: see Waker::wake.
    session_.set_alert_notify([waker = waker_] { (*waker)->wake(); });
}

Session::~Session() {
    if (census_thread_.joinable())
        census_thread_.join();
}

std::unique_ptr<Session> new_session(rust::Slice<SettingRecord const> records, bool loopback_only,
                                     DiskReads reads, std::shared_ptr<ReadCounters> counters,
                                     rust::Box<Waker> waker) {
    keep_file_names();
    lt::settings_pack pack = settings(records);
    // What the client routes and no more: peer, progress and log alerts would be thrown away, and
    // their number grows with the load.
    pack.set_int(lt::settings_pack::alert_mask, lt::alert_category::error |
                                                    lt::alert_category::status |
                                                    lt::alert_category::storage);
    lt::session_params params(std::move(pack));
    std::shared_ptr<PlainTorrents> plain;
#ifdef __linux__
    if (reads != DiskReads::Stock) {
        bool const map = reads == DiskReads::ZeroCopy;
        plain = std::make_shared<PlainTorrents>();
        params.disk_io_constructor = read_path(map, plain, std::move(counters));
        if (!map)
            plain = nullptr;
    }
#endif
    auto session = std::make_unique<Session>(std::move(params), std::move(plain), std::move(waker));
    if (loopback_only)
        session->allow_loopback_only();
    return session;
}

std::uint64_t raise_descriptor_limit(std::uint64_t wanted) {
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0)
        throw std::system_error(errno, std::generic_category());
    if (limit.rlim_cur < wanted && limit.rlim_cur < limit.rlim_max) {
        limit.rlim_cur = std::min<rlim_t>(wanted, limit.rlim_max);
        // Where it is refused, as by macOS above its own limit, what was there stays.
        if (::setrlimit(RLIMIT_NOFILE, &limit) != 0 && ::getrlimit(RLIMIT_NOFILE, &limit) != 0)
            throw std::system_error(errno, std::generic_category());
    }
    return limit.rlim_cur;
}

void Session::allow_loopback_only() {
    auto const ip = [](char const* text) { return lt::make_address(text); };
    lt::ip_filter filter;
    // 0.0.0.0 stands for the address of a web seed that a SOCKS5 proxy is to look up.
    filter.add_rule(ip("0.0.0.1"), ip("126.255.255.255"), lt::ip_filter::blocked);
    filter.add_rule(ip("128.0.0.0"), ip("255.255.255.255"), lt::ip_filter::blocked);
    filter.add_rule(ip("::"), ip("::"), lt::ip_filter::blocked);
    filter.add_rule(ip("::2"), ip("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
                    lt::ip_filter::blocked);
    session_.set_ip_filter(std::move(filter));
}

// uTP calls out through a listening socket. Without one libtorrent fails each connection and does
// not fall back to TCP, as it does where the peer does not answer: a port in use would stop all
// downloads.
void Session::call_out_by_utp(bool possible) {
    if (!utp_wanted_ || has_utp_socket_)
        return;
    has_utp_socket_ = possible;
    lt::settings_pack pack;
    pack.set_bool(lt::settings_pack::enable_outgoing_utp, possible);
    session_.apply_settings(std::move(pack));
}

// The census thread is joined first: a call that waits for the network thread must not be under way
// when that thread ends, or it would wait for ever.
std::unique_ptr<Teardown> Session::abort() {
    if (census_thread_.joinable())
        census_thread_.join();
    return std::make_unique<Teardown>(session_.abort());
}

std::unique_ptr<Teardown> abort_session(std::unique_ptr<Session> session) {
    return session->abort();
}

} // namespace patron
