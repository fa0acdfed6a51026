// Requests about the session as a whole, and how any request gets to the network thread and back.
#include "torrent-patron/cpp/convert.hpp"
#include "torrent-patron/cpp/requests.hpp"

#include <libtorrent/ip_filter.hpp>
#include <libtorrent/peer_class.hpp>
#include <libtorrent/portmap.hpp>
#include <libtorrent/session_params.hpp>

#include <boost/asio/post.hpp>

#include <algorithm>
#include <stdexcept>
#include <string>

namespace patron {
namespace {

void done(AnswerRecord&) {}

template <typename Range>
void append(std::vector<Range> const& ranges, AnswerRecord& answer) {
    for (auto const& range : ranges) {
        if (range.flags & lt::ip_filter::blocked) {
            answer.texts.push_back(text(range.first.to_string()));
            answer.texts.push_back(text(range.last.to_string()));
        }
    }
}

Finish ip_filter(lt::session_handle const& session) {
    return [filter = session.get_ip_filter()](AnswerRecord& answer) {
        auto const ranges = filter.export_filter();
        append(std::get<0>(ranges), answer);
        append(std::get<1>(ranges), answer);
    };
}

Finish set_ip_filter(lt::session_handle& session, RequestRecord const& request,
                     Bounds const& bounds) {
    lt::ip_filter filter;
    for (std::size_t i = 0; i + 1 < request.texts.size(); i += 2)
        filter.add_rule(lt::make_address(std::string(request.texts[i])),
                        lt::make_address(std::string(request.texts[i + 1])),
                        lt::ip_filter::blocked);
    bounds.keep(filter);
    session.set_ip_filter(std::move(filter));
    return done;
}

Finish ban(lt::session_handle& session, std::string const& address) {
    lt::ip_filter filter = session.get_ip_filter();
    auto const ip = lt::make_address(address);
    filter.add_rule(ip, ip, lt::ip_filter::blocked);
    session.set_ip_filter(std::move(filter));
    return done;
}

Finish set_port_filter(lt::session_handle& session, RequestRecord const& request) {
    lt::port_filter filter;
    for (std::size_t i = 0; i + 1 < request.numbers.size(); i += 2)
        filter.add_rule(static_cast<std::uint16_t>(request.numbers[i]),
                        static_cast<std::uint16_t>(request.numbers[i + 1]),
                        lt::port_filter::blocked);
    session.set_port_filter(filter);
    return done;
}

Finish map_port(lt::session_handle& session, RequestRecord const& request) {
    auto const protocol =
        request.index == 0 ? lt::portmap_protocol::tcp : lt::portmap_protocol::udp;
    auto const handles = session.add_port_mapping(protocol, static_cast<int>(request.number),
                                                  static_cast<int>(request.numbers.at(0)));
    return [handles](AnswerRecord& answer) {
        for (auto const handle : handles)
            answer.numbers.push_back(static_cast<int>(handle));
    };
}

// Of a class that is none libtorrent gives zeros.
lt::peer_class_t peer_class(lt::session_handle const& session, RequestRecord const& request) {
    lt::peer_class_t const chosen(static_cast<std::uint32_t>(request.number));
    if (request.number >= 0 && request.number < 32 &&
        session.get_peer_class(chosen).connection_limit_factor > 0)
        return chosen;
    throw std::invalid_argument("peer class " + std::to_string(request.number) + ": there is none");
}

Finish get_peer_class(lt::session_handle const& session, RequestRecord const& request) {
    auto const info = session.get_peer_class(peer_class(session, request));
    return [info](AnswerRecord& answer) {
        answer.peer_class.push_back(PeerClassRecord{
            text(info.label), info.ignore_unchoke_slots, info.connection_limit_factor,
            info.upload_limit, info.download_limit, info.upload_priority, info.download_priority});
    };
}

Finish set_peer_class(lt::session_handle& session, RequestRecord const& request) {
    auto const chosen = peer_class(session, request);
    PeerClassRecord const& record = request.peer_class.at(0);
    lt::peer_class_info info{};
    info.label = std::string(record.name);
    info.ignore_unchoke_slots = record.ignore_unchoke_slots;
    info.connection_limit_factor = record.connection_limit_factor;
    info.upload_limit = record.upload_limit;
    info.download_limit = record.download_limit;
    info.upload_priority = record.upload_priority;
    info.download_priority = record.download_priority;
    session.set_peer_class(chosen, info);
    return done;
}

Finish peer_class_ranges(lt::session_handle const& session) {
    return [filter = session.get_peer_class_filter()](AnswerRecord& answer) {
        auto const add = [&answer](auto const& ranges) {
            for (auto const& range : ranges) {
                if (range.flags == 0)
                    continue;
                answer.texts.push_back(text(range.first.to_string()));
                answer.texts.push_back(text(range.last.to_string()));
                answer.numbers.push_back(range.flags);
            }
        };
        auto const ranges = filter.export_filter();
        add(std::get<0>(ranges));
        add(std::get<1>(ranges));
    };
}

Finish set_peer_class_ranges(lt::session_handle& session, RequestRecord const& request) {
    lt::ip_filter filter;
    for (std::size_t i = 0; i < request.numbers.size(); ++i)
        filter.add_rule(lt::make_address(std::string(request.texts.at(2 * i))),
                        lt::make_address(std::string(request.texts.at(2 * i + 1))),
                        static_cast<std::uint32_t>(request.numbers[i]));
    session.set_peer_class_filter(filter);
    return done;
}

} // namespace

Finish carry_out(lt::session_handle session, RequestRecord& request, Bounds const& bounds) {
    using Kind = RequestKind;
    switch (request.kind) {
    case Kind::Settings:
        return [pack = session.get_settings()](AnswerRecord& answer) {
            answer.settings = setting_records(pack);
        };
    case Kind::ApplySettings:
        session.apply_settings(settings({request.settings.data(), request.settings.size()}));
        return done;
    case Kind::State:
        return [params = session.session_state()](AnswerRecord& answer) {
            auto const encoded = lt::write_session_params_buf(params);
            answer.bytes = bytes(lt::string_view(encoded.data(), encoded.size()));
        };
    case Kind::IpFilter:
        return ip_filter(session);
    case Kind::SetIpFilter:
        return set_ip_filter(session, request, bounds);
    case Kind::Ban:
        return ban(session, std::string(request.text));
    case Kind::PauseAll:
        session.pause();
        return done;
    case Kind::ResumeAll:
        session.resume();
        return done;
    case Kind::AllPaused:
        return [paused = session.is_paused()](AnswerRecord& answer) { answer.number = paused; };
    case Kind::SetPortFilter:
        return set_port_filter(session, request);
    case Kind::AddDhtNode: {
        std::string const host(request.text);
        if (!bounds.web_seed("http://" + host + "/"))
            throw std::invalid_argument(host + ": " + bounds.reason());
        session.add_dht_node({host, static_cast<int>(request.number)});
        return done;
    }
    case Kind::DhtRunning:
        return [runs = session.is_dht_running()](AnswerRecord& answer) { answer.number = runs; };
    case Kind::MapPort:
        return map_port(session, request);
    case Kind::UnmapPort:
        session.delete_port_mapping(lt::port_mapping_t(static_cast<int>(request.number)));
        return done;
    case Kind::ReopenSockets:
        session.reopen_network_sockets();
        return done;
    case Kind::CreatePeerClass:
        return [created = session.create_peer_class(std::string(request.text).c_str())](
                   AnswerRecord& answer) { answer.number = static_cast<std::uint32_t>(created); };
    case Kind::RemovePeerClass:
        session.delete_peer_class(peer_class(session, request));
        return done;
    case Kind::PeerClass:
        return get_peer_class(session, request);
    case Kind::SetPeerClass:
        return set_peer_class(session, request);
    case Kind::PeerClassRanges:
        return peer_class_ranges(session);
    case Kind::SetPeerClassRanges:
        return set_peer_class_ranges(session, request);
    default:
        throw std::invalid_argument("no request about the session");
    }
}

void Awaited::add(RequestRecord const& request) {
    By by;
    switch (request.kind) {
    case RequestKind::RenameFile:
        by = By::Renamed;
        break;
    case RequestKind::MoveStorage:
        by = By::Moved;
        break;
    case RequestKind::Metainfo:
    case RequestKind::ResumeData:
    case RequestKind::ResumeDataIfChanged:
        by = By::Saved;
        break;
    case RequestKind::ReadPiece:
        by = By::Read;
        break;
    case RequestKind::FilePriority:
    case RequestKind::FilePriorities:
        by = By::Chosen;
        break;
    default:
        return;
    }
    bool const indexed = by == By::Renamed || by == By::Read;
    Key const key{by, request.torrent, indexed ? request.index : 0};
    entries_[key].push_back(AwaitedRequest{request.request, request.kind, request.own});
    keys_.emplace(request.request, key);
}

AwaitedRequest Awaited::pop(Key const& key) {
    auto const found = entries_.find(key);
    if (found == entries_.end())
        return {};
    AwaitedRequest const first = found->second.front();
    found->second.erase(found->second.begin());
    if (found->second.empty())
        entries_.erase(found);
    keys_.erase(first.request);
    return first;
}

void Awaited::forget(std::uint64_t request) {
    auto const known = keys_.find(request);
    if (known == keys_.end())
        return;
    auto const found = entries_.find(known->second);
    auto& entries = found->second;
    entries.erase(
        std::remove_if(entries.begin(), entries.end(),
                       [request](AwaitedRequest const& e) { return e.request == request; }),
        entries.end());
    if (entries.empty())
        entries_.erase(found);
    keys_.erase(known);
}

void Awaited::forget_torrent(std::uint64_t torrent) {
    auto const first = entries_.lower_bound(Key{By::Renamed, torrent, 0});
    auto last = first;
    for (; last != entries_.end() && last->first.torrent == torrent; ++last)
        for (AwaitedRequest const& entry : last->second)
            keys_.erase(entry.request);
    entries_.erase(first, last);
}

std::vector<AwaitedRequest> Awaited::take_all() {
    std::vector<AwaitedRequest> all;
    for (auto const& [key, entries] : entries_)
        all.insert(all.end(), entries.begin(), entries.end());
    entries_.clear();
    keys_.clear();
    return all;
}

void Session::request(RequestRecord request) {
    // std::function and post() want what can be copied.
    auto asked = std::make_shared<RequestRecord>(std::move(request));
    bool const chooses =
        asked->kind == RequestKind::FilePriority || asked->kind == RequestKind::FilePriorities;
    if (!chooses)
        return hand_over(asked);
    handle(asked->torrent);
    auto& queue = choosing_[asked->torrent];
    queue.push_back(asked);
    if (queue.size() == 1)
        hand_over(asked);
}

// libtorrent chooses among files by way of the disk, and what is chosen meanwhile it puts together:
// one choice at a time has one answer.
void Session::choose_next(std::uint64_t torrent) {
    auto const found = choosing_.find(torrent);
    if (found == choosing_.end())
        return;
    found->second.pop_front();
    if (found->second.empty())
        choosing_.erase(found);
    else
        hand_over(found->second.front());
}

void Session::hand_over(std::shared_ptr<RequestRecord> asked) {
    lt::torrent_handle torrent;
    if (asked->torrent != 0)
        torrent = handle(asked->torrent);
    awaited_->add(*asked);
    on_network_thread(
        [asked, torrent, session = lt::session_handle(session_), bounds = *bounds_](Gathered& out) {
            out.request = asked->request;
            out.kind = asked->kind;
            out.torrent = asked->torrent;
            out.finish = asked->torrent != 0 ? carry_out(torrent, *asked, bounds)
                                             : carry_out(session, *asked, bounds);
        });
}

void Session::request_every_status() {
    on_network_thread([session = lt::session_handle(session_)](Gathered& out) {
        out.is_census = true;
        auto const all = [](lt::torrent_status const&) { return true; };
        out.statuses = session.get_torrent_status(all, {});
    });
}

void Session::on_network_thread(std::function<void(Gathered&)> work) {
    boost::asio::post(session_.get_context(),
                      [answers = answers_, waker = waker_, work = std::move(work)] {
                          Gathered gathered;
                          try {
                              work(gathered);
                          } catch (...) {
                              gathered.failure = std::current_exception();
                          }
                          // Else an alert brings the answer.
                          if (gathered.finish || gathered.failure || gathered.is_census)
                              answers->put(std::move(gathered));
                          (*waker)->wake();
                      });
}

namespace {

AnswerRecord answer(RequestKind kind, std::uint64_t request) {
    AnswerRecord out{};
    out.kind = kind;
    out.request = request;
    return out;
}

} // namespace

void Session::take_answers(Drained& out) {
    for (Gathered& gathered : answers_->take()) {
        if (gathered.is_census) {
            take_census(std::move(gathered.statuses), out);
            continue;
        }
        AnswerRecord record = answer(gathered.kind, gathered.request);
        try {
            if (gathered.failure) {
                awaited_->forget(gathered.request);
                if (gathered.kind == RequestKind::FilePriority ||
                    gathered.kind == RequestKind::FilePriorities)
                    choose_next(gathered.torrent);
                std::rethrow_exception(gathered.failure);
            }
            gathered.finish(record);
        } catch (...) {
            record = answer(gathered.kind, gathered.request);
            record.error = current_exception();
        }
        out.answers.push_back(std::move(record));
    }
}

void Session::answer_awaited(AwaitedRequest const& entry, lt::error_code const& failure,
                             rust::Vec<std::uint8_t> bytes, Drained& out) {
    if (entry.request == 0)
        return;
    AnswerRecord record = answer(entry.kind, entry.request);
    record.error = error(failure);
    record.bytes = std::move(bytes);
    out.answers.push_back(std::move(record));
}

// Alerts were lost, and with them perhaps the answers.
void Session::give_up_awaited(Drained& out) {
    for (auto const& [torrent, queue] : std::exchange(choosing_, {}))
        for (std::size_t i = 1; i < queue.size(); ++i)
            awaited_->add(*queue[i]);
    for (AwaitedRequest const& entry : awaited_->take_all()) {
        AnswerRecord record = answer(entry.kind, entry.request);
        record.error = NativeError{"busy", 0, "libtorrent lost its answer under load"};
        out.answers.push_back(std::move(record));
    }
}

} // namespace patron
