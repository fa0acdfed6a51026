// A disk backend for the jobs that move, rename, check and delete files.
#pragma once

#include "torrent-patron/cpp/disk/shared.hpp"
#include "torrent-patron/cpp/disk/torrents.hpp"

#include <libtorrent/disk_interface.hpp>
#include <libtorrent/io_context.hpp>
#include <libtorrent/settings_pack.hpp>

#include <memory>

namespace patron {

// Maintains the TorrentFiles of each torrent, and works around limits of libtorrent's own backend:
//
// Stops. When a job ends, libtorrent puts it back in order into its list of free jobs, which takes
// time in proportion to the list. A session that ends stops all of its torrents at once: 100,000
// took 20 seconds. Therefore a limited number is stopped at a time.
//
// New files. When the metadata of a magnet link has arrived, its files may already exist and belong
// to another program. They are examined before libtorrent checks them.
//
// Renames. libtorrent would overwrite an existing file.
//
// Moves. If one fails, libtorrent does not remove what it has copied to another file system. The
// copies would fill the disk, and a second attempt would be refused because of them.
//
// Deferred abort. On abort, libtorrent cancels the jobs that wait for an exclusive job, and 2.0
// throws when it cancels a read, which ends the process. Peers no longer read by then, but
// smart_ban may, which reads corrupt pieces. Therefore abort waits until no exclusive job is in
// progress.
std::unique_ptr<lt::disk_interface> file_jobs(std::unique_ptr<lt::disk_interface> inner,
                                              std::shared_ptr<Torrents> torrents,
                                              SharedWithDisk const& shared, lt::io_context& network,
                                              lt::settings_interface const& settings);

} // namespace patron
