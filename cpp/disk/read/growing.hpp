// Reads a file while it is being downloaded.
#pragma once

#include "torrent-patron/cpp/disk/torrents.hpp"

#include <libtorrent/span.hpp>

#include <cstdint>
#include <string>

namespace patron {

// Fills `to` with the bytes of the file from `offset` on. Returns false if it cannot, or if the
// file lacks the sample. Its time cannot show whether the file is the right one, because libtorrent
// writes to it. Called on a worker thread.
bool read_growing(std::string const& path, Sample const& last, std::int64_t offset,
                  lt::span<char> to);

} // namespace patron
