#include "torrent-patron/cpp/disk/ordered.hpp"
#include "torrent-patron/cpp/disk/file_jobs.hpp"
#include "torrent-patron/cpp/disk/forward.hpp"
#include "torrent-patron/cpp/disk/paths.hpp"
#include "torrent-patron/cpp/disk/storage_on_demand.hpp"
#include "torrent-patron/cpp/session/internals.hpp"

#include <libtorrent/operations.hpp>
#include <libtorrent/session.hpp>

#include <boost/asio/post.hpp>

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

namespace patron {
namespace {

class Ordered final : public Forward {
  public:
    Ordered(std::unique_ptr<lt::disk_interface> inner, std::shared_ptr<Torrents> torrents,
            std::shared_ptr<Written> written, lt::io_context& network)
        : Forward(std::move(inner)), torrents_(std::move(torrents)), written_(std::move(written)),
          network_(network) {}

    bool async_write(lt::storage_index_t index, lt::peer_request const& request, char const* buffer,
                     std::shared_ptr<lt::disk_observer> observer, WriteHandler handler,
                     lt::disk_job_flags_t flags) override;
    void async_hash(lt::storage_index_t index, lt::piece_index_t piece,
                    lt::span<lt::sha256_hash> v2, lt::disk_job_flags_t flags,
                    HashHandler handler) override;
    void async_clear_piece(lt::storage_index_t index, lt::piece_index_t piece,
                           ClearHandler handler) override;
    void update_stats_counters(lt::counters& statistics) const override;

  private:
    std::shared_ptr<Torrents> const torrents_;
    std::shared_ptr<Written> const written_;
    lt::io_context& network_;
    // libtorrent has a counter for this but does not update it.
    std::int64_t hashed_blocks_ = 0;
};

int blocks(lt::file_storage const& files, lt::piece_index_t piece) {
    return (files.piece_size(piece) + lt::default_block_size - 1) / lt::default_block_size;
}

// Returns an error if the request is for a file that another torrent writes. A file belongs to the
// first torrent of the client that has it; other torrents can only use the data that they find in
// it.
lt::storage_error conflict(TorrentFiles const& torrent, lt::peer_request const& request) {
    auto const& conflicts = torrent.details().conflicts;
    for (auto const& slice :
         torrent.files.map_block(request.piece, request.start, request.length)) {
        auto const found = conflicts.find(slice.file_index);
        if (found != conflicts.end() && !torrent.is_skipped(slice.file_index))
            return lt::storage_error(in_use(found->second), slice.file_index,
                                     lt::operation_t::file_write);
    }
    return {};
}

std::int64_t offset(TorrentFiles const& torrent, lt::peer_request const& request) {
    return static_cast<int>(request.piece) * std::int64_t(torrent.files.piece_length()) +
           request.start;
}

// Returns the first and the last file of the request.
std::pair<lt::file_index_t, lt::file_index_t> files_of(TorrentFiles const& torrent,
                                                       lt::peer_request const& request) {
    std::int64_t const begin = offset(torrent, request);
    return {torrent.files.file_index_at_offset(begin),
            torrent.files.file_index_at_offset(begin + request.length - 1)};
}

// Returns a sample of the block, if all of it is in one file.
std::optional<Sample> sample(TorrentFiles const& torrent, lt::peer_request const& request,
                             std::pair<lt::file_index_t, lt::file_index_t> files,
                             char const* block) {
    auto const [first, last] = files;
    if (first != last || torrent.is_skipped(first))
        return std::nullopt;
    auto const* const end = block + request.length;
    auto const* const begin = std::find_if(block, end, [](char value) { return value != 0; });
    if (begin == end)
        return std::nullopt;
    Sample out;
    out.offset = offset(torrent, request) - torrent.files.file_offset(first) + (begin - block);
    out.length = static_cast<int>(std::min<std::ptrdiff_t>(end - begin, out.bytes.size()));
    std::copy_n(begin, out.length, out.bytes.begin());
    return out;
}

bool Ordered::async_write(lt::storage_index_t index, lt::peer_request const& request,
                          char const* buffer, std::shared_ptr<lt::disk_observer> observer,
                          WriteHandler handler, lt::disk_job_flags_t flags) {
    auto const& torrent = torrents_->at(index);
    if (!torrents_->conflicts(*torrent).empty()) {
        if (lt::storage_error const error = conflict(*torrent, request)) {
            ++torrent->make_details().refused[request.piece];
            boost::asio::post(
                network_, [torrent, piece = request.piece, handler = std::move(handler), error] {
                    handler(error);
                    auto& refused = torrent->make_details().refused;
                    if (--refused[piece] == 0)
                        refused.erase(piece);
                });
            return false;
        }
    }
    auto const files = files_of(*torrent, request);
    written_->add(torrent->id, files.first, files.second);
    torrent->begin_write(request.piece);
    return inner_->async_write(
        index, request, buffer, std::move(observer),
        [this, torrent, piece = request.piece, file = files.first,
         written = sample(*torrent, request, files, buffer),
         handler = std::move(handler)](lt::storage_error const& error) {
            // Not earlier: 2.1 hashes pieces before it writes them.
            if (!error && written)
                torrent->add_sample(file, *written);
            bool const was_stopped = error && internals::is_in_upload_mode(torrent->owner);
            if (error)
                torrent->make_details().failed.insert(piece);
            handler(error);
            if (error && !was_stopped && internals::is_in_upload_mode(torrent->owner))
                written_->stop_writing(torrent->id);
            torrent->end_write(piece);
            torrent->piece_changed(piece);
        },
        flags);
}

// Returns the probes of the files that contain data of the piece.
std::vector<Probe> probes_of(TorrentFiles const& torrent, lt::piece_index_t piece) {
    std::vector<Probe> out;
    for (auto const& slice : torrent.files.map_block(piece, 0, torrent.files.piece_size(piece))) {
        auto const& samples = torrent.details().samples;
        auto const found = samples.find(slice.file_index);
        if (found != samples.end() && !torrent.is_skipped(slice.file_index))
            out.push_back({slice.file_index, torrent.names.path(slice.file_index, *torrent.path),
                           found->second.first});
    }
    return out;
}

// The operation `exception` is a signal: the file was mapped.
bool was_truncated(lt::storage_error const& error) {
    return error.operation == lt::operation_t::exception || error.ec == boost::asio::error::eof ||
           error.ec == lt::errors::file_too_short;
}

void Ordered::async_hash(lt::storage_index_t index, lt::piece_index_t piece,
                         lt::span<lt::sha256_hash> v2, lt::disk_job_flags_t flags,
                         HashHandler handler) {
    auto const& torrent = torrents_->at(index);
    // libtorrent hashes a piece without waiting for its writes. It ignores this answer, which comes
    // after theirs; that of the disk, a missing file, would be a second error.
    if (torrent->details().refused.count(piece) > 0) {
        boost::asio::post(network_, [handler = std::move(handler), piece]() mutable {
            handler(piece, {}, aborted());
        });
        return;
    }
    inner_->async_hash(
        index, piece, v2, flags,
        [this, torrent, handler = std::move(handler)](lt::piece_index_t hashed,
                                                      lt::sha1_hash const& v1,
                                                      lt::storage_error const& error) mutable {
            if (!error)
                hashed_blocks_ += blocks(torrent->files, hashed);
            // The handler contains the hashes of all blocks, so it is not copied.
            auto const answer = std::make_shared<HashHandler>(std::move(handler));
            bool const is_damaged =
                error ? was_truncated(error) : !internals::has_hash(torrent->owner, hashed, v1);
            torrent->after_writes(hashed, [this, torrent, answer, hashed, v1, error, is_damaged] {
                // With 2.1, one of the hashes of a hybrid torrent may be right. That would be an
                // inconsistent torrent rather than a failed write.
                if (torrent->details().failed.count(hashed) > 0)
                    return (*answer)(hashed, v1, aborted());
                // From now on the piece may be claimed. Files that were synchronized while it was
                // being written must be synchronized again, and so must data that another torrent
                // had written before a check.
                auto const [first, last] =
                    files_of(*torrent, {hashed, 0, torrent->files.piece_size(hashed)});
                written_->add(torrent->id, first, last);
                // If a file was damaged, report that: libtorrent would ban the peers that sent the
                // piece.
                auto probes = is_damaged && torrent->reader ? probes_of(*torrent, hashed)
                                                            : std::vector<Probe>();
                if (probes.empty()) {
                    (*answer)(hashed, v1, error);
                    return torrent->piece_changed(hashed);
                }
                torrent->reader->check_probes(
                    std::move(probes), [answer, hashed, v1, error](lt::storage_error const& lost) {
                        (*answer)(hashed, v1, lost ? lost : error);
                    });
            });
        });
}

void Ordered::async_clear_piece(lt::storage_index_t index, lt::piece_index_t piece,
                                ClearHandler handler) {
    inner_->async_clear_piece(
        index, piece,
        [torrent = torrents_->at(index), handler = std::move(handler)](lt::piece_index_t cleared) {
            torrent->after_writes(cleared, [handler, cleared] { handler(cleared); });
        });
}

void Ordered::update_stats_counters(lt::counters& statistics) const {
    inner_->update_stats_counters(statistics);
    statistics.set_value(lt::counters::num_blocks_hashed, hashed_blocks_);
}

} // namespace

std::unique_ptr<lt::disk_interface> ordered_backend(std::shared_ptr<Torrents> torrents,
                                                    SharedWithDisk const& shared,
                                                    lt::io_context& network,
                                                    lt::settings_interface const& settings,
                                                    lt::counters& statistics) {
    auto files = file_jobs(libtorrents_backend(torrents, network, settings, statistics), torrents,
                           shared, network, settings);
    return std::make_unique<Ordered>(std::move(files), std::move(torrents), shared.written,
                                     network);
}

lt::disk_io_constructor_type stock_backend(SharedWithDisk shared) {
    return [shared = std::move(shared)](lt::io_context& network,
                                        lt::settings_interface const& settings,
                                        lt::counters& statistics) {
        return ordered_backend(std::make_shared<Torrents>(shared.paths), shared, network, settings,
                               statistics);
    };
}

} // namespace patron
