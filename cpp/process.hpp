// What belongs to the process, not to a session: versions, descriptors, and how file names are
// taken.
#pragma once

#include "torrent-patron/cpp/trycatch.hpp"

#include "rust/cxx.h"

#include <cstdint>

namespace patron {

enum class ShimCategory : std::uint8_t;

rust::String loaded_version();
// Fails, as every bridge function that can, where the libtorrent that is loaded is not the one that
// the shim was compiled for, or not the only one: a program may have loaded another before, whose
// functions are called in the place of ours.
void check_versions();
// As check_versions does.
void compare_versions(rust::Str compiled, rust::Str loaded, rust::Slice<rust::String const> files);

// How a category of the shim is called in an error (errors.hpp).
rust::Str category_name(ShimCategory category);

// Raises the process's limit of open descriptors where it is lower; returns what it is then.
std::uint64_t raise_descriptor_limit(std::uint64_t wanted);

// The calling thread takes no signals but those of its own faults; its threads inherit that.
void block_signals() noexcept;
// Of at most 15 letters.
void name_thread(char const* name) noexcept;
// The calling thread is libtorrent's network thread. Those that it has started have its name until
// name_disk_threads() is called, on it.
void name_network_thread();
void name_disk_threads();
// What is bound to this port is not for programs that this one starts.
void close_on_exec(std::uint16_t port);
bool is_network_device(rust::Str name) noexcept;

// To be called before libtorrent touches files.
void keep_file_names();

void throw_for_test(std::int32_t kind);

} // namespace patron
