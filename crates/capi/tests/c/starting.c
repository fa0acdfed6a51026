/* What a torrent and a client can be started with: options, goals, resume data, info hashes, the
 * state of an earlier client, and a proxy. */
#include "check.h"

#define SIZE 50000
#define PIECE 16384

/* A request, with `&reply, &error` as its last arguments, whose reply is not read. */
#define DO(call)                    \
    do {                            \
        patron_reply* reply = NULL; \
        OK(call);                   \
        wait_for(reply);            \
        patron_reply_free(reply);   \
    } while (0)

/* The directory of each part of the test, that of its files, and that of its downloads. */
static char directory[PATH_MAX], from[PATH_MAX], to[PATH_MAX];

/* A client and a patron. */
typedef struct {
    patron_client* client;
    patron_handle* handle;
} side;

static side begin(const char* save_dir) {
    patron_client* client = start(new_builder(save_dir));
    side made = {client, new_patron(client)};
    return made;
}

static void end(side one) {
    patron_free(one.handle);
    stop(one.client);
}

static patron_add_options* new_options(void) {
    patron_add_options* options = NULL;
    OK(patron_add_options_new(&options, &error));
    return options;
}

static patron_metainfo* album(void) {
    make_directory(from);
    make_directory(path(from, "album"));
    make_file(path(from, "album/one.bin"), 1, SIZE);
    make_file(path(from, "album/two.bin"), 2, SIZE);
    patron_maker* maker = new_maker(path(from, "album"));
    OK(patron_maker_set_protocol(maker, PATRON_PROTOCOL_V1, &error));
    return make(maker);
}

/* Adds a torrent from any kind of source and frees the options. */
static uint64_t create(side one, int32_t kind, const void* source, size_t length,
                       patron_add_options* options) {
    patron_reply* reply = NULL;
    OK(patron_add_torrent(one.handle, kind, source, length, options, &reply, &error));
    wait_for(reply);
    uint64_t torrent = patron_reply_torrent(reply);
    CHECK(torrent && !patron_reply_was_there(reply));
    patron_reply_free(reply);
    patron_add_options_free(options);
    return torrent;
}

static patron_status status_of(side one, uint64_t torrent) {
    patron_reply* reply = NULL;
    patron_status status;
    OK(patron_get_status(one.handle, torrent, &reply, &error));
    wait_for(reply);
    OK(patron_reply_status(reply, &status, sizeof status, &error));
    patron_reply_free(reply);
    return status;
}

static patron_torrent_options set_up(side one, uint64_t torrent) {
    patron_reply* reply = NULL;
    patron_torrent_options options;
    OK(patron_get_torrent_options(one.handle, torrent, &reply, &error));
    wait_for(reply);
    OK(patron_reply_torrent_options(reply, &options, sizeof options, &error));
    patron_reply_free(reply);
    return options;
}

static int32_t priority_of(side one, uint64_t torrent, size_t index) {
    patron_reply* reply = NULL;
    patron_files* files = NULL;
    patron_file_status status;
    size_t written = 0;
    OK(patron_get_files(one.handle, torrent, &reply, &error));
    wait_for(reply);
    OK(patron_reply_files(reply, &files, &error));
    OK(patron_files_read(files, index, &status, sizeof status, 1, &written, &error));
    CHECK(written == 1);
    patron_files_free(files);
    patron_reply_free(reply);
    return status.priority;
}

static size_t pieces_done(side one, uint64_t torrent) {
    patron_reply* reply = NULL;
    patron_pieces* pieces = NULL;
    OK(patron_get_pieces(one.handle, torrent, &reply, &error));
    wait_for(reply);
    OK(patron_reply_pieces(reply, &pieces, &error));
    size_t done = patron_pieces_done(pieces);
    patron_pieces_free(pieces);
    patron_reply_free(reply);
    return done;
}

/* The resume data of libtorrent keeps the order of tiers, not their numbers. */
static void has_tracker_and_web_seed(side one, uint64_t torrent, bool resumed) {
    patron_reply* reply = NULL;
    patron_trackers* trackers = NULL;
    patron_tracker_status tracker;
    size_t written = 0;
    OK(patron_get_trackers(one.handle, torrent, &reply, &error));
    wait_for(reply);
    OK(patron_reply_trackers(reply, &trackers, &error));
    OK(patron_trackers_read(trackers, 0, &tracker, sizeof tracker, 1, &written, &error));
    CHECK(written == 1 && patron_trackers_count(trackers) == 1 && (resumed || tracker.tier == 3));
    CHECK(is(patron_trackers_url(trackers, 0), "udp://127.0.0.1:1"));
    patron_trackers_free(trackers);
    patron_reply_free(reply);
    OK(patron_get_web_seeds(one.handle, torrent, &reply, &error));
    wait_for(reply);
    CHECK(patron_reply_web_seed_count(reply) == 1);
    CHECK(is(patron_reply_web_seed(reply, 0), "http://127.0.0.1:1/"));
    patron_reply_free(reply);
}

static void is_as_chosen(side one, uint64_t torrent, bool resumed) {
    patron_torrent_options now = set_up(one, torrent);
    CHECK(now.flags == (PATRON_FLAG_APPLY_IP_FILTER | PATRON_FLAG_NO_DHT | PATRON_FLAG_SEQUENTIAL));
    CHECK(now.download_limit == 1000000 && now.upload_limit == 1000);
    CHECK(now.connections_limit == 9 && now.upload_slots == 4);
    CHECK(priority_of(one, torrent, 0) == PATRON_PRIORITY_LOW);
    CHECK(priority_of(one, torrent, 1) == PATRON_PRIORITY_SKIP);
    has_tracker_and_web_seed(one, torrent, resumed);
}

static patron_add_options* all_options(void) {
    const uint8_t priorities[] = {PATRON_PRIORITY_LOW, PATRON_PRIORITY_SKIP};
    patron_add_options* options = new_options();
    OK(patron_add_options_add_tracker(options, PATRON_TEXT("udp://127.0.0.1:1"), 3, &error));
    OK(patron_add_options_add_web_seed(options, PATRON_TEXT("http://127.0.0.1:1/"), &error));
    OK(patron_add_options_set_file_priorities(options, priorities, sizeof priorities, &error));
    OK(patron_add_options_set_allocation(options, PATRON_ALLOCATION_FULL, &error));
    OK(patron_add_options_set_existing_files(options, PATRON_EXISTING_FILES_OVERWRITE, &error));
    OK(patron_add_options_set_verify_finished(options, true, &error));
    OK(patron_add_options_set_flags(options, PATRON_FLAG_NO_DHT | PATRON_FLAG_SEQUENTIAL, &error));
    OK(patron_add_options_set_download_limit(options, 1000000, &error));
    OK(patron_add_options_set_upload_limit(options, 1000, &error));
    OK(patron_add_options_set_connections_limit(options, 9, &error));
    OK(patron_add_options_set_upload_slots(options, 4, &error));

    const int32_t wrong[] = {-1, 1024, PATRON_FLAG_NO_DHT | 1 << 30};
    for (size_t index = 0; index < sizeof wrong / sizeof wrong[0]; index++) {
        FAILS(PATRON_E_INVALID_ARGUMENT,
              patron_add_options_set_flags(options, wrong[index], &error));
    }
    const uint8_t eight = 8;
    FAILS(PATRON_E_INVALID_ARGUMENT,
          patron_add_options_set_file_priorities(options, &eight, 1, &error));
    FAILS(PATRON_E_INVALID_ARGUMENT, patron_add_options_set_allocation(options, 2, &error));
    FAILS(PATRON_E_INVALID_ARGUMENT, patron_add_options_set_upload_limit(options, 0, &error));
    FAILS(PATRON_E_INVALID_ARGUMENT, patron_add_options_set_existing_files(options, 2, &error));
    return options;
}

/* Adds a piece and checks that its file is allocated in full. */
static void takes_all_room(side one, uint64_t torrent, const char* name) {
    uint8_t data[PIECE];
    FILE* stream = fopen(path(from, name), "rb");
    CHECK(stream && fread(data, 1, PIECE, stream) == PIECE && fclose(stream) == 0);
    DO(patron_add_piece(one.handle, torrent, 0, data, PIECE, &reply, &error));
    int64_t deadline = now_ms() + PATIENCE_MS;
    while (pieces_done(one, torrent) == 0) {
        CHECK(now_ms() < deadline);
    }
    DO(patron_flush_files(one.handle, torrent, &reply, &error));
    struct stat file;
    CHECK(stat(path(to, name), &file) == 0);
    CHECK(file.st_blocks * 512 >= SIZE);
}

/* Options are saved in the resume data of the first client, and the second client restores them. */
static void options(void) {
    patron_metainfo* metainfo = album();
    side one = begin(to);
    uint64_t torrent = add(one.handle, metainfo, all_options());
    await(one.handle, PATRON_EVENT_CHECKED, torrent);
    is_as_chosen(one, torrent, false);
    /* The files are in any order. */
    takes_all_room(one, torrent, patron_metainfo_file_path(metainfo, 0).data);
    patron_reply* data = NULL;
    OK(patron_get_resume_data(one.handle, torrent, &data, &error));
    wait_for(data);
    end(one);

    /* Uses the directory in the resume data. */
    patron_bytes bytes = patron_reply_bytes(data);
    one = begin(directory);
    torrent = create(one, PATRON_SOURCE_RESUME_DATA, bytes.data, bytes.length, NULL);
    await(one.handle, PATRON_EVENT_CHECKED, torrent);
    is_as_chosen(one, torrent, true);
    CHECK(pieces_done(one, torrent) == 1);
    DO(patron_remove_torrent(one.handle, torrent, PATRON_REMOVE_FILES_KEEP, &reply, &error));

    /* Resume data beside the metainfo restores as much. Without resume data nothing is known. */
    patron_add_options* options = new_options();
    OK(patron_add_options_set_save_dir(options, PATRON_TEXT(to), &error));
    OK(patron_add_options_set_resume_data(options, bytes.data, bytes.length, &error));
    torrent = add(one.handle, metainfo, options);
    await(one.handle, PATRON_EVENT_CHECKED, torrent);
    is_as_chosen(one, torrent, true);
    DO(patron_remove_torrent(one.handle, torrent, PATRON_REMOVE_FILES_KEEP, &reply, &error));
    options = new_options();
    OK(patron_add_options_set_resume_data(options, bytes.data, bytes.length, &error));
    OK(patron_add_options_set_resume_data(options, NULL, 0, &error));
    torrent = add(one.handle, metainfo, options);
    CHECK(set_up(one, torrent).flags == PATRON_FLAG_APPLY_IP_FILTER);
    patron_reply_free(data);

    patron_reply* reply = NULL;
    OK(patron_add_torrent(one.handle, PATRON_SOURCE_RESUME_DATA, "spam", 4, NULL, &reply, &error));
    FAILS(PATRON_E_RESUME_DATA, patron_reply_wait(reply, PATIENCE_MS, &error));
    patron_reply_free(reply);
    end(one);
    patron_metainfo_free(metainfo);
}

static bool snapshot_has(side one, uint8_t (*v1)[20]) {
    patron_snapshot* snapshot = NULL;
    uint8_t hash[20], v2[32];
    OK(patron_snapshot_take(one.handle, &snapshot, &error));
    bool same = patron_snapshot_info_hash_v1(snapshot, 0, &hash) && memcmp(hash, *v1, 20) == 0;
    CHECK(!patron_snapshot_info_hash_v1(snapshot, 1, &hash));
    CHECK(!patron_snapshot_info_hash_v2(snapshot, 0, &v2));
    patron_snapshot_free(snapshot);
    return same;
}

/* An info hash is enough if a peer has the metainfo. */
static void info_hashes(void) {
    patron_metainfo *metainfo = album(), *other = NULL;
    make_file(path(directory, "other.bin"), 3, SIZE);
    other = make_torrent(path(directory, "other.bin"));
    uint8_t v1[20], v2[32];
    CHECK(patron_metainfo_info_hash_v1(metainfo, &v1) && patron_metainfo_info_hash_v2(other, &v2));
    side one = begin(from);
    uint64_t torrent = create(one, PATRON_SOURCE_INFO_HASH, v1, sizeof v1, NULL);
    int64_t deadline = now_ms() + PATIENCE_MS;
    while (!snapshot_has(one, &v1)) {
        CHECK(now_ms() < deadline);
    }
    CHECK(!status_of(one, torrent).has_metadata);
    patron_reply* reply = NULL;
    OK(patron_set_metadata(one.handle, torrent, other, &reply, &error));
    FAILS(PATRON_E_INVALID_ARGUMENT, patron_reply_wait(reply, PATIENCE_MS, &error));
    patron_reply_free(reply);
    DO(patron_set_metadata(one.handle, torrent, metainfo, &reply, &error));
    await(one.handle, PATRON_EVENT_FINISHED, torrent);
    CHECK(status_of(one, torrent).seeding && snapshot_has(one, &v1));

    torrent = create(one, PATRON_SOURCE_INFO_HASH, v2, sizeof v2, NULL);
    DO(patron_set_metadata(one.handle, torrent, other, &reply, &error));
    await(one.handle, PATRON_EVENT_METADATA_RECEIVED, torrent);
    reply = NULL;
    const size_t wrong[] = {0, 19, 21, 31};
    for (size_t index = 0; index < sizeof wrong / sizeof wrong[0]; index++) {
        FAILS(PATRON_E_INVALID_ARGUMENT, patron_add_torrent(one.handle, PATRON_SOURCE_INFO_HASH, v2,
                                                            wrong[index], NULL, &reply, &error));
        FAILS(PATRON_E_INVALID_ARGUMENT,
              patron_send_add_torrent(one.handle, PATRON_SOURCE_INFO_HASH, v2, wrong[index], NULL,
                                      0, true, &error));
    }
    CHECK(!reply);

    OK(patron_set_tls_certificate(one.handle, torrent, PATRON_TEXT("spam"), PATRON_TEXT("spam"),
                                  PATRON_TEXT("spam"), &reply, &error));
    FAILS(PATRON_E_INVALID_ARGUMENT, patron_reply_wait(reply, PATIENCE_MS, &error));
    patron_reply_free(reply);
    end(one);
    patron_metainfo_free(metainfo);
    patron_metainfo_free(other);
}

/* Counts what was uploaded, and stops when a goal is reached. */
static void goals(void) {
    patron_metainfo* metainfo = album();
    side one = begin(from), other = begin(to);
    uint64_t torrent = add(one.handle, metainfo, NULL);
    await(one.handle, PATRON_EVENT_FINISHED, torrent);
    DO(patron_set_goals(one.handle, torrent, 1000, -1, PATRON_GOAL_ACTION_REMOVE, &reply, &error));
    patron_status status = status_of(one, torrent);
    CHECK(status.seeding && status.ratio == 0.0 && status.all_time_uploaded == 0);
    CHECK(all_zero(status.reserved, sizeof status.reserved));

    patron_add_options* options = peer_options(one.handle);
    OK(patron_add_options_set_goals(options, -1, 1, PATRON_GOAL_ACTION_REMOVE_AND_DELETE, &error));
    uint64_t copy = add(other.handle, metainfo, options);
    await(other.handle, PATRON_EVENT_FINISHED, copy);
    DO(patron_set_goals(one.handle, torrent, 0.5, -1, PATRON_GOAL_ACTION_PAUSE, &reply, &error));
    patron_event* event = await_event(one.handle, PATRON_EVENT_GOAL_REACHED, torrent);
    CHECK(patron_event_goal(event) == PATRON_GOAL_REACHED_SHARE_RATIO);
    patron_event_free(event);
    await(one.handle, PATRON_EVENT_PAUSED, torrent);
    status = status_of(one, torrent);
    CHECK(status.all_time_uploaded >= SIZE && status.all_time_downloaded == 0);
    CHECK(status.ratio >= 0.5 && status.ratio < 1.5 && status.paused);
    CHECK(status.all_time_uploaded == status.uploaded);

    event = await_event(other.handle, PATRON_EVENT_GOAL_REACHED, copy);
    CHECK(patron_event_goal(event) == PATRON_GOAL_REACHED_SEED_TIME);
    patron_event_free(event);
    event = await_event(other.handle, PATRON_EVENT_TORRENT_REMOVED, copy);
    CHECK(patron_event_removed_files(event) == PATRON_REMOVED_FILES_DELETED);
    patron_event_free(event);
    CHECK(access(path(to, "album/one.bin"), F_OK) != 0);

    DO(patron_resume(one.handle, torrent, &reply, &error));
    await(one.handle, PATRON_EVENT_RESUMED, torrent);
    DO(patron_pause_gracefully(one.handle, torrent, &reply, &error));
    await(one.handle, PATRON_EVENT_PAUSED, torrent);
    patron_reply* reply = NULL;
    const double no_number = strtod("nan", NULL);
    FAILS(PATRON_E_INVALID_ARGUMENT, patron_set_goals(one.handle, torrent, no_number, -1,
                                                      PATRON_GOAL_ACTION_PAUSE, &reply, &error));
    FAILS(PATRON_E_INVALID_ARGUMENT,
          patron_set_goals(one.handle, torrent, 1, 1, 4, &reply, &error));
    CHECK(!reply);
    end(other);
    end(one);
    patron_metainfo_free(metainfo);
}

static bool has_setting(patron_builder* builder, const char* name, const char* value) {
    patron_settings* settings = NULL;
    OK(patron_builder_effective_settings(builder, &settings, &error));
    bool same = is(patron_settings_get(settings, PATRON_TEXT(name), NULL), value);
    patron_settings_free(settings);
    return same;
}

static void proxy(void) {
    patron_builder* builder = new_builder(directory);
    OK(patron_builder_set_proxy(builder, PATRON_TEXT("socks5://me:p%40ss@127.0.0.1:1080"), &error));
    CHECK(has_setting(builder, "proxy_hostname", "127.0.0.1"));
    CHECK(has_setting(builder, "proxy_port", "1080"));
    CHECK(has_setting(builder, "proxy_username", "me"));
    CHECK(has_setting(builder, "proxy_password", "p@ss"));
    CHECK(has_setting(builder, "enable_dht", "false"));
    const char* wrong[] = {"", "127.0.0.1:1080", "socks4://127.0.0.1:1080", "http://127.0.0.1"};
    for (size_t index = 0; index < sizeof wrong / sizeof wrong[0]; index++) {
        FAILS(PATRON_E_INVALID_ARGUMENT,
              patron_builder_set_proxy(builder, PATRON_TEXT(wrong[index]), &error));
    }
    CHECK(has_setting(builder, "proxy_port", "1080"));
    patron_builder_free(builder);
}

static void state(void) {
    side one = begin(directory);
    patron_settings* change = NULL;
    OK(patron_settings_new(PATRON_PRESET_EMPTY, &change, &error));
    OK(patron_settings_set_int(change, PATRON_TEXT("connections_limit"), 123, &error));
    DO(patron_apply_settings(one.handle, change, &reply, &error));
    patron_settings_free(change);
    patron_reply* saved = NULL;
    OK(patron_save_state(one.handle, &saved, &error));
    wait_for(saved);
    end(one);

    patron_bytes bytes = patron_reply_bytes(saved);
    patron_builder* builder = new_builder(directory);
    OK(patron_builder_set_state(builder, bytes.data, bytes.length, &error));
    patron_reply_free(saved);
    CHECK(has_setting(builder, "connections_limit", "123"));
    one.client = start(builder);
    one.handle = new_patron(one.client);
    patron_reply* reply = NULL;
    patron_settings* settings = NULL;
    OK(patron_get_settings(one.handle, &reply, &error));
    wait_for(reply);
    OK(patron_reply_settings(reply, &settings, &error));
    CHECK(is(patron_settings_get(settings, PATRON_TEXT("connections_limit"), NULL), "123"));
    patron_settings_free(settings);
    patron_reply_free(reply);
    end(one);

    patron_ip_filter *chosen = NULL, *used = NULL;
    OK(patron_ip_filter_new(&chosen, &error));
    OK(patron_ip_filter_block(chosen, PATRON_TEXT("127.0.0.2"), PATRON_TEXT("127.0.0.2"), &error));
    builder = new_builder(directory);
    OK(patron_builder_set_ip_filter(builder, chosen, &error));
    patron_ip_filter_free(chosen);
    one.client = start(builder);
    one.handle = new_patron(one.client);
    OK(patron_get_ip_filter(one.handle, &reply, &error));
    wait_for(reply);
    OK(patron_reply_ip_filter(reply, &used, &error));
    CHECK(patron_ip_filter_blocks(used, PATRON_TEXT("127.0.0.2")));
    CHECK(!patron_ip_filter_blocks(used, PATRON_TEXT("127.0.0.3")));
    patron_ip_filter_free(used);
    patron_reply_free(reply);
    end(one);

    patron_client* client = NULL;
    builder = new_builder(directory);
    FAILS(PATRON_E_NULL, patron_builder_set_ip_filter(builder, NULL, &error));
    OK(patron_builder_set_state(builder, (const uint8_t*)"spam", 4, &error));
    FAILS(PATRON_E_PARSE, patron_builder_start(builder, &client, &error));
    OK(patron_builder_set_state(builder, NULL, 0, &error));
    OK(patron_builder_set_resume_data_interval(builder, 0, &error));
    FAILS(PATRON_E_INVALID_ARGUMENT, patron_builder_start(builder, &client, &error));
    CHECK(!client);
    patron_builder_free(builder);
}

/* Resume data that is saved automatically, and the report about the rest. */
static void saving(void) {
    make_directory(from);
    make_file(path(from, "data.bin"), 1, SIZE);
    patron_metainfo* metainfo = make_torrent(path(from, "data.bin"));
    patron_builder* builder = new_builder(from);
    OK(patron_builder_set_resume_data_interval(builder, 100, &error));
    patron_client* client = start(builder);
    patron_handle* handle = new_patron(client);
    uint64_t kinds = PATRON_EVENTS_DEFAULT | UINT64_C(1) << PATRON_EVENT_RESUME_DATA;
    OK(patron_subscribe(handle, kinds, &error));
    uint64_t torrent = add(handle, metainfo, NULL);
    patron_event* event = await_event(handle, PATRON_EVENT_RESUME_DATA, torrent);
    CHECK(patron_event_resume_data(event).length > 2);
    patron_event_free(event);
    patron_report* report = NULL;
    OK(patron_client_shutdown(client, 0, &report, &error));
    bool told = has(patron_report_explain(report), "resume data was not saved");
    CHECK(told == (patron_report_unsaved(report) > 0));
    CHECK(patron_report_unsaved(report) <= 1);
    patron_report_free(report);
    patron_free(handle);
    patron_metainfo_free(metainfo);
}

int main(int argc, char** argv) {
    CHECK(argc == 3);
    static const struct {
        const char* name;
        void (*run)(void);
    } parts[] = {
        {"options", options}, {"info hashes", info_hashes}, {"goals", goals}, {"proxy", proxy},
        {"state", state},     {"saving", saving},
    };
    for (size_t index = 0; index < sizeof parts / sizeof parts[0]; index++) {
        fprintf(stderr, "%s\n", parts[index].name);
        snprintf(directory, sizeof directory, "%s", path(argv[1], parts[index].name));
        snprintf(from, sizeof from, "%s", path(directory, "from"));
        snprintf(to, sizeof to, "%s", path(directory, "to"));
        make_directory(directory);
        parts[index].run();
    }
    return 0;
}
