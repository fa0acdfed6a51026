#include "torrent-patron/cpp/policy.hpp"
#include "torrent-patron/cpp/compat.hpp"
#include "torrent-patron/cpp/url.hpp"

#include <algorithm>
#include <utility>
#include <vector>

namespace patron {
namespace {

bool has_ip_address(std::string const& url) {
    lt::error_code failure;
    lt::make_address(host(url), failure);
    return !failure;
}

// Returns whether the URL is on this machine. Any name but localhost would have to be resolved.
bool is_loopback_host(std::string const& url) {
    std::string const name = host(url);
    if (name == "localhost")
        return true;
    lt::error_code failure;
    auto const ip = lt::make_address(name, failure);
    return !failure && ip.is_loopback();
}

void block(lt::ip_filter& filter, char const* first, char const* last,
           std::uint32_t flags = lt::ip_filter::blocked) {
    filter.add_rule(lt::make_address(first), lt::make_address(last), flags);
}

// Marks the ranges that the policy blocks and the program does not.
constexpr std::uint32_t by_policy = 2;

// Sets the flags of the ranges that have one of the flags `with` in the other filter.
void set_rules(lt::ip_filter& filter, lt::ip_filter const& other, std::uint32_t with,
               std::uint32_t flags) {
    auto const set = [&](auto const& ranges) {
        for (auto const& range : ranges)
            if (range.flags & with)
                filter.add_rule(range.first, range.last, flags);
    };
    auto const ranges = other.export_filter();
    set(std::get<0>(ranges));
    set(std::get<1>(ranges));
}

// The address ranges of this machine and the local network.
constexpr std::pair<char const*, char const*> local_ranges[] = {
    {"0.0.0.0", "0.255.255.255"},
    {"10.0.0.0", "10.255.255.255"},
    {"100.64.0.0", "100.127.255.255"},
    {"127.0.0.0", "127.255.255.255"},
    {"169.254.0.0", "169.254.255.255"},
    {"172.16.0.0", "172.31.255.255"},
    {"192.168.0.0", "192.168.255.255"},
    {"::", "::1"},
    {"::ffff:0:0", "::ffff:ffff:ffff"},
    {"fc00::", "fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"},
    {"fe80::", "feff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"},
};

lt::ip_filter const& local_filter() {
    // Never destroyed: the network thread may outlive main.
    static lt::ip_filter const& filter = *[] {
        auto* const blocked = new lt::ip_filter;
        for (auto const& [first, last] : local_ranges)
            block(*blocked, first, last);
        return blocked;
    }();
    return filter;
}

bool is_local(lt::address const& address) {
    return local_filter().access(address) == lt::ip_filter::blocked;
}

// Returns whether a host is local without resolving it: a local address, also in a form that only
// the system's resolver accepts (127.1, 0x7f000001), or a name that is not in the public DNS.
bool is_local(std::string name) {
    name = lower(std::move(name));
    while (!name.empty() && name.back() == '.')
        name.pop_back();
    lt::error_code failure;
    auto const ip = lt::make_address(name, failure);
    if (!failure)
        return is_local(ip);
    auto const dot = name.rfind('.');
    if (dot == std::string::npos)
        return true;
    std::string const last = name.substr(dot + 1);
    bool const numeric =
        last.find_first_not_of("0123456789") == std::string::npos || last.substr(0, 2) == "0x";
    return numeric || last == "localhost" || last == "local" || last == "lan" ||
           last == "internal" || last == "home" || last == "localdomain" || last == "intranet" ||
           (last == "arpa" && name.size() > 10 && name.substr(name.size() - 10) == ".home.arpa");
}

using Urls = std::vector<std::string>;

// Removes what `keep` refuses, and returns it in order.
template <typename Keep>
Urls keep_trackers(lt::add_torrent_params& params, Keep const& keep) {
    Urls trackers, dropped;
    std::vector<int> tiers;
    for (std::size_t i = 0; i < params.trackers.size(); ++i) {
        std::string& url = params.trackers[i];
        if (!keep(url)) {
            dropped.push_back(std::move(url));
            continue;
        }
        trackers.push_back(std::move(url));
        tiers.push_back(i < params.tracker_tiers.size() ? params.tracker_tiers[i] : 0);
    }
    params.trackers = std::move(trackers);
    params.tracker_tiers = std::move(tiers);
    return dropped;
}

bool is_webrtc(std::string const& tracker) {
    std::string const kind = scheme(tracker);
    return kind == "ws" || kind == "wss";
}

} // namespace

NetworkPolicy::NetworkPolicy(PolicyRecord const& record)
    : loopback_only_(record.loopback_only), names_(record.names), local_urls_(record.local_urls),
      webrtc_(record.webrtc) {}

std::vector<std::string> NetworkPolicy::drop_local(lt::add_torrent_params& params,
                                                   std::set<std::string> const& named) const {
    // An offline client cannot reach anything else anyway.
    if (!blocks_local())
        return {};
    auto const is_allowed = [&named](std::string const& url) {
        return named.count(url) > 0 || !is_local(host(url));
    };
    Urls dropped = keep_trackers(params, is_allowed);
    for (auto* const urls : {&params.url_seeds, compat::http_seeds(params)}) {
        if (urls == nullptr)
            continue;
        auto const last = std::stable_partition(urls->begin(), urls->end(), is_allowed);
        dropped.insert(dropped.end(), last, urls->end());
        urls->erase(last, urls->end());
    }
    return dropped;
}

std::vector<std::string> NetworkPolicy::drop_webrtc(lt::add_torrent_params& params,
                                                    std::set<std::string> const& named) const {
    return keep_trackers(params, [&](std::string const& url) {
        return !is_webrtc(url) ||
               (allows_tracker(url) && (!blocks_local() || named.count(url) > 0));
    });
}

std::set<std::string> NetworkPolicy::local_urls(lt::add_torrent_params const& params) const {
    std::set<std::string> out;
    if (!blocks_local())
        return out;
    for (auto const* const urls : {&params.trackers, &params.url_seeds})
        for (std::string const& url : *urls)
            if (is_local(host(url)) || is_webrtc(url))
                out.insert(url);
    return out;
}

// Behind an HTTP proxy, libtorrent resolves all names itself, except those of plain HTTP trackers.
bool NetworkPolicy::allows_tracker(std::string const& url) const {
    if (loopback_only_ && (!is_loopback_host(url) || is_webrtc(url)))
        return false;
    if (!webrtc_ && is_webrtc(url))
        return false;
    std::string const kind = scheme(url);
    switch (names_) {
    case Names::BySocks5:
        return kind == "http" || kind == "https" || kind == "udp";
    case Names::ByHttp:
        return kind == "http" || (kind == "https" && has_ip_address(url));
    default:
        return true;
    }
}

bool NetworkPolicy::allows_web_seed(std::string const& url) const {
    if (loopback_only_ && !is_loopback_host(url))
        return false;
    return names_ != Names::ByHttp || has_ip_address(url);
}

bool NetworkPolicy::allows_peer(lt::address const& address) const {
    return !loopback_only_ || address.is_loopback();
}

std::string NetworkPolicy::reason(std::string const& url) const {
    if (!webrtc_ && is_webrtc(url))
        return "disk_reads=zero_copy cannot be combined with peers by WebRTC";
    if (loopback_only_)
        return is_webrtc(url) ? "the client is offline, and WebRTC asks servers elsewhere"
                              : "the client is offline, and this is not on the loopback interface";
    if (names_ == Names::Here && is_webrtc(url))
        return "the tracker and its WebRTC peers may be on the local network, and the program has "
               "not named it";
    return "this would bypass the proxy";
}

void NetworkPolicy::restrict(lt::add_torrent_params& params) const {
    // libtorrent resolves the names of DHT nodes itself, even if the DHT is off.
    if (loopback_only_ || names_ != Names::Here)
        params.dht_nodes.clear();

    keep_trackers(params, [this](std::string const& url) { return allows_tracker(url); });

    auto& urls = params.url_seeds;
    auto const is_forbidden_url = [this](std::string const& url) { return !allows_web_seed(url); };
    urls.erase(std::remove_if(urls.begin(), urls.end(), is_forbidden_url), urls.end());
    if (auto* const seeds = compat::http_seeds(params);
        seeds != nullptr && (loopback_only_ || names_ == Names::ByHttp))
        seeds->clear();

    auto& peers = params.peers;
    auto const is_forbidden = [this](lt::tcp::endpoint const& end) {
        return !allows_peer(end.address());
    };
    peers.erase(std::remove_if(peers.begin(), peers.end(), is_forbidden), peers.end());
}

void NetworkPolicy::restrict(lt::ip_filter& filter) const {
    if (!loopback_only_)
        return;
    auto const chosen = filter;
    auto const flags = lt::ip_filter::blocked | by_policy;
    // 0.0.0.0 is the address of a web seed whose name a SOCKS5 proxy will resolve.
    block(filter, "0.0.0.1", "126.255.255.255", flags);
    block(filter, "128.0.0.0", "255.255.255.255", flags);
    block(filter, "::", "::", flags);
    block(filter, "::2", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", flags);
    set_rules(filter, chosen, lt::ip_filter::blocked, lt::ip_filter::blocked);
}

lt::ip_filter NetworkPolicy::without_policy(lt::ip_filter filter) {
    set_rules(filter, lt::ip_filter(filter), by_policy, 0);
    return filter;
}

void NetworkPolicy::restrict(lt::dht::dht_state& state) const {
    auto const is_forbidden = [this](lt::udp::endpoint const& node) {
        return !allows_peer(node.address());
    };
    for (auto* const nodes : {&state.nodes, &state.nodes6})
        nodes->erase(std::remove_if(nodes->begin(), nodes->end(), is_forbidden), nodes->end());
}

void SessionPolicy::name(std::uint64_t torrent, std::string const& url) {
    if (!blocks_local())
        return;
    std::lock_guard<std::mutex> const lock(mutex_);
    hosts_[torrent].insert(host(url));
}

void SessionPolicy::forget(std::uint64_t torrent) {
    std::lock_guard<std::mutex> const lock(mutex_);
    hosts_.erase(torrent);
}

bool SessionPolicy::allows_local(std::uint64_t torrent, std::string const& url) const {
    if (!blocks_local())
        return true;
    std::lock_guard<std::mutex> const lock(mutex_);
    auto const found = hosts_.find(torrent);
    return found != hosts_.end() && found->second.count(host(url)) > 0;
}

bool SessionPolicy::allows_resolved(std::uint64_t torrent, std::string const& url,
                                    lt::address const& address) const {
    // If a proxy resolves the name, there is no address.
    return address.is_unspecified() || !is_local(address) || allows_local(torrent, url);
}

SessionPolicy::Filter SessionPolicy::with_local_blocked(Filter const& filter) {
    if (filter && filter == with_local_blocked_)
        return filter;
    if (!with_local_blocked_ || filter != filter_) {
        auto blocked = filter ? *filter : lt::ip_filter();
        for (auto const& [first, last] : local_ranges)
            block(blocked, first, last);
        filter_ = filter;
        with_local_blocked_ = std::make_shared<lt::ip_filter const>(std::move(blocked));
    }
    return with_local_blocked_;
}

} // namespace patron
