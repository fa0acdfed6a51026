// Plugins of torrents that are made when they are first needed. Most torrents of many are idle, and
// the plugins of each would take a KiB. Network thread only.
#pragma once

#include <libtorrent/client_data.hpp>
#include <libtorrent/extensions.hpp>
#include <libtorrent/torrent_handle.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

namespace patron {

class OnDemand : public lt::plugin, public std::enable_shared_from_this<OnDemand> {
  public:
    using Make = std::function<std::shared_ptr<lt::torrent_plugin>(lt::torrent_handle const&,
                                                                   lt::client_data_t)>;
    using Ended = std::function<void(std::uint64_t torrent)>;

    // Of a plugin that does nothing until the torrent knows a peer, has a web seed when its files
    // have been checked, or has a connection. To be called before the first torrent is added.
    void add(Make make) { plugins_.push_back(std::move(make)); }
    // Called when a torrent is gone. Likewise.
    void on_end(Ended ended) { ended_ = std::move(ended); }

    std::shared_ptr<lt::torrent_plugin> new_torrent(lt::torrent_handle const& torrent,
                                                    lt::client_data_t data) override;

  private:
    class Torrent;

    std::vector<Make> plugins_;
    Ended ended_;
};

} // namespace patron
