// One file of a torrent, open for reading.
#pragma once

#include "torrent-patron/cpp/disk/counters.hpp"
#include "torrent-patron/cpp/disk/pool.hpp"
#include "torrent-patron/cpp/disk/read/mapping.hpp"
#include "torrent-patron/cpp/file_state.hpp"

#include <libtorrent/error_code.hpp>
#include <libtorrent/span.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>

namespace patron {

// Returns why data written at the offset is lost; no error if it is not.
lt::error_code lost_at(std::string const& path, std::int64_t offset);

// Counts the changes of a torrent's files that may be harmless: only the time of the last change
// differs from the stamp. The pieces of such a file must be hashed before they are read.
using Doubts = std::atomic<std::uint64_t>;

// Reads what is in memory of the bytes of an open file from `offset` on. Returns how many bytes
// were read; 0 also if the file system cannot tell, with errno.
std::size_t read_in_memory(int file, lt::span<char> to, std::int64_t offset) noexcept;

// Fills the buffer with the bytes of an open file from `offset` on.
lt::error_code read_all(int file, char* buffer, int length, std::int64_t offset);

// A file. Worker threads open, check and read it; the network thread only reads what is in memory.
class File : public std::enable_shared_from_this<File> {
  public:
    enum class State {
        closed,
        open,
        // Descriptors or memory are short.
        exhausted,
        // It cannot be opened, or is shorter than its size in the torrent. libtorrent may know
        // more: the torrent may be incomplete.
        unusable,
        // It is not the file that was read before; failure() has the reason.
        changed,
    };

    // `known` is the file's earlier stamp, if there is one.
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
    // Only while open: whether the file is unchanged since the last check, as far as the kernel
    // knows without asking a server.
    bool is_as_checked() const noexcept;
    bool is_doubtful() const noexcept { return doubtful_.load(std::memory_order_acquire); }
    // Records that a piece of the file has another hash.
    void found_changed();
    std::string const& path() const noexcept { return path_; }
    // Only after a change.
    lt::error_code failure() const noexcept { return failure_; }
    // Only while open.
    Stamp stamp() const noexcept { return stamp_; }
    // Only while open; null for a file that is not mapped.
    Mapping* mapping() const noexcept { return mapping_; }

    // The same, for this file.
    std::size_t read_in_memory(lt::span<char> to, std::int64_t offset);
    // Reads from memory. Returns false if not all of it is in memory.
    bool read_resident(char* buffer, int length, std::int64_t offset);
    // Whether the file system can read without waiting for the disk.
    bool reads_resident() const noexcept { return nowait_.load(std::memory_order_relaxed); }

    // The following functions may wait, so only worker threads call them.

    // Opens the file, unless it is open or has changed.
    void open();
    // Checks that the file at the path is still the open one, and that it was not written to.
    void check();
    // `ahead` is how many bytes the kernel should fetch in advance.
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
    // The next six members are written with the mutex held, before state_ announces them.
    Stamp stamp_;
    std::uint64_t device_ = 0;
    std::uint64_t inode_ = 0;
    int descriptor_ = -1;
    Mapping* mapping_ = nullptr;
    lt::error_code failure_;
    std::atomic<State> state_{State::closed};
    // The time of the last change that was noticed.
    std::atomic<std::int64_t> seen_;
    std::atomic<bool> doubtful_{false};
    std::atomic<bool> nowait_{true};
};

} // namespace patron
