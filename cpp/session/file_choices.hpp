// Requests to set the file priorities of a torrent.
#pragma once

#include <deque>
#include <memory>
#include <utility>

namespace patron {

// libtorrent applies file priorities through the disk thread, and merges those set in the meantime,
// so they are set one at a time to get one answer each. libtorrent is working on the first.
template <typename Task>
class FileChoices {
  public:
    // Returns whether libtorrent is free for this one.
    bool push(Task task) {
        if (!tasks_)
            tasks_ = std::make_unique<std::deque<Task>>();
        tasks_->push_back(std::move(task));
        return tasks_->size() == 1;
    }
    // Forgets the one that has ended. Returns the next one; null if there is none.
    Task next() {
        if (tasks_)
            tasks_->pop_front();
        if (tasks_ && tasks_->empty())
            tasks_.reset();
        return tasks_ ? tasks_->front() : Task();
    }
    void clear() { tasks_.reset(); }

  private:
    // Null if there are none, because few torrents ever have one.
    std::unique_ptr<std::deque<Task>> tasks_;
};

} // namespace patron
