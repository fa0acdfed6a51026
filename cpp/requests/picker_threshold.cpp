#include "torrent-patron/cpp/requests/picker_threshold.hpp"

#include <libtorrent/torrent_status.hpp>

#include <algorithm>
#include <optional>

namespace patron {

void PickerThreshold::read(lt::torrent_handle const& torrent, bool is_read) {
    read_.erase(std::remove(read_.begin(), read_.end(), torrent), read_.end());
    if (is_read)
        read_.push_back(torrent);
    follow();
}

void PickerThreshold::follow() {
    read_.erase(std::remove_if(read_.begin(), read_.end(),
                               [](auto const& torrent) { return !torrent.is_valid(); }),
                read_.end());
    if (read_.empty() && !setting.is_set())
        return;
    int const chosen = setting.chosen(session_);
    bool const has_few = std::any_of(read_.begin(), read_.end(), [chosen](auto const& torrent) {
        return torrent.status({}).num_pieces < chosen;
    });
    if (has_few != setting.is_set())
        setting.set(session_, has_few ? std::optional<int>(0) : std::nullopt);
}

} // namespace patron
