#include "torrent-patron/cpp/convert.hpp"
#include "torrent-patron/cpp/compat.hpp"

#include <libtorrent/hex.hpp>
#include <libtorrent/session_stats.hpp>
#include <libtorrent/version.hpp>

#include <algorithm>
#include <array>
#include <new>
#include <stdexcept>

namespace patron {

rust::String text(char const* string) {
    return rust::String::lossy(string == nullptr ? "" : string);
}

rust::String text(std::string const& string) {
    return rust::String::lossy(string.data(), string.size());
}

std::string path(rust::Slice<std::uint8_t const> bytes) {
    return std::string(reinterpret_cast<char const*>(bytes.data()), bytes.size());
}

rust::Vec<std::uint8_t> bytes(lt::string_view string) {
    rust::Vec<std::uint8_t> out;
    out.reserve(string.size());
    for (char const c : string)
        out.push_back(static_cast<std::uint8_t>(c));
    return out;
}

rust::String address(lt::address const& ip, int port) {
    std::string const host = ip.to_string();
    return text((ip.is_v6() ? "[" + host + "]" : host) + ":" + std::to_string(port));
}

NativeError none() {
    return NativeError{{}, 0, {}};
}

NativeError error(lt::error_code const& code) {
    if (!code)
        return none();
    return NativeError{text(code.category().name()), code.value(), text(code.message())};
}

NativeError current_exception() {
    try {
        throw;
    } catch (lt::system_error const& e) {
        return error(e.code());
    } catch (std::invalid_argument const& e) {
        // What the shim itself refuses.
        return NativeError{"argument", 0, text(e.what())};
    } catch (std::exception const& e) {
        return NativeError{"exception", 0, text(e.what())};
    } catch (...) {
        return NativeError{"exception", 0, "a C++ exception of an unknown type"};
    }
}

void hashes(lt::info_hash_t const& hashes, rust::Vec<std::uint8_t>& v1,
            rust::Vec<std::uint8_t>& v2) {
    if (hashes.has_v1())
        v1 = bytes(lt::string_view(hashes.v1.data(), hashes.v1.size()));
    if (hashes.has_v2())
        v2 = bytes(lt::string_view(hashes.v2.data(), hashes.v2.size()));
}

namespace {
struct TorrentTag;
static_assert(sizeof(TorrentTag*) >= sizeof(std::uint64_t),
              "a torrent's id is 64 bits and travels in a pointer");
} // namespace

lt::client_data_t userdata(std::uint64_t torrent) {
    return lt::client_data_t(reinterpret_cast<TorrentTag*>(static_cast<std::uintptr_t>(torrent)));
}

std::uint64_t torrent_id(lt::client_data_t data) {
    return reinterpret_cast<std::uintptr_t>(data.get<TorrentTag>());
}

lt::torrent_flags_t flag(std::size_t place) {
    static constexpr std::array<lt::torrent_flags_t, flag_count> all{
        lt::torrent_flags::upload_mode,     lt::torrent_flags::share_mode,
        lt::torrent_flags::apply_ip_filter, lt::torrent_flags::auto_managed,
        lt::torrent_flags::super_seeding,   lt::torrent_flags::sequential_download,
        lt::torrent_flags::stop_when_ready, lt::torrent_flags::disable_dht,
        lt::torrent_flags::disable_lsd,     lt::torrent_flags::disable_pex,
    };
    return all.at(place);
}

OwnRecord no_own() {
    return OwnRecord{{}, -1, -1, 0};
}

OwnRecord own(lt::entry const& entry) {
    OwnRecord record = no_own();
    if (entry.type() != lt::entry::dictionary_t)
        return record;
    auto const number = [&entry](char const* key, std::int64_t otherwise) {
        lt::entry const* const found = entry.find_key(key);
        return found != nullptr && found->type() == lt::entry::int_t ? found->integer() : otherwise;
    };
    if (lt::entry const* const to = entry.find_key("move to");
        to != nullptr && to->type() == lt::entry::string_t)
        record.move_to = bytes(to->string());
    record.share_ratio_permille = number("share ratio", -1);
    record.seed_seconds = number("seed seconds", -1);
    record.goal_action = static_cast<std::uint8_t>(number("goal action", 0));
    return record;
}

lt::entry own(OwnRecord const& record) {
    lt::entry entry(lt::entry::dictionary_t);
    if (!record.move_to.empty())
        entry["move to"] = std::string(record.move_to.begin(), record.move_to.end());
    if (record.share_ratio_permille >= 0)
        entry["share ratio"] = record.share_ratio_permille;
    if (record.seed_seconds >= 0)
        entry["seed seconds"] = record.seed_seconds;
    if (record.goal_action != 0)
        entry["goal action"] = std::int64_t(record.goal_action);
    return entry;
}

StatusRecord status(lt::torrent_status const& s) {
    StatusRecord out;
    out.torrent = torrent_id(s.handle.userdata());
    out.state = static_cast<std::uint8_t>(s.state);
    out.paused = bool(s.flags & lt::torrent_flags::paused);
    out.finished = s.is_finished;
    out.seeding = s.is_seeding;
    out.has_metadata = s.has_metadata;
    out.needs_saving = compat::needs_saving(s);
    out.ever_uploaded = s.all_time_upload;
    out.ever_downloaded = s.all_time_download;
    out.num_pieces = s.num_pieces;
    out.progress_ppm = s.progress_ppm;
    // libtorrent leaves it at 0 for a torrent without a piece picker: all or nothing is here.
    out.total = s.total != 0 ? s.total : std::max(s.total_done, s.total_wanted);
    out.total_done = s.total_done;
    out.total_wanted = s.total_wanted;
    out.total_wanted_done = s.total_wanted_done;
    out.downloaded = s.total_payload_download;
    out.uploaded = s.total_payload_upload;
    out.download_rate = s.download_payload_rate;
    out.upload_rate = s.upload_payload_rate;
    out.num_peers = s.num_peers;
    out.num_seeds = s.num_seeds;
    out.num_connections = s.num_connections;
    out.all_time_downloaded = s.all_time_download;
    out.all_time_uploaded = s.all_time_upload;
    out.active_seconds = lt::total_seconds(s.active_duration);
    out.seeding_seconds = lt::total_seconds(s.finished_duration);
    out.error = error(s.errc);
    return out;
}

lt::settings_pack settings(rust::Slice<SettingRecord const> records) {
    lt::settings_pack pack;
    for (SettingRecord const& record : records) {
        int const index = lt::setting_by_name(std::string(record.name));
        switch (setting_kind(record.name)) {
        case 0:
            pack.set_str(index, std::string(record.text));
            break;
        case 1:
            pack.set_int(index, static_cast<int>(record.number));
            break;
        case 2:
            pack.set_bool(index, record.number != 0);
            break;
        default:
            throw std::invalid_argument("unknown setting " + std::string(record.name));
        }
    }
    return pack;
}

std::int32_t setting_kind(rust::Str name) {
    int const index = lt::setting_by_name(std::string(name));
    if (index < 0)
        return -1;
    switch (index & lt::settings_pack::type_mask) {
    case lt::settings_pack::string_type_base:
        return 0;
    case lt::settings_pack::int_type_base:
        return 1;
    case lt::settings_pack::bool_type_base:
        return 2;
    default:
        return -1;
    }
}

rust::Vec<MetricRecord> metrics() {
    rust::Vec<MetricRecord> out;
    for (auto const& metric : lt::session_stats_metrics()) {
        MetricRecord known{};
        known.name = text(metric.name);
        known.index = metric.value_index;
        known.gauge = metric.type == lt::metric_type_t::gauge;
        out.push_back(std::move(known));
    }
    return out;
}

namespace {

// Calls `visit` with the index and the name of each setting.
template <typename Visit>
void each_setting(Visit visit) {
    auto const range = [&visit](int base, int count) {
        for (int i = base; i < base + count; ++i) {
            char const* const name = lt::name_for_setting(i);
            // Retired settings have no name.
            if (name != nullptr && *name != '\0')
                visit(i, name);
        }
    };
    using pack = lt::settings_pack;
    range(pack::string_type_base, pack::num_string_settings);
    range(pack::int_type_base, pack::num_int_settings);
    range(pack::bool_type_base, pack::num_bool_settings);
}

} // namespace

rust::Vec<rust::String> setting_names() {
    rust::Vec<rust::String> names;
    each_setting([&names](int, char const* name) { names.push_back(text(name)); });
    return names;
}

rust::Vec<SettingRecord> setting_records(lt::settings_pack const& pack) {
    rust::Vec<SettingRecord> records;
    each_setting([&](int index, char const* name) {
        if (!pack.has_val(index))
            return;
        SettingRecord record{};
        record.name = text(name);
        switch (setting_kind(rust::Str(name))) {
        case 0:
            record.text = text(pack.get_str(index));
            break;
        case 1:
            record.number = pack.get_int(index);
            break;
        default:
            record.number = pack.get_bool(index);
        }
        records.push_back(std::move(record));
    });
    return records;
}

rust::String compiled_version() {
    return text(LIBTORRENT_VERSION);
}

rust::String loaded_version() {
    return text(lt::version());
}

bool has_webrtc() noexcept {
    return compat::has_webrtc;
}

void throw_for_test(std::int32_t sort) {
    switch (sort) {
    case 0:
        throw lt::system_error(lt::errors::torrent_is_no_dict);
    case 1:
        throw std::system_error(ENOSPC, std::generic_category());
    case 2:
        throw std::runtime_error("a plain exception");
    case 3:
        throw std::bad_alloc();
    case 4:
        throw 42;
    case 5: // longer than the buffer, with bytes that are not UTF-8
        throw std::runtime_error(std::string(4096, '\xff'));
    default:
        return;
    }
}

} // namespace patron
