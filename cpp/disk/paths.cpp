#include "torrent-patron/cpp/disk/paths.hpp"
#include "torrent-patron/cpp/disk/torrents.hpp"

#include <algorithm>
#include <deque>
#include <functional>
#include <mutex>
#include <set>
#include <utility>

namespace patron {
namespace {

struct Names {
    // Those that have data, pad files aside.
    std::vector<std::pair<lt::file_index_t, std::string>> files;
    std::set<std::string> directories;
};

std::string parent(std::string const& path) {
    return path.substr(0, path.find_last_of('/'));
}

std::size_t key(std::string const& path) {
    return std::hash<std::string>()(path);
}

Names names(TorrentFiles const& torrent) {
    Names out;
    for (lt::file_index_t const i : torrent.files.file_range()) {
        if (torrent.files.pad_file_at(i) || torrent.files.file_size(i) == 0)
            continue;
        out.files.emplace_back(i, torrent.names.path(i, torrent.path));
        out.directories.insert(parent(out.files.back().second));
    }
    return out;
}

// The words for its codes: a name each. Old ones are forgotten.
class InUse final : public boost::system::error_category {
  public:
    char const* name() const noexcept override { return "file"; }
    std::string message(int value) const override {
        std::lock_guard<std::mutex> const lock(mutex_);
        int const place = value - first_;
        bool const known = place >= 0 && place < static_cast<int>(torrents_.size());
        return "the torrent " + (known ? torrents_[static_cast<std::size_t>(place)] : "before it") +
               " of this client has the same file, with other data";
    }
    int value(std::string const& torrent) {
        std::lock_guard<std::mutex> const lock(mutex_);
        auto const found = std::find(torrents_.begin(), torrents_.end(), torrent);
        auto const place = static_cast<int>(found - torrents_.begin());
        if (found == torrents_.end())
            torrents_.push_back(torrent);
        if (torrents_.size() <= max)
            return first_ + place;
        torrents_.pop_front();
        return ++first_ + place - 1;
    }

  private:
    static constexpr std::size_t max = 256;
    mutable std::mutex mutex_;
    std::deque<std::string> torrents_;
    int first_ = 1;
};

} // namespace

lt::error_code in_use(std::string const& torrent) {
    static InUse category;
    return lt::error_code(category.value(torrent), category);
}

std::vector<Paths::Torrent> Paths::neighbours(TorrentFiles const& torrent) const {
    std::set<Torrent> found;
    auto const look = [&found, &torrent](Index const& index, std::string const& path) {
        auto const [begin, end] = index.equal_range(key(path));
        for (auto at = begin; at != end; ++at)
            if (auto const other = at->second.lock(); other && other.get() != &torrent)
                found.insert(other);
    };
    Names const own = names(torrent);
    for (std::string const& directory : own.directories)
        look(directories_, directory);
    for (auto const& file : own.files)
        look(files_, file.second);
    return {found.begin(), found.end()};
}

void Paths::add(Torrent const& torrent) {
    if (!torrent->known().others.empty())
        torrent->rare().others.clear();
    auto const near = neighbours(*torrent);
    Names const own = names(*torrent);
    if (!near.empty()) {
        std::unordered_map<std::string, lt::file_index_t> places;
        for (auto const& [file, path] : own.files)
            places.emplace(path, file);
        for (Torrent const& other : near) {
            for (auto const& [file, path] : names(*other).files) {
                auto const shared = places.find(path);
                if (shared == places.end())
                    continue;
                torrent->rare().others[shared->second] = other;
                other->rare().others[file] = torrent;
            }
        }
    }
    if (own.files.size() == 1)
        files_.emplace(key(own.files.front().second), torrent);
    else
        for (std::string const& directory : own.directories)
            directories_.emplace(key(directory), torrent);
}

void Paths::take(Index& index, std::string const& path, TorrentFiles const& torrent) {
    auto const [begin, end] = index.equal_range(key(path));
    auto const found = std::find_if(begin, end, [&torrent](auto const& entry) {
        return entry.second.lock().get() == &torrent;
    });
    if (found != end)
        index.erase(found);
}

void Paths::remove(TorrentFiles const& torrent) {
    for (Torrent const& other : neighbours(torrent)) {
        if (other->known().others.empty())
            continue;
        auto& shared = other->rare().others;
        for (auto at = shared.begin(); at != shared.end();)
            at = at->second.lock().get() == &torrent ? shared.erase(at) : std::next(at);
    }
    Names const own = names(torrent);
    if (own.files.size() == 1)
        take(files_, own.files.front().second, torrent);
    else
        for (std::string const& directory : own.directories)
            take(directories_, directory, torrent);
}

} // namespace patron
