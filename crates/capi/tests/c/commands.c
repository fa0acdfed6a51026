/* Every command that is answered by a reply, and the shutdown of a client. */
#include "check.h"

static patron_reply* create(patron_handle* handle, int32_t kind, const void* source, size_t length,
                            const patron_add_options* options) {
    patron_reply* reply = NULL;
    OK(patron_add_torrent(handle, kind, source, length, options, &reply, &error));
    return reply;
}

/* Polls instead of waiting, as a program with its own event loop does. */
static void poll_for(patron_reply* reply) {
    int64_t deadline = now_ms() + PATIENCE_MS;
    int32_t code;
    while ((code = patron_reply_wait(reply, 0, NULL)) == PATRON_E_TIMED_OUT) {
        CHECK(now_ms() < deadline);
        usleep(1000);
    }
    CHECK(code == PATRON_OK && patron_reply_is_ready(reply));
}

/* Waits for a reply that only confirms the command. */
static void done(patron_reply* reply) {
    wait_for(reply);
    CHECK(patron_reply_wait(reply, 0, NULL) == PATRON_OK); /* again */
    CHECK(patron_reply_is_ready(reply) && patron_reply_torrent(reply) == 0);
    CHECK(!patron_reply_was_there(reply) && patron_reply_address_count(reply) == 0);
    CHECK(is(patron_reply_address(reply, 0), ""));
    patron_status status;
    patron_metainfo* metainfo = NULL;
    FAILS(PATRON_E_INVALID_ARGUMENT, patron_reply_status(reply, &status, sizeof status, &error));
    FAILS(PATRON_E_INVALID_ARGUMENT, patron_reply_metainfo(reply, &metainfo, &error));
    CHECK(!metainfo);
    patron_reply_free(reply);
}

/* Adds a torrent from every kind of source: each must start it or report that it exists. */
static uint64_t starts(patron_handle* handle, const patron_metainfo* metainfo, const char* file) {
    patron_bytes bytes = patron_metainfo_torrent_file(metainfo);
    patron_reply* reply = create(handle, PATRON_SOURCE_BYTES, bytes.data, bytes.length, NULL);
    poll_for(reply);
    uint64_t torrent = patron_reply_torrent(reply);
    CHECK(torrent != 0 && !patron_reply_was_there(reply));
    patron_reply_free(reply);

    patron_magnet* magnet = NULL;
    OK(patron_magnet_of(metainfo, &magnet, &error));
    patron_text uri = patron_magnet_uri(magnet);
    patron_reply* again[] = {
        create(handle, PATRON_SOURCE_FILE, file, strlen(file), NULL),
        create(handle, PATRON_SOURCE_TEXT, file, strlen(file), NULL),
        create(handle, PATRON_SOURCE_MAGNET, uri.data, uri.length, NULL),
        create(handle, PATRON_SOURCE_TEXT, uri.data, uri.length, NULL),
    };
    for (size_t index = 0; index < sizeof again / sizeof again[0]; index++) {
        wait_for(again[index]);
        CHECK(patron_reply_torrent(again[index]) == torrent);
        CHECK(patron_reply_was_there(again[index]));
        patron_reply_free(again[index]);
    }
    patron_magnet_free(magnet);
    return torrent;
}

static void failures(patron_handle* handle, uint64_t unknown) {
    patron_reply* reply = create(handle, PATRON_SOURCE_TEXT, "none.torrent", 12, NULL);
    patron_error* error = NULL;
    CHECK(patron_reply_wait(reply, PATIENCE_MS, &error) == PATRON_E_UNREADABLE);
    CHECK(patron_reply_is_ready(reply) && patron_reply_torrent(reply) == 0);
    CHECK(is(patron_error_category(error), "system") && patron_error_value(error) == 2);
    CHECK(has(patron_error_message(error), "none.torrent: No such file or directory"));
    CHECK(is(patron_error_operation(error), "read the metainfo"));
    patron_error_free(error);
    patron_reply_free(reply);

    reply = create(handle, PATRON_SOURCE_MAGNET, "magnet:?", 8, NULL);
    FAILS(PATRON_E_PARSE, patron_reply_wait(reply, PATIENCE_MS, &error));
    patron_reply_free(reply);

    /* Evaluated once. */
    const char* names[] = {"magnet:?", "none.torrent"};
    int next = 0;
    OK(patron_add_torrent(handle, PATRON_SOURCE_TEXT, PATRON_TEXT(names[next++]), NULL, &reply,
                          &error));
    CHECK(next == 1);
    FAILS(PATRON_E_PARSE, patron_reply_wait(reply, PATIENCE_MS, &error));
    patron_reply_free(reply);
    reply = NULL;

    int32_t (*const asks[])(patron_handle*, uint64_t, patron_reply**, patron_error**) = {
        patron_pause,
        patron_resume,
        patron_get_status,
        patron_get_metainfo,
        patron_watch,
        patron_unwatch,
        patron_wait_until_finished,
        patron_get_files,
        patron_get_resume_data,
        patron_get_pieces,
        patron_clear_piece_deadlines,
        patron_recheck,
        patron_get_torrent_options,
        patron_get_peers,
        patron_clear_peers,
        patron_get_trackers,
        patron_reannounce,
        patron_scrape,
        patron_announce_to_dht,
        patron_announce_locally,
        patron_get_web_seeds,
    };
    for (size_t index = 0; index < sizeof asks / sizeof asks[0]; index++) {
        reply = NULL;
        FAILS(PATRON_E_NOT_FOUND, asks[index](handle, 0, &reply, &error));
        CHECK(!reply);
        OK(asks[index](handle, unknown, &reply, &error));
        FAILS(PATRON_E_NOT_FOUND, patron_reply_wait(reply, PATIENCE_MS, &error));
        patron_reply_free(reply);
    }
    OK(patron_remove_torrent(handle, unknown, PATRON_REMOVE_FILES_KEEP, &reply, &error));
    FAILS(PATRON_E_NOT_FOUND, patron_reply_wait(reply, PATIENCE_MS, &error));
    patron_reply_free(reply);
}

static void transfer(const char* directory) {
    const char* file = path(directory, "from/data.bin");
    make_file(file, 1, 1000000);
    patron_metainfo* metainfo = make_torrent(file);
    const char* torrent_file = path(directory, "data.torrent");
    FILE* stream = fopen(torrent_file, "wb");
    CHECK(stream);
    patron_bytes bytes = patron_metainfo_torrent_file(metainfo);
    CHECK(fwrite(bytes.data, 1, bytes.length, stream) == bytes.length && fclose(stream) == 0);

    patron_client* seeder = start(new_builder(path(directory, "from")));
    patron_handle* handle = new_patron(seeder);
    uint64_t torrent = starts(handle, metainfo, torrent_file);
    await(handle, PATRON_EVENT_FINISHED, torrent);
    failures(handle, torrent + 1);

    patron_client* other = start(new_builder(path(directory, "to")));
    patron_handle* reader = new_patron(other);
    uint64_t download = add(reader, metainfo, peer_options(handle));
    patron_reply *complete = NULL, *found = NULL;
    OK(patron_wait_until_finished(reader, download, &complete, &error));
    wait_for(complete);
    patron_reply_free(complete);
    await(reader, PATRON_EVENT_FINISHED, download);
    uint8_t v1[20], v2[32];
    CHECK(patron_metainfo_info_hash_v1(metainfo, &v1) &&
          patron_metainfo_info_hash_v2(metainfo, &v2));
    OK(patron_find(reader, v1, sizeof v1, &found, &error));
    wait_for(found);
    CHECK(patron_reply_torrent(found) == download);
    patron_reply_free(found);
    OK(patron_find(reader, v2, sizeof v2, &found, &error));
    wait_for(found);
    CHECK(patron_reply_torrent(found) == download);
    patron_reply_free(found);
    v1[0] ^= 1;
    OK(patron_find(reader, v1, sizeof v1, &found, &error));
    wait_for(found);
    CHECK(patron_reply_torrent(found) == 0);
    patron_reply_free(found);
    FAILS(PATRON_E_INVALID_ARGUMENT, patron_find(reader, v1, 19, &found, &error));
    CHECK(same_file(file, path(directory, "to/data.bin")));

    patron_reply* reply = NULL;
    patron_status status;
    OK(patron_get_status(reader, download, &reply, &error));
    poll_for(reply);
    OK(patron_reply_status(reply, &status, sizeof status, &error));
    CHECK(status.torrent == download && status.finished && status.seeding && status.has_metadata);
    CHECK(status.state == PATRON_STATE_SEEDING && status.progress == 1.0f && !status.paused);
    CHECK(status.total_size == 1000000 && status.total_done == 1000000 && status.error == 0);
    CHECK(status.downloaded >= 1000000 && status.seconds_left == -1);
    CHECK(all_zero(status.reserved, sizeof status.reserved));
    patron_reply_free(reply);

    OK(patron_get_metainfo(reader, download, &reply, &error));
    wait_for(reply);
    patron_metainfo *first = NULL, *second = NULL;
    OK(patron_reply_metainfo(reply, &first, &error));
    OK(patron_reply_metainfo(reply, &second, &error));
    CHECK(first != second && is(patron_metainfo_name(first), "data.bin"));
    patron_reply_free(reply);
    CHECK(is(patron_metainfo_name(second), "data.bin"));
    patron_metainfo_free(first);
    patron_metainfo_free(second);

    OK(patron_pause(reader, download, &reply, &error));
    done(reply);
    await(reader, PATRON_EVENT_PAUSED, download);
    OK(patron_resume(reader, download, &reply, &error));
    done(reply);
    await(reader, PATRON_EVENT_RESUMED, download);

    patron_handle* witness = NULL;
    OK(patron_another(reader, &witness, &error));
    OK(patron_watch(witness, download, &reply, &error));
    done(reply);
    await(witness, PATRON_EVENT_STATUS, download);
    OK(patron_unwatch(witness, download, &reply, &error));
    done(reply);

    /* The other patrons see what a freed patron leaves behind. */
    OK(patron_watch(witness, download, &reply, &error));
    done(reply);
    OK(patron_set_on_leave(reader, PATRON_ON_LEAVE_PAUSE, &error));
    patron_free(reader);
    await(witness, PATRON_EVENT_PAUSED, download);

    patron_snapshot* snapshot = NULL;
    OK(patron_snapshot_take(witness, &snapshot, &error));
    uint64_t version = patron_snapshot_version(snapshot);
    CHECK(patron_snapshot_is_complete(snapshot) && patron_snapshot_removed_count(snapshot) == 0);
    patron_snapshot_free(snapshot);
    OK(patron_remove_torrent(witness, download, PATRON_REMOVE_FILES_DELETE, &reply, &error));
    done(reply);
    OK(patron_snapshot_changes_since(witness, version, &snapshot, &error));
    CHECK(patron_snapshot_removed_count(snapshot) == 1);
    CHECK(patron_snapshot_removed(snapshot, 0) == download);
    CHECK(patron_snapshot_removed(snapshot, 1) == 0);
    patron_snapshot_free(snapshot);
    CHECK(access(path(directory, "to/data.bin"), F_OK) != 0);
    FAILS(PATRON_E_NOT_FOUND,
          patron_peek_status(witness, download, &status, sizeof status, &error));
    OK(patron_remove_torrent(handle, torrent, PATRON_REMOVE_FILES_KEEP, &reply, &error));
    done(reply);
    CHECK(access(file, F_OK) == 0);

    patron_free(witness);
    patron_free(handle);
    stop(other);
    stop(seeder);
    patron_metainfo_free(metainfo);
}

/* A patron and its replies outlive the client and report that it has stopped. */
static void shutdown_with_a_report(const char* directory) {
    make_file(path(directory, "from/more.bin"), 2, 300000);
    patron_metainfo* metainfo = make_torrent(path(directory, "from/more.bin"));
    patron_client* client = start(new_builder(path(directory, "from")));
    patron_handle* handle = new_patron(client);
    uint64_t torrent = add(handle, metainfo, NULL);

    patron_report* report = NULL;
    OK(patron_client_shutdown(client, PATIENCE_MS, &report, &error));
    CHECK(patron_report_torrents(report) == 1 && patron_report_unanswered(report) == 0);
    CHECK(patron_report_is_clean(report) && patron_report_engine_ended(report));
    CHECK(patron_report_took(report) < PATIENCE_MS);
    CHECK(patron_report_unfinished_deletion_count(report) == 0);
    CHECK(patron_report_unfinished_deletion(report, 0) == 0);
    CHECK(patron_report_unfinished_move_count(report) == 0);
    CHECK(patron_report_unfinished_move(report, 0) == 0);
    CHECK(has(patron_report_explain(report), "stopped with 1 torrent"));
    patron_report_free(report);
    FAILS(PATRON_E_BAD_HANDLE, patron_client_shutdown(client, 0, NULL, &error));
    patron_handle* late = NULL;
    FAILS(PATRON_E_BAD_HANDLE, patron_client_patron(client, &late, &error));
    CHECK(!late);
    patron_client_free(client);

    patron_event* stopped = await_event(handle, PATRON_EVENT_CLIENT_STOPPED, 0);
    CHECK(!patron_event_error(stopped));
    patron_event_free(stopped);
    patron_event* event = NULL;
    FAILS(PATRON_E_STOPPED, patron_next_event(handle, -1, &event, &error));
    FAILS(PATRON_E_STOPPED, patron_next_event(handle, 0, &event, &error));
    CHECK(!event);
    patron_reply* reply = NULL;
    OK(patron_resume(handle, torrent, &reply, &error));
    FAILS(PATRON_E_STOPPED, patron_reply_wait(reply, -1, &error));
    patron_reply_free(reply);
    FAILS(PATRON_E_STOPPED, patron_send(handle, PATRON_COMMAND_RESUME, torrent, 0, true, &error));
    FAILS(PATRON_E_STOPPED,
          patron_send_add_torrent(handle, PATRON_SOURCE_FILE, PATRON_TEXT("none.torrent"), NULL, 0,
                                  true, &error));
    FAILS(PATRON_E_STOPPED,
          patron_send_add_torrent(handle, PATRON_SOURCE_FILE, PATRON_TEXT("none.torrent"), NULL, 1,
                                  false, &error));
    reply = create(handle, PATRON_SOURCE_TEXT, "none.torrent", 12, NULL);
    FAILS(PATRON_E_STOPPED, patron_reply_wait(reply, -1, &error));
    patron_reply_free(reply);
    patron_status status;
    patron_snapshot* snapshot = NULL;
    FAILS(PATRON_E_STOPPED, patron_peek_status(handle, torrent, &status, sizeof status, &error));
    FAILS(PATRON_E_STOPPED, patron_snapshot_take(handle, &snapshot, &error));
    FAILS(PATRON_E_STOPPED, patron_snapshot_changes_since(handle, 1, &snapshot, &error));
    CHECK(!snapshot);
    patron_handle* another = NULL;
    OK(patron_another(handle, &another, &error));
    FAILS(PATRON_E_STOPPED, patron_send(another, PATRON_COMMAND_RESUME, torrent, 0, true, &error));
    patron_free(another);
    patron_free(handle);
    patron_metainfo_free(metainfo);
}

/* Freeing the last patron stops the process-wide client, and the next patron starts it again. */
static void shared(const char* directory) {
    for (int round = 0; round < 2; round++) {
        patron_builder* builder = new_builder(directory);
        patron_handle *one = NULL, *two = NULL;
        OK(patron_shared(builder, &one, &error));
        OK(patron_shared(NULL, &two, &error)); /* joins, so that its defaults are not used */
        char address[64];
        snprintf(address, sizeof address, "%s", address_of(one));
        CHECK(strcmp(address, address_of(two)) == 0);
        patron_free(one);
        CHECK(strcmp(address, address_of(two)) == 0);
        patron_free(two);
        patron_builder_free(builder);
    }
}

static void statistics(const char* directory) {
    patron_client* client = start(new_builder(directory));
    patron_handle* handle = new_patron(client);
    patron_reply* reply = NULL;
    OK(patron_get_statistics(handle, &reply, &error));
    wait_for(reply);
    patron_statistics* all = NULL;
    OK(patron_reply_statistics(reply, &all, &error));
    int64_t value = -1;
    CHECK(patron_statistics_get(all, PATRON_TEXT("ses.num_seeding_torrents"), &value) &&
          value == 0);
    CHECK(patron_statistics_get(all, PATRON_TEXT("reads.copied_bytes"), &value) && value == 0);
    CHECK(!patron_statistics_get(all, PATRON_TEXT("reads.nothing"), &value));
    size_t count = patron_statistics_count(all);
    CHECK(count > 200 && is(patron_statistics_name(all, count), ""));
    for (size_t index = 0; index < count; index++) {
        patron_text name = patron_statistics_name(all, index);
        CHECK(patron_statistics_get(all, name.data, name.length, &value));
        CHECK(value == patron_statistics_value(all, index));
    }
    patron_statistics* one = NULL;
    CHECK(patron_statistics_network_threads(all) == 1);
    OK(patron_statistics_network_thread(all, 0, &one, &error));
    patron_statistics_free(one);
    FAILS(PATRON_E_INVALID_ARGUMENT, patron_statistics_network_thread(all, 1, &one, &error));
    patron_statistics_free(all);
    patron_metainfo* none = NULL;
    FAILS(PATRON_E_INVALID_ARGUMENT, patron_reply_metainfo(reply, &none, &error));
    CHECK(!none);
    patron_reply_free(reply);
    stop(client);
    OK(patron_peek_read_statistics(handle, &all, &error)); /* also when the client has stopped */
    CHECK(patron_statistics_get(all, PATRON_TEXT("reads.open_files"), &value) && value == 0);
    CHECK(!patron_statistics_get(all, PATRON_TEXT("net.sent_bytes"), &value));
    patron_statistics_free(all);
    patron_free(handle);
}

/* Returns how many addresses the reply has, and frees it. */
static size_t addresses(patron_reply* reply) {
    wait_for(reply);
    size_t count = patron_reply_address_count(reply);
    patron_reply_free(reply);
    return count;
}

static void network_threads(const char* directory) {
    const char* file = path(directory, "from/hot.bin");
    make_file(file, 3, 100000);
    patron_metainfo* metainfo = make_torrent(file);
    patron_builder* builder = new_builder(path(directory, "from"));
    OK(patron_builder_set_network_threads(builder, 2, &error));
    patron_client* client = start(builder);
    patron_handle* handle = new_patron(client);
    patron_reply* reply = NULL;
    OK(patron_get_listen_addresses(handle, &reply, &error));
    CHECK(addresses(reply) == 2);

    patron_add_options* options = NULL;
    OK(patron_add_options_new(&options, &error));
    OK(patron_add_options_set_replicas(options, 2, &error));
    uint64_t torrent = add(handle, metainfo, options);
    await(handle, PATRON_EVENT_FINISHED, torrent);
    int64_t deadline = now_ms() + PATIENCE_MS;
    size_t serving;
    do {
        CHECK(now_ms() < deadline);
        OK(patron_get_listen_addresses_of(handle, torrent, &reply, &error));
        serving = addresses(reply);
        CHECK(serving == 1 || serving == 2);
    } while (serving == 1);

    patron_statistics *all = NULL, *one = NULL;
    OK(patron_get_statistics(handle, &reply, &error));
    wait_for(reply);
    OK(patron_reply_statistics(reply, &all, &error));
    patron_reply_free(reply);
    CHECK(patron_statistics_network_threads(all) == 2);
    int64_t hashed = 0, value = -1;
    for (size_t thread = 0; thread < 2; thread++) {
        OK(patron_statistics_network_thread(all, thread, &one, &error));
        CHECK(patron_statistics_get(one, PATRON_TEXT("disk.num_blocks_hashed"), &value));
        hashed += value;
        patron_statistics_free(one);
    }
    CHECK(patron_statistics_get(all, PATRON_TEXT("disk.num_blocks_hashed"), &value));
    CHECK(value > 0 && hashed == value);
    patron_statistics_free(all);
    patron_free(handle);
    stop(client);
    patron_metainfo_free(metainfo);
}

static int lines, wrong_lines;

static void count_line(void* data, int32_t level, patron_text line) {
    CHECK(data == &lines);
    if (level > PATRON_LOG_INFO || line.length == 0 || line.data[line.length] != 0) {
        __atomic_fetch_add(&wrong_lines, 1, __ATOMIC_SEQ_CST);
    } else if (has(line, "the client has started")) {
        __atomic_fetch_add(&lines, 1, __ATOMIC_SEQ_CST);
    }
}

static int logs_ended;

static void end_log(void* data) {
    CHECK(data == &lines);
    __atomic_fetch_add(&logs_ended, 1, __ATOMIC_SEQ_CST);
}

/* A line that is under way when the log is replaced may be the last use of it. */
static void await_ended_logs(int count) {
    int64_t deadline = now_ms() + PATIENCE_MS;
    while (__atomic_load_n(&logs_ended, __ATOMIC_SEQ_CST) != count) {
        CHECK(now_ms() < deadline);
        usleep(1000);
    }
}

static void log_lines(const char* directory) {
    FAILS(PATRON_E_INVALID_ARGUMENT, patron_set_log(6, count_line, &lines, end_log, &error));
    OK(patron_set_log(PATRON_LOG_INFO, count_line, &lines, end_log, &error));
    stop(start(new_builder(directory)));
    CHECK(__atomic_load_n(&lines, __ATOMIC_SEQ_CST) == 1);
    CHECK(__atomic_load_n(&logs_ended, __ATOMIC_SEQ_CST) == 0);
    OK(patron_set_log(PATRON_LOG_WARN, count_line, &lines, end_log, &error));
    await_ended_logs(1);
    stop(start(new_builder(directory)));
    OK(patron_set_log(PATRON_LOG_OFF, NULL, NULL, NULL, &error));
    await_ended_logs(2);
    OK(patron_set_log(PATRON_LOG_OFF, count_line, &lines, end_log, &error));
    await_ended_logs(3);
    OK(patron_set_log(PATRON_LOG_INFO, NULL, &lines, end_log, &error));
    await_ended_logs(4);
    stop(start(new_builder(directory)));
    CHECK(__atomic_load_n(&lines, __ATOMIC_SEQ_CST) == 1);
    CHECK(__atomic_load_n(&wrong_lines, __ATOMIC_SEQ_CST) == 0);
}

int main(int argc, char** argv) {
    CHECK(argc == 3);
    make_directory(path(argv[1], "from"));
    transfer(argv[1]);
    shutdown_with_a_report(argv[1]);
    shared(argv[1]);
    statistics(argv[1]);
    network_threads(argv[1]);
    log_lines(argv[1]);
    return 0;
}
