#include "torrent-patron/cpp/session/http_responses.hpp"
#include "torrent-patron/cpp/session/private_member.hpp"

#include <libtorrent/error_code.hpp>
#include <libtorrent/operations.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace patron {

#ifdef __GXX_ABI_VERSION

namespace internals {

struct Buffer {};
auto member(Buffer);
template struct Open<Buffer, &native::peer_connection::m_recv_buffer>;

struct OnReceive {};
auto member(OnReceive);
template struct Open<OnReceive, &native::peer_connection::on_receive>;

struct AddHeaders {};
auto member(AddHeaders);
template struct Open<AddHeaders, &native::web_connection_base::add_headers>;

struct Bytes {};
auto member(Bytes);
template struct Open<Bytes, &lt::aux::receive_buffer::m_recv_buffer>;

struct Start {};
auto member(Start);
template struct Open<Start, &lt::aux::receive_buffer::m_recv_start>;

struct Position {};
auto member(Position);
template struct Open<Position, &lt::aux::receive_buffer::m_recv_pos>;

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

using Call = void (*)(native::peer_connection*, lt::error_code const&, std::size_t);
using Word = std::uintptr_t;

// Returns the position of a virtual function in the table of its class.
template <typename Member>
std::size_t slot(Member member) {
    static_assert(sizeof member == 2 * sizeof(Word));
    Word words[2];
    std::memcpy(words, &member, sizeof words);
    // The lowest bit marks virtual functions: of the first word, or of the second one on ARM.
    return (words[0] & ~Word(1)) / sizeof(Word);
}

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

// libtorrent's own functions.
Call url_seed_receive = nullptr;
Call http_seed_receive = nullptr;

void reject(native::peer_connection& seed) {
    seed.disconnect(lt::errors::http_parse_error, lt::operation_t::bittorrent,
                    lt::peer_connection_interface::peer_error);
}

void receive_in_parts(native::peer_connection* seed, lt::error_code const& error,
                      std::size_t count) {
    if (error)
        return url_seed_receive(seed, error, count);
    auto& url_seed = static_cast<native::web_peer_connection&>(*seed);
    auto const keep_alive = seed->shared_from_this();
    lt::aux::receive_buffer& buffer = seed->*member(internals::Buffer());
    int& position = buffer.*member(internals::Position());
    int left = static_cast<int>(count);
    while (left > 0 && !seed->is_disconnecting()) {
        if ((url_seed.*member(internals::Requests())).empty())
            return reject(*seed);
        char const* const end = (buffer.*member(internals::Bytes())).data() +
                                buffer.*member(internals::Start()) + position;
        std::string_view const rest(end - left, static_cast<std::size_t>(left));
        int const size = static_cast<int>(next_part(url_seed, rest));
        // Hides the following bytes during the call.
        left -= size;
        position -= left;
        url_seed_receive(seed, error, static_cast<std::size_t>(size));
        bool const is_endless = position > max_unprocessed;
        position += left;
        if (is_endless || url_seed.*member(internals::ChunkLeft()) < 0)
            reject(*seed);
    }
}

void receive_at_most(native::peer_connection* seed, lt::error_code const& error,
                     std::size_t count) {
    auto const keep_alive = seed->shared_from_this();
    http_seed_receive(seed, error, count);
    if (!error && (seed->*member(internals::Buffer())).pos() > max_unprocessed)
        reject(*seed);
}

// Returns a copy of a table of virtual functions with one replaced. It is never freed, because a
// connection may outlive static objects.
Word const* table_like(Word const* stock, Call& stock_receive, Call receive) {
    std::size_t const place = slot(member(internals::OnReceive()));
    std::size_t const last = slot(member(internals::AddHeaders()));
    // Two words precede the first function.
    auto* const table = new Word[last + 3];
    std::copy(stock - 2, stock + last + 1, table);
    stock_receive = reinterpret_cast<Call>(stock[place]);
    table[place + 2] = reinterpret_cast<Word>(receive);
    return table + 2;
}

} // namespace

void guard_responses(lt::peer_connection_handle const& web_seed) {
    auto const peer = web_seed.native_handle();
    if (!peer)
        return;
    auto** const table = reinterpret_cast<Word const**>(peer.get());
    if (web_seed.type() == lt::connection_type::url_seed) {
        static Word const* const ours = table_like(*table, url_seed_receive, &receive_in_parts);
        *table = ours;
    } else {
        static Word const* const ours = table_like(*table, http_seed_receive, &receive_at_most);
        *table = ours;
    }
}

#else

void guard_responses(lt::peer_connection_handle const&) {}

#endif

} // namespace patron
