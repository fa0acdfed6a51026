// Checks for requests about a torrent, and access to libtorrent's lists.
#pragma once

#include <libtorrent/download_priority.hpp>
#include <libtorrent/torrent_handle.hpp>
#include <libtorrent/torrent_info.hpp>
#include <libtorrent/torrent_status.hpp>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace patron {

class NetworkPolicy;

[[noreturn]] void refuse(std::string const& why);
// Returns "1 file", "2 files".
std::string count(int number, char const* what);

// Returns the metainfo. Throws if a magnet link has no metadata yet.
std::shared_ptr<lt::torrent_info const> metainfo(lt::torrent_handle const& torrent);
lt::file_index_t file(lt::torrent_info const& info, std::uint32_t index);
lt::piece_index_t piece(lt::torrent_info const& info, std::uint32_t index);

// Refuses an address or URL that the policy does not allow.
void check(bool allowed, NetworkPolicy const& policy, std::string const& what);

// Throws Busy while the files are being checked.
void check_settled(lt::torrent_handle const& torrent, std::string const& why);

// Returns the priority of a file or piece. The list may lack those that were never set.
lt::download_priority_t level(std::vector<lt::download_priority_t> const& levels, int place);
// Returns whether a status, which must include pieces, has this piece.
bool has_piece(lt::torrent_status const& status, int piece);

} // namespace patron
