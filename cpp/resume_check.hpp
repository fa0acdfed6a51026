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

// Takes back what resume data claims of files that have changed since, that are not there, or that
// were skipped and are wanted now. libtorrent hashes what of that is on disk, and what is there
// beyond the claims; the rest it downloads. `saved` are the priorities in the resume data, `stamps`
// those of the files when it was made, or empty; where they were `moved` since, only their sizes
// and the times of their data count. Looks at each file. Says whether all is as it claims.
bool check_resume_data(lt::add_torrent_params& params,
                       std::vector<lt::download_priority_t> const& saved, std::string const& stamps,
                       bool moved);

} // namespace patron
