#include "torrent-patron/cpp/convert.hpp"
#include "torrent-patron/cpp/compat.hpp"
#include "torrent-patron/cpp/trycatch.hpp"

#include <algorithm>
#include <array>
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
    // rust::Vec cannot be constructed from a range.
    return copied({reinterpret_cast<std::uint8_t const*>(string.data()), string.size()});
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
    NativeError out = none();
    describe([&out](char const* category, int value, char const* message) {
        out = NativeError{text(category), value, text(message)};
    });
    return out;
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
              "a torrent's id has 64 bits and is stored in a pointer");
} // namespace

lt::client_data_t userdata(std::uint64_t torrent) {
    return lt::client_data_t(reinterpret_cast<TorrentTag*>(static_cast<std::uintptr_t>(torrent)));
}

std::uint64_t torrent_id(lt::client_data_t data) {
    return reinterpret_cast<std::uintptr_t>(data.get<TorrentTag>());
}

lt::torrent_flags_t flag(TorrentFlag which) {
    switch (which) {
    case TorrentFlag::UploadMode:
        return lt::torrent_flags::upload_mode;
    case TorrentFlag::ShareMode:
        return lt::torrent_flags::share_mode;
    case TorrentFlag::ApplyIpFilter:
        return lt::torrent_flags::apply_ip_filter;
    case TorrentFlag::AutoManaged:
        return lt::torrent_flags::auto_managed;
    case TorrentFlag::SuperSeeding:
        return lt::torrent_flags::super_seeding;
    case TorrentFlag::Sequential:
        return lt::torrent_flags::sequential_download;
    case TorrentFlag::StopWhenReady:
        return lt::torrent_flags::stop_when_ready;
    case TorrentFlag::NoDht:
        return lt::torrent_flags::disable_dht;
    case TorrentFlag::NoLocalDiscovery:
        return lt::torrent_flags::disable_lsd;
    case TorrentFlag::NoPeerExchange:
        return lt::torrent_flags::disable_pex;
    }
    throw std::invalid_argument("unknown flag of a torrent");
}

} // namespace patron
