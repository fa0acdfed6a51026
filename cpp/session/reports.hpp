// Findings of the network thread, passed to the client like alerts.
#pragma once

#include <functional>
#include <mutex>
#include <utility>
#include <vector>

namespace patron {

struct Alerts;
class Session;

// Their number is bounded by the torrents, web seeds, trackers and open files that have one between
// two calls of take(). Any thread.
class Reports {
  public:
    using Report = std::function<void(Session&, Alerts&)>;

    // Calls `wake` after each report.
    explicit Reports(std::function<void()> wake) : wake_(std::move(wake)) {}
    void add(Report report) {
        {
            std::lock_guard<std::mutex> const lock(mutex_);
            reports_.push_back(std::move(report));
        }
        wake_();
    }
    std::vector<Report> take() {
        std::lock_guard<std::mutex> const lock(mutex_);
        return std::exchange(reports_, {});
    }

  private:
    std::function<void()> const wake_;
    std::mutex mutex_;
    std::vector<Report> reports_;
};

} // namespace patron
