#include "torrent-patron/cpp/session/resolver.hpp"
#include "torrent-patron/cpp/process.hpp"

#include <boost/asio/ip/tcp.hpp>

#include <future>

#ifdef __linux__
#include <cerrno>
#include <cstddef>

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#endif

namespace patron {

namespace {

#ifdef __linux__

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

#else

bool forbid_sockets() {
    return false;
}

#endif

} // namespace

// The resolver thread has the name and the filter of the thread that asks for the first name.
bool start_resolver(lt::io_context& network, bool silent) {
    auto const start = [&network, silent] {
        using resolver = boost::asio::ip::tcp::resolver;
        name_thread("lt-resolver");
        bool const leaks = silent && !forbid_sockets();
        resolver(network).async_resolve("127.0.0.1", "0", resolver::numeric_host,
                                        [](auto const&...) {});
        return leaks;
    };
    return !std::async(std::launch::async, start).get();
}

} // namespace patron
