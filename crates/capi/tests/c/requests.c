/* The other requests to a torrent and to a client, with a second client that downloads from it. */
#include "check.h"

#define PIECE 16384
#define SIZE 100000 /* 7 pieces */

/* A request, with `&reply, &error` as its last arguments, whose reply only confirms it. */
#define DONE(call)                                                                  \
    do {                                                                            \
        patron_reply* reply = NULL;                                                 \
        OK(call);                                                                   \
        wait_for(reply);                                                            \
        CHECK(!patron_reply_bytes(reply).data && !patron_reply_path(reply).length); \
        CHECK(!patron_reply_web_seed_count(reply));                                 \
        FAILS(PATRON_E_INVALID_ARGUMENT, patron_reply_files(reply, &none, &error)); \
        patron_reply_free(reply);                                                   \
    } while (0)

/* A request whose reply is an error. */
#define REFUSED(code, call)                                         \
    do {                                                            \
        patron_reply* reply = NULL;                                 \
        OK(call);                                                   \
        FAILS(code, patron_reply_wait(reply, PATIENCE_MS, &error)); \
        patron_reply_free(reply);                                   \
    } while (0)

/* Asks again until the condition holds: libtorrent has no event for it. */
#define UNTIL(condition)                           \
    do {                                           \
        int64_t deadline = now_ms() + PATIENCE_MS; \
        while (!(condition)) {                     \
            CHECK(now_ms() < deadline);            \
        }                                          \
    } while (0)

static patron_files* none;

/* The directory of each part of the test, that of its files, and that of its downloads. */
static char directory[PATH_MAX], from[PATH_MAX], to[PATH_MAX];

/* A client with one torrent. */
typedef struct {
    patron_client* client;
    patron_handle* handle;
    uint64_t torrent;
} side;

/* Starts a client that stays connected to peers that have everything. */
static patron_client* start_sociable(const char* save_dir) {
    patron_settings* settings = NULL;
    OK(patron_settings_new(PATRON_PRESET_DEFAULT, &settings, &error));
    OK(patron_settings_set_bool(settings, PATRON_TEXT("close_redundant_connections"), false,
                                &error));
    patron_builder* builder = new_builder(save_dir);
    OK(patron_builder_set_settings(builder, settings, &error));
    patron_settings_free(settings);
    return start(builder);
}

static side seed(const char* save_dir, const patron_metainfo* metainfo) {
    patron_client* client = start_sociable(save_dir);
    patron_handle* handle = new_patron(client);
    side made = {client, handle, add(handle, metainfo, NULL)};
    await(handle, PATRON_EVENT_FINISHED, made.torrent);
    return made;
}

/* Starts paused, so that requests can be made before it downloads. */
static side leech(const char* save_dir, const patron_metainfo* metainfo, side seeder) {
    patron_client* client = start_sociable(save_dir);
    patron_handle* handle = new_patron(client);
    patron_add_options* options = peer_options(seeder.handle);
    OK(patron_add_options_set_paused(options, true, &error));
    side made = {client, handle, add(handle, metainfo, options)};
    await(handle, PATRON_EVENT_CHECKED, made.torrent);
    return made;
}

static void end(side one) {
    patron_free(one.handle);
    stop(one.client);
}

static patron_files* files_of(side one) {
    patron_reply* reply = NULL;
    patron_files* files = NULL;
    OK(patron_get_files(one.handle, one.torrent, &reply, &error));
    wait_for(reply);
    OK(patron_reply_files(reply, &files, &error));
    patron_reply_free(reply);
    return files;
}

static uint32_t file_called(const patron_files* files, const char* path) {
    for (size_t index = 0; index < patron_files_count(files); index++) {
        if (is(patron_files_path(files, index), path)) {
            return (uint32_t)index;
        }
    }
    FAIL("no file %s", path);
}

static patron_file_status file_at(const patron_files* files, size_t index) {
    patron_file_status status;
    size_t written = 0;
    OK(patron_files_read(files, index, &status, sizeof status, 1, &written, &error));
    CHECK(written == 1);
    return status;
}

static int32_t priority_of(side one, size_t index) {
    patron_files* files = files_of(one);
    int32_t priority = file_at(files, index).priority;
    patron_files_free(files);
    return priority;
}

static void album_of(const char* parent) {
    make_directory(parent);
    make_directory(path(parent, "album"));
    make_file(path(parent, "album/one.bin"), 1, 50000);
    make_file(path(parent, "album/two.bin"), 2, 50000);
    make_file(path(parent, "album/three.bin"), 3, 50000);
}

static void choosing_files(side seeder, side leecher) {
    patron_files* files = files_of(leecher);
    size_t count = patron_files_count(files);
    uint32_t one = file_called(files, "album/one.bin"), two = file_called(files, "album/two.bin");
    CHECK(is(patron_files_path(files, count), ""));

    uint8_t priorities[16] = {PATRON_PRIORITY_SKIP};
    patron_file_status all[16];
    size_t written = 0;
    CHECK(count >= 3 && count <= 16);
    OK(patron_files_read(files, 0, all, sizeof all[0], 16, &written, &error));
    CHECK(written == count);
    for (size_t index = 0; index < count; index++) {
        CHECK(all[index].pad || (all[index].size == 50000 && all[index].done == 0));
        CHECK(all[index].pad || all[index].priority == PATRON_PRIORITY_DEFAULT);
    }
    OK(patron_files_read(files, count, all, sizeof all[0], 16, &written, &error));
    CHECK(written == 0);
    patron_files_free(files);

    priorities[two] = PATRON_PRIORITY_TOP;
    DONE(patron_set_file_priorities(leecher.handle, leecher.torrent, priorities, count, &reply,
                                    &error));
    UNTIL(priority_of(leecher, two) == PATRON_PRIORITY_TOP);
    DONE(patron_resume(leecher.handle, leecher.torrent, &reply, &error));
    await(leecher.handle, PATRON_EVENT_FINISHED, leecher.torrent);
    CHECK(same_file(path(to, "album/two.bin"), path(from, "album/two.bin")));
    CHECK(access(path(to, "album/one.bin"), F_OK) != 0);
    files = files_of(leecher);
    CHECK(file_at(files, two).done == 50000 && file_at(files, one).done < 50000);
    CHECK(file_at(files, two).priority == PATRON_PRIORITY_TOP);
    CHECK(file_at(files, one).priority == PATRON_PRIORITY_SKIP);
    patron_files_free(files);

    DONE(patron_set_file_priority(leecher.handle, leecher.torrent, one, PATRON_PRIORITY_DEFAULT,
                                  &reply, &error));
    await(leecher.handle, PATRON_EVENT_FINISHED, leecher.torrent);
    CHECK(same_file(path(to, "album/one.bin"), path(from, "album/one.bin")));

    patron_reply* reply = NULL;
    FAILS(PATRON_E_INVALID_ARGUMENT,
          patron_set_file_priority(seeder.handle, seeder.torrent, 0, 8, &reply, &error));
    priorities[0] = 8;
    FAILS(PATRON_E_INVALID_ARGUMENT, patron_set_file_priorities(seeder.handle, seeder.torrent,
                                                                priorities, count, &reply, &error));
    CHECK(!reply);
    REFUSED(PATRON_E_INVALID_ARGUMENT,
            patron_set_file_priorities(seeder.handle, seeder.torrent, priorities + 1, 1, &reply,
                                       &error));
    REFUSED(PATRON_E_INVALID_ARGUMENT,
            patron_set_file_priority(seeder.handle, seeder.torrent, 99, 1, &reply, &error));
    REFUSED(PATRON_E_NOT_FOUND, patron_get_files(seeder.handle, 1000000, &reply, &error));
}

static void renaming_and_moving(side seeder) {
    patron_files* files = files_of(seeder);
    uint32_t one = file_called(files, "album/one.bin");
    patron_files_free(files);
    const char* name = "album/nested/f\xc3\xafrst.bin";
    patron_reply* reply = NULL;
    OK(patron_rename_file(seeder.handle, seeder.torrent, one, PATRON_TEXT(name), &reply, &error));
    wait_for(reply);
    CHECK(is(patron_reply_path(reply), name));
    patron_reply_free(reply);
    patron_event* event = await_event(seeder.handle, PATRON_EVENT_FILE_RENAMED, seeder.torrent);
    CHECK(patron_event_file(event) == one && is(patron_event_path(event), name));
    patron_event_free(event);
    CHECK(access(path(from, name), F_OK) == 0);
    files = files_of(seeder);
    CHECK(is(patron_files_path(files, one), name));
    patron_files_free(files);
    REFUSED(PATRON_E_INVALID_ARGUMENT, patron_rename_file(seeder.handle, seeder.torrent, one,
                                                          PATRON_TEXT("../x"), &reply, &error));
    REFUSED(PATRON_E_INVALID_ARGUMENT, patron_rename_file(seeder.handle, seeder.torrent, 99,
                                                          PATRON_TEXT("x"), &reply, &error));

    const char* taken = path(directory, "taken");
    album_of(taken);
    REFUSED(PATRON_E_EXISTS, patron_move_storage(seeder.handle, seeder.torrent, PATRON_TEXT(taken),
                                                 PATRON_ON_CONFLICT_FAIL, &reply, &error));
    CHECK(access(path(from, name), F_OK) == 0);
    OK(patron_move_storage(seeder.handle, seeder.torrent, PATRON_TEXT(taken),
                           PATRON_ON_CONFLICT_REPLACE, &reply, &error));
    wait_for(reply);
    CHECK(is(patron_reply_path(reply), taken));
    patron_reply_free(reply);
    await(seeder.handle, PATRON_EVENT_MOVED, seeder.torrent);
    CHECK(access(path(taken, name), F_OK) == 0);
}

/* A torrent starts again from its resume data. */
static void resume_data(side leecher) {
    patron_reply* data = NULL;
    OK(patron_get_resume_data(leecher.handle, leecher.torrent, &data, &error));
    wait_for(data);
    patron_bytes bytes = patron_reply_bytes(data);
    CHECK(bytes.length > 0);
    DONE(patron_remove_torrent(leecher.handle, leecher.torrent, PATRON_REMOVE_FILES_KEEP, &reply,
                               &error));
    patron_reply* reply = NULL;
    OK(patron_add_torrent(leecher.handle, PATRON_SOURCE_RESUME_DATA, bytes.data, bytes.length, NULL,
                          &reply, &error));
    patron_reply_free(data);
    wait_for(reply);
    leecher.torrent = patron_reply_torrent(reply);
    patron_reply_free(reply);
    await(leecher.handle, PATRON_EVENT_CHECKED, leecher.torrent);
    patron_files* files = files_of(leecher);
    CHECK(file_at(files, file_called(files, "album/two.bin")).done == 50000);
    CHECK(file_at(files, file_called(files, "album/three.bin")).done < 50000);
    patron_files_free(files);
}

static void files(void) {
    album_of(from);
    patron_metainfo* metainfo = make_torrent(path(from, "album"));
    side seeder = seed(from, metainfo), leecher = leech(to, metainfo, seeder);
    choosing_files(seeder, leecher);
    renaming_and_moving(seeder);
    resume_data(leecher);
    end(leecher);
    end(seeder);
    patron_metainfo_free(metainfo);
}

static patron_pieces* pieces_of(side one) {
    patron_reply* reply = NULL;
    patron_pieces* pieces = NULL;
    OK(patron_get_pieces(one.handle, one.torrent, &reply, &error));
    wait_for(reply);
    OK(patron_reply_pieces(reply, &pieces, &error));
    patron_reply_free(reply);
    return pieces;
}

static bool has_pieces(side one, const char* have) {
    patron_pieces* pieces = pieces_of(one);
    patron_bytes bytes = patron_pieces_have(pieces);
    CHECK(bytes.length == strlen(have) && patron_pieces_count(pieces) == bytes.length);
    bool same = true;
    size_t done = 0;
    for (size_t index = 0; index < bytes.length; index++) {
        same = same && bytes.data[index] == have[index] - '0';
        done += bytes.data[index];
    }
    CHECK(patron_pieces_done(pieces) == done);
    patron_pieces_free(pieces);
    return same;
}

static bool has_priorities(side one, const char* levels) {
    patron_pieces* pieces = pieces_of(one);
    patron_bytes bytes = patron_pieces_priorities(pieces);
    CHECK(bytes.length == strlen(levels));
    bool same = true;
    for (size_t index = 0; index < bytes.length; index++) {
        same = same && bytes.data[index] == levels[index] - '0';
    }
    patron_pieces_free(pieces);
    return same;
}

static bool are_available(side one, uint32_t peers) {
    patron_pieces* pieces = pieces_of(one);
    const uint32_t* counts = patron_pieces_availability(pieces);
    bool same = counts != NULL;
    for (size_t index = 0; same && index < patron_pieces_count(pieces); index++) {
        same = counts[index] == peers;
    }
    patron_pieces_free(pieces);
    return same;
}

static void read_pieces(side seeder, const char* data) {
    patron_reply* reply = NULL;
    OK(patron_read_piece(seeder.handle, seeder.torrent, 1, &reply, &error));
    wait_for(reply);
    patron_bytes bytes = patron_reply_bytes(reply);
    CHECK(bytes.length == PIECE && memcmp(bytes.data, data + PIECE, PIECE) == 0);
    patron_reply_free(reply);
    OK(patron_read_piece(seeder.handle, seeder.torrent, 6, &reply, &error));
    wait_for(reply);
    bytes = patron_reply_bytes(reply);
    CHECK(bytes.length == SIZE - 6 * PIECE);
    CHECK(memcmp(bytes.data, data + 6 * PIECE, bytes.length) == 0);
    patron_reply_free(reply);
    REFUSED(PATRON_E_INVALID_ARGUMENT,
            patron_read_piece(seeder.handle, seeder.torrent, 7, &reply, &error));
}

static void choosing_pieces(side one) {
    const uint8_t wanted[] = {0, 1, 0, 1, 0, 1, 0};
    DONE(patron_set_piece_priorities(one.handle, one.torrent, wanted, 7, &reply, &error));
    DONE(patron_set_piece_priority(one.handle, one.torrent, 1, PATRON_PRIORITY_SKIP, &reply,
                                   &error));
    DONE(patron_set_piece_deadline(one.handle, one.torrent, 3, 10, &reply, &error));
    DONE(patron_set_piece_deadline(one.handle, one.torrent, 3, -1, &reply, &error));
    DONE(patron_clear_piece_deadlines(one.handle, one.torrent, &reply, &error));
    CHECK(has_priorities(one, "0001010"));
    DONE(
        patron_set_piece_priority(one.handle, one.torrent, 6, PATRON_PRIORITY_LOW, &reply, &error));
    DONE(patron_set_ends_first(one.handle, one.torrent, true, &reply, &error));
    CHECK(has_priorities(one, "0001017")); /* skipped files stay skipped */
    DONE(patron_set_ends_first(one.handle, one.torrent, false, &reply, &error));
    CHECK(has_priorities(one, "0001014"));
    DONE(patron_resume(one.handle, one.torrent, &reply, &error));
    await(one.handle, PATRON_EVENT_FINISHED, one.torrent);
    CHECK(has_pieces(one, "0001011"));
    UNTIL(are_available(one, 1));
}

/* Errors name the number that the caller passed, however large it is. */
static void large_numbers(side one) {
    static const uint32_t large = 4000000000u;
    static const uint8_t data[PIECE] = {0};
    patron_reply* replies[8] = {NULL};
    OK(patron_set_file_priority(one.handle, one.torrent, large, 1, &replies[0], &error));
    OK(patron_rename_file(one.handle, one.torrent, large, PATRON_TEXT("other"), &replies[1],
                          &error));
    OK(patron_set_piece_priority(one.handle, one.torrent, large, 1, &replies[2], &error));
    OK(patron_set_piece_deadline(one.handle, one.torrent, large, 1, &replies[3], &error));
    OK(patron_read_piece(one.handle, one.torrent, large, &replies[4], &error));
    OK(patron_add_piece(one.handle, one.torrent, large, data, sizeof data, &replies[5], &error));
    OK(patron_get_peer_class(one.handle, large, &replies[6], &error));
    OK(patron_remove_peer_class(one.handle, large, &replies[7], &error));
    for (size_t index = 0; index < 8; index++) {
        patron_error* error = NULL;
        int32_t code = patron_reply_wait(replies[index], PATIENCE_MS, &error);
        if (code == PATRON_OK || !has(patron_error_message(error), "4000000000")) {
            FAIL("%zu: %" PRId32 ", %s", index, code, patron_error_message(error).data);
        }
        patron_error_free(error);
        patron_reply_free(replies[index]);
    }
}

static void pieces(void) {
    const char* file = path(from, "data.bin");
    make_directory(from);
    make_file(file, 1, SIZE);
    char data[SIZE];
    FILE* stream = fopen(file, "rb");
    CHECK(stream && fread(data, 1, SIZE, stream) == SIZE && fclose(stream) == 0);
    patron_metainfo* metainfo = make_torrent(file);
    side seeder = seed(from, metainfo), leecher = leech(to, metainfo, seeder);
    CHECK(has_pieces(seeder, "1111111") && has_pieces(leecher, "0000000"));
    patron_pieces* all = pieces_of(seeder);
    CHECK(!patron_pieces_availability(all) && patron_pieces_partial_count(all) == 0);
    patron_pieces_free(all);
    read_pieces(seeder, data);
    large_numbers(seeder);
    choosing_pieces(leecher);

    /* The program may add pieces that are not wanted from peers. */
    const uint8_t* first = (const uint8_t*)data;
    REFUSED(PATRON_E_INVALID_ARGUMENT,
            patron_add_piece(leecher.handle, leecher.torrent, 0, first, 100, &reply, &error));
    DONE(patron_add_piece(leecher.handle, leecher.torrent, 0, first, PIECE, &reply, &error));
    UNTIL(has_pieces(leecher, "1001011"));

    stream = fopen(file, "r+b");
    CHECK(stream && fseek(stream, 20000, SEEK_SET) == 0);
    CHECK(fputc(~data[20000] & 0xff, stream) != EOF && fclose(stream) == 0);
    drain(seeder.handle);
    DONE(patron_recheck(seeder.handle, seeder.torrent, &reply, &error));
    await(seeder.handle, PATRON_EVENT_CHECKED, seeder.torrent);
    CHECK(has_pieces(seeder, "1011111"));
    end(leecher);
    end(seeder);
    patron_metainfo_free(metainfo);
}

static patron_torrent_options options_of(side one, const char* save_dir) {
    patron_reply* reply = NULL;
    patron_torrent_options options;
    OK(patron_get_torrent_options(one.handle, one.torrent, &reply, &error));
    wait_for(reply);
    OK(patron_reply_torrent_options(reply, &options, sizeof options, &error));
    CHECK(options.reserved == 0 && (!save_dir || is(patron_reply_path(reply), save_dir)));
    patron_reply_free(reply);
    return options;
}

/* A piece of many blocks that arrives slowly. */
static void a_slow_piece(void) {
    const char* file = path(from, "data.bin");
    make_directory(from);
    make_file(file, 1, 1 << 20);
    patron_maker* maker = new_maker(file);
    OK(patron_maker_set_piece_length(maker, 1 << 20, &error));
    patron_metainfo* metainfo = make(maker);
    side seeder = seed(from, metainfo), leecher = leech(to, metainfo, seeder);
    DONE(patron_set_upload_limit(seeder.handle, seeder.torrent, 20000, &reply, &error));
    DONE(patron_resume(leecher.handle, leecher.torrent, &reply, &error));
    patron_pieces* pieces = pieces_of(leecher);
    UNTIL((patron_pieces_free(pieces), pieces = pieces_of(leecher),
           patron_pieces_partial_count(pieces)));
    patron_partial_piece partial[2];
    size_t written = 0;
    OK(patron_pieces_read_partial(pieces, 0, partial, sizeof partial[0], 2, &written, &error));
    CHECK(written == 1 && partial[0].piece == 0 && partial[0].blocks == 64);
    CHECK(partial[0].requested + partial[0].writing + partial[0].finished > 0);
    CHECK(partial[0].finished < 64 && partial[0].reserved == 0);
    patron_pieces_free(pieces);
    DONE(patron_set_upload_limit(seeder.handle, seeder.torrent, PATRON_NO_LIMIT, &reply, &error));
    await(leecher.handle, PATRON_EVENT_FINISHED, leecher.torrent);
    end(leecher);
    end(seeder);
    patron_metainfo_free(metainfo);
}

static void options(void) {
    make_file(path(directory, "data.bin"), 1, SIZE);
    patron_metainfo* metainfo = make_torrent(path(directory, "data.bin"));
    side one = seed(directory, metainfo);
    patron_torrent_options now = options_of(one, directory);
    CHECK(now.flags == PATRON_FLAG_APPLY_IP_FILTER && now.queue_position == -1);
    CHECK(now.download_limit == PATRON_NO_LIMIT && now.upload_limit == PATRON_NO_LIMIT);
    CHECK(now.connections_limit == PATRON_NO_LIMIT && now.upload_slots == PATRON_NO_LIMIT);

    const int32_t flags[] = {
        PATRON_FLAG_UPLOAD_MODE,     PATRON_FLAG_SHARE_MODE,         PATRON_FLAG_AUTO_MANAGED,
        PATRON_FLAG_SUPER_SEEDING,   PATRON_FLAG_SEQUENTIAL,         PATRON_FLAG_NO_DHT,
        PATRON_FLAG_STOP_WHEN_READY, PATRON_FLAG_NO_LOCAL_DISCOVERY, PATRON_FLAG_NO_PEER_EXCHANGE,
    };
    int32_t on = 0;
    for (size_t index = 0; index < sizeof flags / sizeof flags[0]; index++) {
        if (flags[index] != PATRON_FLAG_STOP_WHEN_READY) {
            on |= flags[index];
        }
        DONE(patron_set_flag(one.handle, one.torrent, flags[index],
                             flags[index] != PATRON_FLAG_STOP_WHEN_READY, &reply, &error));
    }
    DONE(patron_set_flag(one.handle, one.torrent, PATRON_FLAG_APPLY_IP_FILTER, false, &reply,
                         &error));
    DONE(patron_set_download_limit(one.handle, one.torrent, 1000000, &reply, &error));
    DONE(patron_set_upload_limit(one.handle, one.torrent, 2000000, &reply, &error));
    DONE(patron_set_connections_limit(one.handle, one.torrent, 1, &reply, &error));
    DONE(patron_set_upload_slots(one.handle, one.torrent, 3, &reply, &error));
    now = options_of(one, directory);
    CHECK(now.flags == on);
    CHECK(now.download_limit == 1000000 && now.upload_limit == 2000000);
    CHECK(now.connections_limit == 2 && now.upload_slots == 3);
    DONE(patron_set_download_limit(one.handle, one.torrent, INT64_MAX, &reply, &error));
    DONE(patron_set_upload_limit(one.handle, one.torrent, PATRON_NO_LIMIT, &reply, &error));
    DONE(patron_set_connections_limit(one.handle, one.torrent, PATRON_NO_LIMIT, &reply, &error));
    DONE(patron_set_upload_slots(one.handle, one.torrent, PATRON_NO_LIMIT, &reply, &error));
    now = options_of(one, directory);
    CHECK(now.download_limit == PATRON_NO_LIMIT && now.upload_limit == PATRON_NO_LIMIT);
    CHECK(now.connections_limit == PATRON_NO_LIMIT && now.upload_slots == PATRON_NO_LIMIT);

    patron_reply* reply = NULL;
    const int64_t nothing[] = {0, -2, INT64_MIN};
    for (size_t index = 0; index < sizeof nothing / sizeof nothing[0]; index++) {
        FAILS(PATRON_E_INVALID_ARGUMENT,
              patron_set_download_limit(one.handle, one.torrent, nothing[index], &reply, &error));
        FAILS(PATRON_E_INVALID_ARGUMENT,
              patron_set_upload_limit(one.handle, one.torrent, nothing[index], &reply, &error));
        FAILS(
            PATRON_E_INVALID_ARGUMENT,
            patron_set_connections_limit(one.handle, one.torrent, nothing[index], &reply, &error));
        FAILS(PATRON_E_INVALID_ARGUMENT,
              patron_set_upload_slots(one.handle, one.torrent, nothing[index], &reply, &error));
    }
    const int32_t wrong[] = {0, 1024, PATRON_FLAG_UPLOAD_MODE | PATRON_FLAG_NO_DHT};
    for (size_t index = 0; index < sizeof wrong / sizeof wrong[0]; index++) {
        FAILS(PATRON_E_INVALID_ARGUMENT,
              patron_set_flag(one.handle, one.torrent, wrong[index], true, &reply, &error));
    }
    CHECK(!reply);
    end(one);
    patron_metainfo_free(metainfo);
}

static side all[3];

static bool queue_is(int64_t first, int64_t second, int64_t third) {
    return options_of(all[0], NULL).queue_position == first &&
           options_of(all[1], NULL).queue_position == second &&
           options_of(all[2], NULL).queue_position == third;
}

static void queue(void) {
    patron_client* client = start_sociable(to);
    patron_handle* handle = new_patron(client);
    const char* names[] = {"one.bin", "two.bin", "three.bin"};
    for (uint32_t index = 0; index < 3; index++) {
        make_file(path(directory, names[index]), index, SIZE);
        patron_metainfo* metainfo = make_torrent(path(directory, names[index]));
        patron_add_options* options = NULL;
        OK(patron_add_options_new(&options, &error));
        OK(patron_add_options_set_paused(options, true, &error));
        all[index].client = client;
        all[index].handle = handle;
        all[index].torrent = add(handle, metainfo, options);
        patron_metainfo_free(metainfo);
    }
    CHECK(queue_is(0, 1, 2));
    DONE(patron_move_in_queue(handle, all[2].torrent, PATRON_QUEUE_TOP, &reply, &error));
    CHECK(queue_is(1, 2, 0));
    DONE(patron_move_in_queue(handle, all[2].torrent, PATRON_QUEUE_DOWN, &reply, &error));
    CHECK(queue_is(0, 2, 1));
    DONE(patron_move_in_queue(handle, all[0].torrent, PATRON_QUEUE_BOTTOM, &reply, &error));
    CHECK(queue_is(2, 1, 0));
    DONE(patron_move_in_queue(handle, all[0].torrent, PATRON_QUEUE_UP, &reply, &error));
    CHECK(queue_is(1, 2, 0));
    DONE(patron_set_queue_position(handle, all[1].torrent, 0, &reply, &error));
    CHECK(queue_is(2, 0, 1));
    end(all[0]);
}

static patron_peers* peers_of(side one) {
    patron_reply* reply = NULL;
    patron_peers* peers = NULL;
    OK(patron_get_peers(one.handle, one.torrent, &reply, &error));
    wait_for(reply);
    OK(patron_reply_peers(reply, &peers, &error));
    patron_reply_free(reply);
    return peers;
}

static patron_peer only(const patron_peers* peers) {
    patron_peer all[2];
    size_t written = 0;
    OK(patron_peers_read(peers, 0, all, sizeof all[0], 2, &written, &error));
    CHECK(written == 1 && patron_peers_count(peers) == 1);
    return all[0];
}

static void peers(void) {
    make_directory(from);
    make_file(path(from, "data.bin"), 1, SIZE);
    patron_metainfo* metainfo = make_torrent(path(from, "data.bin"));
    side seeder = seed(from, metainfo);
    patron_client* client = start_sociable(to);
    side leecher = {client, new_patron(client), 0};
    leecher.torrent = add(leecher.handle, metainfo, NULL);
    patron_reply* reply = NULL;
    FAILS(PATRON_E_INVALID_ARGUMENT, patron_connect_peer(leecher.handle, leecher.torrent,
                                                         PATRON_TEXT("127.0.0.1"), &reply, &error));
    CHECK(!reply);
    REFUSED(PATRON_E_INVALID_ARGUMENT,
            patron_connect_peer(leecher.handle, leecher.torrent, PATRON_TEXT("192.0.2.1:1"), &reply,
                                &error));
    const char* address = address_of(seeder.handle);
    DONE(
        patron_connect_peer(leecher.handle, leecher.torrent, PATRON_TEXT(address), &reply, &error));
    await(leecher.handle, PATRON_EVENT_FINISHED, leecher.torrent);

    patron_peers *there = peers_of(leecher), *here = peers_of(seeder);
    patron_peer peer = only(there);
    CHECK(is(patron_peers_address(there, 0), address));
    CHECK(has(patron_peers_client(there, 0), "torrent-patron"));
    CHECK(peer.kind == PATRON_PEER_KIND_CLIENT && peer.transport == PATRON_TRANSPORT_TCP);
    CHECK(peer.outgoing && peer.seed && !peer.connecting && !peer.suspected);
    CHECK(peer.progress == 1.0f && peer.downloaded == SIZE && peer.uploaded == 0);
    CHECK(peer.hash_failures == 0 && peer.failures == 0 && peer.id[0] != 0);
    peer = only(here);
    CHECK(is(patron_peers_address(here, 0), patron_peers_local_address(there, 0).data));
    CHECK(peer.sources == PATRON_PEER_SOURCE_INCOMING && !peer.outgoing);
    CHECK(peer.uploaded == SIZE && peer.encryption >= PATRON_ENCRYPTION_NONE);
    CHECK(is(patron_peers_address(here, 1), "") && is(patron_peers_client(here, 1), ""));
    patron_peers_free(here);

    DONE(patron_clear_peers(leecher.handle, leecher.torrent, &reply, &error));
    UNTIL((patron_peers_free(there), there = peers_of(leecher), patron_peers_count(there) == 0));
    patron_peers_free(there);
    end(leecher);
    end(seeder);
    patron_metainfo_free(metainfo);
}

static patron_trackers* trackers_of(side one) {
    patron_reply* reply = NULL;
    patron_trackers* trackers = NULL;
    OK(patron_get_trackers(one.handle, one.torrent, &reply, &error));
    wait_for(reply);
    OK(patron_reply_trackers(reply, &trackers, &error));
    patron_reply_free(reply);
    return trackers;
}

static void has_trackers(side one, size_t count, const char* const* urls, const uint8_t* tiers) {
    patron_trackers* trackers = trackers_of(one);
    patron_tracker_status all[4];
    size_t written = 0;
    OK(patron_trackers_read(trackers, 0, all, sizeof all[0], 4, &written, &error));
    CHECK(written == count && patron_trackers_count(trackers) == count);
    for (size_t index = 0; index < count; index++) {
        CHECK(is(patron_trackers_url(trackers, index), urls[index]));
        CHECK(all[index].tier == tiers[index] && !all[index].working);
        CHECK(all[index].source == PATRON_TRACKER_SOURCE_PROGRAM);
    }
    CHECK(is(patron_trackers_url(trackers, count), ""));
    patron_trackers_free(trackers);
}

/* Checks that an announce to this tracker has failed. */
static void has_failed(side one, patron_text url) {
    patron_trackers* trackers = trackers_of(one);
    patron_announce announces[8];
    size_t written = 0, failed = 0;
    OK(patron_trackers_read_announces(trackers, 0, announces, sizeof announces[0], 8, &written,
                                      &error));
    CHECK(written > 0 && patron_trackers_announce_count(trackers) == written);
    for (size_t index = 0; index < written; index++) {
        patron_announce* announce = &announces[index];
        const patron_error* error = patron_trackers_announce_error(trackers, index);
        CHECK(patron_error_code(error) == announce->error);
        CHECK(announce->protocol == PATRON_ANNOUNCE_V1 || announce->protocol == PATRON_ANNOUNCE_V2);
        CHECK(announce->seeds == -1 && announce->leechers == -1 && announce->downloads == -1);
        CHECK(has(patron_trackers_announce_from(trackers, index), "127.0.0.1:"));
        CHECK(patron_trackers_announce_message(trackers, index).data);
        if (is(patron_trackers_url(trackers, announce->tracker), url.data) && announce->failures) {
            CHECK(announce->error < 0 && patron_error_message(error).length > 0);
            failed++;
        }
    }
    CHECK(failed > 0 && !patron_trackers_announce_error(trackers, written));
    patron_trackers_free(trackers);
}

static void trackers(void) {
    make_file(path(directory, "data.bin"), 1, SIZE);
    patron_metainfo* metainfo = make_torrent(path(directory, "data.bin"));
    side one = seed(directory, metainfo);
    const char *first = "http://127.0.0.1:1/announce", *second = "udp://127.0.0.1:1";
    const char* both[] = {second, first};
    const uint8_t tiers[] = {0, 1, 2};
    has_trackers(one, 0, NULL, NULL);
    DONE(patron_add_tracker(one.handle, one.torrent, PATRON_TEXT(first), 1, &reply, &error));
    DONE(patron_add_tracker(one.handle, one.torrent, PATRON_TEXT(second), 0, &reply, &error));
    has_trackers(one, 2, both, tiers);
    patron_event* event = await_event(one.handle, PATRON_EVENT_TRACKER_ERROR, one.torrent);
    has_failed(one, patron_event_url(event));
    patron_event_free(event);
    DONE(patron_reannounce(one.handle, one.torrent, &reply, &error));
    DONE(patron_scrape(one.handle, one.torrent, &reply, &error));
    DONE(patron_announce_to_dht(one.handle, one.torrent, &reply, &error));
    DONE(patron_announce_locally(one.handle, one.torrent, &reply, &error));
    DONE(patron_remove_tracker(one.handle, one.torrent, PATRON_TEXT(second), &reply, &error));
    REFUSED(PATRON_E_INVALID_ARGUMENT,
            patron_remove_tracker(one.handle, one.torrent, PATRON_TEXT(second), &reply, &error));
    REFUSED(PATRON_E_INVALID_ARGUMENT,
            patron_add_tracker(one.handle, one.torrent, PATRON_TEXT("spam"), 0, &reply, &error));
    /* libtorrent puts UDP trackers before the others, whatever their tiers are. */
    const char* list = "udp://127.0.0.1:2\n\nudp://127.0.0.1:3\n\nhttp://127.0.0.1:2/\n";
    const char* others[] = {"udp://127.0.0.1:2", "udp://127.0.0.1:3", "http://127.0.0.1:2/"};
    DONE(patron_replace_trackers(one.handle, one.torrent, PATRON_TEXT(list), &reply, &error));
    has_trackers(one, 3, others, tiers);
    DONE(patron_replace_trackers(one.handle, one.torrent, NULL, 0, &reply, &error));
    has_trackers(one, 0, NULL, NULL);

    const char* seed = "http://127.0.0.1:1/data.bin";
    DONE(patron_add_web_seed(one.handle, one.torrent, PATRON_TEXT(seed), &reply, &error));
    patron_reply* reply = NULL;
    OK(patron_get_web_seeds(one.handle, one.torrent, &reply, &error));
    wait_for(reply);
    CHECK(patron_reply_web_seed_count(reply) == 1 && is(patron_reply_web_seed(reply, 0), seed));
    CHECK(is(patron_reply_web_seed(reply, 1), ""));
    patron_reply_free(reply);
    DONE(patron_remove_web_seed(one.handle, one.torrent, PATRON_TEXT(seed), &reply, &error));
    REFUSED(PATRON_E_INVALID_ARGUMENT,
            patron_remove_web_seed(one.handle, one.torrent, PATRON_TEXT(seed), &reply, &error));
    REFUSED(PATRON_E_INVALID_ARGUMENT,
            patron_add_web_seed(one.handle, one.torrent, PATRON_TEXT("http://192.0.2.1/data.bin"),
                                &reply, &error));
    end(one);
    patron_metainfo_free(metainfo);
}

static patron_settings* settings_of(patron_handle* handle) {
    patron_reply* reply = NULL;
    patron_settings* settings = NULL;
    OK(patron_get_settings(handle, &reply, &error));
    wait_for(reply);
    OK(patron_reply_settings(reply, &settings, &error));
    patron_reply_free(reply);
    return settings;
}

static void settings(patron_handle* handle) {
    patron_settings *before = settings_of(handle), *change = NULL;
    CHECK(is(patron_settings_get(before, PATRON_TEXT("enable_dht"), NULL), "false"));
    CHECK(patron_settings_count(before) > 100);
    OK(patron_settings_new(PATRON_PRESET_EMPTY, &change, &error));
    CHECK(patron_settings_count(change) == 0);
    OK(patron_settings_set_int(change, PATRON_TEXT("connections_limit"), 123, &error));
    DONE(patron_apply_settings(handle, change, &reply, &error));
    patron_settings* after = settings_of(handle);
    CHECK(is(patron_settings_get(after, PATRON_TEXT("connections_limit"), NULL), "123"));
    CHECK(is(patron_settings_get(after, PATRON_TEXT("user_agent"), NULL),
             patron_settings_get(before, PATRON_TEXT("user_agent"), NULL).data));
    patron_settings_free(before);
    patron_settings_free(change);
    patron_settings_free(after);

    patron_reply* reply = NULL;
    OK(patron_save_state(handle, &reply, &error));
    wait_for(reply);
    patron_bytes state = patron_reply_bytes(reply);
    CHECK(state.length > 2 && state.data[0] == 'd'); /* a bencoded dictionary */
    patron_reply_free(reply);
}

static patron_ip_filter* filter_of(patron_handle* handle) {
    patron_reply* reply = NULL;
    patron_ip_filter* filter = NULL;
    OK(patron_get_ip_filter(handle, &reply, &error));
    wait_for(reply);
    OK(patron_reply_ip_filter(reply, &filter, &error));
    patron_reply_free(reply);
    return filter;
}

static patron_ip_filter* new_filter(void) {
    patron_ip_filter* filter = NULL;
    OK(patron_ip_filter_new(&filter, &error));
    CHECK(patron_ip_filter_count(filter) == 0);
    CHECK(!patron_ip_filter_blocks(filter, PATRON_TEXT("127.0.0.1")));
    OK(patron_ip_filter_block(filter, PATRON_TEXT("127.0.0.2"), PATRON_TEXT("127.0.0.7"), &error));
    OK(patron_ip_filter_block(filter, PATRON_TEXT("2001:db8::"), PATRON_TEXT("2001:db8::ff"),
                              &error));
    FAILS(PATRON_E_INVALID_ARGUMENT, patron_ip_filter_block(filter, PATRON_TEXT("127.0.0.3"),
                                                            PATRON_TEXT("127.0.0.2"), &error));
    FAILS(PATRON_E_INVALID_ARGUMENT,
          patron_ip_filter_block(filter, PATRON_TEXT("127.0.0.3"), PATRON_TEXT("::1"), &error));
    CHECK(patron_ip_filter_count(filter) == 2 && is(patron_ip_filter_lowest(filter, 2), ""));
    CHECK(is(patron_ip_filter_lowest(filter, 0), "127.0.0.2"));
    CHECK(is(patron_ip_filter_highest(filter, 1), "2001:db8::ff"));
    CHECK(patron_ip_filter_blocks(filter, PATRON_TEXT("127.0.0.7")));
    CHECK(patron_ip_filter_blocks(filter, PATRON_TEXT("2001:db8::1")));
    CHECK(!patron_ip_filter_blocks(filter, PATRON_TEXT("127.0.0.8")));
    CHECK(!patron_ip_filter_blocks(filter, PATRON_TEXT("spam")));
    return filter;
}

static void ip_filter(patron_handle* handle) {
    patron_ip_filter *given = new_filter(), *got = NULL;
    DONE(patron_set_ip_filter(handle, given, &reply, &error));
    DONE(patron_ban(handle, PATRON_TEXT("127.0.0.9"), &reply, &error));
    patron_ip_filter_free(given);
    got = filter_of(handle);
    CHECK(patron_ip_filter_blocks(got, PATRON_TEXT("127.0.0.7")));
    CHECK(!patron_ip_filter_blocks(got, PATRON_TEXT("127.0.0.8")));
    CHECK(patron_ip_filter_blocks(got, PATRON_TEXT("127.0.0.9")));
    CHECK(patron_ip_filter_blocks(got, PATRON_TEXT("192.0.2.1"))); /* the client is offline */
    patron_ip_filter_free(got);
    patron_reply* reply = NULL;
    FAILS(PATRON_E_INVALID_ARGUMENT,
          patron_ban(handle, PATRON_TEXT("127.0.0.1:1"), &reply, &error));
    CHECK(!reply);
}

/* Blocklists in the formats of other programs. */
static void blocklists(void) {
    const char *file = path(directory, "blocklist"), *wrong = "192.0.2.1\nspam\n";
    patron_ip_filter* filter = NULL;
    FILE* stream = fopen(file, "w");
    CHECK(stream &&
          fputs("# a comment\na name:192.0.2.1-192.0.2.9\n198.51.100.0/24\n", stream) >= 0);
    CHECK(fclose(stream) == 0);
    OK(patron_ip_filter_read(PATRON_TEXT(file), &filter, &error));
    CHECK(patron_ip_filter_count(filter) == 2 &&
          is(patron_ip_filter_lowest(filter, 0), "192.0.2.1"));
    CHECK(patron_ip_filter_blocks(filter, PATRON_TEXT("198.51.100.255")));
    patron_ip_filter_free(filter);
    filter = NULL;
    FAILS(PATRON_E_IO, patron_ip_filter_read(PATRON_TEXT("none"), &filter, &error));
    FAILS(PATRON_E_PARSE,
          patron_ip_filter_parse((const uint8_t*)wrong, strlen(wrong), &filter, &error));
    FAILS(PATRON_E_PARSE, patron_ip_filter_parse(NULL, 0, &filter, &error));
    CHECK(!filter);
    OK(patron_ip_filter_parse((const uint8_t*)wrong, 9, &filter, &error));
    CHECK(is(patron_ip_filter_highest(filter, 0), "192.0.2.1"));
    CHECK(!patron_ip_filter_skipped(filter) && is(patron_ip_filter_skipped_line(filter, 0), ""));
    patron_ip_filter_free(filter);

    filter = NULL;
    OK(patron_ip_filter_parse_lenient((const uint8_t*)wrong, strlen(wrong), &filter, &error));
    CHECK(patron_ip_filter_count(filter) == 1 && patron_ip_filter_skipped(filter) == 1);
    patron_text line = patron_ip_filter_skipped_line(filter, 0);
    CHECK(strncmp(line.data, "line 2: expected ADDRESS", 24) == 0);
    CHECK(is(patron_ip_filter_skipped_line(filter, 1), ""));
    patron_ip_filter_free(filter);
    filter = NULL;
    OK(patron_ip_filter_read_lenient(PATRON_TEXT(file), &filter, &error));
    CHECK(patron_ip_filter_count(filter) == 2 && !patron_ip_filter_skipped(filter));
    patron_ip_filter_free(filter);
}

/* Waits for a reply with a boolean. */
static bool is_so(patron_reply* reply) {
    wait_for(reply);
    bool so = patron_reply_is_true(reply);
    patron_reply_free(reply);
    return so;
}

static bool all_are_paused(patron_handle* handle) {
    patron_reply* reply = NULL;
    OK(patron_get_is_paused(handle, &reply, &error));
    return is_so(reply);
}

static bool dht_runs(patron_handle* handle) {
    patron_reply* reply = NULL;
    OK(patron_get_is_dht_running(handle, &reply, &error));
    return is_so(reply);
}

/* A client that is offline has no router to ask for a mapping. */
static void network(patron_handle* handle) {
    CHECK(!dht_runs(handle));
    patron_settings* change = NULL;
    OK(patron_settings_new(PATRON_PRESET_EMPTY, &change, &error));
    OK(patron_settings_set_bool(change, PATRON_TEXT("enable_dht"), true, &error));
    OK(patron_settings_set(change, PATRON_TEXT("dht_bootstrap_nodes"), NULL, 0, &error));
    DONE(patron_apply_settings(handle, change, &reply, &error));
    patron_settings_free(change);
    UNTIL(dht_runs(handle));
    DONE(patron_add_dht_node(handle, PATRON_TEXT("127.0.0.1"), 6881, &reply, &error));
    REFUSED(PATRON_E_INVALID_ARGUMENT,
            patron_add_dht_node(handle, PATRON_TEXT("192.0.2.1"), 6881, &reply, &error));

    patron_reply* reply = NULL;
    OK(patron_map_port(handle, PATRON_PORT_UDP, 6881, 6881, &reply, &error));
    wait_for(reply);
    CHECK(patron_reply_port_mapping_count(reply) == 0 && patron_reply_port_mapping(reply, 0) == -1);
    patron_reply_free(reply);
    DONE(patron_unmap_port(handle, 0, &reply, &error));
    REFUSED(PATRON_E_INVALID_ARGUMENT, patron_unmap_port(handle, -1, &reply, &error));
    reply = NULL;

    const uint16_t ranges[] = {1, 1023, 6881, 6881}, wrong[] = {1, 2, 4, 3};
    DONE(patron_set_port_filter(handle, ranges, 2, &reply, &error));
    DONE(patron_set_port_filter(handle, NULL, 0, &reply, &error));
    FAILS(PATRON_E_INVALID_ARGUMENT, patron_set_port_filter(handle, wrong, 2, &reply, &error));
    FAILS(PATRON_E_INVALID_ARGUMENT,
          patron_set_port_filter(handle, ranges, SIZE_MAX, &reply, &error));
    CHECK(!reply);
    DONE(patron_reopen_sockets(handle, &reply, &error));
}

static patron_peer_class_options class_of(patron_handle* handle, uint32_t number,
                                          const char* name) {
    patron_reply* reply = NULL;
    patron_peer_class_options options;
    OK(patron_get_peer_class(handle, number, &reply, &error));
    wait_for(reply);
    OK(patron_reply_peer_class_options(reply, &options, sizeof options, &error));
    CHECK(is(patron_reply_peer_class_name(reply), name) && options.reserved == 0);
    patron_reply_free(reply);
    return options;
}

static void class_ranges(patron_handle* handle, uint32_t classes) {
    patron_peer_class_ranges *given = NULL, *got = NULL;
    OK(patron_peer_class_ranges_new(&given, &error));
    OK(patron_peer_class_ranges_add(given, PATRON_TEXT("127.0.0.0"), PATRON_TEXT("127.255.255.255"),
                                    classes, &error));
    FAILS(PATRON_E_INVALID_ARGUMENT,
          patron_peer_class_ranges_add(given, PATRON_TEXT("127.0.0.2"), PATRON_TEXT("127.0.0.1"),
                                       classes, &error));
    DONE(patron_set_peer_class_ranges(handle, given, &reply, &error));
    patron_peer_class_ranges_free(given);
    patron_reply* reply = NULL;
    OK(patron_get_peer_class_ranges(handle, &reply, &error));
    wait_for(reply);
    OK(patron_reply_peer_class_ranges(reply, &got, &error));
    patron_reply_free(reply);
    CHECK(patron_peer_class_ranges_count(got) == 1);
    CHECK(is(patron_peer_class_ranges_lowest(got, 0), "127.0.0.0"));
    CHECK(is(patron_peer_class_ranges_highest(got, 0), "127.255.255.255"));
    CHECK(patron_peer_class_ranges_classes(got, 0) == classes);
    CHECK(is(patron_peer_class_ranges_lowest(got, 1), ""));
    CHECK(patron_peer_class_ranges_classes(got, 1) == 0);
    patron_peer_class_ranges_free(got);
}

static void peer_classes(patron_handle* handle) {
    patron_reply* reply = NULL;
    OK(patron_create_peer_class(handle, PATRON_TEXT("cellar"), &reply, &error));
    wait_for(reply);
    uint32_t class_number = patron_reply_peer_class(reply);
    CHECK(class_number > PATRON_PEER_CLASS_LOCAL && class_number < 32);
    patron_reply_free(reply);
    patron_peer_class_options options = class_of(handle, class_number, "cellar"), now;
    CHECK(options.upload_limit == -1 && options.download_limit == -1);
    CHECK(options.upload_priority == 1 && options.download_priority == 1);
    CHECK(options.connection_limit_percent == 100 && !options.ignore_unchoke_slots);
    options.upload_limit = 100000;
    options.upload_priority = 255;
    options.connection_limit_percent = 200;
    options.ignore_unchoke_slots = 1;
    DONE(patron_set_peer_class(handle, class_number, PATRON_TEXT("attic"), &options, sizeof options,
                               &reply, &error));
    now = class_of(handle, class_number, "attic");
    CHECK(now.upload_limit == 100000 && now.download_limit == -1);
    CHECK(now.upload_priority == 255 && now.download_priority == 1);
    CHECK(now.connection_limit_percent == 200 && now.ignore_unchoke_slots == 1);
    CHECK(class_of(handle, PATRON_PEER_CLASS_LOCAL, "local").upload_limit == -1);
    class_ranges(handle, UINT32_C(1) << class_number | UINT32_C(1) << PATRON_PEER_CLASS_LOCAL);

    reply = NULL;
    for (int wrong = 0; wrong < 5; wrong++) {
        now = options;
        now.upload_priority = wrong != 0;
        now.download_priority = wrong != 1;
        now.ignore_unchoke_slots = wrong == 2 ? 2 : 0;
        now.reserved = wrong == 3;
        now.download_limit = wrong == 4 ? 0 : PATRON_NO_LIMIT;
        FAILS(PATRON_E_INVALID_ARGUMENT,
              patron_set_peer_class(handle, class_number, PATRON_TEXT("attic"), &now, sizeof now,
                                    &reply, &error));
    }
    CHECK(!reply);
    DONE(patron_remove_peer_class(handle, class_number, &reply, &error));
    REFUSED(PATRON_E_INVALID_ARGUMENT, patron_get_peer_class(handle, class_number, &reply, &error));
    REFUSED(PATRON_E_INVALID_ARGUMENT,
            patron_remove_peer_class(handle, UINT32_MAX, &reply, &error));
}

static void pausing(void) {
    make_directory(from);
    make_file(path(from, "data.bin"), 1, SIZE);
    patron_metainfo* metainfo = make_torrent(path(from, "data.bin"));
    side seeder = seed(from, metainfo), leecher = leech(to, metainfo, seeder);
    CHECK(!all_are_paused(leecher.handle));
    DONE(patron_pause_all(leecher.handle, &reply, &error));
    CHECK(all_are_paused(leecher.handle));
    DONE(patron_resume(leecher.handle, leecher.torrent, &reply, &error));
    CHECK(has_pieces(leecher, "0000000"));
    DONE(patron_resume_all(leecher.handle, &reply, &error));
    await(leecher.handle, PATRON_EVENT_FINISHED, leecher.torrent);
    end(leecher);
    end(seeder);
    patron_metainfo_free(metainfo);
}

static void session(void) {
    patron_client* client = start_sociable(directory);
    patron_handle* handle = new_patron(client);
    settings(handle);
    ip_filter(handle);
    blocklists();
    network(handle);
    peer_classes(handle);
    patron_free(handle);
    stop(client);
    pausing();
}

int main(int argc, char** argv) {
    CHECK(argc == 3);
    static const struct {
        const char* name;
        void (*run)(void);
    } parts[] = {
        {"files", files}, {"pieces", pieces}, {"slow", a_slow_piece}, {"options", options},
        {"queue", queue}, {"peers", peers},   {"trackers", trackers}, {"session", session},
    };
    for (size_t index = 0; index < sizeof parts / sizeof parts[0]; index++) {
        fprintf(stderr, "%s\n", parts[index].name);
        snprintf(directory, sizeof directory, "%s", path(argv[1], parts[index].name));
        snprintf(from, sizeof from, "%s", path(directory, "from"));
        snprintf(to, sizeof to, "%s", path(directory, "to"));
        make_directory(directory);
        parts[index].run();
    }
    CHECK(!none);
    return 0;
}
