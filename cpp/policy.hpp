// Where a client may connect: only to the loopback interface if it is offline, and never past a
// proxy that is to resolve all names.
#pragma once

#include "torrent-patron/cpp/bridge.hpp"
#include "torrent-patron/src/sys/bridge.rs.h"

#include <libtorrent/add_torrent_params.hpp>
#include <libtorrent/address.hpp>
#include <libtorrent/ip_filter.hpp>
#include <libtorrent/kademlia/dht_state.hpp>

#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <vector>

namespace patron {

class NetworkPolicy {
  public:
    explicit NetworkPolicy(PolicyRecord const& record);

    // Removes what is not allowed from the parameters of a torrent.
    void restrict(lt::add_torrent_params& params) const;
    // Adds to the blocked addresses.
    void restrict(lt::ip_filter& filter) const;
    // Removes the DHT nodes of an earlier client that are not allowed.
    void restrict(lt::dht::dht_state& state) const;

    // Removes the URLs on this machine or the local network that the torrent itself names, except
    // those that the program also named, and returns them: otherwise the client would send requests
    // chosen by a stranger to hosts behind the firewall.
    std::vector<std::string> drop_local(lt::add_torrent_params& params,
                                        std::set<std::string> const& named) const;
    // The program names the URL for this torrent: its host may be anywhere.
    void name(std::uint64_t torrent, std::string const& url) const;
    void forget(std::uint64_t torrent) const;
    // Whether a web seed may be contacted at this address, now that its name has been resolved.
    bool allows_resolved(std::uint64_t torrent, std::string const& url,
                         lt::address const& address) const;
    bool allows_local(std::uint64_t torrent, std::string const& url) const;
    static void block_local(lt::ip_filter& filter);
    // Whether torrents may not name local hosts.
    bool keeps_local() const { return !loopback_only_ && !local_urls_; }
    bool looks_up_names() const { return !loopback_only_ && names_ == Names::Here; }

    bool allows_tracker(std::string const& url) const;
    bool allows_web_seed(std::string const& url) const;
    bool allows_peer(lt::address const& address) const;
    // Why something is not allowed, for people.
    char const* reason() const;

  private:
    bool loopback_only_;
    Names names_;
    bool local_urls_;
    // Shared by copies. Requests add to it on the network thread, adds on the client thread.
    struct Named;
    std::shared_ptr<Named> named_;
};

} // namespace patron
