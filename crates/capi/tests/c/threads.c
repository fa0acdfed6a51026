/* Many threads use one patron, and one thread frees it meanwhile. */
#include "check.h"

#include <pthread.h>

#define THREADS 64
#define ROUNDS 40

static patron_handle* handle;
static uint64_t torrent;

static void count(void* counter) {
    __atomic_fetch_add((int*)counter, 1, __ATOMIC_SEQ_CST);
}

static void await_count(const int* counter, int least) {
    int64_t deadline = now_ms() + PATIENCE_MS;
    while (__atomic_load_n(counter, __ATOMIC_SEQ_CST) < least) {
        CHECK(now_ms() < deadline);
        usleep(1000);
    }
}

static void read_snapshot(const patron_snapshot* snapshot) {
    patron_status statuses[4];
    size_t written = 0;
    OK(patron_snapshot_read(snapshot, 0, statuses, sizeof statuses[0], 4, &written, &error));
    CHECK(written == 1 && statuses[0].torrent == torrent);
    CHECK(is(patron_snapshot_name(snapshot, 0), "data.bin"));
}

static void* use(void* unused) {
    (void)unused;
    for (int round = 0; round < ROUNDS; round++) {
        OK(patron_send(handle, PATRON_COMMAND_STATUS, torrent, 0, true, &error));
        patron_status status;
        OK(patron_peek_status(handle, torrent, &status, sizeof status, &error));
        CHECK(status.torrent == torrent && status.total_size >= 100000);

        patron_snapshot* snapshot = NULL;
        OK(patron_snapshot_take(handle, &snapshot, &error));
        read_snapshot(snapshot);
        patron_snapshot_free(snapshot);

        patron_event* event = NULL;
        int32_t code = patron_next_event(handle, 0, &event, NULL);
        CHECK(code == PATRON_OK || code == PATRON_E_TIMED_OUT);
        CHECK(!event == (code != PATRON_OK) && !event == !patron_event_kind(event));
        patron_event_free(event);

        patron_handle* other = NULL;
        OK(patron_another(handle, &other, &error));
        patron_reply* reply = NULL;
        OK(patron_get_status(other, torrent, &reply, &error));
        patron_free(other);
        wait_for(reply);
        OK(patron_reply_status(reply, &status, sizeof status, &error));
        patron_reply_free(reply);
    }
    return NULL;
}

/* How often the threads have begun to use the patron that is freed. */
static int begun;

/* Runs until the patron is freed: each call succeeds or reports a bad handle. */
static void* use_until_freed(void* unused) {
    (void)unused;
    int64_t deadline = now_ms() + PATIENCE_MS;
    for (;;) {
        count(&begun);
        patron_status status;
        patron_event* event = NULL;
        int32_t codes[] = {
            patron_send(handle, PATRON_COMMAND_STATUS, torrent, 0, true, NULL),
            patron_peek_status(handle, torrent, &status, sizeof status, NULL),
            patron_next_event(handle, 5, &event, NULL),
        };
        patron_event_free(event);
        for (size_t index = 0; index < 3; index++) {
            if (codes[index] == PATRON_E_BAD_HANDLE) {
                return NULL;
            }
            CHECK(codes[index] == PATRON_OK || (index == 2 && (codes[2] == PATRON_E_TIMED_OUT ||
                                                               codes[2] == PATRON_E_CANCELLED)));
        }
        CHECK(now_ms() < deadline);
    }
}

/* One reply and one snapshot that all threads read. */
static patron_reply* reply;
static patron_snapshot* snapshot;

static void* read_the_same(void* unused) {
    (void)unused;
    wait_for(reply);
    CHECK(patron_reply_address_count(reply) == 1 &&
          has(patron_reply_address(reply, 0), "127.0.0.1"));
    read_snapshot(snapshot);
    CHECK(patron_snapshot_explain(snapshot, 0).length > 0);
    return NULL;
}

static void run(void* (*work)(void*), void (*meanwhile)(void)) {
    pthread_t threads[THREADS];
    begun = 0;
    for (int index = 0; index < THREADS; index++) {
        CHECK(pthread_create(&threads[index], NULL, work, NULL) == 0);
    }
    if (meanwhile) {
        meanwhile();
    }
    for (int index = 0; index < THREADS; index++) {
        CHECK(pthread_join(threads[index], NULL) == 0);
    }
}

static void free_it(void) {
    await_count(&begun, THREADS); /* they are in the middle of it */
    patron_free(handle);
}

static void* wait_without_end(void* unused) {
    (void)unused;
    patron_event* event = NULL;
    int32_t code;
    count(&begun);
    while ((code = patron_next_event(handle, -1, &event, NULL)) == PATRON_OK) {
        patron_event_free(event);
    }
    CHECK(code == PATRON_E_CANCELLED || code == PATRON_E_BAD_HANDLE);
    return NULL;
}

/* Repeats until no thread is left, as a thread may have been between two waits. */
static void* interrupt_it(void* done) {
    while (!__atomic_load_n((int*)done, __ATOMIC_SEQ_CST)) {
        OK(patron_interrupt(handle, &error));
        usleep(1000);
    }
    return NULL;
}

static void interrupts(void) {
    patron_event* event = NULL;
    drain(handle);
    /* Nobody is waiting, so only the next wait ends. Reading without a wait does not count. */
    OK(patron_interrupt(handle, &error));
    patron_event_free(NULL);
    FAILS(PATRON_E_CANCELLED, patron_next_event(handle, -1, &event, &error));
    while (patron_next_event(handle, 1, &event, NULL) == PATRON_OK) {
        patron_event_free(event);
    }
    int done = 0;
    pthread_t interrupter;
    CHECK(pthread_create(&interrupter, NULL, interrupt_it, &done) == 0);
    run(wait_without_end, NULL);
    __atomic_store_n(&done, 1, __ATOMIC_SEQ_CST);
    CHECK(pthread_join(interrupter, NULL) == 0);
    run(wait_without_end, free_it);
}

static int woken, finalized;

static void finalize(void* unused) {
    (void)unused;
    __atomic_fetch_add(&finalized, 1, __ATOMIC_SEQ_CST);
}

static void* set_wake(void* unused) {
    (void)unused;
    OK(patron_set_wake(handle, count, &woken, finalize, &error));
    return NULL;
}

/* Of many that set it at once, one has set it. */
static void wakes(void) {
    run(set_wake, NULL);
    await_count(&finalized, THREADS - 1);
    drain(handle);
    int before = __atomic_load_n(&woken, __ATOMIC_SEQ_CST);
    OK(patron_send(handle, PATRON_COMMAND_PAUSE, UINT64_MAX, 0, true, &error));
    await_count(&woken, before + 1);
    CHECK(__atomic_load_n(&finalized, __ATOMIC_SEQ_CST) == THREADS - 1);
    OK(patron_set_wake(handle, NULL, NULL, NULL, &error));
    await_count(&finalized, THREADS);
    finalized = 0;
}

int main(int argc, char** argv) {
    CHECK(argc == 3);
    make_file(path(argv[1], "data.bin"), 1, 100000);
    patron_metainfo* metainfo = make_torrent(path(argv[1], "data.bin"));
    patron_client* client = start(new_builder(argv[1]));
    handle = new_patron(client);
    torrent = add(handle, metainfo, NULL);
    await(handle, PATRON_EVENT_STATUS, torrent); /* the first tick knows its size */
    patron_metainfo_free(metainfo);

    run(use, NULL);
    OK(patron_get_listen_addresses(handle, &reply, &error));
    OK(patron_snapshot_take(handle, &snapshot, &error));
    run(read_the_same, NULL);
    patron_reply_free(reply);
    patron_snapshot_free(snapshot);
    run(use_until_freed, free_it);

    for (int round = 0; round < 4; round++) {
        handle = new_patron(client);
        interrupts();
        handle = new_patron(client);
        wakes();
        patron_free(handle);
    }

    /* The messages of the threads come before this one in the client's queue and are still
     * handled. */
    handle = new_patron(client);
    OK(patron_get_status(handle, torrent, &reply, &error));
    wait_for(reply);
    patron_reply_free(reply);
    patron_free(handle);
    stop(client);
    return 0;
}
