#pragma once

#include "torrent-patron/src/sys/bridge.rs.h"

#include <libtorrent/torrent_status.hpp>

#include <vector>

namespace patron {

// Converts statuses, except those of torrents that have been removed since.
rust::Vec<StatusRecord> statuses(std::vector<lt::torrent_status> const& all);

} // namespace patron
