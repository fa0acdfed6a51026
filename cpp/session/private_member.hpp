// Access to private members of libtorrent's classes.
#pragma once

namespace patron::internals {

// An explicit instantiation may name a private member, which a friend function can then return.
template <typename Tag, typename Tag::type Member>
struct Open {
    friend typename Tag::type member(Tag) { return Member; }
};

} // namespace patron::internals
