/* Simulates a disk that becomes full or read-only. Preloaded into a program, it lets write number
 * FULL_AT to the files whose paths begin with FULL_FILES fail with the error FULL_ERROR. All later
 * writes fail too, until the file FULL_MARK, which the first failure creates, is removed. */
#define _GNU_SOURCE

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static int is_ours(int descriptor) {
    const char* files = getenv("FULL_FILES");
    char link[64], path[PATH_MAX];
    snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
    ssize_t length = files ? readlink(link, path, sizeof path - 1) : -1;
    if (length < 0)
        return 0;
    path[length] = 0;
    return strncmp(path, files, strlen(files)) == 0;
}

static int is_full(int descriptor) {
    static long count = 0;
    if (!is_ours(descriptor))
        return 0;
    const char* mark = getenv("FULL_MARK");
    pthread_mutex_lock(&lock);
    if (++count == atol(getenv("FULL_AT")))
        close(open(mark, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    int full = access(mark, F_OK) == 0;
    pthread_mutex_unlock(&lock);
    errno = atoi(getenv("FULL_ERROR"));
    return full;
}

ssize_t write(int descriptor, const void* bytes, size_t count) {
    ssize_t (*real)(int, const void*, size_t) =
        (ssize_t(*)(int, const void*, size_t))dlsym(RTLD_NEXT, "write");
    return is_full(descriptor) ? -1 : real(descriptor, bytes, count);
}

ssize_t pwrite(int descriptor, const void* bytes, size_t count, off_t at) {
    ssize_t (*real)(int, const void*, size_t, off_t) =
        (ssize_t(*)(int, const void*, size_t, off_t))dlsym(RTLD_NEXT, "pwrite");
    return is_full(descriptor) ? -1 : real(descriptor, bytes, count, at);
}

ssize_t pwrite64(int descriptor, const void* bytes, size_t count, off64_t at) {
    ssize_t (*real)(int, const void*, size_t, off64_t) =
        (ssize_t(*)(int, const void*, size_t, off64_t))dlsym(RTLD_NEXT, "pwrite64");
    return is_full(descriptor) ? -1 : real(descriptor, bytes, count, at);
}
