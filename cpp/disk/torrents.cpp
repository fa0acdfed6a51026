#include "torrent-patron/cpp/disk/torrents.hpp"

#include <utility>

namespace patron {

TorrentFiles::TorrentFiles(lt::storage_params const& params, std::uint64_t torrent,
                           std::shared_ptr<std::string const> save_path)
    : files(params.files), names(params), path(std::move(save_path)), id(torrent),
      hash(params.info_hash) {
    set_priorities(params.priorities);
}

void TorrentFiles::set_priorities(Priorities const& priorities) {
    bool partial = false;
    for (auto const i : files.file_range())
        partial = partial || (patron::is_skipped(priorities, i) && has_data(files, i));
    if (partial)
        make_details().priorities = priorities;
    else if (details_)
        details_->priorities = {};
}

template <typename Predicate>
std::vector<ExpectedFile> TorrentFiles::files_that(Predicate is) const {
    std::vector<ExpectedFile> out;
    for (auto const i : files.file_range())
        if (is(i))
            out.push_back({i, names.path(i, *path), files.file_offset(i), files.file_size(i)});
    return out;
}

std::vector<ExpectedFile> TorrentFiles::wanted_files() const {
    return files_that([this](auto const i) { return is_downloaded(i); });
}

std::vector<ExpectedFile> TorrentFiles::created_files() const {
    return files_that([this](auto const i) {
        return !files.pad_file_at(i) && !is_skipped(i) &&
               !(files.file_flags(i) & lt::file_storage::flag_symlink);
    });
}

void TorrentFiles::release_files() {
    if (reader)
        reader->release_files();
}

void TorrentFiles::piece_changed(lt::piece_index_t piece) const {
    if (reader)
        reader->piece_changed(*this, piece);
}

void TorrentFiles::add_sample(lt::file_index_t file, Sample const& written) {
    make_details()
        .samples.try_emplace(file, Details::Samples{written.offset, {}})
        .first->second.last = written;
}

void TorrentFiles::forget_samples() {
    if (!details_)
        return;
    details_->samples.clear();
    details_->failed.clear();
    if (details_->priorities.empty() && details_->conflicts.empty() && details_->refused.empty() &&
        details_->open_writes.empty() && details_->waiting.empty())
        details_.reset();
}

void TorrentFiles::begin_write(lt::piece_index_t piece) {
    make_details().failed.erase(piece);
    ++make_details().open_writes[piece];
    ++writes;
}

void TorrentFiles::end_write(lt::piece_index_t piece) {
    auto const open = make_details().open_writes.find(piece);
    if (--open->second > 0)
        return;
    make_details().open_writes.erase(open);
    while (auto const next = make_details().waiting.extract(piece))
        next.mapped()();
}

void TorrentFiles::after_writes(lt::piece_index_t piece, std::function<void()> then) {
    if (!compat::hashes_written_pieces || details().open_writes.count(piece) == 0)
        then();
    else
        make_details().waiting.emplace(piece, std::move(then));
}

void Torrents::add(std::shared_ptr<TorrentFiles> torrent) {
    lt::storage_index_t const index = torrent->inner;
    std::size_t const place = static_cast<std::uint32_t>(index);
    if (place >= torrents_.size())
        torrents_.resize(place + 1);
    paths_->add(*torrent);
    torrents_[place] = std::move(torrent);
}

std::shared_ptr<std::string const> const& Torrents::shared(std::string const& path) {
    if (!path_ || *path_ != path)
        path_ = std::make_shared<std::string const>(path);
    return path_;
}

std::shared_ptr<TorrentFiles> Torrents::remove(lt::storage_index_t index) {
    auto torrent = std::exchange(torrents_[static_cast<std::uint32_t>(index)], nullptr);
    paths_->remove(*torrent);
    return torrent;
}

void Torrents::moved(std::shared_ptr<TorrentFiles> const& torrent, std::string const& path) {
    // It was removed in the meantime.
    if (torrent->inner)
        paths_->move(*torrent, shared(path));
}

void Torrents::renamed(std::shared_ptr<TorrentFiles> const& torrent, lt::file_index_t file,
                       std::string const& name) {
    // It was removed in the meantime.
    if (torrent->inner)
        paths_->rename(*torrent, file, name);
}

} // namespace patron
