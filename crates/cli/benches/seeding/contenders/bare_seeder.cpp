// Seeds with nothing but libtorrent, as a baseline for the cost of the wrapper.
//
//     bare_seeder stock|none DIR [name=value | FILE.torrent]...
//
// Assumes that the data in DIR is complete. With stock, libtorrent reads it in its own way. With
// none, it reads nothing and sends zeros, which shows the highest rate of its network side. Prints
// the address that it listens on, seeds until stdin closes or SIGTERM or SIGINT arrives, and prints
// the resources used. Exit codes: 0 done, 1 failed, 2 wrong usage.

#include <libtorrent/add_torrent_params.hpp>
#include <libtorrent/alert_types.hpp>
#include <libtorrent/disabled_disk_io.hpp>
#include <libtorrent/load_torrent.hpp>
#include <libtorrent/session.hpp>
#include <libtorrent/session_params.hpp>
#include <libtorrent/settings_pack.hpp>
#include <libtorrent/torrent_flags.hpp>
#include <libtorrent/torrent_info.hpp>

#include <poll.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <exception>
#include <iostream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

namespace {

using namespace std::chrono_literals;

struct usage_error : std::runtime_error {
    using std::runtime_error::runtime_error;
};

// SIGTERM and SIGINT as a file descriptor. Created before the session, so that every thread of
// libtorrent inherits the blocked signals.
class termination {
  public:
    termination() {
        sigset_t signals;
        sigemptyset(&signals);
        sigaddset(&signals, SIGTERM);
        sigaddset(&signals, SIGINT);
        if (sigprocmask(SIG_BLOCK, &signals, nullptr) == 0)
            fd_ = signalfd(-1, &signals, SFD_CLOEXEC);
        if (fd_ < 0)
            throw std::system_error(errno, std::generic_category(), "signalfd");
    }
    termination(termination const&) = delete;
    termination& operator=(termination const&) = delete;
    ~termination() { close(fd_); }

    int fd() const { return fd_; }

  private:
    int fd_ = -1;
};

int to_int(std::string_view setting, std::string_view value) {
    int number = 0;
    auto const [rest, error] = std::from_chars(value.begin(), value.end(), number);
    if (error != std::errc{} || rest != value.end())
        throw usage_error("not an integer: " + std::string(setting));
    return number;
}

bool to_bool(std::string_view setting, std::string_view value) {
    if (value == "true" || value == "1")
        return true;
    if (value == "false" || value == "0")
        return false;
    throw usage_error("neither true nor false: " + std::string(setting));
}

void apply(lt::settings_pack& pack, std::string_view setting) {
    auto const equals = setting.find('=');
    if (equals == std::string_view::npos)
        throw usage_error("expected name=value: " + std::string(setting));

    auto const value = setting.substr(equals + 1);
    int const id = lt::setting_by_name(std::string(setting.substr(0, equals)));
    if (id < 0)
        throw usage_error("unknown setting: " + std::string(setting));

    switch (id & lt::settings_pack::type_mask) {
    case lt::settings_pack::string_type_base:
        pack.set_str(id, std::string(value));
        break;
    case lt::settings_pack::int_type_base:
        pack.set_int(id, to_int(setting, value));
        break;
    case lt::settings_pack::bool_type_base:
        pack.set_bool(id, to_bool(setting, value));
        break;
    default:
        throw usage_error("setting of an unknown type: " + std::string(setting));
    }
}

bool is_torrent_file(std::string const& argument) {
    std::string const suffix = ".torrent";
    return argument.size() > suffix.size() &&
           argument.compare(argument.size() - suffix.size(), suffix.size(), suffix) == 0;
}

lt::add_torrent_params complete(std::string const& torrent_file, char const* directory) {
    auto params = lt::load_torrent_file(torrent_file);
    params.save_path = directory;
    params.have_pieces.resize(params.ti->num_pieces(), true);
    params.flags |= lt::torrent_flags::no_verify_files;
    params.flags &= ~(lt::torrent_flags::auto_managed | lt::torrent_flags::paused);
    return params;
}

void complain(lt::alert const& alert) {
    if (alert.category() & lt::alert_category::error)
        std::cerr << alert.message() << std::endl;
}

lt::tcp::endpoint wait_until_listening(lt::session& session) {
    auto const deadline = lt::clock_type::now() + 10s;
    std::vector<lt::alert*> alerts;
    while (lt::clock_type::now() < deadline) {
        session.wait_for_alert(deadline - lt::clock_type::now());
        session.pop_alerts(&alerts);
        for (auto const* alert : alerts) {
            auto const* failed = lt::alert_cast<lt::listen_failed_alert>(alert);
            if (failed && failed->socket_type == lt::socket_type_t::tcp)
                throw std::runtime_error(failed->message());
            auto const* listening = lt::alert_cast<lt::listen_succeeded_alert>(alert);
            if (listening && listening->socket_type == lt::socket_type_t::tcp)
                return {listening->address, static_cast<std::uint16_t>(listening->port)};
            complain(*alert);
        }
    }
    throw std::runtime_error("no TCP listen socket after 10 s");
}

void seed_until_told(lt::session& session, termination const& termination) {
    pollfd events[] = {{STDIN_FILENO, POLLIN, 0}, {termination.fd(), POLLIN, 0}};
    std::vector<lt::alert*> alerts;
    for (;;) {
        if (poll(events, 2, 1000) < 0 && errno != EINTR)
            throw std::system_error(errno, std::generic_category(), "poll");
        session.pop_alerts(&alerts);
        for (auto const* alert : alerts)
            complain(*alert);

        if (events[1].revents)
            return;
        char ignored[256];
        if (events[0].revents && read(STDIN_FILENO, ignored, sizeof ignored) <= 0)
            return;
    }
}

void seed(int argc, char* argv[]) {
    std::string_view const disk = argc < 3 ? "" : argv[1];
    if (disk != "stock" && disk != "none")
        throw usage_error("usage: bare_seeder stock|none DIR [name=value | FILE.torrent]...");
    char const* const directory = argv[2];

    lt::session_params params;
    if (disk == "none")
        params.disk_io_constructor = lt::disabled_disk_io_constructor;
    params.settings.set_int(lt::settings_pack::alert_mask, lt::alert_category::error |
                                                               lt::alert_category::status |
                                                               lt::alert_category::storage);
    std::vector<std::string> torrents;
    for (int i = 3; i < argc; ++i) {
        if (is_torrent_file(argv[i]))
            torrents.emplace_back(argv[i]);
        else
            apply(params.settings, argv[i]);
    }

    termination const termination;
    lt::session session(std::move(params));
    for (auto const& torrent : torrents)
        session.add_torrent(complete(torrent, directory));
    auto const address = wait_until_listening(session);
    std::cout << R"({"event":"listening","address":")" << address << R"("})" << std::endl;
    seed_until_told(session, termination);
}

double seconds(timeval const& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
}

void print_usage() {
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    std::cout << R"({"event":"usage","cpu_seconds":)"
              << seconds(usage.ru_utime) + seconds(usage.ru_stime) << R"(,"max_rss_kib":)"
              << usage.ru_maxrss << "}" << std::endl;
}

} // namespace

int main(int argc, char* argv[]) {
    try {
        seed(argc, argv);
        print_usage();
        return 0;
    } catch (usage_error const& error) {
        std::cerr << "bare_seeder: " << error.what() << '\n';
        return 2;
    } catch (std::exception const& error) {
        std::cerr << "bare_seeder: " << error.what() << '\n';
        return 1;
    }
}
