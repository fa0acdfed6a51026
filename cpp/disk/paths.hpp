// Finds files that several torrents have in common.
#pragma once

#include <libtorrent/error_code.hpp>
#include <libtorrent/file_storage.hpp>

#include <cstddef>
#include <memory>
#include <set>
#include <string>
#include <unordered_map>

namespace patron {

struct TorrentFiles;

// Finds torrents that have files of the same paths. It keeps the path of each torrent of one file,
// and the directories of the others, whose files are compared when they share one. Network thread
// only.
class Paths {
  public:
    using Torrent = std::shared_ptr<TorrentFiles>;

    // Sets `others` of the torrent and of those that share a file with it.
    void add(Torrent const& torrent);
    // Must be called before the paths of the torrent change, and when it is removed.
    void remove(TorrentFiles const& torrent);
    // To be called when the path of one file has changed.
    void rename(Torrent const& torrent, lt::file_index_t file, std::string const& from,
                std::string const& to);

  private:
    // The key is the hash of the path: a client may have a million torrents, and paths are long.
    // The paths of matches are compared.
    using Index = std::unordered_multimap<std::size_t, std::weak_ptr<TorrentFiles>>;

    struct Names;
    static Names names(TorrentFiles const& torrent);
    // Other torrents that may have files of the same paths: as any of the torrent's own, or as one.
    std::set<Torrent> candidates(TorrentFiles const& torrent, Names const& own) const;
    std::set<Torrent> candidates(TorrentFiles const& torrent, std::string const& path) const;
    static void find(Index const& index, std::size_t key, TorrentFiles const& torrent,
                     std::set<Torrent>& found);
    static void erase(Index& index, std::size_t key, TorrentFiles const& torrent);

    Index files_;
    Index directories_;
};

// The error that another torrent, with this name, writes to the file.
lt::error_code in_use(std::string const& torrent);

} // namespace patron
