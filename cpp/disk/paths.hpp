// Finds files that several torrents have in common.
#pragma once

#include <libtorrent/error_code.hpp>
#include <libtorrent/file_storage.hpp>

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <unordered_map>

namespace patron {

struct TorrentFiles;

// Finds torrents that have files of the same paths. It keeps the path of each torrent of one file,
// and the directories of the others, whose files are compared when they share one.
//
// All sessions of a client share it, so it is locked. A torrent's own network thread adds, changes
// and removes it. Only these functions change its paths, so that thread reads them without a lock.
class Paths {
  public:
    void add(TorrentFiles& torrent);
    // Must be called before the torrent's storage is removed.
    void remove(TorrentFiles& torrent);
    // Sets the save path.
    void move(TorrentFiles& torrent, std::shared_ptr<std::string const> to);
    void rename(TorrentFiles& torrent, lt::file_index_t file, std::string const& name);
    // Sets `conflicts` of the torrent. To be called when they have changed.
    void find_conflicts(TorrentFiles& torrent);

  private:
    // The key is the hash of the path: a client may have a million torrents, and paths are long.
    // The paths of matches are compared.
    using Index = std::unordered_multimap<std::size_t, TorrentFiles*>;
    using Candidates = std::set<TorrentFiles*>;

    struct Names;
    static Names names(TorrentFiles const& torrent);
    void enter(TorrentFiles& torrent, Names own);
    void leave(TorrentFiles& torrent, Names const& own);
    // Other torrents that may have files of the same paths: as any of the torrent's own, or as one.
    Candidates candidates(TorrentFiles const& torrent, Names const& own) const;
    Candidates candidates(TorrentFiles const& torrent, std::string const& path) const;
    // Notes for all torrents that have one of the files, and for this one, that their conflicts
    // have changed.
    void conflicts_change(TorrentFiles& torrent, Names const& own);
    void conflicts_change(TorrentFiles& torrent, std::string const& path);
    static void find(Index const& index, std::size_t key, TorrentFiles const& torrent,
                     Candidates& found);
    static void erase(Index& index, std::size_t key, TorrentFiles const& torrent);

    std::mutex mutex_;
    Index files_;
    Index directories_;
    std::uint64_t added_ = 0;
};

std::shared_ptr<Paths> new_paths();

// The error that another torrent, with this name, writes to the file.
lt::error_code in_use(std::string const& torrent);

} // namespace patron
