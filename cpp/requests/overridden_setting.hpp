// A setting that libtorrent has another value of than the program has chosen, for a while. What the
// program sees, changes and saves is its own choice.
#pragma once

#include <libtorrent/session_handle.hpp>
#include <libtorrent/settings_pack.hpp>

#include <optional>

namespace patron {

// Network thread only.
class OverriddenSetting {
  public:
    // A bool or an int of lt::settings_pack.
    explicit OverriddenSetting(int name) : name_(name) {}

    // Gives libtorrent this value, or the program's again.
    void set(lt::session_handle session, std::optional<int> value);
    bool is_set() const { return chosen_.has_value(); }
    int chosen(lt::session_handle const& session) const;

    // Takes it out of what the program changes.
    void change(lt::settings_pack& changes);
    void show(lt::settings_pack& settings) const;
    // What is saved has only what differs from libtorrent's defaults.
    void save(lt::settings_pack& settings) const;

  private:
    int get(lt::settings_interface const& settings) const;
    void put(lt::settings_pack& settings, int value) const;

    int name_;
    // While libtorrent has another value.
    std::optional<int> chosen_;
};

} // namespace patron
