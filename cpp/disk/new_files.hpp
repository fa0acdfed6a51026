// Files of torrents whose metadata came after they were added.
#pragma once

#include "torrent-patron/cpp/disk/written.hpp"

#include <libtorrent/disk_interface.hpp>
#include <libtorrent/torrent_info.hpp>

#include <cstdint>
#include <memory>
#include <mutex>
#include <set>
#include <vector>

namespace patron {

// The torrents of magnet links that must not overwrite files of others. The thread that adds them
// could not look at their files, so the backend does when it knows them. Any thread.
class NewFiles {
  public:
    void add(std::uint64_t torrent) {
        std::lock_guard<std::mutex> const lock(mutex_);
        torrents_.insert(torrent);
    }
    bool take(std::uint64_t torrent) {
        std::lock_guard<std::mutex> const lock(mutex_);
        return torrents_.erase(torrent) > 0;
    }

  private:
    std::mutex mutex_;
    std::set<std::uint64_t> torrents_;
};

// Returns an error if one of the files exists and contains no data of the torrent, by the rules of
// src/add/existing.rs. May wait, so only workers call it.
lt::storage_error foreign_file(std::vector<ExpectedFile> const& files,
                               lt::torrent_info const& info);

} // namespace patron
