#include "torrent-patron/cpp/requests/overridden_setting.hpp"
#include "torrent-patron/cpp/session/internals.hpp"

#include <utility>

namespace patron {
namespace {

bool is_bool(int name) {
    return (name & lt::settings_pack::type_mask) == lt::settings_pack::bool_type_base;
}

} // namespace

void OverriddenSetting::set(lt::session_handle session, std::optional<int> value) {
    if (!value && !chosen_)
        return;
    lt::settings_pack pack;
    if (value) {
        chosen_ = chosen(session);
        put(pack, *value);
    } else {
        put(pack, *std::exchange(chosen_, std::nullopt));
    }
    session.apply_settings(std::move(pack));
}

int OverriddenSetting::chosen(lt::session_handle const& session) const {
    return chosen_ ? *chosen_ : get(internals::settings(session));
}

void OverriddenSetting::change(lt::settings_pack& changes) {
    if (!chosen_ || !changes.has_val(name_))
        return;
    chosen_ = get(changes);
    changes.clear(name_);
}

void OverriddenSetting::show(lt::settings_pack& settings) const {
    if (chosen_)
        put(settings, *chosen_);
}

void OverriddenSetting::save(lt::settings_pack& settings) const {
    show(settings);
    if (chosen_ == get(lt::default_settings()))
        settings.clear(name_);
}

int OverriddenSetting::get(lt::settings_interface const& settings) const {
    return is_bool(name_) ? int(settings.get_bool(name_)) : settings.get_int(name_);
}

void OverriddenSetting::put(lt::settings_pack& settings, int value) const {
    if (is_bool(name_))
        settings.set_bool(name_, value != 0);
    else
        settings.set_int(name_, value);
}

} // namespace patron
