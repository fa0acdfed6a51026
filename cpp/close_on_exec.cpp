#include "torrent-patron/cpp/close_on_exec.hpp"

#ifdef __linux__

#include <libtorrent/version.hpp>

#include <cstdarg>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <system_error>

#include <dlfcn.h>
#include <fcntl.h>
#include <link.h>
#include <netinet/in.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

namespace patron {
namespace {

int socket_cloexec(int family, int type, int protocol) {
    return ::socket(family, type | SOCK_CLOEXEC, protocol);
}

int accept_cloexec(int listener, sockaddr* from, socklen_t* size) {
    return ::accept4(listener, from, size, SOCK_CLOEXEC);
}

int open_cloexec(char const* path, int flags, ...) {
    std::va_list rest;
    va_start(rest, flags);
    bool const creates = (flags & O_CREAT) != 0 || (flags & O_TMPFILE) == O_TMPFILE;
    mode_t const mode = creates ? va_arg(rest, mode_t) : 0;
    va_end(rest);
    return ::open(path, flags | O_CLOEXEC, mode);
}

// Returns what libtorrent should call instead of a function of the C library; null for the function
// itself.
void* replacement(char const* name) {
    if (std::strcmp(name, "socket") == 0)
        return reinterpret_cast<void*>(&socket_cloexec);
    if (std::strcmp(name, "accept") == 0)
        return reinterpret_cast<void*>(&accept_cloexec);
    // Where `long` has 64 bits, the flag for large files has no meaning.
    if (std::strcmp(name, "open") == 0 || std::strcmp(name, "open64") == 0)
        return reinterpret_cast<void*>(&open_cloexec);
    return nullptr;
}

#ifdef __LP64__

// A shared object calls the functions of others through a table in its memory, which the dynamic
// linker fills in.
class SharedObject {
  public:
    explicit SharedObject(dl_phdr_info const& object)
        : base_(object.dlpi_addr), headers_(object.dlpi_phdr), count_(object.dlpi_phnum) {}

    bool contains(void const* address) const {
        auto const place = reinterpret_cast<ElfW(Addr)>(address) - base_;
        for (auto const& header : *this)
            if (header.p_type == PT_LOAD && place - header.p_vaddr < header.p_memsz)
                return true;
        return false;
    }

    bool replace_calls() const {
        ElfW(Dyn) const* dynamic = nullptr;
        ElfW(Addr) begin = 0, end = 0;
        auto const page = static_cast<ElfW(Addr)>(::sysconf(_SC_PAGESIZE));
        for (auto const& header : *this) {
            if (header.p_type == PT_DYNAMIC)
                dynamic = reinterpret_cast<ElfW(Dyn) const*>(base_ + header.p_vaddr);
            if (header.p_type == PT_GNU_RELRO) {
                // Whole pages, as the dynamic linker protects them.
                begin = (base_ + header.p_vaddr) / page * page;
                end = (base_ + header.p_vaddr + header.p_memsz) / page * page;
            }
        }
        if (dynamic == nullptr)
            return false;
        auto* const read_only = reinterpret_cast<void*>(begin);
        if (end > begin && ::mprotect(read_only, end - begin, PROT_READ | PROT_WRITE) != 0)
            return false;
        int const replaced =
            replace(dynamic, DT_JMPREL, DT_PLTRELSZ) + replace(dynamic, DT_RELA, DT_RELASZ);
        if (end > begin)
            ::mprotect(read_only, end - begin, PROT_READ);
        return replaced > 0;
    }

    ElfW(Phdr) const* begin() const { return headers_; }
    ElfW(Phdr) const* end() const { return headers_ + count_; }

  private:
    static ElfW(Addr) value(ElfW(Dyn) const* entry, ElfW(Sxword) tag) {
        for (; entry->d_tag != DT_NULL; ++entry)
            if (entry->d_tag == tag)
                return entry->d_un.d_ptr;
        return 0;
    }
    // glibc has added the base address, musl has not.
    template <typename T>
    T const* table(ElfW(Dyn) const* dynamic, ElfW(Sxword) tag) const {
        auto const at = value(dynamic, tag);
        return reinterpret_cast<T const*>(at < base_ ? base_ + at : at);
    }

    int replace(ElfW(Dyn) const* dynamic, ElfW(Sxword) tag, ElfW(Sxword) size_tag) const {
        auto const* const symbols = table<ElfW(Sym)>(dynamic, DT_SYMTAB);
        auto const* const names = table<char>(dynamic, DT_STRTAB);
        auto const* entry = table<ElfW(Rela)>(dynamic, tag);
        auto const* const last = entry + value(dynamic, size_tag) / sizeof *entry;
        int replaced = 0;
        for (; entry != last; ++entry) {
            auto const symbol = ELF64_R_SYM(entry->r_info);
            void* const ours = symbol != 0 ? replacement(names + symbols[symbol].st_name) : nullptr;
            if (ours == nullptr)
                continue;
            auto* const place = reinterpret_cast<void**>(base_ + entry->r_offset);
            __atomic_store_n(place, ours, __ATOMIC_RELAXED);
            ++replaced;
        }
        return replaced;
    }

    ElfW(Addr) const base_;
    ElfW(Phdr) const* const headers_;
    ElfW(Half) const count_;
};

#endif

} // namespace

bool open_close_on_exec() {
#ifdef __LP64__
    static bool const replaced = [] {
        auto const visit = [](dl_phdr_info* object, std::size_t, void* out) {
            SharedObject const shared(*object);
            // If libtorrent is part of the program, these are also the program's own calls.
            if (!shared.contains(reinterpret_cast<void*>(&lt::version)) ||
                shared.contains(reinterpret_cast<void*>(&open_cloexec)))
                return 0;
            *static_cast<bool*>(out) = shared.replace_calls();
            return 1;
        };
        bool done = false;
        ::dl_iterate_phdr(visit, &done);
        return done;
    }();
    return replaced;
#else
    return false;
#endif
}

void close_on_exec(std::uint16_t port) {
    std::error_code failure;
    std::filesystem::directory_iterator entry("/proc/self/fd", failure), end;
    for (; !failure && entry != end; entry.increment(failure)) {
        int const socket = std::atoi(entry->path().filename().c_str());
        sockaddr_storage bound{};
        socklen_t size = sizeof bound;
        if (::getsockname(socket, reinterpret_cast<sockaddr*>(&bound), &size) != 0)
            continue;
        bool const v4 = bound.ss_family == AF_INET;
        if (!v4 && bound.ss_family != AF_INET6)
            continue;
        auto const bound_port = v4 ? reinterpret_cast<sockaddr_in const&>(bound).sin_port
                                   : reinterpret_cast<sockaddr_in6 const&>(bound).sin6_port;
        if (ntohs(bound_port) == port)
            ::fcntl(socket, F_SETFD, FD_CLOEXEC);
    }
}

} // namespace patron

#else

namespace patron {

bool open_close_on_exec() {
    return false;
}
void close_on_exec(std::uint16_t) {}

} // namespace patron

#endif
