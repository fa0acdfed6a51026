// Threads that wait for disks, so that the network thread does not.
#pragma once

#include <libtorrent/storage_defs.hpp>

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace patron {

// Worker threads. Tasks with the same key run one after another on one thread, so a request finds
// in memory what the previous one for the same piece has read. The queues need no bound: they
// contain what peers have requested, which libtorrent bounds by send_buffer_watermark for each
// peer, one check of each file in use, and what the program has requested.
class Pool {
  public:
    // If `stopped`, the pool has stopped, and the task must not wait for a disk.
    using Task = std::function<void(bool stopped)>;

    // Threads start when there is work for them. All have this name.
    Pool(char const* name, int workers)
        : name_(name), workers_(static_cast<std::size_t>(workers)) {}
    ~Pool();
    Pool(Pool const&) = delete;
    Pool& operator=(Pool const&) = delete;

    // Returns false after stop(), or if the thread cannot be started.
    bool run(std::size_t key, Task task);
    // Returns at once. The queued tasks run with `stopped` set.
    void stop();
    void join();

  private:
    struct Worker {
        std::mutex mutex;
        std::condition_variable woken;
        std::deque<Task> tasks;
        bool stopped = false;
        std::thread thread;
    };
    static void work(Worker& worker);

    char const* const name_;
    std::vector<Worker> workers_;
};

// A key for the tasks of one file or one piece of a torrent.
inline std::size_t task_key(lt::storage_index_t torrent, int number) {
    return static_cast<std::uint32_t>(torrent) * std::size_t{7919} +
           static_cast<std::size_t>(number);
}

} // namespace patron
