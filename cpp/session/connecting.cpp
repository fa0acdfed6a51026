#include "torrent-patron/cpp/session/connecting.hpp"
#include "torrent-patron/cpp/session/internals.hpp"

#include <libtorrent/settings_pack.hpp>

#include <utility>

namespace patron {
namespace {

class TorrentConnecting : public lt::torrent_plugin,
                          public std::enable_shared_from_this<TorrentConnecting> {
  public:
    explicit TorrentConnecting(lt::torrent_handle torrent) : torrent_(std::move(torrent)) {}

    void on_files_checked() override { connect_soon(); }
    void on_add_peer(lt::tcp::endpoint const&, lt::peer_source_flags_t,
                     lt::add_peer_flags_t) override {
        connect_soon();
    }

  private:
    // Posted, because libtorrent is still changing the torrent. Also, many peers are added at once.
    void connect_soon() {
        if (std::exchange(pending_, true))
            return;
        auto const session = internals::session_of(torrent_);
        internals::post(session, [known = weak_from_this(), session] {
            auto const self = known.lock();
            if (!self)
                return;
            self->pending_ = false;
            // uTP goes through a SOCKS5 proxy once the proxy has agreed to forward UDP. Before
            // that, libtorrent falls back to TCP and does not try uTP again for a minute.
            auto const& settings = internals::settings(session);
            if (settings.get_int(lt::settings_pack::proxy_type) == lt::settings_pack::none)
                internals::connect_some(self->torrent_);
        });
    }

    lt::torrent_handle torrent_;
    bool pending_ = false;
};

} // namespace

std::shared_ptr<lt::torrent_plugin> connects_soon(lt::torrent_handle const& torrent) {
    return std::make_shared<TorrentConnecting>(torrent);
}

} // namespace patron
