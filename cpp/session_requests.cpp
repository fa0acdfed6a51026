// Requests about the session as a whole, and how any request gets to the network thread and back.
#include "torrent-patron/cpp/convert.hpp"
#include "torrent-patron/cpp/requests.hpp"

#include <libtorrent/ip_filter.hpp>
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
                     bool loopback_only) {
    lt::ip_filter filter;
    for (std::size_t i = 0; i + 1 < request.texts.size(); i += 2)
        filter.add_rule(lt::make_address(std::string(request.texts[i])),
                        lt::make_address(std::string(request.texts[i + 1])),
                        lt::ip_filter::blocked);
    if (loopback_only)
        block_all_but_loopback(filter);
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

} // namespace

Finish carry_out(lt::session_handle session, RequestRecord& request, bool loopback_only) {
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
        return set_ip_filter(session, request, loopback_only);
    case Kind::Ban:
        return ban(session, std::string(request.text));
    case Kind::PauseAll:
        session.pause();
        return done;
    case Kind::ResumeAll:
        session.resume();
        return done;
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
    default:
        return;
    }
    bool const indexed = by == By::Renamed || by == By::Read;
    Key const key{by, request.torrent, indexed ? request.index : 0};
    entries_[key].push_back(AwaitedRequest{request.request, request.kind});
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
    lt::torrent_handle torrent;
    if (request.torrent != 0)
        torrent = handle(request.torrent);
    awaited_->add(request);
    // std::function and post() want what can be copied.
    auto asked = std::make_shared<RequestRecord>(std::move(request));
    on_network_thread([asked, torrent, session = lt::session_handle(session_),
                       loopback_only = loopback_only_](Gathered& out) {
        out.request = asked->request;
        out.kind = asked->kind;
        out.finish = asked->torrent != 0 ? carry_out(torrent, *asked, loopback_only)
                                         : carry_out(session, *asked, loopback_only);
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
    for (AwaitedRequest const& entry : awaited_->take_all()) {
        AnswerRecord record = answer(entry.kind, entry.request);
        record.error = NativeError{"busy", 0, "libtorrent lost its answer under load"};
        out.answers.push_back(std::move(record));
    }
}

} // namespace patron
