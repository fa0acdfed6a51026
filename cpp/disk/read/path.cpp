#include "torrent-patron/cpp/disk/read/path.hpp"
#include "torrent-patron/cpp/disk/ordered.hpp"
#include "torrent-patron/cpp/disk/pool.hpp"
#include "torrent-patron/cpp/disk/read/buffers.hpp"
#include "torrent-patron/cpp/disk/read/file_slices.hpp"
#include "torrent-patron/cpp/disk/read/file_spans.hpp"
#include "torrent-patron/cpp/disk/read/job.hpp"
#include "torrent-patron/cpp/disk/read/open_files.hpp"
#include "torrent-patron/cpp/disk/read/view.hpp"
#include "torrent-patron/cpp/disk/spans.hpp"
#include "torrent-patron/cpp/errors.hpp"
#include "torrent-patron/cpp/session/internals.hpp"
#include "torrent-patron/src/sys/bridge.rs.h"

#include <libtorrent/operations.hpp>
#include <libtorrent/performance_counters.hpp>
#include <libtorrent/session.hpp>

#include <boost/asio/post.hpp>

#include <algorithm>
#include <iterator>
#include <map>
#include <utility>
#include <vector>

namespace patron {
namespace {

// How long a torrent must have been paused after an error before the next error is reported.
constexpr std::chrono::seconds error_interval{1};
constexpr int max_checked = 16 * 1024;

// The read path's data about a torrent.
struct TorrentReads final : Attachment {
    TorrentReads(OpenFiles& open, std::uint64_t torrent, bool mapped)
        : open_files(open), files(torrent, mapped) {}
    ~TorrentReads() override { reset_views(); }
    void release_files() override {
        open_files.release(files);
        reset_views();
    }
    void settled(std::shared_ptr<TorrentFiles> const& torrent) override {
        open_files.record_stamps(torrent, files);
    }
    void check_probes(std::vector<Probe> probes,
                      std::function<void(lt::storage_error const&)> then) override {
        open_files.check_probes(std::move(probes), std::move(then));
    }
    void piece_changed(TorrentFiles const& torrent, lt::piece_index_t piece) override {
        each_view([&](OpenView& view) { view.piece_changed(torrent, piece); });
    }
    void reset_views() noexcept {
        each_view([](OpenView& view) { view.reset(); });
    }
    template <typename Call>
    void each_view(Call const& call) {
        if (views)
            for (auto const& [file, weak] : *views)
                if (auto const view = weak.lock())
                    call(*view);
    }

    // The pieces of files that may have changed.
    struct Pieces {
        using Reads = std::vector<std::function<void(lt::storage_error const&)>>;
        // Reads that wait until their piece is hashed.
        std::map<lt::piece_index_t, Reads> hashing;
        // Pieces with the right hash, and the count of doubtful changes at that time.
        std::map<lt::piece_index_t, std::uint64_t> right;
    };

    OpenFiles& open_files;
    OpenFiles::Torrent files;
    // These two are rarely needed.
    std::unique_ptr<Pieces> pieces;
    std::unique_ptr<Views> views;
    // The first file of the last block, which is nearly always that of the next block.
    lt::file_index_t last{0};
    clock::time_point failed_until{};
};

TorrentReads& reads_of(TorrentFiles const& torrent) {
    return static_cast<TorrentReads&>(*torrent.reader);
}

class ReadPath final : public Forward, public SpanReader {
  public:
    ReadPath(std::unique_ptr<lt::disk_interface> inner, std::shared_ptr<Torrents> torrents,
             DiskReads reads, SharedWithDisk const& shared, lt::io_context& network,
             lt::settings_interface const& settings);
    ~ReadPath() override;

    lt::storage_holder new_torrent(lt::storage_params const& params,
                                   std::shared_ptr<void> const& torrent) override;
    void async_read(lt::storage_index_t index, lt::peer_request const& request, ReadHandler handler,
                    lt::disk_job_flags_t flags) override;
    bool read_span(lt::storage_index_t index, std::int64_t begin, lt::span<char> to,
                   std::function<void(bool)> then) override;
    std::shared_ptr<FileView> view(lt::storage_index_t index, lt::file_index_t file) override;
    void async_stop_torrent(lt::storage_index_t index, std::function<void()> handler) override;
    void update_stats_counters(lt::counters& statistics) const override;
    void abort(bool wait) override;
    void settings_updated() override;

  private:
    using TorrentPtr = std::shared_ptr<TorrentFiles>;
    using Reason = ReadCounters::Count;

    Reason* stock_reason(TorrentFiles& torrent, lt::peer_request const& request,
                         FileSlices& slices) const;
    lt::storage_error check_files(TorrentFiles& torrent, lt::peer_request const& request,
                                  clock::time_point now, std::shared_ptr<File>& doubtful);
    bool is_right(TorrentReads& reads, lt::piece_index_t piece) const;
    void read_when_hashed(TorrentPtr const& torrent, lt::peer_request const& request,
                          ReadHandler handler, lt::disk_job_flags_t flags,
                          std::shared_ptr<File> const& doubtful);
    bool read_at_once(FileSlices const& slices, int length, ReadHandler const& handler,
                      lt::disk_job_flags_t flags);
    void read_by_worker(TorrentPtr const& torrent, lt::peer_request const& request,
                        ReadHandler handler, lt::disk_job_flags_t flags, FileSlices const& slices);
    void read_by_stock(Reason* reason, TorrentPtr torrent, lt::peer_request const& request,
                       ReadHandler handler, lt::disk_job_flags_t flags);
    void complete(ReadJob& job);
    void fall_back(Reason& reason, ReadJob& job);
    lt::storage_error report(TorrentFiles& torrent, std::uint64_t generation,
                             lt::storage_error error);
    void fail(TorrentFiles& torrent, ReadHandler handler, lt::storage_error error);
    void limit_files();

    std::shared_ptr<Torrents> const torrents_;
    DiskReads const mode_;
    std::shared_ptr<PlainTorrents> const plain_;
    std::shared_ptr<ReadCounters> const counters_;
    lt::io_context& network_;
    lt::settings_interface const& settings_;
    std::shared_ptr<Pool> const pool_;
    std::shared_ptr<FinishedReads> const finished_;
    Buffers::Owner const buffers_ = Buffers::make();
    OpenFiles open_files_;
    FileSpans spans_;
    // How many blocks update_stats_counters has reported.
    mutable std::uint64_t reported_ = 0;
};

ReadPath::ReadPath(std::unique_ptr<lt::disk_interface> inner, std::shared_ptr<Torrents> torrents,
                   DiskReads reads, SharedWithDisk const& shared, lt::io_context& network,
                   lt::settings_interface const& settings)
    : Forward(std::move(inner)), torrents_(std::move(torrents)), mode_(reads), plain_(shared.plain),
      counters_(shared.counters), network_(network), settings_(settings),
      pool_(std::make_shared<Pool>(
          "patron-read", std::clamp(settings.get_int(lt::settings_pack::aio_threads), 1, 64))),
      finished_(std::make_shared<FinishedReads>(network, [this](ReadJob& job) { complete(job); })),
      open_files_(network, pool_, shared.lost, counters_),
      spans_(network, pool_, open_files_, counters_) {
    limit_files();
}

ReadPath::~ReadPath() {
    pool_->stop();
    pool_->join();
    finished_->close();
}

lt::storage_holder ReadPath::new_torrent(lt::storage_params const& params,
                                         std::shared_ptr<void> const& torrent) {
    bool const mapped = mode_ == DiskReads::ZeroCopy && plain_->take(params.info_hash);
    lt::storage_holder holder = inner_->new_torrent(params, torrent);
    torrents_->at(holder)->reader =
        std::make_unique<TorrentReads>(open_files_, internals::id(torrent), mapped);
    return holder;
}

// The hot path. For a block in memory, it takes no lock and allocates at most the buffer.
void ReadPath::async_read(lt::storage_index_t index, lt::peer_request const& request,
                          ReadHandler handler, lt::disk_job_flags_t flags) {
    TorrentPtr const& torrent = torrents_->at(index);
    TorrentReads& reads = reads_of(*torrent);
    auto const now = clock::now();
    if (now < reads.failed_until)
        return fail(*torrent, std::move(handler), {});
    if (torrent->is_downloading() || torrent->exclusive_jobs > 0)
        return read_by_stock(&counters_->stock_writing, torrent, request, std::move(handler),
                             flags);
    if (flags & volatile_read)
        return read_by_stock(&counters_->stock_other, torrent, request, std::move(handler), flags);
    FileSlices slices;
    std::shared_ptr<File> doubtful;
    Reason* const reason = stock_reason(*torrent, request, slices);
    if (reason != nullptr || mode_ == DiskReads::Stock) {
        if (lt::storage_error const error = check_files(*torrent, request, now, doubtful))
            return fail(*torrent, std::move(handler), error);
        if (doubtful != nullptr && !is_right(reads, request.piece))
            return read_when_hashed(torrent, request, std::move(handler), flags, doubtful);
        return read_by_stock(reason, torrent, request, std::move(handler), flags);
    }
    bool open = true;
    for (FileSlice& slice : slices) {
        if (slice.pad)
            continue;
        slice.file = open_files_.use(*torrent, reads.files, slice.index, now);
        if (slice.file == nullptr)
            return read_by_stock(&counters_->stock_descriptors, torrent, request,
                                 std::move(handler), flags);
        File::State const state = slice.file->state();
        if (state == File::State::changed)
            return fail(
                *torrent, std::move(handler),
                lt::storage_error(slice.file->failure(), slice.index, lt::operation_t::file_read));
        open = open && state == File::State::open;
        if (slice.file->is_doubtful())
            doubtful = slice.file->shared_from_this();
    }
    if (doubtful != nullptr && !is_right(reads, request.piece))
        return read_when_hashed(torrent, request, std::move(handler), flags, doubtful);
    if (open && read_at_once(slices, request.length, handler, flags))
        return;
    read_by_worker(torrent, request, std::move(handler), flags, slices);
}

// Returns why libtorrent must read the block. Returns null if it need not, and then `slices` is
// filled in. In mode Stock, it returns null at once, because libtorrent reads everything.
ReadPath::Reason* ReadPath::stock_reason(TorrentFiles& torrent, lt::peer_request const& request,
                                         FileSlices& slices) const {
    if (mode_ == DiskReads::Stock)
        return nullptr;
    if (!slices.split(torrent.files, request, reads_of(torrent).last))
        return &counters_->stock_scattered;
    // Blocks of skipped files may be in libtorrent's part file.
    if (std::any_of(slices.begin(), slices.end(), [&torrent](FileSlice const& slice) {
            return !slice.pad && torrent.is_skipped(slice.index);
        }))
        return &counters_->stock_partial;
    return nullptr;
}

// For blocks that libtorrent reads. Returns the error of a file that has changed, if any.
lt::storage_error ReadPath::check_files(TorrentFiles& torrent, lt::peer_request const& request,
                                        clock::time_point now, std::shared_ptr<File>& doubtful) {
    for (auto const& slice :
         torrent.files.map_block(request.piece, request.start, request.length)) {
        lt::file_index_t const i = slice.file_index;
        if (torrent.files.pad_file_at(i) || torrent.is_skipped(i))
            continue;
        File* const file = open_files_.use(torrent, reads_of(torrent).files, i, now);
        if (file == nullptr)
            continue;
        if (file->state() == File::State::changed)
            return lt::storage_error(file->failure(), i, lt::operation_t::file_read);
        if (file->is_doubtful())
            doubtful = file->shared_from_this();
    }
    return {};
}

bool ReadPath::is_right(TorrentReads& reads, lt::piece_index_t piece) const {
    if (!reads.pieces)
        return false;
    auto const found = reads.pieces->right.find(piece);
    return found != reads.pieces->right.end() && found->second == *reads.files.doubts();
}

// Reads the block after its piece has been hashed, because a file may have changed although its
// size and modification time have not. Either it has another mode or hard link, or it was written
// to and its time was set back.
void ReadPath::read_when_hashed(TorrentPtr const& torrent, lt::peer_request const& request,
                                ReadHandler handler, lt::disk_job_flags_t flags,
                                std::shared_ptr<File> const& doubtful) {
    auto& pieces = reads_of(*torrent).pieces;
    if (!pieces)
        pieces = std::make_unique<TorrentReads::Pieces>();
    auto& waiting = pieces->hashing[request.piece];
    lt::storage_index_t const index = torrent->inner;
    waiting.push_back([this, index, request, handler = std::move(handler),
                       flags](lt::storage_error const& error) {
        if (error)
            handler({}, error);
        else
            async_read(index, request, handler, flags);
    });
    if (waiting.size() > 1)
        return;
    auto const hashed = [this, torrent, generation = torrent->generation,
                         doubts = reads_of(*torrent).files.doubts()->load(),
                         file = doubtful](lt::piece_index_t piece, lt::sha1_hash const& hash,
                                          lt::storage_error error) {
        TorrentReads::Pieces& pieces = *reads_of(*torrent).pieces;
        // A file that can no longer be opened is read with the descriptor that is open.
        bool const is_trusted = error ? error.ec == boost::system::errc::permission_denied
                                      : internals::has_hash(torrent->owner, piece, hash);
        if (generation != torrent->generation) {
            error.ec = boost::asio::error::operation_aborted;
        } else if (is_trusted) {
            error = {};
            pieces.right[piece] = doubts;
        } else if (!error) {
            file->found_changed();
        }
        // A read may find another doubtful change, and wait again.
        auto const waiting = pieces.hashing.extract(piece);
        for (auto const& read : waiting.mapped())
            read(error ? report(*torrent, generation, error) : error);
        inner_->submit_jobs();
    };
    inner_->async_hash(index, request.piece, {}, v1_hash, hashed);
    inner_->submit_jobs();
}

// Returns false if not all of the block is in memory.
bool ReadPath::read_at_once(FileSlices const& slices, int length, ReadHandler const& handler,
                            lt::disk_job_flags_t flags) {
    FileSlice const& first = *slices.begin();
    Mapping* const mapping = first.pad ? nullptr : first.file->mapping();
    if (slices.size() == 1 && mapping != nullptr && !(flags & force_copy) &&
        mapping->is_resident(first.offset, length)) {
        add(counters_->mapped_blocks);
        add(counters_->mapped_bytes, static_cast<std::uint64_t>(length));
        handler(mapping->block(first.offset, length), {});
        return true;
    }
    char* const buffer = buffers_->allocate();
    lt::disk_buffer_holder holder = buffers_->hold(buffer, length);
    char* to = buffer;
    for (FileSlice const& slice : slices) {
        if (slice.pad)
            std::fill_n(to, slice.length, '\0');
        else if (!slice.file->reads_resident() ||
                 !slice.file->read_resident(to, slice.length, slice.offset))
            return false;
        to += slice.length;
    }
    slices.set_resident();
    add(counters_->copied_blocks);
    add(counters_->copied_bytes, static_cast<std::uint64_t>(length));
    handler(std::move(holder), {});
    return true;
}

void ReadPath::read_by_worker(TorrentPtr const& torrent, lt::peer_request const& request,
                              ReadHandler handler, lt::disk_job_flags_t flags,
                              FileSlices const& slices) {
    auto job =
        std::make_shared<ReadJob>(network_, torrent, request, std::move(handler), flags, slices);
    // Moves the job on, because it must not be destroyed on the worker.
    auto task = [finished = finished_, job](bool stopped) mutable {
        job->read(stopped);
        finished->push(std::move(job));
    };
    auto const key = task_key(torrent->inner, static_cast<int>(request.piece));
    if (!pool_->run(key, std::move(task)))
        read_by_stock(&counters_->stock_other, torrent, request, std::move(job->handler), flags);
}

void ReadPath::complete(ReadJob& job) {
    if (job.generation != job.torrent->generation)
        job.error.ec = boost::asio::error::operation_aborted;
    // The file may have been moved or renamed since.
    else if (job.error.ec && job.exclusive_jobs_begun != job.torrent->exclusive_jobs_begun)
        return fall_back(counters_->stock_writing, job);
    if (job.error.ec)
        return job.handler({}, report(*job.torrent, job.generation, job.error));
    if (job.state == File::State::exhausted) {
        open_files_.exhausted();
        return fall_back(counters_->stock_descriptors, job);
    }
    if (job.state == File::State::unusable)
        return fall_back(counters_->stock_unusable, job);
    job.slices.set_resident();
    add(counters_->cold_blocks);
    add(counters_->cold_bytes, static_cast<std::uint64_t>(job.request.length));
    job.handler(HeapBuffers::hold(std::move(job.buffer), job.request.length), {});
}

bool ReadPath::read_span(lt::storage_index_t index, std::int64_t begin, lt::span<char> to,
                         std::function<void(bool)> then) {
    TorrentFiles const& torrent = *torrents_->at(index);
    TorrentReads& reads = reads_of(torrent);
    return mode_ != DiskReads::Stock && torrent.exclusive_jobs == 0 &&
           spans_.read(torrent, reads.files, reads.views.get(), begin, to, std::move(then));
}

std::shared_ptr<FileView> ReadPath::view(lt::storage_index_t index, lt::file_index_t file) {
    if (mode_ == DiskReads::Stock)
        return nullptr;
    TorrentFiles const& torrent = *torrents_->at(index);
    auto& views = reads_of(torrent).views;
    if (!views)
        views = std::make_unique<Views>();
    if (auto const known = views->find(file); known != views->end())
        if (auto view = known->second.lock())
            return view;
    for (auto it = views->begin(); it != views->end();)
        it = it->second.expired() ? views->erase(it) : std::next(it);
    auto view = std::make_shared<OpenView>(torrent, file, counters_);
    (*views)[file] = view;
    return view;
}

// Lets libtorrent read what a worker could not. The next block tries to open the file again.
void ReadPath::fall_back(Reason& reason, ReadJob& job) {
    for (FileSlice const& slice : job.slices)
        if (!slice.pad && slice.file->state() == job.state)
            open_files_.close(reads_of(*job.torrent).files, slice.index, *slice.file);
    read_by_stock(&reason, job.torrent, job.request, std::move(job.handler), job.flags);
    inner_->submit_jobs();
}

void ReadPath::read_by_stock(Reason* reason, TorrentPtr torrent, lt::peer_request const& request,
                             ReadHandler handler, lt::disk_job_flags_t flags) {
    if (reason != nullptr)
        add(*reason);
    lt::storage_index_t const index = torrent->inner;
    auto const generation = torrent->generation;
    inner_->async_read(
        index, request,
        [this, torrent = std::move(torrent), generation, handler = std::move(handler)](
            lt::disk_buffer_holder buffer, lt::storage_error const& error) {
            if (error.ec)
                handler({}, report(*torrent, generation, error));
            else
                handler(std::move(buffer), error);
        },
        flags);
}

// Returns the error for libtorrent. Peers have many open requests, and each failed one causes an
// alert. Only the first error of a torrent has the reason; alerts.cpp pauses the torrent because of
// it. Later errors, and those of an earlier generation, become aborted.
lt::storage_error ReadPath::report(TorrentFiles& torrent, std::uint64_t generation,
                                   lt::storage_error error) {
    auto const now = clock::now();
    auto const aborted = boost::asio::error::operation_aborted;
    error.operation = lt::operation_t::file_read;
    if (generation != torrent.generation || now < reads_of(torrent).failed_until) {
        error.ec = aborted;
    } else if (error.ec != aborted && !is_shortage(error.ec)) {
        reads_of(torrent).failed_until = now + error_interval;
        add(counters_->failed);
    }
    return error;
}

// Does not call the handler directly, because peer_connection::fill_send_buffer is iterating over
// its requests.
void ReadPath::fail(TorrentFiles& torrent, ReadHandler handler, lt::storage_error error) {
    error = report(torrent, torrent.generation, error);
    boost::asio::post(network_, [handler = std::move(handler), error] { handler({}, error); });
}

void ReadPath::async_stop_torrent(lt::storage_index_t index, std::function<void()> handler) {
    reads_of(*torrents_->at(index)).failed_until = {};
    inner_->async_stop_torrent(index, std::move(handler));
}

void ReadPath::update_stats_counters(lt::counters& statistics) const {
    inner_->update_stats_counters(statistics);
    auto const read = counters_->mapped_blocks + counters_->copied_blocks + counters_->cold_blocks;
    statistics.inc_stats_counter(lt::counters::num_blocks_read,
                                 static_cast<std::int64_t>(read - reported_));
    reported_ = read;
}

void ReadPath::abort(bool wait) {
    open_files_.stop();
    pool_->stop();
    if (wait)
        pool_->join();
    inner_->abort(wait);
}

void ReadPath::settings_updated() {
    limit_files();
    inner_->settings_updated();
}

void ReadPath::limit_files() {
    // Files that are only examined need no descriptors.
    int const size = mode_ == DiskReads::Stock
                         ? max_checked
                         : settings_.get_int(lt::settings_pack::file_pool_size);
    // More than one block can need, so that opening its last file does not close its first.
    open_files_.set_limit(static_cast<std::size_t>(std::max(size, 2 * FileSlices::max)));
}

} // namespace

lt::disk_io_constructor_type read_path(DiskReads reads, SharedWithDisk shared) {
    return [reads, shared = std::move(shared)](
               lt::io_context& network, lt::settings_interface const& settings,
               lt::counters& statistics) -> std::unique_ptr<lt::disk_interface> {
        auto torrents = std::make_shared<Torrents>(shared.paths);
        auto ordered = ordered_backend(torrents, shared, network, settings, statistics);
        return std::make_unique<ReadPath>(std::move(ordered), std::move(torrents), reads, shared,
                                          network, settings);
    };
}

} // namespace patron
