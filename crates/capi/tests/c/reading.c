/* Reads a file while it downloads. */
#include "check.h"

#include <poll.h>
#include <pthread.h>

#define SIZE 100000
#define PIECE 16384

static uint8_t expected[SIZE];

static patron_reader* open_reader(patron_handle* handle, uint64_t torrent) {
    patron_reader* reader = NULL;
    OK(patron_reader_open(handle, torrent, 0, 0, true, PATIENCE_MS, &reader, &error));
    return reader;
}

/* Whether the descriptor reports within this time that a read may be tried again. */
static bool is_readable(int fd, int timeout_ms) {
    struct pollfd waiting = {fd, POLLIN, 0};
    return poll(&waiting, 1, timeout_ms) == 1 && (waiting.revents & POLLIN);
}

static void* interrupt(void* reader) {
    OK(patron_reader_interrupt((patron_reader*)reader, NULL));
    return NULL;
}

static void* read_until_freed(void* reader) {
    uint8_t byte;
    size_t length = 0;
    FAILS(PATRON_E_CANCELLED,
          patron_reader_read((patron_reader*)reader, &byte, 1, -1, &length, &error));
    return NULL;
}

int main(int argc, char** argv) {
    CHECK(argc == 3);
    char from[PATH_MAX], to[PATH_MAX];
    strcpy(from, path(argv[1], "from"));
    strcpy(to, path(argv[1], "to"));
    make_directory(from);
    make_directory(to);
    make_file(path(from, "film.bin"), 1, SIZE);
    FILE* stream = fopen(path(from, "film.bin"), "rb");
    CHECK(stream && fread(expected, 1, SIZE, stream) == SIZE && fclose(stream) == 0);
    patron_metainfo* metainfo = make_torrent(path(from, "film.bin"));
    patron_client *seeder = start(new_builder(from)), *client = start(new_builder(to));
    patron_handle *source = new_patron(seeder), *handle = new_patron(client);
    await(source, PATRON_EVENT_FINISHED, add(source, metainfo, NULL));
    uint64_t torrent = add(handle, metainfo, NULL);

    patron_reader* reader = open_reader(handle, torrent);
    CHECK(patron_reader_size(reader) == SIZE && patron_reader_position(reader) == 0);
    uint8_t buffer[SIZE];
    size_t length = 0;
    OK(patron_reader_seek(reader, 3 * PIECE + 7, &error));
    FAILS(PATRON_E_TIMED_OUT, patron_reader_read(reader, buffer, SIZE, 0, &length, &error));
    int fd = -1;
    OK(patron_reader_fd(reader, &fd, &error));
    CHECK(!is_readable(fd, 0));

    /* An interrupt ends the wait that is under way, or else the next one. */
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, interrupt, reader) == 0);
    FAILS(PATRON_E_CANCELLED,
          patron_reader_read(reader, buffer, SIZE, PATIENCE_MS, &length, &error));
    CHECK(pthread_join(thread, NULL) == 0);

    /* So does a pause. */
    patron_reply* reply = NULL;
    OK(patron_pause(handle, torrent, &reply, &error));
    wait_for(reply);
    patron_reply_free(reply);
    FAILS(PATRON_E_NOT_DOWNLOADED,
          patron_reader_read(reader, buffer, SIZE, PATIENCE_MS, &length, &error));
    OK(patron_resume(handle, torrent, &reply, &error));
    wait_for(reply);
    patron_reply_free(reply);
    FAILS(PATRON_E_TIMED_OUT, patron_reader_read(reader, buffer, SIZE, 0, &length, &error));

    /* So does freeing the reader. */
    patron_reader* freed = open_reader(handle, torrent);
    OK(patron_reader_seek(freed, PIECE, &error));
    CHECK(pthread_create(&thread, NULL, read_until_freed, freed) == 0);
    int64_t deadline = now_ms() + PATIENCE_MS;
    while (patron_reader_position(freed) != 0) { /* no position: it reads */
        CHECK(now_ms() < deadline);
        usleep(1000);
    }
    patron_reader_free(freed);
    CHECK(pthread_join(thread, NULL) == 0);

    /* Data arrives, and the descriptor becomes readable. */
    FAILS(PATRON_E_TIMED_OUT, patron_reader_read(reader, buffer, SIZE, 0, &length, &error));
    OK(patron_connect_peer(handle, torrent, PATRON_TEXT(address_of(source)), &reply, &error));
    wait_for(reply);
    patron_reply_free(reply);
    CHECK(is_readable(fd, PATIENCE_MS));
    OK(patron_reader_read(reader, buffer, SIZE, 0, &length, &error));
    CHECK(length > 0 && memcmp(buffer, expected + 3 * PIECE + 7, length) == 0);
    CHECK(patron_reader_position(reader) == 3 * PIECE + 7 + length);

    OK(patron_reader_seek(reader, 0, &error));
    size_t at = 0;
    do {
        OK(patron_reader_read(reader, buffer + at, SIZE, PATIENCE_MS, &length, &error));
        at += length;
    } while (length > 0);
    CHECK(at == SIZE && memcmp(buffer, expected, SIZE) == 0);

    /* The same without a reader. */
    OK(patron_read_range(handle, torrent, 0, PIECE - 1, 2, &reply, &error));
    wait_for(reply);
    patron_bytes bytes = patron_reply_bytes(reply);
    CHECK(bytes.length == 2 && memcmp(bytes.data, expected + PIECE - 1, 2) == 0);
    patron_reply_free(reply);
    OK(patron_read_range(handle, torrent, 0, SIZE, 1, &reply, &error));
    FAILS(PATRON_E_INVALID_ARGUMENT, patron_reply_wait(reply, PATIENCE_MS, &error));
    patron_reply_free(reply);
    OK(patron_fetch_piece(handle, torrent, 1, 1000, &reply, &error));
    wait_for(reply);
    CHECK(patron_reply_bytes(reply).length == PIECE);
    patron_reply_free(reply);

    /* A reader of a removed torrent has an end. */
    patron_reader* gone = open_reader(handle, torrent);
    OK(patron_remove_torrent(handle, torrent, PATRON_REMOVE_FILES_KEEP, &reply, &error));
    wait_for(reply);
    patron_reply_free(reply);
    FAILS(PATRON_E_GONE, patron_reader_read(gone, buffer, 1, PATIENCE_MS, &length, &error));
    patron_reader_free(gone);

    /* A reader outlives its patron and its client. */
    patron_free(source);
    patron_free(handle);
    stop(seeder);
    stop(client);
    OK(patron_reader_seek(reader, 5, &error));
    FAILS(PATRON_E_STOPPED, patron_reader_read(reader, buffer, 1, 0, &length, &error));
    patron_reader_free(reader);
    patron_metainfo_free(metainfo);
    return 0;
}
