// Until a torrent has so many pieces, libtorrent picks pieces at random and passes priorities over.
// It is one setting for all torrents. While a torrent with fewer pieces is read, it is 0.
#pragma once

#include "torrent-patron/cpp/requests/overridden_setting.hpp"

#include <libtorrent/extensions.hpp>
#include <libtorrent/session_handle.hpp>
#include <libtorrent/torrent_handle.hpp>

#include <vector>

namespace patron {

// Network thread only.
class PickerThreshold : public lt::plugin {
  public:
    lt::feature_flags_t implemented_features() override { return tick_feature; }
    void added(lt::session_handle const& session) override { session_ = session; }
    // A torrent may have got enough pieces, or it was removed, or the program has changed the
    // setting.
    void on_tick() override { follow(); }

    // The torrent is read from now on, or no more.
    void read(lt::torrent_handle const& torrent, bool is_read);

    OverriddenSetting setting{lt::settings_pack::initial_picker_threshold};

  private:
    void follow();

    lt::session_handle session_;
    std::vector<lt::torrent_handle> read_;
};

} // namespace patron
