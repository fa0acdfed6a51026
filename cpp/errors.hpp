// The shim's own errors. Their categories are used alongside those of libtorrent, Boost and the
// system.
#pragma once

#include "rust/cxx.h"

#include <libtorrent/error_code.hpp>

#include <cstdint>
#include <stdexcept>

namespace patron {

enum class ShimCategory : std::uint8_t;
struct NativeError;

namespace category {
// An argument that the shim refuses with std::invalid_argument.
inline constexpr char argument[] = "argument";
// NotDownloaded.
inline constexpr char not_downloaded[] = "not downloaded";
// Busy.
inline constexpr char busy[] = "busy";
// A file that another program has changed; see disk/read/file.cpp.
inline constexpr char file[] = "file";
// A file that another torrent has, with other data; see disk/paths.cpp.
inline constexpr char in_use[] = "in use";
// A file that exists and is not of the torrent; see disk/new_files.cpp.
inline constexpr char exists[] = "exists";
// The loaded libtorrent is not the one that the shim was compiled for; see process.cpp.
inline constexpr char version[] = "version";
// An exception without an error code.
inline constexpr char exception[] = "exception";
} // namespace category

// Returns the name of one of these categories.
rust::Str category_name(ShimCategory category);

// Data that the torrent does not have yet.
struct NotDownloaded : std::runtime_error {
    using std::runtime_error::runtime_error;
};

// The request must wait.
struct Busy : std::runtime_error {
    using std::runtime_error::runtime_error;
};

// A temporary lack of descriptors or memory.
inline bool is_shortage(lt::error_code const& code) {
    namespace errc = boost::system::errc;
    return code == errc::too_many_files_open || code == errc::too_many_files_open_in_system ||
           code == errc::not_enough_memory;
}

void throw_for_test(std::int32_t kind);
NativeError catch_for_test(std::int32_t kind);

} // namespace patron
