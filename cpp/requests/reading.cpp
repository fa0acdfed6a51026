// Reading files while they download.
#include "torrent-patron/cpp/compat.hpp"
#include "torrent-patron/cpp/convert.hpp"
#include "torrent-patron/cpp/requests/read_torrents.hpp"
#include "torrent-patron/cpp/requests/torrent.hpp"
#include "torrent-patron/cpp/session/internals.hpp"
#include "torrent-patron/src/sys/range.rs.h"

#include <libtorrent/disk_interface.hpp>
#include <libtorrent/download_priority.hpp>
#include <libtorrent/peer_request.hpp>
#include <libtorrent/torrent_info.hpp>
#include <libtorrent/torrent_status.hpp>

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace patron {
namespace {

PartStateRecord part_state(Torrent const& torrent, lt::torrent_info const& info, SpanRecord span) {
    check_settled(torrent, "the files are still being checked");
    lt::torrent_status const status = torrent.status(lt::torrent_handle::query_pieces);
    auto const levels = torrent.get_piece_priorities();
    PartStateRecord out{};
    out.span = span;
    out.piece_length = info.piece_length();
    auto const pieces = static_cast<std::size_t>(info.num_pieces());
    out.have.reserve(pieces);
    out.levels.reserve(pieces);
    for (int i = 0; i < info.num_pieces(); ++i) {
        out.have.push_back(has_piece(status, i));
        out.levels.push_back(static_cast<std::uint8_t>(level(levels, i)));
    }
    // libtorrent 2.0 announces a piece when it is written, and it cannot be read before; 2.1, when
    // it is verified. The status has the verified ones.
    for (lt::partial_piece_info const& partial : torrent.get_download_queue())
        out.have[static_cast<std::size_t>(static_cast<int>(partial.piece_index))] =
            torrent.have_piece(partial.piece_index) ? 1 : 0;
    return out;
}

std::string file_name(lt::torrent_info const& info, lt::file_index_t file) {
    auto const& layout = compat::files(info);
    bool const known = file >= lt::file_index_t(0) && file < layout.end_file();
    return known ? layout.file_path(file) : std::string();
}

// Read in one turn of the network thread: peers are served in between.
constexpr std::size_t blocks_at_once = 256;

// A read of several blocks. On the network thread, except for the end of a read of all at once.
class RangeRead : public std::enable_shared_from_this<RangeRead> {
  public:
    RangeRead(lt::torrent_handle torrent, std::uint64_t begin, rust::Box<RangeSink> sink)
        : torrent_(std::move(torrent)), begin_(begin), sink_(std::move(sink)) {}

    void start(std::shared_ptr<lt::torrent_info const> info, std::vector<lt::peer_request> blocks) {
        info_ = std::move(info);
        blocks_ = std::move(blocks);
        if (!read_at_once())
            read_next();
    }
    void fail() noexcept { sink_->fail({}, current_exception()); }

  private:
    bool read_at_once() {
        rust::Slice<std::uint8_t> const space = sink_->space();
        lt::span<char> const to{reinterpret_cast<char*>(space.data()),
                                static_cast<std::ptrdiff_t>(space.size())};
        auto const begin = static_cast<std::int64_t>(begin_);
        return internals::read_span(torrent_, begin, to, [self = shared_from_this()](bool read) {
            if (read)
                self->sink_->finish();
            else
                self->read_next();
        });
    }
    void read_next() noexcept {
        try {
            auto const first = blocks_.begin() + static_cast<std::ptrdiff_t>(next_);
            missing_ = std::min(blocks_.size() - next_, blocks_at_once);
            next_ += missing_;
            if (missing_ == 0)
                return sink_->finish();
            internals::read_blocks(torrent_, {first, first + static_cast<std::ptrdiff_t>(missing_)},
                                   [self = shared_from_this()](
                                       auto const& block, auto const& buffer, auto const& failure) {
                                       self->take(block, buffer, failure);
                                   });
        } catch (...) {
            fail();
        }
    }
    void take(lt::peer_request const& block, lt::disk_buffer_holder const& buffer,
              lt::storage_error const& failure) {
        if (failure.ec)
            return sink_->fail(text(file_name(*info_, failure.file())), error(failure.ec));
        auto const at = static_cast<std::uint64_t>(static_cast<int>(block.piece)) *
                            static_cast<std::uint64_t>(info_->piece_length()) +
                        static_cast<std::uint64_t>(block.start) - begin_;
        auto const* data = reinterpret_cast<std::uint8_t const*>(buffer.data());
        sink_->put(static_cast<std::size_t>(at), {data, static_cast<std::size_t>(block.length)});
        if (--missing_ > 0)
            return;
        // A torrent that has been removed fails there.
        auto const session = internals::session_of(torrent_);
        if (next_ == blocks_.size() || !session.is_valid())
            return read_next();
        internals::post(session, [self = shared_from_this()] { self->read_next(); });
    }

    lt::torrent_handle const torrent_;
    std::uint64_t const begin_;
    rust::Box<RangeSink> sink_;
    std::shared_ptr<lt::torrent_info const> info_;
    std::vector<lt::peer_request> blocks_;
    // The first block that has not been requested, and how many have not arrived.
    std::size_t next_ = 0;
    std::size_t missing_ = 0;
};

} // namespace

PartStateRecord Torrent::file_state(std::uint32_t index) const {
    auto const info = metainfo(*this);
    lt::file_index_t const wanted = file(*info, index);
    auto const& layout = compat::files(*info);
    return part_state(*this, *info, {layout.file_offset(wanted), layout.file_size(wanted)});
}

PartStateRecord Torrent::piece_state(std::uint32_t index) const {
    auto const info = metainfo(*this);
    lt::piece_index_t const wanted = piece(*info, index);
    return part_state(*this, *info,
                      {std::int64_t(index) * info->piece_length(), info->piece_size(wanted)});
}

std::shared_ptr<FileView> Torrent::file_view(std::uint32_t index) const {
    return internals::view(*this, file(*metainfo(*this), index));
}

// When the first deadline is set, libtorrent cancels all requests for pieces without a deadline,
// after this task has ended.
void Torrent::steer(rust::Slice<std::uint32_t const> dropped,
                    rust::Slice<PieceDeadline const> deadlines,
                    rust::Slice<PieceLevel const> levels, Requests requests) const {
    auto const info = metainfo(*this);
    for (std::uint32_t const index : dropped)
        reset_piece_deadline(piece(*info, index));
    for (PieceDeadline const& deadline : deadlines)
        set_piece_deadline(piece(*info, deadline.piece), static_cast<int>(deadline.milliseconds));
    std::vector<std::pair<lt::piece_index_t, lt::download_priority_t>> wanted;
    wanted.reserve(levels.size());
    for (PieceLevel const& one : levels)
        wanted.emplace_back(piece(*info, one.piece), lt::download_priority_t(one.level));
    if (!wanted.empty())
        prioritize_pieces(wanted);
    read_.read(*this, requests == Requests::Shallow);
}

void Torrent::read_file(std::uint32_t index, std::uint64_t begin, std::uint64_t length,
                        rust::Box<RangeSink> sink) const noexcept {
    try {
        auto const info = metainfo(*this);
        lt::file_index_t const wanted = file(*info, index);
        auto const& layout = compat::files(*info);
        auto const size = static_cast<std::uint64_t>(layout.file_size(wanted));
        if (begin > size || length > size - begin)
            refuse("bytes " + std::to_string(begin) + " to " + std::to_string(begin + length) +
                   ": the file has " + std::to_string(size));
        begin += static_cast<std::uint64_t>(layout.file_offset(wanted));
        check_here(begin, length);
    } catch (...) {
        return sink->fail({}, current_exception());
    }
    read_bytes(begin, length, std::move(sink));
}

// Throws if a piece of the range is missing.
void Torrent::check_here(std::uint64_t begin, std::uint64_t length) const {
    auto const info = metainfo(*this);
    auto const piece_length = static_cast<std::uint64_t>(info->piece_length());
    auto const whole = static_cast<std::uint64_t>(info->total_size());
    if (begin > whole || length > whole - begin)
        refuse("the torrent has " + std::to_string(whole) + " bytes");
    if (length == 0)
        return;
    for (auto index = begin / piece_length; index <= (begin + length - 1) / piece_length; ++index)
        if (!have_piece(lt::piece_index_t(static_cast<int>(index))))
            throw NotDownloaded("piece " + std::to_string(index) + " has not been downloaded yet");
}

// Reads a range that is here, through the disk backend, because verified data may not be in the
// file yet.
void Torrent::read_bytes(std::uint64_t begin, std::uint64_t length,
                         rust::Box<RangeSink> sink) const noexcept {
    std::shared_ptr<RangeRead> read;
    try {
        read = std::make_shared<RangeRead>(*this, begin, std::move(sink));
    } catch (...) {
        // The sink reports that it was dropped.
        return;
    }
    try {
        auto const info = metainfo(*this);
        auto const piece_length = static_cast<std::uint64_t>(info->piece_length());
        std::vector<lt::peer_request> blocks;
        for (std::uint64_t at = begin, end = begin + length; at < end;) {
            lt::piece_index_t const wanted(static_cast<int>(at / piece_length));
            auto const start = static_cast<int>(at % piece_length);
            // At most to the end of the block, because disk backends accept no more.
            int const block = lt::default_block_size - start % lt::default_block_size;
            auto const size = static_cast<int>(std::min<std::uint64_t>(
                {end - at, static_cast<std::uint64_t>(block), piece_length - at % piece_length}));
            blocks.push_back({wanted, start, size});
            at += static_cast<std::uint64_t>(size);
        }
        read->start(info, std::move(blocks));
    } catch (...) {
        read->fail();
    }
}

} // namespace patron
