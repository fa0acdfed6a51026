#include "torrent-patron/cpp/session/saver.hpp"
#include "torrent-patron/cpp/compat.hpp"
#include "torrent-patron/cpp/convert.hpp"
#include "torrent-patron/cpp/errors.hpp"
#include "torrent-patron/cpp/file_names.hpp"
#include "torrent-patron/cpp/file_state.hpp"
#include "torrent-patron/cpp/process.hpp"
#include "torrent-patron/cpp/resume_check.hpp"
#include "torrent-patron/cpp/resume_data.hpp"

#include <algorithm>
#include <cerrno>
#include <iterator>
#include <set>
#include <utility>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace patron {
namespace {

lt::error_code synchronize(std::string const& path) {
    int const descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (descriptor < 0)
        return lt::error_code(errno, boost::system::system_category());
    int const failed = ::fsync(descriptor) == 0 ? 0 : errno;
    ::close(descriptor);
    // Pipes and some file systems do not support it.
    if (failed == 0 || failed == EINVAL || failed == EROFS || failed == ENOTSUP)
        return {};
    return lt::error_code(failed, boost::system::system_category());
}

// Returns whether the error is not about the data: nothing was written or lost.
bool is_temporary_error(lt::error_code const& error) {
    return is_shortage(error) || error == boost::system::errc::interrupted;
}

bool is_missing(lt::error_code const& error) {
    return error.value() == ENOENT || error.value() == ENOTDIR;
}

// Synchronizes the files, their directories and the part file. `failed` is set to the path that an
// error is about. Missing files are added to `missing`.
lt::error_code synchronize(lt::add_torrent_params const& params,
                           std::set<lt::file_index_t> const& files,
                           std::set<lt::file_index_t>& missing, std::string& failed) {
    std::set<std::string> others{part_file(params)};
    for (lt::file_index_t const i : files) {
        std::string const path = params.save_path + '/' + file_name(params, i);
        // All that may be new: the entry of a directory is in the one above it.
        std::string directory = parent(path);
        while (others.insert(directory).second && directory.size() > params.save_path.size())
            directory = parent(directory);
        if (lt::error_code const error = synchronize(path)) {
            if (is_missing(error)) {
                missing.insert(i);
                continue;
            }
            failed = path;
            return error;
        }
    }
    for (std::string const& path : others) {
        lt::error_code const error = synchronize(path);
        // A directory may be writable but not readable.
        bool const is_unreadable = error == boost::system::errc::permission_denied;
        if (error && !is_missing(error) && !is_unreadable) {
            failed = path;
            return error;
        }
    }
    return {};
}

// Returns whether the file has changed. If it was truncated and then written to farther on, it has
// its old size but a hole.
bool has_changed(ExpectedFile const& file) {
    struct stat found {};
    return ::stat(file.path.c_str(), &found) != 0 || !S_ISREG(found.st_mode) ||
           found.st_size != file.size || has_hole(file.path);
}

} // namespace

Saver::Saver(std::shared_ptr<Written> written, std::shared_ptr<rust::Box<Waker>> waker)
    : written_(std::move(written)), waker_(std::move(waker)) {
    // It inherits the signals that the client thread has blocked.
    thread_ = std::thread([this] { run(); });
}

Saver::~Saver() {
    {
        std::lock_guard<std::mutex> const lock(mutex_);
        ending_ = true;
    }
    posted_.notify_one();
    thread_.join();
}

void Saver::run() {
    name_thread("patron-saver");
    std::unique_lock<std::mutex> lock(mutex_);
    while (true) {
        posted_.wait(lock, [this] { return ending_ || !tasks_.empty(); });
        if (tasks_.empty())
            return;
        auto const task = std::move(tasks_.front());
        tasks_.pop_front();
        lock.unlock();
        task();
        (*waker_)->wake();
        lock.lock();
    }
}

void Saver::post(std::function<void()> task) {
    {
        std::lock_guard<std::mutex> const lock(mutex_);
        tasks_.push_back(std::move(task));
    }
    posted_.notify_one();
}

void Saver::save(Save save) {
    post([this, save = std::make_shared<Save>(std::move(save))] {
        Saved saved{save->request, save->torrent, {}, {}, {}, none(), false};
        try {
            saved = make(std::move(*save));
        } catch (...) {
            saved.error = current_exception();
        }
        std::lock_guard<std::mutex> const lock(mutex_);
        saved_.push_back(std::move(saved));
    });
}

Saver::Saved Saver::make(Save save) {
    lt::add_torrent_params& params = save.params;
    Saved saved{save.request, save.torrent, {}, {}, {}, none(), false};
    State& state = states_[save.torrent];
    if (params.ti) {
        auto const written = written_->take(save.torrent);
        if (!written.empty() && !state.lost) {
            std::set<lt::file_index_t> missing;
            lt::error_code const failed = synchronize(params, written, missing, state.lost_file);
            if (is_temporary_error(failed)) {
                for (lt::file_index_t const i : written)
                    written_->add(save.torrent, i, i);
                throw Busy(state.lost_file + ": " + failed.message());
            }
            state.lost = failed;
            saved.is_new = bool(state.lost);
            // They may have been moved or renamed since libtorrent returned their paths, or belong
            // to the same torrent, which was added again. Files that are claimed and missing twice
            // are gone; the next start will notice.
            for (lt::file_index_t const i : missing)
                written_->add(save.torrent, i, i);
            std::set<lt::file_index_t> claimed;
            std::copy_if(missing.begin(), missing.end(), std::inserter(claimed, claimed.end()),
                         [&](lt::file_index_t const i) {
                             return is_claimed(params, i) || has_unfinished(params, i);
                         });
            auto const before = std::exchange(state.missing, claimed);
            if (!state.lost && !claimed.empty() && claimed != before)
                throw Busy("files of the torrent were moved in the meantime");
        }
        std::string paths = params.save_path;
        for (auto const& renamed : params.renamed_files)
            paths += '\0' + renamed.second;
        if (!written.empty() || state.paths != paths) {
            state.paths = std::move(paths);
            state.stamps = file_stamps(params);
        }
    }
    if (state.lost) {
        saved.file = state.lost_file;
        saved.error = error(state.lost);
        return saved;
    }
    params.total_uploaded += save.client_data.sent_by_copies;
    saved.figures =
        SavedRecord{params.total_uploaded, params.total_downloaded, params.have_pieces.count()};
    saved.data =
        encode_resume_data(std::move(params), save.client_data, state.stamps, save.with_info);
    return saved;
}

void Saver::check(std::uint64_t torrent, std::vector<ExpectedFile> files) {
    post([this, torrent, files = std::move(files)] {
        bool const changed = std::any_of(files.begin(), files.end(), has_changed);
        std::lock_guard<std::mutex> const lock(mutex_);
        checks_.push_back(Check{torrent, changed});
    });
}

void Saver::forget(std::uint64_t torrent) {
    post([this, torrent] { states_.erase(torrent); });
}

std::vector<Saver::Saved> Saver::take_saved() {
    std::lock_guard<std::mutex> const lock(mutex_);
    return std::exchange(saved_, {});
}

std::vector<Saver::Check> Saver::take_checks() {
    std::lock_guard<std::mutex> const lock(mutex_);
    return std::exchange(checks_, {});
}

} // namespace patron
