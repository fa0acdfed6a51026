// Hashes the files of a torrent once more after its download. libtorrent's own check would
// disconnect all peers, and announce the torrent as stopped and started.
#pragma once

#include <libtorrent/torrent_handle.hpp>

#include <functional>

namespace patron {

// Hashes the pieces that a finished torrent has, a few at a time. Passes on whether all have their
// v1 hash: false for a torrent without v1 hashes. If the torrent is removed, checked, or wants more
// data in the meantime, `then` is not called. Network thread only.
void verify_pieces(lt::torrent_handle const& torrent, std::function<void(bool)> then);

} // namespace patron
