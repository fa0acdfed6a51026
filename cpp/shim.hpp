// All that the bridge (src/ffi.rs) sees of C++.
//
//   metainfo.cpp  .torrent files and magnet links: read, described, made. Any thread.
//   session.cpp   the session's life: settings, the notify callback, abort.
//   torrent.cpp   a torrent's life, by its id.
//   requests.*, session_requests.cpp  what else is asked of a torrent and of the session.
//   answers.cpp   how a request gets to the network thread, and its answer back.
//   alerts.cpp    alerts become owned records before the call returns.
//   disk/         how blocks are read for peers; see read_path.hpp.
//   file_names.cpp  what libtorrent makes of names that are not ASCII.
//   web_seeds.*   what libtorrent does not do for web seeds.
//   bounds.*      where an offline client and one behind a proxy may go.
//   convert.*     libtorrent's types to the bridge's and back.
//
// A Session is made, used and ended by one thread. No function here calls a libtorrent function
// that waits for the network thread. Errors are exceptions; trycatch.hpp carries them to Rust.
#pragma once

#include "torrent-patron/cpp/disk/counters.hpp"
#include "torrent-patron/cpp/trycatch.hpp"

#include "rust/cxx.h"

#include <libtorrent/add_torrent_params.hpp>
#include <libtorrent/alert_types.hpp>
#include <libtorrent/entry.hpp>
#include <libtorrent/info_hash.hpp>
#include <libtorrent/session.hpp>
#include <libtorrent/torrent_handle.hpp>
#include <libtorrent/torrent_status.hpp>

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

namespace patron {

struct Waker;
struct PieceObserver;
struct AddRecord;
struct AlertRecord;
struct DescriptionRecord;
struct Drained;
struct MetricRecord;
struct OwnRecord;
struct Gathered;
struct InterestRecord;
struct RecipeRecord;
struct RequestRecord;
struct SettingRecord;
enum class DiskReads : std::uint8_t;
enum class Names : std::uint8_t;
class Answers;
class Awaited;
class Bounds;
class PlainTorrents;
struct AwaitedRequest;

rust::String compiled_version();
rust::String loaded_version();
bool has_webrtc() noexcept;

rust::Vec<rust::String> setting_names();
std::int32_t setting_kind(rust::Str name);
rust::Vec<MetricRecord> metrics();

// Raises the process's limit of open descriptors where it is lower; returns what it is then.
std::uint64_t raise_descriptor_limit(std::uint64_t wanted);

class TorrentParams {
  public:
    explicit TorrentParams(lt::add_torrent_params params) : params_(std::move(params)) {}
    // What resume data says of the client's own affairs.
    TorrentParams(lt::add_torrent_params params, lt::entry own)
        : params_(std::move(params)), own_(std::move(own)), resumed_(true) {}
    DescriptionRecord describe() const;
    void use_resume_data(rust::Slice<std::uint8_t const> bytes);
    void configure(AddRecord const& options);

  private:
    friend class Session;
    lt::add_torrent_params params_;
    lt::entry own_;
    bool resumed_ = false;
};

// To be called before libtorrent touches files.
void keep_file_names();

std::unique_ptr<TorrentParams> params_from_metainfo(rust::Slice<std::uint8_t const> bytes);
std::unique_ptr<TorrentParams> params_from_magnet(rust::Str uri);
std::unique_ptr<TorrentParams> params_from_resume_data(rust::Slice<std::uint8_t const> bytes);
std::unique_ptr<TorrentParams> params_from_info_hashes(rust::Slice<std::uint8_t const> v1,
                                                       rust::Slice<std::uint8_t const> v2);
rust::Vec<std::uint8_t> make_metainfo(RecipeRecord const& recipe,
                                      rust::Box<PieceObserver> observer);

// Joins the network thread when destroyed, on whichever thread that is.
class Teardown {
  public:
    explicit Teardown(lt::session_proxy proxy) : proxy_(std::move(proxy)) {}

  private:
    lt::session_proxy proxy_;
};

class Session {
  public:
    Session(lt::session_params params, Bounds const& bounds, std::shared_ptr<PlainTorrents> plain,
            rust::Box<Waker> waker);
    ~Session();
    Session(Session const&) = delete;
    Session& operator=(Session const&) = delete;

    void add_torrent(std::uint64_t torrent, std::unique_ptr<TorrentParams> params);
    void retry_add(std::uint64_t torrent);
    void forget_add(std::uint64_t torrent) noexcept;
    void remove_torrent(std::uint64_t torrent, bool delete_files);
    void pause(std::uint64_t torrent);
    void resume(std::uint64_t torrent);
    void request(RequestRecord request);
    void subscribe(InterestRecord const& interest);

    void request_statuses();
    void request_every_status();
    void request_statistics();
    Drained drain();
    std::unique_ptr<Teardown> abort();

  private:
    lt::torrent_handle const& handle(std::uint64_t torrent) const;
    void convert(lt::alert& alert, Drained& out);
    void tell_unless_reached(lt::tracker_error_alert const& alert, AlertRecord failed);
    void call_out_by_utp(bool possible);
    void restore_dht_nodes();

    void hand_over(std::shared_ptr<RequestRecord> asked);
    void choose_next(std::uint64_t torrent);
    void on_network_thread(std::function<void(Gathered&)> work);
    void take_answers(Drained& out);
    void take_census(std::vector<lt::torrent_status> statuses, Drained& out);
    void answer_awaited(AwaitedRequest const& request, lt::error_code const& failure,
                        rust::Vec<std::uint8_t> bytes, Drained& out);
    void answer_saved(lt::save_resume_data_alert& alert, Drained& out);
    void give_up_awaited(Drained& out);

    // Shared, because std::function wants to be copied; outlives the session by being held in it.
    std::shared_ptr<rust::Box<Waker>> waker_;
    // Null where nobody asks.
    std::shared_ptr<PlainTorrents> plain_;
    std::unique_ptr<Bounds const> bounds_;
    bool const utp_wanted_;
    bool has_utp_socket_ = false;
    std::vector<lt::udp::endpoint> dht_nodes_;
    lt::session session_;
    std::unordered_map<std::uint64_t, lt::torrent_handle> torrents_;
    // What was handed to libtorrent and is not yet accepted.
    std::unordered_map<std::uint64_t, std::unique_ptr<TorrentParams>> pending_;
    // All pieces are here, but not all on disk.
    std::unordered_set<std::uint64_t> finishing_;
    // torrent_deleted_alert knows the info hashes only.
    std::map<lt::info_hash_t, std::uint64_t> deleting_;
    std::vector<lt::alert*> alerts_;

    // Filled by the network thread, which may outlive the session.
    std::shared_ptr<Answers> answers_;
    std::unique_ptr<Awaited> awaited_;
    // Choices among the files of a torrent; the first is before libtorrent.
    std::unordered_map<std::uint64_t, std::deque<std::shared_ptr<RequestRecord>>> choosing_;
};

// Those that differ from libtorrent's defaults.
rust::Vec<SettingRecord> settings_of_state(rust::Slice<std::uint8_t const> state);

std::unique_ptr<Session> new_session(rust::Slice<SettingRecord const> settings, bool loopback_only,
                                     Names names, DiskReads reads,
                                     rust::Slice<std::uint8_t const> state,
                                     std::shared_ptr<ReadCounters> counters,
                                     rust::Box<Waker> waker);
std::unique_ptr<Teardown> abort_session(std::unique_ptr<Session> session);

void throw_for_test(std::int32_t sort);

} // namespace patron
