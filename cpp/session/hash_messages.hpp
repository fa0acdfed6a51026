// Protects hash trees (BEP 52) from peers that make hashes up.
#pragma once

#include <libtorrent/peer_connection_handle.hpp>

namespace patron {

// Closes the connection of a peer that sends hashes that it was not asked for. libtorrent takes
// them, with a proof as short as the peer likes, and keeps some of them even when the proof is
// wrong: wrong data could pass, and correct data could not.
//
// Must be called on the network thread, before anything is received. Needs the Itanium C++ ABI, and
// does nothing without it.
void guard_hash_messages(lt::peer_connection_handle const& peer);

} // namespace patron
