// Functions for the process rather than a session: versions, threads, descriptors, and the encoding
// of file names.
#pragma once

#include "torrent-patron/cpp/trycatch.hpp"

#include "rust/cxx.h"

#include <cstdint>
#include <vector>

namespace patron {

rust::String loaded_version();
// Throws if the loaded libtorrent is not the one that the shim was compiled for, or not the only
// one: a program may have loaded another before, whose functions are called instead of ours. Every
// bridge function that can fail does the same.
void check_versions();
// Compares these versions as check_versions does.
void compare_versions(rust::Str compiled, rust::Str loaded, rust::Slice<rust::String const> files);

// Raises the process's limit on open descriptors, if it is lower, as far as permitted. Returns the
// limit that then applies.
std::uint64_t raise_descriptor_limit(std::uint64_t wanted);

// Blocks all signals on the calling thread except those caused by its own faults; the threads that
// it starts inherit that.
void block_signals() noexcept;
// Divides the calling thread's share of processor time into the shortest slices, so that it runs
// sooner after it was woken while other threads keep the cores busy. Linux 6.12 and later.
void shorten_slices() noexcept;
// Names the calling thread, with at most 15 characters, and removes a binding to cores that it
// inherited from a bound thread.
void name_thread(char const* name) noexcept;
// Names libtorrent's network thread, on which it must be called. Threads that it has started have
// its name until name_disk_threads() is called, also on it.
void name_network_thread();
// Also removes their binding to cores if the network thread is bound.
void name_disk_threads();
// Returns the cores that the calling thread may run on. Empty if the system does not bind threads.
rust::Vec<std::uint32_t> allowed_cores();
// Binds the calling thread, which is libtorrent's network thread, to these cores.
void bind_network_thread(std::vector<std::uint32_t> const& cores) noexcept;
bool is_network_device(rust::Str name) noexcept;

// Must be called before libtorrent accesses files.
void keep_file_names();

} // namespace patron
