// Assembles the metadata that peers send (BEP 9), and examines it before libtorrent parses it on
// the network thread, which can take minutes. Network thread only.
#pragma once

#include <libtorrent/client_data.hpp>
#include <libtorrent/error_code.hpp>
#include <libtorrent/extensions.hpp>
#include <libtorrent/torrent_handle.hpp>

#include <functional>
#include <memory>

namespace patron {

// Returns a plugin for the torrent. Its metadata may have `max_size()` bytes. `refused` is called
// if it would cost too much; it is not requested again.
std::shared_ptr<lt::torrent_plugin>
assemble_metadata(lt::torrent_handle const& torrent, lt::client_data_t data,
                  std::function<int()> max_size,
                  std::function<void(lt::error_code const&)> refused);

} // namespace patron
