// The limits of a torrent: set when it is added, changed, and read back.
#pragma once

#include "torrent-patron/src/sys/bridge.rs.h"

#include <libtorrent/add_torrent_params.hpp>
#include <libtorrent/torrent_handle.hpp>

namespace patron {

// -1 means no limit, -2 leaves the current one.
void apply(LimitsRecord const& limits, lt::add_torrent_params& params);
void apply(LimitsRecord const& limits, lt::torrent_handle const& torrent);
LimitsRecord limits(lt::torrent_handle const& torrent);
bool is_limited(LimitsRecord const& limits);

} // namespace patron
