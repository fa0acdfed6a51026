// Protects libtorrent from answers of web seeds.
#pragma once

#include <libtorrent/peer_connection_handle.hpp>

namespace patron {

// If more data follows an invalid chunk size (`Transfer-Encoding: chunked`), libtorrent loops
// forever. This passes received data on in parts, so that nothing follows a chunk size, and closes
// the connection after an invalid one. Must be called on the network thread, before anything is
// received. Needs the Itanium C++ ABI, and does nothing without it.
void split_answers(lt::peer_connection_handle const& web_seed);

} // namespace patron
