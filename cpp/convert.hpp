// Conversions between libtorrent's types and the bridge's.
#pragma once

#include "torrent-patron/src/sys/bridge.rs.h"

#include <libtorrent/client_data.hpp>
#include <libtorrent/error_code.hpp>
#include <libtorrent/info_hash.hpp>
#include <libtorrent/socket.hpp>
#include <libtorrent/string_view.hpp>
#include <libtorrent/torrent_flags.hpp>

#include <cstdint>
#include <string>

namespace patron {

// Converts text from the network. Bytes that are not UTF-8 are replaced.
rust::String text(char const* string);
rust::String text(std::string const& string);
std::string path(rust::Slice<std::uint8_t const> bytes);
rust::Vec<std::uint8_t> bytes(lt::string_view string);
rust::String address(lt::address const& ip, int port);

NativeError none();
NativeError error(lt::error_code const& code);
// Converts the exception that is being handled.
NativeError current_exception();

void hashes(lt::info_hash_t const& hashes, rust::Vec<std::uint8_t>& v1,
            rust::Vec<std::uint8_t>& v2);

// A torrent's id is stored in libtorrent's userdata, so the torrent of an alert is found in O(1).
lt::client_data_t userdata(std::uint64_t torrent);
std::uint64_t torrent_id(lt::client_data_t data);

lt::torrent_flags_t flag(TorrentFlag which);
constexpr std::uint8_t flag_count = 10;

} // namespace patron
