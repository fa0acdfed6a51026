#include "torrent-patron/cpp/disk/paths.hpp"
#include "torrent-patron/cpp/disk/torrents.hpp"
#include "torrent-patron/cpp/errors.hpp"
#include "torrent-patron/cpp/file_names.hpp"

#include <algorithm>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <utility>

namespace patron {

struct Paths::Names {
    // Those that have data, pad files aside.
    std::vector<std::pair<lt::file_index_t, std::string>> files;
    // How many of them are in each directory, by the hash of its path.
    std::map<std::size_t, int> directories;
};

namespace {

// Removes what one torrent knows of files that it shares with another.
template <typename Which>
void forget_shared(TorrentFiles& of, TorrentFiles const& with, Which const& which) {
    if (of.details().others.empty())
        return;
    auto& shared = of.make_details().others;
    for (auto at = shared.begin(); at != shared.end();)
        at =
            at->second.lock().get() == &with && which(at->first) ? shared.erase(at) : std::next(at);
}

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

void Paths::find(Index const& index, std::size_t key, TorrentFiles const& torrent,
                 std::set<Torrent>& found) {
    auto const [begin, end] = index.equal_range(key);
    // A torrent that is added again after its removal has two storages for a while.
    for (auto at = begin; at != end; ++at)
        if (auto const other = at->second.lock(); other && other->hash != torrent.hash)
            found.insert(other);
}

std::set<Paths::Torrent> Paths::candidates(TorrentFiles const& torrent,
                                           std::string const& path) const {
    std::set<Torrent> found;
    find(directories_, key(parent(path)), torrent, found);
    find(files_, key(path), torrent, found);
    return found;
}

std::set<Paths::Torrent> Paths::candidates(TorrentFiles const& torrent, Names const& own) const {
    std::set<Torrent> found;
    for (auto const& directory : own.directories)
        find(directories_, directory.first, torrent, found);
    for (auto const& file : own.files)
        find(files_, key(file.second), torrent, found);
    return found;
}

void Paths::add(Torrent const& torrent) {
    if (!torrent->details().others.empty())
        torrent->make_details().others.clear();
    Names own = names(*torrent);
    auto const others = candidates(*torrent, own);
    if (!others.empty()) {
        std::unordered_map<std::string, lt::file_index_t> places;
        for (auto const& [file, path] : own.files)
            places.emplace(path, file);
        for (Torrent const& other : others) {
            for (auto const& [file, path] : names(*other).files) {
                auto const shared = places.find(path);
                if (shared == places.end())
                    continue;
                torrent->make_details().others[shared->second] = other;
                other->make_details().others[file] = torrent;
            }
        }
    }
    torrent->directories.reset();
    if (own.files.size() == 1) {
        files_.emplace(key(own.files.front().second), torrent);
        return;
    }
    for (auto const& directory : own.directories)
        directories_.emplace(directory.first, torrent);
    torrent->directories = std::make_unique<std::map<std::size_t, int>>(std::move(own.directories));
}

void Paths::erase(Index& index, std::size_t key, TorrentFiles const& torrent) {
    auto const [begin, end] = index.equal_range(key);
    auto const found = std::find_if(begin, end, [&torrent](auto const& entry) {
        return entry.second.lock().get() == &torrent;
    });
    if (found != end)
        index.erase(found);
}

void Paths::remove(TorrentFiles const& torrent) {
    Names const own = names(torrent);
    for (Torrent const& other : candidates(torrent, own)) {
        forget_shared(*other, torrent, [](lt::file_index_t) { return true; });
    }
    if (own.files.size() == 1)
        erase(files_, key(own.files.front().second), torrent);
    else
        for (auto const& directory : own.directories)
            erase(directories_, directory.first, torrent);
}

void Paths::rename(Torrent const& torrent, lt::file_index_t file, std::string const& from,
                   std::string const& to) {
    if (!has_data(torrent->files, file))
        return;
    if (!torrent->details().others.empty())
        torrent->make_details().others.erase(file);
    for (Torrent const& other : candidates(*torrent, from)) {
        forget_shared(*other, *torrent, [&](lt::file_index_t const theirs) {
            return other->names.path(theirs, *other->path) == from;
        });
    }
    if (!torrent->directories) {
        erase(files_, key(from), *torrent);
        files_.emplace(key(to), torrent);
    } else {
        auto& directories = *torrent->directories;
        std::size_t const left = key(parent(from)), entered = key(parent(to));
        if (--directories[left] == 0) {
            erase(directories_, left, *torrent);
            directories.erase(left);
        }
        if (++directories[entered] == 1)
            directories_.emplace(entered, torrent);
    }
    for (Torrent const& other : candidates(*torrent, to)) {
        for (auto const& [theirs, path] : names(*other).files) {
            if (path != to)
                continue;
            torrent->make_details().others[file] = other;
            other->make_details().others[theirs] = torrent;
        }
    }
}

} // namespace patron
