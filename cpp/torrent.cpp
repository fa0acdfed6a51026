// A torrent's life, by its id. All of it is handed to the network thread and returns.
#include "torrent-patron/cpp/convert.hpp"
#include "torrent-patron/cpp/disk/read/plain_torrents.hpp"
#include "torrent-patron/cpp/shim.hpp"

#include <libtorrent/torrent_flags.hpp>
#include <libtorrent/torrent_info.hpp>

namespace patron {

lt::torrent_handle const& Session::handle(std::uint64_t torrent) const {
    auto const found = torrents_.find(torrent);
    if (found == torrents_.end())
        throw lt::system_error(lt::errors::invalid_torrent_handle);
    return found->second;
}

void Session::add_torrent(std::uint64_t torrent, std::unique_ptr<TorrentParams> params) {
    params->params_.userdata = userdata(torrent);
    auto const& info = params->params_.ti;
    if (plain_ && info && info->ssl_cert().empty())
        plain_->add(info->info_hashes().get_best());
    pending_[torrent] = std::move(params);
    retry_add(torrent);
}

void Session::retry_add(std::uint64_t torrent) {
    auto const found = pending_.find(torrent);
    if (found == pending_.end())
        throw lt::system_error(lt::errors::invalid_torrent_handle);
    session_.async_add_torrent(found->second->params_);
}

void Session::forget_add(std::uint64_t torrent) noexcept {
    pending_.erase(torrent);
}

void Session::remove_torrent(std::uint64_t torrent, bool delete_files) {
    lt::torrent_handle const& h = handle(torrent);
    if (delete_files) {
        deleting_[h.info_hashes()] = torrent;
        session_.remove_torrent(h, lt::session::delete_files | lt::session::delete_partfile);
    } else {
        session_.remove_torrent(h);
    }
}

void Session::pause(std::uint64_t torrent) {
    handle(torrent).pause();
}

// An error or a full disk has stopped the torrent by other means than pause: those are lifted too.
void Session::resume(std::uint64_t torrent) {
    lt::torrent_handle const& h = handle(torrent);
    h.clear_error();
    h.unset_flags(lt::torrent_flags::upload_mode);
    h.resume();
}

} // namespace patron
