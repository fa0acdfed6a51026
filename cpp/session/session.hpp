// One lt::session and its torrents. It is created and used on the client thread, and destroyed on
// the network thread.
#pragma once

#include "torrent-patron/cpp/session/file_choices.hpp"
#include "torrent-patron/cpp/session/reports.hpp"
#include "torrent-patron/cpp/trycatch.hpp"

#include "rust/cxx.h"

#include <libtorrent/alert.hpp>
#include <libtorrent/alert_types.hpp>
#include <libtorrent/bitfield.hpp>
#include <libtorrent/info_hash.hpp>
#include <libtorrent/session.hpp>
#include <libtorrent/torrent_handle.hpp>
#include <libtorrent/torrent_status.hpp>

#include <chrono>
#include <cstdint>
#include <future>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <unordered_map>
#include <utility>
#include <vector>

namespace patron {

struct Alerts;
struct ClientDataRecord;
class FreePorts;
struct EndedJob;
struct InterestRecord;
struct LostFile;
struct PendingRequest;
struct ShardRecord;
struct PolicyRecord;
struct ReadCounters;
struct SessionTask;
struct SettingRecord;
struct SharedWithDisk;
struct TorrentTask;
struct Waker;
enum class AnsweredBy : std::uint8_t;
enum class DiskReads : std::uint8_t;
class IpFilter;
class Listening;
class OnDemand;
class SessionPolicy;
class PendingAlerts;
class PlainTorrents;
class PeerClasses;
class Saver;
class Torrent;
class TorrentParams;
class NewFiles;
class Written;
struct ReadTorrents;

// Its destructor joins the network thread. It may run on any thread.
class Teardown {
  public:
    Teardown(std::future<lt::session_proxy> proxy, std::unique_ptr<Saver> saver);
    ~Teardown();

  private:
    std::unique_ptr<Saver> saver_;
    // Ready when libtorrent's session ends.
    std::future<lt::session_proxy> proxy_;
};

class Session {
  public:
    Session(lt::session_params params, std::shared_ptr<SessionPolicy> policy,
            SharedWithDisk const& disk, std::shared_ptr<Reports> reports, bool silent_resolver,
            OnDemand& plugins, std::vector<std::uint32_t> cores,
            std::shared_ptr<FreePorts> free_ports, std::shared_ptr<rust::Box<Waker>> waker);
    ~Session();
    Session(Session const&) = delete;
    Session& operator=(Session const&) = delete;

    void add_torrent(std::uint64_t torrent, std::unique_ptr<TorrentParams> params);
    void retry_add(std::uint64_t torrent);
    void forget_add(std::uint64_t torrent) noexcept;
    void merge(std::uint64_t torrent, std::unique_ptr<TorrentParams> params);
    void remove_torrent(std::uint64_t torrent, bool delete_files);
    void subscribe(InterestRecord const& interest);

    std::unique_ptr<Torrent> torrent(std::uint64_t torrent) const;
    // Runs the task on the network thread. The task or an alert answers the request.
    void run_on_torrent(std::uint64_t request, std::uint64_t torrent, AnsweredBy by,
                        std::uint32_t index, ClientDataRecord const& client_data,
                        rust::Box<TorrentTask> task);
    void run_on_session(rust::Box<SessionTask> task);
    // Forgets a request that no alert will answer.
    void forget_request(std::uint64_t request);

    void request_statuses();
    void request_every_status();
    void request_statistics();
    // Takes the current alerts, for the next convert_alerts().
    void pop_alerts();
    void convert_alerts(Alerts& out);
    // These are called by reports.
    void verified(std::uint64_t torrent, bool are_right, Alerts& out);
    void file_lost(LostFile const& file, Alerts& out);
    void job_ended(EndedJob const& job, Alerts& out);
    void metadata_refused(std::uint64_t torrent, lt::error_code const& why, Alerts& out);
    static std::unique_ptr<Teardown> abort(std::unique_ptr<Session> session);
    // Whether names are looked up in the DNS although they should not be.
    bool leaks_names() const noexcept { return leaks_names_; }

  private:
    struct Ending;
    using Task = std::shared_ptr<rust::Box<TorrentTask>>;
    // What is known of a torrent of libtorrent's session.
    struct KnownTorrent {
        lt::torrent_handle handle;
        // All pieces have been downloaded, but not all written.
        bool finishing = false;
        // It is hashed once it has been downloaded.
        bool verifying = false;
        FileChoices<Task> choices{};
    };
    // Filled in by the network thread, which may outlive the session.
    struct Snapshots {
        std::mutex mutex;
        std::vector<std::vector<lt::torrent_status>> taken;
    };
    // Pieces that libtorrent does not save because it is still checking whether they are there, by
    // the number of the request to save them. Filled in by the network thread.
    class Unchecked {
      public:
        using Pieces = lt::typed_bitfield<lt::piece_index_t>;
        void add(std::uint64_t request, Pieces pieces) {
            std::lock_guard<std::mutex> const lock(mutex_);
            pieces_[request] = std::move(pieces);
        }
        Pieces take(std::uint64_t request) {
            std::lock_guard<std::mutex> const lock(mutex_);
            auto found = pieces_.extract(request);
            return found ? std::move(found.mapped()) : Pieces();
        }
        void clear() {
            std::lock_guard<std::mutex> const lock(mutex_);
            pieces_.clear();
        }

      private:
        std::mutex mutex_;
        std::map<std::uint64_t, Pieces> pieces_;
    };

    lt::torrent_handle const& handle(std::uint64_t torrent) const;
    void restore_dht_nodes();
    // Returns null if the torrent has not been added, or was removed.
    KnownTorrent* find(std::uint64_t torrent);
    // Does what was postponed until the torrent was added.
    void finish_add(std::uint64_t torrent, KnownTorrent& added, Alerts& out);
    // Forgets a torrent that libtorrent has removed or refused.
    void forget_torrent(std::uint64_t torrent);
    void submit(std::uint64_t torrent, Task task);
    void move_files(std::uint64_t torrent, Task task);
    void choose_next(std::uint64_t torrent);
    void take_snapshots(Alerts& out);

    // The function for its family converts an alert. Each returns whether the alert belongs to its
    // family.
    void convert(lt::alert& alert, Alerts& out);
    bool convert_lifecycle(lt::alert& alert, Alerts& out);
    bool convert_state(lt::alert& alert, Alerts& out);
    bool convert_files(lt::alert& alert, Alerts& out);
    bool convert_saved(lt::alert& alert, Alerts& out);
    bool convert_progress(lt::alert& alert, Alerts& out);
    bool convert_trackers(lt::alert& alert, Alerts& out);
    bool convert_peers(lt::alert& alert, Alerts& out);
    bool convert_network(lt::alert& alert, Alerts& out);
    void convert_add(lt::add_torrent_alert& alert, Alerts& out);
    void convert_error(lt::torrent_error_alert const& alert, Alerts& out);
    void convert_file_error(lt::file_error_alert const& alert, Alerts& out);
    void files_closed(std::uint64_t id, Alerts& out);
    void report_unless_reached(lt::tracker_error_alert const& alert);
    void answer_resume_data(lt::save_resume_data_alert& alert, Alerts& out);
    void take_saved(Alerts& out);
    void take_checks(Alerts& out);
    void verify(std::uint64_t torrent, lt::torrent_handle const& handle);
    void give_up_pending(Alerts& out);

    // Shared, because std::function must be copyable. The session holds a copy, so this outlives
    // the session.
    std::shared_ptr<rust::Box<Waker>> waker_;
    // Null if it is not needed.
    std::shared_ptr<PlainTorrents> const plain_;
    // Shared with the tasks on the network thread.
    std::shared_ptr<SessionPolicy> policy_;
    std::shared_ptr<FreePorts> free_ports_;
    std::shared_ptr<ReadTorrents> read_;
    std::shared_ptr<PeerClasses> classes_;
    bool leaks_names_ = false;
    std::shared_ptr<Listening> listening_;
    // When a temporary failure to listen or to accept was last reported.
    std::optional<std::chrono::steady_clock::time_point> listen_failure_reported_;
    // When a file that could not be used, because descriptors or memory were short, was last
    // reported.
    std::optional<std::chrono::steady_clock::time_point> shortage_reported_;
    std::vector<lt::udp::endpoint> dht_nodes_;
    lt::session session_;
    std::unordered_map<std::uint64_t, KnownTorrent> torrents_;
    // Torrents that were passed to libtorrent and have not been accepted yet.
    std::unordered_map<std::uint64_t, std::unique_ptr<TorrentParams>> adding_;
    std::vector<lt::alert*> alerts_;
    std::shared_ptr<Snapshots> snapshots_;
    // Shared with the network thread, which may outlive the session.
    std::shared_ptr<Unchecked> unchecked_;
    std::shared_ptr<Reports> reports_;
    // Reported after the alerts that were popped.
    std::vector<Reports::Report> popped_reports_;
    std::unique_ptr<PendingAlerts> pending_;
    std::shared_ptr<Written> const written_;
    std::shared_ptr<NewFiles> const new_files_;
    std::unique_ptr<Saver> saver_;
};

// Returns the settings that differ from libtorrent's defaults.
rust::Vec<SettingRecord> settings_of_state(rust::Slice<std::uint8_t const> state);

std::unique_ptr<Session> new_session(rust::Slice<SettingRecord const> settings,
                                     PolicyRecord allowed, DiskReads reads, ShardRecord shard,
                                     rust::Slice<std::uint8_t const> state,
                                     std::unique_ptr<IpFilter> blocked, rust::Box<Waker> waker);
std::unique_ptr<Teardown> abort_session(std::unique_ptr<Session> session);

} // namespace patron
