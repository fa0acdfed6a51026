// Reads blocks for peers. Blocks that are in memory are answered at once, on the network thread;
// worker threads read the others. The files are checked for changes meanwhile, whoever reads them.
//
//   path.*              decides who reads a block, and answers
//   plain_torrents.hpp  which torrents may be sent from mappings
//   file_slices.*       where in a torrent's files a block lies
//   open_files.*        the files that are open, the least recently used closed first
//   file.*, mapping.*   one of them, and what of it is in memory
//   job.*               a block that a worker reads
//   pool.*              the workers
//   buffers.hpp         memory for blocks that are copied
//   file_spans.*        ranges of files that the program reads
//   view.*              what of a file the program reads on its own thread
//
// Linux only: other systems have no call that reports what is in memory.
#pragma once

#include "torrent-patron/cpp/disk/shared.hpp"

#include <libtorrent/session_params.hpp>

#include <cstdint>

namespace patron {

enum class DiskReads : std::uint8_t;

// The plain torrents are for zero copies: their blocks are sent from where they lie in the page
// cache.
lt::disk_io_constructor_type read_path(DiskReads reads, SharedWithDisk shared);

} // namespace patron
