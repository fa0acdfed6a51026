// The peer classes of a session, under numbers that the shim assigns. libtorrent reuses a number
// only when the last peer of the removed class has left, so the sessions of a client would end up
// with different numbers.
#pragma once

#include <libtorrent/peer_class.hpp>
#include <libtorrent/session_handle.hpp>

#include <array>
#include <cstdint>
#include <optional>
#include <string>

namespace patron {

// Network thread only. Sessions in which the same classes are added and removed in the same order
// give them the same numbers.
class PeerClasses {
  public:
    std::uint32_t add(lt::session_handle& session, std::string const& name);
    void remove(lt::session_handle& session, std::uint32_t number);
    // Fails for an unknown class.
    lt::peer_class_t native(std::uint32_t number) const;
    // Convert sets of classes, one bit each.
    std::uint32_t to_native(std::uint32_t numbers) const;
    std::uint32_t from_native(std::uint32_t natives) const;

  private:
    using Class = std::optional<lt::peer_class_t>;
    // A filter can name 32. Guard has one.
    std::array<Class, 31> classes_{lt::session_handle::global_peer_class_id,
                                   lt::session_handle::tcp_peer_class_id,
                                   lt::session_handle::local_peer_class_id};
};

} // namespace patron
