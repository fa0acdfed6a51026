// Connects to peers as soon as they are known. libtorrent does that for peers from trackers, the
// DHT and other peers, but considers those that a program adds only once a second.
#pragma once

#include <libtorrent/extensions.hpp>
#include <libtorrent/torrent_handle.hpp>

#include <memory>

namespace patron {

std::shared_ptr<lt::torrent_plugin> connects_soon(lt::torrent_handle const& torrent);

} // namespace patron
