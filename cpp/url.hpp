// Parts of the URLs of trackers and web seeds, which src/model/url.rs has normalized.
#pragma once

#include <libtorrent/address.hpp>
#include <libtorrent/error_code.hpp>

#include <algorithm>
#include <cstdlib>
#include <string>

namespace patron {

// Converts ASCII letters only, whatever the locale.
inline std::string lower(std::string text) {
    for (char& letter : text)
        if (letter >= 'A' && letter <= 'Z')
            letter += 'a' - 'A';
    return text;
}

// Returns the part before "://", in lower case.
inline std::string scheme(std::string const& url) {
    return lower(url.substr(0, std::min(url.find("://"), url.size())));
}

// Returns the part after "://" and any "user@", up to the path.
inline std::string authority(std::string const& url) {
    auto const scheme = url.find("://");
    if (scheme == std::string::npos)
        return {};
    auto const begin = scheme + 3;
    std::string authority = url.substr(begin, url.find_first_of("/?#\\", begin) - begin);
    if (auto const user = authority.rfind('@'); user != std::string::npos)
        authority.erase(0, user + 1);
    return authority;
}

// Returns the host, without the brackets of an IPv6 address.
inline std::string host(std::string const& url) {
    std::string const where = authority(url);
    if (!where.empty() && where.front() == '[')
        return where.substr(1, where.find(']') - 1);
    return where.substr(0, where.find(':'));
}

inline int port(std::string const& url) {
    std::string const where = authority(url);
    auto const bracket = where.rfind(']');
    auto const colon = where.find(':', bracket == std::string::npos ? 0 : bracket);
    if (colon != std::string::npos)
        return std::atoi(where.c_str() + colon + 1);
    return scheme(url) == "http" ? 80 : 443;
}

} // namespace patron
