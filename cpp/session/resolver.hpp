// How libtorrent resolves names: on a single thread, that of asio's resolver.
#pragma once

#include <libtorrent/fwd.hpp>
#include <libtorrent/io_context.hpp>

namespace patron {

// From now on names are looked up only in /etc/hosts. Otherwise a redirect, or a tracker that names
// peers by host name, would make this machine send DNS queries, whatever the client connects to. To
// be called before anything is resolved; waits for a thread that does little. False if the kernel
// has no seccomp filters, or forbids them.
bool silence_resolver(lt::io_context& network);

} // namespace patron
