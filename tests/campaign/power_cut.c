/* Simulates a disk that loses power. Preloaded into a program, it keeps a copy of each file below
 * POWER_ROOT as it was at its last synchronization, in POWER_COPIES, under its inode number. After
 * the program is killed, these copies are all that a power cut would leave of the contents of
 * files. File names are durable at once, as on a file system with a journal. */
#define _GNU_SOURCE

#include <dlfcn.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static void name_copy(char* out, ino_t inode, const char* suffix) {
    snprintf(out, PATH_MAX, "%s/%lu%s", getenv("POWER_COPIES"), (unsigned long)inode, suffix);
}

static int is_ours(const char* path) {
    const char* root = getenv("POWER_ROOT");
    return root && strncmp(path, root, strlen(root)) == 0;
}

/* The copy appears by a rename, so that it is complete even if the program is killed meanwhile. */
static int keep(int descriptor) {
    char link[64], path[PATH_MAX], temporary[PATH_MAX], copy[PATH_MAX];
    struct stat found;
    snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 0 || fstat(descriptor, &found) != 0)
        return -1;
    path[length] = 0;
    if (!is_ours(path) || !S_ISREG(found.st_mode))
        return 0;
    pthread_mutex_lock(&lock);
    /* The file may have been deleted meanwhile. */
    if (fstat(descriptor, &found) != 0 || found.st_nlink == 0) {
        pthread_mutex_unlock(&lock);
        return 0;
    }
    name_copy(temporary, found.st_ino, ".new");
    name_copy(copy, found.st_ino, "");
    int from = open(link, O_RDONLY | O_CLOEXEC);
    int to = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    char buffer[65536];
    ssize_t count;
    while ((count = read(from, buffer, sizeof buffer)) > 0)
        if (write(to, buffer, (size_t)count) != count)
            abort();
    close(from);
    close(to);
    int failed = ((int (*)(const char*, const char*))dlsym(RTLD_NEXT, "rename"))(temporary, copy);
    pthread_mutex_unlock(&lock);
    return failed;
}

int fsync(int descriptor) {
    return keep(descriptor);
}

int fdatasync(int descriptor) {
    return keep(descriptor);
}

/* The inode number may be used again. The lock is held until the file is deleted, so that no copy
 * is made in between. */
static void forget(int directory, const char* path) {
    struct stat found;
    char copy[PATH_MAX];
    if (getenv("POWER_ROOT") && fstatat(directory, path, &found, AT_SYMLINK_NOFOLLOW) == 0 &&
        S_ISREG(found.st_mode) && found.st_nlink == 1) {
        name_copy(copy, found.st_ino, "");
        int (*real)(int, const char*, int) =
            (int (*)(int, const char*, int))dlsym(RTLD_NEXT, "unlinkat");
        real(AT_FDCWD, copy, 0);
    }
}

int unlink(const char* path) {
    pthread_mutex_lock(&lock);
    forget(AT_FDCWD, path);
    int failed = ((int (*)(const char*))dlsym(RTLD_NEXT, "unlink"))(path);
    pthread_mutex_unlock(&lock);
    return failed;
}

int remove(const char* path) {
    pthread_mutex_lock(&lock);
    forget(AT_FDCWD, path);
    int failed = ((int (*)(const char*))dlsym(RTLD_NEXT, "remove"))(path);
    pthread_mutex_unlock(&lock);
    return failed;
}

int unlinkat(int directory, const char* path, int flags) {
    pthread_mutex_lock(&lock);
    forget(directory, path);
    int failed =
        ((int (*)(int, const char*, int))dlsym(RTLD_NEXT, "unlinkat"))(directory, path, flags);
    pthread_mutex_unlock(&lock);
    return failed;
}

/* Handles a rename that replaces a file. */
int rename(const char* from, const char* to) {
    int (*real)(const char*, const char*) =
        (int (*)(const char*, const char*))dlsym(RTLD_NEXT, "rename");
    struct stat a, b;
    pthread_mutex_lock(&lock);
    if (stat(from, &a) == 0 && stat(to, &b) == 0 && a.st_ino != b.st_ino)
        forget(AT_FDCWD, to);
    int failed = real(from, to);
    pthread_mutex_unlock(&lock);
    return failed;
}
