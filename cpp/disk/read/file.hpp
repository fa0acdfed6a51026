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
        : size(file.st_size), modified(nanoseconds(file.st_mtim)),
          changed(nanoseconds(file.st_ctim)) {}
    explicit Stamp(struct statx const& file)
        : size(static_cast<std::int64_t>(file.stx_size)), modified(nanoseconds(file.stx_mtime)),
          changed(nanoseconds(file.stx_ctime)) {}
    bool operator==(Stamp const& other) const noexcept {
        return size == other.size && modified == other.modified;
    }
    bool is_known() const noexcept { return size >= 0; }

    std::int64_t size = -1;
    std::int64_t modified = 0;
    // Not set back with the time above, and also changed by a new mode or hard link.
    std::int64_t changed = 0;

  private:
    template <typename Time>
    static std::int64_t nanoseconds(Time const& time) {
        return std::int64_t(time.tv_sec) * 1'000'000'000 + time.tv_nsec;
    }
};

// Of what is at the path now; not known where that is no file.
Stamp look_at(std::string const& path);

// Why what was written there is lost; no error if it is not.
lt::error_code lost_at(std::string const& path, std::int64_t offset);

// The files of one torrent whose time of change differs from that of their stamp: their pieces are
// to be hashed before they are read. The number of times that such a change was seen.
using Doubts = std::atomic<std::uint64_t>;

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
    File(std::string path, std::int64_t size, bool mapped, Stamp known,
         std::shared_ptr<Doubts> doubts, std::weak_ptr<Pool> pool,
         std::shared_ptr<ReadCounters> counters)
        : path_(std::move(path)), size_(size), mapped_(mapped), doubts_(std::move(doubts)),
          pool_(std::move(pool)), counters_(std::move(counters)), stamp_(known),
          seen_(known.changed) {}
    ~File();
    File(File const&) = delete;
    File& operator=(File const&) = delete;

    State state() const noexcept { return state_.load(std::memory_order_acquire); }
    // Once open: whether it is as it was when it was last checked, as far as the kernel knows
    // without asking anybody else.
    bool is_as_checked() const noexcept;
    bool is_doubtful() const noexcept { return doubtful_.load(std::memory_order_acquire); }
    // A piece of it has another hash.
    void found_changed();
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
    void see(Stamp const& found) noexcept;

    std::string const path_;
    std::int64_t const size_;
    bool const mapped_;
    std::shared_ptr<Doubts> const doubts_;
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
    // The time of change that was seen last.
    std::atomic<std::int64_t> seen_;
    std::atomic<bool> doubtful_{false};
    std::atomic<bool> nowait_{true};
};

} // namespace patron
