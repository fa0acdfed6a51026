// What resume data claims, against what is on disk.
#pragma once

#include "rust/cxx.h"

#include <libtorrent/add_torrent_params.hpp>

#include <cstdint>
#include <string>
#include <vector>

namespace patron {

// How the files of a torrent are on disk now: what `check_resume_data` compares a later state with.
// Looks at each file.
std::string file_stamps(lt::add_torrent_params const& params);

// Whether there are places in the file to which nothing was written.
bool has_hole(std::string const& path);
bool has_hole(rust::Slice<std::uint8_t const> path);

// Takes back what resume data claims of files that have changed since, that are not there, or that
// were skipped and are wanted now. libtorrent hashes what of that is on disk, and what is there
// beyond the claims; the rest it downloads. `saved` are the priorities in the resume data, `stamps`
// those of the files when it was made, or empty. Looks at each file.
void check_resume_data(lt::add_torrent_params& params,
                       std::vector<lt::download_priority_t> const& saved,
                       std::string const& stamps);

} // namespace patron
