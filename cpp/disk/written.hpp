// What was written to the files of a session's torrents.
#pragma once

#include <libtorrent/units.hpp>

#include <cstdint>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace patron {

// A file of a torrent: where it begins in the torrent, and its size when complete.
struct ExpectedFile {
    lt::file_index_t index;
    std::string path;
    std::int64_t begin;
    std::int64_t size;
};

// The files that were written or finished. The network thread records them; the saver ensures that
// they are durable and still exist. Any thread.
class Written {
  public:
    void add(std::uint64_t torrent, lt::file_index_t first, lt::file_index_t last) {
        std::lock_guard<std::mutex> const lock(mutex_);
        auto& files = files_[torrent];
        for (; first <= last; ++first)
            files.insert(first);
    }
    // Returns the files written since the last call.
    std::set<lt::file_index_t> take(std::uint64_t torrent) {
        std::lock_guard<std::mutex> const lock(mutex_);
        return taken(files_, torrent);
    }
    // Sets the files of a torrent that was just downloaded.
    void finish(std::uint64_t torrent, std::vector<ExpectedFile> files) {
        std::lock_guard<std::mutex> const lock(mutex_);
        finished_[torrent] = std::move(files);
    }
    // Replaces those files, if there are any, after a choice of files.
    void choose(std::uint64_t torrent, std::vector<ExpectedFile> files) {
        std::lock_guard<std::mutex> const lock(mutex_);
        if (auto const found = finished_.find(torrent); found != finished_.end())
            found->second = std::move(files);
    }
    std::vector<ExpectedFile> take_finished(std::uint64_t torrent) {
        std::lock_guard<std::mutex> const lock(mutex_);
        return taken(finished_, torrent);
    }
    // Records that file priorities could not be set: libtorrent's alert for that is the same as for
    // any other error.
    void refuse_choice(std::uint64_t torrent) {
        std::lock_guard<std::mutex> const lock(mutex_);
        refused_choices_.insert(torrent);
    }
    bool take_refused_choice(std::uint64_t torrent) {
        std::lock_guard<std::mutex> const lock(mutex_);
        return refused_choices_.erase(torrent) > 0;
    }
    // Records that libtorrent itself has put the torrent into upload mode, because a write has
    // failed.
    void stop_writing(std::uint64_t torrent) {
        std::lock_guard<std::mutex> const lock(mutex_);
        stopped_.insert(torrent);
    }
    // Returns whether it still is in that mode because of that.
    bool cannot_write(std::uint64_t torrent, bool is_in_upload_mode) {
        std::lock_guard<std::mutex> const lock(mutex_);
        if (!is_in_upload_mode)
            stopped_.erase(torrent);
        return stopped_.count(torrent) > 0;
    }
    void forget(std::uint64_t torrent) {
        std::lock_guard<std::mutex> const lock(mutex_);
        files_.erase(torrent);
        finished_.erase(torrent);
        refused_choices_.erase(torrent);
        stopped_.erase(torrent);
    }

  private:
    template <typename T>
    static T taken(std::map<std::uint64_t, T>& from, std::uint64_t torrent) {
        auto found = from.extract(torrent);
        return found ? std::move(found.mapped()) : T();
    }

    std::mutex mutex_;
    std::map<std::uint64_t, std::set<lt::file_index_t>> files_;
    std::map<std::uint64_t, std::vector<ExpectedFile>> finished_;
    std::set<std::uint64_t> refused_choices_;
    std::set<std::uint64_t> stopped_;
};

} // namespace patron
