// The session's life: settings, the notify callback, abort.
#include "torrent-patron/cpp/convert.hpp"
#include "torrent-patron/cpp/disk/read_path.hpp"
#include "torrent-patron/cpp/requests.hpp"
#include "torrent-patron/cpp/shim.hpp"

#include <libtorrent/alert.hpp>
#include <libtorrent/ip_filter.hpp>
#include <libtorrent/session_params.hpp>

#include <sys/resource.h>

#include <algorithm>
#include <cerrno>
#include <system_error>

namespace patron {

Session::Session(lt::session_params params, bool loopback_only,
                 std::shared_ptr<PlainTorrents> plain, rust::Box<Waker> waker)
    : waker_(std::make_shared<rust::Box<Waker>>(std::move(waker))), plain_(std::move(plain)),
      loopback_only_(loopback_only),
      utp_wanted_(params.settings.get_bool(lt::settings_pack::enable_outgoing_utp)),
      session_(std::move(params)), answers_(std::make_shared<Answers>()),
      awaited_(std::make_unique<Awaited>()) {
    // Runs on the thread that posts an alert, with the alert mutex held: see Waker::wake.
    session_.set_alert_notify([waker = waker_] { (*waker)->wake(); });
}

Session::~Session() = default;

namespace {

// What the client routes and no more: the rest would be thrown away, and its number grows with the
// load.
int alert_mask(InterestRecord const& interest) {
    namespace category = lt::alert_category;
    lt::alert_category_t mask =
        category::error | category::status | category::storage | category::port_mapping;
    auto const add = [&mask](bool wanted, lt::alert_category_t which) {
        if (wanted)
            mask |= which;
    };
    add(interest.peers, category::peer);
    add(interest.connections, category::connect);
    add(interest.trackers, category::tracker);
    add(interest.files, category::file_progress);
    add(interest.pieces, category::piece_progress);
    add(interest.performance, category::performance_warning);
    return static_cast<int>(static_cast<std::uint32_t>(mask));
}

} // namespace

void Session::subscribe(InterestRecord const& interest) {
    lt::settings_pack pack;
    pack.set_int(lt::settings_pack::alert_mask, alert_mask(interest));
    session_.apply_settings(std::move(pack));
}

std::unique_ptr<Session> new_session(rust::Slice<SettingRecord const> records, bool loopback_only,
                                     DiskReads reads, std::shared_ptr<ReadCounters> counters,
                                     rust::Box<Waker> waker) {
    keep_file_names();
    lt::settings_pack pack = settings(records);
    pack.set_int(lt::settings_pack::alert_mask, alert_mask({}));
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
    if (loopback_only)
        block_all_but_loopback(params.ip_filter);
    return std::make_unique<Session>(std::move(params), loopback_only, std::move(plain),
                                     std::move(waker));
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

void block_all_but_loopback(lt::ip_filter& filter) {
    auto const ip = [](char const* text) { return lt::make_address(text); };
    filter.add_rule(ip("0.0.0.0"), ip("126.255.255.255"), lt::ip_filter::blocked);
    filter.add_rule(ip("128.0.0.0"), ip("255.255.255.255"), lt::ip_filter::blocked);
    filter.add_rule(ip("::"), ip("::"), lt::ip_filter::blocked);
    filter.add_rule(ip("::2"), ip("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
                    lt::ip_filter::blocked);
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

std::unique_ptr<Teardown> Session::abort() {
    return std::make_unique<Teardown>(session_.abort());
}

std::unique_ptr<Teardown> abort_session(std::unique_ptr<Session> session) {
    return session->abort();
}

} // namespace patron
