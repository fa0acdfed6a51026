// The torrents of a session, as its disk backends know them.
#pragma once

#include "torrent-patron/cpp/compat.hpp"
#include "torrent-patron/cpp/disk/forward.hpp"
#include "torrent-patron/cpp/disk/paths.hpp"
#include "torrent-patron/cpp/disk/written.hpp"
#include "torrent-patron/cpp/file_names.hpp"

#include <libtorrent/disk_interface.hpp>
#include <libtorrent/storage_defs.hpp>

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace patron {

struct TorrentFiles;

// Bytes that were written to a file. The first is not zero.
struct Sample {
    std::int64_t offset;
    int length;
    std::array<char, 32> bytes;
};

// The position of a byte that was written to a file and is not zero.
struct Probe {
    lt::file_index_t file;
    std::string path;
    std::int64_t offset;
};

// The data of an outer backend about a torrent.
struct Attachment {
    virtual ~Attachment() = default;
    // Called before a job during which no file may be open, and when the torrent is removed.
    virtual void release_files() = 0;
    // Called when such a job has ended and no other is changing the files. Not called when the
    // torrent is stopped, because its files may be repaired then.
    virtual void settled(std::shared_ptr<TorrentFiles> const& torrent) = 0;
    // Checks on a worker whether the probes still exist. Passes the first loss to `then`.
    virtual void check_probes(std::vector<Probe> probes,
                              std::function<void(lt::storage_error const&)> then) = 0;
    // Called when a piece was written or hashed.
    virtual void piece_changed(TorrentFiles const& torrent, lt::piece_index_t piece) = 0;
};

// The files of a torrent, and the jobs that change them. Network thread only, but see Paths.
struct TorrentFiles {
    // Allocated when needed, because an idle torrent needs none of it.
    struct Details {
        // Empty if all files are wanted.
        Priorities priorities;
        struct Samples {
            // The offset of the first one. If it is gone, another program has truncated the file.
            std::int64_t first;
            // A file that lacks it is not the one that libtorrent writes to.
            Sample last;
        };
        // What was written to each file.
        std::map<lt::file_index_t, Samples> samples;
        // The files that belong to torrents that were added earlier, with the names of those.
        std::map<lt::file_index_t, std::string> conflicts;
        // The pieces of which a write has failed, until they are written again.
        std::set<lt::piece_index_t> failed;
        // The number of refused writes that are not answered yet, by piece.
        std::map<lt::piece_index_t, int> refused;
        // The number of writes in progress, by piece.
        std::map<lt::piece_index_t, int> open_writes;
        std::multimap<lt::piece_index_t, std::function<void()>> waiting;
    };

    TorrentFiles(lt::storage_params const& params, std::uint64_t torrent,
                 std::shared_ptr<std::string const> save_path);
    Details const& details() const {
        static Details const none;
        return details_ ? *details_ : none;
    }
    Details& make_details() {
        if (!details_)
            details_ = std::make_unique<Details>();
        return *details_;
    }
    void add_sample(lt::file_index_t file, Sample const& written);
    void forget_samples();
    void set_priorities(Priorities const& priorities);
    void release_files();
    void piece_changed(lt::piece_index_t piece) const;
    // A file that is not wanted.
    bool is_skipped(lt::file_index_t file) const {
        return patron::is_skipped(details().priorities, file);
    }
    // A file with data that is wanted.
    bool is_downloaded(lt::file_index_t file) const {
        return has_data(files, file) && !is_skipped(file);
    }
    // Returns the files that are downloaded.
    std::vector<ExpectedFile> wanted_files() const;
    // Returns these and the empty files. libtorrent itself replaces no symbolic links.
    std::vector<ExpectedFile> created_files() const;
    // Returns whether no data of the piece is waiting to be written.
    bool is_written(lt::piece_index_t piece) const {
        return details().open_writes.count(piece) == 0 && details().failed.count(piece) == 0;
    }
    void begin_write(lt::piece_index_t piece);
    void end_write(lt::piece_index_t piece);
    // Calls `then` once the writes to the piece have ended; with 2.1, immediately.
    void after_writes(lt::piece_index_t piece, std::function<void()> then);

    // Outlives this object: the inner storage keeps the torrent alive, which owns it.
    lt::file_storage const& files;
    compat::FileNames names;
    // The save path; never null.
    std::shared_ptr<std::string const> path;
    std::uint64_t const id;
    lt::sha1_hash const hash;
    // The number of running jobs that move, delete or replace files.
    int exclusive_jobs = 0;
    // `conflicts` is out of date. Set on the network thread of any session of the client.
    std::atomic<bool> conflicts_changed{false};
    // The storage of libtorrent's own backend, which assigns the index.
    lt::storage_holder inner;
    // libtorrent's own torrent object.
    std::weak_ptr<void> owner;
    // The read path's data, if any.
    std::unique_ptr<Attachment> reader;

    // The order in which the torrents of the client were added.
    std::uint64_t order = 0;
    // The number of its files in each directory, by the hash of its path; null if it has a single
    // file. See Paths.
    std::unique_ptr<std::map<std::size_t, int>> directories;
    // Changes when the torrent is stopped or removed. Earlier requests are then answered as
    // aborted.
    std::uint64_t generation = 0;
    // The number of exclusive jobs that have begun.
    std::uint64_t exclusive_jobs_begun = 0;

    // The number of writes that have begun.
    std::uint64_t writes = 0;
    // The value of `writes` when the files were last released. While `writes` is larger, the
    // torrent is being downloaded: its files change, blocks may be only in libtorrent's store
    // buffer, and smart_ban reads blocks that the next peer overwrites.
    std::uint64_t released = 0;
    bool is_downloading() const { return writes > released; }

  private:
    template <typename Predicate>
    std::vector<ExpectedFile> files_that(Predicate is) const;

    std::unique_ptr<Details> details_;
};

// The torrents, shared by the backends of a session. Network thread only.
class Torrents {
  public:
    explicit Torrents(std::shared_ptr<Paths> paths) : paths_(std::move(paths)) {}
    Torrents(Torrents const&) = delete;
    ~Torrents() {
        for (auto const& torrent : torrents_)
            if (torrent)
                paths_->remove(*torrent);
    }
    void add(std::shared_ptr<TorrentFiles> torrent);
    // A handler may keep the result beyond the removal of the torrent.
    std::shared_ptr<TorrentFiles> const& at(lt::storage_index_t index) const {
        return torrents_[static_cast<std::uint32_t>(index)];
    }
    std::shared_ptr<TorrentFiles> remove(lt::storage_index_t index);
    // Returns the path. Successive torrents mostly have the same one, which is then kept once.
    std::shared_ptr<std::string const> const& shared(std::string const& path);
    // Returns the files of the torrent that other torrents write.
    std::map<lt::file_index_t, std::string> const& conflicts(TorrentFiles& torrent) const {
        if (torrent.conflicts_changed)
            paths_->find_conflicts(torrent);
        return torrent.details().conflicts;
    }
    // Sets the path of its files.
    void moved(std::shared_ptr<TorrentFiles> const& torrent, std::string const& path);
    void renamed(std::shared_ptr<TorrentFiles> const& torrent, lt::file_index_t file,
                 std::string const& name);

  private:
    std::vector<std::shared_ptr<TorrentFiles>> torrents_;
    std::shared_ptr<Paths> const paths_;
    // The last path.
    std::shared_ptr<std::string const> path_;
};

} // namespace patron
