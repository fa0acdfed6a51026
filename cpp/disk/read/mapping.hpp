// A mapped file, and which of its pages the kernel has in memory.
#pragma once

#include "torrent-patron/cpp/compat.hpp"
#include "torrent-patron/cpp/disk/counters.hpp"
#include "torrent-patron/cpp/disk/pool.hpp"

#include <libtorrent/disk_buffer_holder.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace patron {

// A file that is mapped read-only. libtorrent sends blocks from the mapping. Blocks may outlive the
// torrent; the last user unmaps the file.
class Mapping final : public compat::BufferAllocator {
  public:
    // Creates a mapping with one user, the file. Returns null if the file cannot be mapped.
    static Mapping* make(int file, std::int64_t size, std::weak_ptr<Pool> pool,
                         std::shared_ptr<ReadCounters> counters);

    // Called on the network thread.
    lt::disk_buffer_holder block(std::int64_t offset, int length);
    void free_disk_buffer(char*) override;

    // Returns whether the whole range was in memory when it was last checked. If the kernel has
    // evicted a page since, the network thread has a page fault, until a worker notices; see sweep.
    bool is_resident(std::int64_t offset, int length) const noexcept;
    void set_resident(std::int64_t offset, int length) noexcept;
    // Checks the next part of the pages that are marked as resident. If some have been evicted, the
    // kernel is short of memory, and all marks are cleared. For a file that this process neither
    // owns nor may write, the kernel reports every page as resident.
    void sweep();
    // Called when the file is closed.
    void unref() noexcept;

  private:
    Mapping(char* begin, std::int64_t size, std::weak_ptr<Pool> pool,
            std::shared_ptr<ReadCounters> counters);
    ~Mapping();

    char* const begin_;
    std::int64_t const size_;
    std::weak_ptr<Pool> const pool_;
    std::shared_ptr<ReadCounters> const counters_;
    // The number of users: the file, and every block in use.
    std::atomic<std::size_t> users_{1};
    // One bit for each page.
    std::vector<std::atomic<std::uint64_t>> resident_;
    std::size_t next_swept_ = 0;
};

} // namespace patron
