#include "torrent-patron/cpp/session/hash_messages.hpp"
#include "torrent-patron/cpp/compat.hpp"
#include "torrent-patron/cpp/session/replaced_receive.hpp"

#include <libtorrent/operations.hpp>
#include <libtorrent/sha1_hash.hpp>

#include <algorithm>
#include <array>
#include <cstdint>
#include <string_view>

namespace patron {

#ifdef __GXX_ABI_VERSION

namespace internals {

struct HashRequests {};
auto member(HashRequests);
template struct Open<HashRequests, &native::bt_peer_connection::m_hash_requests>;

struct Encryption {};
auto member(Encryption);
template struct Open<Encryption, &native::bt_peer_connection::m_enc_handler>;

struct Timeout {};
auto member(Timeout);
template struct Open<Timeout, &native::peer_connection::timeout>;

} // namespace internals

namespace {

constexpr char hashes_message = 22;
// The kind, the root of a file, and four numbers.
constexpr std::size_t header_size = 1 + 32 + 4 * 4;

int number(char const* from) {
    std::uint32_t out = 0;
    for (int i = 0; i < 4; ++i)
        out = out << 8 | static_cast<std::uint8_t>(from[i]);
    return static_cast<int>(out);
}

// Returns whether a message is not about hashes, or brings those that were requested.
bool is_allowed(native::bt_peer_connection const& peer, std::string_view message) {
    if (message[0] != hashes_message)
        return true;
    lt::sha256_hash const root(message.data() + 1);
    std::array<int, 4> numbers{};
    for (std::size_t i = 0; i < numbers.size(); ++i)
        numbers[i] = number(message.data() + 33 + 4 * i);
    auto const [base, index, count, proof_layers] = numbers;
    // Until 2.0.13, and in 2.1.0, a single hash of zeros needs no proof.
    if (count == 1 && message.size() >= header_size + 32 &&
        lt::sha256_hash(message.data() + header_size).is_all_zeros())
        return false;
    auto const torrent = peer.associated_torrent().lock();
    auto const& requests = peer.*member(internals::HashRequests());
    return torrent && std::any_of(requests.begin(), requests.end(), [&](auto const& request) {
               return request.base == base && request.index == index && request.count == count &&
                      request.proof_layers == proof_layers &&
                      compat::original_files(torrent->torrent_file()).root(request.file) == root;
           });
}

ReplacedReceive const* replaced = nullptr;

// Called for a message, or a part of one, but never for more.
void receive(native::peer_connection* connection, lt::error_code const& error, std::size_t count) {
    lt::aux::receive_buffer& buffer = receive_buffer(*connection);
    auto const* const known = connection->peer_info_struct();
    if (error || known == nullptr || !known->protocol_v2 || !buffer.packet_finished() ||
        received(buffer).size() < header_size)
        return replaced->stock(*connection, error, count);
    auto const keep_alive = connection->shared_from_this();
    auto& peer = static_cast<native::bt_peer_connection&>(*connection);
    // What was received last is not decrypted. All but the last byte is passed on for that.
    if (count > 1 && !(peer.*member(internals::Encryption())).is_recv_plaintext()) {
        --receive_position(buffer);
        replaced->stock(peer, error, count - 1);
        if (peer.is_disconnecting())
            return;
        ++receive_position(buffer);
        count = 1;
    }
    if (!is_allowed(peer, received(buffer)))
        return peer.disconnect(lt::errors::invalid_hashes, lt::operation_t::bittorrent,
                               lt::peer_connection_interface::peer_error);
    replaced->stock(peer, error, count);
}

} // namespace

void guard_hash_messages(lt::peer_connection_handle const& peer) {
    auto const connection = peer.native_handle();
    if (!compat::trusts_hash_messages || !connection)
        return;
    // A peer_connection's last virtual function; bt_peer_connection has no further one.
    static auto const* const ours = replaced =
        new ReplacedReceive(*connection, member(internals::Timeout()), &receive);
    ours->use_for(*connection);
}

#else

void guard_hash_messages(lt::peer_connection_handle const&) {}

#endif

} // namespace patron
