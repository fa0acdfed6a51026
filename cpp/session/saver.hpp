// Finds out what the client must know about the disk, on a separate thread because the disk may be
// slow.
#pragma once

#include "torrent-patron/cpp/disk/written.hpp"
#include "torrent-patron/src/sys/bridge.rs.h"

#include "rust/cxx.h"

#include <libtorrent/add_torrent_params.hpp>
#include <libtorrent/error_code.hpp>

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

namespace patron {

class Saver {
  public:
    // Resume data that was requested.
    struct Save {
        std::uint64_t request;
        std::uint64_t torrent;
        lt::add_torrent_params params;
        ClientDataRecord client_data;
        bool with_info;
    };
    struct Saved {
        std::uint64_t request;
        std::uint64_t torrent;
        StoredRecord data;
        SavedRecord figures;
        // If it cannot be made: which file is not durable, and why.
        std::string file;
        NativeError error;
        // Reported for the first time.
        bool is_news;
    };
    // The state of the files of a torrent that is complete.
    struct Look {
        std::uint64_t torrent;
        // They are no longer as they were written.
        bool changed;
    };

    Saver(std::shared_ptr<Written> written, std::shared_ptr<rust::Box<Waker>> waker);
    // Returns once all work is done.
    ~Saver();
    Saver(Saver const&) = delete;
    Saver& operator=(Saver const&) = delete;

    // Resume data claims only what is durable, so data that was written is first synchronized.
    void save(Save order);
    void look(std::uint64_t torrent, std::vector<ExpectedFile> files);
    void forget(std::uint64_t torrent);

    std::vector<Saved> take_saved();
    std::vector<Look> take_looks();

  private:
    // What is kept of a torrent between saves.
    struct Kept {
        // Where its files were, and in which state, when they were last written.
        std::string place;
        std::string stamps;
        // Written files that were not there when they were last to be synchronized.
        std::set<lt::file_index_t> missing;
        // Data that was written may be lost for good: nothing is claimed any more.
        std::string lost_file;
        lt::error_code lost;
    };

    void run();
    void post(std::function<void()> task);
    Saved made(Save order);

    std::shared_ptr<Written> const written_;
    std::shared_ptr<rust::Box<Waker>> const waker_;
    std::unordered_map<std::uint64_t, Kept> kept_;

    std::mutex mutex_;
    std::condition_variable posted_;
    std::deque<std::function<void()>> tasks_;
    std::vector<Saved> saved_;
    std::vector<Look> looks_;
    bool ending_ = false;
    // Declared last, because it uses the others.
    std::thread thread_;
};

} // namespace patron
