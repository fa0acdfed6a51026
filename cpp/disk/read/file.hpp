// One file of a torrent, open for reading.
#pragma once

#include "torrent-patron/cpp/disk/counters.hpp"
#include "torrent-patron/cpp/disk/read/mapping.hpp"
#include "torrent-patron/cpp/disk/read/pool.hpp"

#include <libtorrent/error_code.hpp>

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>

#include <sys/stat.h>

namespace patron {

// Tells whether a file was written to.
struct Stamp {
    Stamp() = default;
    explicit Stamp(struct stat const& file)
        : size(file.st_size), seconds(file.st_mtim.tv_sec), nanoseconds(file.st_mtim.tv_nsec) {}
    bool operator==(Stamp const& other) const noexcept {
        return size == other.size && seconds == other.seconds && nanoseconds == other.nanoseconds;
    }
    bool is_known() const noexcept { return size >= 0; }

    std::int64_t size = -1;
    std::int64_t seconds = 0;
    std::int64_t nanoseconds = 0;
};

// Of what is at the path now; not known where that is no file.
Stamp look_at(std::string const& path);

// Why what was written there is lost; no error if it is not.
lt::error_code lost_at(std::string const& path, std::int64_t offset);

// Workers open and check it. The network thread only reads what is in memory.
class File : public std::enable_shared_from_this<File> {
  public:
    enum class State {
        closed,
        open,
        // Short of descriptors or memory.
        exhausted,
        // It cannot be opened, or is shorter than the torrent says. libtorrent may know more: the
        // torrent may be incomplete.
        unusable,
        // It is not what was read before; failure() says how.
        changed,
    };

    // `known`: the stamp that the file had, where it is known.
    File(std::string path, std::int64_t size, bool mapped, Stamp known, std::weak_ptr<Pool> pool,
         std::shared_ptr<ReadCounters> counters)
        : path_(std::move(path)), size_(size), mapped_(mapped), pool_(std::move(pool)),
          counters_(std::move(counters)), stamp_(known) {}
    ~File();
    File(File const&) = delete;
    File& operator=(File const&) = delete;

    State state() const noexcept { return state_.load(std::memory_order_acquire); }
    std::string const& path() const noexcept { return path_; }
    // Once changed.
    lt::error_code failure() const noexcept { return failure_; }
    // Once open.
    Stamp stamp() const noexcept { return stamp_; }
    // Once open; null for a file that is not mapped.
    Mapping* mapping() const noexcept { return mapping_; }

    // Reads from memory; false where not all of it is there.
    bool read_resident(char* buffer, int length, std::int64_t offset);
    // Whether the file system can tell what is in memory.
    bool reads_resident() const noexcept { return nowait_.load(std::memory_order_relaxed); }

    // The rest may wait: workers only.

    // Does nothing if it is open or has changed.
    void open();
    // Whether the file at the path is still the one that is open, if it is, and not written to.
    void check();
    // `ahead`: how many bytes the kernel is to fetch if they are not in memory.
    lt::error_code read(char* buffer, int length, std::int64_t offset, int ahead);

  private:
    void set_changed(lt::error_code failure) noexcept;

    std::string const path_;
    std::int64_t const size_;
    bool const mapped_;
    std::weak_ptr<Pool> const pool_;
    std::shared_ptr<ReadCounters> const counters_;

    std::mutex mutex_;
    // The next six are written with the mutex held, before state_ announces them.
    Stamp stamp_;
    std::uint64_t device_ = 0;
    std::uint64_t inode_ = 0;
    int descriptor_ = -1;
    Mapping* mapping_ = nullptr;
    lt::error_code failure_;
    std::atomic<State> state_{State::closed};
    std::atomic<bool> nowait_{true};
};

} // namespace patron
