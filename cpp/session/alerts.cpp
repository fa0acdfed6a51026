// Converts alerts to typed calls of the client's sink. No pointer to an alert is kept after that.
#include "torrent-patron/cpp/compat.hpp"
#include "torrent-patron/cpp/convert.hpp"
#include "torrent-patron/cpp/disk/shared.hpp"
#include "torrent-patron/cpp/errors.hpp"
#include "torrent-patron/cpp/metainfo.hpp"
#include "torrent-patron/cpp/requests/pending.hpp"
#include "torrent-patron/cpp/resume_data.hpp"
#include "torrent-patron/cpp/session/listening.hpp"
#include "torrent-patron/cpp/session/saver.hpp"
#include "torrent-patron/cpp/session/session.hpp"
#include "torrent-patron/cpp/session/status.hpp"
#include "torrent-patron/src/sys/alerts.rs.h"
#include "torrent-patron/src/sys/bridge.rs.h"

#include <libtorrent/alert_types.hpp>
#include <libtorrent/announce_entry.hpp>
#include <libtorrent/operations.hpp>

#include <boost/asio/post.hpp>

#include <chrono>
#include <string>
#include <utility>

namespace patron {
namespace {

std::uint64_t id(lt::alert const& alert) {
    return torrent_id(static_cast<lt::torrent_alert const&>(alert).handle.userdata());
}

template <typename Index>
std::uint32_t number(Index index) {
    return static_cast<std::uint32_t>(static_cast<int>(index));
}

// Empty for an I2P peer.
rust::String peer(lt::peer_alert const& alert) {
    auto const end = compat::endpoint(alert);
    return end ? address(end->address(), end->port()) : rust::String();
}

PortMapper mapper(lt::portmap_transport transport) {
    return transport == lt::portmap_transport::upnp ? PortMapper::Upnp : PortMapper::NatPmp;
}

// The tracker's own message says more than the code, but for HTTP, where it is only the server's
// wording of the code.
NativeError refusal(lt::error_code const& code, char const* reason) {
    NativeError out = error(code);
    if (reason == nullptr || *reason == '\0')
        return out;
    if (code.category() == lt::http_category())
        out.message = text(std::to_string(code.value()) + " " + reason);
    else
        out.message = text(reason);
    return out;
}

// Returns whether a tracker has answered from another of our listening addresses, or may still.
bool is_reached(lt::torrent_handle const& torrent, std::string const& url,
                lt::protocol_version version) {
    for (lt::announce_entry const& entry : torrent.trackers()) {
        if (entry.url != url)
            continue;
        for (lt::announce_endpoint const& from : entry.endpoints) {
            lt::announce_infohash const& announce = from.info_hashes[version];
            if (from.enabled && (announce.updating || (announce.start_sent && announce.fails == 0)))
                return true;
        }
    }
    return false;
}

// Returns whether an error is temporary. A duplicate is: the client knows all torrents of its
// session, so the other one must be in the process of being removed.
bool is_temporary(lt::error_code const& code) {
    namespace errc = boost::system::errc;
    return code == lt::errors::duplicate_torrent || is_shortage(code) ||
           code == errc::resource_unavailable_try_again || code == errc::interrupted;
}

// Returns whether a failure that repeats was reported within a minute. If not, it is reported now.
bool was_told(std::optional<std::chrono::steady_clock::time_point>& told) {
    auto const now = std::chrono::steady_clock::now();
    if (told && now - *told < std::chrono::minutes(1))
        return true;
    told = now;
    return false;
}

// Ignores a torrent that has been removed meanwhile.
void pause(lt::torrent_handle const& torrent) {
    try {
        torrent.pause();
    } catch (lt::system_error const&) {
    }
}

// Reports a failure and continues.
template <typename Step>
void attempt(Alerts& out, char const* what, Step const& step) {
    try {
        step();
    } catch (...) {
        out.unreadable(what, current_exception());
    }
}

} // namespace

void Session::pop_alerts() {
    // Take the reports before the alerts, so that alerts that a report depends on, such as that of
    // the torrent being added, are older.
    popped_reports_ = reports_->take();
    session_.pop_alerts(&alerts_);
}

void Session::convert_alerts(Alerts& out) {
    attempt(out, "listening sockets", [&] {
        if (auto const now = listening_->take()) {
            rust::Vec<rust::String> addresses;
            for (auto const& end : *now)
                addresses.push_back(address(end.address(), end.port()));
            out.listens_at(std::move(addresses));
        }
    });
    attempt(out, "statuses", [&] { take_snapshots(out); });
    attempt(out, "saved resume data", [&] { take_saved(out); });
    attempt(out, "finished files", [&] { take_looks(out); });
    for (lt::alert* alert : alerts_)
        attempt(out, alert->what(), [&] { convert(*alert, out); });
    alerts_.clear();
    for (auto const& report : std::exchange(popped_reports_, {}))
        attempt(out, "a report", [&] { report(*this, out); });
}

void Session::file_lost(LostFile const& file, Alerts& out) {
    Entry const* const torrent = find(file.torrent);
    if (torrent == nullptr || !torrent->handle.is_valid())
        return;
    pause(torrent->handle);
    out.file_error(file.torrent, lt::operation_name(lt::operation_t::file_read), text(file.path),
                   error(file.why));
}

void Session::job_ended(EndedJob const& job, Alerts& out) {
    std::uint64_t const torrent = job.torrent;
    if (job.kind == EndedJob::Kind::Deletion) {
        // The alert of its removal may have been lost.
        forget_torrent(torrent);
        if (job.error)
            return out.delete_failed(torrent, error(job.error));
        return out.files_deleted(torrent);
    }
    if (job.error)
        out.storage_move_failed(torrent, text(job.path), error(job.error));
    else
        out.storage_moved(torrent, bytes(job.path));
    auto const asked = pending_->pop({AnsweredBy::FilesMoved, torrent, 0});
    if (asked.request == 0)
        return;
    if (job.error)
        out.answer_failed(asked.request, text(job.path), error(job.error));
    else
        out.answer_path(asked.request, bytes(job.path));
}

void Session::convert(lt::alert& alert, Alerts& out) {
    convert_life(alert, out) || convert_files(alert, out) || convert_saved(alert, out) ||
        convert_progress(alert, out) || convert_trackers(alert, out) || convert_peers(alert, out) ||
        convert_network(alert, out);
}

// Torrents that are added, removed, or change their state.
bool Session::convert_life(lt::alert& alert, Alerts& out) {
    switch (alert.type()) {
    case lt::add_torrent_alert::alert_type: {
        auto& a = static_cast<lt::add_torrent_alert&>(alert);
        lt::add_torrent_params const params = std::move(a.params);
        std::uint64_t const torrent = torrent_id(params.userdata);
        if (a.error) {
            out.add_failed(torrent, error(a.error), is_temporary(a.error));
            return true;
        }
        Entry& added = torrents_[torrent];
        added.handle = a.handle;
        rust::Vec<std::uint8_t> v1, v2;
        hashes(params.info_hashes, v1, v2);
        out.added(torrent, text(params.ti ? params.ti->name() : params.name), std::move(v1),
                  std::move(v2));
        finish_add(torrent, added, out);
        return true;
    }
    case lt::torrent_removed_alert::alert_type: {
        auto const& a = static_cast<lt::torrent_removed_alert const&>(alert);
        std::uint64_t const torrent = torrent_id(a.userdata);
        forget_torrent(torrent);
        out.removed(torrent);
        return true;
    }
    case lt::state_changed_alert::alert_type: {
        auto const& a = static_cast<lt::state_changed_alert const&>(alert);
        out.state_changed(id(a), static_cast<TorrentState>(a.state));
        return true;
    }
    case lt::torrent_paused_alert::alert_type:
        out.paused(id(alert));
        return true;
    case lt::torrent_resumed_alert::alert_type:
        out.resumed(id(alert));
        return true;
    case lt::torrent_checked_alert::alert_type:
        out.checked(id(alert));
        return true;
    // A torrent is reported as finished when libtorrent has closed its files, which it does next,
    // so that everything is written. The saver checks the files before that.
    case lt::torrent_finished_alert::alert_type:
        if (Entry* const torrent = find(id(alert)))
            torrent->finishing = true;
        return true;
    case lt::cache_flushed_alert::alert_type: {
        Entry* const torrent = find(id(alert));
        if (torrent == nullptr || !std::exchange(torrent->finishing, false))
            return true;
        auto files = written_->take_finished(torrent->handle.info_hashes().get_best());
        if (files.empty())
            out.finished(id(alert));
        else
            saver_->look(id(alert), std::move(files));
        return true;
    }
    case lt::metadata_received_alert::alert_type: {
        auto const& a = static_cast<lt::metadata_received_alert const&>(alert);
        rust::Vec<std::uint8_t> v1, v2;
        hashes(a.handle.info_hashes(), v1, v2);
        out.metadata_received(id(a), text(compat::name(a)), std::move(v1), std::move(v2));
        return true;
    }
    case lt::metadata_failed_alert::alert_type: {
        auto const& a = static_cast<lt::metadata_failed_alert const&>(alert);
        out.metadata_failed(id(a), error(a.error));
        return true;
    }
    case lt::torrent_error_alert::alert_type: {
        auto const& a = static_cast<lt::torrent_error_alert const&>(alert);
        out.torrent_error(id(a), text(a.filename()), error(a.error));
        // If setting file priorities fails, the torrent stops, and there is no other alert.
        if (!written_->take_refused_choice(a.handle.info_hashes().get_best()))
            return true;
        if (auto const asked = pending_->pop({AnsweredBy::FilesChosen, id(a), 0}); asked.request)
            out.answer_failed(asked.request, text(a.filename()), error(a.error));
        choose_next(id(a));
        return true;
    }
    case lt::torrent_conflict_alert::alert_type: {
        auto const& a = static_cast<lt::torrent_conflict_alert const&>(alert);
        out.conflict(id(a));
        out.conflict(torrent_id(a.conflicting_torrent.userdata()));
        return true;
    }
    default:
        return false;
    }
}

// Files that are renamed, selected, or that fail.
bool Session::convert_files(lt::alert& alert, Alerts& out) {
    switch (alert.type()) {
    case lt::file_renamed_alert::alert_type: {
        auto const& a = static_cast<lt::file_renamed_alert const&>(alert);
        out.file_renamed(id(a), number(a.index), bytes(a.new_name()));
        auto const asked = pending_->pop({AnsweredBy::FileRenamed, id(a), number(a.index)});
        if (asked.request)
            out.answer_path(asked.request, bytes(a.new_name()));
        return true;
    }
    case lt::file_rename_failed_alert::alert_type: {
        auto const& a = static_cast<lt::file_rename_failed_alert const&>(alert);
        auto const asked = pending_->pop({AnsweredBy::FileRenamed, id(a), number(a.index)});
        if (asked.request)
            out.answer_failed(asked.request, {}, error(a.error));
        return true;
    }
    case lt::file_prio_alert::alert_type: {
        if (auto const asked = pending_->pop({AnsweredBy::FilesChosen, id(alert), 0});
            asked.request)
            out.answer_done(asked.request);
        choose_next(id(alert));
        return true;
    }
    case lt::file_error_alert::alert_type: {
        auto const& a = static_cast<lt::file_error_alert const&>(alert);
        // A read that was cancelled after the first one failed, which has been reported.
        if (a.error == boost::asio::error::operation_aborted)
            return true;
        // If this stops the torrent, libtorrent also reports that as an error of the torrent. There
        // is an alert for each block.
        if (is_temporary(a.error)) {
            if (was_told(shortage_))
                return true;
            out.file_unavailable(id(a), lt::operation_name(a.op), text(a.filename()),
                                 error(a.error));
            if (is_shortage(a.error) && a.error != boost::system::errc::not_enough_memory)
                out.performance_warning(id(a), PerformanceWarning::TooFewFileDescriptors);
            return true;
        }
        // If a torrent's data cannot be read, every request would fail separately: libtorrent
        // pauses a torrent after an error in a write or a check, but not after this one.
        if (a.op == lt::operation_t::file_read)
            pause(a.handle);
        else if (Entry* const torrent = find(id(a)))
            torrent->cannot_write = true;
        out.file_error(id(a), lt::operation_name(a.op), text(a.filename()), error(a.error));
        return true;
    }
    case lt::file_completed_alert::alert_type: {
        auto const& a = static_cast<lt::file_completed_alert const&>(alert);
        out.file_completed(id(a), number(a.index));
        return true;
    }
    default:
        return false;
    }
}

// Answers that are bytes.
bool Session::convert_saved(lt::alert& alert, Alerts& out) {
    switch (alert.type()) {
    case lt::save_resume_data_alert::alert_type:
        answer_resume_data(static_cast<lt::save_resume_data_alert&>(alert), out);
        return true;
    case lt::save_resume_data_failed_alert::alert_type: {
        auto const& a = static_cast<lt::save_resume_data_failed_alert const&>(alert);
        auto const asked = pending_->pop({AnsweredBy::ResumeData, id(a), 0});
        if (asked.request == 0)
            return true;
        unchecked_->take(asked.request);
        // If there is nothing to save, that is a valid answer.
        if (a.error == lt::errors::resume_data_not_modified)
            out.answer_resume_data(asked.request, StoredRecord{}, SavedRecord{});
        else
            out.answer_failed(asked.request, {}, error(a.error));
        return true;
    }
    case lt::read_piece_alert::alert_type: {
        auto const& a = static_cast<lt::read_piece_alert const&>(alert);
        auto const asked = pending_->pop({AnsweredBy::PieceRead, id(a), number(a.piece)});
        if (asked.request == 0)
            return true;
        auto const* data = reinterpret_cast<std::uint8_t const*>(a.buffer.get());
        if (a.error)
            out.answer_failed(asked.request, {}, error(a.error));
        else
            out.answer_bytes(asked.request, copied({data, static_cast<std::size_t>(a.size)}));
        return true;
    }
    default:
        return false;
    }
}

void Session::answer_resume_data(lt::save_resume_data_alert& alert, Alerts& out) {
    // Moved out of the alert: otherwise, the next pop_alerts would free it with the alert mutex
    // held.
    lt::add_torrent_params params = std::move(alert.params);
    PendingRequest const asked = pending_->pop({AnsweredBy::ResumeData, id(alert), 0});
    if (asked.request == 0)
        return;
    if (auto pieces = unchecked_->take(asked.request); !pieces.empty())
        params.have_pieces = std::move(pieces);
    // Kept, this would stop the torrent in the next run too, without an error.
    if (Entry* const torrent = find(id(alert))) {
        torrent->cannot_write =
            torrent->cannot_write && (params.flags & lt::torrent_flags::upload_mode);
        if (torrent->cannot_write)
            params.flags &= ~lt::torrent_flags::upload_mode;
    }
    if (asked.by != AnsweredBy::Metainfo)
        return saver_->save(Saver::Save{asked.request, id(alert), std::move(params),
                                        asked.client_data, asked.by == AnsweredBy::ResumeData});
    try {
        out.answer_bytes(asked.request, encode_metainfo(params));
    } catch (...) {
        out.answer_failed(asked.request, {}, current_exception());
    }
}

void Session::take_saved(Alerts& out) {
    for (Saver::Saved& saved : saver_->take_saved()) {
        if (saved.error.category.empty()) {
            out.answer_resume_data(saved.request, std::move(saved.data), saved.figures);
            continue;
        }
        if (saved.is_new) {
            if (Entry const* const torrent = find(saved.torrent))
                pause(torrent->handle);
            out.file_error(saved.torrent, lt::operation_name(lt::operation_t::file_write),
                           text(saved.file), saved.error);
        }
        out.answer_failed(saved.request, text(saved.file), std::move(saved.error));
    }
}

// If the files of a torrent changed while it was downloaded, it is not complete: the missing data
// is downloaded again.
void Session::take_looks(Alerts& out) {
    for (Saver::Look const& look : saver_->take_looks()) {
        Entry* const torrent = find(look.torrent);
        if (torrent == nullptr)
            continue;
        if (std::exchange(torrent->verifying, false) || look.changed)
            boost::asio::post(session_.get_context(),
                              [handle = torrent->handle] { check_again(handle); });
        else
            out.finished(look.torrent);
    }
}

bool Session::convert_progress(lt::alert& alert, Alerts& out) {
    switch (alert.type()) {
    case lt::state_update_alert::alert_type: {
        auto& a = static_cast<lt::state_update_alert&>(alert);
        std::vector<lt::torrent_status> const all = std::move(a.status);
        out.statuses(statuses(all));
        return true;
    }
    case lt::session_stats_alert::alert_type: {
        auto const counters = static_cast<lt::session_stats_alert const&>(alert).counters();
        out.statistics({counters.data(), static_cast<std::size_t>(counters.size())});
        return true;
    }
    case lt::piece_finished_alert::alert_type: {
        auto const& a = static_cast<lt::piece_finished_alert const&>(alert);
        out.piece_finished(id(a), number(a.piece_index));
        return true;
    }
    case lt::hash_failed_alert::alert_type: {
        auto const& a = static_cast<lt::hash_failed_alert const&>(alert);
        out.hash_failed(id(a), number(a.piece_index));
        return true;
    }
    case lt::performance_alert::alert_type: {
        auto const& a = static_cast<lt::performance_alert const&>(alert);
        out.performance_warning(id(a), static_cast<PerformanceWarning>(a.warning_code));
        return true;
    }
    default:
        return false;
    }
}

bool Session::convert_trackers(lt::alert& alert, Alerts& out) {
    switch (alert.type()) {
    case lt::tracker_error_alert::alert_type: {
        auto const& a = static_cast<lt::tracker_error_alert const&>(alert);
        // If the message is from the tracker, the tracker was reached.
        if (char const* reason = a.failure_reason(); reason != nullptr && *reason != '\0')
            out.tracker_error(id(a), text(a.tracker_url()), number(a.times_in_row),
                              refusal(a.error, reason));
        else
            report_unless_reached(a);
        return true;
    }
    case lt::tracker_warning_alert::alert_type: {
        auto const& a = static_cast<lt::tracker_warning_alert const&>(alert);
        out.tracker_warning(id(a), text(a.tracker_url()), text(a.warning_message()));
        return true;
    }
    case lt::tracker_reply_alert::alert_type: {
        auto const& a = static_cast<lt::tracker_reply_alert const&>(alert);
        // Caused by connect_some().
        if (*a.tracker_url() == '\0')
            return true;
        out.tracker_reply(id(a), text(a.tracker_url()), number(a.num_peers));
        return true;
    }
    case lt::scrape_reply_alert::alert_type: {
        auto const& a = static_cast<lt::scrape_reply_alert const&>(alert);
        out.scraped(id(a), text(a.tracker_url()), a.complete, a.incomplete);
        return true;
    }
    case lt::scrape_failed_alert::alert_type: {
        auto const& a = static_cast<lt::scrape_failed_alert const&>(alert);
        out.scrape_failed(id(a), text(a.tracker_url()), refusal(a.error, a.error_message()));
        return true;
    }
    case lt::url_seed_alert::alert_type: {
        auto const& a = static_cast<lt::url_seed_alert const&>(alert);
        // A refusal by the server is reported when the connection ends (web_seeds.cpp).
        if (!a.error)
            return true;
        NativeError failure = error(a.error);
        if (a.error == lt::errors::peer_banned)
            failure.message = "what it sent was damaged";
        out.web_seed_failed(id(a), text(a.server_url()), std::move(failure));
        return true;
    }
    default:
        return false;
    }
}

// If a tracker is reached from one address but not from another, it has not failed: most have no
// IPv6. If the other address still waits for an answer, its failure will be reported.
void Session::report_unless_reached(lt::tracker_error_alert const& alert) {
    NativeError failure = error(alert.error);
    if (failure.message.empty())
        failure.message = "its answer is invalid";
    boost::asio::post(session_.get_context(),
                      [reports = reports_, id = id(alert), torrent = alert.handle,
                       version = alert.version, url = std::string(alert.tracker_url()),
                       times_in_row = number(alert.times_in_row), failure = std::move(failure)] {
                          if (!torrent.is_valid() || is_reached(torrent, url, version))
                              return;
                          reports->add([id, url, times_in_row, failure](Session&, Alerts& out) {
                              out.tracker_error(id, text(url), times_in_row, failure);
                          });
                      });
}

bool Session::convert_peers(lt::alert& alert, Alerts& out) {
    switch (alert.type()) {
    case lt::peer_ban_alert::alert_type: {
        auto const& a = static_cast<lt::peer_ban_alert const&>(alert);
        out.peer_banned(id(a), peer(a));
        return true;
    }
    case lt::peer_connect_alert::alert_type: {
        auto const& a = static_cast<lt::peer_connect_alert const&>(alert);
        out.peer_connected(id(a), peer(a), a.direction == lt::peer_connect_alert::direction_t::out);
        return true;
    }
    case lt::peer_disconnected_alert::alert_type: {
        auto const& a = static_cast<lt::peer_disconnected_alert const&>(alert);
        out.peer_disconnected(id(a), peer(a), error(a.error));
        return true;
    }
    // Only this alert reports a protocol error of a peer.
    case lt::peer_error_alert::alert_type: {
        auto const& a = static_cast<lt::peer_error_alert const&>(alert);
        // The only error after which the peer stays connected.
        if (a.error != lt::errors::peer_sent_empty_piece)
            out.peer_disconnected(id(a), peer(a), error(a.error));
        return true;
    }
    default:
        return false;
    }
}

// Sockets, routers, and the session itself.
bool Session::convert_network(lt::alert& alert, Alerts& out) {
    switch (alert.type()) {
    case lt::portmap_alert::alert_type: {
        auto const& a = static_cast<lt::portmap_alert const&>(alert);
        out.port_mapped(mapper(a.map_transport),
                        a.map_protocol == lt::portmap_protocol::udp ? Protocol::Udp : Protocol::Tcp,
                        static_cast<std::uint16_t>(a.external_port),
                        text(a.local_address.to_string()));
        return true;
    }
    case lt::portmap_error_alert::alert_type: {
        auto const& a = static_cast<lt::portmap_error_alert const&>(alert);
        out.port_mapping_failed(mapper(a.map_transport), text(a.local_address.to_string()),
                                error(a.error));
        return true;
    }
    case lt::external_ip_alert::alert_type: {
        auto const& a = static_cast<lt::external_ip_alert const&>(alert);
        out.external_address(text(a.external_address.to_string()));
        return true;
    }
    case lt::listen_succeeded_alert::alert_type: {
        auto const& a = static_cast<lt::listen_succeeded_alert const&>(alert);
        if (a.socket_type == lt::socket_type_t::utp)
            restore_dht_nodes();
        return true;
    }
    case lt::listen_failed_alert::alert_type: {
        auto const& a = static_cast<lt::listen_failed_alert const&>(alert);
        if (a.op == lt::operation_t::sock_accept || is_temporary(a.error)) {
            // There is an alert for each waiting connection, and for each attempt to listen.
            if (was_told(passing_failure_))
                return true;
        }
        out.listen_failed(a.address.is_unspecified() && a.port == 0 ? text(a.listen_interface())
                                                                    : address(a.address, a.port),
                          error(a.error));
        return true;
    }
    case lt::session_error_alert::alert_type: {
        auto const& a = static_cast<lt::session_error_alert const&>(alert);
        NativeError failure = error(a.error);
        // An exception has only a text.
        if (!a.error)
            failure.message = text(a.message());
        out.session_error(std::move(failure));
        return true;
    }
    case lt::alerts_dropped_alert::alert_type:
        out.dropped();
        give_up_pending(out);
        return true;
    default:
        return false;
    }
}

// Alerts were lost, and their answers may have been among them. Requests that have not been passed
// to libtorrent are abandoned too. The end of a move is not told by an alert.
void Session::give_up_pending(Alerts& out) {
    for (auto& [id, torrent] : torrents_)
        torrent.choices.clear();
    unchecked_->clear();
    for (PendingRequest const& entry : pending_->take_lost())
        out.answer_lost(entry.request);
}

} // namespace patron
