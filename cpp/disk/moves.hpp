// What surrounds libtorrent's moves of files. These functions wait for the disk.
#pragma once

#include "torrent-patron/cpp/disk/shared.hpp"
#include "torrent-patron/cpp/disk/torrents.hpp"

#include <libtorrent/disk_interface.hpp>
#include <libtorrent/error_code.hpp>

#include <cstdint>
#include <string>
#include <vector>

namespace patron {

struct MovedFile {
    std::string from;
    std::string to;
};

// Returns the files and the part file, each with its path before and after a move. Does not wait.
std::vector<MovedFile> moved_files(TorrentFiles const& torrent, std::string const& to);

// Returns the result of a move. Does not wait.
EndedJob ended_move(TorrentFiles const& torrent, std::string const& to, lt::status_t status,
                    lt::storage_error const& error);

// Returns an error if there is a file of this path, or if there cannot be one.
lt::error_code occupied(std::string const& path);

// Returns why a move has failed. libtorrent may report that a file of this size cannot be renamed
// to another file system, although it is the copy that failed.
lt::error_code move_error(lt::error_code error, std::string const& to, std::int64_t size);

// Removes the copies that a failed move has left, and their directories.
void remove_copies(std::vector<MovedFile> const& files, std::string const& to);

} // namespace patron
