// Makes messages about hash trees (BEP 52) harmless that some versions of libtorrent do not check
// enough; see compat.hpp. Called on the network thread.
#pragma once

#include <libtorrent/peer_connection_handle.hpp>
#include <libtorrent/torrent_handle.hpp>
#include <libtorrent/units.hpp>

#include <memory>

namespace patron::internals {

// Gives each pad file of libtorrent's torrent a hash tree with a random root. Without one, a peer
// that sends hashes for a root of zeros, which a pad file has, would make libtorrent use a null
// pointer (before 2.0.13). Called before there are peers.
void fill_pad_trees(std::shared_ptr<void> const& torrent);

// Makes room for a rejected request for the hashes of blocks, which libtorrent records as if it
// were one for the hashes of pieces, beyond the end of its list. Called when the
// hash of a piece was wrong, before the hashes of its blocks are requested.
void expect_rejects(lt::torrent_handle const& torrent, lt::piece_index_t piece);

// Forgets that peers of a torrent without hash trees have claimed to support v2, as they may before
// its metadata is known: libtorrent would request hashes from them. Called when the
// metadata is known, and after the handshake of each peer.
void drop_v2(std::shared_ptr<void> const& torrent);
void drop_v2(lt::peer_connection_handle const& peer, lt::torrent_handle const& torrent);

} // namespace patron::internals
