#include "torrent-patron/cpp/disk/read_path.hpp"
#include "torrent-patron/cpp/disk/backend.hpp"
#include "torrent-patron/cpp/disk/buffers.hpp"
#include "torrent-patron/cpp/disk/file.hpp"
#include "torrent-patron/cpp/disk/pool.hpp"

#include <libtorrent/operations.hpp>
#include <libtorrent/performance_counters.hpp>

#include <boost/asio/post.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <list>
#include <unordered_map>
#include <utility>

namespace patron {
namespace {

using clock = std::chrono::steady_clock;

// How often a file that is in use is looked at, and how long a torrent whose file is lost has time
// to be paused before that is said again.
constexpr std::chrono::seconds interval{1};

struct Storage;

// Want of descriptors or memory: the files are as good as they were.
bool passes(lt::error_code const& code) {
    namespace errc = boost::system::errc;
    return code == errc::too_many_files_open || code == errc::too_many_files_open_in_system ||
           code == errc::not_enough_memory;
}

// The place of a file in the list of those that were used last.
struct Use {
    Storage* storage;
    int file;
};

struct Slot {
    std::shared_ptr<File> file;
    std::list<Use>::iterator use;
    clock::time_point next_check;
};

// A torrent's files and those of them that are open. Network thread only.
struct Storage : TorrentFiles {
    Storage(lt::storage_params const& params, bool plain) : TorrentFiles(params), mapped(plain) {}

    bool const mapped;
    // Changes when the torrent stops.
    std::uint64_t run = 0;
    clock::time_point failed_until{};
    lt::file_index_t last{0};
    // Those in use, by index.
    std::unordered_map<int, Slot> slots;
    // Of files that were closed to make room.
    std::unordered_map<int, Stamp> stamps;
};

// The piece of one file that a block covers.
struct Part {
    lt::file_index_t index{0};
    std::int64_t offset = 0;
    int length = 0;
    bool pad = false;
    File* file = nullptr;
};

// A block may lie in several small files.
struct Parts {
    static constexpr int most = 4;
    std::array<Part, most> all;
    int count = 0;
    Part* begin() { return all.data(); }
    Part* end() { return all.data() + count; }
};

struct Job {
    WorkGuard work;
    std::shared_ptr<Storage> storage;
    lt::storage_index_t index;
    std::uint64_t run;
    lt::peer_request request;
    ReadHandler handler;
    lt::disk_job_flags_t flags;
    Parts parts;
    // From the block's beginning to the end of its piece: a peer asks for all of it.
    int ahead;
    // Keep the files of the parts.
    std::array<std::shared_ptr<File>, Parts::most> files;

    std::unique_ptr<char[]> buffer;
    lt::storage_error error;
    // What kept a file from being opened.
    File::State trouble = File::State::open;

    void read(bool stopped);
};

// On a worker.
void Job::read(bool stopped) try {
    error.operation = lt::operation_t::file_read;
    if (stopped) {
        error.ec = boost::asio::error::operation_aborted;
        return;
    }
    buffer.reset(new char[static_cast<std::size_t>(request.length)]);
    char* to = buffer.get();
    for (Part& part : parts) {
        if (part.pad) {
            std::fill_n(to, part.length, '\0');
        } else {
            part.file->open();
            trouble = part.file->state();
            error.file(part.index);
            if (trouble == File::State::lost)
                error.ec = part.file->failure();
            else if (trouble == File::State::open)
                error.ec = part.file->read(to, part.length, part.offset, ahead);
            if (error.ec || trouble != File::State::open)
                return;
        }
        to += part.length;
    }
} catch (std::bad_alloc const&) {
    error.ec = make_error_code(boost::system::errc::not_enough_memory);
}

class ReadPath final : public Backend {
  public:
    ReadPath(bool map, std::shared_ptr<PlainTorrents> plain, std::shared_ptr<ReadCounters> counters,
             lt::io_context& network, lt::settings_interface const& settings,
             lt::counters& statistics)
        : Backend(network, settings, statistics), map_(map), plain_(std::move(plain)),
          counters_(std::move(counters)),
          pool_(std::make_shared<Pool>(
              std::clamp(settings.get_int(lt::settings_pack::aio_threads), 1, 64))),
          done_(std::make_shared<Done>()) {
        done_->path = this;
        note_settings();
    }

    ~ReadPath() override {
        pool_->stop();
        pool_->join();
        done_->path = nullptr;
    }

    lt::storage_holder new_torrent(lt::storage_params const& params,
                                   std::shared_ptr<void> const& torrent) override {
        bool const mapped = map_ && plain_->take(params.info_hash);
        auto storage = std::make_shared<Storage>(params, mapped);
        lt::storage_index_t const index = add_torrent(storage, params, torrent);
        storage->run = ++runs_;
        std::size_t const place = static_cast<std::uint32_t>(index);
        if (place >= storages_.size())
            storages_.resize(place + 1);
        storages_[place] = std::move(storage);
        return lt::storage_holder(index, *this);
    }

    void remove_torrent(lt::storage_index_t index) override {
        // Jobs that are not answered yet may hold on to it.
        stop(*std::exchange(find(index), nullptr));
        Backend::remove_torrent(index);
    }

    void async_read(lt::storage_index_t index, lt::peer_request const& request, ReadHandler handler,
                    lt::disk_job_flags_t flags) override {
        std::shared_ptr<Storage> const& storage = find(index);
        auto const now = clock::now();
        if (now < storage->failed_until)
            return fail(*storage, std::move(handler), {});
        Parts parts;
        ReadCounters::Count* const reason = not_ours(*storage, request, flags, parts);
        if (reason != nullptr)
            return read_by_libtorrent(*reason, storage, index, request, std::move(handler), flags);
        bool hot = true;
        for (Part& part : parts) {
            if (part.pad)
                continue;
            Slot* const slot = use(*storage, index, part.index, now);
            if (slot == nullptr)
                return read_by_libtorrent(counters_->stock_descriptors, storage, index, request,
                                          std::move(handler), flags);
            part.file = slot->file.get();
            File::State const state = part.file->state();
            if (state == File::State::lost)
                return fail(*storage, std::move(handler),
                            lt::storage_error(part.file->failure(), part.index,
                                              lt::operation_t::file_read));
            hot = hot && state == File::State::open;
        }
        if (hot && read_at_once(parts, request.length, handler, flags))
            return;
        read_by_worker(storage, index, request, std::move(handler), flags, parts);
    }

    void async_stop_torrent(lt::storage_index_t index, std::function<void()> handler) override {
        stop(*find(index));
        Backend::async_stop_torrent(index, std::move(handler));
    }

    void update_stats_counters(lt::counters& statistics) const override {
        Backend::update_stats_counters(statistics);
        auto const read =
            counters_->mapped_blocks + counters_->copied_blocks + counters_->cold_blocks;
        statistics.inc_stats_counter(lt::counters::num_blocks_read,
                                     static_cast<std::int64_t>(read - reported_));
        reported_ = read;
    }

    void abort(bool wait) override {
        pool_->stop();
        if (wait)
            pool_->join();
        Backend::abort(wait);
    }

    void settings_updated() override {
        note_settings();
        Backend::settings_updated();
    }

  protected:
    void let_go(lt::storage_index_t index) override {
        auto& storage = *find(index);
        close_all(storage);
        storage.stamps.clear();
    }

  private:
    // Jobs on their way back to the network thread.
    struct Done {
        std::mutex mutex;
        std::vector<std::shared_ptr<Job>> jobs;
        // Null once it is gone; network thread only.
        ReadPath* path = nullptr;

        static void push(std::shared_ptr<Done> done, lt::io_context& network,
                         std::shared_ptr<Job> job);
    };

    void note_settings() {
        auto const size = settings_.get_int(lt::settings_pack::file_pool_size);
        // More than one block needs: the room for its last file is not made by closing its first.
        most_files_ = static_cast<std::size_t>(std::max(size, 2 * Parts::most));
        make_room(most_files_);
    }

    std::shared_ptr<Storage>& find(lt::storage_index_t index) {
        return storages_[static_cast<std::uint32_t>(index)];
    }

    void stop(Storage& storage) {
        close_all(storage);
        storage.stamps.clear();
        storage.failed_until = {};
        storage.run = ++runs_;
    }

    // Why libtorrent must read it. Null: it need not, and here is where the block lies.
    ReadCounters::Count* not_ours(Storage& storage, lt::peer_request const& request,
                                  lt::disk_job_flags_t flags, Parts& parts) const {
        if (storage.writes > storage.released || storage.exclusive > 0)
            return &counters_->stock_writing;
        if (storage.partial)
            return &counters_->stock_partial;
        if (flags & volatile_read)
            return &counters_->stock_other;
        if (!split(storage, request, parts))
            return &counters_->stock_scattered;
        return nullptr;
    }

    static bool split(Storage& storage, lt::peer_request const& request, Parts& parts) {
        lt::file_storage const& files = storage.files;
        std::int64_t at =
            static_cast<int>(request.piece) * std::int64_t{files.piece_length()} + request.start;
        int left = request.length;
        if (left <= 0 || left > lt::default_block_size || request.start < 0 ||
            at + left > files.total_size())
            return false;
        // It is nearly always the file of the request before.
        lt::file_index_t i = storage.last;
        if (at < files.file_offset(i) || at >= files.file_offset(i) + files.file_size(i))
            i = storage.last = files.file_index_at_offset(at);
        for (; left > 0; ++i) {
            if (i >= files.end_file())
                return false;
            std::int64_t const offset = at - files.file_offset(i);
            std::int64_t const room = files.file_size(i) - offset;
            if (room <= 0)
                continue;
            if (parts.count == Parts::most)
                return false;
            Part& part = parts.all[static_cast<std::size_t>(parts.count++)];
            part.index = i;
            part.offset = offset;
            part.length = static_cast<int>(std::min<std::int64_t>(room, left));
            part.pad = files.pad_file_at(i);
            at += part.length;
            left -= part.length;
        }
        return true;
    }

    // The file, open or to be opened by a worker; null when there are no descriptors just now.
    Slot* use(Storage& storage, lt::storage_index_t index, lt::file_index_t i,
              clock::time_point now) {
        int const number = static_cast<int>(i);
        auto found = storage.slots.find(number);
        if (found == storage.slots.end()) {
            if (now < exhausted_until_)
                return nullptr;
            make_room(most_files_ - 1);
            std::optional<Stamp> known;
            auto const stamp = storage.stamps.find(number);
            if (stamp != storage.stamps.end())
                known = stamp->second;
            auto file = std::make_shared<File>(storage.names.path(i, storage.path),
                                               storage.files.file_size(i), storage.mapped, known,
                                               pool_, counters_);
            uses_.push_front(Use{&storage, number});
            Slot opened{std::move(file), uses_.begin(), now + interval};
            found = storage.slots.emplace(number, std::move(opened)).first;
        }
        Slot& slot = found->second;
        if (slot.use != uses_.begin())
            uses_.splice(uses_.begin(), uses_, slot.use);
        if (now >= slot.next_check) {
            slot.next_check = now + interval;
            pool_->run(key(index, number), [file = slot.file](bool stopped) {
                if (!stopped)
                    file->check();
            });
        }
        return &slot;
    }

    static std::size_t key(lt::storage_index_t index, int rest) {
        return static_cast<std::uint32_t>(index) * std::size_t{7919} +
               static_cast<std::size_t>(rest);
    }

    // The hot path.
    bool read_at_once(Parts& parts, int length, ReadHandler const& handler,
                      lt::disk_job_flags_t flags) {
        Part const& first = parts.all[0];
        Mapping* const mapping = first.pad ? nullptr : first.file->mapping();
        if (parts.count == 1 && mapping != nullptr && !(flags & force_copy) &&
            mapping->is_resident(first.offset, length)) {
            add(counters_->mapped_blocks);
            add(counters_->mapped_bytes, static_cast<std::uint64_t>(length));
            handler(mapping->block(first.offset, length), {});
            return true;
        }
        char* const buffer = buffers_->allocate();
        lt::disk_buffer_holder holder = buffers_->hold(buffer, length);
        char* to = buffer;
        for (Part const& part : parts) {
            if (part.pad)
                std::fill_n(to, part.length, '\0');
            else if (!part.file->reads_resident() ||
                     !part.file->read_resident(to, part.length, part.offset))
                return false;
            to += part.length;
        }
        set_resident(parts);
        add(counters_->copied_blocks);
        add(counters_->copied_bytes, static_cast<std::uint64_t>(length));
        handler(std::move(holder), {});
        return true;
    }

    void read_by_worker(std::shared_ptr<Storage> const& storage, lt::storage_index_t index,
                        lt::peer_request const& request, ReadHandler handler,
                        lt::disk_job_flags_t flags, Parts const& parts) {
        auto job =
            std::make_shared<Job>(Job{boost::asio::make_work_guard(network_),
                                      storage,
                                      index,
                                      storage->run,
                                      request,
                                      std::move(handler),
                                      flags,
                                      parts,
                                      storage->files.piece_size(request.piece) - request.start,
                                      {},
                                      {},
                                      {}});
        for (std::size_t i = 0; i < static_cast<std::size_t>(parts.count); ++i)
            if (!parts.all[i].pad)
                job->files[i] = storage->slots.at(static_cast<int>(parts.all[i].index)).file;
        // The task lets go of the job: its handler holds a peer, which must not end on a worker.
        auto task = [done = done_, &network = network_, job](bool stopped) mutable {
            job->read(stopped);
            Done::push(std::move(done), network, std::move(job));
        };
        if (!pool_->run(key(index, static_cast<int>(request.piece)), std::move(task)))
            read_by_libtorrent(counters_->stock_other, storage, index, request,
                               std::move(job->handler), flags);
    }

    static void set_resident(Parts& parts) {
        for (Part const& part : parts)
            if (!part.pad && part.file->mapping() != nullptr)
                part.file->mapping()->set_resident(part.offset, part.length);
    }

    // A worker has done what it could.
    void complete(Job& job) {
        if (job.run != job.storage->run)
            job.error.ec = boost::asio::error::operation_aborted;
        if (job.error.ec)
            return job.handler({}, told(*job.storage, job.run, job.error));
        if (job.trouble == File::State::exhausted) {
            exhausted_until_ = clock::now() + interval;
            // libtorrent opens files too: some room for it.
            make_room(uses_.size() / 2);
            return hand_on(counters_->stock_descriptors, job);
        }
        if (job.trouble == File::State::unusable)
            return hand_on(counters_->stock_unusable, job);
        set_resident(job.parts);
        add(counters_->cold_blocks);
        add(counters_->cold_bytes, static_cast<std::uint64_t>(job.request.length));
        job.handler(HeapBuffers::hold(std::move(job.buffer), job.request.length), {});
    }

    // libtorrent reads what could not be opened; the next one tries to open it again.
    void hand_on(ReadCounters::Count& reason, Job& job) {
        for (Part const& part : job.parts) {
            auto const found = job.storage->slots.find(static_cast<int>(part.index));
            if (found != job.storage->slots.end() && found->second.file.get() == part.file &&
                part.file->state() == job.trouble)
                close(*job.storage, found);
        }
        read_by_libtorrent(reason, job.storage, job.index, job.request, std::move(job.handler),
                           job.flags);
        submit_jobs();
    }

    void read_by_libtorrent(ReadCounters::Count& reason, std::shared_ptr<Storage> storage,
                            lt::storage_index_t index, lt::peer_request const& request,
                            ReadHandler handler, lt::disk_job_flags_t flags) {
        add(reason);
        auto const run = storage->run;
        Backend::async_read(
            index, request,
            [this, storage = std::move(storage), run, handler = std::move(handler)](
                lt::disk_buffer_holder buffer, lt::storage_error const& error) {
                if (error.ec)
                    handler({}, told(*storage, run, error));
                else
                    handler(std::move(buffer), error);
            },
            flags);
    }

    // An error as libtorrent is told it. Peers have many requests under way, and each that fails is
    // an alert: the first of a torrent carries the reason, and alerts.cpp pauses the torrent for
    // it; those after it until then, and those of an earlier run, are given up.
    lt::storage_error told(Storage& storage, std::uint64_t run, lt::storage_error error) {
        auto const now = clock::now();
        error.operation = lt::operation_t::file_read;
        if (run != storage.run || now < storage.failed_until) {
            error.ec = boost::asio::error::operation_aborted;
        } else if (error.ec != boost::asio::error::operation_aborted && !passes(error.ec)) {
            storage.failed_until = now + interval;
            add(counters_->failed);
        }
        return error;
    }

    // Never at once: peer_connection::fill_send_buffer is going through its requests.
    void fail(Storage& storage, ReadHandler handler, lt::storage_error error) {
        error = told(storage, storage.run, error);
        boost::asio::post(network_, [handler = std::move(handler), error] { handler({}, error); });
    }

    using Slots = std::unordered_map<int, Slot>;

    // A worker closes it: to unmap what is large takes milliseconds.
    void close(Storage& storage, Slots::iterator slot) {
        uses_.erase(slot->second.use);
        auto file = std::move(slot->second.file);
        storage.slots.erase(slot);
        pool_->run(0, [file = std::move(file)](bool) {});
    }

    void close_all(Storage& storage) {
        while (!storage.slots.empty())
            close(storage, storage.slots.begin());
    }

    void make_room(std::size_t files) {
        while (uses_.size() > files) {
            auto const [storage, number] = uses_.back();
            auto const slot = storage->slots.find(number);
            File const& file = *slot->second.file;
            if (file.state() == File::State::open)
                storage->stamps.insert_or_assign(number, *file.stamp());
            add(counters_->evicted);
            close(*storage, slot);
        }
    }

    bool const map_;
    std::shared_ptr<PlainTorrents> const plain_;
    std::shared_ptr<ReadCounters> const counters_;
    std::shared_ptr<Pool> const pool_;
    std::shared_ptr<Done> const done_;
    Buffers::Owner const buffers_ = Buffers::make();
    std::vector<std::shared_ptr<Storage>> storages_;
    std::uint64_t runs_ = 0;
    // The files that are in use, the last used first.
    std::list<Use> uses_;
    std::size_t most_files_ = 1;
    clock::time_point exhausted_until_{};
    mutable std::uint64_t reported_ = 0;
};

// One post for all that come until the network thread has time.
void ReadPath::Done::push(std::shared_ptr<Done> done, lt::io_context& network,
                          std::shared_ptr<Job> job) {
    {
        std::lock_guard<std::mutex> const lock(done->mutex);
        done->jobs.push_back(std::move(job));
        if (done->jobs.size() > 1)
            return;
    }
    boost::asio::post(network, [done] {
        std::vector<std::shared_ptr<Job>> finished;
        {
            std::lock_guard<std::mutex> const lock(done->mutex);
            finished.swap(done->jobs);
        }
        for (auto const& each : finished)
            if (done->path != nullptr)
                done->path->complete(*each);
    });
}

} // namespace

lt::disk_io_constructor_type read_path(bool map, std::shared_ptr<PlainTorrents> plain,
                                       std::shared_ptr<ReadCounters> counters) {
    return [map, plain = std::move(plain), counters = std::move(counters)](
               lt::io_context& network, lt::settings_interface const& settings,
               lt::counters& statistics) -> std::unique_ptr<lt::disk_interface> {
        return std::make_unique<ReadPath>(map, plain, counters, network, settings, statistics);
    };
}

} // namespace patron
