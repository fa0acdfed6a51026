#include "torrent-patron/cpp/process.hpp"
#include "torrent-patron/cpp/compat.hpp"
#include "torrent-patron/cpp/convert.hpp"

#include <libtorrent/bdecode.hpp>
#include <libtorrent/error_code.hpp>
#include <libtorrent/session.hpp>
#include <libtorrent/session_stats.hpp>
#include <libtorrent/settings_pack.hpp>
#include <libtorrent/version.hpp>

#include <dlfcn.h>
#include <fcntl.h>
#include <net/if.h>
#include <pthread.h>
#include <sys/resource.h>
#include <sys/stat.h>
#ifdef __linux__
#include <sched.h>
#include <sys/syscall.h>
#endif
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <clocale>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <new>
#include <optional>
#include <set>
#include <sstream>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#if defined(__unix__) && !defined(__APPLE__)
#include <langinfo.h>
#include <unistd.h>
#endif

namespace patron {

rust::String loaded_version() {
    return text(lt::version());
}

std::uint64_t raise_descriptor_limit(std::uint64_t wanted) {
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0)
        throw std::system_error(errno, std::generic_category());
    if (limit.rlim_cur < wanted && limit.rlim_cur < limit.rlim_max) {
        limit.rlim_cur = std::min<rlim_t>(wanted, limit.rlim_max);
        // If that is refused, as by macOS above its own limit, the old limit stays.
        if (::setrlimit(RLIMIT_NOFILE, &limit) != 0 && ::getrlimit(RLIMIT_NOFILE, &limit) != 0)
            throw std::system_error(errno, std::generic_category());
    }
    return limit.rlim_cur;
}

void block_signals() noexcept {
    sigset_t all;
    ::sigfillset(&all);
    for (int const fault : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT, SIGSYS})
        ::sigdelset(&all, fault);
    ::pthread_sigmask(SIG_BLOCK, &all, nullptr);
}

bool is_network_device(rust::Str name) noexcept {
    return ::if_nametoindex(std::string(name).c_str()) != 0;
}

namespace {

// Returns the files that contain libtorrent's functions. A library that was loaded earlier with
// global symbols may be used instead of ours, even in part. The program itself contains none of
// these functions.
std::set<std::string> loaded_from() {
    auto const file = [](auto* function) {
        Dl_info found{};
        bool const known = ::dladdr(reinterpret_cast<void*>(function), &found) != 0;
        return std::string(known && found.dli_fname != nullptr ? found.dli_fname : "");
    };
    using Decode = lt::bdecode_node (*)(lt::span<char const>, lt::error_code&, int*, int, int);
    std::set<std::string> files{file(&lt::version), file(&lt::session_stats_metrics),
                                file(&lt::default_disk_io_constructor), file(&lt::find_metric_idx),
                                file(static_cast<Decode>(&lt::bdecode))};
    files.erase(file(&version_mismatch));
    return files;
}

std::vector<int> numbers(std::string const& version) {
    std::istringstream in(version);
    std::vector<int> out;
    for (int number = 0; in >> number; in.ignore())
        out.push_back(number);
    out.resize(4);
    return out;
}

// Returns why a version is refused. libtorrent keeps its exported functions within a major and
// minor version. The shim also uses its internal classes, whose layout may change with any release.
std::string refusal(std::string const& compiled, std::string const& loaded,
                    std::set<std::string> const& files) {
    if (numbers(compiled) != numbers(loaded))
        return "this program was compiled for libtorrent " + compiled + ", but libtorrent " +
               loaded + " is loaded; recompile from scratch, or install the other version";
    if (files.size() <= 1)
        return {};
    std::string names;
    for (std::string const& name : files)
        names += (names.empty() ? "" : ", ") + name;
    return "more than one libtorrent is loaded: " + names +
           "; the program must load only one, or the other without RTLD_GLOBAL";
}

} // namespace

char const* version_mismatch() noexcept {
    static std::string const why = refusal(LIBTORRENT_VERSION, lt::version(), loaded_from());
    return why.empty() ? nullptr : why.c_str();
}

void check_versions() {}

void compare_versions(rust::Str compiled, rust::Str loaded, rust::Slice<rust::String const> files) {
    std::string const why = refusal(std::string(compiled), std::string(loaded),
                                    std::set<std::string>(files.begin(), files.end()));
    if (!why.empty())
        throw std::invalid_argument(why);
}

#ifdef __linux__

namespace {

// Numbers the sessions, to distinguish their threads.
thread_local int session_number = 0;

// Whether any network thread is bound. Threads that it starts inherit the binding.
std::atomic<bool> binds{false};

// The cores that a bound network thread could run on before.
thread_local std::optional<cpu_set_t> unbound_cores;

std::string comm(std::string const& task) {
    std::string name;
    std::getline(std::ifstream(task + "/comm"), name);
    return name;
}

} // namespace

void name_thread(char const* name) noexcept {
    ::pthread_setname_np(::pthread_self(), name);
    cpu_set_t process;
    if (binds && ::sched_getaffinity(::getpid(), sizeof process, &process) == 0)
        ::sched_setaffinity(0, sizeof process, &process);
}

void name_network_thread() {
    static std::atomic<int> sessions{0};
    session_number = ++sessions;
    name_thread(("lt-network-" + std::to_string(session_number)).c_str());
}

void name_disk_threads() {
    std::filesystem::path const tasks = "/proc/self/task";
    std::error_code failure;
    // A link for each thread: the names are read only where some have started or ended.
    thread_local std::uintmax_t known = 0;
    auto const links = std::filesystem::hard_link_count(tasks, failure);
    if (failure || links == std::exchange(known, links))
        return;
    std::string const number = std::to_string(session_number);
    std::string const self = std::to_string(::syscall(SYS_gettid));
    std::filesystem::directory_iterator task(tasks, failure), end;
    for (; !failure && task != end; task.increment(failure)) {
        auto const id = task->path().filename();
        if (id == self || comm(task->path()) != "lt-network-" + number)
            continue;
        std::ofstream(task->path() / "comm") << "lt-disk-" << number;
        if (unbound_cores)
            ::sched_setaffinity(std::atoi(id.c_str()), sizeof *unbound_cores, &*unbound_cores);
    }
}

namespace {

// The first version of the kernel's struct sched_attr, which only newer C libraries have.
struct SchedulingAttributes {
    std::uint32_t size;
    std::uint32_t policy;
    std::uint64_t flags;
    std::int32_t nice;
    std::uint32_t priority;
    std::uint64_t runtime;
    std::uint64_t deadline;
    std::uint64_t period;
};

} // namespace

void shorten_slices() noexcept {
    constexpr std::uint64_t shortest = 100'000; // nanoseconds
    SchedulingAttributes attributes{};
    if (::syscall(SYS_sched_getattr, 0, &attributes, sizeof attributes, 0) != 0 ||
        attributes.policy != SCHED_OTHER)
        return;
    attributes.runtime = shortest;
    ::syscall(SYS_sched_setattr, 0, &attributes, 0);
}

rust::Vec<std::uint32_t> allowed_cores() {
    cpu_set_t allowed;
    if (::sched_getaffinity(0, sizeof allowed, &allowed) != 0)
        throw std::system_error(errno, std::generic_category());
    rust::Vec<std::uint32_t> out;
    for (std::uint32_t core = 0; core < CPU_SETSIZE; ++core)
        if (CPU_ISSET(core, &allowed))
            out.push_back(core);
    return out;
}

void bind_network_thread(std::vector<std::uint32_t> const& cores) noexcept {
    cpu_set_t before, bound;
    CPU_ZERO(&bound);
    for (std::uint32_t const core : cores)
        CPU_SET(core, &bound);
    binds = true;
    if (::sched_getaffinity(0, sizeof before, &before) == 0 &&
        ::sched_setaffinity(0, sizeof bound, &bound) == 0)
        unbound_cores = before;
}

#else

void name_thread(char const* name) noexcept {
    ::pthread_setname_np(name);
}
void name_network_thread() {
    name_thread("lt-network");
}
void name_disk_threads() {}
void shorten_slices() noexcept {}
rust::Vec<std::uint32_t> allowed_cores() {
    return {};
}
void bind_network_thread(std::vector<std::uint32_t> const&) noexcept {}

#endif

#if defined(__unix__) && !defined(__APPLE__)

namespace {

// Returns whether the multibyte encoding is UTF-8, or the program has not set a locale.
bool names_are_bytes() {
    char const* const locale = std::setlocale(LC_CTYPE, nullptr);
    return locale == nullptr || std::strcmp(locale, "C") == 0 ||
           std::strcmp(locale, "POSIX") == 0 || std::strcmp(::nl_langinfo(CODESET), "UTF-8") == 0;
}

// Makes libtorrent decide now. It decides once, when it first accesses a file; nothing exists below
// /dev/null.
void decide() {
    try {
        compat::list_files("/dev/null/none");
    } catch (lt::system_error const&) {
    }
}

} // namespace

// libtorrent treats file names as UTF-8 only if LANG ends in ".UTF-8"; otherwise it converts them
// to the program's locale, and if LANG is unset, as for services, replaces every letter that is not
// ASCII by a dot (need_conversion in its escape_string.cpp). It reads LANG only once, so we make it
// do so while LANG has a suitable value. The whole environment is exchanged for that moment: setenv
// would change it under a thread that reads it, and child processes would inherit the change. The
// other one is never freed, because such a thread may still be reading it.
void keep_file_names() {
    static std::once_flag once;
    std::call_once(once, [] {
        if (!names_are_bytes())
            return decide();
        static char lang[] = "LANG=C.UTF-8";
        static auto& other = *new std::vector<char*>{lang};
        char** const ours = environ;
        for (char** variable = ours; variable != nullptr && *variable != nullptr; ++variable)
            if (std::strncmp(*variable, "LANG=", 5) != 0)
                other.push_back(*variable);
        other.push_back(nullptr);
        environ = other.data();
        decide();
        // Unless the program has changed the environment meanwhile, which replaces it.
        if (environ == other.data())
            environ = ours;
    });
}

#else

// File names are UTF-8 on macOS, and libtorrent treats them so there.
void keep_file_names() {}

#endif

} // namespace patron
