#include "torrent-patron/cpp/disk/read/open_files.hpp"

#include <libtorrent/operations.hpp>

#include <boost/asio/post.hpp>

#include <string>
#include <utility>

namespace patron {
namespace {

// How often a worker checks a file that is in use.
constexpr std::chrono::seconds check_interval{1};
// How often the network thread asks the kernel whether a check is due.
constexpr std::chrono::milliseconds poll_interval{5};
// For how long after its last use a file is checked.
constexpr std::chrono::seconds after_use{3};
// How long no file is opened after descriptors or memory ran out.
constexpr std::chrono::seconds back_off{1};
// How many files a worker examines at a time, because it has other work.
constexpr std::size_t files_per_task = 256;

} // namespace

void OpenFiles::set_limit(std::size_t files) {
    limit_ = files;
    make_room(limit_);
}

File* OpenFiles::use(TorrentFiles const& torrent, Torrent& files, lt::file_index_t index,
                     clock::time_point now) {
    int const number = static_cast<int>(index);
    auto found = files.slots().find(number);
    if (found == files.slots().end()) {
        if (now < exhausted_until_)
            return nullptr;
        make_room(limit_ - 1);
        auto const place = static_cast<std::size_t>(number);
        Stamp const known = place < files.stamps_.size() ? files.stamps_[place] : Stamp();
        auto file = std::make_shared<File>(torrent.names.path(index, *torrent.path),
                                           torrent.files.file_size(index), files.mapped_, known,
                                           files.doubts(), pool_, counters_);
        uses_.push_front(Use{&files, number});
        Slot slot{
            std::move(file), uses_.begin(), task_key(torrent.inner, number), now, now, now, false};
        found = files.slots().emplace(number, std::move(slot)).first;
    }
    Slot& slot = found->second;
    if (slot.use != uses_.begin())
        uses_.splice(uses_.begin(), uses_, slot.use);
    slot.last_use = now;
    poll(slot, now);
    check(slot, now);
    if (!is_timed_)
        check_later();
    return slot.file.get();
}

void OpenFiles::poll(Slot& slot, clock::time_point now) {
    if (now < slot.next_poll || slot.file->state() != File::State::open)
        return;
    slot.next_poll = now + poll_interval;
    // This is so rare that handing it to a worker would not pay.
    if (!slot.file->is_as_checked())
        slot.file->check();
}

void OpenFiles::check(Slot& slot, clock::time_point now) {
    if (now < slot.next_check || !slot.checking.expired())
        return;
    slot.next_check = now + check_interval;
    auto const checking = std::make_shared<char>();
    slot.checking = checking;
    auto const report = [this, alive = std::weak_ptr<bool const>(alive_)] {
        if (!alive.expired())
            report_lost();
    };
    pool_->run(slot.key, [file = slot.file, checking, &network = network_, report](bool stopped) {
        if (stopped)
            return;
        file->check();
        if (file->state() == File::State::changed)
            boost::asio::post(network, report);
    });
}

void OpenFiles::check_later() {
    is_timed_ = true;
    timer_.expires_after(check_interval);
    timer_.async_wait([this](lt::error_code const& stopped) {
        if (!stopped)
            check_all();
    });
}

// Includes files that were used a moment ago, because there may be no next request: for example, if
// a peer could not be sent data that was truncated.
void OpenFiles::check_all() {
    is_timed_ = false;
    auto const now = clock::now();
    for (auto const& [files, index] : uses_) {
        Slot& slot = files->slot(index);
        if (now - slot.last_use > after_use)
            break;
        if (!is_timed_)
            check_later();
        check(slot, now);
    }
}

void OpenFiles::report_lost() {
    auto const now = clock::now();
    for (auto const& [files, index] : uses_) {
        Slot& slot = files->slot(index);
        if (now - slot.last_use > after_use)
            break;
        if (slot.file->state() != File::State::changed || std::exchange(slot.is_lost, true))
            continue;
        add(counters_->failed);
        lost_({files->id_, slot.file->path(), slot.file->failure()});
    }
}

void OpenFiles::stop() {
    is_timed_ = true;
    timer_.cancel();
}

void OpenFiles::close(Torrent& files, lt::file_index_t index, File const& file) {
    auto const slot = files.slots().find(static_cast<int>(index));
    if (slot != files.slots().end() && slot->second.file.get() == &file)
        close(files, slot);
}

void OpenFiles::release(Torrent& files) {
    while (files.slots_ && !files.slots_->empty())
        close(files, files.slots_->begin());
    files.slots_.reset();
    files.stamps_ = {};
    ++files.generation_;
}

OpenFiles::Slots& OpenFiles::Torrent::slots() {
    if (!slots_)
        slots_ = std::make_unique<Slots>();
    return *slots_;
}

std::shared_ptr<Doubts> const& OpenFiles::Torrent::doubts() {
    if (!doubts_)
        doubts_ = std::make_shared<Doubts>(0);
    return doubts_;
}

void OpenFiles::Torrent::set_stamp(int index, Stamp stamp) {
    auto const place = static_cast<std::size_t>(index);
    if (place >= stamps_.size())
        stamps_.resize(place + 1);
    stamps_[place] = stamp;
}

void OpenFiles::record_stamps(std::shared_ptr<TorrentFiles> const& torrent, Torrent& files,
                              int first) {
    struct StampedFile {
        int file;
        std::string path;
        std::int64_t size;
        Stamp found;
    };
    auto entries = std::make_shared<std::vector<StampedFile>>();
    int const count = torrent->files.num_files();
    for (; first < count && entries->size() < files_per_task; ++first) {
        lt::file_index_t const i(first);
        if (torrent->is_downloaded(i))
            entries->push_back(
                {first, torrent->names.path(i, *torrent->path), torrent->files.file_size(i), {}});
    }
    if (entries->empty())
        return;
    auto const take = [this, alive = std::weak_ptr<bool const>(alive_), &files, entries, first,
                       weak = std::weak_ptr<TorrentFiles>(torrent),
                       generation = files.generation_] {
        // The torrent owns the files that are referred to.
        auto const owner = weak.lock();
        if (!owner || alive.expired() || files.generation_ != generation)
            return;
        // An incomplete file may grow.
        for (StampedFile const& entry : *entries)
            if (entry.found.size >= entry.size && !files.has_slot(entry.file))
                files.set_stamp(entry.file, entry.found);
        record_stamps(owner, files, first);
    };
    pool_->run(task_key(torrent->inner, first), [&network = network_, entries, take](bool stopped) {
        if (stopped)
            return;
        for (StampedFile& entry : *entries)
            entry.found = stamp_of(entry.path);
        boost::asio::post(network, take);
    });
}

void OpenFiles::check_probes(std::vector<Probe> probes,
                             std::function<void(lt::storage_error const&)> then) {
    auto const key = std::hash<std::string>()(probes.front().path);
    // `then` holds the torrent, so it must run and be destroyed on the network thread.
    auto task = [&network = network_, probes = std::move(probes), then,
                 work = WorkGuard(network_.get_executor())](bool stopped) mutable {
        lt::storage_error lost;
        for (Probe const& probe : probes) {
            if (stopped || lost)
                break;
            if (lt::error_code const why = lost_at(probe.path, probe.offset))
                lost = lt::storage_error(why, probe.file, lt::operation_t::file_read);
        }
        boost::asio::post(network,
                          [then = std::move(then), lost, work = std::move(work)] { then(lost); });
    };
    if (!pool_->run(key, std::move(task)))
        boost::asio::post(network_, [then] { then({}); });
}

void OpenFiles::exhausted() {
    exhausted_until_ = clock::now() + back_off;
    // Close half of the files, because libtorrent needs descriptors too.
    make_room(uses_.size() / 2);
}

void OpenFiles::make_room(std::size_t files) {
    while (uses_.size() > files) {
        auto const [torrent, index] = uses_.back();
        auto const slot = torrent->slots().find(index);
        File const& file = *slot->second.file;
        if (file.state() == File::State::open)
            torrent->set_stamp(index, file.stamp());
        add(counters_->evicted);
        close(*torrent, slot);
    }
}

// Unmapping a large file takes milliseconds, so a worker does it.
void OpenFiles::close(Torrent& files, Slots::iterator slot) {
    uses_.erase(slot->second.use);
    auto file = std::move(slot->second.file);
    auto const key = slot->second.key;
    files.slots().erase(slot);
    pool_->run(key, [file = std::move(file)](bool) {});
}

} // namespace patron
