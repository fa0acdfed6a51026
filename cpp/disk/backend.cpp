#include "torrent-patron/cpp/disk/backend.hpp"

#include <libtorrent/operations.hpp>
#include <libtorrent/performance_counters.hpp>
#include <libtorrent/session.hpp>

#include <boost/asio/post.hpp>

#include <utility>

namespace patron {

TorrentFiles::TorrentFiles(lt::storage_params const& params)
    : files(params.files), names(params), path(params.path) {
    set_priorities(params.priorities);
}

void TorrentFiles::set_priorities(Priorities const& priorities) {
    partial = false;
    for (auto const i : files.file_range())
        if (i < priorities.end_index() && priorities[i] == lt::dont_download &&
            !files.pad_file_at(i))
            partial = true;
}

void TorrentFiles::after_writes(std::uint64_t count, std::function<void()> then) {
    if (unanswered.empty() || *unanswered.begin() >= count)
        then();
    else
        behind.emplace(count, std::move(then));
}

void TorrentFiles::answered(std::uint64_t write) {
    unanswered.erase(write);
    while (!behind.empty() &&
           (unanswered.empty() || *unanswered.begin() >= behind.begin()->first)) {
        auto const then = std::move(behind.begin()->second);
        behind.erase(behind.begin());
        then();
    }
}

Backend::Backend(lt::io_context& network, lt::settings_interface const& settings,
                 lt::counters& statistics)
    : network_(network), settings_(settings),
      inner_(lt::default_disk_io_constructor(network, settings, statistics)) {}

lt::storage_index_t Backend::add_torrent(std::shared_ptr<TorrentFiles> files,
                                         lt::storage_params const& params,
                                         std::shared_ptr<void> const& torrent) {
    files->inner = inner_->new_torrent(params, torrent);
    lt::storage_index_t const index = files->inner;
    std::size_t const place = static_cast<std::uint32_t>(index);
    if (place >= torrents_.size())
        torrents_.resize(place + 1);
    torrents_[place] = std::move(files);
    return index;
}

std::shared_ptr<TorrentFiles>& Backend::find(lt::storage_index_t index) {
    return torrents_[static_cast<std::uint32_t>(index)];
}

std::shared_ptr<TorrentFiles> Backend::alone(lt::storage_index_t index) {
    let_go(index);
    auto const& files = find(index);
    ++files->exclusive;
    ++alone_;
    return files;
}

void Backend::done(TorrentFiles& files) {
    --files.exclusive;
    lower();
}

void Backend::lower() {
    if (--alone_ > 0 || !abort_due_)
        return;
    inner_->abort(false);
    abort_due_.reset();
}

lt::storage_holder Backend::new_torrent(lt::storage_params const& params,
                                        std::shared_ptr<void> const& torrent) {
    return lt::storage_holder(add_torrent(std::make_shared<TorrentFiles>(params), params, torrent),
                              *this);
}

void Backend::remove_torrent(lt::storage_index_t index) {
    // Handlers that are not called yet may hold on to it.
    std::exchange(find(index), nullptr)->inner.reset();
}

void Backend::async_read(lt::storage_index_t index, lt::peer_request const& request,
                         ReadHandler handler, lt::disk_job_flags_t flags) {
    if (!aborted_)
        return inner_->async_read(index, request, std::move(handler), flags);
    lt::storage_error const error(boost::asio::error::operation_aborted,
                                  lt::operation_t::file_read);
    boost::asio::post(network_, [handler = std::move(handler), error] { handler({}, error); });
}

bool Backend::async_write(lt::storage_index_t index, lt::peer_request const& request,
                          char const* buffer, std::shared_ptr<lt::disk_observer> observer,
                          std::function<void(lt::storage_error const&)> handler,
                          lt::disk_job_flags_t flags) {
    auto const& files = find(index);
    std::uint64_t const number = files->writes++;
    files->unanswered.insert(number);
    return inner_->async_write(
        index, request, buffer, std::move(observer),
        [files, number, handler = std::move(handler)](lt::storage_error const& error) {
            handler(error);
            files->answered(number);
        },
        flags);
}

void Backend::async_hash(
    lt::storage_index_t index, lt::piece_index_t piece, lt::span<lt::sha256_hash> v2,
    lt::disk_job_flags_t flags,
    std::function<void(lt::piece_index_t, lt::sha1_hash const&, lt::storage_error const&)>
        handler) {
    inner_->async_hash(index, piece, v2, flags,
                       [files = find(index), writes = find(index)->writes,
                        handler = std::move(handler)](lt::piece_index_t hashed,
                                                      lt::sha1_hash const& v1,
                                                      lt::storage_error const& error) mutable {
                           // Not copied: it holds the hashes of all blocks.
                           files->after_writes(writes, [handler = std::move(handler), hashed, v1,
                                                        error] { handler(hashed, v1, error); });
                       });
}

void Backend::async_hash2(
    lt::storage_index_t index, lt::piece_index_t piece, int offset, lt::disk_job_flags_t flags,
    std::function<void(lt::piece_index_t, lt::sha256_hash const&, lt::storage_error const&)>
        handler) {
    inner_->async_hash2(index, piece, offset, flags, std::move(handler));
}

void Backend::async_move_storage(
    lt::storage_index_t index, std::string to, lt::move_flags_t flags,
    std::function<void(lt::status_t, std::string const&, lt::storage_error const&)> handler) {
    inner_->async_move_storage(
        index, std::move(to), flags,
        [this, files = alone(index), handler = std::move(handler)](
            lt::status_t status, std::string const& path, lt::storage_error const& error) {
            done(*files);
            // Where the files are now, moved or not.
            if (!path.empty())
                files->path = path;
            handler(status, path, error);
        });
}

void Backend::async_release_files(lt::storage_index_t index, std::function<void()> handler) {
    inner_->async_release_files(index, [this, files = alone(index), writes = find(index)->writes,
                                        handler = std::move(handler)] {
        done(*files);
        files->released = writes;
        if (handler)
            handler();
    });
}

void Backend::async_check_files(
    lt::storage_index_t index, lt::add_torrent_params const* resume_data,
    lt::aux::vector<std::string, lt::file_index_t> links,
    std::function<void(lt::status_t, lt::storage_error const&)> handler) {
    inner_->async_check_files(index, resume_data, std::move(links),
                              [this, files = alone(index), handler = std::move(handler)](
                                  lt::status_t status, lt::storage_error const& error) {
                                  done(*files);
                                  handler(status, error);
                              });
}

void Backend::async_stop_torrent(lt::storage_index_t index, std::function<void()> handler) {
    inner_->async_stop_torrent(index, [this, files = alone(index), handler = std::move(handler)] {
        done(*files);
        if (handler)
            handler();
    });
}

void Backend::async_rename_file(
    lt::storage_index_t index, lt::file_index_t file, std::string name,
    std::function<void(std::string const&, lt::file_index_t, lt::storage_error const&)> handler) {
    inner_->async_rename_file(
        index, file, std::move(name),
        [this, files = alone(index), handler = std::move(handler)](
            std::string const& now, lt::file_index_t of, lt::storage_error const& error) {
            done(*files);
            if (!error)
                files->names.rename(of, now);
            handler(now, of, error);
        });
}

void Backend::async_delete_files(lt::storage_index_t index, lt::remove_flags_t options,
                                 std::function<void(lt::storage_error const&)> handler) {
    inner_->async_delete_files(
        index, options,
        [this, files = alone(index), handler = std::move(handler)](lt::storage_error const& error) {
            done(*files);
            handler(error);
        });
}

void Backend::async_set_file_priority(
    lt::storage_index_t index, Priorities priorities,
    std::function<void(lt::storage_error const&, Priorities)> handler) {
    inner_->async_set_file_priority(index, std::move(priorities),
                                    [this, files = alone(index), handler = std::move(handler)](
                                        lt::storage_error const& error, Priorities now) {
                                        done(*files);
                                        files->set_priorities(now);
                                        handler(error, std::move(now));
                                    });
}

void Backend::async_clear_piece(lt::storage_index_t index, lt::piece_index_t piece,
                                std::function<void(lt::piece_index_t)> handler) {
    // Is done alone as well, but leaves the files as they are.
    ++alone_;
    inner_->async_clear_piece(index, piece,
                              [this, files = find(index), writes = find(index)->writes,
                               handler = std::move(handler)](lt::piece_index_t cleared) {
                                  lower();
                                  files->after_writes(writes,
                                                      [handler, cleared] { handler(cleared); });
                              });
}

void Backend::update_stats_counters(lt::counters& statistics) const {
    inner_->update_stats_counters(statistics);
}

std::vector<lt::open_file_state> Backend::get_status(lt::storage_index_t index) const {
    return inner_->get_status(index);
}

void Backend::abort(bool wait) {
    aborted_ = true;
    // Without threads nothing waits, or waits for ever.
    bool const has_threads = settings_.get_int(lt::settings_pack::aio_threads) > 0;
    if (wait || alone_ == 0 || !has_threads)
        return inner_->abort(wait);
    // The network thread must not end before.
    abort_due_.emplace(network_.get_executor());
    inner_->submit_jobs();
}

void Backend::submit_jobs() {
    inner_->submit_jobs();
}

void Backend::settings_updated() {
    inner_->settings_updated();
}

lt::disk_io_constructor_type stock_backend() {
    return [](lt::io_context& network, lt::settings_interface const& settings,
              lt::counters& statistics) -> std::unique_ptr<lt::disk_interface> {
        return std::make_unique<Backend>(network, settings, statistics);
    };
}

} // namespace patron
