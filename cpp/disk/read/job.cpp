#include "torrent-patron/cpp/disk/read/job.hpp"

#include <libtorrent/operations.hpp>

#include <boost/asio/post.hpp>

#include <algorithm>
#include <new>
#include <utility>

namespace patron {

ReadJob::ReadJob(lt::io_context& network, std::shared_ptr<TorrentFiles> of,
                 lt::peer_request const& block, ReadHandler then, lt::disk_job_flags_t how,
                 FileSlices const& where)
    : work(network.get_executor()), torrent(std::move(of)), generation(torrent->generation),
      exclusive_jobs_begun(torrent->exclusive_jobs_begun), request(block), handler(std::move(then)),
      flags(how), slices(where), ahead(torrent->files.piece_size(request.piece) - request.start) {
    auto file = files.begin();
    for (FileSlice const& slice : slices)
        if (!slice.pad)
            *file++ = slice.file->shared_from_this();
}

void ReadJob::read(bool stopped) try {
    error.operation = lt::operation_t::file_read;
    if (stopped) {
        error.ec = boost::asio::error::operation_aborted;
        return;
    }
    buffer.reset(new char[static_cast<std::size_t>(request.length)]);
    char* to = buffer.get();
    for (FileSlice const& slice : slices) {
        if (slice.pad) {
            std::fill_n(to, slice.length, '\0');
        } else {
            slice.file->open();
            state = slice.file->state();
            error.file(slice.index);
            if (state == File::State::changed)
                error.ec = slice.file->failure();
            else if (state == File::State::open)
                error.ec = slice.file->read(to, slice.length, slice.offset, ahead);
            if (error.ec || state != File::State::open)
                return;
        }
        to += slice.length;
    }
} catch (std::bad_alloc const&) {
    error.ec = make_error_code(boost::system::errc::not_enough_memory);
}

// Posts once for all jobs that finish before the network thread handles them.
void FinishedReads::push(std::shared_ptr<ReadJob> job) {
    {
        std::lock_guard<std::mutex> const lock(mutex_);
        jobs_.push_back(std::move(job));
        if (jobs_.size() > 1)
            return;
    }
    boost::asio::post(network_, [self = shared_from_this()] {
        std::vector<std::shared_ptr<ReadJob>> finished;
        {
            std::lock_guard<std::mutex> const lock(self->mutex_);
            finished.swap(self->jobs_);
        }
        for (auto const& job : finished)
            if (self->complete_)
                self->complete_(*job);
    });
}

} // namespace patron
