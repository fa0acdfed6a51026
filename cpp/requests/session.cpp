#include "torrent-patron/cpp/requests/session.hpp"
#include "torrent-patron/cpp/convert.hpp"
#include "torrent-patron/cpp/policy.hpp"
#include "torrent-patron/cpp/requests/overridden_setting.hpp"
#include "torrent-patron/cpp/requests/peer_classes.hpp"
#include "torrent-patron/cpp/session/internals.hpp"
#include "torrent-patron/cpp/session/listening.hpp"
#include "torrent-patron/cpp/settings.hpp"

#include <libtorrent/ip_filter.hpp>
#include <libtorrent/peer_class.hpp>
#include <libtorrent/performance_counters.hpp>
#include <libtorrent/portmap.hpp>
#include <libtorrent/session_params.hpp>

#include <stdexcept>
#include <string>
#include <utility>

#include <time.h>

namespace patron {
namespace {

// The ranges that `wanted` accepts, each as its first and last address.
template <typename Wanted>
void each_range(lt::ip_filter const& filter, Wanted wanted) {
    auto const visit = [&wanted](auto const& ranges) {
        for (auto const& range : ranges)
            wanted(range.first.to_string(), range.last.to_string(), range.flags);
    };
    auto const ranges = filter.export_filter();
    visit(std::get<0>(ranges));
    visit(std::get<1>(ranges));
}

} // namespace

SessionHandle::SessionHandle(lt::session_handle handle, NetworkPolicy const& policy,
                             OverriddenSetting& threshold, Listening& listening,
                             PeerClasses& classes)
    : lt::session_handle(std::move(handle)), policy_(policy),
      listening_(listening), overridden_{&threshold, &listening.outgoing_utp()}, classes_(classes) {
}

rust::Vec<SettingRecord> SessionHandle::current_settings() const {
    lt::settings_pack current = get_settings();
    for (auto const* const setting : overridden_)
        setting->show(current);
    return setting_records(current);
}

void SessionHandle::change_settings(rust::Slice<SettingRecord const> records) {
    lt::settings_pack changes = settings(records);
    for (auto* const setting : overridden_)
        setting->change(changes);
    apply_settings(std::move(changes));
    listening_.update();
}

DemandRecord SessionHandle::demand(std::uint32_t queued) const {
    lt::counters const& known = internals::counters(*this);
    auto const number = [&known](int which) { return static_cast<std::int32_t>(known[which]); };
    timespec used{};
    ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
    DemandRecord out{};
    out.sent = known[lt::counters::sent_bytes];
    out.received = known[lt::counters::recv_bytes];
    out.connections =
        number(lt::counters::num_peers_connected) + number(lt::counters::num_peers_half_open);
    out.unchoked = number(lt::counters::num_peers_up_unchoked);
    out.thread_time = std::int64_t(used.tv_sec) * 1000000000 + used.tv_nsec;
    if (queued > 0) {
        internals::Queue const queue = internals::queue(*this, queued);
        auto const records = [](std::vector<internals::Queued> const& list) {
            rust::Vec<QueuedRecord> out;
            for (auto const& one : list)
                out.push_back({one.torrent, one.idle});
            return out;
        };
        out.checking = records(queue.checking);
        out.downloads = records(queue.downloads);
        out.seeds = records(queue.seeds);
        out.queued = static_cast<std::uint32_t>(queue.count);
        auto const& settings = internals::settings(*this);
        // libtorrent looks again after this setting.
        out.slow_after = settings.get_bool(lt::settings_pack::dont_count_slow_torrents)
                             ? 2 * settings.get_int(lt::settings_pack::auto_manage_startup)
                             : -1;
    }
    return out;
}

rust::Vec<std::uint8_t> SessionHandle::state(rust::Slice<SettingRecord const> instead) const {
    lt::session_params params = session_state();
    params.ip_filter = NetworkPolicy::without_policy(std::move(params.ip_filter));
    for (auto const* const setting : overridden_)
        setting->save(params.settings);
    update(params.settings, instead);
    auto const encoded = lt::write_session_params_buf(params);
    return bytes(lt::string_view(encoded.data(), encoded.size()));
}

rust::Vec<std::uint8_t> SessionHandle::network_state() const {
    auto const parts = save_dht_state | save_ip_filter;
    lt::session_params params = session_state(parts);
    params.ip_filter = NetworkPolicy::without_policy(std::move(params.ip_filter));
    auto const encoded = lt::write_session_params_buf(params, parts);
    return bytes(lt::string_view(encoded.data(), encoded.size()));
}

rust::Vec<QueuePlaceRecord> SessionHandle::queue() const {
    rust::Vec<QueuePlaceRecord> out;
    auto const is_queued = [](lt::torrent_status const& status) {
        return status.queue_position >= lt::queue_position_t{0};
    };
    for (lt::torrent_status const& status : get_torrent_status(is_queued, {}))
        out.push_back({torrent_id(status.handle.userdata()),
                       static_cast<std::uint32_t>(static_cast<int>(status.queue_position))});
    return out;
}

rust::Vec<rust::String> IpFilter::ranges() const {
    rust::Vec<rust::String> out;
    each_range(filter_,
               [&out](std::string const& first, std::string const& last, std::uint32_t flags) {
                   if (flags & lt::ip_filter::blocked) {
                       out.push_back(text(first));
                       out.push_back(text(last));
                   }
               });
    return out;
}

std::unique_ptr<IpFilter> new_ip_filter(rust::Slice<rust::String const> ends) {
    lt::ip_filter filter;
    for (std::size_t i = 0; i + 1 < ends.size(); i += 2)
        filter.add_rule(lt::make_address(std::string(ends[i])),
                        lt::make_address(std::string(ends[i + 1])), lt::ip_filter::blocked);
    return std::make_unique<IpFilter>(std::move(filter));
}

std::unique_ptr<IpFilter> SessionHandle::blocked() const {
    return std::make_unique<IpFilter>(get_ip_filter());
}

void SessionHandle::block(IpFilter const& blocked) {
    lt::ip_filter filter = blocked.get();
    policy_.restrict(filter);
    set_ip_filter(std::move(filter));
}

void SessionHandle::ban(rust::Str address) {
    lt::ip_filter filter = get_ip_filter();
    auto const ip = lt::make_address(std::string(address));
    filter.add_rule(ip, ip, lt::ip_filter::blocked);
    set_ip_filter(std::move(filter));
}

void SessionHandle::block_ports(rust::Slice<std::uint16_t const> ends) {
    lt::port_filter filter;
    for (std::size_t i = 0; i + 1 < ends.size(); i += 2)
        filter.add_rule(ends[i], ends[i + 1], lt::port_filter::blocked);
    set_port_filter(filter);
}

void SessionHandle::add_node(rust::Str name, std::uint16_t port) {
    std::string const host(name);
    if (!policy_.allows_web_seed("http://" + host + "/"))
        throw std::invalid_argument(host + ": " + policy_.reason(host));
    add_dht_node({host, port});
}

rust::Vec<std::int32_t> SessionHandle::map_port(Protocol protocol, std::uint16_t external,
                                                std::uint16_t local) {
    auto const kind =
        protocol == Protocol::Tcp ? lt::portmap_protocol::tcp : lt::portmap_protocol::udp;
    rust::Vec<std::int32_t> out;
    for (auto const mapping : add_port_mapping(kind, external, local))
        out.push_back(static_cast<int>(mapping));
    return out;
}

void SessionHandle::reopen_sockets() {
    reopen_network_sockets();
    listening_.update();
}

std::uint32_t SessionHandle::add_peer_class(rust::Str name) {
    return classes_.add(*this, std::string(name));
}

void SessionHandle::remove_peer_class(std::uint32_t number) {
    classes_.remove(*this, number);
}

PeerClassRecord SessionHandle::peer_class(std::uint32_t number) const {
    auto const info = get_peer_class(classes_.native(number));
    return {text(info.label),      info.ignore_unchoke_slots, info.connection_limit_factor,
            info.upload_limit,     info.download_limit,       info.upload_priority,
            info.download_priority};
}

void SessionHandle::change_peer_class(std::uint32_t number, PeerClassRecord const& record) {
    auto const chosen = classes_.native(number);
    lt::peer_class_info info{};
    info.label = std::string(record.name);
    info.ignore_unchoke_slots = record.ignore_unchoke_slots;
    info.connection_limit_factor = record.connection_limit_factor;
    info.upload_limit = record.upload_limit;
    info.download_limit = record.download_limit;
    info.upload_priority = record.upload_priority;
    info.download_priority = record.download_priority;
    set_peer_class(chosen, info);
}

ClassRangesRecord SessionHandle::peer_class_ranges() const {
    ClassRangesRecord out{};
    each_range(get_peer_class_filter(),
               [&](std::string const& first, std::string const& last, std::uint32_t flags) {
                   std::uint32_t const classes = classes_.from_native(flags);
                   if (classes == 0)
                       return;
                   out.ends.push_back(text(first));
                   out.ends.push_back(text(last));
                   out.classes.push_back(classes);
               });
    return out;
}

void SessionHandle::set_peer_class_ranges(ClassRangesRecord const& ranges) {
    lt::ip_filter filter;
    for (std::size_t i = 0; i < ranges.classes.size(); ++i)
        filter.add_rule(lt::make_address(std::string(ranges.ends.at(2 * i))),
                        lt::make_address(std::string(ranges.ends.at(2 * i + 1))),
                        classes_.to_native(ranges.classes[i]));
    set_peer_class_filter(filter);
}

} // namespace patron
