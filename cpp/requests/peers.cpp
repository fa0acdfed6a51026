// Requests about the peers of a torrent.
#include "torrent-patron/cpp/compat.hpp"
#include "torrent-patron/cpp/convert.hpp"
#include "torrent-patron/cpp/policy.hpp"
#include "torrent-patron/cpp/requests/torrent.hpp"

#include <libtorrent/address.hpp>
#include <libtorrent/peer_info.hpp>

#include <string>
#include <vector>

namespace patron {
namespace {

PeerStatusRecord peer(lt::peer_info const& p) {
    using info = lt::peer_info;
    auto const is = [&p](lt::peer_flags_t flag) { return bool(p.flags & flag); };
    auto const known = [](lt::tcp::endpoint const& end) {
        return end.address().is_unspecified() ? rust::String() : address(end.address(), end.port());
    };
    PeerStatusRecord out{};
    out.i2p = is(info::i2p_socket);
    out.address = known(compat::remote(p));
    out.local_address = known(compat::local(p));
    out.kind = p.connection_type == info::web_seed              ? PeerKind::WebSeed
               : p.connection_type == info::standard_bittorrent ? PeerKind::Client
                                                                : PeerKind::HttpSeed;
    out.client = text(p.client);
    out.id = bytes(lt::string_view(p.pid.data(), p.pid.size()));
    out.utp = is(info::utp_socket);
    out.tls = is(info::ssl_socket);
    out.rc4 = is(info::rc4_encrypted);
    out.obfuscated = is(info::plaintext_encrypted);
    out.sources = static_cast<std::uint8_t>(p.source);
    out.progress_ppm = p.progress_ppm;
    out.seed = is(info::seed);
    out.outgoing = is(info::outgoing_connection);
    out.connecting = is(info::connecting) || is(info::handshake);
    out.interesting = is(info::interesting);
    out.choked = is(info::choked);
    out.interested = is(info::remote_interested);
    out.choking = is(info::remote_choked);
    out.snubbed = is(info::snubbed);
    out.optimistic_unchoke = is(info::optimistic_unchoke);
    out.suspected = is(info::on_parole);
    out.download_rate = p.down_speed;
    out.upload_rate = p.up_speed;
    out.downloaded = p.total_download;
    out.uploaded = p.total_upload;
    out.requested = p.download_queue_length;
    out.requests = p.upload_queue_length;
    out.hash_failures = p.num_hashfails;
    out.failures = p.failcount;
    out.idle_ms = lt::total_milliseconds(p.last_active);
    out.round_trip_ms = p.rtt;
    return out;
}

} // namespace

rust::Vec<PeerStatusRecord> Torrent::peers() const {
    std::vector<lt::peer_info> all;
    get_peer_info(all);
    rust::Vec<PeerStatusRecord> out;
    out.reserve(all.size());
    for (lt::peer_info const& p : all)
        out.push_back(peer(p));
    return out;
}

void Torrent::connect(rust::Str address, std::uint16_t port) const {
    auto const ip = lt::make_address(std::string(address));
    check(policy_.allows_peer(ip), policy_, std::string(address));
    connect_peer({ip, port});
}

void Torrent::forget_peers() const {
    lt::torrent_handle(*this).clear_peers();
}

} // namespace patron
