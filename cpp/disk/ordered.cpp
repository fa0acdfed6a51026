#include "torrent-patron/cpp/disk/ordered.hpp"
#include "torrent-patron/cpp/disk/moves.hpp"
#include "torrent-patron/cpp/disk/new_files.hpp"
#include "torrent-patron/cpp/disk/paths.hpp"
#include "torrent-patron/cpp/session/hash_trees.hpp"
#include "torrent-patron/cpp/session/internals.hpp"

#include <libtorrent/operations.hpp>
#include <libtorrent/session.hpp>

#include <boost/asio/post.hpp>

#include <algorithm>
#include <filesystem>
#include <iterator>
#include <utility>

namespace patron {

Ordered::Ordered(std::unique_ptr<lt::disk_interface> inner, std::shared_ptr<Torrents> torrents,
                 SharedWithDisk const& shared, lt::io_context& network,
                 lt::settings_interface const& settings)
    : Forward(std::move(inner)), torrents_(std::move(torrents)), written_(shared.written),
      new_files_(shared.new_files), ended_(shared.ended), network_(network), settings_(settings) {}

namespace {

constexpr int most_stops = 256;

lt::storage_error aborted() {
    return {boost::asio::error::operation_aborted, lt::operation_t::file_read};
}

int blocks(lt::file_storage const& files, lt::piece_index_t piece) {
    return (files.piece_size(piece) + lt::default_block_size - 1) / lt::default_block_size;
}

} // namespace

std::shared_ptr<TorrentFiles> Ordered::begin_exclusive(lt::storage_index_t index) {
    auto const& torrent = torrents_->at(index);
    torrent->release_files();
    ++torrent->exclusive_jobs;
    ++torrent->exclusive_jobs_begun;
    ++exclusive_jobs_;
    return torrent;
}

void Ordered::end_exclusive(TorrentFiles& torrent) {
    --torrent.exclusive_jobs;
    exclusive_job_ended();
}

// Tells the read path when no job is changing the files any more.
void Ordered::settled(std::shared_ptr<TorrentFiles> const& torrent) {
    if (torrent->exclusive_jobs == 0 && torrent->inner && torrent->reader &&
        torrent->writes == torrent->released)
        torrent->reader->settled(torrent);
}

void Ordered::exclusive_job_ended() {
    if (--exclusive_jobs_ > 0 || !abort_pending_)
        return;
    inner_->abort(false);
    abort_pending_.reset();
}

lt::storage_holder Ordered::new_torrent(lt::storage_params const& params,
                                        std::shared_ptr<void> const& torrent) {
    // The metadata is known, and no peer was told so.
    internals::fill_pad_trees(torrent);
    internals::drop_v2(torrent);
    auto files = std::make_shared<TorrentFiles>(params);
    files->inner = inner_->new_torrent(params, torrent);
    files->owner = torrent;
    written_->begin(files->hash);
    lt::storage_index_t const index = files->inner;
    torrents_->add(std::move(files));
    return lt::storage_holder(index, *this);
}

void Ordered::remove_torrent(lt::storage_index_t index) {
    auto const torrent = torrents_->remove(index);
    torrent->release_files();
    ++torrent->generation;
    written_->forget(torrent->hash);
    torrent->inner.reset();
}

void Ordered::async_read(lt::storage_index_t index, lt::peer_request const& request,
                         ReadHandler handler, lt::disk_job_flags_t flags) {
    if (!aborted_)
        return inner_->async_read(index, request, std::move(handler), flags);
    boost::asio::post(network_, [handler = std::move(handler)] { handler({}, aborted()); });
}

namespace {

// Returns an error if the request is for a file that another torrent writes. A file belongs to the
// first torrent of the session that has it; other torrents can only use the data that they find in
// it.
lt::storage_error conflict(TorrentFiles const& torrent, lt::peer_request const& request) {
    for (auto const& slice :
         torrent.files.map_block(request.piece, request.start, request.length)) {
        auto const& others = torrent.known().others;
        auto const found = others.find(slice.file_index);
        auto const other = found == others.end() ? nullptr : found->second.lock();
        if (other && other->order < torrent.order && !torrent.is_skipped(slice.file_index))
            return lt::storage_error(in_use(other->files.name()), slice.file_index,
                                     lt::operation_t::file_write);
    }
    return {};
}

std::int64_t offset(TorrentFiles const& torrent, lt::peer_request const& request) {
    return static_cast<int>(request.piece) * std::int64_t(torrent.files.piece_length()) +
           request.start;
}

// Returns the first and the last file of the request.
std::pair<lt::file_index_t, lt::file_index_t> files_of(TorrentFiles const& torrent,
                                                       lt::peer_request const& request) {
    std::int64_t const begin = offset(torrent, request);
    return {torrent.files.file_index_at_offset(begin),
            torrent.files.file_index_at_offset(begin + request.length - 1)};
}

// Returns a sample of the block, if all of it is in one file.
std::optional<Sample> sample(TorrentFiles const& torrent, lt::peer_request const& request,
                             std::pair<lt::file_index_t, lt::file_index_t> files,
                             char const* block) {
    auto const [first, last] = files;
    if (first != last || torrent.is_skipped(first))
        return std::nullopt;
    auto const* const end = block + request.length;
    auto const* const begin = std::find_if(block, end, [](char value) { return value != 0; });
    if (begin == end)
        return std::nullopt;
    Sample out;
    out.offset = offset(torrent, request) - torrent.files.file_offset(first) + (begin - block);
    out.length = static_cast<int>(std::min<std::ptrdiff_t>(end - begin, out.bytes.size()));
    std::copy_n(begin, out.length, out.bytes.begin());
    return out;
}

} // namespace

bool Ordered::async_write(lt::storage_index_t index, lt::peer_request const& request,
                          char const* buffer, std::shared_ptr<lt::disk_observer> observer,
                          WriteHandler handler, lt::disk_job_flags_t flags) {
    auto const& torrent = torrents_->at(index);
    if (!torrent->known().others.empty()) {
        if (lt::storage_error const error = conflict(*torrent, request)) {
            ++torrent->rare().refused[request.piece];
            boost::asio::post(
                network_, [torrent, piece = request.piece, handler = std::move(handler), error] {
                    handler(error);
                    auto& refused = torrent->rare().refused;
                    if (--refused[piece] == 0)
                        refused.erase(piece);
                });
            return false;
        }
    }
    auto const files = files_of(*torrent, request);
    written_->add(torrent->hash, files.first, files.second);
    torrent->begin_write(request.piece);
    return inner_->async_write(
        index, request, buffer, std::move(observer),
        [this, torrent, piece = request.piece, file = files.first,
         written = sample(*torrent, request, files, buffer),
         handler = std::move(handler)](lt::storage_error const& error) {
            // Not earlier: 2.1 hashes pieces before it writes them.
            if (!error && written)
                torrent->note(file, *written);
            bool const was_stopped = error && internals::is_in_upload_mode(torrent->owner);
            if (error)
                torrent->rare().failed.insert(piece);
            handler(error);
            if (error && !was_stopped && internals::is_in_upload_mode(torrent->owner))
                written_->stop_writing(torrent->hash);
            torrent->end_write(piece);
        },
        flags);
}

namespace {

// Returns the probes of the files that contain data of the piece.
std::vector<Probe> probes_of(TorrentFiles const& torrent, lt::piece_index_t piece) {
    std::vector<Probe> out;
    for (auto const& slice : torrent.files.map_block(piece, 0, torrent.files.piece_size(piece))) {
        auto const& samples = torrent.known().samples;
        auto const found = samples.find(slice.file_index);
        if (found != samples.end() && !torrent.is_skipped(slice.file_index))
            out.push_back({slice.file_index, torrent.names.path(slice.file_index, torrent.path),
                           found->second.first});
    }
    return out;
}

// The operation `exception` is a signal: the file was mapped.
bool was_truncated(lt::storage_error const& error) {
    return error.operation == lt::operation_t::exception || error.ec == boost::asio::error::eof ||
           error.ec == lt::errors::file_too_short;
}

} // namespace

void Ordered::async_hash(lt::storage_index_t index, lt::piece_index_t piece,
                         lt::span<lt::sha256_hash> v2, lt::disk_job_flags_t flags,
                         HashHandler handler) {
    auto const& torrent = torrents_->at(index);
    // libtorrent hashes a piece without waiting for its writes. It ignores this answer, which comes
    // after theirs; that of the disk, a missing file, would be a second error.
    if (torrent->known().refused.count(piece) > 0) {
        boost::asio::post(network_, [handler = std::move(handler), piece]() mutable {
            handler(piece, {}, aborted());
        });
        return;
    }
    inner_->async_hash(
        index, piece, v2, flags,
        [this, torrent, handler = std::move(handler)](lt::piece_index_t hashed,
                                                      lt::sha1_hash const& v1,
                                                      lt::storage_error const& error) mutable {
            if (!error)
                hashed_blocks_ += blocks(torrent->files, hashed);
            // The handler contains the hashes of all blocks, so it is not copied.
            auto const answer = std::make_shared<HashHandler>(std::move(handler));
            bool const is_damaged =
                error ? was_truncated(error) : !internals::has_hash(torrent->owner, hashed, v1);
            torrent->after_writes(hashed, [this, torrent, answer, hashed, v1, error, is_damaged] {
                // With 2.1, one of the hashes of a hybrid torrent may be right. That would be an
                // inconsistent torrent rather than a failed write.
                if (torrent->known().failed.count(hashed) > 0)
                    return (*answer)(hashed, v1, aborted());
                // From now on the piece may be claimed. Files that were synchronized while it was
                // being written must be synchronized again, and so must data that another torrent
                // had written before a check.
                auto const [first, last] =
                    files_of(*torrent, {hashed, 0, torrent->files.piece_size(hashed)});
                written_->add(torrent->hash, first, last);
                // If a file was damaged, report that: libtorrent would ban the peers that sent the
                // piece.
                auto probes = is_damaged && torrent->reader ? probes_of(*torrent, hashed)
                                                            : std::vector<Probe>();
                if (probes.empty())
                    return (*answer)(hashed, v1, error);
                torrent->reader->look_for(
                    std::move(probes), [answer, hashed, v1, error](lt::storage_error const& lost) {
                        (*answer)(hashed, v1, lost ? lost : error);
                    });
            });
        });
}

void Ordered::async_move_storage(lt::storage_index_t index, std::string to, lt::move_flags_t flags,
                                 MoveHandler handler) {
    auto const torrent = begin_exclusive(index);
    auto answer = [this, torrent, to,
                   handler = std::move(handler)](lt::status_t status, std::string const& path,
                                                 lt::storage_error const& error) {
        // The current path, even if the move failed.
        if (!path.empty())
            torrents_->moved(torrent, path);
        // Nothing is durable at the new path, not even the file names.
        for (auto const i : torrent->files.file_range())
            if (torrent->is_downloaded(i))
                written_->add(torrent->hash, i, i);
        end_exclusive(*torrent);
        settled(torrent);
        report_move(*torrent, to, status, error);
        handler(status, path, error);
    };
    // Those that are at the destination before the move belong to others.
    auto const files = std::make_shared<std::vector<MovedFile>>();
    auto look = [files, all = moved_files(*torrent, to)] {
        auto const is_free = [](MovedFile const& file) { return !occupied(file.to); };
        std::copy_if(all.begin(), all.end(), std::back_inserter(*files), is_free);
    };
    auto clean = [this, torrent, files, to, answer](lt::status_t status, std::string const& path,
                                                    lt::storage_error const& error) {
        if (!compat::has_failed(status))
            return answer(status, path, error);
        auto const why = std::make_shared<lt::storage_error>(error);
        bool const of_file = error.file() >= lt::file_index_t(0);
        auto const size = of_file ? torrent->files.file_size(error.file()) : 0;
        on_thread(
            [files, to, why, size] {
                why->ec = why_not_moved(why->ec, to, size);
                remove_copies(*files, to);
            },
            [answer, status, path, why] { answer(status, path, *why); });
    };
    on_thread(std::move(look), [this, torrent, to, flags, answer, clean] {
        if (aborted_ || !torrent->inner || internals::is_removed(torrent->owner))
            return answer(compat::disk_failed, {},
                          {boost::asio::error::operation_aborted, lt::operation_t::file_rename});
        inner_->async_move_storage(torrent->inner, to, flags, clean);
        inner_->submit_jobs();
    });
}

void Ordered::report_move(TorrentFiles const& torrent, std::string const& to, lt::status_t status,
                          lt::storage_error const& error) {
    EndedJob job{EndedJob::Kind::Move, internals::id(torrent.owner), torrent.path, error.ec};
    if (compat::has_failed(status)) {
        job.path = error.file() < lt::file_index_t(0) ? to : torrent.names.path(error.file(), to);
        // libtorrent reports an existing file without an error code.
        if (!job.error)
            job.error = make_error_code(boost::system::errc::file_exists);
    }
    ended_(std::move(job));
}

void Ordered::async_release_files(lt::storage_index_t index, std::function<void()> handler) {
    inner_->async_release_files(index, [this, torrent = begin_exclusive(index),
                                        writes = torrents_->at(index)->writes,
                                        handler = std::move(handler)] {
        if (writes > torrent->released && torrent->inner)
            written_->finish(torrent->hash, torrent->wanted_files());
        torrent->released = writes;
        torrent->forget_samples();
        end_exclusive(*torrent);
        settled(torrent);
        if (handler)
            handler();
    });
}

void Ordered::async_check_files(lt::storage_index_t index,
                                lt::add_torrent_params const* resume_data,
                                lt::aux::vector<std::string, lt::file_index_t> links,
                                CheckHandler handler) {
    auto answer = [this, torrent = begin_exclusive(index), handler = std::move(handler)](
                      lt::status_t status, lt::storage_error const& error) {
        // From now on, only what is on disk counts.
        torrent->forget_samples();
        end_exclusive(*torrent);
        settled(torrent);
        handler(status, error);
    };
    auto const& torrent = torrents_->at(index);
    std::shared_ptr<void> const owner = torrent->owner.lock();
    bool const is_new = owner && new_files_->take(internals::id(torrent->owner));
    // Metadata from peers was not checked before.
    bool const lacks_hashes = owner && compat::lacks_v1_hashes(internals::info(owner));
    if (!is_new && !lacks_hashes)
        return inner_->async_check_files(index, resume_data, std::move(links), std::move(answer));
    auto check = [this, owner, torrent, resume_data, links = std::move(links),
                  answer = std::move(answer)](lt::storage_error error) mutable {
        if (aborted_ || !torrent->inner)
            error = aborted();
        if (error)
            return answer(compat::disk_failed, error);
        inner_->async_check_files(torrent->inner, resume_data, std::move(links), answer);
        inner_->submit_jobs();
    };
    if (lacks_hashes)
        return boost::asio::post(network_, [check = std::move(check)]() mutable {
            check({lt::errors::torrent_missing_pieces, lt::operation_t::check_resume});
        });
    auto const found = std::make_shared<lt::storage_error>();
    on_thread([found, files = torrent->created_files(),
               &info = internals::info(owner)] { *found = foreign_file(files, info); },
              [found, check = std::move(check)]() mutable { check(*found); });
}

void Ordered::async_stop_torrent(lt::storage_index_t index, std::function<void()> handler) {
    ++torrents_->at(index)->generation;
    stops_.push_back({index, begin_exclusive(index), std::move(handler)});
    stop_next();
}

// Those that wait are still there: their torrents keep them until they are answered.
void Ordered::stop_next() {
    while (stopping_ < most_stops && !stops_.empty()) {
        ++stopping_;
        auto stop = std::make_shared<Stop>(std::move(stops_.front()));
        stops_.pop_front();
        inner_->async_stop_torrent(stop->index, [this, stop] {
            --stopping_;
            end_exclusive(*stop->torrent);
            if (stop->handler)
                stop->handler();
            if (stops_.empty())
                return;
            stop_next();
            inner_->submit_jobs();
        });
    }
}

void Ordered::async_rename_file(lt::storage_index_t index, lt::file_index_t file, std::string name,
                                RenameHandler handler) {
    auto const torrent = begin_exclusive(index);
    auto answer = [this, torrent, handler = std::move(handler)](std::string const& now,
                                                                lt::file_index_t renamed,
                                                                lt::storage_error const& error) {
        if (!error)
            torrents_->renamed(torrent, renamed, now);
        end_exclusive(*torrent);
        settled(torrent);
        handler(now, renamed, error);
    };
    std::string path = (std::filesystem::path(torrent->path) / name).string();
    if (path == torrent->names.path(file, torrent->path))
        return inner_->async_rename_file(index, file, std::move(name), std::move(answer));
    auto rename = [this, torrent, file, name = std::move(name),
                   answer = std::move(answer)](lt::error_code error) {
        if (aborted_ || !torrent->inner)
            error = boost::asio::error::operation_aborted;
        if (error)
            return answer(name, file, lt::storage_error(error, file, lt::operation_t::file_rename));
        inner_->async_rename_file(torrent->inner, file, name, answer);
        inner_->submit_jobs();
    };
    auto const found = std::make_shared<lt::error_code>(boost::asio::error::try_again);
    on_thread([found, path = std::move(path)] { *found = occupied(path); },
              [found, rename = std::move(rename)] { rename(*found); });
}

void Ordered::on_thread(std::function<void()> work, std::function<void()> then) {
    auto task = [&network = network_, work = std::move(work), then,
                 guard = WorkGuard(network_.get_executor())](bool stopped) mutable {
        if (!stopped)
            work();
        boost::asio::post(network, [then = std::move(then), guard = std::move(guard)] { then(); });
    };
    if (!disk_.run(0, std::move(task)))
        boost::asio::post(network_, std::move(then));
}

void Ordered::async_delete_files(lt::storage_index_t index, lt::remove_flags_t options,
                                 DeleteHandler handler) {
    inner_->async_delete_files(
        index, options,
        [this, torrent = begin_exclusive(index),
         handler = std::move(handler)](lt::storage_error const& error) {
            end_exclusive(*torrent);
            ended_({EndedJob::Kind::Deletion, internals::id(torrent->owner), {}, error.ec});
            handler(error);
        });
}

void Ordered::async_set_file_priority(lt::storage_index_t index, Priorities priorities,
                                      PriorityHandler handler) {
    inner_->async_set_file_priority(
        index, std::move(priorities),
        [this, torrent = begin_exclusive(index),
         handler = std::move(handler)](lt::storage_error const& error, Priorities now) {
            torrent->set_priorities(now);
            written_->choose(torrent->hash, torrent->wanted_files());
            if (error)
                written_->refuse_choice(torrent->hash);
            end_exclusive(*torrent);
            settled(torrent);
            handler(error, std::move(now));
        });
}

void Ordered::async_clear_piece(lt::storage_index_t index, lt::piece_index_t piece,
                                ClearHandler handler) {
    // libtorrent treats this job as exclusive, but it does not change the files, so they may stay
    // open.
    ++exclusive_jobs_;
    auto const& torrent = torrents_->at(index);
    inner_->async_clear_piece(
        index, piece, [this, torrent, handler = std::move(handler)](lt::piece_index_t cleared) {
            exclusive_job_ended();
            torrent->after_writes(cleared, [handler, cleared] { handler(cleared); });
        });
}

void Ordered::update_stats_counters(lt::counters& statistics) const {
    inner_->update_stats_counters(statistics);
    statistics.set_value(lt::counters::num_blocks_hashed, hashed_blocks_);
}

void Ordered::abort(bool wait) {
    aborted_ = true;
    disk_.stop();
    // Without disk threads, either no job is waiting, or all jobs wait forever.
    bool const has_threads = settings_.get_int(lt::settings_pack::aio_threads) > 0;
    if (wait || exclusive_jobs_ == 0 || !has_threads)
        return inner_->abort(wait);
    // Keeps the network thread running until the jobs have ended.
    abort_pending_.emplace(network_.get_executor());
    inner_->submit_jobs();
}

lt::disk_io_constructor_type stock_backend(SharedWithDisk shared) {
    return [shared = std::move(shared)](
               lt::io_context& network, lt::settings_interface const& settings,
               lt::counters& statistics) -> std::unique_ptr<lt::disk_interface> {
        return std::make_unique<Ordered>(
            lt::default_disk_io_constructor(network, settings, statistics),
            std::make_shared<Torrents>(), shared, network, settings);
    };
}

} // namespace patron
