// Where a client may connect: to the loopback interface alone when it is offline, and never past a
// proxy that is to look up all names.
#pragma once

#include "torrent-patron/cpp/bridge.hpp"
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

    // Drops from the parameters of a torrent what is not allowed.
    void restrict(lt::add_torrent_params& params) const;
    // Adds to what is blocked.
    void restrict(lt::ip_filter& filter) const;
    // Drops nodes that an earlier client knew.
    void restrict(lt::dht::dht_state& state) const;

    // Drops what the torrent itself names on this machine or the local network, but not what a
    // person has named, and gives the URLs: the client would send requests of a stranger's choice
    // to what is behind the firewall.
    std::vector<std::string> drop_local(lt::add_torrent_params& params,
                                        std::set<std::string> const& named) const;
    // Whether torrents are kept from naming what is local.
    bool keeps_local() const { return !loopback_only_ && !local_urls_; }
    bool looks_up_names() const { return !loopback_only_ && names_ == Names::Here; }

    bool allows_tracker(std::string const& url) const;
    bool allows_web_seed(std::string const& url) const;
    bool allows_peer(lt::address const& address) const;
    // Why something is not allowed, for a person.
    char const* reason() const;

  private:
    bool loopback_only_;
    Names names_;
    bool local_urls_;
};

// A session's policy: it knows the hosts that persons have named, which may be anywhere.
class SessionPolicy : public NetworkPolicy {
  public:
    using NetworkPolicy::NetworkPolicy;

    // A person names the URL for this torrent. Any thread.
    void name(std::uint64_t torrent, std::string const& url);
    void forget(std::uint64_t torrent);
    bool allows_local(std::uint64_t torrent, std::string const& url) const;
    // Whether a tracker or web seed may be contacted there, now that its name is looked up.
    bool allows_resolved(std::uint64_t torrent, std::string const& url,
                         lt::address const& address) const;
    // What a filter blocks, and the local network besides. Network thread only.
    using Filter = std::shared_ptr<lt::ip_filter const>;
    Filter without_local(Filter const& filter);

  private:
    mutable std::mutex mutex_;
    std::map<std::uint64_t, std::set<std::string>> hosts_;
    // The filter that came last, which is nearly always the next one, and what came of it.
    Filter filter_;
    Filter without_local_;
};

} // namespace patron
