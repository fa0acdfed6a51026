/* A process that forks before the library is used, and while it is in use. misuse.c tests every
 * function in a child. */
#include "check.h"

#include <pthread.h>
#include <sys/wait.h>

bool in_child;

#ifdef __SANITIZE_ADDRESS__
/* Objects that only the missing threads referred to look like leaks in the child. */
int __lsan_is_turned_off(void) {
    return in_child;
}
#endif

/* Forks. The child ends with exit(), as a program that knows nothing of the library would. */
static void in_a_child(void (*act)(const char*), const char* directory) {
    fflush(NULL);
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        in_child = true;
        alarm(PATIENCE_MS / 1000);
        act(directory);
        exit(0);
    }
    int status = 0;
    CHECK(waitpid(child, &status, 0) == child);
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
        FAIL("the child ended with %#x", (unsigned)status);
    }
}

/* The parent has not used the library yet, so the child may use it. */
static void first_use(const char* directory) {
    CHECK(has(patron_version(), "."));
    patron_client* client = start(new_builder(directory));
    patron_handle* handle = new_patron(client);
    CHECK(strncmp(address_of(handle), "127.0.0.1:", 10) == 0);
    patron_free(handle);
    stop(client);
}

static patron_client* client;
static patron_handle* handle;
static patron_event* event;
static patron_metainfo* metainfo;
static uint64_t torrent;

static void forked(const char* directory) {
    patron_builder* builder = NULL;
    patron_reply* reply = NULL;
    patron_event* next = NULL;
    patron_handle* other = NULL;
    FAILS(PATRON_E_FORKED, patron_builder_new(&builder, &error));
    FAILS(PATRON_E_FORKED, patron_shared(NULL, &other, &error));
    FAILS(PATRON_E_FORKED, patron_pause(handle, torrent, &reply, &error));
    FAILS(PATRON_E_FORKED, patron_next_event(handle, -1, &next, &error));
    FAILS(PATRON_E_FORKED, patron_client_shutdown(client, PATIENCE_MS, NULL, &error));
    CHECK(!builder && !reply && !next && !other);
    CHECK(is(patron_event_explain(event), "") && patron_event_kind(event) == 0);
    CHECK(is(patron_metainfo_name(metainfo), "") && is(patron_version(), ""));
    patron_event_free(event);
    patron_metainfo_free(metainfo);
    patron_free(handle);
    patron_client_free(client);
    CHECK(access(directory, F_OK) == 0);
}

static void nothing(void* data) {
    (void)data;
}

static volatile bool stopping;

static void* busy(void* unused) {
    (void)unused;
    while (!stopping) {
        patron_status status;
        patron_handle* other = NULL;
        OK(patron_peek_status(handle, torrent, &status, sizeof status, &error));
        OK(patron_send(handle, PATRON_COMMAND_STATUS, torrent, 0, true, &error));
        OK(patron_another(handle, &other, &error));
        patron_free(other);
    }
    return NULL;
}

static void glance(const char* directory) {
    (void)directory;
    CHECK(patron_send(handle, PATRON_COMMAND_STATUS, torrent, 0, true, NULL) == PATRON_E_FORKED);
    _exit(0);
}

int main(int argc, char** argv) {
    CHECK(argc == 3);
    const char* directory = argv[1];
    if (NO_MALLOC_AFTER_FORK) {
        puts("SKIPPED fork.c: see NO_MALLOC_AFTER_FORK");
        return 0;
    }
    in_a_child(first_use, directory);

    make_file(path(directory, "data.bin"), 1, 100000);
    metainfo = make_torrent(path(directory, "data.bin"));
    client = start(new_builder(directory));
    handle = new_patron(client);
    torrent = add(handle, metainfo, NULL);
    event = await_event(handle, PATRON_EVENT_FINISHED, torrent);
    OK(patron_set_wake(handle, nothing, NULL, NULL, &error));
    in_a_child(forked, directory);

    pthread_t threads[8];
    for (int index = 0; index < 8; index++) {
        CHECK(pthread_create(&threads[index], NULL, busy, NULL) == 0);
    }
    for (int round = 0; round < 20; round++) {
        in_a_child(glance, directory);
    }
    stopping = true;
    for (int index = 0; index < 8; index++) {
        CHECK(pthread_join(threads[index], NULL) == 0);
    }

    /* The parent is not affected. */
    CHECK(has(patron_event_explain(event), "data.bin") && patron_event_torrent(event) == torrent);
    drain(handle);
    OK(patron_send(handle, PATRON_COMMAND_PAUSE, torrent, 0, true, &error));
    await(handle, PATRON_EVENT_PAUSED, torrent);
    patron_event_free(event);
    patron_metainfo_free(metainfo);
    patron_free(handle);
    stop(client);
    return 0;
}
