// A disk backend that forwards every call to another backend.
#pragma once

#include <libtorrent/disk_interface.hpp>
#include <libtorrent/io_context.hpp>
#include <libtorrent/storage_defs.hpp>

#include <boost/asio/executor_work_guard.hpp>

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace patron {

// Keeps the network thread running.
using WorkGuard = boost::asio::executor_work_guard<lt::io_context::executor_type>;

using Priorities = lt::aux::vector<lt::download_priority_t, lt::file_index_t>;

using ReadHandler = std::function<void(lt::disk_buffer_holder, lt::storage_error const&)>;
using WriteHandler = std::function<void(lt::storage_error const&)>;
using HashHandler =
    std::function<void(lt::piece_index_t, lt::sha1_hash const&, lt::storage_error const&)>;
using Hash2Handler =
    std::function<void(lt::piece_index_t, lt::sha256_hash const&, lt::storage_error const&)>;
using MoveHandler = std::function<void(lt::status_t, std::string const&, lt::storage_error const&)>;
using CheckHandler = std::function<void(lt::status_t, lt::storage_error const&)>;
using RenameHandler =
    std::function<void(std::string const&, lt::file_index_t, lt::storage_error const&)>;
using DeleteHandler = std::function<void(lt::storage_error const&)>;
using PriorityHandler = std::function<void(lt::storage_error const&, Priorities)>;
using ClearHandler = std::function<void(lt::piece_index_t)>;

// The answer to a job that a backend does not execute.
lt::storage_error aborted();

// Base class of the backends that change some calls and forward the others. All calls except
// get_status are made on the network thread.
class Forward : public lt::disk_interface {
  public:
    explicit Forward(std::unique_ptr<lt::disk_interface> inner) : inner_(std::move(inner)) {}

    // Returns the holder of the inner backend. So a torrent is removed there directly, and
    // remove_torrent of the outer backends is not called. Their data about a torrent is attached to
    // its TorrentFiles.
    lt::storage_holder new_torrent(lt::storage_params const& params,
                                   std::shared_ptr<void> const& torrent) override;
    void remove_torrent(lt::storage_index_t index) override;
    void async_read(lt::storage_index_t index, lt::peer_request const& request, ReadHandler handler,
                    lt::disk_job_flags_t flags) override;
    bool async_write(lt::storage_index_t index, lt::peer_request const& request, char const* buffer,
                     std::shared_ptr<lt::disk_observer> observer, WriteHandler handler,
                     lt::disk_job_flags_t flags) override;
    void async_hash(lt::storage_index_t index, lt::piece_index_t piece,
                    lt::span<lt::sha256_hash> v2, lt::disk_job_flags_t flags,
                    HashHandler handler) override;
    void async_hash2(lt::storage_index_t index, lt::piece_index_t piece, int offset,
                     lt::disk_job_flags_t flags, Hash2Handler handler) override;
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
    void update_stats_counters(lt::counters& statistics) const override;
    std::vector<lt::open_file_state> get_status(lt::storage_index_t index) const override;
    void abort(bool wait) override;
    void submit_jobs() override;
    void settings_updated() override;

  protected:
    std::unique_ptr<lt::disk_interface> const inner_;
};

} // namespace patron
