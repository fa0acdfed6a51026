#include "torrent-patron/cpp/disk/read/file_spans.hpp"
#include "torrent-patron/cpp/disk/read/file.hpp"

#include <boost/asio/post.hpp>

#include <algorithm>
#include <utility>

namespace patron {
namespace {

// From this size on, another thread reads faster than the network thread does block by block.
constexpr std::ptrdiff_t min_size = 512 * 1024;

std::shared_ptr<OpenView> view_of(Views const* views, lt::file_index_t file) {
    if (views == nullptr)
        return nullptr;
    auto const view = views->find(file);
    return view != views->end() ? view->second.lock() : nullptr;
}

lt::piece_index_t piece_at(TorrentFiles const& torrent, std::int64_t offset) {
    return lt::piece_index_t(static_cast<int>(offset / torrent.files.piece_length()));
}

// Reads a file to which libtorrent writes, so that its time does not show whether it is the right
// one.
std::function<bool()> incomplete_file(TorrentFiles const& torrent, lt::file_index_t file,
                                      std::int64_t offset, lt::span<char> to,
                                      std::shared_ptr<OpenView> const& view) {
    auto const& samples = torrent.details().samples;
    auto const sample = samples.find(file);
    if (sample == samples.end())
        return nullptr;
    std::int64_t const begin = torrent.files.file_offset(file) + offset;
    for (auto piece = piece_at(torrent, begin); piece <= piece_at(torrent, begin + to.size() - 1);
         ++piece)
        if (!torrent.is_written(piece))
            return nullptr;
    auto const period = view ? view->begin(torrent) : OpenView::Period();
    return [path = torrent.names.path(file, *torrent.path), last = sample->second.last, offset, to,
            view, period] {
        auto const open = std::make_shared<Descriptor const>(path);
        if (!open->is_open() || !contains(*open, last, false) ||
            read_all(open->number(), to.data(), static_cast<int>(to.size()), offset))
            return false;
        if (view)
            view->set(period, open);
        return true;
    };
}

} // namespace

FileSpans::Read FileSpans::complete_file(TorrentFiles const& torrent, OpenFiles::Torrent& files,
                                         lt::file_index_t index, std::int64_t offset,
                                         lt::span<char> to, std::shared_ptr<OpenView> const& view) {
    bool const is_short = to.size() < min_size;
    if (is_short && !view)
        return nullptr;
    File* const file = open_files_.use(torrent, files, index, clock::now());
    if (file == nullptr)
        return nullptr;
    if (view) {
        view->begin(torrent);
        view->set(file->shared_from_this());
    }
    if (is_short)
        return nullptr;
    return [file = file->shared_from_this(), offset, to] {
        file->open();
        auto const size = static_cast<int>(to.size());
        // Otherwise the blocks are read one by one, hashed before if necessary.
        return file->state() == File::State::open && !file->is_doubtful() &&
               !file->read(to.data(), size, offset, size);
    };
}

bool FileSpans::read(TorrentFiles const& torrent, OpenFiles::Torrent& files, Views const* views,
                     std::int64_t begin, lt::span<char> to, std::function<void(bool)> then) {
    if (to.empty())
        return false;
    lt::file_index_t const file = torrent.files.file_index_at_offset(begin);
    std::int64_t const offset = begin - torrent.files.file_offset(file);
    if (!torrent.is_downloaded(file) || offset + to.size() > torrent.files.file_size(file))
        return false;
    auto const view = view_of(views, file);
    auto read = torrent.is_downloading() ? incomplete_file(torrent, file, offset, to, view)
                                         : complete_file(torrent, files, file, offset, to, view);
    if (!read)
        return false;
    auto task = [&network = network_, counters = counters_, read = std::move(read),
                 size = to.size(), then = std::move(then),
                 work = WorkGuard(network_.get_executor())](bool stopped) mutable {
        if (stopped || !read())
            return boost::asio::post(
                network, [then = std::move(then), work = std::move(work)] { then(false); });
        auto const bytes = static_cast<std::uint64_t>(size);
        add(counters->cold_blocks, (bytes + lt::default_block_size - 1) / lt::default_block_size);
        add(counters->cold_bytes, bytes);
        then(true);
    };
    return pool_->run(task_key(torrent.inner, static_cast<int>(piece_at(torrent, begin))),
                      std::move(task));
}

} // namespace patron
