// Requests about the trackers and web seeds of a torrent.
#include "torrent-patron/cpp/compat.hpp"
#include "torrent-patron/cpp/convert.hpp"
#include "torrent-patron/cpp/metainfo.hpp"
#include "torrent-patron/cpp/policy.hpp"
#include "torrent-patron/cpp/requests/torrent.hpp"
#include "torrent-patron/cpp/session/internals.hpp"
#include "torrent-patron/cpp/session/ssrf_filter.hpp"
#include "torrent-patron/cpp/web_seeds.hpp"

#include <libtorrent/announce_entry.hpp>
#include <libtorrent/time.hpp>
#include <libtorrent/torrent_info.hpp>

#include <algorithm>
#include <string>
#include <vector>

namespace patron {
namespace {

AnnounceRecord announce(lt::announce_endpoint const& from, lt::announce_infohash const& a,
                        lt::protocol_version version) {
    AnnounceRecord out{};
    out.from = address(from.local_endpoint.address(), from.local_endpoint.port());
    out.v2 = version == lt::protocol_version::V2;
    out.message = text(a.message);
    out.error = error(a.last_error);
    out.failures = a.fails;
    out.updating = a.updating;
    auto const until = lt::total_seconds(a.next_announce - lt::clock_type::now());
    out.next_seconds =
        a.next_announce == (lt::time_point32::min)() ? -1 : std::max<std::int64_t>(until, 0);
    out.seeds = a.scrape_complete;
    out.leechers = a.scrape_incomplete;
    out.downloads = a.scrape_downloaded;
    return out;
}

lt::announce_entry tracker(TrackerRecord const& record) {
    lt::announce_entry entry{std::string(record.url)};
    entry.tier = static_cast<std::uint8_t>(record.tier);
    entry.source = lt::announce_entry::source_client;
    return entry;
}

// Returns the URL of a web seed in the form that libtorrent was given.
std::string given(Torrent const& torrent, rust::Str url) {
    auto const info = torrent.torrent_file();
    return info && info->is_valid() ? web_seed_url(*info, std::string(url)) : std::string(url);
}

} // namespace

// No caller waits for the result, so a failure need not be reported.
void Torrent::merge(TorrentParams const& other) const noexcept try {
    lt::add_torrent_params const& source = other.params_;
    auto const info = torrent_file();
    if (info && info->priv())
        return;
    if (source.ti && !(info && info->is_valid()))
        set_metadata(source.ti->info_section());
    for (std::size_t i = 0; i < source.trackers.size(); ++i) {
        int const tier = i < source.tracker_tiers.size() ? source.tracker_tiers[i] : 0;
        add_tracker(tracker(TrackerRecord{text(source.trackers[i]), tier}));
    }
    for (std::string const& url : source.url_seeds)
        add_url_seed(given(*this, url));
    compat::add_http_seeds(*this, source);
    for (lt::tcp::endpoint const& peer : other.peers_)
        connect_peer(peer);
} catch (...) {
}

TrackersRecord Torrent::tracker_statuses() const {
    auto const hashes = info_hashes();
    TrackersRecord out{};
    for (lt::announce_entry const& entry : trackers()) {
        TrackerStatusRecord tracker{};
        tracker.url = text(entry.url);
        tracker.tier = entry.tier;
        tracker.working = entry.verified;
        tracker.source = entry.source;
        for (lt::announce_endpoint const& from : entry.endpoints) {
            if (!from.enabled)
                continue;
            for (auto const version : {lt::protocol_version::V1, lt::protocol_version::V2}) {
                if (!hashes.has(version))
                    continue;
                out.announces.push_back(announce(from, from.info_hashes[version], version));
                ++tracker.announces;
            }
        }
        out.trackers.push_back(std::move(tracker));
    }
    return out;
}

void Torrent::add_one_tracker(TrackerRecord const& record) const {
    check(policy_.allows_tracker(std::string(record.url)), policy_, std::string(record.url));
    policy_.name(torrent_id(userdata()), std::string(record.url));
    add_tracker(tracker(record));
}

void Torrent::remove_tracker(rust::Str url) const {
    auto all = trackers();
    auto const gone =
        std::remove_if(all.begin(), all.end(), [wanted = std::string(url)](auto const& entry) {
            return entry.url == wanted;
        });
    if (gone == all.end())
        refuse(std::string(url) + ": the torrent has no such tracker");
    all.erase(gone, all.end());
    replace_trackers(all);
}

void Torrent::replace_all_trackers(rust::Slice<TrackerRecord const> records) const {
    std::vector<lt::announce_entry> all;
    for (TrackerRecord const& record : records) {
        check(policy_.allows_tracker(std::string(record.url)), policy_, std::string(record.url));
        policy_.name(torrent_id(userdata()), std::string(record.url));
        all.push_back(tracker(record));
    }
    replace_trackers(all);
}

// Asks all trackers. By default, libtorrent scrapes only the one that answered last.
void Torrent::scrape() const {
    int const count = static_cast<int>(trackers().size());
    if (count == 0)
        refuse("the torrent has no tracker");
    for (int i = 0; i < count; ++i)
        scrape_tracker(i);
    if (policy_.blocks_local())
        restrict_trackers(internals::session_of(*this), policy_);
}

rust::Vec<rust::String> Torrent::web_seeds() const {
    rust::Vec<rust::String> out;
    for (std::string const& url : url_seeds())
        out.push_back(text(url));
    return out;
}

void Torrent::add_web_seed(rust::Str url) const {
    check(policy_.allows_web_seed(std::string(url)), policy_, std::string(url));
    policy_.name(torrent_id(userdata()), std::string(url));
    add_url_seed(given(*this, url));
}

void Torrent::remove_web_seed(rust::Str url) const {
    std::string const wanted = given(*this, url);
    if (url_seeds().count(wanted) == 0)
        refuse(std::string(url) + ": the torrent has no such web seed");
    remove_url_seed(wanted);
}

} // namespace patron
