// What the readers of a file can read on their own threads.
#pragma once

#include "torrent-patron/cpp/disk/counters.hpp"
#include "torrent-patron/cpp/disk/file_view.hpp"
#include "torrent-patron/cpp/disk/read/file.hpp"
#include "torrent-patron/cpp/disk/torrents.hpp"

#include <libtorrent/span.hpp>
#include <libtorrent/units.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace patron {

// A file that is open for reading.
class Descriptor {
  public:
    explicit Descriptor(std::string const& path);
    ~Descriptor();
    Descriptor(Descriptor const&) = delete;
    Descriptor& operator=(Descriptor const&) = delete;
    bool is_open() const noexcept { return number_ >= 0; }
    int number() const noexcept { return number_; }

  private:
    int const number_;
};

// Returns whether the file contains the sample. Does not wait for a disk if `at_once`.
bool contains(Descriptor const& file, Sample const& sample, bool at_once) noexcept;

class OpenView;
// The views of a torrent's files, by file.
using Views = std::map<lt::file_index_t, std::weak_ptr<OpenView>>;

// A view is set when bytes of its file are read in another way, and is reset by each job that
// changes the files. The mutex is only held to copy.
class OpenView final : public FileView {
  public:
    // Identifies the time between two resets.
    using Period = std::uint64_t;

    OpenView(TorrentFiles const& torrent, lt::file_index_t file,
             std::shared_ptr<ReadCounters> counters);

    std::size_t read(std::uint64_t offset, rust::Slice<std::uint8_t> to) const noexcept override;

    // The other functions are called on the network thread, except as noted.

    // Returns the current period. Begins one, with the pieces that can be read, if there is none.
    Period begin(TorrentFiles const& torrent);
    // Reads a complete file for a while; then it must be checked again.
    void set(std::shared_ptr<File> const& file);
    // Reads a file that is being downloaded. Called on any thread, and ignored after the period.
    void set(Period period, std::shared_ptr<Descriptor const> file);
    void piece_changed(TorrentFiles const& torrent, lt::piece_index_t piece);
    void reset() noexcept;

  private:
    using Clock = std::chrono::steady_clock;
    // One of the files.
    struct Source {
        std::weak_ptr<File> complete;
        Clock::time_point until{};
        std::shared_ptr<Descriptor const> incomplete;
        // A file that lacks it is not the one that libtorrent writes to.
        Sample last{};

        std::size_t read(lt::span<char> to, std::int64_t offset) const noexcept;
    };

    void take_sample(TorrentFiles const& torrent);
    std::int64_t available(std::int64_t offset, std::int64_t length) const;

    lt::file_index_t const file_;
    // The offset of the file in the torrent.
    std::int64_t const begin_;
    std::int64_t const size_;
    std::int64_t const piece_length_;
    lt::piece_index_t const first_;
    std::size_t const count_;
    std::shared_ptr<ReadCounters> const counters_;

    std::mutex mutable mutex_;
    Period period_ = 0;
    // The pieces of the file that are verified and written; empty between two periods.
    std::vector<bool> pieces_;
    Source source_;
};

} // namespace patron
