// The differences between the versions of libtorrent (2.0.8 up to 2.1.x), and between the options
// that it is built with. The files that use its private members have theirs:
// docs/inside-libtorrent.md.
#pragma once

#include <libtorrent/add_torrent_params.hpp>
#include <libtorrent/alert_types.hpp>
#include <libtorrent/create_torrent.hpp>
#include <libtorrent/disk_buffer_holder.hpp>
#include <libtorrent/file_storage.hpp>
#include <libtorrent/peer_info.hpp>
#include <libtorrent/socket.hpp>
#include <libtorrent/storage_defs.hpp>
#include <libtorrent/torrent_handle.hpp>
#include <libtorrent/torrent_info.hpp>
#include <libtorrent/torrent_status.hpp>
#include <libtorrent/version.hpp>

#include <cstdint>
#include <ctime>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#if LIBTORRENT_VERSION_NUM < 20008
#error "torrent-patron needs libtorrent 2.0.8 or newer"
#endif

namespace patron {
namespace compat {

// Since 2.0.11, a torrent whose files are not verified connects to the peers that it was added with
// before it knows whether it uses TLS.
constexpr bool connects_before_tls = LIBTORRENT_VERSION_NUM >= 20011;

// Since 2.1, pieces are hashed before they are written, which may be much later.
constexpr bool hashes_written_pieces = LIBTORRENT_VERSION_NUM < 20100;

// Since 2.1, blocks of a storage are in a cache, also when none of its jobs is running.
constexpr bool caches_blocks = LIBTORRENT_VERSION_NUM >= 20100;

// Until 2.0.12, hashes from a peer may be for a pad file, which has no hash tree.
constexpr bool pads_lack_trees = LIBTORRENT_VERSION_NUM < 20013;

// Until 2.0.13, and in 2.1.0, messages about hash trees are not checked for torrents without trees,
// nor rejects of requests for the hashes of blocks. 2.0.14 may lack the first of these checks,
// which was made when that version already had its number.
constexpr bool trusts_hash_messages =
    LIBTORRENT_VERSION_NUM < 20015 || LIBTORRENT_VERSION_NUM == 20100;

// Until 2.0.8, the pieces in resume data of 2.1, one bit each, are read as if each had a byte.
constexpr bool reads_compact_resume_data = LIBTORRENT_VERSION_NUM >= 20009;

// Whether a torrent has a v1 info hash, but no v1 hashes of its pieces: libtorrent accepts it if it
// is also a v2 torrent, and would read them from beyond the end of its metadata.
inline bool lacks_v1_hashes(lt::torrent_info const& info) {
    return info.info_hashes().has_v1() && info.num_pieces() > 0 &&
           info.hash_for_piece_ptr(lt::piece_index_t(0)) == info.info_section().data();
}

// A file of a new torrent; libtorrent adds pad files.
struct NewFile {
    std::string path;
    std::int64_t size;
    lt::file_flags_t flags;
    std::string symlink;
};

#if LIBTORRENT_VERSION_NUM >= 20100

constexpr lt::status_t disk_failed = lt::disk_status::fatal_disk_error;
constexpr bool has_failed(lt::status_t status) {
    return bool(status & (disk_failed | lt::disk_status::file_exist));
}
inline lt::file_storage const& files(lt::torrent_info const& info) {
    return info.layout();
}
inline lt::file_storage const& original_files(lt::torrent_info const& info) {
    return info.layout();
}
// The paths of the files below the save directory. A torrent_info no longer has the renamed ones.
inline std::vector<std::string> paths(lt::torrent_handle const& torrent,
                                      lt::torrent_info const& info) {
    auto const renamed = torrent.get_renamed_files();
    std::vector<std::string> out;
    for (auto const i : info.layout().file_range())
        out.push_back(renamed.file_path(info.layout(), i));
    return out;
}
inline std::string const& comment(lt::add_torrent_params const& params) {
    return params.comment;
}
inline std::string const& creator(lt::add_torrent_params const& params) {
    return params.created_by;
}
inline std::time_t creation_date(lt::add_torrent_params const& params) {
    return params.creation_date;
}

// nullopt for an I2P peer.
inline std::optional<lt::tcp::endpoint> endpoint(lt::peer_alert const& alert) {
    auto const* const ip = std::get_if<lt::aux::noexcept_movable<lt::tcp::endpoint>>(&alert.ep);
    return ip != nullptr ? std::optional<lt::tcp::endpoint>(*ip) : std::nullopt;
}
// The address of a peer; unspecified for an I2P peer.
inline lt::tcp::endpoint remote(lt::peer_info const& peer) {
    return peer.remote_endpoint();
}
inline lt::tcp::endpoint local(lt::peer_info const& peer) {
    return peer.local_endpoint();
}
inline bool needs_saving(lt::torrent_status const& status) {
    return bool(status.need_save_resume_data);
}

// Does not block on the network thread since 2.1.
inline std::string name(lt::torrent_alert const& alert) {
    auto const info = alert.handle.torrent_file();
    return info ? info->name() : std::string();
}
// BEP 17 has been removed.
template <typename Params>
std::vector<std::string>* http_seeds(Params&) {
    return nullptr;
}
template <typename Params>
void add_http_seeds(lt::torrent_handle const&, Params const&) {}

class BufferAllocator : public lt::buffer_allocator_interface {
  public:
    void free_multiple_buffers(lt::span<char*> buffers) override {
        for (char* const buffer : buffers)
            free_disk_buffer(buffer);
    }
};
inline lt::disk_buffer_holder holder(BufferAllocator& allocator, char* buffer, int) {
    return lt::disk_buffer_holder(allocator, buffer);
}

// The paths of a torrent's files, including renamed ones.
class FileNames {
  public:
    explicit FileNames(lt::storage_params const& params)
        : files_(params.files), renamed_(params.renamed_files) {}
    std::string path(lt::file_index_t file, std::string const& save_path) const {
        return renamed_.file_path(files_, file, save_path);
    }
    void rename(lt::file_index_t file, std::string const& name) {
        renamed_.rename_file(files_, file, name);
    }
    // What a new storage of the torrent is made with. It refers to the arguments.
    template <typename Priorities>
    lt::storage_params storage_params(lt::torrent_info const& info, std::string const& save_path,
                                      lt::storage_mode_t mode, Priorities const& priorities,
                                      lt::sha1_hash const& hash) const {
        return {files_, renamed_, save_path, {}, mode, priorities, hash, info.v1(), info.v2()};
    }

  private:
    lt::file_storage const& files_;
    lt::renamed_files renamed_;
};

class CreateTorrent {
  public:
    CreateTorrent(std::vector<NewFile> const& files, int piece_length, lt::create_flags_t flags)
        : torrent(list(files), piece_length, flags) {}
    lt::create_torrent torrent;
    std::vector<NewFile> layout() const {
        std::vector<NewFile> out;
        for (auto const& file : torrent.file_list())
            out.push_back({file.filename, file.size, file.flags, file.symlink});
        return out;
    }

  private:
    static std::vector<lt::create_file_entry> list(std::vector<NewFile> const& files) {
        std::vector<lt::create_file_entry> out;
        for (NewFile const& file : files)
            out.emplace_back(file.path, file.size, file.flags, 0, file.symlink);
        return out;
    }
};

inline void list_files(std::string const& path) {
    lt::list_files(path);
}

#else

inline lt::file_storage const& files(lt::torrent_info const& info) {
    return info.files();
}
constexpr lt::status_t disk_failed = lt::status_t::fatal_disk_error;
constexpr bool has_failed(lt::status_t status) {
    return status == disk_failed || status == lt::status_t::file_exist;
}
// The files with their original names.
inline lt::file_storage const& original_files(lt::torrent_info const& info) {
    return info.orig_files();
}
inline std::vector<std::string> paths(lt::torrent_handle const&, lt::torrent_info const& info) {
    std::vector<std::string> out;
    for (auto const i : info.files().file_range())
        out.push_back(info.files().file_path(i));
    return out;
}
inline std::string const& comment(lt::add_torrent_params const& params) {
    return params.ti->comment();
}
inline std::string const& creator(lt::add_torrent_params const& params) {
    return params.ti->creator();
}
inline std::time_t creation_date(lt::add_torrent_params const& params) {
    return params.ti->creation_date();
}

inline std::optional<lt::tcp::endpoint> endpoint(lt::peer_alert const& alert) {
    if (alert.endpoint.address().is_unspecified())
        return std::nullopt;
    return alert.endpoint;
}
inline lt::tcp::endpoint remote(lt::peer_info const& peer) {
    return (peer.flags & lt::peer_info::i2p_socket) ? lt::tcp::endpoint() : peer.ip;
}
inline lt::tcp::endpoint local(lt::peer_info const& peer) {
    return peer.local_endpoint;
}
inline bool needs_saving(lt::torrent_status const& status) {
    return status.need_save_resume;
}

inline std::string name(lt::torrent_alert const& alert) {
    return alert.torrent_name();
}
template <typename Params>
auto* http_seeds(Params& params) {
    return &params.http_seeds;
}
template <typename Params>
void add_http_seeds(lt::torrent_handle const& torrent, Params const& params) {
    for (std::string const& url : params.http_seeds)
        torrent.add_http_seed(url);
}

using BufferAllocator = lt::buffer_allocator_interface;

// The size must be exact: libtorrent writes its next message into a buffer's spare space.
inline lt::disk_buffer_holder holder(BufferAllocator& allocator, char* buffer, int size) {
    return lt::disk_buffer_holder(allocator, buffer, size);
}

class FileNames {
  public:
    explicit FileNames(lt::storage_params const& params) : files_(params.files) {
        if (params.mapped_files != nullptr)
            renamed_ = std::make_unique<lt::file_storage>(*params.mapped_files);
    }
    std::string path(lt::file_index_t file, std::string const& save_path) const {
        return (renamed_ ? *renamed_ : files_).file_path(file, save_path);
    }
    void rename(lt::file_index_t file, std::string const& name) {
        if (!renamed_)
            renamed_ = std::make_unique<lt::file_storage>(files_);
        renamed_->rename_file(file, name);
    }
    template <typename Priorities>
    lt::storage_params storage_params(lt::torrent_info const&, std::string const& save_path,
                                      lt::storage_mode_t mode, Priorities const& priorities,
                                      lt::sha1_hash const& hash) const {
        return {files_, renamed_.get(), save_path, mode, priorities, hash};
    }

  private:
    lt::file_storage const& files_;
    std::unique_ptr<lt::file_storage> renamed_;
};

class CreateTorrent {
    // create_torrent refers to it, so it must be declared first.
    lt::file_storage files_;

  public:
    CreateTorrent(std::vector<NewFile> const& files, int piece_length, lt::create_flags_t flags)
        : files_(list(files)), torrent(files_, piece_length, flags) {}
    CreateTorrent(CreateTorrent const&) = delete;
    CreateTorrent& operator=(CreateTorrent const&) = delete;
    lt::create_torrent torrent;
    std::vector<NewFile> layout() const {
        std::vector<NewFile> out;
        for (auto const i : files_.file_range())
            out.push_back({files_.file_path(i), files_.file_size(i), files_.file_flags(i), {}});
        return out;
    }

  private:
    static lt::file_storage list(std::vector<NewFile> const& files) {
        lt::file_storage out;
        for (NewFile const& file : files)
            out.add_file(file.path, file.size, file.flags, 0, file.symlink);
        return out;
    }
};

inline void list_files(std::string const& path) {
    lt::file_storage files;
    lt::add_files(files, path);
}

#endif

} // namespace compat
} // namespace patron
