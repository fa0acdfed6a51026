/* A client that keeps its torrents in a store, and the next one that goes on with them. */
#include "check.h"

static patron_client* start_with_store(const char* save_dir, const char* store) {
    patron_builder* builder = new_builder(save_dir);
    OK(patron_builder_set_store(builder, PATRON_TEXT(store), &error));
    return start(builder);
}

/* A patron with the events of every torrent, once all are restored. */
static patron_handle* watching(patron_client* client, uint64_t torrents) {
    patron_handle* handle = new_patron(client);
    patron_reply* reply = NULL;
    OK(patron_watch_all(handle, &reply, &error));
    wait_for(reply);
    patron_reply_free(reply);
    patron_event* event = await_event(handle, PATRON_EVENT_RESTORED, 0);
    CHECK(patron_event_count(event) == torrents && patron_event_available(event) == 0);
    patron_event_free(event);
    return handle;
}

#define DONE(call)                  \
    do {                            \
        patron_reply* reply = NULL; \
        OK(call);                   \
        wait_for(reply);            \
        patron_reply_free(reply);   \
    } while (0)

int main(int argc, char** argv) {
    CHECK(argc == 3);
    const char* directory = argv[1];
    const char* store = path(directory, "torrents.db");
    const char* file = path(directory, "a.bin");
    make_file(file, 1, 100000);
    patron_metainfo* metainfo = make_torrent(file);

    patron_client* client = start_with_store(directory, store);
    patron_handle* handle = watching(client, 0);
    uint64_t torrent = add(handle, metainfo, NULL);
    await(handle, PATRON_EVENT_FINISHED, torrent);
    DONE(patron_add_label(handle, torrent, PATRON_TEXT("films"), &reply, &error));
    DONE(patron_add_label(handle, torrent, PATRON_TEXT("old"), &reply, &error));
    DONE(patron_remove_label(handle, torrent, PATRON_TEXT("old"), &reply, &error));
    const uint8_t bytes[] = {0, 255, 7};
    DONE(patron_set_note(handle, torrent, PATRON_TEXT("mine"), bytes, 3, &reply, &error));
    DONE(patron_set_note(handle, torrent, PATRON_TEXT("gone"), NULL, 0, &reply, &error));
    DONE(patron_remove_note(handle, torrent, PATRON_TEXT("gone"), &reply, &error));

    /* Nobody else opens it meanwhile. */
    patron_builder* builder = new_builder(directory);
    FAILS(PATRON_E_IN_USE, patron_builder_set_store(builder, PATRON_TEXT(store), &error));
    FAILS(PATRON_E_CORRUPT, patron_builder_set_store(builder, PATRON_TEXT(file), &error));
    patron_builder_free(builder);
    patron_free(handle);
    stop(client);

    client = start_with_store(directory, store);
    handle = watching(client, 1);
    patron_handle* other = new_patron(client);
    /* It begins with the status of each. */
    DONE(patron_watch_all(handle, &reply, &error));
    patron_event* event = await_event(handle, PATRON_EVENT_STATUS, 0);
    torrent = patron_event_torrent(event);
    patron_event_free(event);
    DONE(patron_adopt(other, torrent, &reply, &error));
    patron_reply* reply = NULL;
    OK(patron_adopt(handle, torrent, &reply, &error));
    FAILS(PATRON_E_INVALID_ARGUMENT, patron_reply_wait(reply, PATIENCE_MS, &error));
    patron_reply_free(reply);

    OK(patron_get_labels(handle, torrent, &reply, &error));
    wait_for(reply);
    CHECK(patron_reply_label_count(reply) == 1 && is(patron_reply_label(reply, 0), "films"));
    CHECK(is(patron_reply_label(reply, 1), "") && patron_reply_note_count(reply) == 0);
    patron_reply_free(reply);
    OK(patron_get_notes(handle, torrent, &reply, &error));
    wait_for(reply);
    CHECK(patron_reply_note_count(reply) == 1 && is(patron_reply_note_key(reply, 0), "mine"));
    patron_bytes note = patron_reply_note_value(reply, 0);
    CHECK(note.length == 3 && memcmp(note.data, bytes, 3) == 0);
    CHECK(!patron_reply_note_value(reply, 1).data);
    patron_reply_free(reply);

    DONE(patron_unwatch_all(handle, &reply, &error));
    patron_free(handle);
    patron_free(other);
    stop(client);
    patron_metainfo_free(metainfo);
    return 0;
}
