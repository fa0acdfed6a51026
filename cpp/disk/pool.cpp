#include "torrent-patron/cpp/disk/pool.hpp"
#include "torrent-patron/cpp/process.hpp"

#include <system_error>
#include <utility>

namespace patron {

Pool::~Pool() {
    stop();
    join();
}

bool Pool::run(std::size_t key, Task task) {
    Worker& worker = workers_[key % workers_.size()];
    std::lock_guard<std::mutex> const lock(worker.mutex);
    if (worker.stopped)
        return false;
    if (!worker.thread.joinable()) {
        try {
            worker.thread = std::thread([&worker, name = name_] {
                name_thread(name);
                work(worker);
            });
        } catch (std::system_error const&) {
            return false;
        }
    }
    worker.tasks.push_back(std::move(task));
    worker.woken.notify_one();
    return true;
}

void Pool::stop() {
    for (Worker& worker : workers_) {
        std::lock_guard<std::mutex> const lock(worker.mutex);
        worker.stopped = true;
        worker.woken.notify_one();
    }
}

void Pool::join() {
    for (Worker& worker : workers_)
        if (worker.thread.joinable())
            worker.thread.join();
}

void Pool::work(Worker& worker) {
    std::unique_lock<std::mutex> lock(worker.mutex);
    for (;;) {
        worker.woken.wait(lock, [&worker] { return worker.stopped || !worker.tasks.empty(); });
        if (worker.tasks.empty())
            return;
        Task task = std::move(worker.tasks.front());
        worker.tasks.pop_front();
        bool const stopped = worker.stopped;
        lock.unlock();
        task(stopped);
        task = nullptr;
        lock.lock();
    }
}

} // namespace patron
