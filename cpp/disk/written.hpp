// What became of the files of a session's torrents.
#pragma once

#include <libtorrent/error_code.hpp>
#include <libtorrent/sha1_hash.hpp>
#include <libtorrent/units.hpp>

#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace patron {

// Where a file is, and how many bytes it is to have.
struct ExpectedFile {
    std::string path;
    std::int64_t size;
};

// A file that is not what was checked.
struct LostFile {
    lt::sha1_hash torrent;
    std::string path;
    lt::error_code why;
};

// The network thread notes it, others see to it that it is durable and still there. By the info
// hash that libtorrent gives to its disk backend. Any thread.
class Written {
  public:
    // A storage of the torrent was made. One that is added again may have two for a while.
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
    // The files written since it was asked last.
    std::set<lt::file_index_t> take(lt::sha1_hash const& torrent) {
        std::lock_guard<std::mutex> const lock(mutex_);
        return taken(files_, torrent);
    }
    // The files of a torrent that was just downloaded.
    void finish(lt::sha1_hash const& torrent, std::vector<ExpectedFile> files) {
        std::lock_guard<std::mutex> const lock(mutex_);
        finished_[torrent] = std::move(files);
    }
    std::vector<ExpectedFile> take_finished(lt::sha1_hash const& torrent) {
        std::lock_guard<std::mutex> const lock(mutex_);
        return taken(finished_, torrent);
    }
    // A choice of files could not be applied: libtorrent has the same alert for that as for any
    // other error.
    void refuse_choice(lt::sha1_hash const& torrent) {
        std::lock_guard<std::mutex> const lock(mutex_);
        refused_choices_.insert(torrent);
    }
    bool take_refused_choice(lt::sha1_hash const& torrent) {
        std::lock_guard<std::mutex> const lock(mutex_);
        return refused_choices_.erase(torrent) > 0;
    }
    // Found out by itself: no request of a peer has failed because of it.
    void lose(LostFile file) {
        std::lock_guard<std::mutex> const lock(mutex_);
        lost_.push_back(std::move(file));
        if (wake_)
            wake_();
    }
    std::vector<LostFile> take_lost() {
        std::lock_guard<std::mutex> const lock(mutex_);
        return std::exchange(lost_, {});
    }
    // Called when a file is lost.
    void on_lost(std::function<void()> wake) {
        std::lock_guard<std::mutex> const lock(mutex_);
        wake_ = std::move(wake);
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
    std::vector<LostFile> lost_;
    std::function<void()> wake_;
};

} // namespace patron
