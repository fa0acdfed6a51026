#include "torrent-patron/cpp/disk/torrents.hpp"

#include <utility>

namespace patron {

TorrentFiles::TorrentFiles(lt::storage_params const& params)
    : files(params.files), names(params), path(params.path), hash(params.info_hash) {
    set_priorities(params.priorities);
}

void TorrentFiles::set_priorities(Priorities const& priorities) {
    priorities_ = priorities;
    bool partial = false;
    for (auto const i : files.file_range())
        partial = partial || (is_skipped(i) && has_data(files, i));
    if (!partial)
        priorities_ = {};
}

std::vector<ExpectedFile> TorrentFiles::wanted_files() const {
    std::vector<ExpectedFile> out;
    for (auto const i : files.file_range())
        if (is_downloaded(i))
            out.push_back({names.path(i, path), files.file_size(i)});
    return out;
}

void TorrentFiles::release_files() {
    if (reader)
        reader->release_files();
}

void TorrentFiles::begin_write(lt::piece_index_t piece) {
    ++open_writes_[piece];
    ++writes;
}

void TorrentFiles::end_write(lt::piece_index_t piece) {
    auto const open = open_writes_.find(piece);
    if (--open->second > 0)
        return;
    open_writes_.erase(open);
    for (auto next = waiting_.find(piece); next != waiting_.end(); next = waiting_.find(piece)) {
        auto const then = std::move(next->second);
        waiting_.erase(next);
        then();
    }
}

void TorrentFiles::after_writes(lt::piece_index_t piece, std::function<void()> then) {
    if (!compat::hashes_written_pieces || open_writes_.count(piece) == 0)
        then();
    else
        waiting_.emplace(piece, std::move(then));
}

void Torrents::add(std::shared_ptr<TorrentFiles> torrent) {
    lt::storage_index_t const index = torrent->inner;
    std::size_t const place = static_cast<std::uint32_t>(index);
    if (place >= torrents_.size())
        torrents_.resize(place + 1);
    torrent->order = added_++;
    paths_.add(torrent);
    torrents_[place] = std::move(torrent);
}

std::shared_ptr<TorrentFiles> Torrents::remove(lt::storage_index_t index) {
    auto torrent = std::exchange(torrents_[static_cast<std::uint32_t>(index)], nullptr);
    paths_.remove(*torrent);
    return torrent;
}

void Torrents::moved(std::shared_ptr<TorrentFiles> const& torrent, std::string const& path) {
    // It was removed in the meantime.
    if (!torrent->inner)
        return;
    paths_.remove(*torrent);
    torrent->path = path;
    paths_.add(torrent);
}

void Torrents::renamed(std::shared_ptr<TorrentFiles> const& torrent, lt::file_index_t file,
                       std::string const& name) {
    // It was removed in the meantime.
    if (!torrent->inner)
        return;
    std::string const before = torrent->names.path(file, torrent->path);
    torrent->names.rename(file, name);
    paths_.rename(torrent, file, before, torrent->names.path(file, torrent->path));
}

} // namespace patron
