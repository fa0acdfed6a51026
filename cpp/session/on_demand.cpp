#include "torrent-patron/cpp/session/on_demand.hpp"
#include "torrent-patron/cpp/convert.hpp"

#include <libtorrent/torrent_status.hpp>

#include <utility>

namespace patron {

class OnDemand::Torrent : public lt::torrent_plugin {
  public:
    Torrent(std::shared_ptr<OnDemand> of, lt::torrent_handle torrent, std::uint64_t id)
        : of_(std::move(of)), torrent_(std::move(torrent)), id_(id) {}
    ~Torrent() override {
        if (of_->ended_)
            of_->ended_(id_);
    }

    std::shared_ptr<lt::peer_plugin> new_connection(lt::peer_connection_handle const&) override {
        make_plugins();
        return nullptr;
    }
    void on_add_peer(lt::tcp::endpoint const&, lt::peer_source_flags_t,
                     lt::add_peer_flags_t) override {
        make_plugins();
    }
    bool on_pause() override {
        is_pausing_ = torrent_.status({}).state == lt::torrent_status::checking_files;
        return false;
    }
    bool on_resume() override {
        is_pausing_ = false;
        return false;
    }
    // The check of a paused torrent goes on only as far as pieces were already being hashed. If
    // those were the last, libtorrent has not posted torrent_paused_alert.
    void on_files_checked() override {
        if (std::exchange(is_pausing_, false) && of_->paused_)
            of_->paused_(id_);
        if (!torrent_.url_seeds().empty())
            make_plugins();
    }

  private:
    // libtorrent appends a plugin immediately to the list that it is iterating over, so the new
    // plugins receive the same call.
    void make_plugins() {
        if (std::exchange(made_, true))
            return;
        for (Make const& plugin : of_->plugins_)
            torrent_.add_extension(plugin, torrent_.userdata());
    }

    std::shared_ptr<OnDemand> const of_;
    lt::torrent_handle torrent_;
    std::uint64_t const id_;
    bool made_ = false;
    bool is_pausing_ = false;
};

std::shared_ptr<lt::torrent_plugin> OnDemand::new_torrent(lt::torrent_handle const& torrent,
                                                          lt::client_data_t data) {
    return std::make_shared<Torrent>(shared_from_this(), torrent, torrent_id(data));
}

} // namespace patron
