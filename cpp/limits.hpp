// The limits of a torrent, as they are set at the start and read back. libtorrent's own setters
// change them.
#pragma once

#include "torrent-patron/src/sys/bridge.rs.h"

#include <libtorrent/add_torrent_params.hpp>
#include <libtorrent/torrent_handle.hpp>

namespace patron {

// A limit of -1 means none, one of -2 leaves what there is.
void apply(LimitsRecord const& limits, lt::add_torrent_params& params);
LimitsRecord limits(lt::torrent_handle const& torrent);

} // namespace patron
