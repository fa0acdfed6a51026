// Requests to set the file priorities of a torrent.
#pragma once

#include <list>
#include <utility>

namespace patron {

// libtorrent applies file priorities through the disk thread, and merges those set in the meantime,
// so they are set one at a time to get one answer each. libtorrent is working on the first.
template <typename Task>
class FileChoices {
  public:
    // Returns whether libtorrent is free for this one.
    bool push(Task task) {
        tasks_.push_back(std::move(task));
        return tasks_.size() == 1;
    }
    // Forgets the one that has ended. Returns the next one; null if there is none.
    Task next() {
        if (!tasks_.empty())
            tasks_.pop_front();
        return tasks_.empty() ? Task() : tasks_.front();
    }
    void clear() { tasks_.clear(); }

  private:
    // An empty list allocates nothing.
    std::list<Task> tasks_;
};

} // namespace patron
