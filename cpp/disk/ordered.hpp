// A disk backend that orders answers, and aborts only when it is safe.
#pragma once

#include "torrent-patron/cpp/disk/forward.hpp"
#include "torrent-patron/cpp/disk/pool.hpp"
#include "torrent-patron/cpp/disk/shared.hpp"
#include "torrent-patron/cpp/disk/torrents.hpp"

#include <libtorrent/disk_interface.hpp>
#include <libtorrent/session_params.hpp>
#include <libtorrent/settings_pack.hpp>

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>

namespace patron {

// Works around limits of libtorrent's own backend, and maintains the TorrentFiles of each torrent
// for the read path.
//
// Order of answers. A piece is hashed, or cleared if it is corrupt, on another thread than its last
// blocks are written on. So its answer may come before those of the writes, which libtorrent 2.0
// does not expect. If a piece has passed its check but is not written, it is counted twice when its
// file is skipped, so the torrent counts as finished and stops. If a block is answered after its
// piece was cleared, it counts as a new block, so a piece of one block is never requested again.
// Therefore the answers of async_hash and async_clear_piece wait for the answers of the writes to
// the piece. This is not done with 2.1, which writes a piece some time after it was hashed and
// expects that.
//
// Shared files. A file that belongs to several torrents is written for the first of them only.
//
// Stops. When a job ends, libtorrent puts it back in order into its list of free jobs, which takes
// time in proportion to the list. A session that ends stops all of its torrents at once: 100,000
// took 20 seconds. Therefore a limited number is stopped at a time.
//
// New files. When the metadata of a magnet link has come, its files may exist and be somebody
// else's. They are looked at before libtorrent checks them.
//
// Renames. libtorrent would overwrite an existing file.
//
// Moves. If one fails, libtorrent does not remove what it has copied to another file system. The
// copies would fill the disk, and a second attempt would be refused because of them.
//
// Deferred abort. On abort, libtorrent cancels the jobs that wait for an exclusive job, and 2.0
// throws when it cancels a read, which ends the process. Peers no longer read by then, but
// smart_ban may, which reads corrupt pieces. Therefore abort waits until no exclusive job is in
// progress.
class Ordered : public Forward {
  public:
    Ordered(std::unique_ptr<lt::disk_interface> inner, std::shared_ptr<Torrents> torrents,
            SharedWithDisk const& shared, lt::io_context& network,
            lt::settings_interface const& settings);

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
    void report_move(TorrentFiles const& torrent, std::string const& to, lt::status_t status,
                     lt::storage_error const& error);
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
    // libtorrent has a counter for this but does not update it.
    std::int64_t hashed_blocks_ = 0;
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

// A backend with which libtorrent reads all blocks.
lt::disk_io_constructor_type stock_backend(SharedWithDisk shared);

} // namespace patron
