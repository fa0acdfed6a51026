// One file of a torrent, open for reading, and its mapping.
#pragma once

#include "torrent-patron/cpp/compat.hpp"
#include "torrent-patron/cpp/disk/counters.hpp"
#include "torrent-patron/cpp/disk/pool.hpp"

#include <libtorrent/disk_buffer_holder.hpp>
#include <libtorrent/error_code.hpp>

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include <sys/stat.h>

namespace patron {

// Tells a file from one that has taken its place, and from itself before it was written to.
struct Stamp {
    explicit Stamp(struct stat const& file)
        : device(file.st_dev), inode(file.st_ino), size(file.st_size), seconds(file.st_mtim.tv_sec),
          nanoseconds(file.st_mtim.tv_nsec) {}
    bool same_file(Stamp const& other) const noexcept {
        return device == other.device && inode == other.inode;
    }
    bool same_content(Stamp const& other) const noexcept {
        return size == other.size && seconds == other.seconds && nanoseconds == other.nanoseconds;
    }

    std::uint64_t device;
    std::uint64_t inode;
    std::int64_t size;
    std::int64_t seconds;
    std::int64_t nanoseconds;
};

// A file, mapped read-only. Its blocks are what libtorrent sends; they outlive the torrent, and the
// last of them unmaps the file.
class Mapping final : public compat::BufferAllocator {
  public:
    // Null where the file cannot be mapped.
    static Mapping* make(int file, std::int64_t size, std::weak_ptr<Pool> pool,
                         std::shared_ptr<ReadCounters> counters);

    // Network thread.
    lt::disk_buffer_holder block(std::int64_t offset, int length);
    void free_disk_buffer(char*) override;

    // Whether all of the range has been in memory when it was last looked at. What the kernel has
    // taken away since costs the network thread a page fault, once: a worker finds out (see sweep).
    bool is_resident(std::int64_t offset, int length) const noexcept;
    void set_resident(std::int64_t offset, int length) noexcept;
    // Looks at the next part of what is said to be resident; if some of it is gone, then the kernel
    // is short of memory, and none of it is believed any more. Of files that are neither ours nor
    // writable for us the kernel says that all is there.
    void sweep();
    // The file is closed.
    void let_go() noexcept;

  private:
    Mapping(char* begin, std::int64_t size, std::weak_ptr<Pool> pool,
            std::shared_ptr<ReadCounters> counters);
    ~Mapping();

    char* const begin_;
    std::int64_t const size_;
    std::weak_ptr<Pool> const pool_;
    std::shared_ptr<ReadCounters> const counters_;
    // The file and every block that is out.
    std::atomic<std::size_t> users_{1};
    // A bit for each page.
    std::vector<std::atomic<std::uint64_t>> resident_;
    std::size_t next_swept_ = 0;
};

// Opened and looked at by workers. The network thread only reads what is in memory.
class File {
  public:
    enum class State {
        closed,
        open,
        // No descriptor or no memory is to be had.
        exhausted,
        // It cannot be opened, or is not as long as the torrent says: libtorrent may know more, for
        // example of a torrent that is not complete.
        unusable,
        // What was read before is not what is there now; failure() says how.
        lost,
    };

    File(std::string path, std::int64_t size, bool mapped, std::optional<Stamp> known,
         std::weak_ptr<Pool> pool, std::shared_ptr<ReadCounters> counters)
        : path_(std::move(path)), size_(size), mapped_(mapped), pool_(std::move(pool)),
          counters_(std::move(counters)), stamp_(known) {}
    ~File();
    File(File const&) = delete;
    File& operator=(File const&) = delete;

    State state() const noexcept { return state_.load(std::memory_order_acquire); }
    // When lost.
    lt::error_code failure() const noexcept { return failure_; }
    // Of a file that has been open.
    std::optional<Stamp> const& stamp() const noexcept { return stamp_; }
    // Null for a file that is not mapped. Once open.
    Mapping* mapping() const noexcept { return mapping_; }

    // What is in memory; false when that is not all.
    bool read_resident(char* buffer, int length, std::int64_t offset);
    bool reads_resident() const noexcept { return nowait_.load(std::memory_order_relaxed); }

    // The rest is for workers, which may wait.

    // Unless it is open.
    void open();
    // Whether the file that is open is still the one at the path, as it was.
    void check();
    // Has the kernel fetch as much as `ahead` where that is not in memory.
    lt::error_code read(char* buffer, int length, std::int64_t offset, int ahead);

  private:
    void lose(lt::error_code failure) noexcept;

    std::string const path_;
    std::int64_t const size_;
    bool const mapped_;
    std::weak_ptr<Pool> const pool_;
    std::shared_ptr<ReadCounters> const counters_;

    std::mutex mutex_;
    // What follows is written with the mutex held, before state_ says so.
    std::optional<Stamp> stamp_;
    int descriptor_ = -1;
    Mapping* mapping_ = nullptr;
    lt::error_code failure_;
    std::atomic<State> state_{State::closed};
    // Cleared by a file system that cannot tell what is in memory.
    std::atomic<bool> nowait_{true};
};

} // namespace patron
