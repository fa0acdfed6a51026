/* A client that keeps its torrents in a store, and the next client, which restores them. */
#include "check.h"

#include <signal.h>
#include <sys/resource.h>

static patron_client* start_with_store(const char* save_dir, const char* store) {
    patron_builder* builder = new_builder(save_dir);
    OK(patron_builder_set_store(builder, PATRON_TEXT(store), &error));
    return start(builder);
}

/* A patron that receives the events of all torrents, once all are restored. */
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

static uint64_t all_time_sent(patron_handle* handle) {
    patron_reply* reply = NULL;
    OK(patron_get_statistics(handle, &reply, &error));
    wait_for(reply);
    patron_statistics* statistics = NULL;
    OK(patron_reply_statistics(reply, &statistics, &error));
    uint64_t sent = patron_statistics_all_time_sent(statistics);
    CHECK(sent == 0 || patron_statistics_all_time_received(statistics) > 0);
    patron_statistics_free(statistics);
    patron_reply_free(reply);
    return sent;
}

/* Uploads data to another client, so that there is traffic to count. */
static uint64_t send_to_another(patron_handle* handle, const patron_metainfo* metainfo,
                                const char* directory) {
    CHECK(all_time_sent(handle) == 0);
    patron_client* client = start(new_builder(path(directory, "to")));
    patron_handle* other = new_patron(client);
    uint64_t download = add(other, metainfo, peer_options(handle));
    await(other, PATRON_EVENT_FINISHED, download);
    patron_free(other);
    stop(client);
    /* The other client may have received data that is not counted as sent yet. */
    int64_t deadline = now_ms() + PATIENCE_MS;
    uint64_t sent;
    while ((sent = all_time_sent(handle)) < 100000)
        CHECK(now_ms() < deadline);
    return sent;
}

static bool has_limit_77(patron_handle* handle) {
    patron_reply* reply = NULL;
    OK(patron_get_settings(handle, &reply, &error));
    wait_for(reply);
    patron_settings* settings = NULL;
    OK(patron_reply_settings(reply, &settings, &error));
    bool has = is(patron_settings_get(settings, PATRON_TEXT("connections_limit"), NULL), "77");
    patron_settings_free(settings);
    patron_reply_free(reply);
    return has;
}

/* A changed setting is kept, unless the builder sets it again. */
static void settings_are_kept(const char* directory, const char* store) {
    for (int run = 0; run < 3; run++) {
        patron_builder* builder = new_builder(directory);
        OK(patron_builder_set_store(builder, PATRON_TEXT(store), &error));
        OK(patron_builder_set_restore_settings(builder, run != 2, &error));
        patron_client* client = start(builder);
        patron_handle* handle = new_patron(client);
        CHECK(has_limit_77(handle) == (run == 1));
        if (run == 0) {
            patron_settings* settings = NULL;
            OK(patron_settings_new(PATRON_PRESET_EMPTY, &settings, &error));
            OK(patron_settings_set_int(settings, PATRON_TEXT("connections_limit"), 77, &error));
            DONE(patron_apply_settings(handle, settings, &reply, &error));
            patron_settings_free(settings);
        }
        patron_free(handle);
        stop(client);
    }
}

/* A limit on the size of files has the effect of a full disk. */
static void limit_file_size(rlim_t bytes) {
    struct rlimit limit;
    CHECK(getrlimit(RLIMIT_FSIZE, &limit) == 0);
    limit.rlim_cur = bytes < limit.rlim_max ? bytes : limit.rlim_max;
    CHECK(setrlimit(RLIMIT_FSIZE, &limit) == 0);
}

static void a_full_disk_is_reported(patron_handle* handle, uint64_t torrent) {
    signal(SIGXFSZ, SIG_IGN);
    limit_file_size(1);
    patron_reply* reply = NULL;
    OK(patron_add_label(handle, torrent, PATRON_TEXT("too much"), &reply, &error));
    FAILS(PATRON_E_DISK, patron_reply_wait(reply, PATIENCE_MS, &error));
    patron_reply_free(reply);
    await(handle, PATRON_EVENT_STORE_FAILED, 0);
    limit_file_size(RLIM_INFINITY);
    DONE(patron_add_label(handle, torrent, PATRON_TEXT("too much"), &reply, &error));
    await(handle, PATRON_EVENT_STORE_RECOVERED, 0);
    DONE(patron_remove_label(handle, torrent, PATRON_TEXT("too much"), &reply, &error));
}

/* The disk with the files of a torrent is missing. */
static void a_torrent_without_files_is_reported(const char* directory, const char* store) {
    const char* file = path(directory, "there/b.bin");
    make_directory(path(directory, "there"));
    make_file(file, 2, 100000);
    patron_metainfo* metainfo = make_torrent(file);
    patron_client* client = start_with_store(path(directory, "there"), store);
    patron_handle* handle = watching(client, 0);
    await(handle, PATRON_EVENT_FINISHED, add(handle, metainfo, NULL));
    patron_metainfo_free(metainfo);
    patron_free(handle);
    stop(client);
    CHECK(rename(path(directory, "there"), path(directory, "away")) == 0);
    client = start_with_store(directory, store);
    handle = new_patron(client);
    await(handle, PATRON_EVENT_RESTORE_FAILED, 0);
    patron_event* event = await_event(handle, PATRON_EVENT_RESTORED, 0);
    CHECK(patron_event_count(event) == 0 && patron_event_available(event) == 1);
    patron_event_free(event);
    patron_free(handle);
    stop(client);
}

/* The version is at byte 60 of a SQLite database. */
static void a_newer_store_is_refused(const char* directory, const char* store) {
    FILE* stream = fopen(store, "r+b");
    CHECK(stream && fseek(stream, 63, SEEK_SET) == 0 && fputc(9, stream) == 9);
    CHECK(fclose(stream) == 0);
    patron_builder* builder = new_builder(directory);
    FAILS(PATRON_E_VERSION_MISMATCH, patron_builder_set_store(builder, PATRON_TEXT(store), &error));
    patron_builder_free(builder);
}

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

    /* Nobody else can open the store meanwhile. */
    patron_builder* builder = new_builder(directory);
    FAILS(PATRON_E_IN_USE, patron_builder_set_store(builder, PATRON_TEXT(store), &error));
    FAILS(PATRON_E_CORRUPT, patron_builder_set_store(builder, PATRON_TEXT(file), &error));
    patron_builder_free(builder);
    a_full_disk_is_reported(handle, torrent);
    uint64_t sent = send_to_another(handle, metainfo, directory);
    patron_free(handle);
    stop(client);

    client = start_with_store(directory, store);
    handle = watching(client, 1);
    CHECK(all_time_sent(handle) >= sent);
    patron_handle* other = new_patron(client);
    /* The watch begins with the status of each torrent. */
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
    settings_are_kept(directory, path(directory, "settings.db"));
    a_torrent_without_files_is_reported(directory, path(directory, "other.db"));
    a_newer_store_is_refused(directory, path(directory, "torrents.db"));
    return 0;
}
