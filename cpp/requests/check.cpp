#include "torrent-patron/cpp/requests/check.hpp"
#include "torrent-patron/cpp/errors.hpp"
#include "torrent-patron/cpp/policy.hpp"

#include <stdexcept>

namespace patron {

std::shared_ptr<lt::torrent_info const> metainfo(lt::torrent_handle const& torrent) {
    auto info = torrent.torrent_file();
    if (!info || !info->is_valid())
        throw lt::system_error(lt::errors::no_metadata);
    return info;
}

void refuse(std::string const& why) {
    throw std::invalid_argument(why);
}

std::string count(int number, char const* what) {
    return std::to_string(number) + " " + what + (number == 1 ? "" : "s");
}

lt::file_index_t file(lt::torrent_info const& info, std::uint32_t index) {
    if (index >= static_cast<std::uint32_t>(info.num_files()))
        refuse("file " + std::to_string(index) + ": the torrent has " +
               count(info.num_files(), "file"));
    return lt::file_index_t(static_cast<int>(index));
}

lt::piece_index_t piece(lt::torrent_info const& info, std::uint32_t index) {
    if (index >= static_cast<std::uint32_t>(info.num_pieces()))
        refuse("piece " + std::to_string(index) + ": the torrent has " +
               count(info.num_pieces(), "piece"));
    return lt::piece_index_t(static_cast<int>(index));
}

void check_settled(lt::torrent_handle const& torrent, std::string const& why) {
    auto const state = torrent.status({}).state;
    if (state == lt::torrent_status::checking_files ||
        state == lt::torrent_status::checking_resume_data)
        throw Busy(why);
}

lt::download_priority_t level(std::vector<lt::download_priority_t> const& levels, int place) {
    auto const i = static_cast<std::size_t>(place);
    return i < levels.size() ? levels[i] : lt::default_priority;
}

bool has_piece(lt::torrent_status const& status, int piece) {
    return status.is_seeding ||
           (piece < status.pieces.size() && status.pieces[lt::piece_index_t(piece)]);
}

void check(bool allowed, NetworkPolicy const& policy, std::string const& what) {
    if (!allowed)
        refuse(what + ": " + policy.reason(what));
}

} // namespace patron
