// Connects to peers as soon as they are known. libtorrent does so for those of a tracker, of the
// DHT and of other peers; those that a program names it looks at once a second.
#pragma once

#include <libtorrent/extensions.hpp>

namespace patron {

class Connecting : public lt::plugin {
  public:
    std::shared_ptr<lt::torrent_plugin> new_torrent(lt::torrent_handle const& torrent,
                                                    lt::client_data_t data) override;
};

} // namespace patron
