#include "torrent-patron/cpp/session/first_announces.hpp"
#include "torrent-patron/cpp/session/internals.hpp"

#include <libtorrent/aux_/session_settings.hpp>
#include <libtorrent/settings_pack.hpp>

#include <algorithm>
#include <chrono>

namespace patron {

// Torrents per second.
double FirstAnnounces::rate() const {
    constexpr double per_http_announce = 10;
    auto const& settings = internals::settings(session_);
    int const most = settings.get_int(lt::settings_pack::max_concurrent_http_announces);
    return per_http_announce * std::max(most, 1);
}

std::shared_ptr<lt::torrent_plugin> FirstAnnounces::new_torrent(lt::torrent_handle const& torrent,
                                                                lt::client_data_t) {
    if (refilled_ == lt::time_point())
        on_tick();
    if (left_ >= 1)
        --left_;
    else if (internals::hold_announces(torrent))
        waiting_.push_back(torrent);
    return nullptr;
}

void FirstAnnounces::on_tick() {
    auto const now = lt::clock_type::now();
    auto const passed = std::chrono::duration<double>(now - refilled_).count();
    refilled_ = now;
    left_ = std::min(rate(), left_ + rate() * passed);
    for (; left_ >= 1 && !waiting_.empty(); waiting_.pop_front(), --left_)
        internals::begin_announces(waiting_.front());
}

} // namespace patron
