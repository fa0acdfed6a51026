// The torrents of a session, as its disk backends know them.
#pragma once

#include "torrent-patron/cpp/compat.hpp"
#include "torrent-patron/cpp/disk/forward.hpp"
#include "torrent-patron/cpp/disk/paths.hpp"
#include "torrent-patron/cpp/disk/written.hpp"

#include <libtorrent/disk_interface.hpp>
#include <libtorrent/storage_defs.hpp>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

namespace patron {

struct TorrentFiles;

// A byte of a file that was written and is not zero.
struct Probe {
    lt::file_index_t file;
    std::string path;
    std::int64_t offset;
};

// What an outer backend keeps of a torrent.
struct Attachment {
    virtual ~Attachment() = default;
    // Called before a job that must find no file open, and when the torrent is removed.
    virtual void release_files() = 0;
    // Called when such a job has ended and nothing is being done to the files; not when the torrent
    // is stopped, as its files may be mended then.
    virtual void settled(std::shared_ptr<TorrentFiles> const& torrent) = 0;
    // Looks on a worker whether these are still there; gives the first that is not.
    virtual void look_for(std::vector<Probe> probes,
                          std::function<void(lt::storage_error const&)> then) = 0;
};

// A torrent's files: where they are, and what is being done to them. Network thread only.
struct TorrentFiles {
    // What idle torrents do not have, and most torrents of many are idle.
    struct Rare {
        // Empty where all are wanted.
        Priorities priorities;
        // In each file, the first byte that was written and is not zero. It is lost where another
        // program has cut the file.
        std::map<lt::file_index_t, std::int64_t> probes;
        // Another torrent that has the same file: Paths.
        std::map<lt::file_index_t, std::weak_ptr<TorrentFiles>> others;
        // Writes under way.
        std::map<lt::piece_index_t, int> open_writes;
        std::multimap<lt::piece_index_t, std::function<void()>> waiting;
    };

    explicit TorrentFiles(lt::storage_params const& params);
    Rare const& known() const {
        static Rare const none;
        return rare_ ? *rare_ : none;
    }
    Rare& rare() {
        if (!rare_)
            rare_ = std::make_unique<Rare>();
        return *rare_;
    }
    // What was written does not count any more.
    void forget_probes();
    void set_priorities(Priorities const& priorities);
    void release_files();
    // A file with data that is not wanted.
    bool is_skipped(lt::file_index_t file) const {
        Priorities const& wanted = known().priorities;
        return file < wanted.end_index() && wanted[file] == lt::dont_download;
    }
    // Those that are downloaded.
    std::vector<ExpectedFile> wanted_files() const;
    void begin_write(lt::piece_index_t piece);
    void end_write(lt::piece_index_t piece);
    // Calls `then` once the writes to the piece have ended; with 2.1, immediately.
    void after_writes(lt::piece_index_t piece, std::function<void()> then);

    // Outlives this: the inner storage keeps the torrent, which owns it.
    lt::file_storage const& files;
    compat::FileNames names;
    std::string path;
    lt::sha1_hash const hash;
    // The storage of libtorrent's own backend, which gives the index.
    lt::storage_holder inner;
    // libtorrent's own object.
    std::weak_ptr<void> owner;
    // The read path's, where there is one.
    std::unique_ptr<Attachment> reader;

    // When it came, among all of the session.
    std::uint64_t order = 0;
    // Changes when the torrent is stopped or removed. What was asked before is answered as aborted.
    std::uint64_t generation = 0;
    // Jobs under way that move, delete or replace files.
    int exclusive_jobs = 0;

    // How many have begun.
    std::uint64_t writes = 0;
    // The value of `writes` when the files were last released. While `writes` is larger, the
    // torrent is being downloaded: its files change, blocks may be in libtorrent's store buffer
    // only, and smart_ban reads blocks that the next peer overwrites.
    std::uint64_t released = 0;

  private:
    std::unique_ptr<Rare> rare_;
};

// The one list of them, shared by the backends of a session. Network thread only.
class Torrents {
  public:
    void add(std::shared_ptr<TorrentFiles> torrent);
    // Handlers may keep it beyond the torrent's removal.
    std::shared_ptr<TorrentFiles> const& at(lt::storage_index_t index) const {
        return torrents_[static_cast<std::uint32_t>(index)];
    }
    std::shared_ptr<TorrentFiles> remove(lt::storage_index_t index);
    // Where its files are now.
    void moved(std::shared_ptr<TorrentFiles> const& torrent, std::string const& path);
    void renamed(std::shared_ptr<TorrentFiles> const& torrent, lt::file_index_t file,
                 std::string const& name);

  private:
    std::vector<std::shared_ptr<TorrentFiles>> torrents_;
    Paths paths_;
    std::uint64_t added_ = 0;
};

} // namespace patron
