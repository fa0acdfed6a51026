// What the bridge to sessions and torrents (src/sys/bridge.rs) can see. The shim:
//
//   session/      the session and its torrents, on the client thread; alerts and statuses
//   requests/     requests about a torrent or the session, on libtorrent's network thread
//   disk/         how blocks are read for peers
//   metainfo.*  maker.*  hashing.*  resume_*  file_names.*   .torrent files and resume data
//   settings.*  limits.*  convert.*   conversions between libtorrent's values and the bridge's
//   numbers.cpp   checks the numbers that cross the bridge unchanged
//   policy.*      where a client may connect
//   web_seeds.*   what libtorrent does not do for web seeds
//   url.hpp       the parts of a URL
//   process.*     what belongs to the process rather than to a session
//   compat.hpp    the only file that depends on libtorrent's version
//
// No function that the client thread calls waits for the network thread. Errors are exceptions;
// trycatch.hpp carries them to Rust.
#pragma once

#include "torrent-patron/cpp/disk/counters.hpp"
#include "torrent-patron/cpp/file_state.hpp"
#include "torrent-patron/cpp/metainfo.hpp"
#include "torrent-patron/cpp/requests/session.hpp"
#include "torrent-patron/cpp/requests/torrent.hpp"
#include "torrent-patron/cpp/session/session.hpp"
#include "torrent-patron/cpp/settings.hpp"
#include "torrent-patron/cpp/trycatch.hpp"
