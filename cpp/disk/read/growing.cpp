#include "torrent-patron/cpp/disk/read/growing.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace patron {
namespace {

bool read_all(int file, std::int64_t offset, lt::span<char> to) {
    while (!to.empty()) {
        ssize_t const read = ::pread(file, to.data(), static_cast<std::size_t>(to.size()), offset);
        if (read < 0 && errno == EINTR)
            continue;
        if (read <= 0)
            return false;
        to = to.subspan(read);
        offset += read;
    }
    return true;
}

bool contains(int file, Sample const& sample) {
    std::array<char, sizeof(sample.bytes)> found;
    lt::span<char> const bytes{found.data(), sample.length};
    return read_all(file, sample.offset, bytes) &&
           std::equal(bytes.begin(), bytes.end(), sample.bytes.begin());
}

} // namespace

bool read_growing(std::string const& path, Sample const& last, std::int64_t offset,
                  lt::span<char> to) {
    // Non-blocking, because opening a pipe would wait for a writer.
    int const file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (file < 0)
        return false;
    bool const read = contains(file, last) && read_all(file, offset, to);
    ::close(file);
    return read;
}

} // namespace patron
