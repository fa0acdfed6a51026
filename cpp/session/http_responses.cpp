#include "torrent-patron/cpp/session/http_responses.hpp"
#include "torrent-patron/cpp/compat.hpp"
#include "torrent-patron/cpp/session/replaced_receive.hpp"

#include <libtorrent/error_code.hpp>
#include <libtorrent/operations.hpp>

#include <algorithm>
#include <cstddef>
#include <string_view>

namespace patron {

#ifdef __GXX_ABI_VERSION

namespace internals {

struct AddHeaders {};
auto member(AddHeaders);
template struct Open<AddHeaders, &native::web_connection_base::add_headers>;

struct Parser {};
auto member(Parser);
template struct Open<Parser, &native::web_connection_base::m_parser>;

struct Requests {};
auto member(Requests);
template struct Open<Requests, &native::web_peer_connection::m_file_requests>;

struct ChunkLeft {};
auto member(ChunkLeft);
template struct Open<ChunkLeft, &native::web_peer_connection::m_chunk_pos>;

} // namespace internals

namespace {

// The maximum unprocessed bytes: a header, or an incomplete block.
constexpr int max_unprocessed = 128 * 1024;

// Returns how many bytes may be passed on so that nothing follows a chunk size.
std::size_t next_part(native::web_peer_connection const& seed, std::string_view received) {
    auto const& parser = seed.*member(internals::Parser());
    int const chunk_left = seed.*member(internals::ChunkLeft());
    std::size_t end = 0;
    if (!parser.header_finished() || (parser.chunked_encoding() && chunk_left == 0))
        end = received.find('\n');
    else if (parser.chunked_encoding())
        end = static_cast<std::size_t>(chunk_left) - 1;
    else
        // The next response begins there.
        end = received.find("HTTP/", 1) - 1;
    return end < received.size() ? end + 1 : received.size();
}

ReplacedReceive const* url_seed = nullptr;
ReplacedReceive const* http_seed = nullptr;

void reject(native::peer_connection& seed) {
    seed.disconnect(lt::errors::http_parse_error, lt::operation_t::bittorrent,
                    lt::peer_connection_interface::peer_error);
}

// Returns whether libtorrent waits for something. It takes no answer for a pad file.
bool has_requests(native::web_peer_connection const& seed) {
    auto const torrent = seed.associated_torrent().lock();
    auto const& requests = seed.*member(internals::Requests());
    return torrent && std::any_of(requests.begin(), requests.end(), [&](auto const& request) {
               return !compat::original_files(torrent->torrent_file())
                           .pad_file_at(request.file_index);
           });
}

void receive_in_parts(native::peer_connection* connection, lt::error_code const& error,
                      std::size_t count) {
    if (error)
        return url_seed->stock(*connection, error, count);
    auto& seed = static_cast<native::web_peer_connection&>(*connection);
    auto const keep_alive = connection->shared_from_this();
    lt::aux::receive_buffer& buffer = receive_buffer(seed);
    int& position = receive_position(buffer);
    int left = static_cast<int>(count);
    while (left > 0 && !seed.is_disconnecting()) {
        if (!has_requests(seed))
            return reject(seed);
        auto const all = received(buffer);
        auto const rest = all.substr(all.size() - static_cast<std::size_t>(left));
        int const size = static_cast<int>(next_part(seed, rest));
        // Hides the following bytes during the call.
        left -= size;
        position -= left;
        url_seed->stock(seed, error, static_cast<std::size_t>(size));
        bool const is_endless = position > max_unprocessed;
        position += left;
        if (is_endless || seed.*member(internals::ChunkLeft()) < 0)
            reject(seed);
    }
}

void receive_at_most(native::peer_connection* connection, lt::error_code const& error,
                     std::size_t count) {
    auto const keep_alive = connection->shared_from_this();
    http_seed->stock(*connection, error, count);
    if (!error && receive_buffer(*connection).pos() > max_unprocessed)
        reject(*connection);
}

} // namespace

void guard_responses(lt::peer_connection_handle const& web_seed) {
    auto const peer = web_seed.native_handle();
    if (!peer)
        return;
    // The last virtual function of both classes.
    auto const last = member(internals::AddHeaders());
    if (web_seed.type() == lt::connection_type::url_seed) {
        static auto const* const ours = url_seed =
            new ReplacedReceive(*peer, last, &receive_in_parts);
        ours->use_for(*peer);
    } else {
        static auto const* const ours = http_seed =
            new ReplacedReceive(*peer, last, &receive_at_most);
        ours->use_for(*peer);
    }
}

#else

void guard_responses(lt::peer_connection_handle const&) {}

#endif

} // namespace patron
