// Checks the claims of resume data against the files on disk.
#pragma once

#include <libtorrent/add_torrent_params.hpp>

#include <cstdint>
#include <string>
#include <vector>

namespace patron {

// Returns the current state of a torrent's files on disk, for `check_resume_data` to compare with a
// later state. Examines each file.
std::string file_stamps(lt::add_torrent_params const& params);

// Returns whether the resume data claims data in the file. Data of a skipped file is in the part
// file.
bool is_claimed(lt::add_torrent_params const& params, lt::file_index_t file);

// Returns whether the resume data claims blocks of incomplete pieces that may be in the file.
bool has_unfinished(lt::add_torrent_params const& params, lt::file_index_t file);

// Withdraws the claims of resume data about files that have changed since, that do not exist, or
// that were skipped then and are wanted now. libtorrent then hashes the data of those files and any
// data beyond the claims, and downloads the rest. `saved` are the priorities in the resume data;
// `stamps` are those of the files when it was made, or empty. If the files were `moved` since, only
// their sizes and modification times count. Examines each file. Returns whether all claims were
// confirmed.
bool check_resume_data(lt::add_torrent_params& params,
                       std::vector<lt::download_priority_t> const& saved, std::string const& stamps,
                       bool moved);

} // namespace patron
