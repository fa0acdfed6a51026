#include "torrent-patron/cpp/errors.hpp"
#include "torrent-patron/cpp/convert.hpp"
#include "torrent-patron/src/sys/errors.rs.h"

#include <cerrno>
#include <new>
#include <string>
#include <system_error>

namespace patron {

rust::Str category_name(ShimCategory category) {
    switch (category) {
    case ShimCategory::Argument:
        return category::argument;
    case ShimCategory::NotDownloaded:
        return category::not_downloaded;
    case ShimCategory::Busy:
        return category::busy;
    case ShimCategory::File:
        return category::file;
    case ShimCategory::InUse:
        return category::in_use;
    case ShimCategory::Exists:
        return category::exists;
    case ShimCategory::Version:
        return category::version;
    default:
        return category::exception;
    }
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
    case 6:
        throw std::invalid_argument("an argument");
    case 7:
        throw NotDownloaded("data that is not here");
    case 8:
        throw lt::system_error(lt::errors::no_metadata);
    case 5: // longer than the buffer, with bytes that are not UTF-8
        throw std::runtime_error(std::string(4096, '\xff'));
    default:
        return;
    }
}

NativeError catch_for_test(std::int32_t kind) {
    try {
        throw_for_test(kind);
    } catch (...) {
        return current_exception();
    }
    return none();
}

} // namespace patron
