// Connects to peers as soon as they are known. libtorrent does that for peers from trackers, the
// DHT and other peers, but considers those that a program adds only once a second.
#pragma once

#include <libtorrent/extensions.hpp>

namespace patron {

class Connecting : public lt::plugin {
  public:
    std::shared_ptr<lt::torrent_plugin> new_torrent(lt::torrent_handle const& torrent,
                                                    lt::client_data_t data) override;
};

} // namespace patron
