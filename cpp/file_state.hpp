// What the state of a file on disk shows: whether it was written to, and where it has data.
#pragma once

#include "rust/cxx.h"

#include <cstdint>
#include <string>

#include <sys/stat.h>

namespace patron {

// The metadata of a file that shows whether the file was written to.
struct Stamp {
    Stamp() = default;
    explicit Stamp(struct stat const& file);
#ifdef __linux__
    explicit Stamp(struct statx const& file);
#endif
    bool is_known() const noexcept {
        return size >= 0;
    }
    // Returns false if the file was written to, unless its time was set back.
    bool has_same_data(Stamp const& other) const noexcept {
        return size == other.size && modified == other.modified;
    }
    bool operator==(Stamp const& other) const noexcept {
        return has_same_data(other) && changed == other.changed;
    }

    std::int64_t size = -1;
    std::int64_t modified = 0;
    // Unlike the modification time, this cannot be set back. A new mode or hard link changes it
    // too.
    std::int64_t changed = 0;
};

// Returns the stamp of the file at the path; unknown if that is not a regular file.
Stamp stamp_of(std::string const& path);

// The ranges of a file that were written. Has the file open.
class WrittenRanges {
  public:
    explicit WrittenRanges(std::string const& path);
    ~WrittenRanges();
    WrittenRanges(WrittenRanges const&) = delete;
    WrittenRanges& operator=(WrittenRanges const&) = delete;
    // Returns whether the whole range was written. If the file system cannot tell, it is assumed.
    bool contains(std::int64_t begin, std::int64_t end) const;

  private:
    int const descriptor_;
};

// Returns whether the file has holes: ranges that were never written.
bool has_hole(std::string const& path);
// Returns whether the range of the file has holes.
bool has_hole(rust::Slice<std::uint8_t const> path, std::uint64_t begin, std::uint64_t end);

} // namespace patron
