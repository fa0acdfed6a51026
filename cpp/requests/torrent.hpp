// A torrent on the network thread, where libtorrent's getters do not block and nothing changes
// between two calls. Functions of libtorrent's own handle that need no change are not repeated
// here; the bridge calls them under their inherited names. Functions of a few lines have their body
// here.
#pragma once

#include "torrent-patron/cpp/requests/check.hpp"
#include "torrent-patron/cpp/trycatch.hpp"

#include "rust/cxx.h"

#include <libtorrent/add_torrent_params.hpp>
#include <libtorrent/torrent_flags.hpp>
#include <libtorrent/torrent_handle.hpp>

#include <cstdint>
#include <memory>
#include <string>
#include <utility>

namespace patron {

class FileView;
class SessionPolicy;
struct ReadTorrents;
struct AnnounceRecord;
struct FileStatusRecord;
struct LimitsRecord;
struct PartStateRecord;
struct OptionsRecord;
struct PeerStatusRecord;
struct PieceDeadline;
struct PieceLevel;
struct PiecesRecord;
struct RangeSink;
struct TrackerRecord;
struct TrackersRecord;
class TorrentParams;
enum class OnConflict : std::uint8_t;
enum class QueueMove : std::uint8_t;
enum class Requests : std::uint8_t;

// Starts a check of the torrent's files. libtorrent does not test whether the torrent still has a
// storage; one that is being removed has none, and the process would crash. Returns whether the
// check was started. Network thread.
bool check_again(lt::torrent_handle const& torrent);

class Torrent : public lt::torrent_handle {
  public:
    Torrent(lt::torrent_handle handle, SessionPolicy& policy, ReadTorrents& read)
        : lt::torrent_handle(std::move(handle)), policy_(policy), read_(read) {}

    void pause_torrent(bool gracefully) const {
        pause(gracefully ? lt::torrent_handle::graceful_pause : lt::pause_flags_t{});
    }
    // An error or a full disk stops a torrent in other ways than a pause. These are undone too.
    void resume_torrent() const {
        clear_error();
        unset_flags(lt::torrent_flags::upload_mode);
        resume();
    }
    bool is_paused() const { return bool(flags() & lt::torrent_flags::paused); }
    void recheck() const;
    std::unique_ptr<TorrentParams> copy() const;
    // Both are answered by an alert.
    void save_metainfo() const { save_resume_data(lt::torrent_handle::save_info_dict); }
    void save_resume(bool only_if_changed) const {
        auto const flags = lt::torrent_handle::save_info_dict;
        save_resume_data(only_if_changed ? flags | lt::torrent_handle::only_if_modified : flags);
    }
    void use_metainfo(TorrentParams const& given) const;

    // Adds the trackers, web seeds and peers of another source of the torrent.
    void merge(TorrentParams const& other) const noexcept;

    rust::Vec<FileStatusRecord> files() const;
    // These are answered by an alert.
    void set_file_priority(std::uint32_t index, std::uint8_t priority) const {
        file_priority(file(*metainfo(*this), index), lt::download_priority_t(priority));
    }
    void set_file_priorities(rust::Slice<std::uint8_t const> priorities) const;
    void rename(std::uint32_t file, rust::Slice<std::uint8_t const> path) const;
    void move_files(rust::Slice<std::uint8_t const> directory, OnConflict on_conflict) const;
    void flush_files() const {
        metainfo(*this);
        flush_cache();
    }

    PiecesRecord pieces() const;
    void set_piece_priority(std::uint32_t index, std::uint8_t priority) const {
        piece_priority(piece(*metainfo(*this), index), lt::download_priority_t(priority));
    }
    void set_piece_priorities(rust::Slice<std::uint8_t const> priorities) const;
    // A negative deadline removes it.
    void set_deadline(std::uint32_t index, std::int32_t milliseconds) const {
        lt::piece_index_t const wanted = piece(*metainfo(*this), index);
        if (milliseconds < 0)
            reset_piece_deadline(wanted);
        else
            set_piece_deadline(wanted, milliseconds);
    }
    void set_ends_first(bool first) const;
    // Answered by an alert.
    void read(std::uint32_t piece) const;
    void add(std::uint32_t piece, rust::Slice<std::uint8_t const> data) const;

    PartStateRecord file_state(std::uint32_t file) const;
    PartStateRecord piece_state(std::uint32_t piece) const;
    void steer(rust::Slice<std::uint32_t const> dropped, rust::Slice<PieceDeadline const> deadlines,
               rust::Slice<PieceLevel const> levels, Requests requests) const;
    std::shared_ptr<FileView> file_view(std::uint32_t file) const;
    // The sink receives the result.
    void check_here(std::uint64_t begin, std::uint64_t length) const;
    void read_bytes(std::uint64_t begin, std::uint64_t length,
                    rust::Box<RangeSink> sink) const noexcept;
    void read_file(std::uint32_t file, std::uint64_t begin, std::uint64_t length,
                   rust::Box<RangeSink> sink) const noexcept;

    OptionsRecord options() const;
    void set_limits(LimitsRecord const& limits) const;
    // `flag` is an index into TorrentFlag::ALL.
    void set_flag(std::uint8_t flag, bool on) const;
    void move_in_queue(QueueMove move, std::int32_t position) const;
    void set_certificate(rust::Str certificate, rust::Str private_key, rust::Str dh) const {
        if (metainfo(*this)->ssl_cert().empty())
            refuse("the torrent is not for TLS");
        lt::torrent_handle(*this).set_ssl_certificate_buffer(
            std::string(certificate), std::string(private_key), std::string(dh));
    }

    rust::Vec<PeerStatusRecord> peers() const;
    void connect(rust::Str address, std::uint16_t port) const;
    void forget_peers() const;

    TrackersRecord tracker_statuses() const;
    void add_one_tracker(TrackerRecord const& tracker) const;
    void remove_tracker(rust::Str url) const;
    void replace_all_trackers(rust::Slice<TrackerRecord const> trackers) const;
    void reannounce() const { force_reannounce(0, -1, lt::torrent_handle::ignore_min_interval); }
    void scrape() const;
    rust::Vec<rust::String> web_seeds() const;
    void add_web_seed(rust::Str url) const;
    void remove_web_seed(rust::Str url) const;

  private:
    SessionPolicy& policy_;
    ReadTorrents& read_;
};

} // namespace patron
