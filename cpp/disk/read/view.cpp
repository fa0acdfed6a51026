#include "torrent-patron/cpp/disk/read/view.hpp"
#include "torrent-patron/cpp/session/internals.hpp"

#include <libtorrent/bitfield.hpp>
#include <libtorrent/torrent_handle.hpp>
#include <libtorrent/torrent_status.hpp>

#include <algorithm>
#include <array>
#include <cerrno>
#include <string>

#include <fcntl.h>
#include <unistd.h>

namespace patron {
namespace {

// How long a complete file is read before it is checked again.
constexpr std::chrono::seconds check_interval{1};

int piece_at(std::int64_t offset, std::int64_t piece_length) {
    return static_cast<int>(offset / piece_length);
}

} // namespace

// Non-blocking, because opening a pipe would wait for a writer.
Descriptor::Descriptor(std::string const& path)
    : number_(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)) {}

Descriptor::~Descriptor() {
    if (is_open())
        ::close(number_);
}

bool contains(Descriptor const& file, Sample const& sample, bool at_once) noexcept {
    std::array<char, sizeof(sample.bytes)> found;
    lt::span<char> const to(found.data(), sample.length);
    bool const read = at_once ? read_in_memory(file.number(), to, sample.offset) ==
                                    static_cast<std::size_t>(sample.length)
                              : !read_all(file.number(), to.data(), sample.length, sample.offset);
    return read && std::equal(to.begin(), to.end(), sample.bytes.begin());
}

OpenView::OpenView(TorrentFiles const& torrent, lt::file_index_t file,
                   std::shared_ptr<ReadCounters> counters)
    : file_(file), begin_(torrent.files.file_offset(file)), size_(torrent.files.file_size(file)),
      piece_length_(torrent.files.piece_length()), first_(piece_at(begin_, piece_length_)),
      count_(size_ == 0 ? 0
                        : static_cast<std::size_t>(piece_at(begin_ + size_ - 1, piece_length_) -
                                                   static_cast<int>(first_) + 1)),
      counters_(std::move(counters)) {}

std::size_t OpenView::read(std::uint64_t offset, rust::Slice<std::uint8_t> to) const noexcept {
    auto const begin = static_cast<std::int64_t>(offset);
    Source source;
    Period period = 0;
    std::int64_t length = 0;
    {
        std::lock_guard<std::mutex> const lock(mutex_);
        length = available(begin, static_cast<std::int64_t>(to.size()));
        if (length == 0)
            return 0;
        source = source_;
        period = period_;
    }
    std::size_t const read = source.read(
        {reinterpret_cast<char*>(to.data()), static_cast<std::ptrdiff_t>(length)}, begin);
    std::lock_guard<std::mutex> const lock(mutex_);
    if (read == 0 || period != period_)
        return 0;
    add(counters_->copied_blocks, (read + lt::default_block_size - 1) / lt::default_block_size);
    add(counters_->copied_bytes, read);
    return read;
}

// Returns how many bytes are in pieces that can be read.
std::int64_t OpenView::available(std::int64_t offset, std::int64_t length) const {
    if (pieces_.empty() || offset < 0 || offset >= size_)
        return 0;
    std::int64_t const end = begin_ + offset + std::min(length, size_ - offset);
    std::int64_t at = begin_ + offset;
    while (at < end) {
        int const piece = piece_at(at, piece_length_);
        if (!pieces_[static_cast<std::size_t>(piece - static_cast<int>(first_))])
            break;
        at = (piece + 1) * piece_length_;
    }
    return std::max<std::int64_t>(std::min(at, end) - begin_ - offset, 0);
}

std::size_t OpenView::Source::read(lt::span<char> to, std::int64_t offset) const noexcept {
    if (incomplete)
        return contains(*incomplete, last, true) ? read_in_memory(incomplete->number(), to, offset)
                                                 : 0;
    auto const file = complete.lock();
    if (!file || Clock::now() > until || file->state() != File::State::open ||
        !file->reads_resident())
        return 0;
    std::size_t const read = file->read_in_memory(to, offset);
    // Then it was the right file when it was read.
    bool const is_unchanged =
        file->state() == File::State::open && !file->is_doubtful() && file->is_as_checked();
    return is_unchanged ? read : 0;
}

OpenView::Period OpenView::begin(TorrentFiles const& torrent) {
    if (!pieces_.empty()) {
        std::lock_guard<std::mutex> const lock(mutex_);
        take_sample(torrent);
        return period_;
    }
    auto const handle = internals::handle(torrent.owner);
    auto const have = handle.is_valid() ? handle.status(lt::torrent_handle::query_pieces).pieces
                                        : lt::typed_bitfield<lt::piece_index_t>();
    std::vector<bool> pieces(count_);
    for (std::size_t i = 0; i < count_; ++i) {
        lt::piece_index_t const piece(static_cast<int>(first_) + static_cast<int>(i));
        pieces[i] = piece < have.end_index() && have[piece] && torrent.is_written(piece);
    }
    std::lock_guard<std::mutex> const lock(mutex_);
    pieces_ = std::move(pieces);
    take_sample(torrent);
    return period_;
}

void OpenView::set(std::shared_ptr<File> const& file) {
    std::lock_guard<std::mutex> const lock(mutex_);
    source_.complete = file;
    source_.until = Clock::now() + check_interval;
    source_.incomplete = nullptr;
}

void OpenView::set(Period period, std::shared_ptr<Descriptor const> file) {
    std::lock_guard<std::mutex> const lock(mutex_);
    if (period == period_)
        source_.incomplete.swap(file);
}

void OpenView::piece_changed(TorrentFiles const& torrent, lt::piece_index_t piece) {
    auto const number =
        static_cast<std::size_t>(static_cast<int>(piece) - static_cast<int>(first_));
    if (number >= pieces_.size() || pieces_[number] || !torrent.is_written(piece))
        return;
    auto const handle = internals::handle(torrent.owner);
    if (!handle.is_valid() || !handle.have_piece(piece))
        return;
    std::lock_guard<std::mutex> const lock(mutex_);
    pieces_[number] = true;
    take_sample(torrent);
}

// The sample is never older than the pieces.
void OpenView::take_sample(TorrentFiles const& torrent) {
    auto const& samples = torrent.details().samples;
    if (auto const sample = samples.find(file_); sample != samples.end())
        source_.last = sample->second.last;
}

void OpenView::reset() noexcept {
    Source closed;
    std::lock_guard<std::mutex> const lock(mutex_);
    ++period_;
    pieces_.clear();
    std::swap(closed, source_);
}

} // namespace patron
