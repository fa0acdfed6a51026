// A disk backend that drops the storages of idle torrents.
#pragma once

#include "torrent-patron/cpp/disk/forward.hpp"
#include "torrent-patron/cpp/disk/torrents.hpp"

#include <libtorrent/disk_interface.hpp>
#include <libtorrent/io_context.hpp>
#include <libtorrent/session_params.hpp>
#include <libtorrent/storage_defs.hpp>

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <vector>

namespace patron {

// libtorrent keeps a storage for each torrent, of more than 600 bytes, and stops it by a job of a
// disk thread. A complete torrent that nobody downloads needs neither. So its storage is dropped
// when its files have been closed, and made again for its next job. A torrent that may write keeps
// its storage, because a check prepares it for that; so does one whose files were chosen, because
// there may be a part file.
//
// Before it closes files, libtorrent ends the torrent's other jobs. If none has begun since,
// nothing uses the storage any more.
class StorageOnDemand final : public Forward {
  public:
    StorageOnDemand(std::unique_ptr<lt::disk_interface> inner, std::shared_ptr<Torrents> torrents,
                    lt::io_context& network)
        : Forward(std::move(inner)), network_(network), torrents_(std::move(torrents)) {}

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
    std::vector<lt::open_file_state> get_status(lt::storage_index_t index) const override;

  private:
    struct Slot {
        // Empty while the torrent is idle.
        lt::storage_holder storage;
        // Owns the torrent's list of files, as a storage does.
        std::shared_ptr<void> torrent;
        lt::storage_mode_t mode;
        bool keeps_storage;
        // Whether another job has begun since the last one that closes the files.
        bool in_use = false;
        // The number of running jobs that close the files.
        int closing = 0;
    };

    Slot& at(lt::storage_index_t index) { return slots_[static_cast<std::uint32_t>(index)]; }
    // Returns the index of the storage for a job, and makes the storage if there is none.
    lt::storage_index_t use(lt::storage_index_t index);
    using ClosingJob = void (lt::disk_interface::*)(lt::storage_index_t, std::function<void()>);
    // Runs a job that closes the files, and then drops the storage if that is not needed.
    void close(lt::storage_index_t index, ClosingJob job, std::function<void()> handler);

    lt::io_context& network_;
    std::deque<Slot> slots_;
    std::vector<lt::storage_index_t> free_;
    // Destroyed first, because it holds places in `slots_`.
    std::shared_ptr<Torrents> const torrents_;
};

// Returns libtorrent's own backend. With 2.0, it drops the storages of idle torrents.
std::unique_ptr<lt::disk_interface> libtorrents_backend(std::shared_ptr<Torrents> torrents,
                                                        lt::io_context& network,
                                                        lt::settings_interface const& settings,
                                                        lt::counters& statistics);

} // namespace patron
