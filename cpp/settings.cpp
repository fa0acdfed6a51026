#include "torrent-patron/cpp/settings.hpp"
#include "torrent-patron/cpp/convert.hpp"
#include "torrent-patron/src/sys/catalogue.rs.h"

#include <libtorrent/session_stats.hpp>

#include <stdexcept>

namespace patron {

lt::settings_pack settings(rust::Slice<SettingRecord const> records) {
    lt::settings_pack pack;
    update(pack, records);
    return pack;
}

void update(lt::settings_pack& pack, rust::Slice<SettingRecord const> records) {
    for (SettingRecord const& record : records) {
        int const index = lt::setting_by_name(std::string(record.name));
        switch (setting_kind(record.name)) {
        case SettingKind::Text:
            pack.set_str(index, std::string(record.text));
            break;
        case SettingKind::Int:
            pack.set_int(index, static_cast<int>(record.number));
            break;
        case SettingKind::Bool:
            pack.set_bool(index, record.number != 0);
            break;
        default:
            throw std::invalid_argument("unknown setting " + std::string(record.name));
        }
    }
}

SettingKind setting_kind(rust::Str name) {
    int const index = lt::setting_by_name(std::string(name));
    // In 2.1, settings that no longer exist have an empty name.
    if (index < 0 || name.empty())
        return SettingKind::Unknown;
    switch (index & lt::settings_pack::type_mask) {
    case lt::settings_pack::string_type_base:
        return SettingKind::Text;
    case lt::settings_pack::int_type_base:
        return SettingKind::Int;
    case lt::settings_pack::bool_type_base:
        return SettingKind::Bool;
    default:
        return SettingKind::Unknown;
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

// Calls `visit` with the index and name of each setting.
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
        case SettingKind::Text:
            record.text = text(pack.get_str(index));
            break;
        case SettingKind::Int:
            record.number = pack.get_int(index);
            break;
        default:
            record.number = pack.get_bool(index);
        }
        records.push_back(std::move(record));
    });
    return records;
}

rust::Vec<SettingRecord> default_settings() {
    return setting_records(lt::default_settings());
}

} // namespace patron
