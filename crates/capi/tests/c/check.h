/* Shared by the test programs. Each is started with a directory of its own and the path of the
 * library. */
#ifndef CHECK_H
#define CHECK_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include <torrent_patron.h>

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* Included twice, as happens in larger programs. */
#include <torrent_patron.h>

/* The time limit for anything that a test waits for. */
#define PATIENCE_MS 60000

/* When a process with threads forks, gcc's address sanitizer does not release the locks of its
 * allocator. An allocation in the child may then block forever. */
#ifdef __SANITIZE_ADDRESS__
#define NO_MALLOC_AFTER_FORK 1
#else
#define NO_MALLOC_AFTER_FORK 0
#endif

#define FAIL(...)                                       \
    do {                                                \
        fprintf(stderr, "%s:%d: ", __FILE__, __LINE__); \
        fprintf(stderr, __VA_ARGS__);                   \
        fputc('\n', stderr);                            \
        exit(1);                                        \
    } while (0)

#define CHECK(condition)            \
    do {                            \
        if (!(condition)) {         \
            FAIL("%s", #condition); \
        }                           \
    } while (0)

/* A call, with `&error` as its last argument, that must succeed and leave `error` unset. */
#define OK(call)                                                     \
    do {                                                             \
        patron_error* error = NULL;                                  \
        if ((call) != PATRON_OK || error) {                          \
            FAIL("%s: %s", #call, patron_error_message(error).data); \
        }                                                            \
    } while (0)

/* A call, with `&error` as its last argument, that must fail with this code and a message. */
#define FAILS(expected, call)                                                               \
    do {                                                                                    \
        patron_error* error = NULL;                                                         \
        int32_t code_ = (call);                                                             \
        if (code_ != (expected) || patron_error_code(error) != code_ ||                     \
            !patron_error_message(error).length || !patron_error_operation(error).length) { \
            FAIL("%s: %" PRId32 ", %s", #call, code_, patron_error_message(error).data);    \
        }                                                                                   \
        patron_error_free(error);                                                           \
    } while (0)

/* Compares a borrowed text, which is never NULL and has a zero byte behind its end. */
static inline bool is(patron_text text, const char* expected) {
    return text.data && strlen(text.data) == text.length && strcmp(text.data, expected) == 0;
}

static inline bool has(patron_text text, const char* part) {
    return text.data && strlen(text.data) == text.length && strstr(text.data, part);
}

static inline const char* path(const char* directory, const char* name) {
    static char buffers[8][PATH_MAX];
    static unsigned next;
    char* buffer = buffers[next++ % 8];
    snprintf(buffer, PATH_MAX, "%s/%s", directory, name);
    return buffer;
}

static inline void make_directory(const char* directory) {
    CHECK(mkdir(directory, 0700) == 0);
}

/* Writes a file of pseudo-random numbers, the same in every run. */
static inline void make_file(const char* file, uint32_t seed, size_t size) {
    FILE* stream = fopen(file, "wb");
    CHECK(stream);
    for (size_t index = 0; index < size; index++) {
        seed = seed * 1664525u + 1013904223u;
        fputc((int)(seed >> 24), stream);
    }
    CHECK(fclose(stream) == 0);
}

static inline bool same_file(const char* one, const char* other) {
    FILE *a = fopen(one, "rb"), *b = fopen(other, "rb");
    CHECK(a && b);
    int left, right;
    do {
        left = getc(a);
        right = getc(b);
    } while (left == right && left != EOF);
    fclose(a);
    fclose(b);
    return left == right;
}

static inline bool all_zero(const uint8_t* bytes, size_t length) {
    for (size_t index = 0; index < length; index++) {
        if (bytes[index] != 0) {
            return false;
        }
    }
    return true;
}

static inline patron_maker* new_maker(const char* file) {
    patron_maker* maker = NULL;
    OK(patron_maker_new(PATRON_TEXT(file), &maker, &error));
    OK(patron_maker_set_piece_length(maker, 16384, &error));
    return maker;
}

/* Starts the maker, waits for the metainfo, and frees the maker. */
static inline patron_metainfo* make(patron_maker* maker) {
    patron_making* making = NULL;
    patron_metainfo* metainfo = NULL;
    OK(patron_maker_start(maker, &making, &error));
    OK(patron_making_wait(making, PATIENCE_MS, &metainfo, &error));
    patron_making_free(making);
    patron_maker_free(maker);
    return metainfo;
}

static inline patron_metainfo* make_torrent(const char* file) {
    return make(new_maker(file));
}

/* Verifies the data in a directory. */
static inline patron_verified* verify(const patron_metainfo* metainfo, const char* directory) {
    patron_verifying* verifying = NULL;
    patron_verified* verified = NULL;
    OK(patron_verify(metainfo, PATRON_TEXT(directory), &verifying, &error));
    OK(patron_verifying_wait(verifying, PATIENCE_MS, &verified, &error));
    patron_verifying_free(verifying);
    return verified;
}

/* A builder of a client that cannot leave this machine and has short ticks. */
static inline patron_builder* new_builder(const char* save_dir) {
    patron_builder* builder = NULL;
    OK(patron_builder_new(&builder, &error));
    OK(patron_builder_set_offline(builder, true, &error));
    OK(patron_builder_set_tick_interval(builder, 100, &error));
    OK(patron_builder_set_save_dir(builder, PATRON_TEXT(save_dir), &error));
    return builder;
}

/* Starts a client and frees the builder. */
static inline patron_client* start(patron_builder* builder) {
    patron_client* client = NULL;
    OK(patron_builder_start(builder, &client, &error));
    patron_builder_free(builder);
    return client;
}

static inline patron_handle* new_patron(patron_client* client) {
    patron_handle* handle = NULL;
    OK(patron_client_patron(client, &handle, &error));
    return handle;
}

/* Waits for a reply, which must not be an error. */
static inline void wait_for(patron_reply* reply) {
    OK(patron_reply_wait(reply, PATIENCE_MS, &error));
}

/* The address at which a patron's client accepts peers. The next call overwrites it. */
static inline const char* address_of(patron_handle* handle) {
    static char address[64];
    patron_reply* reply = NULL;
    OK(patron_get_listen_addresses(handle, &reply, &error));
    wait_for(reply);
    snprintf(address, sizeof address, "%s", patron_reply_address(reply, 0).data);
    patron_reply_free(reply);
    return address;
}

static inline patron_add_options* peer_options(patron_handle* handle) {
    patron_add_options* options = NULL;
    OK(patron_add_options_new(&options, &error));
    OK(patron_add_options_add_peer(options, PATRON_TEXT(address_of(handle)), &error));
    return options;
}

/* Adds a torrent and frees the options. */
static inline uint64_t add(patron_handle* handle, const patron_metainfo* metainfo,
                           patron_add_options* options) {
    patron_bytes bytes = patron_metainfo_torrent_file(metainfo);
    patron_reply* reply = NULL;
    OK(patron_add_torrent(handle, PATRON_SOURCE_BYTES, bytes.data, bytes.length, options, &reply,
                          &error));
    wait_for(reply);
    uint64_t torrent = patron_reply_torrent(reply);
    CHECK(torrent != 0 && !patron_reply_was_there(reply));
    patron_reply_free(reply);
    patron_add_options_free(options);
    return torrent;
}

static inline int64_t now_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Waits for an event of this kind about this torrent, or any torrent if it is 0. Drops the events
 * before it. */
static inline patron_event* await_event(patron_handle* handle, int32_t kind, uint64_t torrent) {
    int64_t deadline = now_ms() + PATIENCE_MS;
    for (;;) {
        patron_event* event = NULL;
        int64_t left = deadline - now_ms();
        if (patron_next_event(handle, left > 0 ? left : 0, &event, NULL) != PATRON_OK) {
            FAIL("no event of kind %" PRId32, kind);
        }
        if (patron_event_kind(event) == kind &&
            (torrent == 0 || patron_event_torrent(event) == torrent)) {
            return event;
        }
        fprintf(stderr, "  %s\n", patron_event_explain(event).data);
        patron_event_free(event);
    }
}

static inline void await(patron_handle* handle, int32_t kind, uint64_t torrent) {
    patron_event_free(await_event(handle, kind, torrent));
}

static inline void drain(patron_handle* handle) {
    patron_event* event = NULL;
    while (patron_next_event(handle, 0, &event, NULL) == PATRON_OK) {
        patron_event_free(event);
    }
}

/* Stops a client and checks that it left nothing undone. */
static inline void stop(patron_client* client) {
    patron_report* report = NULL;
    OK(patron_client_shutdown(client, PATIENCE_MS, &report, &error));
    if (!patron_report_is_clean(report)) {
        FAIL("%s", patron_report_explain(report).data);
    }
    patron_report_free(report);
}

#endif
