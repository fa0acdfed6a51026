#include "torrent-patron/cpp/session/connecting.hpp"
#include "torrent-patron/cpp/session/internals.hpp"

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
    // libtorrent is not done with its change yet; many peers are added at once.
    void connect_soon() {
        if (std::exchange(pending_, true))
            return;
        internals::post(internals::session_of(torrent_), [known = weak_from_this()] {
            if (auto const self = known.lock()) {
                self->pending_ = false;
                internals::connect_some(self->torrent_);
            }
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
