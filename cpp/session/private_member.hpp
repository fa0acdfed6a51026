// Access to libtorrent's hidden classes, and to private members.
#pragma once

// Since 2.1 these headers are internal.
#if __has_include(<libtorrent/aux_/tracker_manager.hpp>)
#include <libtorrent/aux_/bt_peer_connection.hpp>
#include <libtorrent/aux_/hash_picker.hpp>
#include <libtorrent/aux_/http_tracker_connection.hpp>
#include <libtorrent/aux_/peer_connection.hpp>
#include <libtorrent/aux_/torrent.hpp>
#include <libtorrent/aux_/torrent_peer.hpp>
#include <libtorrent/aux_/tracker_manager.hpp>
#include <libtorrent/aux_/udp_tracker_connection.hpp>
#include <libtorrent/aux_/web_connection_base.hpp>
#include <libtorrent/aux_/web_peer_connection.hpp>
namespace native = lt::aux;
#else
#include <libtorrent/bt_peer_connection.hpp>
#include <libtorrent/hash_picker.hpp>
#include <libtorrent/http_tracker_connection.hpp>
#include <libtorrent/peer_connection.hpp>
#include <libtorrent/torrent.hpp>
#include <libtorrent/torrent_peer.hpp>
#include <libtorrent/tracker_manager.hpp>
#include <libtorrent/udp_tracker_connection.hpp>
#include <libtorrent/web_connection_base.hpp>
#include <libtorrent/web_peer_connection.hpp>
namespace native = lt;
#endif

namespace patron::internals {

// Gives access to a private member: an explicit instantiation may name one, and the friend function
// returns it.
//
//     struct Tag {};
//     auto member(Tag);
//     template struct Open<Tag, &Class::m_member>;
//
// Then `object.*member(Tag())` is the member.
template <typename Tag, auto Member>
struct Open {
    friend auto member(Tag) { return Member; }
};

} // namespace patron::internals
