// What the disk backends of a session share with it.
#pragma once

#include "torrent-patron/cpp/disk/counters.hpp"
#include "torrent-patron/cpp/disk/new_files.hpp"
#include "torrent-patron/cpp/disk/paths.hpp"
#include "torrent-patron/cpp/disk/read/plain_torrents.hpp"
#include "torrent-patron/cpp/disk/written.hpp"

#include <libtorrent/error_code.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

namespace patron {

// A file that is not as it was when it was checked. No request of a peer has failed because of it,
// so libtorrent has no alert.
struct LostFile {
    std::uint64_t torrent;
    std::string path;
    lt::error_code why;
};

// The end of a move or deletion of a torrent's files, because libtorrent's alert of it may be lost.
// The path is where the files are after a move, or what failed.
struct EndedJob {
    enum class Kind { Move, Deletion };
    Kind kind;
    std::uint64_t torrent;
    std::string path;
    lt::error_code error;
};

struct SharedWithDisk {
    // Null if it is not needed.
    std::shared_ptr<PlainTorrents> plain;
    std::shared_ptr<Written> written;
    std::shared_ptr<NewFiles> new_files;
    std::shared_ptr<ReadCounters> counters;
    // That of all sessions of the client.
    std::shared_ptr<Paths> paths;
    // These are called on the network thread.
    std::function<void(LostFile)> lost;
    std::function<void(EndedJob)> ended;
};

} // namespace patron
