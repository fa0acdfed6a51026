/*
 * Makes a torrent from a file or directory and seeds it, until Ctrl-C is pressed.
 *
 *     patron [--offline] PATH
 *
 * The .torrent file is written to the working directory. With --offline nothing leaves this
 * machine. The first part is RAII over the C header, to be copied. Compile with:
 *
 *     c++ -std=c++17 patron.cpp $(pkg-config --cflags --libs torrent_patron) -pthread -o patron
 */
#include <torrent_patron.h>

#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

#include <signal.h>

// `patron` is a type in the header, so it cannot also be a namespace.
namespace torrents {

/// Frees an object with the C function `Free`.
template <auto Free>
struct deleter {
    template <class T>
    void operator()(T* object) const noexcept {
        Free(object);
    }
};
template <class T, auto Free>
using owned = std::unique_ptr<T, deleter<Free>>;

using builder = owned<::patron_builder, patron_builder_free>;
using client = owned<::patron_client, patron_client_free>;
using event = owned<::patron_event, patron_event_free>;
using magnet = owned<::patron_magnet, patron_magnet_free>;
using maker = owned<::patron_maker, patron_maker_free>;
using making = owned<::patron_making, patron_making_free>;
using metainfo = owned<::patron_metainfo, patron_metainfo_free>;
using options = owned<::patron_add_options, patron_add_options_free>;
using patron = owned<patron_handle, patron_free>;
using reply = owned<::patron_reply, patron_reply_free>;
using report = owned<::patron_report, patron_report_free>;

/// A view of text that belongs to the object it came from.
inline std::string_view view(patron_text text) {
    return {text.data, text.length};
}

class error : public std::runtime_error {
  public:
    explicit error(owned<::patron_error, patron_error_free> failure)
        : std::runtime_error(patron_error_message(failure.get()).data),
          code_(patron_error_code(failure.get())) {}

    /// One of PATRON_E_*.
    std::int32_t code() const noexcept { return code_; }

  private:
    std::int32_t code_;
};

/// Calls a function that can fail, and throws if it does.
template <class Function, class... Arguments>
void call(Function function, Arguments... arguments) {
    ::patron_error* failure = nullptr;
    if (function(arguments..., &failure) != PATRON_OK) {
        throw error(owned<::patron_error, patron_error_free>(failure));
    }
}

/// Calls a function that puts an `Owned` into its last parameter but one, before the error.
template <class Owned, class Function, class... Arguments>
Owned get(Function function, Arguments... arguments) {
    typename Owned::pointer object = nullptr;
    call(function, arguments..., &object);
    return Owned(object);
}

/// The next event, or null after patron_interrupt() has ended the wait.
inline event next_event(const patron& from) {
    ::patron_event* object = nullptr;
    ::patron_error* failure = nullptr;
    std::int32_t code = patron_next_event(from.get(), -1, &object, &failure);
    owned<::patron_error, patron_error_free> reason(failure);
    if (code != PATRON_OK && code != PATRON_E_CANCELLED) {
        throw error(std::move(reason));
    }
    return event(object);
}

} // namespace torrents

namespace {

sigset_t signals_to_stop() {
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    return signals;
}

torrents::metainfo make(const std::string& path) {
    auto maker = torrents::get<torrents::maker>(patron_maker_new, path.data(), path.size());
    auto making = torrents::get<torrents::making>(patron_maker_start, maker.get());
    return torrents::get<torrents::metainfo>(patron_making_wait, making.get(), -1);
}

std::string write(const torrents::metainfo& metainfo) {
    std::string name(torrents::view(patron_metainfo_name(metainfo.get())));
    patron_bytes bytes = patron_metainfo_torrent_file(metainfo.get());
    std::ofstream file(name + ".torrent", std::ios::binary);
    file.exceptions(std::ios::failbit | std::ios::badbit);
    file.write(reinterpret_cast<const char*>(bytes.data),
               static_cast<std::streamsize>(bytes.length));
    file.close();
    return name + ".torrent";
}

void seed(const std::filesystem::path& path, bool offline) {
    auto metainfo = make(path.string());
    auto magnet = torrents::get<torrents::magnet>(patron_magnet_of, metainfo.get());
    std::cout << write(metainfo) << '\n' << torrents::view(patron_magnet_uri(magnet.get())) << '\n';

    auto builder = torrents::get<torrents::builder>(patron_builder_new);
    torrents::call(patron_builder_set_offline, builder.get(), offline);
    auto client = torrents::get<torrents::client>(patron_builder_start, builder.get());
    auto patron = torrents::get<torrents::patron>(patron_client_patron, client.get());

    // The data has just been hashed, so it need not be hashed again.
    auto options = torrents::get<torrents::options>(patron_add_options_new);
    std::string directory = path.parent_path().string();
    torrents::call(patron_add_options_set_save_dir, options.get(), directory.data(),
                   directory.size());
    torrents::call(patron_add_options_set_trust, options.get(), true);
    patron_bytes source = patron_metainfo_torrent_file(metainfo.get());
    auto reply =
        torrents::get<torrents::reply>(patron_add_torrent, patron.get(), PATRON_SOURCE_BYTES,
                                       source.data, source.length, options.get());
    torrents::call(patron_reply_wait, reply.get(), -1);

    // A signal handler must not call the library, but a thread that waits for the signal may.
    std::thread([handle = patron.get()] {
        sigset_t signals = signals_to_stop();
        int number = 0;
        sigwait(&signals, &number);
        patron_interrupt(handle, nullptr);
    }).detach();
    while (auto event = torrents::next_event(patron)) {
        std::cout << torrents::view(patron_event_explain(event.get())) << std::endl;
    }
    auto report = torrents::get<torrents::report>(
        [](::patron_client* client, ::patron_report** out, ::patron_error** error) {
            return patron_client_shutdown(client, 5000, out, error);
        },
        client.get());
    std::cout << torrents::view(patron_report_explain(report.get())) << '\n';
}

} // namespace

int main(int argc, char** argv) {
    bool offline = argc > 1 && std::strcmp(argv[1], "--offline") == 0;
    if (argc != (offline ? 3 : 2)) {
        std::fputs("usage: patron [--offline] PATH\n", stderr);
        return 2;
    }
    // Before any thread starts: threads inherit the mask, so only one of them receives the signals.
    sigset_t signals = signals_to_stop();
    pthread_sigmask(SIG_BLOCK, &signals, nullptr);
    try {
        seed(std::filesystem::canonical(argv[argc - 1]), offline);
        return 0;
    } catch (const std::exception& failure) {
        std::cerr << "patron: " << failure.what() << '\n';
        return 1;
    }
}
