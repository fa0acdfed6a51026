// The shim's own errors. Their categories are used alongside those of libtorrent, Boost and the
// system.
#pragma once

#include <libtorrent/error_code.hpp>

#include <stdexcept>

namespace patron {

// Rust obtains these names through category_name (process.hpp).
namespace category {
// An argument that the shim refuses with std::invalid_argument.
inline constexpr char argument[] = "argument";
// NotDownloaded.
inline constexpr char not_downloaded[] = "not here";
// Busy.
inline constexpr char busy[] = "busy";
// A file that another program has changed; see disk/read/file.cpp.
inline constexpr char file[] = "file";
// A file that another torrent has, with other data; see disk/paths.cpp.
inline constexpr char in_use[] = "in use";
// The loaded libtorrent is not the one that the shim was compiled for; see process.cpp.
inline constexpr char version[] = "version";
// An exception without an error code.
inline constexpr char exception[] = "exception";
} // namespace category

// Data that the torrent does not have yet.
struct NotDownloaded : std::runtime_error {
    using std::runtime_error::runtime_error;
};

// The request must wait.
struct Busy : std::runtime_error {
    using std::runtime_error::runtime_error;
};

// A lack of descriptors or memory, which passes.
inline bool is_shortage(lt::error_code const& code) {
    namespace errc = boost::system::errc;
    return code == errc::too_many_files_open || code == errc::too_many_files_open_in_system ||
           code == errc::not_enough_memory;
}

} // namespace patron
