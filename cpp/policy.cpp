#include "torrent-patron/cpp/policy.hpp"
#include "torrent-patron/cpp/compat.hpp"
#include "torrent-patron/cpp/url.hpp"

#include <algorithm>
#include <vector>

namespace patron {
namespace {

bool gives_address(std::string const& url) {
    lt::error_code failure;
    lt::make_address(host(url), failure);
    return !failure;
}

// A name but this one would have to be looked up.
bool is_here(std::string const& url) {
    std::string const name = host(url);
    if (name == "localhost")
        return true;
    lt::error_code failure;
    auto const ip = lt::make_address(name, failure);
    return !failure && ip.is_loopback();
}

} // namespace

// libtorrent looks up all names itself behind an HTTP proxy, but those of plain HTTP trackers.
bool NetworkPolicy::allows_tracker(std::string const& url) const {
    if (loopback_only_ && !is_here(url))
        return false;
    std::string const kind = scheme(url);
    switch (names_) {
    case Names::BySocks5:
        return kind == "http" || kind == "https" || kind == "udp";
    case Names::ByHttp:
        return kind == "http" || (kind == "https" && gives_address(url));
    default:
        return true;
    }
}

bool NetworkPolicy::allows_web_seed(std::string const& url) const {
    if (loopback_only_ && !is_here(url))
        return false;
    return names_ != Names::ByHttp || gives_address(url);
}

bool NetworkPolicy::allows_peer(lt::address const& address) const {
    return !loopback_only_ || address.is_loopback();
}

char const* NetworkPolicy::reason() const {
    return loopback_only_ ? "the client is offline, and this is not on the loopback interface"
                          : "this would go past the proxy";
}

void NetworkPolicy::restrict(lt::add_torrent_params& params) const {
    // libtorrent looks up the names of DHT nodes itself, even where the DHT is off.
    if (loopback_only_ || names_ != Names::Here)
        params.dht_nodes.clear();

    std::vector<std::string> trackers;
    std::vector<int> tiers;
    for (std::size_t i = 0; i < params.trackers.size(); ++i) {
        if (!allows_tracker(params.trackers[i]))
            continue;
        trackers.push_back(params.trackers[i]);
        tiers.push_back(i < params.tracker_tiers.size() ? params.tracker_tiers[i] : 0);
    }
    params.trackers = std::move(trackers);
    params.tracker_tiers = std::move(tiers);

    auto& urls = params.url_seeds;
    auto const beyond = [this](std::string const& url) { return !allows_web_seed(url); };
    urls.erase(std::remove_if(urls.begin(), urls.end(), beyond), urls.end());
    if (auto* const seeds = compat::http_seeds(params);
        seeds != nullptr && (loopback_only_ || names_ == Names::ByHttp))
        seeds->clear();

    auto& peers = params.peers;
    auto const away = [this](lt::tcp::endpoint const& end) { return !allows_peer(end.address()); };
    peers.erase(std::remove_if(peers.begin(), peers.end(), away), peers.end());
}

void NetworkPolicy::restrict(lt::ip_filter& filter) const {
    if (!loopback_only_)
        return;
    auto const block = [&filter](char const* first, char const* last) {
        filter.add_rule(lt::make_address(first), lt::make_address(last), lt::ip_filter::blocked);
    };
    // 0.0.0.0 stands for the address of a web seed that a SOCKS5 proxy is to look up.
    block("0.0.0.1", "126.255.255.255");
    block("128.0.0.0", "255.255.255.255");
    block("::", "::");
    block("::2", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff");
}

void NetworkPolicy::restrict(lt::dht::dht_state& state) const {
    auto const away = [this](lt::udp::endpoint const& node) {
        return !allows_peer(node.address());
    };
    for (auto* const nodes : {&state.nodes, &state.nodes6})
        nodes->erase(std::remove_if(nodes->begin(), nodes->end(), away), nodes->end());
}

} // namespace patron
