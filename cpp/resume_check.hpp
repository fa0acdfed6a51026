// Checks the claims of resume data against the disk.
#pragma once

#include "rust/cxx.h"

#include <libtorrent/add_torrent_params.hpp>

#include <cstdint>
#include <string>
#include <vector>

namespace patron {

// The current state of a torrent's files on disk, for `check_resume_data` to compare with a later
// state. Examines each file.
std::string file_stamps(lt::add_torrent_params const& params);

// Whether the file has holes: parts that were never written.
bool has_hole(std::string const& path);
bool has_hole(rust::Slice<std::uint8_t const> path);

// Withdraws the claims of resume data about files that have changed since, that do not exist, or
// that were skipped then and are wanted now. libtorrent hashes what is on disk of those, and what
// is on disk beyond the claims; it downloads the rest. `saved` are the priorities in the resume
// data; `stamps` are those of the files when it was made, or empty. If the files were `moved`
// since, only their sizes and modification times count. Examines each file. Returns whether all
// claims stand.
bool check_resume_data(lt::add_torrent_params& params,
                       std::vector<lt::download_priority_t> const& saved, std::string const& stamps,
                       bool moved);

} // namespace patron
