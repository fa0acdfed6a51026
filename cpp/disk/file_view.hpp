// What a reader of a file can read itself.
#pragma once

#include "rust/cxx.h"

#include <cstddef>
#include <cstdint>

namespace patron {

// The verified data of a file that is in memory. It is read on the calling thread, because each
// other thread would have to be scheduled first, and the network thread may be busy. Any thread.
class FileView {
  public:
    virtual ~FileView() = default;
    // Fills the beginning of `to` with the bytes of the file from `offset` on. Returns how many
    // there are; 0 if another thread must read them. Does not wait for a disk.
    virtual std::size_t read(std::uint64_t offset, rust::Slice<std::uint8_t> to) const noexcept = 0;
};

} // namespace patron
