// Until a torrent has so many pieces, libtorrent picks pieces at random and passes priorities over.
// It is one setting for all torrents. While a torrent with fewer pieces is read, it is 0 for
// libtorrent; what a program sees, changes and saves is what it has chosen itself.
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
    // A torrent may have got enough pieces, or it was removed.
    void on_tick() override { follow(); }

    // The torrent is read from now on, or no more.
    void read(lt::torrent_handle const& torrent, bool is_read);
    // Takes what it is about out of what a program changes.
    void change(lt::settings_pack& changes);
    // Puts what a program has chosen into what it sees, and into what it saves, which has only what
    // differs from libtorrent's defaults.
    void show(lt::settings_pack& settings) const;
    void save(lt::settings_pack& settings) const;

  private:
    void follow();

    lt::session_handle session_;
    std::vector<lt::torrent_handle> read_;
    // While libtorrent has 0.
    std::optional<int> chosen_;
};

} // namespace patron
