// libtorrent resolves names on a single thread, that of asio's resolver.
#pragma once

#include <libtorrent/fwd.hpp>
#include <libtorrent/io_context.hpp>

namespace patron {

// Starts this thread now. asio would start it for the first name, and end the process if it cannot.
// With `silent`, names are only looked up in /etc/hosts. Otherwise a redirect, or a tracker that
// names peers by host name, would make this machine send DNS queries, whatever the client connects
// to. Must be called before anything is resolved; waits for a short-lived thread. Returns false if
// the kernel has no seccomp filters, or forbids them, and so names are looked up nevertheless.
bool start_resolver(lt::io_context& network, bool silent);

} // namespace patron
