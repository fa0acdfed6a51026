// Threads that wait for disks, so that the network thread does not.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace patron {

// The tasks of one key are done one after another, by one thread: requests for the same piece find
// what the one before them has read. A queue has no bound of its own. What is in it is what peers
// have asked for, and libtorrent lets a peer have no more than send_buffer_watermark on its way.
class Pool {
  public:
    // Its argument says that the pool has stopped, so that there is nothing left to do but to say
    // so.
    using Task = std::function<void(bool stopped)>;

    // Threads are started when there is work.
    explicit Pool(int workers) : workers_(static_cast<std::size_t>(workers)) {}
    ~Pool();
    Pool(Pool const&) = delete;
    Pool& operator=(Pool const&) = delete;

    // False after stop(), and where no thread is to be had.
    bool run(std::size_t key, Task task);
    // Returns at once; what is queued is run as stopped.
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

    std::vector<Worker> workers_;
};

} // namespace patron
