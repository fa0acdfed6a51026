/* Preloaded into a program: while the file NO_DESCRIPTORS exists, files in a directory "from"
 * cannot be opened, as if the process had too many open files. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef int (*opens)(const char*, int, ...);

static bool is_refused(const char* path) {
    const char* marker = getenv("NO_DESCRIPTORS");
    return marker && strstr(path, "/from/") && access(marker, F_OK) == 0;
}

static int attempt(const char* name, const char* path, int flags, va_list more) {
    if (is_refused(path)) {
        errno = EMFILE;
        return -1;
    }
    mode_t const mode = flags & (O_CREAT | __O_TMPFILE) ? va_arg(more, mode_t) : 0;
    return ((opens)dlsym(RTLD_NEXT, name))(path, flags, mode);
}

int open(const char* path, int flags, ...) {
    va_list more;
    va_start(more, flags);
    int const opened = attempt("open", path, flags, more);
    va_end(more);
    return opened;
}

int open64(const char* path, int flags, ...) {
    va_list more;
    va_start(more, flags);
    int const opened = attempt("open64", path, flags, more);
    va_end(more);
    return opened;
}
