// Prevents child processes from inheriting libtorrent's descriptors. libtorrent opens its sockets
// and files without close-on-exec, and an inherited socket keeps its port in use.
#pragma once

#include <cstdint>

namespace patron {

// Makes libtorrent open everything with close-on-exec from now on. Returns false if that is
// impossible, because libtorrent is not a shared library or this is not Linux.
bool open_close_on_exec();
// Sets close-on-exec for the sockets that are bound to this port now.
void close_on_exec(std::uint16_t port);

} // namespace patron
