// Refuses torrents that libtorrent would need much memory or time for. Can run on any thread.
#pragma once

#include <libtorrent/bdecode.hpp>

#include <cstddef>

namespace patron {

// For a .torrent file or resume data of this many bytes. Throws lt::system_error.
void check_cost(lt::bdecode_node const& root, std::size_t encoded);

} // namespace patron
