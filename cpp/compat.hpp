// The only place that knows which libtorrent it is compiled against (2.0.8 up to 2.1.x).
#pragma once

#include <libtorrent/add_torrent_params.hpp>
#include <libtorrent/alert_types.hpp>
#include <libtorrent/create_torrent.hpp>
#include <libtorrent/file_storage.hpp>
#include <libtorrent/torrent_info.hpp>
#include <libtorrent/version.hpp>

#include <ctime>
#include <string>

#if LIBTORRENT_VERSION_NUM < 20008
#error "torrent-patron needs libtorrent 2.0.8 or newer"
#endif

namespace patron {
namespace compat {

#if LIBTORRENT_VERSION_NUM >= 20100

inline lt::file_storage const& files(lt::torrent_info const& info) {
    return info.layout();
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

// Does not wait for the network thread since 2.1.
inline std::string name(lt::torrent_alert const& alert) {
    auto const info = alert.handle.torrent_file();
    return info ? info->name() : std::string();
}
// BEP 17 is gone.
inline void drop_http_seeds(lt::add_torrent_params&) {}

// The files below a path and the torrent in the making.
class Draft {
  public:
    Draft(std::string const& path, int piece_length, lt::create_flags_t flags)
        : torrent(lt::list_files(path, flags), piece_length, flags) {}
    lt::create_torrent torrent;
};

inline bool has_data(std::string const& path, lt::create_flags_t flags) {
    for (auto const& file : lt::list_files(path, flags))
        if (file.size > 0)
            return true;
    return false;
}

#else

inline lt::file_storage const& files(lt::torrent_info const& info) {
    return info.files();
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

inline std::string name(lt::torrent_alert const& alert) {
    return alert.torrent_name();
}
inline void drop_http_seeds(lt::add_torrent_params& params) {
    params.http_seeds.clear();
}

inline lt::file_storage list(std::string const& path, lt::create_flags_t flags) {
    lt::file_storage found;
    lt::add_files(found, path, flags);
    return found;
}

class Draft {
    // create_torrent refers to it, so that it comes first.
    lt::file_storage files_;

  public:
    Draft(std::string const& path, int piece_length, lt::create_flags_t flags)
        : files_(list(path, flags)), torrent(files_, piece_length, flags) {}
    Draft(Draft const&) = delete;
    Draft& operator=(Draft const&) = delete;
    lt::create_torrent torrent;
};

inline bool has_data(std::string const& path, lt::create_flags_t flags) {
    return list(path, flags).total_size() > 0;
}

#endif

} // namespace compat
} // namespace patron
