// Corrects and reports web seeds where libtorrent does not.
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

// Returns the URL to give to libtorrent. For a torrent with a single file, libtorrent takes the URL
// as that of the file, even if the file is in a directory, for which BEP 19 has another rule.
std::string web_seed_url(lt::torrent_info const& info, std::string const& url);

struct WebSeedFailure {
    std::uint64_t torrent;
    std::string url;
    NativeError error;
};

// Watches a torrent's web seeds: corrects their URLs once the metadata is known, and reports, on
// the network thread, why a web seed delivers nothing.
std::shared_ptr<lt::torrent_plugin> watch_web_seeds(lt::torrent_handle const& torrent,
                                                    std::function<void(WebSeedFailure)> report);

} // namespace patron
