// The names of a torrent's files, where somebody else than its metainfo chooses them.
#pragma once

#include <libtorrent/add_torrent_params.hpp>
#include <libtorrent/file_storage.hpp>

#include <string>

namespace patron {

// They throw std::invalid_argument.

// A file of a torrent has a path below the save directory.
void check_file_name(std::string const& name);
// The files of a torrent have a path each, and none lies below another.
void check_renamed_files(lt::add_torrent_params const& params);
// The same for one that is to be renamed.
void check_rename(lt::file_storage const& files, lt::file_index_t renamed, std::string const& name);

// As it is on disk.
std::string file_name(lt::add_torrent_params const& params, lt::file_index_t file);

} // namespace patron
