// libtorrent's own disk backend, as a session is given it.
#pragma once

#include "torrent-patron/cpp/compat.hpp"

#include <libtorrent/disk_interface.hpp>
#include <libtorrent/session_params.hpp>
#include <libtorrent/settings_pack.hpp>
#include <libtorrent/storage_defs.hpp>

#include <boost/asio/executor_work_guard.hpp>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace patron {

using ReadHandler = std::function<void(lt::disk_buffer_holder, lt::storage_error const&)>;
using Priorities = lt::aux::vector<lt::download_priority_t, lt::file_index_t>;
using WorkGuard = boost::asio::executor_work_guard<lt::io_context::executor_type>;

// A torrent's files: where they are, and what is done to them. Network thread only.
struct TorrentFiles {
    explicit TorrentFiles(lt::storage_params const& params);
    void set_priorities(Priorities const& priorities);
    // Calls it when none of the first so many writes is unanswered.
    void after_writes(std::uint64_t count, std::function<void()> then);
    void answered(std::uint64_t write);

    // Lives as long as the torrent, which the backend's own storage holds.
    lt::file_storage const& files;
    compat::FileNames names;
    std::string path;
    lt::storage_holder inner;
    // Not all files are wanted: blocks may lie in libtorrent's part file.
    bool partial = false;
    // How many there have been, and how many of them by the time the files were last released.
    // While there are more, the torrent is being downloaded: blocks may be in libtorrent's store
    // buffer only, the files change all the time, and smart_ban reads what the next peer
    // overwrites.
    std::uint64_t writes = 0;
    std::uint64_t released = 0;
    // By number, from 0.
    std::set<std::uint64_t> unanswered;
    // What comes after the first so many writes, in that order.
    std::multimap<std::uint64_t, std::function<void()>> behind;
    // Jobs that move, delete or replace files.
    int exclusive = 0;
};

// Hands all jobs on to libtorrent's, and keeps book of those that libtorrent does alone, while
// others wait.
//
// When it is told to stop, libtorrent gives up the jobs that wait: 2.0 throws in giving up a read,
// on its network thread, which ends the process. The reads of peers are not waiting any more by
// then, but those of smart_ban may, which looks into corrupt pieces. Therefore it is told when no
// job waits.
//
// A piece is hashed, or cleared where it is corrupt, on another thread than its last blocks are
// written on, and answered first now and then, which 2.0 is not ready for. A piece that has passed
// and is not written would count twice once its file is skipped, as one that is there and as one
// that nobody wants: the torrent would be taken for finished, and stop. A block of a piece that is
// cleared would be taken for one that has come since, and a piece of one block never be asked for
// again. Therefore the answers are put in order.
class Backend : public lt::disk_interface {
  public:
    Backend(lt::io_context& network, lt::settings_interface const& settings,
            lt::counters& statistics);

    lt::storage_holder new_torrent(lt::storage_params const& params,
                                   std::shared_ptr<void> const& torrent) override;
    void remove_torrent(lt::storage_index_t index) override;
    void async_read(lt::storage_index_t index, lt::peer_request const& request, ReadHandler handler,
                    lt::disk_job_flags_t flags) override;
    bool async_write(lt::storage_index_t index, lt::peer_request const& request, char const* buffer,
                     std::shared_ptr<lt::disk_observer> observer,
                     std::function<void(lt::storage_error const&)> handler,
                     lt::disk_job_flags_t flags) override;
    void async_hash(
        lt::storage_index_t index, lt::piece_index_t piece, lt::span<lt::sha256_hash> v2,
        lt::disk_job_flags_t flags,
        std::function<void(lt::piece_index_t, lt::sha1_hash const&, lt::storage_error const&)>
            handler) override;
    void async_hash2(
        lt::storage_index_t index, lt::piece_index_t piece, int offset, lt::disk_job_flags_t flags,
        std::function<void(lt::piece_index_t, lt::sha256_hash const&, lt::storage_error const&)>
            handler) override;
    void async_move_storage(
        lt::storage_index_t index, std::string to, lt::move_flags_t flags,
        std::function<void(lt::status_t, std::string const&, lt::storage_error const&)> handler)
        override;
    void async_release_files(lt::storage_index_t index, std::function<void()> handler) override;
    void
    async_check_files(lt::storage_index_t index, lt::add_torrent_params const* resume_data,
                      lt::aux::vector<std::string, lt::file_index_t> links,
                      std::function<void(lt::status_t, lt::storage_error const&)> handler) override;
    void async_stop_torrent(lt::storage_index_t index, std::function<void()> handler) override;
    void async_rename_file(
        lt::storage_index_t index, lt::file_index_t file, std::string name,
        std::function<void(std::string const&, lt::file_index_t, lt::storage_error const&)> handler)
        override;
    void async_delete_files(lt::storage_index_t index, lt::remove_flags_t options,
                            std::function<void(lt::storage_error const&)> handler) override;
    void async_set_file_priority(
        lt::storage_index_t index, Priorities priorities,
        std::function<void(lt::storage_error const&, Priorities)> handler) override;
    void async_clear_piece(lt::storage_index_t index, lt::piece_index_t piece,
                           std::function<void(lt::piece_index_t)> handler) override;
    void update_stats_counters(lt::counters& statistics) const override;
    // The only one that another thread may call. It knows of the files that libtorrent has open.
    std::vector<lt::open_file_state> get_status(lt::storage_index_t index) const override;
    void abort(bool wait) override;
    void submit_jobs() override;
    void settings_updated() override;

  protected:
    // As new_torrent.
    lt::storage_index_t add_torrent(std::shared_ptr<TorrentFiles> files,
                                    lt::storage_params const& params,
                                    std::shared_ptr<void> const& torrent);
    // A job is to come that must find no file open.
    virtual void let_go(lt::storage_index_t) {}

    lt::io_context& network_;
    lt::settings_interface const& settings_;

  private:
    // For a job that must find no file open. Until it is done(), reads that are handed on to
    // libtorrent wait behind it.
    std::shared_ptr<TorrentFiles> alone(lt::storage_index_t index);
    void done(TorrentFiles& files);
    void lower();
    std::shared_ptr<TorrentFiles>& find(lt::storage_index_t index);

    std::unique_ptr<lt::disk_interface> const inner_;
    // After inner_: what is left of them goes back to it.
    std::vector<std::shared_ptr<TorrentFiles>> torrents_;
    // Jobs that libtorrent does alone and that are not answered.
    int alone_ = 0;
    bool aborted_ = false;
    // To be aborted when there are none.
    std::optional<WorkGuard> abort_due_;
};

// libtorrent reads all blocks.
lt::disk_io_constructor_type stock_backend();

} // namespace patron
