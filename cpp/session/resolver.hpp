// libtorrent resolves names on a single thread, that of asio's resolver.
#pragma once

#include <libtorrent/fwd.hpp>
#include <libtorrent/io_context.hpp>

namespace patron {

// Restricts name lookups to /etc/hosts from now on. Otherwise a redirect, or a tracker that names
// peers by host name, would make this machine send DNS queries, whatever the client connects to.
// Must be called before anything is resolved; waits for a short-lived thread. Returns false if the
// kernel has no seccomp filters, or forbids them.
bool silence_resolver(lt::io_context& network);

} // namespace patron
