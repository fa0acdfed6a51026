// File names stay as the torrent has them, whatever LANG says.
#include "torrent-patron/cpp/compat.hpp"
#include "torrent-patron/cpp/shim.hpp"

#include <clocale>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <string>
#include <vector>

#if defined(__unix__) && !defined(__APPLE__)
#include <langinfo.h>
#include <unistd.h>

namespace patron {
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

} // namespace patron

#else

namespace patron {
// macOS has UTF-8 names, and so has libtorrent there.
void keep_file_names() {}
} // namespace patron

#endif
