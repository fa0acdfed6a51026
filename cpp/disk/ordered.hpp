// A disk backend that puts answers in order and aborts only when it is safe.
#pragma once

#include "torrent-patron/cpp/disk/forward.hpp"
#include "torrent-patron/cpp/disk/torrents.hpp"
#include "torrent-patron/cpp/disk/written.hpp"

#include <libtorrent/disk_interface.hpp>
#include <libtorrent/session_params.hpp>
#include <libtorrent/settings_pack.hpp>

#include <boost/asio/executor_work_guard.hpp>

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>

namespace patron {

using WorkGuard = boost::asio::executor_work_guard<lt::io_context::executor_type>;

// Adds what libtorrent needs of its own backend and what the read path needs to know: it maintains
// the TorrentFiles of each torrent.
//
// Order of answers. A piece is hashed, or cleared where it is corrupt, on another thread than its
// last blocks are written on, and may be answered before them, which libtorrent 2.0 is not ready
// for. A piece that has passed but is not written is counted twice when its file is skipped, so
// that the torrent counts as finished and stops. A block that is answered after its piece was
// cleared counts as one that has arrived since, so that a piece of one block is never requested
// again. Therefore the answers to async_hash and async_clear_piece wait for those to the writes
// to the piece. Not with 2.1, which is ready for it: it writes a piece some time after it was
// hashed.
//
// Files that several torrents have are written for the first of them only.
//
// Stops. Of libtorrent's pool of jobs, each that ends is put back in its place among those that are
// free, which takes as long as there are many: a session that ends stops all of its torrents, and
// 100,000 took 20 seconds. A few are stopped at a time.
//
// Deferred abort. On abort, libtorrent cancels the jobs that wait for an exclusive one, and 2.0
// throws when it cancels a read, which ends the process. Peers no longer read by then, but
// smart_ban may, which looks into corrupt pieces. Therefore abort waits until no exclusive job is
// under way.
class Ordered : public Forward {
  public:
    Ordered(std::unique_ptr<lt::disk_interface> inner, std::shared_ptr<Torrents> torrents,
            std::shared_ptr<Written> written, lt::io_context& network,
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

    // For a job that must find no file of the torrent open.
    std::shared_ptr<TorrentFiles> begin_exclusive(lt::storage_index_t index);
    void end_exclusive(TorrentFiles& torrent);
    void settled(std::shared_ptr<TorrentFiles> const& torrent);
    void exclusive_job_ended();
    void stop_next();
    void note_write(TorrentFiles& torrent, lt::peer_request const& request, char const* block);
    // Marks the files of the request as written, and returns the first and the last of them.
    std::pair<lt::file_index_t, lt::file_index_t> written(TorrentFiles const& torrent,
                                                          lt::peer_request const& request);

    std::shared_ptr<Torrents> const torrents_;
    std::shared_ptr<Written> const written_;
    lt::io_context& network_;
    lt::settings_interface const& settings_;
    // Which libtorrent has a counter for, and does not count.
    std::int64_t hashed_blocks_ = 0;
    // Jobs under way that libtorrent runs while others of the torrent wait.
    int exclusive_jobs_ = 0;
    // Torrents that are being stopped, and those to be stopped then, in the order of the calls.
    int stopping_ = 0;
    std::deque<Stop> stops_;
    bool aborted_ = false;
    // Set while abort waits for them.
    std::optional<WorkGuard> abort_pending_;
};

// libtorrent reads all blocks.
lt::disk_io_constructor_type stock_backend(std::shared_ptr<Written> written);

} // namespace patron
