// Protects libtorrent from HTTP responses of web seeds.
#pragma once

#include <libtorrent/peer_connection_handle.hpp>

namespace patron {

// Closes the connection of a web seed
//
// - that sends too much that libtorrent cannot process: a header, or the line before a chunk.
//   libtorrent keeps it in a buffer, and writes beyond its end when it is larger than
//   max_peer_recv_buffer_size.
// - after an invalid chunk size (`Transfer-Encoding: chunked`), because libtorrent loops forever if
//   more data follows. Received data is passed on in parts, so that nothing follows a chunk size.
// - that answers without a request, because libtorrent 2.0 compares the answer with its first
//   request all the same.
//
// Must be called on the network thread, before anything is received. Needs the Itanium C++ ABI, and
// does nothing without it.
void guard_responses(lt::peer_connection_handle const& web_seed);

} // namespace patron
