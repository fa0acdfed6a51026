#include "torrent-patron/cpp/disk/read/open_files.hpp"

#include <optional>
#include <utility>

namespace patron {
namespace {

// How often a file that is in use is checked.
constexpr std::chrono::seconds check_interval{1};
// How long no file is opened after an exhaustion.
constexpr std::chrono::seconds back_off{1};

} // namespace

void OpenFiles::set_limit(std::size_t files) {
    limit_ = files;
    make_room(limit_);
}

File* OpenFiles::use(TorrentFiles const& torrent, Torrent& files, lt::file_index_t index,
                     clock::time_point now) {
    int const number = static_cast<int>(index);
    auto found = files.slots_.find(number);
    if (found == files.slots_.end()) {
        if (now < exhausted_until_)
            return nullptr;
        make_room(limit_ - 1);
        std::optional<Stamp> known;
        auto const stamp = files.stamps_.find(number);
        if (stamp != files.stamps_.end())
            known = stamp->second;
        auto file = std::make_shared<File>(torrent.names.path(index, torrent.path),
                                           torrent.files.file_size(index), files.mapped_, known,
                                           pool_, counters_);
        uses_.push_front(Use{&files, number});
        Slot slot{std::move(file), uses_.begin(), now + check_interval};
        found = files.slots_.emplace(number, std::move(slot)).first;
    }
    Slot& slot = found->second;
    if (slot.use != uses_.begin())
        uses_.splice(uses_.begin(), uses_, slot.use);
    if (now >= slot.next_check) {
        slot.next_check = now + check_interval;
        pool_->run(task_key(torrent.inner, number), [file = slot.file](bool stopped) {
            if (!stopped)
                file->check();
        });
    }
    return slot.file.get();
}

void OpenFiles::close(Torrent& files, lt::file_index_t index, File const& file) {
    auto const slot = files.slots_.find(static_cast<int>(index));
    if (slot != files.slots_.end() && slot->second.file.get() == &file)
        close(files, slot);
}

void OpenFiles::release(Torrent& files) {
    while (!files.slots_.empty())
        close(files, files.slots_.begin());
    files.stamps_.clear();
}

void OpenFiles::exhausted() {
    exhausted_until_ = clock::now() + back_off;
    // libtorrent opens files too: this leaves some descriptors to it.
    make_room(uses_.size() / 2);
}

void OpenFiles::make_room(std::size_t files) {
    while (uses_.size() > files) {
        auto const [torrent, index] = uses_.back();
        auto const slot = torrent->slots_.find(index);
        File const& file = *slot->second.file;
        if (file.state() == File::State::open)
            torrent->stamps_.insert_or_assign(index, *file.stamp());
        add(counters_->evicted);
        close(*torrent, slot);
    }
}

// Unmapping a large file takes milliseconds: a worker does it.
void OpenFiles::close(Torrent& files, Slots::iterator slot) {
    uses_.erase(slot->second.use);
    auto file = std::move(slot->second.file);
    files.slots_.erase(slot);
    pool_->run(0, [file = std::move(file)](bool) {});
}

} // namespace patron
