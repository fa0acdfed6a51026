// What the saver and the disk return: resume data, pieces, and the state of finished files.
#include "torrent-patron/cpp/convert.hpp"
#include "torrent-patron/cpp/metainfo.hpp"
#include "torrent-patron/cpp/requests/pending.hpp"
#include "torrent-patron/cpp/requests/torrent.hpp"
#include "torrent-patron/cpp/resume_data.hpp"
#include "torrent-patron/cpp/session/alert.hpp"
#include "torrent-patron/cpp/session/saver.hpp"
#include "torrent-patron/cpp/session/session.hpp"
#include "torrent-patron/cpp/session/verification.hpp"
#include "torrent-patron/src/sys/alerts.rs.h"
#include "torrent-patron/src/sys/bridge.rs.h"

#include <libtorrent/alert_types.hpp>
#include <libtorrent/operations.hpp>

#include <boost/asio/post.hpp>

#include <utility>

namespace patron {

// Answers that are bytes.
bool Session::convert_saved(lt::alert& alert, Alerts& out) {
    switch (alert.type()) {
    case lt::save_resume_data_alert::alert_type:
        answer_resume_data(static_cast<lt::save_resume_data_alert&>(alert), out);
        return true;
    case lt::save_resume_data_failed_alert::alert_type: {
        auto const& a = static_cast<lt::save_resume_data_failed_alert const&>(alert);
        auto const pending = pending_->pop({AnsweredBy::ResumeData, id(a), 0});
        if (pending.request == 0)
            return true;
        unchecked_->take(pending.request);
        // If there is nothing to save, that is a valid answer.
        if (a.error == lt::errors::resume_data_not_modified)
            out.answer_resume_data(pending.request, StoredRecord{}, SavedRecord{});
        else
            out.answer_failed(pending.request, {}, error(a.error));
        return true;
    }
    case lt::read_piece_alert::alert_type: {
        auto const& a = static_cast<lt::read_piece_alert const&>(alert);
        auto const pending = pending_->pop({AnsweredBy::PieceRead, id(a), number(a.piece)});
        if (pending.request == 0)
            return true;
        auto const* data = reinterpret_cast<std::uint8_t const*>(a.buffer.get());
        if (a.error)
            out.answer_failed(pending.request, {}, error(a.error));
        else
            out.answer_bytes(pending.request, copied({data, static_cast<std::size_t>(a.size)}));
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
    PendingRequest const pending = pending_->pop({AnsweredBy::ResumeData, id(alert), 0});
    if (pending.request == 0)
        return;
    if (auto pieces = unchecked_->take(pending.request); !pieces.empty())
        params.have_pieces = std::move(pieces);
    // Kept, this would stop the torrent in the next run too, without an error.
    auto const upload_mode = lt::torrent_flags::upload_mode;
    if (written_->cannot_write(id(alert), bool(params.flags & upload_mode)))
        params.flags &= ~upload_mode;
    if (pending.by != AnsweredBy::Metainfo)
        return saver_->save(Saver::Save{pending.request, id(alert), std::move(params),
                                        pending.client_data, pending.by == AnsweredBy::ResumeData});
    try {
        out.answer_bytes(pending.request, encode_metainfo(params));
    } catch (...) {
        out.answer_failed(pending.request, {}, current_exception());
    }
}

void Session::take_saved(Alerts& out) {
    for (Saver::Saved& saved : saver_->take_saved()) {
        if (saved.error.category.empty()) {
            out.answer_resume_data(saved.request, std::move(saved.data), saved.figures);
            continue;
        }
        if (saved.is_new) {
            if (KnownTorrent const* const torrent = find(saved.torrent))
                pause(torrent->handle);
            out.file_error(saved.torrent, lt::operation_name(lt::operation_t::file_write),
                           text(saved.file), saved.error);
        }
        out.answer_failed(saved.request, text(saved.file), std::move(saved.error));
    }
}

// If the files of a torrent changed while it was downloaded, it is not complete: the missing data
// is downloaded again.
void Session::take_checks(Alerts& out) {
    for (Saver::Check const& check : saver_->take_checks()) {
        KnownTorrent* const torrent = find(check.torrent);
        if (torrent == nullptr)
            continue;
        if (check.changed) {
            torrent->verifying = false;
            boost::asio::post(session_.get_context(),
                              [handle = torrent->handle] { check_again(handle); });
        } else if (torrent->verifying) {
            verify(check.torrent, torrent->handle);
        } else {
            out.finished(check.torrent);
        }
    }
}

// libtorrent's own check is left for wrong data, and for torrents with v2 hashes alone.
void Session::verify(std::uint64_t torrent, lt::torrent_handle const& handle) {
    boost::asio::post(session_.get_context(), [reports = reports_, torrent, handle] {
        verify_pieces(handle, [reports, torrent, handle](bool are_right) {
            if (!are_right)
                check_again(handle);
            reports->add([torrent, are_right](Session& session, Alerts& out) {
                session.verified(torrent, are_right, out);
            });
        });
    });
}

void Session::verified(std::uint64_t torrent, bool are_right, Alerts& out) {
    KnownTorrent* const known = find(torrent);
    if (known != nullptr && std::exchange(known->verifying, false) && are_right)
        out.finished(torrent);
}

} // namespace patron
