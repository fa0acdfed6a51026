#include "torrent-patron/cpp/requests/peer_classes.hpp"

#include <algorithm>
#include <stdexcept>

namespace patron {
namespace {

std::uint32_t bit(lt::peer_class_t native) {
    return 1U << static_cast<std::uint32_t>(native);
}

} // namespace

std::uint32_t PeerClasses::add(lt::session_handle& session, std::string const& name) {
    auto const free = std::find(classes_.begin(), classes_.end(), std::nullopt);
    if (free == classes_.end())
        throw std::invalid_argument("there are 28 classes already");
    auto const native = session.create_peer_class(name.c_str());
    // The class filter of libtorrent has 32 bits.
    if (static_cast<std::uint32_t>(native) >= 32) {
        session.delete_peer_class(native);
        throw std::invalid_argument("removed classes are still in use by peers");
    }
    *free = native;
    return static_cast<std::uint32_t>(free - classes_.begin());
}

void PeerClasses::remove(lt::session_handle& session, std::uint32_t number) {
    session.delete_peer_class(native(number));
    classes_[number].reset();
}

lt::peer_class_t PeerClasses::native(std::uint32_t number) const {
    if (number < classes_.size() && classes_[number])
        return *classes_[number];
    throw std::invalid_argument("unknown peer class " + std::to_string(number));
}

std::uint32_t PeerClasses::to_native(std::uint32_t numbers) const {
    std::uint32_t natives = 0;
    for (std::uint32_t number = 0; number < classes_.size(); ++number)
        if ((numbers >> number & 1) != 0 && classes_[number])
            natives |= bit(*classes_[number]);
    return natives;
}

std::uint32_t PeerClasses::from_native(std::uint32_t natives) const {
    std::uint32_t numbers = 0;
    for (std::uint32_t number = 0; number < classes_.size(); ++number)
        if (classes_[number] && (natives & bit(*classes_[number])) != 0)
            numbers |= 1U << number;
    return numbers;
}

} // namespace patron
