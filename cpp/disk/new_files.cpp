#include "torrent-patron/cpp/disk/new_files.hpp"
#include "torrent-patron/cpp/compat.hpp"
#include "torrent-patron/cpp/errors.hpp"
#include "torrent-patron/cpp/file_state.hpp"

#include <libtorrent/hasher.hpp>
#include <libtorrent/operations.hpp>

#include <algorithm>
#include <fstream>

#include <sys/stat.h>

namespace patron {
namespace {

// How many pieces of a file are hashed to find a correct one.
constexpr int samples = 16;

enum Reason { not_regular = 1, longer, foreign };

class Exists final : public boost::system::error_category {
  public:
    char const* name() const noexcept override { return category::exists; }
    std::string message(int why) const override {
        switch (why) {
        case not_regular:
            return "it exists and is not a regular file";
        case longer:
            return "it exists and is longer than the torrent says";
        default:
            return "it exists and contains no data of this torrent";
        }
    }
};

lt::storage_error refused(ExpectedFile const& file, Reason why) {
    // Never destroyed: the network thread may outlive main.
    static Exists const& exists = *new Exists;
    return lt::storage_error(lt::error_code(why, exists), file.index,
                             lt::operation_t::check_resume);
}

bool is_right(ExpectedFile const& file, lt::torrent_info const& info, lt::piece_index_t piece) {
    std::string data(static_cast<std::size_t>(info.piece_size(piece)), '\0');
    std::ifstream from(file.path, std::ios::binary);
    from.seekg(std::int64_t(static_cast<int>(piece)) * info.piece_length() - file.begin);
    from.read(&data[0], static_cast<std::streamsize>(data.size()));
    return from && lt::hasher(data).final() == info.hash_for_piece(piece);
}

// Of a torrent that is only v2, the hashes of the pieces come later.
bool contains_data(ExpectedFile const& file, lt::torrent_info const& info, bool is_whole) {
    if (!info.info_hashes().has_v1())
        return true;
    std::int64_t const length = info.piece_length(), end = file.begin + file.size;
    auto const first = static_cast<int>((file.begin + length - 1) / length);
    // Pieces that are in this file alone.
    auto const after =
        end == info.total_size() ? info.num_pieces() : static_cast<int>(end / length);
    // A small file shares all of its pieces with others, so it cannot be checked alone.
    if (first >= after)
        return is_whole;
    int const step = std::max((after - first) / samples, 1);
    for (int piece = first; piece < after; piece += step)
        if (is_right(file, info, lt::piece_index_t(piece)))
            return true;
    return false;
}

} // namespace

lt::storage_error foreign_file(std::vector<ExpectedFile> const& files,
                               lt::torrent_info const& info) {
    for (ExpectedFile const& file : files) {
        struct stat found {};
        if (::stat(file.path.c_str(), &found) != 0)
            continue;
        if (!S_ISREG(found.st_mode))
            return refused(file, not_regular);
        if (found.st_size > file.size)
            return refused(file, longer);
        // A file of an earlier download has its full length, and holes until it is complete.
        if (found.st_size > 0 && !has_hole(file.path) &&
            !contains_data(file, info, found.st_size == file.size))
            return refused(file, foreign);
    }
    return {};
}

} // namespace patron
