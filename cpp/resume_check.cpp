#include "torrent-patron/cpp/resume_check.hpp"
#include "torrent-patron/cpp/compat.hpp"
#include "torrent-patron/cpp/file_names.hpp"
#include "torrent-patron/cpp/file_state.hpp"

#include <libtorrent/disk_interface.hpp>
#include <libtorrent/torrent_flags.hpp>

#include <algorithm>
#include <cstdint>
#include <cstring>

#include <unistd.h>

namespace patron {
namespace {

// libtorrent hashes single pieces all at once. Beyond this number, the whole torrent is checked,
// which it does a few pieces at a time.
constexpr int max_single_checks = 1024;

std::string file_path(lt::add_torrent_params const& params, lt::file_index_t file) {
    return params.save_path + '/' + file_name(params, file);
}

struct Piece {
    // Whether the claim of the resume data cannot be trusted.
    bool doubtful = false;
    // Whether the whole piece is in files.
    bool present = true;
    // Whether the whole piece was written, as far as the file system can tell.
    bool written = true;
    bool wanted = false;
};

// Clears the blocks of a piece that are not in the range of a file. Offsets are those in the file.
// Returns whether there were any.
bool clear_missing(lt::bitfield& blocks, std::int64_t piece, std::int64_t begin, std::int64_t end,
                   std::int64_t size, WrittenRanges const& written) {
    bool found = false;
    for (int i = 0; i < blocks.size(); ++i) {
        std::int64_t const from = std::max(piece + i * lt::default_block_size, begin);
        std::int64_t const to = std::min(piece + (i + 1) * lt::default_block_size, end);
        if (from >= to || !blocks[i] || (to <= size && written.contains(from, to)))
            continue;
        blocks.clear_bit(i);
        found = true;
    }
    return found;
}

} // namespace

std::string file_stamps(lt::add_torrent_params const& params) {
    std::string out;
    for (lt::file_index_t const i : compat::files(*params.ti).file_range()) {
        Stamp const now = stamp_of(file_path(params, i));
        out.append(reinterpret_cast<char const*>(&now), sizeof now);
    }
    return out;
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

bool has_unfinished(lt::add_torrent_params const& params, lt::file_index_t file) {
    auto const& files = compat::files(*params.ti);
    std::int64_t const begin = files.file_offset(file), end = begin + files.file_size(file);
    return std::any_of(params.unfinished_pieces.begin(), params.unfinished_pieces.end(),
                       [&](auto const& piece) {
                           std::int64_t const at =
                               std::int64_t(static_cast<int>(piece.first)) * files.piece_length();
                           return at < end && at + files.piece_length() > begin;
                       });
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

    bool as_claimed = true;
    std::vector<Piece> pieces(static_cast<std::size_t>(files.num_pieces()));
    for (lt::file_index_t const i : files.file_range()) {
        if (!has_data(files, i))
            continue;
        auto const place = static_cast<std::size_t>(static_cast<int>(i));
        std::string const path = file_path(params, i);
        Stamp const now = stamp_of(path);
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
        WrittenRanges const written(path);
        for (std::int64_t offset = 0; offset < files.file_size(i);) {
            std::int64_t const at = files.file_offset(i) + offset;
            std::int64_t const number = at / files.piece_length();
            std::int64_t const end = std::min(
                (number + 1) * files.piece_length() - files.file_offset(i), files.file_size(i));
            Piece& piece = pieces[static_cast<std::size_t>(number)];
            piece.wanted = piece.wanted || !skipped;
            bool const present = end <= now.size;
            piece.doubtful = piece.doubtful || doubtful || !(present || in_parts);
            piece.present = piece.present && present;
            lt::piece_index_t const index(static_cast<int>(number));
            auto const unfinished = params.unfinished_pieces.find(index);
            if (unfinished != params.unfinished_pieces.end() && !in_parts &&
                clear_missing(unfinished->second,
                              number * files.piece_length() - files.file_offset(i), offset, end,
                              now.size, written))
                as_claimed = false;
            if (!params.have_pieces[index])
                piece.written = piece.written && present && written.contains(offset, end);
            offset = end;
        }
    }

    int checks = 0;
    for (lt::piece_index_t const i : files.piece_range()) {
        Piece const& piece = pieces[static_cast<std::size_t>(static_cast<int>(i))];
        bool const claimed = params.have_pieces[i];
        if (claimed ? !piece.doubtful : !(piece.wanted && piece.written))
            continue;
        as_claimed = false;
        params.have_pieces.clear_bit(i);
        params.unfinished_pieces.erase(i);
        if (!piece.present)
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
