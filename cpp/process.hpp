// What belongs to the process, not to a session: versions, descriptors, and how file names are
// taken.
#pragma once

#include "torrent-patron/cpp/trycatch.hpp"

#include "rust/cxx.h"

#include <cstdint>

namespace patron {

rust::String compiled_version();
rust::String loaded_version();
bool has_webrtc() noexcept;

// Raises the process's limit of open descriptors where it is lower; returns what it is then.
std::uint64_t raise_descriptor_limit(std::uint64_t wanted);

// To be called before libtorrent touches files.
void keep_file_names();

void throw_for_test(std::int32_t kind);

} // namespace patron
