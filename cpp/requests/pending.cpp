#include "torrent-patron/cpp/requests/pending.hpp"

#include <algorithm>
#include <utility>

namespace patron {
namespace {

PendingAlerts::Key key(AnsweredBy by, std::uint64_t torrent, std::int64_t index) {
    if (by == AnsweredBy::Metainfo || by == AnsweredBy::Progress)
        by = AnsweredBy::ResumeData;
    bool const indexed = by == AnsweredBy::FileRenamed || by == AnsweredBy::PieceRead;
    return {by, torrent, indexed ? index : 0};
}

} // namespace

void PendingAlerts::add(std::uint64_t torrent, std::int64_t index, PendingRequest request) {
    Key const where = key(request.by, torrent, index);
    keys_.emplace(request.request, where);
    entries_[where].push_back(std::move(request));
}

PendingRequest PendingAlerts::pop(Key wanted) {
    auto const found = entries_.find(key(wanted.by, wanted.torrent, wanted.index));
    if (found == entries_.end())
        return {};
    PendingRequest first = std::move(found->second.front());
    found->second.pop_front();
    if (found->second.empty())
        entries_.erase(found);
    keys_.erase(first.request);
    return first;
}

std::uint64_t PendingAlerts::forget(std::uint64_t request) {
    auto const known = keys_.find(request);
    if (known == keys_.end())
        return 0;
    Key const where = known->second;
    auto const found = entries_.find(where);
    auto& entries = found->second;
    entries.erase(
        std::remove_if(entries.begin(), entries.end(),
                       [request](PendingRequest const& e) { return e.request == request; }),
        entries.end());
    if (entries.empty())
        entries_.erase(found);
    keys_.erase(known);
    return where.by == AnsweredBy::FilesChosen ? where.torrent : 0;
}

void PendingAlerts::forget_torrent(std::uint64_t torrent) {
    auto const first = entries_.lower_bound(Key{AnsweredBy{}, torrent, 0});
    auto last = first;
    for (; last != entries_.end() && last->first.torrent == torrent; ++last)
        for (PendingRequest const& entry : last->second)
            keys_.erase(entry.request);
    entries_.erase(first, last);
}

std::vector<PendingRequest> PendingAlerts::take_lost() {
    std::vector<PendingRequest> lost;
    for (auto next = entries_.begin(); next != entries_.end();) {
        auto const entry = next++;
        if (entry->first.by == AnsweredBy::FilesMoved)
            continue;
        for (PendingRequest& request : entry->second) {
            keys_.erase(request.request);
            lost.push_back(std::move(request));
        }
        entries_.erase(entry);
    }
    return lost;
}

} // namespace patron
