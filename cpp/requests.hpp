// How a request is answered: carried out on the network thread, where libtorrent's getters do not
// wait, and where nothing can change between two of them.
#pragma once

#include "torrent-patron/cpp/bounds.hpp"
#include "torrent-patron/cpp/shim.hpp"
#include "torrent-patron/src/ffi.rs.h"

#include <cstdint>
#include <exception>
#include <functional>
#include <map>
#include <mutex>
#include <tuple>
#include <unordered_map>
#include <utility>
#include <vector>

namespace patron {

// What is left to do with what the network thread gathered, on the thread of the session. Empty: an
// alert will bring the answer.
using Finish = std::function<void(AnswerRecord&)>;

// Both run on the network thread.
Finish carry_out(lt::torrent_handle const& torrent, RequestRecord& request, Bounds const& bounds);
Finish carry_out(lt::session_handle session, RequestRecord& request, Bounds const& bounds);

// On its way from the network thread to the session's.
struct Gathered {
    std::uint64_t request = 0;
    RequestKind kind{};
    std::uint64_t torrent = 0;
    Finish finish;
    std::exception_ptr failure;
    // Of every torrent, when that was asked for.
    std::vector<lt::torrent_status> statuses;
    bool is_census = false;
};

class Answers {
  public:
    void put(Gathered gathered) {
        std::lock_guard<std::mutex> const lock(mutex_);
        gathered_.push_back(std::move(gathered));
    }
    std::vector<Gathered> take() {
        std::lock_guard<std::mutex> const lock(mutex_);
        return std::exchange(gathered_, {});
    }
    // What the network thread finds out by itself, as alerts are: unasked.
    void tell(AlertRecord alert) {
        std::lock_guard<std::mutex> const lock(mutex_);
        told_.push_back(std::move(alert));
    }
    std::vector<AlertRecord> told() {
        std::lock_guard<std::mutex> const lock(mutex_);
        return std::exchange(told_, {});
    }

  private:
    std::mutex mutex_;
    // As many as the client has requests open.
    std::vector<Gathered> gathered_;
    // As many as web seeds and trackers fail between two calls of drain().
    std::vector<AlertRecord> told_;
};

struct AwaitedRequest {
    std::uint64_t request = 0;
    RequestKind kind{};
    OwnRecord own{};
};

// Requests that an alert answers, in the order in which they were made: libtorrent answers those of
// a sort in their order.
class Awaited {
  public:
    enum class By { Renamed, Moved, Saved, Read, Chosen };
    struct Key {
        By by;
        std::uint64_t torrent;
        // The file or the piece.
        int index;
        bool operator<(Key const& other) const {
            return std::tie(torrent, by, index) < std::tie(other.torrent, other.by, other.index);
        }
    };
    void add(RequestRecord const& request);
    // The oldest; request 0 where nobody asked.
    AwaitedRequest pop(Key const& key);
    // One that failed before any alert.
    void forget(std::uint64_t request);
    void forget_torrent(std::uint64_t torrent);
    std::vector<AwaitedRequest> take_all();

  private:
    std::map<Key, std::vector<AwaitedRequest>> entries_;
    std::unordered_map<std::uint64_t, Key> keys_;
};

} // namespace patron
