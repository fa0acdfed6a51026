// Where a client may connect: only to the loopback interface if it is offline, and never in a way
// that avoids a proxy which must resolve all names.
#pragma once

#include "torrent-patron/src/sys/bridge.rs.h"

#include <libtorrent/add_torrent_params.hpp>
#include <libtorrent/address.hpp>
#include <libtorrent/ip_filter.hpp>
#include <libtorrent/kademlia/dht_state.hpp>

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

namespace patron {

class NetworkPolicy {
  public:
    explicit NetworkPolicy(PolicyRecord const& record);

    // Removes everything that is not allowed from the parameters of a torrent.
    void restrict(lt::add_torrent_params& params) const;
    // Adds blocked addresses to the filter.
    void restrict(lt::ip_filter& filter) const;
    // Returns a restricted filter without the added addresses. The filter is saved in this form, as
    // the next client may have another policy.
    static lt::ip_filter without_policy(lt::ip_filter filter);
    // Removes the DHT nodes of an earlier client that are not allowed.
    void restrict(lt::dht::dht_state& state) const;

    // Removes the URLs on this machine or the local network that come from the torrent itself,
    // except those that the program also named, and returns them. Otherwise an untrusted torrent
    // could make the client send requests to hosts behind the firewall.
    std::vector<std::string> drop_local(lt::add_torrent_params& params,
                                        std::set<std::string> const& named) const;
    // Removes the trackers for WebRTC peers that are not allowed, and returns them. libtorrent
    // applies no filter to the addresses of such a tracker, nor to those that its peers claim to
    // have.
    std::vector<std::string> drop_webrtc(lt::add_torrent_params& params,
                                         std::set<std::string> const& named) const;
    // Returns the torrent's URLs that are, or may be, on this machine or the local network.
    std::set<std::string> local_urls(lt::add_torrent_params const& params) const;
    // Whether torrents must not name local hosts.
    bool blocks_local() const { return !loopback_only_ && !local_urls_; }
    bool resolves_names() const { return !loopback_only_ && names_ == Names::Here; }

    bool allows_tracker(std::string const& url) const;
    bool allows_web_seed(std::string const& url) const;
    bool allows_peer(lt::address const& address) const;
    // Returns why a URL is not allowed, as text.
    std::string reason(std::string const& url) const;

  private:
    bool loopback_only_;
    Names names_;
    bool local_urls_;
    bool webrtc_;
};

// The policy of a session. It also knows the hosts that the program has named, which may be local.
class SessionPolicy : public NetworkPolicy {
  public:
    using NetworkPolicy::NetworkPolicy;

    // Records that the program has named the URL for this torrent. Any thread.
    void name(std::uint64_t torrent, std::string const& url);
    void forget(std::uint64_t torrent);
    bool allows_local(std::uint64_t torrent, std::string const& url) const;
    // Returns whether a tracker or web seed may be contacted at this address, to which its name has
    // been resolved.
    bool allows_resolved(std::uint64_t torrent, std::string const& url,
                         lt::address const& address) const;
    // Returns the filter with the local network blocked as well. Network thread only.
    using Filter = std::shared_ptr<lt::ip_filter const>;
    Filter with_local_blocked(Filter const& filter);

  private:
    mutable std::mutex mutex_;
    std::map<std::uint64_t, std::set<std::string>> hosts_;
    // The last filter, which is nearly always the next one, and the result for it.
    Filter filter_;
    Filter with_local_blocked_;
};

} // namespace patron
