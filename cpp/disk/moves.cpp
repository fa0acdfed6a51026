#include "torrent-patron/cpp/disk/moves.hpp"
#include "torrent-patron/cpp/compat.hpp"
#include "torrent-patron/cpp/file_names.hpp"
#include "torrent-patron/cpp/session/internals.hpp"

#include <cerrno>
#include <filesystem>

#include <sys/stat.h>
#include <unistd.h>

namespace patron {
namespace {

bool are_distinct(MovedFile const& file) {
    struct stat from {
    }, to{};
    return ::lstat(file.from.c_str(), &from) == 0 && ::lstat(file.to.c_str(), &to) == 0 &&
           (from.st_ino != to.st_ino || from.st_dev != to.st_dev);
}

} // namespace

std::vector<MovedFile> moved_files(TorrentFiles const& torrent, std::string const& to) {
    std::vector<MovedFile> out;
    for (auto const i : torrent.files.file_range())
        if (!torrent.files.pad_file_at(i))
            out.push_back({torrent.names.path(i, torrent.path), torrent.names.path(i, to)});
    auto const parts = "/" + part_file_name(torrent.hash);
    out.push_back({torrent.path + parts, to + parts});
    return out;
}

EndedJob ended_move(TorrentFiles const& torrent, std::string const& to, lt::status_t status,
                    lt::storage_error const& error) {
    EndedJob job{EndedJob::Kind::Move, internals::id(torrent.owner), torrent.path, error.ec};
    if (!compat::has_failed(status))
        return job;
    job.path = error.file() < lt::file_index_t(0) ? to : torrent.names.path(error.file(), to);
    // libtorrent reports an existing file without an error code.
    if (!job.error)
        job.error = make_error_code(boost::system::errc::file_exists);
    return job;
}

lt::error_code occupied(std::string const& path) {
    struct stat found {};
    int const failed = ::lstat(path.c_str(), &found) == 0 ? EEXIST : errno;
    return failed == ENOENT ? lt::error_code()
                            : lt::error_code(failed, boost::system::system_category());
}

lt::error_code move_error(lt::error_code error, std::string const& to, std::int64_t size) {
    std::error_code unknown;
    if (error == boost::system::errc::cross_device_link &&
        std::filesystem::space(to, unknown).available < static_cast<std::uintmax_t>(size))
        return {ENOSPC, boost::system::system_category()};
    return error;
}

void remove_copies(std::vector<MovedFile> const& files, std::string const& to) {
    std::error_code ignored;
    for (MovedFile const& file : files) {
        if (!are_distinct(file) || ::unlink(file.to.c_str()) != 0)
            continue;
        auto parent = std::filesystem::path(file.to).parent_path();
        while (parent.string().size() > to.size() && std::filesystem::remove(parent, ignored))
            parent = parent.parent_path();
    }
}

} // namespace patron
