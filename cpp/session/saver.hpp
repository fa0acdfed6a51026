// Synchronizes and examines files for the client, on a separate thread because the disk may be
// slow. There is one thread for all disks: while a disk does not respond, saving resume data and
// finishing downloads is delayed for all torrents.
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
    // A request for resume data.
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
        // If it cannot be made: the file that is not durable, and why.
        std::string file;
        NativeError error;
        // Whether this error is reported for the first time.
        bool is_new;
    };
    // The state of the files of a complete torrent.
    struct Check {
        std::uint64_t torrent;
        // Whether they have changed since they were written.
        bool changed;
    };

    Saver(std::shared_ptr<Written> written, std::shared_ptr<rust::Box<Waker>> waker);
    // Returns when all work is done.
    ~Saver();
    Saver(Saver const&) = delete;
    Saver& operator=(Saver const&) = delete;

    // Makes resume data. It may only claim durable data, so files that were written are
    // synchronized first.
    void save(Save save);
    void check(std::uint64_t torrent, std::vector<ExpectedFile> files);
    void forget(std::uint64_t torrent);

    std::vector<Saved> take_saved();
    std::vector<Check> take_checks();

  private:
    // What is remembered of a torrent between saves.
    struct State {
        // The directory and the state of its files when they were last written.
        std::string paths;
        std::string stamps;
        // Written files that were missing when they were last synchronized.
        std::set<lt::file_index_t> missing;
        // A file whose written data may be lost permanently. Nothing is claimed any more.
        std::string lost_file;
        lt::error_code lost;
    };

    void run();
    void post(std::function<void()> task);
    Saved make(Save save);

    std::shared_ptr<Written> const written_;
    std::shared_ptr<rust::Box<Waker>> const waker_;
    std::unordered_map<std::uint64_t, State> states_;

    std::mutex mutex_;
    std::condition_variable posted_;
    std::deque<std::function<void()>> tasks_;
    std::vector<Saved> saved_;
    std::vector<Check> checks_;
    bool ending_ = false;
    // Declared last, because it uses the others.
    std::thread thread_;
};

} // namespace patron
