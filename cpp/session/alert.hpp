// What the conversions of alerts share.
#pragma once

#include "torrent-patron/cpp/convert.hpp"

#include <libtorrent/alert_types.hpp>
#include <libtorrent/error_code.hpp>
#include <libtorrent/torrent_handle.hpp>

#include <chrono>
#include <cstdint>
#include <optional>

namespace patron {

inline std::uint64_t id(lt::alert const& alert) {
    return torrent_id(static_cast<lt::torrent_alert const&>(alert).handle.userdata());
}

template <typename Index>
std::uint32_t number(Index index) {
    return static_cast<std::uint32_t>(static_cast<int>(index));
}

// Returns whether an error is temporary. A duplicate is: the client knows all torrents of its
// session, so the other one must be in the process of being removed.
bool is_temporary(lt::error_code const& code);

// Returns whether a repeated failure was reported within the last minute; `last` is when. If not,
// it is set to now.
bool was_reported(std::optional<std::chrono::steady_clock::time_point>& last);

// Ignores a torrent that has been removed meanwhile.
void pause(lt::torrent_handle const& torrent);

} // namespace patron
