#include "torrent-patron/cpp/disk/paths.hpp"
#include "torrent-patron/cpp/disk/torrents.hpp"
#include "torrent-patron/cpp/errors.hpp"
#include "torrent-patron/cpp/file_names.hpp"

#include <algorithm>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <unordered_set>
#include <utility>
#include <vector>

namespace patron {

struct Paths::Names {
    // Those that have data, pad files aside.
    std::vector<std::pair<lt::file_index_t, std::string>> files;
    // How many of them are in each directory, by the hash of its path.
    std::map<std::size_t, int> directories;
};

namespace {

std::size_t key(std::string const& path) {
    return std::hash<std::string>()(path);
}

} // namespace

Paths::Names Paths::names(TorrentFiles const& torrent) {
    Names out;
    for (lt::file_index_t const i : torrent.files.file_range()) {
        if (!has_data(torrent.files, i))
            continue;
        out.files.emplace_back(i, torrent.names.path(i, *torrent.path));
        ++out.directories[key(parent(out.files.back().second))];
    }
    return out;
}

namespace {

// Each code stands for a torrent's name. Old ones are forgotten.
class InUse final : public boost::system::error_category {
  public:
    char const* name() const noexcept override { return category::in_use; }
    std::string message(int value) const override {
        std::lock_guard<std::mutex> const lock(mutex_);
        int const place = value - first_;
        bool const known = place >= 0 && place < static_cast<int>(torrents_.size());
        return "the torrent " + (known ? torrents_[static_cast<std::size_t>(place)] : "before it") +
               " of this client uses the same file with different data";
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
    // Never destroyed: the network thread may outlive main.
    static InUse& words = *new InUse;
    return lt::error_code(words.value(torrent), words);
}

std::shared_ptr<Paths> new_paths() {
    return std::make_shared<Paths>();
}

void Paths::find(Index const& index, std::size_t key, TorrentFiles const& torrent,
                 Candidates& found) {
    auto const [begin, end] = index.equal_range(key);
    // Two storages may be of one torrent: that of a copy in another session, or for a while that of
    // a torrent that was removed and is added again.
    for (auto at = begin; at != end; ++at)
        if (at->second->hash != torrent.hash)
            found.insert(at->second);
}

Paths::Candidates Paths::candidates(TorrentFiles const& torrent, std::string const& path) const {
    Candidates found;
    find(directories_, key(parent(path)), torrent, found);
    find(files_, key(path), torrent, found);
    return found;
}

Paths::Candidates Paths::candidates(TorrentFiles const& torrent, Names const& own) const {
    Candidates found;
    for (auto const& directory : own.directories)
        find(directories_, directory.first, torrent, found);
    for (auto const& file : own.files)
        find(files_, key(file.second), torrent, found);
    return found;
}

void Paths::conflicts_change(TorrentFiles& torrent, Names const& own) {
    auto const others = candidates(torrent, own);
    if (others.empty())
        return;
    std::unordered_set<std::string> paths;
    for (auto const& file : own.files)
        paths.insert(file.second);
    for (TorrentFiles* const other : others) {
        auto const theirs = names(*other).files;
        if (std::any_of(theirs.begin(), theirs.end(),
                        [&](auto const& file) { return paths.count(file.second) > 0; }))
            torrent.conflicts_changed = other->conflicts_changed = true;
    }
}

void Paths::conflicts_change(TorrentFiles& torrent, std::string const& path) {
    for (TorrentFiles* const other : candidates(torrent, path)) {
        auto const theirs = names(*other).files;
        if (std::any_of(theirs.begin(), theirs.end(),
                        [&](auto const& file) { return file.second == path; }))
            torrent.conflicts_changed = other->conflicts_changed = true;
    }
}

void Paths::find_conflicts(TorrentFiles& torrent) {
    std::lock_guard<std::mutex> const lock(mutex_);
    torrent.conflicts_changed = false;
    auto& conflicts = torrent.make_details().conflicts;
    conflicts.clear();
    Names const own = names(torrent);
    std::unordered_map<std::string, lt::file_index_t> places;
    for (auto const& [file, path] : own.files)
        places.emplace(path, file);
    for (TorrentFiles* const other : candidates(torrent, own)) {
        if (other->order > torrent.order)
            continue;
        for (auto const& file : names(*other).files) {
            auto const shared = places.find(file.second);
            if (shared != places.end())
                conflicts[shared->second] = other->files.name();
        }
    }
}

void Paths::enter(TorrentFiles& torrent, Names own) {
    conflicts_change(torrent, own);
    torrent.directories.reset();
    if (own.files.size() == 1) {
        files_.emplace(key(own.files.front().second), &torrent);
        return;
    }
    for (auto const& directory : own.directories)
        directories_.emplace(directory.first, &torrent);
    torrent.directories = std::make_unique<std::map<std::size_t, int>>(std::move(own.directories));
}

void Paths::leave(TorrentFiles& torrent, Names const& own) {
    if (own.files.size() == 1)
        erase(files_, key(own.files.front().second), torrent);
    else
        for (auto const& directory : own.directories)
            erase(directories_, directory.first, torrent);
    conflicts_change(torrent, own);
}

void Paths::erase(Index& index, std::size_t key, TorrentFiles const& torrent) {
    auto const [begin, end] = index.equal_range(key);
    auto const found = std::find_if(
        begin, end, [&torrent](auto const& entry) { return entry.second == &torrent; });
    if (found != end)
        index.erase(found);
}

void Paths::add(TorrentFiles& torrent) {
    Names own = names(torrent);
    std::lock_guard<std::mutex> const lock(mutex_);
    torrent.order = added_++;
    enter(torrent, std::move(own));
}

void Paths::remove(TorrentFiles& torrent) {
    Names const own = names(torrent);
    std::lock_guard<std::mutex> const lock(mutex_);
    leave(torrent, own);
}

void Paths::move(TorrentFiles& torrent, std::shared_ptr<std::string const> to) {
    Names const before = names(torrent);
    std::lock_guard<std::mutex> const lock(mutex_);
    leave(torrent, before);
    torrent.path = std::move(to);
    enter(torrent, names(torrent));
}

void Paths::rename(TorrentFiles& torrent, lt::file_index_t file, std::string const& name) {
    std::string const from = torrent.names.path(file, *torrent.path);
    std::lock_guard<std::mutex> const lock(mutex_);
    torrent.names.rename(file, name);
    if (!has_data(torrent.files, file))
        return;
    std::string const to = torrent.names.path(file, *torrent.path);
    if (!torrent.directories) {
        erase(files_, key(from), torrent);
        files_.emplace(key(to), &torrent);
    } else {
        auto& directories = *torrent.directories;
        std::size_t const left = key(parent(from)), entered = key(parent(to));
        if (--directories[left] == 0) {
            erase(directories_, left, torrent);
            directories.erase(left);
        }
        if (++directories[entered] == 1)
            directories_.emplace(entered, &torrent);
    }
    conflicts_change(torrent, from);
    conflicts_change(torrent, to);
}

} // namespace patron
