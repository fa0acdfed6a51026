#include "torrent-patron/cpp/disk/read/growing.hpp"
#include "torrent-patron/cpp/disk/read/file.hpp"

#include <algorithm>
#include <array>

#include <fcntl.h>
#include <unistd.h>

namespace patron {
namespace {

bool contains(int file, Sample const& sample) {
    std::array<char, sizeof(sample.bytes)> found;
    return !read_all(file, found.data(), sample.length, sample.offset) &&
           std::equal(found.begin(), found.begin() + sample.length, sample.bytes.begin());
}

} // namespace

bool read_growing(std::string const& path, Sample const& last, std::int64_t offset,
                  lt::span<char> to) {
    // Non-blocking, because opening a pipe would wait for a writer.
    int const file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (file < 0)
        return false;
    bool const read =
        contains(file, last) && !read_all(file, to.data(), static_cast<int>(to.size()), offset);
    ::close(file);
    return read;
}

} // namespace patron
