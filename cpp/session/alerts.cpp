// Converts alerts to typed calls of the client's sink. No pointer to an alert is kept after that.
#include "torrent-patron/cpp/compat.hpp"
#include "torrent-patron/cpp/disk/shared.hpp"
#include "torrent-patron/cpp/errors.hpp"
#include "torrent-patron/cpp/requests/pending.hpp"
#include "torrent-patron/cpp/session/alert.hpp"
#include "torrent-patron/cpp/session/listening.hpp"
#include "torrent-patron/cpp/session/saver.hpp"
#include "torrent-patron/cpp/session/session.hpp"
#include "torrent-patron/cpp/session/status.hpp"
#include "torrent-patron/src/sys/alerts.rs.h"
#include "torrent-patron/src/sys/bridge.rs.h"

#include <libtorrent/operations.hpp>
#include <libtorrent/torrent_info.hpp>

#include <utility>

namespace patron {

bool is_temporary(lt::error_code const& code) {
    namespace errc = boost::system::errc;
    return code == lt::errors::duplicate_torrent || is_shortage(code) ||
           code == errc::resource_unavailable_try_again || code == errc::interrupted;
}

bool was_reported(std::optional<std::chrono::steady_clock::time_point>& last) {
    auto const now = std::chrono::steady_clock::now();
    if (last && now - *last < std::chrono::minutes(1))
        return true;
    last = now;
    return false;
}

void pause(lt::torrent_handle const& torrent) {
    try {
        torrent.pause();
    } catch (lt::system_error const&) {
    }
}

namespace {

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
    attempt(out, "finished files", [&] { take_checks(out); });
    for (lt::alert* alert : alerts_)
        attempt(out, alert->what(), [&] { convert(*alert, out); });
    alerts_.clear();
    for (auto const& report : std::exchange(popped_reports_, {}))
        attempt(out, "a report", [&] { report(*this, out); });
}

void Session::file_lost(LostFile const& file, Alerts& out) {
    KnownTorrent const* const torrent = find(file.torrent);
    if (torrent == nullptr || !torrent->handle.is_valid())
        return;
    pause(torrent->handle);
    out.file_error(file.torrent, lt::operation_name(lt::operation_t::file_read), text(file.path),
                   error(file.why));
}

void Session::metadata_refused(std::uint64_t id, lt::error_code const& why, Alerts& out) {
    KnownTorrent const* const torrent = find(id);
    if (torrent == nullptr || !torrent->handle.is_valid())
        return;
    pause(torrent->handle);
    out.metadata_failed(id, error(why));
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
    auto const pending = pending_->pop({AnsweredBy::FilesMoved, torrent, 0});
    if (pending.request == 0)
        return;
    if (job.error)
        out.answer_failed(pending.request, text(job.path), error(job.error));
    else
        out.answer_path(pending.request, bytes(job.path));
}

void Session::convert(lt::alert& alert, Alerts& out) {
    convert_lifecycle(alert, out) || convert_state(alert, out) || convert_files(alert, out) ||
        convert_saved(alert, out) || convert_progress(alert, out) || convert_trackers(alert, out) ||
        convert_peers(alert, out) || convert_network(alert, out);
}

// Torrents that are added or removed, and their metadata.
bool Session::convert_lifecycle(lt::alert& alert, Alerts& out) {
    switch (alert.type()) {
    case lt::add_torrent_alert::alert_type:
        convert_add(static_cast<lt::add_torrent_alert&>(alert), out);
        return true;
    case lt::torrent_removed_alert::alert_type: {
        auto const& a = static_cast<lt::torrent_removed_alert const&>(alert);
        std::uint64_t const torrent = torrent_id(a.userdata);
        forget_torrent(torrent);
        out.removed(torrent);
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

void Session::convert_add(lt::add_torrent_alert& alert, Alerts& out) {
    lt::add_torrent_params const params = std::move(alert.params);
    std::uint64_t const torrent = torrent_id(params.userdata);
    if (alert.error)
        return out.add_failed(torrent, error(alert.error), is_temporary(alert.error));
    KnownTorrent& added = torrents_[torrent];
    added.handle = alert.handle;
    rust::Vec<std::uint8_t> v1, v2;
    hashes(params.info_hashes, v1, v2);
    out.added(torrent, text(params.ti ? params.ti->name() : params.name), std::move(v1),
              std::move(v2));
    finish_add(torrent, added, out);
}

bool Session::convert_state(lt::alert& alert, Alerts& out) {
    switch (alert.type()) {
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
    case lt::torrent_finished_alert::alert_type: {
        // If the data is trusted, this is posted before the alert that the torrent was added.
        std::uint64_t const torrent = id(alert);
        if (find(torrent) != nullptr || adding_.count(torrent) > 0)
            torrents_[torrent].finishing = true;
        return true;
    }
    case lt::cache_flushed_alert::alert_type:
        files_closed(id(alert), out);
        return true;
    case lt::torrent_error_alert::alert_type:
        convert_error(static_cast<lt::torrent_error_alert const&>(alert), out);
        return true;
    default:
        return false;
    }
}

void Session::files_closed(std::uint64_t id, Alerts& out) {
    KnownTorrent* const torrent = find(id);
    if (torrent == nullptr || !std::exchange(torrent->finishing, false))
        return;
    auto files = written_->take_finished(id);
    if (files.empty())
        out.finished(id);
    else
        saver_->check(id, std::move(files));
}

void Session::convert_error(lt::torrent_error_alert const& alert, Alerts& out) {
    std::uint64_t const torrent = id(alert);
    out.torrent_error(torrent, text(alert.filename()), error(alert.error));
    // If setting file priorities fails, the torrent stops, and there is no other alert.
    if (!written_->take_refused_choice(torrent))
        return;
    if (auto const pending = pending_->pop({AnsweredBy::FilesChosen, torrent, 0}); pending.request)
        out.answer_failed(pending.request, text(alert.filename()), error(alert.error));
    choose_next(torrent);
}

// Files that are renamed, selected, or that fail.
bool Session::convert_files(lt::alert& alert, Alerts& out) {
    switch (alert.type()) {
    case lt::file_renamed_alert::alert_type: {
        auto const& a = static_cast<lt::file_renamed_alert const&>(alert);
        out.file_renamed(id(a), number(a.index), bytes(a.new_name()));
        auto const pending = pending_->pop({AnsweredBy::FileRenamed, id(a), number(a.index)});
        if (pending.request)
            out.answer_path(pending.request, bytes(a.new_name()));
        return true;
    }
    case lt::file_rename_failed_alert::alert_type: {
        auto const& a = static_cast<lt::file_rename_failed_alert const&>(alert);
        auto const pending = pending_->pop({AnsweredBy::FileRenamed, id(a), number(a.index)});
        if (pending.request)
            out.answer_failed(pending.request, {}, error(a.error));
        return true;
    }
    case lt::file_prio_alert::alert_type: {
        if (auto const pending = pending_->pop({AnsweredBy::FilesChosen, id(alert), 0});
            pending.request)
            out.answer_done(pending.request);
        choose_next(id(alert));
        return true;
    }
    case lt::file_error_alert::alert_type:
        convert_file_error(static_cast<lt::file_error_alert const&>(alert), out);
        return true;
    case lt::file_completed_alert::alert_type: {
        auto const& a = static_cast<lt::file_completed_alert const&>(alert);
        out.file_completed(id(a), number(a.index));
        return true;
    }
    default:
        return false;
    }
}

void Session::convert_file_error(lt::file_error_alert const& alert, Alerts& out) {
    std::uint64_t const torrent = id(alert);
    lt::error_code const& why = alert.error;
    // A read that was cancelled after the first one failed, which has been reported.
    if (why == boost::asio::error::operation_aborted)
        return;
    // If this stops the torrent, libtorrent also reports that as an error of the torrent. There is
    // an alert for each block.
    if (is_temporary(why)) {
        if (was_reported(shortage_reported_))
            return;
        out.file_unavailable(torrent, lt::operation_name(alert.op), text(alert.filename()),
                             error(why));
        if (is_shortage(why) && why != boost::system::errc::not_enough_memory)
            out.performance_warning(torrent, PerformanceWarning::TooFewFileDescriptors);
        return;
    }
    // If a torrent's data cannot be read, every request would fail separately: libtorrent pauses a
    // torrent after an error in a write or a check, but not after this one.
    if (alert.op == lt::operation_t::file_read)
        pause(alert.handle);
    out.file_error(torrent, lt::operation_name(alert.op), text(alert.filename()), error(why));
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

// Alerts were lost, and their answers may have been among them. Requests that have not been passed
// to libtorrent are abandoned too. The disk backend reports the end of a move, not an alert.
void Session::give_up_pending(Alerts& out) {
    for (auto& [id, torrent] : torrents_)
        torrent.choices.clear();
    unchecked_->clear();
    for (PendingRequest const& entry : pending_->take_lost())
        out.answer_lost(entry.request);
}

} // namespace patron
