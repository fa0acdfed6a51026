// Makes the plugins of a torrent when they are first needed. An idle torrent needs none of them,
// and they would take almost 1 KiB. The plugin that all torrents have also reports pauses for which
// libtorrent posts no alert. Network thread only.
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
    using Call = std::function<void(std::uint64_t torrent)>;

    // For a plugin that does nothing until the torrent knows a peer, has a connection, or has a web
    // seed when its files have been checked. Call it before the first torrent is added.
    void add(Make make) { plugins_.push_back(std::move(make)); }
    // `ended` is called when a torrent has been destroyed. Call this before the first is added.
    void on_end(Call ended) { ended_ = std::move(ended); }
    // `paused` is called when a torrent was paused while its last pieces were being checked.
    void on_pause(Call paused) { paused_ = std::move(paused); }

    std::shared_ptr<lt::torrent_plugin> new_torrent(lt::torrent_handle const& torrent,
                                                    lt::client_data_t data) override;

  private:
    class Torrent;

    std::vector<Make> plugins_;
    Call ended_;
    Call paused_;
};

} // namespace patron
