// Passes C++ exceptions to Rust, with category, code and message.
//
// cxx calls rust::behavior::trycatch around every bridge function that returns Result. cxx's own
// version catches only std::exception and keeps only the message; any other exception would
// terminate the process. Ours also checks first whether libtorrent can be called at all.
#pragma once

#include "torrent-patron/cpp/errors.hpp"

#include <boost/system/system_error.hpp>
#include <cstdio>
#include <exception>
#include <new>
#include <stdexcept>
#include <system_error>

namespace patron {

// Returns why no function of libtorrent may be called; null if they may.
char const* version_mismatch() noexcept;

// "category \x1f value \x1f message", parsed by Error::from_native in src/sys/errors.rs. The text
// is built on the stack, because memory may have run out.
template <typename Fail>
void report(Fail& fail, char const* category, int value, char const* message) noexcept {
    char text[1024];
    std::snprintf(text, sizeof text, "%s\x1f%d\x1f%s", category, value, message);
    fail(text);
}

// Gives `report` the exception that is being handled: category, value, message. Allocates nothing.
template <typename Report>
void describe(Report const& report) {
    try {
        throw;
    } catch (boost::system::system_error const& error) {
        // lt::system_error is this type. message(char*, size) neither allocates nor throws.
        char buffer[512];
        char const* message = error.code().message(buffer, sizeof buffer);
        report(error.code().category().name(), error.code().value(), message);
    } catch (std::system_error const& error) {
        report(error.code().category().name(), error.code().value(), error.what());
    } catch (std::invalid_argument const& error) {
        // The shim's own argument checks.
        report(category::argument, 0, error.what());
    } catch (NotDownloaded const& error) {
        report(category::not_downloaded, 0, error.what());
    } catch (Busy const& error) {
        report(category::busy, 0, error.what());
    } catch (std::bad_alloc const&) {
        report("generic", 12 /* ENOMEM */, "out of memory");
    } catch (std::exception const& error) {
        report(category::exception, 0, error.what());
    } catch (...) {
        report(category::exception, 0, "a C++ exception of an unknown type");
    }
}

} // namespace patron

namespace rust {
namespace behavior {

template <typename Try, typename Fail>
static void trycatch(Try&& func, Fail&& fail) noexcept {
    if (char const* const mismatch = patron::version_mismatch())
        return patron::report(fail, patron::category::version, 0, mismatch);
    try {
        func();
    } catch (...) {
        patron::describe([&fail](char const* category, int value, char const* message) {
            patron::report(fail, category, value, message);
        });
    }
}

} // namespace behavior
} // namespace rust
