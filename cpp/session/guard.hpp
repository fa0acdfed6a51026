// Limits what a peer can make the session do, where libtorrent has no limit. Everything runs on the
// network thread.
//
// Requests. A peer that reads nothing, or that has more open requests than allowed, causes data to
// accumulate in memory. It is disconnected, and so is one that sends many invalid requests, because
// libtorrent reports each of them.
//
// Messages. A peer that sends more messages than its transfers explain keeps the network thread
// busy. It is read slowly from then on, as are further connections from its address if it keeps
// doing so.
//
// Unrequested blocks. libtorrent drops them but still counts the peer as one that delivers, and
// requests the missing blocks from no other peer. A peer that keeps sending unrequested blocks is
// disconnected, and its address is refused for the rest of the session.
//
// Silent connections. They take the places of peers until libtorrent's handshake_timeout.
//
// Web seeds: see http_responses.hpp.
#pragma once

#include <libtorrent/aux_/session_settings.hpp>
#include <libtorrent/error_code.hpp>
#include <libtorrent/extensions.hpp>
#include <libtorrent/io_context.hpp>
#include <libtorrent/peer_class.hpp>
#include <libtorrent/peer_connection_handle.hpp>
#include <libtorrent/peer_request.hpp>
#include <libtorrent/session_handle.hpp>
#include <libtorrent/settings_pack.hpp>

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <utility>

namespace patron {

class Guard : public lt::plugin, public std::enable_shared_from_this<Guard> {
  public:
    // The session's context and settings; set before the first torrent is added.
    void use(lt::io_context& network, lt::settings_interface const& settings) {
        network_ = &network;
        settings_ = &settings;
    }
    // Disconnects soon, because libtorrent does not expect a disconnect while it reads a message.
    void disconnect(lt::peer_connection_handle peer, lt::error_code error);
    // The maximum number of open requests of a peer, and of bytes that may wait to be sent to it.
    int max_requests() const;
    int max_unsent() const;
    // The size of the metadata that a peer may send.
    int max_metadata() const;
    // Reads from the peer slowly until it disconnects.
    void slow_down(lt::peer_connection_handle const& peer);
    // Counts a connection that had to be slowed down.
    void count_flood(lt::tcp::endpoint const& from);
    // Whether the address has made several such connections.
    bool floods(lt::tcp::endpoint const& from) const;
    // Counts an unrequested block from this peer. Returns whether the peer is refused from now on.
    bool count_unrequested(lt::tcp::endpoint const& from, bool refuse);
    bool is_refused(lt::tcp::endpoint const& peer) const;

    // The plugin of a torrent.
    std::shared_ptr<lt::torrent_plugin> of_torrent(lt::torrent_handle const& torrent);

    lt::feature_flags_t implemented_features() override;
    void added(lt::session_handle const& session) override;
    void on_tick() override;

  private:
    // Counts by peer. If there are too many peers, all counts are dropped.
    class Counts {
      public:
        int& operator[](lt::tcp::endpoint const& peer);
        int of(lt::tcp::endpoint const& peer) const;

      private:
        std::map<lt::tcp::endpoint, int> counts_;
    };

    // Identifies a peer: its address, and its port if the settings allow several peers per address.
    lt::tcp::endpoint peer(lt::tcp::endpoint const& from) const;
    void set_classes();
    void drop_silent();

    lt::io_context* network_ = nullptr;
    lt::settings_interface const* settings_ = nullptr;
    lt::session_handle session_;
    // The peer class of the peers that are slowed down.
    std::optional<lt::peer_class_t> slow_;
    Counts floods_;
    Counts unrequested_;
};

} // namespace patron
