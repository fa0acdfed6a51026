#include "torrent-patron/cpp/session/resolver.hpp"
#include "torrent-patron/cpp/process.hpp"

#include <boost/asio/ip/tcp.hpp>

#ifdef __linux__
#include <cerrno>
#include <cstddef>
#include <thread>

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#endif

namespace patron {

#ifdef __linux__

namespace {

// Prevents the calling thread, and those that it starts, from opening sockets.
bool forbid_sockets() {
#ifdef SYS_socket
    sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_socket, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EACCES),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    sock_fprog const program{sizeof code / sizeof *code, code};
    return ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
           ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
#else
    return false;
#endif
}

} // namespace

// asio starts the resolver thread for the first name. It inherits the filter from the thread that
// asks.
bool silence_resolver(lt::io_context& network) {
    bool silent = false;
    std::thread([&network, &silent] {
        name_thread("lt-resolver");
        silent = forbid_sockets();
        if (!silent)
            return;
        boost::asio::ip::tcp::resolver resolver(network);
        resolver.async_resolve("localhost", "0", [](auto const&...) {});
    }).join();
    return silent;
}

#else

bool silence_resolver(lt::io_context&) {
    return false;
}

#endif

} // namespace patron
