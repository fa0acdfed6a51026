// Protects libtorrent from HTTP responses of web seeds.
#pragma once

#include <libtorrent/peer_connection_handle.hpp>

namespace patron {

// If more data follows an invalid chunk size (`Transfer-Encoding: chunked`), libtorrent loops
// forever. This passes received data on in parts, so that nothing follows a chunk size, and closes
// the connection after an invalid one. Must be called on the network thread, before anything is
// received. Needs the Itanium C++ ABI, and does nothing without it.
void split_responses(lt::peer_connection_handle const& web_seed);

// Returns the number of received bytes that libtorrent cannot process yet. Network thread only.
int unprocessed_bytes(lt::peer_connection_handle const& connection);

} // namespace patron
