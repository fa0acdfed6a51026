// libtorrent's settings and metrics, by name.
#pragma once

#include "torrent-patron/cpp/trycatch.hpp"

#include "rust/cxx.h"

#include <libtorrent/settings_pack.hpp>

#include <cstdint>

namespace patron {

struct MetricRecord;
struct SettingRecord;
enum class SettingKind : std::uint8_t;

rust::Vec<rust::String> setting_names();
SettingKind setting_kind(rust::Str name);
rust::Vec<MetricRecord> metrics();

lt::settings_pack settings(rust::Slice<SettingRecord const> records);
void update(lt::settings_pack& pack, rust::Slice<SettingRecord const> records);
rust::Vec<SettingRecord> default_settings();
// Returns all settings in the pack.
rust::Vec<SettingRecord> setting_records(lt::settings_pack const& pack);

} // namespace patron
