// Overrides libtorrent's setting initial_picker_threshold. While a torrent has fewer pieces than
// that, libtorrent picks pieces at random and ignores priorities. The setting applies to all
// torrents. While a torrent with fewer pieces is being read, libtorrent gets 0.
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
    // A torrent may have enough pieces now, or may have been removed; the program may have changed
    // the setting.
    void on_tick() override { follow(); }

    // Notes whether the torrent is being read.
    void read(lt::torrent_handle const& torrent, bool is_read);

    OverriddenSetting setting{lt::settings_pack::initial_picker_threshold};

  private:
    void follow();

    lt::session_handle session_;
    std::vector<lt::torrent_handle> read_;
};

} // namespace patron
