#include "torrent-patron/cpp/disk/read/file_slices.hpp"
#include "torrent-patron/cpp/disk/read/file.hpp"

#include <libtorrent/disk_interface.hpp>

#include <algorithm>

namespace patron {

bool FileSlices::split(lt::file_storage const& files, lt::peer_request const& request,
                       lt::file_index_t& hint) {
    std::int64_t at =
        static_cast<int>(request.piece) * std::int64_t{files.piece_length()} + request.start;
    int left = request.length;
    if (left <= 0 || left > lt::default_block_size || request.start < 0 ||
        at + left > files.total_size())
        return false;
    lt::file_index_t i = hint;
    if (at < files.file_offset(i) || at >= files.file_offset(i) + files.file_size(i))
        i = hint = files.file_index_at_offset(at);
    for (; left > 0; ++i) {
        if (i >= files.end_file())
            return false;
        std::int64_t const offset = at - files.file_offset(i);
        std::int64_t const room = files.file_size(i) - offset;
        if (room <= 0)
            continue;
        if (count_ == max)
            return false;
        FileSlice& slice = slices_[static_cast<std::size_t>(count_++)];
        slice.index = i;
        slice.offset = offset;
        slice.length = static_cast<int>(std::min<std::int64_t>(room, left));
        slice.pad = files.pad_file_at(i);
        at += slice.length;
        left -= slice.length;
    }
    return true;
}

void FileSlices::set_resident() const {
    for (FileSlice const& slice : *this)
        if (!slice.pad && slice.file->mapping() != nullptr)
            slice.file->mapping()->set_resident(slice.offset, slice.length);
}

} // namespace patron
