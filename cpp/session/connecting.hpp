// Connects to peers as soon as they are known. libtorrent does so for those of a tracker, of the
// DHT and of other peers; those that a program names it looks at once a second.
#pragma once

#include <libtorrent/extensions.hpp>
#include <libtorrent/torrent_handle.hpp>

#include <memory>

namespace patron {

std::shared_ptr<lt::torrent_plugin> connects_soon(lt::torrent_handle const& torrent);

} // namespace patron
