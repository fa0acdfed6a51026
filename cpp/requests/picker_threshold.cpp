#include "torrent-patron/cpp/requests/picker_threshold.hpp"
#include "torrent-patron/cpp/session/internals.hpp"

#include <libtorrent/torrent_status.hpp>

#include <algorithm>
#include <utility>

namespace patron {
namespace {

constexpr int setting = lt::settings_pack::initial_picker_threshold;

} // namespace

void PickerThreshold::read(lt::torrent_handle const& torrent, bool is_read) {
    read_.erase(std::remove(read_.begin(), read_.end(), torrent), read_.end());
    if (is_read)
        read_.push_back(torrent);
    follow();
}

void PickerThreshold::change(lt::settings_pack& changes) {
    if (!chosen_ || !changes.has_val(setting))
        return;
    chosen_ = changes.get_int(setting);
    changes.clear(setting);
    follow();
}

void PickerThreshold::show(lt::settings_pack& settings) const {
    if (chosen_)
        settings.set_int(setting, *chosen_);
}

void PickerThreshold::save(lt::settings_pack& settings) const {
    show(settings);
    if (chosen_ == lt::default_settings().get_int(setting))
        settings.clear(setting);
}

void PickerThreshold::follow() {
    read_.erase(std::remove_if(read_.begin(), read_.end(),
                               [](auto const& torrent) { return !torrent.is_valid(); }),
                read_.end());
    if (read_.empty() && !chosen_)
        return;
    int const chosen = chosen_.value_or(internals::settings(session_).get_int(setting));
    bool const has_few = std::any_of(read_.begin(), read_.end(), [chosen](auto const& torrent) {
        return torrent.status({}).num_pieces < chosen;
    });
    if (has_few == chosen_.has_value())
        return;
    lt::settings_pack pack;
    pack.set_int(setting, has_few ? 0 : chosen);
    session_.apply_settings(std::move(pack));
    chosen_ = has_few ? std::optional<int>(chosen) : std::nullopt;
}

} // namespace patron
