#include "torrent-patron/cpp/file_state.hpp"
#include "torrent-patron/cpp/convert.hpp"

#include <fcntl.h>
#include <unistd.h>

namespace patron {
namespace {

template <typename Time>
std::int64_t nanoseconds(Time const& time) {
    return std::int64_t(time.tv_sec) * 1'000'000'000 + time.tv_nsec;
}

} // namespace

#ifdef __APPLE__
Stamp::Stamp(struct stat const& file)
    : size(file.st_size), modified(nanoseconds(file.st_mtimespec)),
      changed(nanoseconds(file.st_ctimespec)) {}
#else
Stamp::Stamp(struct stat const& file)
    : size(file.st_size), modified(nanoseconds(file.st_mtim)), changed(nanoseconds(file.st_ctim)) {}
#endif

#ifdef __linux__
Stamp::Stamp(struct statx const& file)
    : size(static_cast<std::int64_t>(file.stx_size)), modified(nanoseconds(file.stx_mtime)),
      changed(nanoseconds(file.stx_ctime)) {}
#endif

Stamp stamp_of(std::string const& path) {
    struct stat found {};
    bool const is_file = ::stat(path.c_str(), &found) == 0 && S_ISREG(found.st_mode);
    return is_file ? Stamp(found) : Stamp();
}

WrittenRanges::WrittenRanges(std::string const& path)
    : descriptor_(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)) {}

WrittenRanges::~WrittenRanges() {
    if (descriptor_ >= 0)
        ::close(descriptor_);
}

bool WrittenRanges::contains(std::int64_t begin, std::int64_t end) const {
    off_t const hole = ::lseek(descriptor_, begin, SEEK_HOLE);
    return hole < 0 || hole >= end;
}

bool has_hole(std::string const& path) {
    return !WrittenRanges(path).contains(0, stamp_of(path).size);
}

bool has_hole(rust::Slice<std::uint8_t const> bytes, std::uint64_t begin, std::uint64_t end) {
    return !WrittenRanges(path(bytes))
                .contains(static_cast<std::int64_t>(begin), static_cast<std::int64_t>(end));
}

} // namespace patron
