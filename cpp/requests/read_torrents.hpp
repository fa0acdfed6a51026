// What libtorrent does differently for torrents that are read while they download.
#pragma once

#include "torrent-patron/cpp/requests/picker_threshold.hpp"
#include "torrent-patron/cpp/requests/request_queues.hpp"

#include <memory>

namespace patron {

// Network thread only.
struct ReadTorrents {
    void read(lt::torrent_handle const& torrent, bool is_read) {
        queues.limit(torrent, is_read);
        threshold->read(torrent, is_read);
    }

    RequestQueues queues;
    std::shared_ptr<PickerThreshold> const threshold = std::make_shared<PickerThreshold>();
};

} // namespace patron
