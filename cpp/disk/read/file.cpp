#include "torrent-patron/cpp/disk/read/file.hpp"
#include "torrent-patron/cpp/errors.hpp"

#include <algorithm>
#include <cerrno>
#include <utility>

#include <fcntl.h>
#include <sys/uio.h>
#include <unistd.h>

namespace patron {
namespace {

lt::error_code system_error(int number) {
    return lt::error_code(number, boost::system::system_category());
}

enum FileError { shorter = 1, modified = 2 };

// Errors that libtorrent has no code for.
class FileCategory final : public boost::system::error_category {
  public:
    char const* name() const noexcept override { return category::file; }
    std::string message(int value) const override {
        return value == shorter ? "it is shorter than its size in the torrent"
                                : "it has changed since it was first read";
    }
};

lt::error_code file_error(FileError value) {
    static FileCategory const category;
    return lt::error_code(value, category);
}

// Pieces may have 16 MiB or more, and not every peer requests a whole piece.
constexpr int max_read_ahead = 1024 * 1024;

} // namespace

lt::error_code lost_at(std::string const& path, std::int64_t offset) {
    int const descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (descriptor < 0) {
        bool const is_gone = errno == ENOENT || errno == ENOTDIR || errno == ELOOP;
        return is_gone ? system_error(errno) : lt::error_code();
    }
    off_t const data = ::lseek(descriptor, offset, SEEK_DATA);
    // The offset is beyond the end of the file or in a hole.
    bool const is_lost = data < 0 ? errno == ENXIO : data != offset;
    ::close(descriptor);
    return is_lost ? file_error(modified) : lt::error_code();
}

File::~File() {
    if (mapping_ != nullptr)
        mapping_->unref();
    if (descriptor_ >= 0) {
        ::close(descriptor_);
        subtract(counters_->open_files);
    }
}

void File::open() {
    std::lock_guard<std::mutex> const lock(mutex_);
    if (state() == State::open || state() == State::changed)
        return;
    // Non-blocking, because opening a pipe would wait for a writer.
    int const descriptor = ::open(path_.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (descriptor < 0)
        return state_.store(is_shortage(system_error(errno)) ? State::exhausted : State::unusable);
    struct stat found {};
    if (::fstat(descriptor, &found) != 0 || !S_ISREG(found.st_mode) || found.st_size < size_) {
        ::close(descriptor);
        return state_.store(State::unusable);
    }
    // The inode is not compared: some file systems give a file a new one once it is closed.
    if (stamp_.is_known() && !stamp_.has_same_data(Stamp(found))) {
        ::close(descriptor);
        return set_changed(file_error(modified));
    }
    see(Stamp(found));
    device_ = found.st_dev;
    inode_ = found.st_ino;
    descriptor_ = descriptor;
    add(counters_->open_files);
    if (mapped_)
        mapping_ = Mapping::make(descriptor, size_, pool_, counters_);
    state_.store(State::open, std::memory_order_release);
}

void File::check() {
    std::lock_guard<std::mutex> const lock(mutex_);
    bool const is_open = state() == State::open;
    if (state() == State::changed)
        return;
    struct stat found {};
    if (::stat(path_.c_str(), &found) != 0) {
        if (stamp_.is_known())
            set_changed(system_error(errno));
        return;
    }
    if (!stamp_.is_known())
        return see(Stamp(found));
    if (found.st_size < std::min(size_, stamp_.size))
        return set_changed(file_error(shorter));
    bool const replaced = is_open && (found.st_dev != device_ || found.st_ino != inode_);
    if (replaced || !stamp_.has_same_data(Stamp(found)))
        return set_changed(file_error(modified));
    see(Stamp(found));
    if (mapping_ != nullptr)
        mapping_->sweep();
}

bool File::is_as_checked() const noexcept {
    struct statx found {};
    unsigned const wanted = STATX_SIZE | STATX_MTIME | STATX_CTIME;
    if (::statx(descriptor_, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, wanted, &found) != 0)
        return true;
    return stamp_.has_same_data(Stamp(found)) && Stamp(found).changed == seen_;
}

// The stamp of a known file is from the time when its data was known to be correct.
void File::see(Stamp const& found) noexcept {
    if (!stamp_.is_known()) {
        stamp_ = found;
    } else if (found.changed != seen_) {
        ++*doubts_;
        doubtful_.store(true, std::memory_order_release);
    }
    seen_ = found.changed;
}

void File::found_changed() {
    std::lock_guard<std::mutex> const lock(mutex_);
    if (state() != State::changed)
        set_changed(file_error(modified));
}

void File::set_changed(lt::error_code failure) noexcept {
    failure_ = failure;
    state_.store(State::changed, std::memory_order_release);
}

std::size_t read_in_memory(int file, lt::span<char> to, std::int64_t offset) noexcept {
    iovec const whole{to.data(), static_cast<std::size_t>(to.size())};
    errno = 0;
    ssize_t const read = ::preadv2(file, &whole, 1, offset, RWF_NOWAIT);
    return static_cast<std::size_t>(std::max<ssize_t>(read, 0));
}

std::size_t File::read_in_memory(lt::span<char> to, std::int64_t offset) {
    std::size_t const read = patron::read_in_memory(descriptor_, to, offset);
    if (read == 0 && (errno == EOPNOTSUPP || errno == ENOSYS) &&
        nowait_.exchange(false, std::memory_order_relaxed))
        add(counters_->refused);
    return read;
}

bool File::read_resident(char* buffer, int length, std::int64_t offset) {
    return read_in_memory({buffer, length}, offset) == static_cast<std::size_t>(length);
}

lt::error_code read_all(int file, char* buffer, int length, std::int64_t offset) {
    while (length > 0) {
        ssize_t const read = ::pread(file, buffer, static_cast<std::size_t>(length), offset);
        if (read < 0 && errno == EINTR)
            continue;
        if (read < 0)
            return system_error(errno);
        if (read == 0)
            return file_error(shorter);
        buffer += read;
        offset += read;
        length -= static_cast<int>(read);
    }
    return {};
}

lt::error_code File::read(char* buffer, int length, std::int64_t offset, int ahead) {
    if (reads_resident() && read_resident(buffer, length, offset))
        return {};
    // The next blocks will then be in memory when they are requested.
    ::posix_fadvise(descriptor_, offset, std::min(ahead, max_read_ahead), POSIX_FADV_WILLNEED);
    return read_all(descriptor_, buffer, length, offset);
}

} // namespace patron
