// The limits of a torrent: set at the start, changed, read back.
#pragma once

#include "torrent-patron/src/sys/bridge.rs.h"

#include <libtorrent/add_torrent_params.hpp>
#include <libtorrent/torrent_handle.hpp>

namespace patron {

// A limit of -1 means none, one of -2 leaves what there is.
void apply(LimitsRecord const& limits, lt::add_torrent_params& params);
void apply(LimitsRecord const& limits, lt::torrent_handle const& torrent);
LimitsRecord limits(lt::torrent_handle const& torrent);

} // namespace patron
