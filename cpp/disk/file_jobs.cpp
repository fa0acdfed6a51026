#include "torrent-patron/cpp/disk/file_jobs.hpp"
#include "torrent-patron/cpp/compat.hpp"
#include "torrent-patron/cpp/disk/forward.hpp"
#include "torrent-patron/cpp/disk/moves.hpp"
#include "torrent-patron/cpp/disk/new_files.hpp"
#include "torrent-patron/cpp/disk/pool.hpp"
#include "torrent-patron/cpp/session/hash_trees.hpp"
#include "torrent-patron/cpp/session/internals.hpp"

#include <libtorrent/operations.hpp>
#include <libtorrent/session.hpp>

#include <boost/asio/post.hpp>

#include <algorithm>
#include <deque>
#include <filesystem>
#include <functional>
#include <iterator>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace patron {
namespace {

constexpr int max_stops = 256;

class FileJobs final : public Forward {
  public:
    FileJobs(std::unique_ptr<lt::disk_interface> inner, std::shared_ptr<Torrents> torrents,
             SharedWithDisk const& shared, lt::io_context& network,
             lt::settings_interface const& settings)
        : Forward(std::move(inner)), torrents_(std::move(torrents)), written_(shared.written),
          new_files_(shared.new_files), ended_(shared.ended), network_(network),
          settings_(settings) {}

    lt::storage_holder new_torrent(lt::storage_params const& params,
                                   std::shared_ptr<void> const& torrent) override;
    void remove_torrent(lt::storage_index_t index) override;
    void async_read(lt::storage_index_t index, lt::peer_request const& request, ReadHandler handler,
                    lt::disk_job_flags_t flags) override;
    void async_move_storage(lt::storage_index_t index, std::string to, lt::move_flags_t flags,
                            MoveHandler handler) override;
    void async_release_files(lt::storage_index_t index, std::function<void()> handler) override;
    void async_check_files(lt::storage_index_t index, lt::add_torrent_params const* resume_data,
                           lt::aux::vector<std::string, lt::file_index_t> links,
                           CheckHandler handler) override;
    void async_stop_torrent(lt::storage_index_t index, std::function<void()> handler) override;
    void async_rename_file(lt::storage_index_t index, lt::file_index_t file, std::string name,
                           RenameHandler handler) override;
    void async_delete_files(lt::storage_index_t index, lt::remove_flags_t options,
                            DeleteHandler handler) override;
    void async_set_file_priority(lt::storage_index_t index, Priorities priorities,
                                 PriorityHandler handler) override;
    void async_clear_piece(lt::storage_index_t index, lt::piece_index_t piece,
                           ClearHandler handler) override;
    void abort(bool wait) override;

  private:
    struct Stop {
        lt::storage_index_t index;
        std::shared_ptr<TorrentFiles> torrent;
        std::function<void()> handler;
    };

    // Begins a job during which no file of the torrent may be open.
    std::shared_ptr<TorrentFiles> begin_exclusive(lt::storage_index_t index);
    void end_exclusive(TorrentFiles& torrent);
    void settled(std::shared_ptr<TorrentFiles> const& torrent);
    void exclusive_job_ended();
    // Runs `work` on a thread, because the disk may be slow, unless the backend is ending. Then
    // runs `then`, on the network thread, where it is also destroyed: it may have the torrent.
    void on_thread(std::function<void()> work, std::function<void()> then);
    void stop_next();

    std::shared_ptr<Torrents> const torrents_;
    std::shared_ptr<Written> const written_;
    std::shared_ptr<NewFiles> const new_files_;
    std::function<void(EndedJob)> const ended_;
    lt::io_context& network_;
    lt::settings_interface const& settings_;
    // Running jobs that other jobs of the torrent must wait for.
    int exclusive_jobs_ = 0;
    // Torrents that are being stopped, and those to be stopped next, in the order of the calls.
    int stopping_ = 0;
    std::deque<Stop> stops_;
    bool aborted_ = false;
    Pool disk_{"patron-files", 1};
    // Set while abort waits for these jobs.
    std::optional<WorkGuard> abort_pending_;
};

std::shared_ptr<TorrentFiles> FileJobs::begin_exclusive(lt::storage_index_t index) {
    auto const& torrent = torrents_->at(index);
    torrent->release_files();
    ++torrent->exclusive_jobs;
    ++torrent->exclusive_jobs_begun;
    ++exclusive_jobs_;
    return torrent;
}

void FileJobs::end_exclusive(TorrentFiles& torrent) {
    --torrent.exclusive_jobs;
    exclusive_job_ended();
}

// Tells the read path when no job is changing the files any more.
void FileJobs::settled(std::shared_ptr<TorrentFiles> const& torrent) {
    if (torrent->exclusive_jobs == 0 && torrent->inner && torrent->reader &&
        torrent->writes == torrent->released)
        torrent->reader->settled(torrent);
}

void FileJobs::exclusive_job_ended() {
    if (--exclusive_jobs_ > 0 || !abort_pending_)
        return;
    inner_->abort(false);
    abort_pending_.reset();
}

lt::storage_holder FileJobs::new_torrent(lt::storage_params const& params,
                                         std::shared_ptr<void> const& torrent) {
    // The metadata is known, and peers have not been notified yet.
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

void FileJobs::remove_torrent(lt::storage_index_t index) {
    auto const torrent = torrents_->remove(index);
    torrent->release_files();
    ++torrent->generation;
    written_->forget(torrent->hash);
    torrent->inner.reset();
}

void FileJobs::async_read(lt::storage_index_t index, lt::peer_request const& request,
                          ReadHandler handler, lt::disk_job_flags_t flags) {
    if (!aborted_)
        return inner_->async_read(index, request, std::move(handler), flags);
    boost::asio::post(network_, [handler = std::move(handler)] { handler({}, aborted()); });
}

void FileJobs::async_move_storage(lt::storage_index_t index, std::string to, lt::move_flags_t flags,
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
        ended_(ended_move(*torrent, to, status, error));
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
                why->ec = move_error(why->ec, to, size);
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

void FileJobs::async_release_files(lt::storage_index_t index, std::function<void()> handler) {
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

void FileJobs::async_check_files(lt::storage_index_t index,
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

void FileJobs::async_stop_torrent(lt::storage_index_t index, std::function<void()> handler) {
    ++torrents_->at(index)->generation;
    stops_.push_back({index, begin_exclusive(index), std::move(handler)});
    stop_next();
}

// Those that wait are still there: their torrents keep them until they are answered.
void FileJobs::stop_next() {
    while (stopping_ < max_stops && !stops_.empty()) {
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

void FileJobs::async_rename_file(lt::storage_index_t index, lt::file_index_t file, std::string name,
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

void FileJobs::on_thread(std::function<void()> work, std::function<void()> then) {
    auto task = [&network = network_, work = std::move(work), then,
                 guard = WorkGuard(network_.get_executor())](bool stopped) mutable {
        if (!stopped)
            work();
        boost::asio::post(network, [then = std::move(then), guard = std::move(guard)] { then(); });
    };
    if (!disk_.run(0, std::move(task)))
        boost::asio::post(network_, std::move(then));
}

void FileJobs::async_delete_files(lt::storage_index_t index, lt::remove_flags_t options,
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

void FileJobs::async_set_file_priority(lt::storage_index_t index, Priorities priorities,
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

void FileJobs::async_clear_piece(lt::storage_index_t index, lt::piece_index_t piece,
                                 ClearHandler handler) {
    // libtorrent treats this job as exclusive, but it does not change the files, so they may stay
    // open.
    ++exclusive_jobs_;
    inner_->async_clear_piece(index, piece,
                              [this, handler = std::move(handler)](lt::piece_index_t cleared) {
                                  exclusive_job_ended();
                                  handler(cleared);
                              });
}

void FileJobs::abort(bool wait) {
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

} // namespace

std::unique_ptr<lt::disk_interface> file_jobs(std::unique_ptr<lt::disk_interface> inner,
                                              std::shared_ptr<Torrents> torrents,
                                              SharedWithDisk const& shared, lt::io_context& network,
                                              lt::settings_interface const& settings) {
    return std::make_unique<FileJobs>(std::move(inner), std::move(torrents), shared, network,
                                      settings);
}

} // namespace patron
