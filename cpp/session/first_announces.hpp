// Spreads the first announces of torrents with UDP trackers over time. libtorrent bounds how many
// announces over HTTP are in progress, but sends those over UDP at once: 100,000 torrents that are
// added together would send as many packets, of which most are lost. Network thread only.
#pragma once

#include <libtorrent/extensions.hpp>
#include <libtorrent/session_handle.hpp>
#include <libtorrent/time.hpp>
#include <libtorrent/torrent_handle.hpp>

#include <deque>
#include <memory>

namespace patron {

class FirstAnnounces : public lt::plugin {
  public:
    lt::feature_flags_t implemented_features() override { return tick_feature; }
    void added(lt::session_handle const& session) override { session_ = session; }
    std::shared_ptr<lt::torrent_plugin> new_torrent(lt::torrent_handle const& torrent,
                                                    lt::client_data_t) override;
    void on_tick() override;

  private:
    double rate() const;

    lt::session_handle session_;
    std::deque<lt::torrent_handle> waiting_;
    // How many torrents may begin now; as many as in a second if none has begun in the last one.
    double left_ = 0;
    lt::time_point refilled_;
};

} // namespace patron
