#include "torrent-patron/cpp/maker.hpp"

#include "torrent-patron/cpp/convert.hpp"
#include "torrent-patron/cpp/metainfo.hpp"
#include "torrent-patron/src/sys/making.rs.h"

#include <libtorrent/version.hpp>

#include <stdexcept>

namespace patron {
namespace {

lt::create_flags_t flags(NewTorrentRecord const& record) {
    lt::create_flags_t flags{};
    if (!record.v2)
        flags |= lt::create_torrent::v1_only;
    if (!record.v1)
        flags |= lt::create_torrent::v2_only;
    for (NewFileRecord const& file : record.files)
        if (!file.symlink.empty())
            flags |= lt::create_torrent::symlinks;
    return flags;
}

std::vector<compat::NewFile> files(NewTorrentRecord const& record) {
    std::vector<compat::NewFile> out;
    out.reserve(record.files.size());
    for (NewFileRecord const& file : record.files) {
        lt::file_flags_t flags{};
        if (file.executable)
            flags |= lt::file_storage::flag_executable;
        if (!file.symlink.empty())
            flags |= lt::file_storage::flag_symlink;
        out.push_back({path({file.path.data(), file.path.size()}), file.size, flags,
                       path({file.symlink.data(), file.symlink.size()})});
    }
    return out;
}

} // namespace

NewTorrent::NewTorrent(NewTorrentRecord const& record)
    : create_(files(record), record.piece_length, flags(record)) {
    // Hashes are set by index, so libtorrent's order must be the same as ours. 2.1 orders the files
    // of v2 torrents by their whole paths, where BEP 52 goes directory by directory: "a.b" and
    // "a/b".
    std::size_t next = 0;
    for (compat::NewFile const& file : create_.layout())
        if (!(file.flags & lt::file_storage::flag_pad_file)) {
            auto const& expected = record.files.at(next++).path;
            if (file.path != path({expected.data(), expected.size()}))
                throw std::invalid_argument("libtorrent " LIBTORRENT_VERSION
                                            " does not order these files as BEP 52 does; they can "
                                            "be shared by a v1 torrent");
        }
    lt::create_torrent& torrent = create_.torrent;
    for (TrackerRecord const& tracker : record.trackers)
        torrent.add_tracker(std::string(tracker.url), tracker.tier);
    for (rust::String const& url : record.web_seeds)
        torrent.add_url_seed(std::string(url));
    torrent.set_priv(record.is_private);
    torrent.set_creation_date(static_cast<std::time_t>(record.creation_date));
    if (!record.comment.empty())
        torrent.set_comment(std::string(record.comment).c_str());
    torrent.set_creator(std::string(record.creator).c_str());
}

LayoutRecord NewTorrent::layout() const {
    LayoutRecord out{};
    out.piece_length = create_.torrent.piece_length();
    out.piece_count = create_.torrent.num_pieces();
    for (compat::NewFile const& file : create_.layout()) {
        out.sizes.push_back(file.size);
        out.pads.push_back(bool(file.flags & lt::file_storage::flag_pad_file));
    }
    return out;
}

void NewTorrent::set_hashes(std::int32_t piece, std::int32_t file, std::int32_t piece_of_file,
                            PieceHashes const& hashes) {
    lt::create_torrent& torrent = create_.torrent;
    if (!torrent.is_v2_only())
        torrent.set_hash(lt::piece_index_t(piece),
                         lt::sha1_hash(reinterpret_cast<char const*>(hashes.v1.data())));
    if (!torrent.is_v1_only())
        torrent.set_hash2(lt::file_index_t(file), lt::piece_index_t::diff_type(piece_of_file),
                          lt::sha256_hash(reinterpret_cast<char const*>(hashes.v2.data())));
}

void NewTorrent::set_placeholders() {
    lt::create_torrent& torrent = create_.torrent;
    if (!torrent.is_v2_only())
        for (auto const piece : torrent.piece_range())
            torrent.set_hash(piece, lt::sha1_hash::max());
    if (torrent.is_v1_only())
        return;
    std::int32_t index = 0;
    for (compat::NewFile const& file : create_.layout()) {
        std::int64_t const pieces =
            (file.flags & lt::file_storage::flag_pad_file)
                ? 0
                : (file.size + torrent.piece_length() - 1) / torrent.piece_length();
        // libtorrent finds the piece layer of a file by its root, so the roots must differ.
        lt::sha256_hash hash = lt::sha256_hash::max();
        for (int byte = 0; byte < 4; ++byte)
            hash[static_cast<std::size_t>(byte)] =
                static_cast<std::uint8_t>(static_cast<std::uint32_t>(index) >> (8 * byte));
        for (std::int64_t piece = 0; piece < pieces; ++piece)
            torrent.set_hash2(lt::file_index_t(index),
                              lt::piece_index_t::diff_type(static_cast<std::int32_t>(piece)), hash);
        ++index;
    }
}

rust::Vec<std::uint8_t> NewTorrent::encode() const {
    auto const encoded = create_.torrent.generate_buf();
    return bytes(lt::string_view(encoded.data(), encoded.size()));
}

std::unique_ptr<NewTorrent> new_torrent(NewTorrentRecord const& record) {
    return std::make_unique<NewTorrent>(record);
}

rust::Vec<std::uint8_t> preview(NewTorrentRecord const& record) {
    NewTorrent torrent(record);
    torrent.set_placeholders();
    return torrent.encode();
}

} // namespace patron
