// Resume data: libtorrent's own, extended by data of the client about the torrent.
#pragma once

#include "torrent-patron/src/sys/bridge.rs.h"

#include <libtorrent/add_torrent_params.hpp>
#include <libtorrent/entry.hpp>

#include <string>

namespace patron {

// The key of the client's data.
constexpr char const* client_data_key = "torrent-patron";

ClientDataRecord no_client_data();
ClientDataRecord client_data(lt::entry const& entry);
// The state of the files when it was made (resume_check.hpp); empty if it has none.
std::string saved_stamps(lt::entry const& entry);
// Removes bits of hash trees for blocks that the files do not have: libtorrent 2.0.8 writes them
// beyond its own. Does nothing without metadata.
void cut_trees(lt::add_torrent_params& params);
// The info dictionary is separate, because it never changes and may be by far the larger part.
StoredRecord encode_resume_data(lt::add_torrent_params params, ClientDataRecord const& record,
                                std::string const& stamps, bool with_info);
// Returns a .torrent file. Throws if there is no metadata.
rust::Vec<std::uint8_t> encode_metainfo(lt::add_torrent_params const& params);

} // namespace patron
