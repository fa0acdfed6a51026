#include "torrent-patron/cpp/limits.hpp"

#include <algorithm>

namespace patron {
namespace {

constexpr int keep_current = -2;

// libtorrent allows no fewer connections.
int connections(int limit) {
    return limit > 0 ? std::max(limit, 2) : limit;
}

// The only number that libtorrent has for "no limit" on connections and upload slots.
constexpr int unlimited = (1 << 24) - 1;

} // namespace

void apply(LimitsRecord const& limits, lt::add_torrent_params& params) {
    if (limits.download_rate != keep_current)
        params.download_limit = limits.download_rate;
    if (limits.upload_rate != keep_current)
        params.upload_limit = limits.upload_rate;
    if (limits.connections != keep_current)
        params.max_connections = connections(limits.connections);
    if (limits.upload_slots != keep_current)
        params.max_uploads = limits.upload_slots;
}

void apply(LimitsRecord const& limits, lt::torrent_handle const& torrent) {
    if (limits.download_rate != keep_current)
        torrent.set_download_limit(limits.download_rate);
    if (limits.upload_rate != keep_current)
        torrent.set_upload_limit(limits.upload_rate);
    if (limits.connections != keep_current)
        torrent.set_max_connections(connections(limits.connections));
    if (limits.upload_slots != keep_current)
        torrent.set_max_uploads(limits.upload_slots);
}

LimitsRecord limits(lt::torrent_handle const& torrent) {
    auto const rate = [](int limit) { return limit > 0 ? limit : -1; };
    auto const number = [](int limit) { return limit > 0 && limit < unlimited ? limit : -1; };
    LimitsRecord out{};
    out.download_rate = rate(torrent.download_limit());
    out.upload_rate = rate(torrent.upload_limit());
    out.connections = number(torrent.max_connections());
    out.upload_slots = number(torrent.max_uploads());
    return out;
}

bool is_limited(LimitsRecord const& limits) {
    return limits.download_rate >= 0 || limits.upload_rate >= 0 || limits.connections >= 0 ||
           limits.upload_slots >= 0;
}

} // namespace patron
