// What libtorrent does not do for web seeds.
#pragma once

#include "torrent-patron/src/sys/bridge.rs.h"

#include <libtorrent/extensions.hpp>
#include <libtorrent/torrent_handle.hpp>
#include <libtorrent/torrent_info.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

namespace patron {

// The URL to give to libtorrent. It takes that of a torrent with one file for the file's own, also
// where the file lies in a folder, for which BEP 19 has another rule.
std::string web_seed_url(lt::torrent_info const& info, std::string const& url);

struct WebSeedFailure {
    std::uint64_t torrent;
    std::string url;
    NativeError error;
};

// For each torrent: its web seeds get the right URLs once its metadata is known, and why one of
// them gives nothing is told, on the network thread.
std::shared_ptr<lt::torrent_plugin> watch_web_seeds(lt::torrent_handle const& torrent,
                                                    std::function<void(WebSeedFailure)> tell);

} // namespace patron
