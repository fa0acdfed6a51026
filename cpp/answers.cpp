// How a request gets to the network thread, and its answer back.
#include "torrent-patron/cpp/convert.hpp"
#include "torrent-patron/cpp/requests.hpp"

#include <boost/asio/post.hpp>

#include <algorithm>
#include <utility>

namespace patron {

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
