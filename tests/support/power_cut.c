/* Preloaded into a program, it copies the data that the program synchronizes, as only that survives
 * a power cut. The copies are in the directory POWER_CUT, under their inode numbers. Of a directory
 * it only records that it was synchronized. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static void keep(int file, const char* directory, ino_t inode) {
    char path[PATH_MAX], buffer[65536];
    snprintf(path, sizeof path, "%s/%ju", directory, (uintmax_t)inode);
    int kept = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    ssize_t size;
    off_t at = 0;
    while ((size = pread(file, buffer, sizeof buffer, at)) > 0) {
        if (write(kept, buffer, (size_t)size) != size) {
            abort();
        }
        at += size;
    }
    close(kept);
}

int fsync(int file) {
    int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, "fsync");
    const char* directory = getenv("POWER_CUT");
    struct stat found;
    if (directory && fstat(file, &found) == 0) {
        keep(file, directory, found.st_ino);
    }
    return real(file);
}
