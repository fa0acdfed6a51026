// What was written to the files of a session's torrents.
#pragma once

#include <libtorrent/sha1_hash.hpp>
#include <libtorrent/units.hpp>

#include <cstdint>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace patron {

// The path of a file, and its size when complete.
struct ExpectedFile {
    std::string path;
    std::int64_t size;
};

// The files that were written or finished. The network thread records them; the saver ensures that
// they are durable and still exist. Torrents are identified by the info hash that libtorrent passes
// to its disk backend. Any thread.
class Written {
  public:
    // Notes a new storage of the torrent. A torrent that is added again may have two for a while.
    void begin(lt::sha1_hash const& torrent) {
        std::lock_guard<std::mutex> const lock(mutex_);
        ++storages_[torrent];
    }
    void add(lt::sha1_hash const& torrent, lt::file_index_t first, lt::file_index_t last) {
        std::lock_guard<std::mutex> const lock(mutex_);
        auto& files = files_[torrent];
        for (; first <= last; ++first)
            files.insert(first);
    }
    // Returns the files written since the last call.
    std::set<lt::file_index_t> take(lt::sha1_hash const& torrent) {
        std::lock_guard<std::mutex> const lock(mutex_);
        return taken(files_, torrent);
    }
    // Sets the files of a torrent that was just downloaded.
    void finish(lt::sha1_hash const& torrent, std::vector<ExpectedFile> files) {
        std::lock_guard<std::mutex> const lock(mutex_);
        finished_[torrent] = std::move(files);
    }
    // Replaces those files, if there are any, after a choice of files.
    void choose(lt::sha1_hash const& torrent, std::vector<ExpectedFile> files) {
        std::lock_guard<std::mutex> const lock(mutex_);
        if (auto const found = finished_.find(torrent); found != finished_.end())
            found->second = std::move(files);
    }
    std::vector<ExpectedFile> take_finished(lt::sha1_hash const& torrent) {
        std::lock_guard<std::mutex> const lock(mutex_);
        return taken(finished_, torrent);
    }
    // Notes that file priorities could not be set: libtorrent's alert for that is the same as for
    // any other error.
    void refuse_choice(lt::sha1_hash const& torrent) {
        std::lock_guard<std::mutex> const lock(mutex_);
        refused_choices_.insert(torrent);
    }
    bool take_refused_choice(lt::sha1_hash const& torrent) {
        std::lock_guard<std::mutex> const lock(mutex_);
        return refused_choices_.erase(torrent) > 0;
    }
    void forget(lt::sha1_hash const& torrent) {
        std::lock_guard<std::mutex> const lock(mutex_);
        if (--storages_[torrent] > 0)
            return;
        storages_.erase(torrent);
        files_.erase(torrent);
        finished_.erase(torrent);
        refused_choices_.erase(torrent);
    }

  private:
    template <typename T>
    static T taken(std::map<lt::sha1_hash, T>& from, lt::sha1_hash const& torrent) {
        auto found = from.extract(torrent);
        return found ? std::move(found.mapped()) : T();
    }

    std::mutex mutex_;
    std::map<lt::sha1_hash, int> storages_;
    std::map<lt::sha1_hash, std::set<lt::file_index_t>> files_;
    std::map<lt::sha1_hash, std::vector<ExpectedFile>> finished_;
    std::set<lt::sha1_hash> refused_choices_;
};

} // namespace patron
