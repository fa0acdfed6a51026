// Where a client may connect: to the loopback interface alone when it is offline, and never past a
// proxy that is to look up all names.
#pragma once

#include "torrent-patron/cpp/bridge.hpp"
#include "torrent-patron/src/sys/bridge.rs.h"

#include <libtorrent/add_torrent_params.hpp>
#include <libtorrent/address.hpp>
#include <libtorrent/ip_filter.hpp>
#include <libtorrent/kademlia/dht_state.hpp>

#include <string>

namespace patron {

class NetworkPolicy {
  public:
    NetworkPolicy(bool loopback_only, Names names) : loopback_only_(loopback_only), names_(names) {}

    // Drops from the parameters of a torrent what is not allowed.
    void restrict(lt::add_torrent_params& params) const;
    // Adds to what is blocked.
    void restrict(lt::ip_filter& filter) const;
    // Drops nodes that an earlier client knew.
    void restrict(lt::dht::dht_state& state) const;

    bool allows_tracker(std::string const& url) const;
    bool allows_web_seed(std::string const& url) const;
    bool allows_peer(lt::address const& address) const;
    // Why something is not allowed, for a person.
    char const* reason() const;

  private:
    bool loopback_only_;
    Names names_;
};

} // namespace patron
