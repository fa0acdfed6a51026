// Torrents by id. Everything done to them is posted to the network thread, without waiting.
#include "torrent-patron/cpp/compat.hpp"
#include "torrent-patron/cpp/convert.hpp"
#include "torrent-patron/cpp/disk/shared.hpp"
#include "torrent-patron/cpp/errors.hpp"
#include "torrent-patron/cpp/metainfo.hpp"
#include "torrent-patron/cpp/policy.hpp"
#include "torrent-patron/cpp/requests/pending.hpp"
#include "torrent-patron/cpp/requests/read_torrents.hpp"
#include "torrent-patron/cpp/requests/session.hpp"
#include "torrent-patron/cpp/requests/torrent.hpp"
#include "torrent-patron/cpp/session/internals.hpp"
#include "torrent-patron/cpp/session/listening.hpp"
#include "torrent-patron/cpp/session/saver.hpp"
#include "torrent-patron/cpp/session/session.hpp"
#include "torrent-patron/src/sys/alerts.rs.h"
#include "torrent-patron/src/sys/task.rs.h"

#include <libtorrent/torrent_flags.hpp>
#include <libtorrent/torrent_info.hpp>

#include <boost/asio/post.hpp>

#include <utility>

namespace patron {

lt::torrent_handle const& Session::handle(std::uint64_t torrent) const {
    auto const found = torrents_.find(torrent);
    if (found == torrents_.end())
        throw lt::system_error(lt::errors::invalid_torrent_handle);
    return found->second.handle;
}

Session::KnownTorrent* Session::find(std::uint64_t torrent) {
    auto const found = torrents_.find(torrent);
    return found == torrents_.end() ? nullptr : &found->second;
}

void Session::add_torrent(std::uint64_t torrent, std::unique_ptr<TorrentParams> params) {
    params->params_.userdata = userdata(torrent);
    for (std::string const& url : params->named_)
        policy_->name(torrent, url);
    auto const& info = params->params_.ti;
    bool const tls = info && !info->ssl_cert().empty();
    if (plain_ && info && !tls)
        plain_->add(info->info_hashes().get_best());
    if (compat::connects_before_tls && tls &&
        (params->params_.flags & lt::torrent_flags::no_verify_files)) {
        auto& remembered = params->params_.peers;
        params->peers_.insert(params->peers_.end(), remembered.begin(), remembered.end());
        remembered.clear();
    }
    if (params->refuse_foreign_)
        new_files_->add(torrent);
    adding_[torrent] = std::move(params);
    retry_add(torrent);
}

void Session::retry_add(std::uint64_t torrent) {
    auto const found = adding_.find(torrent);
    if (found == adding_.end())
        throw lt::system_error(lt::errors::invalid_torrent_handle);
    session_.async_add_torrent(found->second->params_);
}

void Session::forget_add(std::uint64_t torrent) noexcept {
    auto const failed = adding_.extract(torrent);
    if (plain_ && failed && failed.mapped()->params_.ti)
        plain_->take(failed.mapped()->params_.ti->info_hashes().get_best());
    policy_->forget(torrent);
    forget_torrent(torrent);
}

void Session::merge(std::uint64_t torrent, std::unique_ptr<TorrentParams> params) {
    lt::torrent_handle const& known = handle(torrent);
    for (std::string const& url : params->named_)
        policy_->name(torrent, url);
    std::shared_ptr<TorrentParams> const source = std::move(params);
    boost::asio::post(session_.get_context(),
                      [source, handle = known, policy = policy_, read = read_] {
                          Torrent(handle, *policy, *read).merge(*source);
                      });
}

void Session::finish_add(std::uint64_t torrent, KnownTorrent& added, Alerts& out) {
    auto const found = adding_.extract(torrent);
    if (!found)
        return;
    TorrentParams const& params = *found.mapped();
    added.verifying = params.verify_finished_;
    for (std::string const& url : params.dropped_)
        out.tracker_error(torrent, text(url), 1,
                          NativeError{category::argument, 0, text(policy_->reason(url))});
    try {
        for (lt::tcp::endpoint const& peer : params.peers_)
            added.handle.connect_peer(peer);
    } catch (lt::system_error const&) {
        // It has been removed since.
    }
}

void Session::remove_torrent(std::uint64_t torrent, bool delete_files) {
    lt::torrent_handle const& h = handle(torrent);
    if (!delete_files)
        return session_.remove_torrent(h);
    if (!h.is_valid())
        throw lt::system_error(lt::errors::invalid_torrent_handle);
    boost::asio::post(session_.get_context(), [session = lt::session_handle(session_), handle = h,
                                               torrent, reports = reports_]() mutable {
        // On this thread, that is done when it returns.
        try {
            session.remove_torrent(handle,
                                   lt::session::delete_files | lt::session::delete_partfile);
        } catch (lt::system_error const&) {
            // The session is ending.
            return;
        }
        // A torrent without metadata, for example, has no files. The disk backend reports the end
        // of any other deletion, because libtorrent's alert of it may be lost.
        if (!internals::is_deleted(handle))
            reports->add([torrent](Session& session, Alerts& out) {
                session.job_ended({EndedJob::Kind::Deletion, torrent, {}, {}}, out);
            });
    });
}

void Session::forget_torrent(std::uint64_t torrent) {
    torrents_.erase(torrent);
    new_files_->take(torrent);
    saver_->forget(torrent);
    pending_->forget_torrent(torrent);
}

std::unique_ptr<Torrent> Session::torrent(std::uint64_t torrent) const {
    return std::make_unique<Torrent>(handle(torrent), *policy_, *read_);
}

void Session::run_on_torrent(std::uint64_t request, std::uint64_t torrent, AnsweredBy by,
                             std::uint32_t index, ClientDataRecord const& client_data,
                             rust::Box<TorrentTask> task) {
    handle(torrent);
    auto shared = std::make_shared<rust::Box<TorrentTask>>(std::move(task));
    if (by != AnsweredBy::Task)
        pending_->add(torrent, index, PendingRequest{request, by, client_data});
    if (by == AnsweredBy::ResumeData || by == AnsweredBy::Progress)
        boost::asio::post(session_.get_context(),
                          [unchecked = unchecked_, request, handle = handle(torrent)] {
                              auto pieces = internals::unchecked_pieces(handle);
                              if (!pieces.empty())
                                  unchecked->add(request, std::move(pieces));
                          });
    if (by == AnsweredBy::FilesMoved)
        return move_files(torrent, std::move(shared));
    if (by != AnsweredBy::FilesChosen || find(torrent)->choices.push(shared))
        submit(torrent, std::move(shared));
}

void Session::move_files(std::uint64_t torrent, Task task) {
    boost::asio::post(session_.get_context(), [task = std::move(task), handle = handle(torrent),
                                               torrent, policy = policy_, read = read_,
                                               reports = reports_] {
        (*task)->run(Torrent(handle, *policy, *read));
        // Without files, it is moved at once, and the disk backend is not asked.
        if (!internals::has_no_files(handle))
            return;
        auto path = handle.status(lt::torrent_handle::query_save_path).save_path;
        reports->add([torrent, path = std::move(path)](Session& session, Alerts& out) {
            session.job_ended({EndedJob::Kind::Move, torrent, path, {}}, out);
        });
    });
}

void Session::submit(std::uint64_t torrent, Task task) {
    boost::asio::post(session_.get_context(),
                      [task = std::move(task), handle = handle(torrent), policy = policy_,
                       read = read_] { (*task)->run(Torrent(handle, *policy, *read)); });
}

void Session::run_on_session(rust::Box<SessionTask> task) {
    boost::asio::post(
        session_.get_context(), [task = std::make_shared<rust::Box<SessionTask>>(std::move(task)),
                                 session = lt::session_handle(session_), policy = policy_,
                                 read = read_, listening = listening_, classes = classes_] {
            SessionHandle handle(session, *policy, read->threshold->setting, *listening, *classes);
            (*task)->run(handle);
        });
}

void Session::forget_request(std::uint64_t request) {
    unchecked_->take(request);
    if (std::uint64_t const torrent = pending_->forget(request); torrent != 0)
        choose_next(torrent);
}

// Starts the next request to set file priorities.
void Session::choose_next(std::uint64_t torrent) {
    KnownTorrent* const known = find(torrent);
    if (Task next = known ? known->choices.next() : nullptr)
        submit(torrent, std::move(next));
}

} // namespace patron
