// The names of a torrent's files. They are checked if they do not come from its metainfo.
#pragma once

#include <libtorrent/add_torrent_params.hpp>
#include <libtorrent/download_priority.hpp>
#include <libtorrent/file_storage.hpp>
#include <libtorrent/sha1_hash.hpp>

#include <cstddef>
#include <string>
#include <vector>

namespace patron {

// The check functions throw std::invalid_argument.

// The path of a file must be below the save directory.
void check_file_name(std::string const& name);
// Each file must have its own path, and none may be below another.
void check_renamed_files(lt::add_torrent_params const& params);
// Like check_renamed_files, for a single file that will be renamed. `paths` has the path of each
// file.
void check_rename(lt::file_storage const& files, std::vector<std::string> const& paths,
                  lt::file_index_t renamed, std::string const& name);

// Returns the directory that a path is in.
std::string parent(std::string const& path);
// Returns whether a torrent has data for the file: it is not a pad file, and not empty.
template <typename Files>
bool has_data(Files const& files, lt::file_index_t file) {
    return !files.pad_file_at(file) && files.file_size(file) > 0;
}
// Returns whether a file or piece is not wanted. The list may lack those without a priority.
template <typename Index>
bool is_skipped(std::vector<lt::download_priority_t> const& priorities, Index index) {
    auto const place = static_cast<std::size_t>(static_cast<int>(index));
    return place < priorities.size() && priorities[place] == lt::dont_download;
}
// Returns the path of the file on disk, below the save directory.
std::string file_name(lt::add_torrent_params const& params, lt::file_index_t file);
// Returns the name of the file in which libtorrent keeps the pieces that skipped files share with
// others. The info hash is the one that libtorrent passes to its disk backend.
std::string part_file_name(lt::sha1_hash const& torrent);
// Returns the path of that file.
std::string part_file(lt::add_torrent_params const& params);

} // namespace patron
