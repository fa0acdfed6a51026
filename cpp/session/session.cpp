// The session's lifetime: settings, the notify callback, abort.
#include "torrent-patron/cpp/session/session.hpp"
#include "torrent-patron/cpp/convert.hpp"
#include "torrent-patron/cpp/disk/ordered.hpp"
#include "torrent-patron/cpp/disk/read/path.hpp"
#include "torrent-patron/cpp/disk/shared.hpp"
#include "torrent-patron/cpp/metainfo.hpp"
#include "torrent-patron/cpp/policy.hpp"
#include "torrent-patron/cpp/process.hpp"
#include "torrent-patron/cpp/requests/peer_classes.hpp"
#include "torrent-patron/cpp/requests/pending.hpp"
#include "torrent-patron/cpp/requests/read_torrents.hpp"
#include "torrent-patron/cpp/session/connecting.hpp"
#include "torrent-patron/cpp/session/descriptors.hpp"
#include "torrent-patron/cpp/session/first_announces.hpp"
#include "torrent-patron/cpp/session/free_ports.hpp"
#include "torrent-patron/cpp/session/guard.hpp"
#include "torrent-patron/cpp/session/internals.hpp"
#include "torrent-patron/cpp/session/listening.hpp"
#include "torrent-patron/cpp/session/metadata.hpp"
#include "torrent-patron/cpp/session/on_demand.hpp"
#include "torrent-patron/cpp/session/resolver.hpp"
#include "torrent-patron/cpp/session/saver.hpp"
#include "torrent-patron/cpp/session/ssrf_filter.hpp"
#include "torrent-patron/cpp/settings.hpp"
#include "torrent-patron/cpp/web_seeds.hpp"
#include "torrent-patron/src/sys/alerts.rs.h"

#include <libtorrent/alert.hpp>
#include <libtorrent/bdecode.hpp>
#include <libtorrent/extensions/smart_ban.hpp>
#include <libtorrent/extensions/ut_pex.hpp>
#include <libtorrent/ip_filter.hpp>
#include <libtorrent/session_params.hpp>

#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

#include <algorithm>
#include <chrono>
#include <optional>
#include <utility>

namespace patron {

namespace {

std::vector<lt::udp::endpoint> nodes_of(lt::dht::dht_state const& state) {
    std::vector<lt::udp::endpoint> nodes = state.nodes;
    nodes.insert(nodes.end(), state.nodes6.begin(), state.nodes6.end());
    return nodes;
}

} // namespace

Session::Session(lt::session_params params, std::shared_ptr<SessionPolicy> policy,
                 SharedWithDisk const& disk, std::shared_ptr<Reports> reports, bool silent_resolver,
                 OnDemand& plugins, std::vector<std::uint32_t> cores,
                 std::shared_ptr<FreePorts> free_ports, std::shared_ptr<rust::Box<Waker>> waker)
    : waker_(std::move(waker)), plain_(disk.plain), policy_(std::move(policy)),
      free_ports_(std::move(free_ports)), read_(std::make_shared<ReadTorrents>()),
      classes_(std::make_shared<PeerClasses>()),
      listening_(std::make_shared<Listening>([waker = waker_] { (*waker)->wake(); })),
      dht_nodes_(nodes_of(params.dht_state)), session_(std::move(params)),
      snapshots_(std::make_shared<Snapshots>()), unchecked_(std::make_shared<Unchecked>()),
      reports_(std::move(reports)), pending_(std::make_unique<PendingAlerts>()),
      written_(disk.written), new_files_(disk.new_files),
      saver_(std::make_unique<Saver>(written_, waker_)) {
    boost::asio::post(session_.get_context(), [] { name_network_thread(); });
    leaks_names_ = !start_resolver(session_.get_context(), silent_resolver);
    // Posted after the resolver's thread has started, which must not be bound.
    if (!cores.empty())
        boost::asio::post(session_.get_context(),
                          [cores = std::move(cores)] { bind_network_thread(cores); });
    // Runs on the thread that posts an alert, with the alert mutex held: see Waker::wake.
    session_.set_alert_notify([waker = waker_] { (*waker)->wake(); });
    auto const failed = [reports = reports_](WebSeedFailure failure) {
        reports->add([failure = std::move(failure)](Session&, Alerts& out) {
            out.web_seed_failed(failure.torrent, text(failure.url), failure.error);
        });
    };
    plugins.on_pause([reports = reports_](std::uint64_t torrent) {
        reports->add([torrent](Session&, Alerts& out) { out.paused(torrent); });
    });
    session_.add_extension(std::shared_ptr<lt::plugin>(read_->threshold));
    session_.add_extension(std::shared_ptr<lt::plugin>(listening_));
    plugins.add([failed](auto const& torrent, auto) { return watch_web_seeds(torrent, failed); });
}

Session::~Session() = default;

Teardown::Teardown(std::future<lt::session_proxy> proxy, std::unique_ptr<Saver> saver)
    : saver_(std::move(saver)), proxy_(std::move(proxy)) {}

Teardown::~Teardown() {
    proxy_.get();
}

namespace {

lt::session_params read_state(rust::Slice<std::uint8_t const> state) {
    if (state.empty())
        return {};
    auto const* data = reinterpret_cast<char const*>(state.data());
    // libtorrent would ignore anything but a dictionary, and use defaults.
    lt::bdecode_node const root = lt::bdecode({data, static_cast<std::ptrdiff_t>(state.size())});
    if (root.type() != lt::bdecode_node::dict_t)
        throw lt::system_error(lt::errors::not_a_dictionary);
    return lt::read_session_params(root);
}

// Only categories that the client uses. Other alerts would be thrown away, and their number grows
// with the load.
int alert_mask(InterestRecord const& interest, bool trackers) {
    namespace category = lt::alert_category;
    lt::alert_category_t mask =
        category::error | category::status | category::storage | category::port_mapping;
    auto const add = [&mask](bool wanted, lt::alert_category_t which) {
        if (wanted)
            mask |= which;
    };
    add(interest.peers, category::peer);
    add(interest.connections, category::connect);
    // SsrfFilter examines each announce.
    add(interest.trackers || trackers, category::tracker);
    add(interest.files, category::file_progress);
    add(interest.pieces, category::piece_progress);
    add(interest.performance, category::performance_warning);
    return static_cast<int>(static_cast<std::uint32_t>(mask));
}

SharedWithDisk shared_with_disk(DiskReads reads, ShardRecord const& shard,
                                std::shared_ptr<Reports> const& reports) {
    SharedWithDisk out;
#ifdef __linux__
    if (reads == DiskReads::ZeroCopy)
        out.plain = std::make_shared<PlainTorrents>();
#endif
    out.written = std::make_shared<Written>();
    out.new_files = std::make_shared<NewFiles>();
    out.counters = shard.counters;
    out.paths = shard.paths;
    out.lost = [reports](LostFile file) {
        reports->add([file = std::move(file)](Session& session, Alerts& out) {
            session.file_lost(file, out);
        });
    };
    out.ended = [reports](EndedJob job) {
        reports->add(
            [job = std::move(job)](Session& session, Alerts& out) { session.job_ended(job, out); });
    };
    return out;
}

bool is_address(std::string const& host) {
    lt::error_code failure;
    lt::make_address(host, failure);
    return host.empty() || host == "localhost" || !failure;
}

} // namespace

rust::Vec<SettingRecord> settings_of_state(rust::Slice<std::uint8_t const> state) {
    return setting_records(read_state(state).settings);
}

void Session::subscribe(InterestRecord const& interest) {
    lt::settings_pack pack;
    pack.set_int(lt::settings_pack::alert_mask, alert_mask(interest, policy_->blocks_local()));
    session_.apply_settings(std::move(pack));
}

std::unique_ptr<Session> new_session(rust::Slice<SettingRecord const> records, PolicyRecord allowed,
                                     DiskReads reads, ShardRecord shard,
                                     rust::Slice<std::uint8_t const> state,
                                     std::unique_ptr<IpFilter> blocked, rust::Box<Waker> waker) {
    keep_file_names();
    auto policy = std::make_shared<SessionPolicy>(allowed);
    lt::session_params params = read_state(state);
    // The records already include the saved settings.
    params.settings = settings(records);
    lt::settings_pack& pack = params.settings;
    pack.set_int(lt::settings_pack::alert_mask, alert_mask({}, policy->blocks_local()));
    auto const shared_waker = std::make_shared<rust::Box<Waker>>(std::move(waker));
    auto const reports = std::make_shared<Reports>([shared_waker] { (*shared_waker)->wake(); });
    SharedWithDisk const disk = shared_with_disk(reads, shard, reports);
#ifdef __linux__
    params.disk_io_constructor = read_path(reads, disk);
#else
    params.disk_io_constructor = stock_backend(disk);
#endif
    if (blocked)
        params.ip_filter = blocked->get();
    policy->restrict(params.ip_filter);
    policy->restrict(params.dht_state);
    if (!shard.keep_node_ids)
        params.dht_state.nids.clear();
    auto const plugins = std::make_shared<OnDemand>();
    auto const guard = std::make_shared<Guard>();
    // In place of libtorrent's own, `params.extensions`.
    plugins->add(lt::create_ut_pex_plugin);
    plugins->add(lt::create_smart_ban_plugin);
    plugins->add([guard, reports](lt::torrent_handle const& torrent, lt::client_data_t data) {
        auto const refused = [reports, id = torrent_id(data)](lt::error_code const& why) {
            reports->add([id, why](Session& session, Alerts& out) {
                session.metadata_refused(id, why, out);
            });
        };
        return assemble_metadata(
            torrent, data, [guard] { return guard->max_metadata(); }, refused);
    });
    plugins->add([guard](auto const& torrent, auto) { return guard->of_torrent(torrent); });
    plugins->add([](auto const& torrent, auto) { return connects_soon(torrent); });
    auto const free_ports = std::make_shared<FreePorts>();
    params.extensions = {plugins, guard, std::make_shared<Descriptors>(),
                         std::make_shared<FirstAnnounces>(), free_ports};
    if (policy->blocks_local()) {
        auto const ssrf_filter = std::make_shared<SsrfFilter>(policy);
        plugins->add([ssrf_filter](auto const&, auto data) {
            return ssrf_filter->of_torrent(torrent_id(data));
        });
        plugins->on_end([policy](std::uint64_t torrent) { policy->forget(torrent); });
        params.extensions.push_back(ssrf_filter);
    }
    params.disk_io_constructor = [guard, inner = std::move(params.disk_io_constructor)](
                                     lt::io_context& network,
                                     lt::settings_interface const& settings,
                                     lt::counters& statistics) {
        guard->use(network, settings);
        return inner(network, settings, statistics);
    };
    // The name of the proxy itself must be resolved.
    bool const silent =
        !policy->resolves_names() && is_address(pack.get_str(lt::settings_pack::proxy_hostname));
    return std::make_unique<Session>(
        std::move(params), std::move(policy), disk, reports, silent, *plugins,
        std::vector<std::uint32_t>(shard.cores.begin(), shard.cores.end()), free_ports,
        shared_waker);
}

// libtorrent 2.0 may start the DHT before it has sockets, and then forgets the nodes of the saved
// state.
void Session::restore_dht_nodes() {
    for (auto const& node : std::exchange(dht_nodes_, {}))
        session_.add_dht_node({node.address().to_string(), node.port()});
}

// A session that ends. Network thread only.
struct Session::Ending : std::enable_shared_from_this<Session::Ending> {
    using clock = std::chrono::steady_clock;
    // For answers of UDP trackers.
    static constexpr auto longest_wait = std::chrono::seconds(1);
    static constexpr auto between_looks = std::chrono::milliseconds(10);

    std::unique_ptr<Session> session;
    std::promise<lt::session_proxy> proxy;
    clock::time_point const deadline = clock::now() + longest_wait;

    void wait() {
        if (!internals::is_stopping_by_udp(session->session_) || clock::now() >= deadline)
            return end();
        auto timer = std::make_shared<boost::asio::steady_timer>(session->session_.get_context(),
                                                                 between_looks);
        timer->async_wait([self = shared_from_this(), timer](auto const&) { self->wait(); });
    }
    void end() {
        lt::session_proxy last = session->session_.abort();
        session.reset();
        proxy.set_value(std::move(last));
    }
};

std::unique_ptr<Teardown> Session::abort(std::unique_ptr<Session> session) {
    auto saver = std::move(session->saver_);
    lt::session_handle const handle(session->session_);
    std::vector<lt::torrent_handle> torrents;
    torrents.reserve(session->torrents_.size());
    for (auto const& [id, entry] : session->torrents_)
        torrents.push_back(entry.handle);
    auto ending = std::make_shared<Ending>();
    ending->session = std::move(session);
    auto proxy = ending->proxy.get_future();
    internals::post(handle, [ending, handle, torrents = std::move(torrents)] {
        // libtorrent stops the first torrent of its queue first, which takes time quadratic in the
        // length of the queue.
        internals::empty_queue(handle);
        internals::stop_by_udp(torrents);
        ending->wait();
    });
    return std::make_unique<Teardown>(std::move(proxy), std::move(saver));
}

std::unique_ptr<Teardown> abort_session(std::unique_ptr<Session> session) {
    return Session::abort(std::move(session));
}

} // namespace patron
