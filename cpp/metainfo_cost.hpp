// Refuses torrents that libtorrent would need much memory or time for. Can run on any thread.
#pragma once

#include <libtorrent/bdecode.hpp>

#include <cstddef>
#include <string>

namespace patron {

// For a .torrent file or resume data of this many bytes. Throws lt::system_error.
void check_cost(lt::bdecode_node const& root, std::size_t encoded);
// For the info dictionary alone.
void check_info_cost(std::string const& encoded);

} // namespace patron
