// The answers of web seeds, as libtorrent gets to see them.
#pragma once

#include <libtorrent/peer_connection_handle.hpp>

namespace patron {

// If an answer goes on behind an invalid chunk size (`Transfer-Encoding: chunked`), libtorrent
// never returns from it. This hands over what is received in parts, none of which goes on behind a
// chunk size, and closes the connection after an invalid one. To be called on the network thread,
// before anything is received. Needs the Itanium C++ ABI, and does nothing without it.
void split_answers(lt::peer_connection_handle const& web_seed);

} // namespace patron
