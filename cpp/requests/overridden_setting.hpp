// A setting for which libtorrent temporarily has another value than the program chose. The program
// sees, changes and saves only its own choice.
#pragma once

#include <libtorrent/session_handle.hpp>
#include <libtorrent/settings_pack.hpp>

#include <optional>

namespace patron {

// Network thread only.
class OverriddenSetting {
  public:
    // The name of a bool or an int in lt::settings_pack.
    explicit OverriddenSetting(int name) : name_(name) {}

    // Gives libtorrent this value. Without a value, restores the program's choice.
    void set(lt::session_handle session, std::optional<int> value);
    bool is_set() const { return chosen_.has_value(); }
    int chosen(lt::session_handle const& session) const;

    // Takes the program's choice from its changes, so that it does not reach libtorrent now.
    void change(lt::settings_pack& changes);
    void show(lt::settings_pack& settings) const;
    // Saves the choice only if it differs from libtorrent's default.
    void save(lt::settings_pack& settings) const;

  private:
    int get(lt::settings_interface const& settings) const;
    void put(lt::settings_pack& settings, int value) const;

    int name_;
    // The program's choice while libtorrent has another value.
    std::optional<int> chosen_;
};

} // namespace patron
