#include "torrent-patron/cpp/resume_check.hpp"
#include "torrent-patron/cpp/compat.hpp"
#include "torrent-patron/cpp/file_names.hpp"

#include <libtorrent/disk_interface.hpp>
#include <libtorrent/torrent_flags.hpp>

#include <algorithm>
#include <cstdint>
#include <cstring>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace patron {
namespace {

// libtorrent hashes single pieces all at once. Beyond this number, the whole torrent is checked,
// which it does a few pieces at a time.
constexpr int max_single_checks = 1024;

struct Stamp {
    std::int64_t size = -1;
    std::int64_t modified = 0;
    std::int64_t changed = 0;
    bool operator==(Stamp const& other) const {
        return size == other.size && modified == other.modified && changed == other.changed;
    }
};

std::int64_t nanoseconds(timespec const& time) {
    return std::int64_t(time.tv_sec) * 1'000'000'000 + time.tv_nsec;
}

Stamp stamp(std::string const& path) {
    struct stat found {};
    if (::stat(path.c_str(), &found) != 0 || !S_ISREG(found.st_mode))
        return {};
#ifdef __APPLE__
    return {found.st_size, nanoseconds(found.st_mtimespec), nanoseconds(found.st_ctimespec)};
#else
    return {found.st_size, nanoseconds(found.st_mtim), nanoseconds(found.st_ctim)};
#endif
}

std::string file_path(lt::add_torrent_params const& params, lt::file_index_t file) {
    return params.save_path + '/' + file_name(params, file);
}

// An open file; closed by the destructor.
class Data {
  public:
    explicit Data(std::string const& path)
        : descriptor_(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)) {}
    ~Data() {
        if (descriptor_ >= 0)
            ::close(descriptor_);
    }
    Data(Data const&) = delete;
    Data& operator=(Data const&) = delete;
    // Returns whether the whole range was written. If the file system cannot tell, it is assumed.
    bool is_written(std::int64_t begin, std::int64_t end) const {
        off_t const hole = ::lseek(descriptor_, begin, SEEK_HOLE);
        return hole < 0 || hole >= end;
    }

  private:
    int const descriptor_;
};

struct Piece {
    // Whether the claim of the resume data cannot be trusted.
    bool doubtful = false;
    // Whether the whole piece is in files.
    bool here = true;
    // Whether the whole piece was written, as far as the file system can tell.
    bool written = true;
    bool wanted = false;
};

} // namespace

std::string file_stamps(lt::add_torrent_params const& params) {
    std::string out;
    for (lt::file_index_t const i : compat::files(*params.ti).file_range()) {
        Stamp const now = stamp(file_path(params, i));
        out.append(reinterpret_cast<char const*>(&now), sizeof now);
    }
    return out;
}

bool has_hole(std::string const& path) {
    return has_hole(path, 0, stamp(path).size);
}

bool has_hole(std::string const& path, std::int64_t begin, std::int64_t end) {
    return !Data(path).is_written(begin, end);
}

bool has_hole(rust::Slice<std::uint8_t const> path, std::uint64_t begin, std::uint64_t end) {
    std::string const name(reinterpret_cast<char const*>(path.data()), path.size());
    return has_hole(name, static_cast<std::int64_t>(begin), static_cast<std::int64_t>(end));
}

bool is_claimed(lt::add_torrent_params const& params, lt::file_index_t file) {
    if (is_skipped(params.file_priorities, file))
        return false;
    auto const& files = compat::files(*params.ti);
    if (files.pad_file_at(file))
        return false;
    std::int64_t const begin = files.file_offset(file), end = begin + files.file_size(file);
    for (auto piece = static_cast<int>(begin / files.piece_length());
         piece < params.have_pieces.size() && std::int64_t(piece) * files.piece_length() < end;
         ++piece)
        if (params.have_pieces.get_bit(lt::piece_index_t(piece)))
            return true;
    return false;
}

bool check_resume_data(lt::add_torrent_params& params,
                       std::vector<lt::download_priority_t> const& saved, std::string const& stamps,
                       bool moved) {
    if (!params.ti || params.have_pieces.size() < params.ti->num_pieces() ||
        params.flags & lt::torrent_flags::seed_mode)
        return true;
    lt::file_storage const& files = compat::files(*params.ti);
    bool const has_stamps =
        stamps.size() == sizeof(Stamp) * static_cast<std::size_t>(files.num_files());
    bool const has_parts = ::access(part_file(params).c_str(), F_OK) == 0;

    std::vector<Piece> pieces(static_cast<std::size_t>(files.num_pieces()));
    for (lt::file_index_t const i : files.file_range()) {
        if (!has_data(files, i))
            continue;
        auto const place = static_cast<std::size_t>(static_cast<int>(i));
        std::string const path = file_path(params, i);
        Stamp const now = stamp(path);
        Stamp then = now;
        if (has_stamps)
            std::memcpy(&then, stamps.data() + place * sizeof then, sizeof then);
        if (moved)
            then.changed = now.changed;
        bool const skipped = is_skipped(params.file_priorities, i);
        bool const doubtful =
            (now.size >= 0 && !(now == then)) || (is_skipped(saved, i) && !skipped);
        // The pieces of a skipped file that it shares with other files are in the part file.
        bool const in_parts = has_parts && skipped && now.size < 0;
        Data const data(path);
        for (std::int64_t offset = 0; offset < files.file_size(i);) {
            std::int64_t const at = files.file_offset(i) + offset;
            std::int64_t const number = at / files.piece_length();
            std::int64_t const end = std::min(
                (number + 1) * files.piece_length() - files.file_offset(i), files.file_size(i));
            Piece& piece = pieces[static_cast<std::size_t>(number)];
            piece.wanted = piece.wanted || !skipped;
            bool const here = end <= now.size;
            piece.doubtful = piece.doubtful || doubtful || !(here || in_parts);
            piece.here = piece.here && here;
            if (!params.have_pieces[lt::piece_index_t(static_cast<int>(number))])
                piece.written = piece.written && here && data.is_written(offset, end);
            offset = end;
        }
    }

    int checks = 0;
    bool as_claimed = true;
    for (lt::piece_index_t const i : files.piece_range()) {
        Piece const& piece = pieces[static_cast<std::size_t>(static_cast<int>(i))];
        bool const claimed = params.have_pieces[i];
        if (claimed ? !piece.doubtful : !(piece.wanted && piece.written))
            continue;
        as_claimed = false;
        params.have_pieces.clear_bit(i);
        params.unfinished_pieces.erase(i);
        if (!piece.here)
            continue;
        // Marked as complete, so that its hash is checked.
        int const blocks =
            (files.piece_size(i) + lt::default_block_size - 1) / lt::default_block_size;
        params.unfinished_pieces[i].resize(blocks, true);
        ++checks;
    }
    if (checks > max_single_checks) {
        params.have_pieces.clear();
        params.unfinished_pieces.clear();
    }
    return as_claimed;
}

} // namespace patron
