// Where a client may go: nowhere but the loopback interface when it is offline, nowhere past its
// proxy when that is to look up all names.
#pragma once

#include "torrent-patron/cpp/shim.hpp"
#include "torrent-patron/src/sys/bridge.rs.h"

#include <libtorrent/add_torrent_params.hpp>
#include <libtorrent/address.hpp>
#include <libtorrent/ip_filter.hpp>
#include <libtorrent/kademlia/dht_state.hpp>

#include <string>

namespace patron {

class Bounds {
  public:
    Bounds(bool loopback_only, Names names) : loopback_only_(loopback_only), names_(names) {}

    // Drops from the parameters of a torrent what is out of bounds.
    void keep(lt::add_torrent_params& params) const;
    // Adds to what is blocked.
    void keep(lt::ip_filter& filter) const;
    // Drops nodes that an earlier client knew.
    void keep(lt::dht::dht_state& state) const;

    bool tracker(std::string const& url) const;
    bool web_seed(std::string const& url) const;
    bool peer(lt::address const& address) const;
    // Why something is out of bounds, for a person.
    char const* reason() const;

  private:
    bool loopback_only_;
    Names names_;
};

} // namespace patron
