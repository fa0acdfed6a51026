// Descriptors of libtorrent's that programs started by this one do not inherit. libtorrent opens
// its sockets and files without close-on-exec; an inherited socket keeps its port.
#pragma once

#include <cstdint>

namespace patron {

// Makes libtorrent open everything with close-on-exec from now on. False if it cannot: libtorrent
// is not a shared library, or this is not Linux.
bool open_close_on_exec();
// For the sockets that are bound to this port now.
void close_on_exec(std::uint16_t port);

} // namespace patron
