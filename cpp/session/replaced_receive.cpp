#include "torrent-patron/cpp/session/replaced_receive.hpp"

#include <algorithm>

#ifdef __GXX_ABI_VERSION

namespace patron {

namespace internals {

struct OnReceive {};
auto member(OnReceive);
template struct Open<OnReceive, &native::peer_connection::on_receive>;

struct Buffer {};
auto member(Buffer);
template struct Open<Buffer, &native::peer_connection::m_recv_buffer>;

struct Bytes {};
auto member(Bytes);
template struct Open<Bytes, &lt::aux::receive_buffer::m_recv_buffer>;

struct Start {};
auto member(Start);
template struct Open<Start, &lt::aux::receive_buffer::m_recv_start>;

struct Position {};
auto member(Position);
template struct Open<Position, &lt::aux::receive_buffer::m_recv_pos>;

} // namespace internals

ReplacedReceive::ReplacedReceive(native::peer_connection const& connection, std::size_t last,
                                 Call receive) {
    Word const* const stock = *reinterpret_cast<Word const* const*>(&connection);
    std::size_t const place = slot(member(internals::OnReceive()));
    // Two words precede the first function.
    auto* const table = new Word[last + 3];
    std::copy(stock - 2, stock + last + 1, table);
    table[place + 2] = reinterpret_cast<Word>(receive);
    stock_ = reinterpret_cast<Call>(stock[place]);
    table_ = table + 2;
}

void ReplacedReceive::use_for(native::peer_connection& connection) const {
    *reinterpret_cast<Word const**>(&connection) = table_;
}

lt::aux::receive_buffer& receive_buffer(native::peer_connection& connection) {
    return connection.*member(internals::Buffer());
}

std::string_view received(lt::aux::receive_buffer const& buffer) {
    return {(buffer.*member(internals::Bytes())).data() + buffer.*member(internals::Start()),
            static_cast<std::size_t>(buffer.*member(internals::Position()))};
}

int& receive_position(lt::aux::receive_buffer& buffer) {
    return buffer.*member(internals::Position());
}

} // namespace patron

#endif
