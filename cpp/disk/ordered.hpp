// libtorrent's own disk backend, with its limits worked around.
#pragma once

#include "torrent-patron/cpp/disk/shared.hpp"
#include "torrent-patron/cpp/disk/torrents.hpp"

#include <libtorrent/disk_interface.hpp>
#include <libtorrent/io_context.hpp>
#include <libtorrent/performance_counters.hpp>
#include <libtorrent/session_params.hpp>
#include <libtorrent/settings_pack.hpp>

#include <memory>

namespace patron {

// Writes and hashes blocks. See file_jobs.hpp for the other jobs.
//
// Order of answers. A piece is hashed, or cleared if it is corrupt, on another thread than its last
// blocks are written on. So its answer may come before those of the writes, which libtorrent 2.0
// does not expect. If a piece has passed its check but is not written, it is counted twice when its
// file is skipped, so the torrent counts as finished and stops. If a block is answered after its
// piece was cleared, it counts as a new block, so a piece of one block is never requested again.
// Therefore the answers of async_hash and async_clear_piece wait for the answers of the writes to
// the piece. This is not done with 2.1, which writes a piece some time after it was hashed and
// expects that.
//
// Shared files. A file that belongs to several torrents is written for the first of them only.
std::unique_ptr<lt::disk_interface> ordered_backend(std::shared_ptr<Torrents> torrents,
                                                    SharedWithDisk const& shared,
                                                    lt::io_context& network,
                                                    lt::settings_interface const& settings,
                                                    lt::counters& statistics);

// The same, for a session in which libtorrent reads all blocks.
lt::disk_io_constructor_type stock_backend(SharedWithDisk shared);

} // namespace patron
