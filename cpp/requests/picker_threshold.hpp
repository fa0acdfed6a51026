// Overrides libtorrent's setting initial_picker_threshold. While a torrent has fewer pieces than
// that, libtorrent picks pieces at random and ignores priorities. The setting applies to all
// torrents. While a torrent with fewer pieces is being read, libtorrent gets 0; programs still see,
// change and save their own value.
#pragma once

#include <libtorrent/extensions.hpp>
#include <libtorrent/session_handle.hpp>
#include <libtorrent/settings_pack.hpp>
#include <libtorrent/torrent_handle.hpp>

#include <optional>
#include <vector>

namespace patron {

// Network thread only.
class PickerThreshold : public lt::plugin {
  public:
    lt::feature_flags_t implemented_features() override { return tick_feature; }
    void added(lt::session_handle const& session) override { session_ = session; }
    // A torrent may have enough pieces now, or may have been removed.
    void on_tick() override { follow(); }

    // Notes whether the torrent is being read.
    void read(lt::torrent_handle const& torrent, bool is_read);
    // Removes this setting from a program's changes, and remembers it.
    void change(lt::settings_pack& changes);
    // Puts the program's value into settings that a program sees or saves. Saved settings contain
    // only those that differ from libtorrent's defaults.
    void show(lt::settings_pack& settings) const;
    void save(lt::settings_pack& settings) const;

  private:
    void follow();

    lt::session_handle session_;
    std::vector<lt::torrent_handle> read_;
    // The program's value, while libtorrent has 0.
    std::optional<int> chosen_;
};

} // namespace patron
