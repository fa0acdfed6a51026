// How libtorrent looks up names: on one thread, that of asio's resolver.
#pragma once

#include <libtorrent/fwd.hpp>
#include <libtorrent/io_context.hpp>

namespace patron {

// From now on names are looked up in /etc/hosts alone. A redirect, or a tracker that names peers by
// host name, would otherwise make this machine ask a name server, whatever the client connects to.
// To be called before anything is looked up. Does nothing where the kernel has no seccomp filters.
void silence_resolver(lt::io_context& network);

} // namespace patron
