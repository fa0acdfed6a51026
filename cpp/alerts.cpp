// Alerts become owned records before the call returns; no pointer to an alert outlives it.
#include "torrent-patron/cpp/compat.hpp"
#include "torrent-patron/cpp/convert.hpp"
#include "torrent-patron/cpp/requests.hpp"
#include "torrent-patron/cpp/shim.hpp"

#include <libtorrent/alert_types.hpp>
#include <libtorrent/announce_entry.hpp>
#include <libtorrent/operations.hpp>
#include <libtorrent/write_resume_data.hpp>

#include <utility>

namespace patron {
namespace {

AlertRecord record(AlertKind kind, std::uint64_t torrent = 0) {
    AlertRecord out{};
    out.kind = kind;
    out.torrent = torrent;
    return out;
}

AlertRecord failed(AlertKind kind, std::uint64_t torrent, lt::error_code const& code) {
    AlertRecord out = record(kind, torrent);
    out.error = error(code);
    return out;
}

std::uint64_t id(lt::torrent_alert const& alert) {
    return torrent_id(alert.handle.userdata());
}

rust::String operation(lt::operation_t op) {
    return text(lt::operation_name(op));
}

// Without an address for an I2P peer.
AlertRecord peer(AlertKind kind, lt::peer_alert const& alert) {
    AlertRecord out = record(kind, id(alert));
    if (auto const end = compat::endpoint(alert))
        out.text = address(end->address(), end->port());
    return out;
}

rust::String mapper(lt::portmap_transport transport) {
    return transport == lt::portmap_transport::upnp ? "upnp" : "";
}

bool carries_data(lt::socket_type_t type) {
    return type == lt::socket_type_t::tcp || type == lt::socket_type_t::tcp_ssl;
}

// What passes by itself. A duplicate does too: the client knows all torrents of its session, so the
// other one is just being removed.
bool passes(lt::error_code const& code) {
    namespace errc = boost::system::errc;
    return code == lt::errors::duplicate_torrent || code == errc::too_many_files_open ||
           code == errc::too_many_files_open_in_system || code == errc::not_enough_memory ||
           code == errc::resource_unavailable_try_again || code == errc::interrupted;
}

AlertRecord append(AlertKind kind, std::vector<lt::torrent_status> const& statuses, Drained& out) {
    AlertRecord answer = record(kind);
    for (auto const& s : statuses) {
        StatusRecord converted = status(s);
        // 0: removed since.
        if (converted.torrent == 0)
            continue;
        out.statuses.push_back(std::move(converted));
        ++answer.number;
    }
    return answer;
}

// What libtorrent gives for resume data is a .torrent file too.
rust::Vec<std::uint8_t> encode(AwaitedRequest const& asked, lt::add_torrent_params const& params) {
    if (asked.kind != RequestKind::Metainfo)
        return encode_resume_data(params, asked.own);
    if (!params.ti)
        throw lt::system_error(lt::errors::no_metadata);
    auto const encoded = lt::write_torrent_file_buf(params, {});
    return bytes(lt::string_view(encoded.data(), encoded.size()));
}

} // namespace

Drained Session::drain() {
    Drained out{};
    // Before that: the alerts of what these are about, as that a torrent was added, are older.
    std::vector<AlertRecord> told = answers_->told();
    session_.pop_alerts(&alerts_);
    // After that: what failed at once is out of the way before the alerts that answer what came
    // later.
    take_answers(out);
    out.alerts.reserve(out.alerts.size() + alerts_.size());
    for (lt::alert* alert : alerts_) {
        try {
            convert(*alert, out);
        } catch (...) {
            AlertRecord unreadable = record(AlertKind::Unreadable);
            unreadable.text = text(alert->what());
            unreadable.error = current_exception();
            out.alerts.push_back(std::move(unreadable));
        }
    }
    alerts_.clear();
    for (AlertRecord& alert : told)
        out.alerts.push_back(std::move(alert));
    return out;
}

void Session::convert(lt::alert& alert, Drained& out) {
    auto const push = [&out](AlertRecord converted) { out.alerts.push_back(std::move(converted)); };
    switch (alert.type()) {
    case lt::state_update_alert::alert_type: {
        auto& a = static_cast<lt::state_update_alert&>(alert);
        std::vector<lt::torrent_status> const statuses = std::move(a.status);
        push(append(AlertKind::Statuses, statuses, out));
        break;
    }
    case lt::add_torrent_alert::alert_type: {
        auto& a = static_cast<lt::add_torrent_alert&>(alert);
        lt::add_torrent_params const params = std::move(a.params);
        std::uint64_t const torrent = torrent_id(params.userdata);
        if (a.error) {
            AlertRecord refused = failed(AlertKind::AddFailed, torrent, a.error);
            refused.number = passes(a.error);
            push(std::move(refused));
            break;
        }
        torrents_[torrent] = a.handle;
        pending_.erase(torrent);
        AlertRecord added = record(AlertKind::Added, torrent);
        added.text = text(params.ti ? params.ti->name() : params.name);
        hashes(params.info_hashes, added.v1, added.v2);
        push(std::move(added));
        break;
    }
    case lt::torrent_removed_alert::alert_type: {
        auto const& a = static_cast<lt::torrent_removed_alert const&>(alert);
        std::uint64_t const torrent = torrent_id(a.userdata);
        torrents_.erase(torrent);
        finishing_.erase(torrent);
        awaited_->forget_torrent(torrent);
        choosing_.erase(torrent);
        push(record(AlertKind::Removed, torrent));
        break;
    }
    case lt::torrent_deleted_alert::alert_type: {
        auto const& a = static_cast<lt::torrent_deleted_alert const&>(alert);
        auto const found = deleting_.find(a.info_hashes);
        if (found == deleting_.end())
            break;
        push(record(AlertKind::Deleted, found->second));
        deleting_.erase(found);
        break;
    }
    case lt::torrent_delete_failed_alert::alert_type: {
        auto const& a = static_cast<lt::torrent_delete_failed_alert const&>(alert);
        auto const found = deleting_.find(a.info_hashes);
        if (found == deleting_.end())
            break;
        push(failed(AlertKind::DeleteFailed, found->second, a.error));
        deleting_.erase(found);
        break;
    }
    case lt::state_changed_alert::alert_type: {
        auto const& a = static_cast<lt::state_changed_alert const&>(alert);
        AlertRecord changed = record(AlertKind::StateChanged, id(a));
        changed.state = static_cast<std::uint8_t>(a.state);
        push(std::move(changed));
        break;
    }
    case lt::torrent_paused_alert::alert_type:
        push(record(AlertKind::Paused, id(static_cast<lt::torrent_alert const&>(alert))));
        break;
    case lt::torrent_resumed_alert::alert_type:
        push(record(AlertKind::Resumed, id(static_cast<lt::torrent_alert const&>(alert))));
        break;
    case lt::torrent_checked_alert::alert_type:
        push(record(AlertKind::Checked, id(static_cast<lt::torrent_alert const&>(alert))));
        break;
    // Finished is said when libtorrent has closed the files, which it then does at once: nothing is
    // left to be written.
    case lt::torrent_finished_alert::alert_type:
        finishing_.insert(id(static_cast<lt::torrent_alert const&>(alert)));
        break;
    case lt::cache_flushed_alert::alert_type: {
        std::uint64_t const torrent = id(static_cast<lt::torrent_alert const&>(alert));
        if (finishing_.erase(torrent) > 0)
            push(record(AlertKind::Finished, torrent));
        break;
    }
    case lt::metadata_received_alert::alert_type: {
        auto const& a = static_cast<lt::metadata_received_alert const&>(alert);
        AlertRecord received = record(AlertKind::MetadataReceived, id(a));
        received.text = text(compat::name(a));
        hashes(a.handle.info_hashes(), received.v1, received.v2);
        push(std::move(received));
        break;
    }
    case lt::metadata_failed_alert::alert_type: {
        auto const& a = static_cast<lt::metadata_failed_alert const&>(alert);
        push(failed(AlertKind::MetadataFailed, id(a), a.error));
        break;
    }
    case lt::storage_moved_alert::alert_type: {
        auto const& a = static_cast<lt::storage_moved_alert const&>(alert);
        AlertRecord moved = record(AlertKind::StorageMoved, id(a));
        moved.bytes = bytes(a.storage_path());
        push(std::move(moved));
        answer_awaited(awaited_->pop({Awaited::By::Moved, id(a), 0}), {}, bytes(a.storage_path()),
                       out);
        break;
    }
    case lt::storage_moved_failed_alert::alert_type: {
        auto const& a = static_cast<lt::storage_moved_failed_alert const&>(alert);
        // A file that lies at the destination already is reported without a code.
        lt::error_code const code =
            a.error ? a.error : make_error_code(boost::system::errc::file_exists);
        AlertRecord stuck = failed(AlertKind::StorageMoveFailed, id(a), code);
        stuck.text = text(a.file_path());
        push(std::move(stuck));
        answer_awaited(awaited_->pop({Awaited::By::Moved, id(a), 0}), code, bytes(a.file_path()),
                       out);
        break;
    }
    case lt::file_renamed_alert::alert_type: {
        auto const& a = static_cast<lt::file_renamed_alert const&>(alert);
        AlertRecord renamed = record(AlertKind::FileRenamed, id(a));
        renamed.number = static_cast<int>(a.index);
        renamed.bytes = bytes(a.new_name());
        push(std::move(renamed));
        answer_awaited(awaited_->pop({Awaited::By::Renamed, id(a), static_cast<int>(a.index)}), {},
                       bytes(a.new_name()), out);
        break;
    }
    case lt::file_rename_failed_alert::alert_type: {
        auto const& a = static_cast<lt::file_rename_failed_alert const&>(alert);
        answer_awaited(awaited_->pop({Awaited::By::Renamed, id(a), static_cast<int>(a.index)}),
                       a.error, {}, out);
        break;
    }
    case lt::save_resume_data_alert::alert_type:
        answer_saved(static_cast<lt::save_resume_data_alert&>(alert), out);
        break;
    case lt::save_resume_data_failed_alert::alert_type: {
        auto const& a = static_cast<lt::save_resume_data_failed_alert const&>(alert);
        // That there is nothing to save is an answer.
        bool const clean = a.error == lt::errors::resume_data_not_modified;
        answer_awaited(awaited_->pop({Awaited::By::Saved, id(a), 0}),
                       clean ? lt::error_code() : a.error, {}, out);
        break;
    }
    case lt::file_prio_alert::alert_type: {
        std::uint64_t const torrent = id(static_cast<lt::torrent_alert const&>(alert));
        answer_awaited(awaited_->pop({Awaited::By::Chosen, torrent, 0}), {}, {}, out);
        choose_next(torrent);
        break;
    }
    case lt::read_piece_alert::alert_type: {
        auto const& a = static_cast<lt::read_piece_alert const&>(alert);
        auto const size = a.error ? std::size_t(0) : static_cast<std::size_t>(a.size);
        answer_awaited(awaited_->pop({Awaited::By::Read, id(a), static_cast<int>(a.piece)}),
                       a.error, bytes(lt::string_view(a.buffer.get(), size)), out);
        break;
    }
    case lt::torrent_error_alert::alert_type: {
        auto const& a = static_cast<lt::torrent_error_alert const&>(alert);
        AlertRecord broken = failed(AlertKind::TorrentError, id(a), a.error);
        broken.text = text(a.filename());
        push(std::move(broken));
        // A choice among the files that fails stops the torrent, and has no alert of its own.
        if (auto const asked = awaited_->pop({Awaited::By::Chosen, id(a), 0}); asked.request != 0) {
            answer_awaited(asked, a.error, bytes(a.filename()), out);
            choose_next(id(a));
        }
        break;
    }
    case lt::file_error_alert::alert_type: {
        auto const& a = static_cast<lt::file_error_alert const&>(alert);
        // A read that was given up after the first one failed: that one is told.
        if (a.error == boost::asio::error::operation_aborted)
            break;
        // A torrent whose data cannot be read refuses each request by itself: libtorrent pauses it
        // for an error of a write or of a check, not for this one.
        if (a.op == lt::operation_t::file_read && !passes(a.error) && a.handle.is_valid())
            a.handle.pause();
        AlertRecord broken = failed(AlertKind::FileError, id(a), a.error);
        broken.text = text(a.filename());
        broken.detail = operation(a.op);
        push(std::move(broken));
        break;
    }
    case lt::hash_failed_alert::alert_type: {
        auto const& a = static_cast<lt::hash_failed_alert const&>(alert);
        AlertRecord corrupt = record(AlertKind::HashFailed, id(a));
        corrupt.number = static_cast<int>(a.piece_index);
        push(std::move(corrupt));
        break;
    }
    case lt::tracker_error_alert::alert_type: {
        auto const& a = static_cast<lt::tracker_error_alert const&>(alert);
        AlertRecord refused = failed(AlertKind::TrackerError, id(a), a.error);
        refused.text = text(a.tracker_url());
        refused.number = a.times_in_row;
        // The tracker's own words say more than the code.
        if (char const* reason = a.failure_reason(); reason != nullptr && *reason != '\0') {
            refused.error.message = text(reason);
            push(std::move(refused));
            break;
        }
        if (!a.error)
            refused.error.message = "its answer makes no sense";
        tell_unless_reached(a, std::move(refused));
        break;
    }
    case lt::tracker_warning_alert::alert_type: {
        auto const& a = static_cast<lt::tracker_warning_alert const&>(alert);
        AlertRecord warned = record(AlertKind::TrackerWarning, id(a));
        warned.text = text(a.tracker_url());
        warned.detail = text(a.warning_message());
        push(std::move(warned));
        break;
    }
    case lt::tracker_reply_alert::alert_type: {
        auto const& a = static_cast<lt::tracker_reply_alert const&>(alert);
        AlertRecord answered = record(AlertKind::TrackerReply, id(a));
        answered.text = text(a.tracker_url());
        answered.number = a.num_peers;
        push(std::move(answered));
        break;
    }
    case lt::scrape_reply_alert::alert_type: {
        auto const& a = static_cast<lt::scrape_reply_alert const&>(alert);
        AlertRecord scraped = record(AlertKind::Scraped, id(a));
        scraped.text = text(a.tracker_url());
        scraped.number = a.complete;
        scraped.other = a.incomplete;
        push(std::move(scraped));
        break;
    }
    case lt::scrape_failed_alert::alert_type: {
        auto const& a = static_cast<lt::scrape_failed_alert const&>(alert);
        AlertRecord refused = failed(AlertKind::ScrapeFailed, id(a), a.error);
        refused.text = text(a.tracker_url());
        if (char const* reason = a.error_message(); reason != nullptr && *reason != '\0')
            refused.error.message = text(reason);
        push(std::move(refused));
        break;
    }
    case lt::url_seed_alert::alert_type: {
        auto const& a = static_cast<lt::url_seed_alert const&>(alert);
        // What the server says is told when the connection ends (web_seeds.cpp).
        if (!a.error)
            break;
        AlertRecord blocked = failed(AlertKind::WebSeedFailed, id(a), a.error);
        blocked.text = text(a.server_url());
        if (a.error == lt::errors::peer_banned)
            blocked.error.message = "what it sent was damaged";
        push(std::move(blocked));
        break;
    }
    case lt::peer_ban_alert::alert_type:
        push(peer(AlertKind::PeerBanned, static_cast<lt::peer_alert const&>(alert)));
        break;
    case lt::peer_connect_alert::alert_type: {
        auto const& a = static_cast<lt::peer_connect_alert const&>(alert);
        AlertRecord connected = peer(AlertKind::PeerConnected, a);
        connected.number = a.direction == lt::peer_connect_alert::direction_t::out;
        push(std::move(connected));
        break;
    }
    case lt::peer_disconnected_alert::alert_type: {
        auto const& a = static_cast<lt::peer_disconnected_alert const&>(alert);
        AlertRecord parted = peer(AlertKind::PeerDisconnected, a);
        parted.error = error(a.error);
        push(std::move(parted));
        break;
    }
    // A peer that broke the protocol is told by this one alone.
    case lt::peer_error_alert::alert_type: {
        auto const& a = static_cast<lt::peer_error_alert const&>(alert);
        // The one error after which it stays.
        if (a.error == lt::errors::peer_sent_empty_piece)
            break;
        AlertRecord parted = peer(AlertKind::PeerDisconnected, a);
        parted.error = error(a.error);
        push(std::move(parted));
        break;
    }
    case lt::file_completed_alert::alert_type: {
        auto const& a = static_cast<lt::file_completed_alert const&>(alert);
        AlertRecord complete = record(AlertKind::FileCompleted, id(a));
        complete.number = static_cast<int>(a.index);
        push(std::move(complete));
        break;
    }
    case lt::piece_finished_alert::alert_type: {
        auto const& a = static_cast<lt::piece_finished_alert const&>(alert);
        AlertRecord good = record(AlertKind::PieceFinished, id(a));
        good.number = static_cast<int>(a.piece_index);
        push(std::move(good));
        break;
    }
    case lt::performance_alert::alert_type: {
        auto const& a = static_cast<lt::performance_alert const&>(alert);
        AlertRecord slow = record(AlertKind::PerformanceWarning, id(a));
        slow.number = a.warning_code;
        push(std::move(slow));
        break;
    }
    case lt::portmap_alert::alert_type: {
        auto const& a = static_cast<lt::portmap_alert const&>(alert);
        AlertRecord mapped = record(AlertKind::PortMapped);
        mapped.text = text(a.local_address.to_string());
        mapped.detail = mapper(a.map_transport);
        mapped.number = a.external_port;
        mapped.other = a.map_protocol == lt::portmap_protocol::udp;
        push(std::move(mapped));
        break;
    }
    case lt::portmap_error_alert::alert_type: {
        auto const& a = static_cast<lt::portmap_error_alert const&>(alert);
        AlertRecord closed = failed(AlertKind::PortMappingFailed, 0, a.error);
        closed.text = text(a.local_address.to_string());
        closed.detail = mapper(a.map_transport);
        push(std::move(closed));
        break;
    }
    case lt::external_ip_alert::alert_type: {
        auto const& a = static_cast<lt::external_ip_alert const&>(alert);
        AlertRecord outside = record(AlertKind::ExternalAddress);
        outside.text = text(a.external_address.to_string());
        push(std::move(outside));
        break;
    }
    case lt::torrent_conflict_alert::alert_type: {
        auto const& a = static_cast<lt::torrent_conflict_alert const&>(alert);
        push(record(AlertKind::Conflict, id(a)));
        push(record(AlertKind::Conflict, torrent_id(a.conflicting_torrent.userdata())));
        break;
    }
    case lt::listen_succeeded_alert::alert_type: {
        auto const& a = static_cast<lt::listen_succeeded_alert const&>(alert);
        if (a.socket_type == lt::socket_type_t::utp) {
            call_out_by_utp(true);
            restore_dht_nodes();
        }
        // A UDP socket follows each TCP one on the same port; one event is enough.
        if (!carries_data(a.socket_type))
            break;
        AlertRecord listening = record(AlertKind::Listening);
        listening.text = address(a.address, a.port);
        push(std::move(listening));
        break;
    }
    case lt::listen_failed_alert::alert_type: {
        auto const& a = static_cast<lt::listen_failed_alert const&>(alert);
        call_out_by_utp(false);
        AlertRecord deaf = failed(AlertKind::ListenFailed, 0, a.error);
        deaf.text = a.address.is_unspecified() && a.port == 0 ? text(a.listen_interface())
                                                              : address(a.address, a.port);
        push(std::move(deaf));
        break;
    }
    case lt::session_error_alert::alert_type: {
        auto const& a = static_cast<lt::session_error_alert const&>(alert);
        push(failed(AlertKind::SessionError, 0, a.error));
        break;
    }
    case lt::session_stats_alert::alert_type: {
        auto const& a = static_cast<lt::session_stats_alert const&>(alert);
        out.counters.clear();
        for (std::int64_t const value : a.counters())
            out.counters.push_back(value);
        push(record(AlertKind::Statistics));
        break;
    }
    case lt::alerts_dropped_alert::alert_type:
        push(record(AlertKind::Dropped));
        give_up_awaited(out);
        break;
    default:
        break;
    }
}

namespace {

// Whether a tracker has answered, or may yet, from another address that we listen on.
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

} // namespace

// A tracker that one address reaches and another does not has not failed: most have no IPv6. Where
// the other address waits for an answer still, its failure will be told.
void Session::tell_unless_reached(lt::tracker_error_alert const& alert, AlertRecord failed) {
    on_network_thread([answers = answers_, torrent = alert.handle,
                       url = std::string(alert.tracker_url()), version = alert.version,
                       failed = std::make_shared<AlertRecord>(std::move(failed))](Gathered&) {
        if (torrent.is_valid() && !is_reached(torrent, url, version))
            answers->tell(std::move(*failed));
    });
}

void Session::answer_saved(lt::save_resume_data_alert& alert, Drained& out) {
    // Moved out: the next pop_alerts would otherwise free it with the alert mutex held.
    lt::add_torrent_params const params = std::move(alert.params);
    AwaitedRequest const asked = awaited_->pop({Awaited::By::Saved, id(alert), 0});
    lt::error_code failure;
    rust::Vec<std::uint8_t> encoded;
    try {
        encoded = encode(asked, params);
    } catch (lt::system_error const& e) {
        failure = e.code();
    }
    answer_awaited(asked, failure, std::move(encoded), out);
    if (asked.request != 0) {
        auto& numbers = out.answers.back().numbers;
        numbers.push_back(params.total_uploaded);
        numbers.push_back(params.total_downloaded);
        numbers.push_back(params.have_pieces.count());
    }
}

void Session::request_statuses() {
    // No flags: name, path and piece bitfield would be copied for every torrent.
    session_.post_torrent_updates({});
}

void Session::request_statistics() {
    session_.post_session_stats();
}

void Session::take_census(std::vector<lt::torrent_status> statuses, Drained& out) {
    for (auto const& s : statuses) {
        std::uint64_t const torrent = torrent_id(s.handle.userdata());
        if (torrent != 0 && torrents_.emplace(torrent, s.handle).second) {
            // Its add_torrent_alert was among the lost ones.
            pending_.erase(torrent);
            AlertRecord added = record(AlertKind::Added, torrent);
            hashes(s.info_hashes, added.v1, added.v2);
            out.alerts.push_back(std::move(added));
        }
    }
    out.alerts.push_back(append(AlertKind::EveryStatus, statuses, out));
}

} // namespace patron
