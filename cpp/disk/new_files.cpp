#include "torrent-patron/cpp/disk/new_files.hpp"
#include "torrent-patron/cpp/compat.hpp"
#include "torrent-patron/cpp/errors.hpp"
#include "torrent-patron/cpp/file_state.hpp"
#include "torrent-patron/cpp/hashing.hpp"

#include <libtorrent/hasher.hpp>
#include <libtorrent/operations.hpp>

#include <algorithm>
#include <fstream>
#include <utility>

#include <sys/stat.h>

namespace patron {
namespace {

// How many pieces of a file are hashed to find a correct one.
constexpr int samples = 16;
// The largest file that is hashed as a whole, in bytes.
constexpr std::int64_t max_hashed = 256 * 1024 * 1024;

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

// Returns whether the file has the root of its hash tree.
bool has_root(ExpectedFile const& file, lt::torrent_info const& info) {
    std::int64_t const block = lt::default_block_size;
    std::size_t leaves = 1;
    while (static_cast<std::int64_t>(leaves) * block < file.size)
        leaves *= 2;
    std::vector<lt::sha256_hash> hashes(leaves);
    std::ifstream from(file.path, std::ios::binary);
    std::string data;
    for (std::int64_t at = 0; at < file.size; at += block) {
        data.resize(static_cast<std::size_t>(std::min(block, file.size - at)));
        if (!from.read(&data[0], static_cast<std::streamsize>(data.size())))
            return false;
        hashes[static_cast<std::size_t>(at / block)] = lt::hasher256(data).final();
    }
    return merkle_root(std::move(hashes)) == compat::original_files(info).root(file.index);
}

bool contains_data(ExpectedFile const& file, lt::torrent_info const& info, std::int64_t found) {
    bool const is_whole = found == file.size;
    WrittenRanges const written(file.path);
    bool const has_holes = !written.contains(0, found);
    // Of a torrent that is only v2, the hashes of the pieces come later.
    if (!info.info_hashes().has_v1())
        return has_holes || (is_whole && (file.size > max_hashed || has_root(file, info)));
    std::int64_t const length = info.piece_length(), end = file.begin + file.size;
    auto const first = static_cast<int>((file.begin + length - 1) / length);
    // Pieces that are in this file alone.
    auto const after =
        end == info.total_size() ? info.num_pieces() : static_cast<int>(end / length);
    int const step = std::max((after - first) / samples, 1);
    // It has only begun, or is small and shares all of its pieces with others, so it cannot be
    // checked alone.
    bool cannot_tell = is_whole || has_holes;
    for (int number = first; number < after; number += step) {
        lt::piece_index_t const piece(number);
        std::int64_t const begin = number * length - file.begin;
        if (!written.contains(begin, begin + info.piece_size(piece)))
            continue;
        if (is_right(file, info, piece))
            return true;
        cannot_tell = false;
    }
    return cannot_tell;
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
        if (found.st_size > 0 && !contains_data(file, info, found.st_size))
            return refused(file, foreign);
    }
    return {};
}

} // namespace patron
