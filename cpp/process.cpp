#include "torrent-patron/cpp/process.hpp"
#include "torrent-patron/cpp/compat.hpp"
#include "torrent-patron/cpp/convert.hpp"

#include <libtorrent/error_code.hpp>
#include <libtorrent/version.hpp>

#include <sys/resource.h>

#include <algorithm>
#include <cerrno>
#include <clocale>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <new>
#include <string>
#include <system_error>
#include <vector>

#if defined(__unix__) && !defined(__APPLE__)
#include <langinfo.h>
#include <unistd.h>
#endif

namespace patron {

rust::String compiled_version() {
    return text(LIBTORRENT_VERSION);
}

rust::String loaded_version() {
    return text(lt::version());
}

bool has_webrtc() noexcept {
    return compat::has_webrtc;
}

void throw_for_test(std::int32_t kind) {
    switch (kind) {
    case 0:
        throw lt::system_error(lt::errors::torrent_is_no_dict);
    case 1:
        throw std::system_error(ENOSPC, std::generic_category());
    case 2:
        throw std::runtime_error("a plain exception");
    case 3:
        throw std::bad_alloc();
    case 4:
        throw 42;
    case 5: // longer than the buffer, with bytes that are not UTF-8
        throw std::runtime_error(std::string(4096, '\xff'));
    default:
        return;
    }
}

std::uint64_t raise_descriptor_limit(std::uint64_t wanted) {
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0)
        throw std::system_error(errno, std::generic_category());
    if (limit.rlim_cur < wanted && limit.rlim_cur < limit.rlim_max) {
        limit.rlim_cur = std::min<rlim_t>(wanted, limit.rlim_max);
        // Where it is refused, as by macOS above its own limit, what was there stays.
        if (::setrlimit(RLIMIT_NOFILE, &limit) != 0 && ::getrlimit(RLIMIT_NOFILE, &limit) != 0)
            throw std::system_error(errno, std::generic_category());
    }
    return limit.rlim_cur;
}

#if defined(__unix__) && !defined(__APPLE__)

namespace {

// The multibyte encoding is UTF-8, or the program has never chosen one.
bool names_are_bytes() {
    char const* const locale = std::setlocale(LC_CTYPE, nullptr);
    return locale == nullptr || std::strcmp(locale, "C") == 0 ||
           std::strcmp(locale, "POSIX") == 0 || std::strcmp(::nl_langinfo(CODESET), "UTF-8") == 0;
}

// libtorrent decides once, when it first touches a file: /dev/null has none below it.
void decide() {
    try {
        compat::look_at("/dev/null/none");
    } catch (lt::system_error const&) {
    }
}

} // namespace

// libtorrent takes file names for UTF-8 only if LANG ends in ".UTF-8"; else it converts them to the
// locale of the program, and with LANG unset, as services have it, writes a dot for every letter
// that is not ASCII (need_conversion in its escape_string.cpp). It looks at LANG once. We have it
// look while LANG says what is true. The environment is exchanged as a whole and for that moment:
// setenv would pull it away under a thread that reads it, and the next program would inherit it.
void keep_file_names() {
    static std::once_flag once;
    std::call_once(once, [] {
        if (!names_are_bytes())
            return decide();
        std::string lang = "LANG=C.UTF-8";
        std::vector<char*> other{lang.data()};
        char** const ours = environ;
        for (char** variable = ours; variable != nullptr && *variable != nullptr; ++variable)
            if (std::strncmp(*variable, "LANG=", 5) != 0)
                other.push_back(*variable);
        other.push_back(nullptr);
        environ = other.data();
        decide();
        environ = ours;
    });
}

#else

// macOS has UTF-8 names, and so has libtorrent there.
void keep_file_names() {}

#endif

} // namespace patron
