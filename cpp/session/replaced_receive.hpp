// Replaces `on_receive` of single connections, because plugins do not see all that they receive.
// Needs the Itanium C++ ABI (gcc and clang).
#pragma once

#include "torrent-patron/cpp/session/private_member.hpp"

#include <libtorrent/error_code.hpp>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

#ifdef __GXX_ABI_VERSION

namespace patron {

// A copy of the table of virtual functions of a class, in which `on_receive` is replaced. It is
// never freed, because a connection may outlive static objects.
class ReplacedReceive {
  public:
    using Call = void (*)(native::peer_connection*, lt::error_code const&, std::size_t);

    // `last` is the last virtual function of the class of the connection, as its headers have it.
    template <typename Member>
    ReplacedReceive(native::peer_connection const& connection, Member last, Call receive)
        : ReplacedReceive(connection, slot(last), receive) {}
    void use_for(native::peer_connection& connection) const;
    // Calls libtorrent's own function.
    void stock(native::peer_connection& connection, lt::error_code const& error,
               std::size_t count) const {
        stock_(&connection, error, count);
    }

  private:
    using Word = std::uintptr_t;

    ReplacedReceive(native::peer_connection const& connection, std::size_t last, Call receive);

    // Returns the position of a virtual function in the table of its class.
    template <typename Member>
    static std::size_t slot(Member member) {
        static_assert(sizeof member == 2 * sizeof(Word));
        Word words[2];
        std::memcpy(words, &member, sizeof words);
        // The lowest bit marks virtual functions: of the first word, or of the second one on ARM.
        return (words[0] & ~Word(1)) / sizeof(Word);
    }

    Word const* table_;
    Call stock_;
};

lt::aux::receive_buffer& receive_buffer(native::peer_connection& connection);
// Returns the bytes that libtorrent has been told of and has not processed.
std::string_view received(lt::aux::receive_buffer const& buffer);
// The number of these bytes.
int& receive_position(lt::aux::receive_buffer& buffer);

} // namespace patron

#endif
