/* Arguments for the calls that tests/capi/misuse.rs generates: it calls every function of the
 * header with one wrong argument at a time. */
#include "check.h"

#include <stddef.h>
#include <stdint.h>
#include <sys/wait.h>

static const char* current = "";

static inline bool all(const void* place, int value, size_t first, size_t end) {
    for (size_t index = first; index < end; index++) {
        if (((const unsigned char*)place)[index] != value) {
            return false;
        }
    }
    return true;
}

/* Places are filled with this pattern before a call. Only a call that succeeds may overwrite it. */
#define IS_UNTOUCHED(place) all(&(place), 0x5e, 0, sizeof(place))

#define EXPECT(condition)                        \
    do {                                         \
        if (!(condition)) {                      \
            FAIL("%s: %s", current, #condition); \
        }                                        \
    } while (0)

static inline void expect_code(int32_t code, int32_t expected, patron_error* error) {
    patron_error* untouched;
    memset(&untouched, 0x5e, sizeof untouched);
    if (code != expected) {
        FAIL("%s: %" PRId32 " instead of %" PRId32 ", %s", current, code, expected,
             error == untouched ? "" : patron_error_message(error).data);
    }
    if (code == PATRON_OK) {
        EXPECT(error == untouched);
    } else {
        EXPECT(error != untouched && patron_error_code(error) == code);
        EXPECT(patron_error_message(error).length > 0);
        EXPECT(code != PATRON_E_NULL || has(patron_error_message(error), "is NULL"));
        patron_error_free(error);
    }
}

/* Valid arguments by type. Those that a call may change have names of their own. */
static const char *directory, *torrent_path, *blocklist;
static const uint16_t some_ports[] = {1, 1023};

/* The path of a store that is not open: a builder keeps the store that it was given open. */
static inline const char* new_store(void) {
    static unsigned number;
    char name[32];
    snprintf(name, sizeof name, "%06u.db", number++);
    return path(directory, name);
}

/* Followed by room that is zero in one array and not in the other. */
static patron_peer_class_options class_options[2], strange_class_options[2];
static const patron_peer_class_options* the_peer_class_options = class_options;
static const patron_peer_class_options* strange_peer_class_options = strange_class_options;
static uint64_t torrent;
static patron_builder *the_builder, *scratch_builder;
static patron_settings *the_settings, *scratch_settings;
static patron_maker *the_maker, *scratch_maker;
static patron_add_options *the_add_options, *scratch_add_options;
static patron_explainer *the_explainer, *scratch_explainer;
static patron_metainfo* the_metainfo;
static patron_magnet* the_magnet;
static patron_verified* the_verified;
static patron_event* the_event;
static patron_snapshot* the_snapshot;
static patron_statistics* the_statistics;
static size_t the_gauge;
static patron_report* the_report;
static patron_files* the_files;
static patron_pieces* the_pieces;
static patron_peers* the_peers;
static patron_trackers* the_trackers;
static patron_ip_filter *the_ip_filter, *scratch_ip_filter;
static patron_peer_class_ranges *the_peer_class_ranges, *scratch_peer_class_ranges;
static const patron_error* the_error;
static patron_client *the_client, *freed_client;
static patron_handle *the_handle, *freed_handle, *shared_handle;
static patron_making *the_making, *freed_making;
static patron_verifying *the_verifying, *freed_verifying;
static patron_reader *the_reader, *freed_reader;
static patron_reply *the_reply, *status_reply, *metainfo_reply, *statistics_reply, *freed_reply;
static patron_reply *files_reply, *pieces_reply, *options_reply, *peers_reply, *trackers_reply,
    *web_seeds_reply, *settings_reply, *filter_reply, *piece_reply, *created_class_reply,
    *class_reply, *ranges_reply;
static patron_error* owned_error;

static inline patron_client* spare_client(void) {
    return start(new_builder(directory));
}

static inline void on_wake(void* data) {
    (void)data;
}

static inline void on_log(void* data, int32_t level, patron_text line) {
    (void)data;
    (void)level;
    (void)line;
}

static inline patron_reply* answered(patron_reply* reply) {
    wait_for(reply);
    return reply;
}

/* Provides a peer that has introduced itself, a tracker that failed, and everything else that is
 * listed. */
static inline void prepare_lists(void) {
    await(the_handle, PATRON_EVENT_TRACKER_ERROR, torrent);
    add(shared_handle, the_metainfo, peer_options(the_handle));
    int64_t deadline = now_ms() + PATIENCE_MS;
    while (patron_peers_client(the_peers, 0).length == 0) {
        CHECK(now_ms() < deadline);
        patron_peers_free(the_peers);
        patron_reply_free(peers_reply);
        OK(patron_get_peers(the_handle, torrent, &peers_reply, &error));
        OK(patron_reply_peers(answered(peers_reply), &the_peers, &error));
    }
    OK(patron_get_files(the_handle, torrent, &files_reply, &error));
    OK(patron_get_pieces(the_handle, torrent, &pieces_reply, &error));
    OK(patron_get_torrent_options(the_handle, torrent, &options_reply, &error));
    OK(patron_get_trackers(the_handle, torrent, &trackers_reply, &error));
    OK(patron_get_web_seeds(the_handle, torrent, &web_seeds_reply, &error));
    OK(patron_read_piece(the_handle, torrent, 0, &piece_reply, &error));
    OK(patron_get_settings(the_handle, &settings_reply, &error));
    OK(patron_get_ip_filter(the_handle, &filter_reply, &error));
    OK(patron_reply_files(answered(files_reply), &the_files, &error));
    OK(patron_reply_pieces(answered(pieces_reply), &the_pieces, &error));
    OK(patron_reply_trackers(answered(trackers_reply), &the_trackers, &error));
    OK(patron_ip_filter_new(&the_ip_filter, &error));
    OK(patron_ip_filter_new(&scratch_ip_filter, &error));
    OK(patron_ip_filter_block(the_ip_filter, PATRON_TEXT("192.0.2.0"), PATRON_TEXT("192.0.2.255"),
                              &error));
    wait_for(options_reply);
    wait_for(web_seeds_reply);
    wait_for(piece_reply);
    wait_for(settings_reply);
    wait_for(filter_reply);
}

static inline void prepare_classes(void) {
    OK(patron_create_peer_class(the_handle, PATRON_TEXT("a class"), &created_class_reply, &error));
    OK(patron_get_peer_class(the_handle, PATRON_PEER_CLASS_LOCAL, &class_reply, &error));
    OK(patron_peer_class_ranges_new(&the_peer_class_ranges, &error));
    OK(patron_peer_class_ranges_new(&scratch_peer_class_ranges, &error));
    OK(patron_peer_class_ranges_add(the_peer_class_ranges, PATRON_TEXT("127.0.0.0"),
                                    PATRON_TEXT("127.255.255.255"),
                                    UINT32_C(1) << PATRON_PEER_CLASS_LOCAL, &error));
    OK(patron_get_peer_class_ranges(the_handle, &ranges_reply, &error));
    wait_for(created_class_reply);
    wait_for(class_reply);
    wait_for(ranges_reply);
    OK(patron_reply_peer_class_options(class_reply, &class_options[0], sizeof class_options[0],
                                       &error));
    strange_class_options[0] = class_options[0];
    memset(&strange_class_options[1], 1, sizeof strange_class_options[1]);
}

static inline void prepare(void) {
    char* at = strdup(directory);
    make_file(path(at, "data.bin"), 1, 100000);
    the_maker = new_maker(path(at, "data.bin"));
    OK(patron_maker_add_tracker(the_maker, PATRON_TEXT("http://127.0.0.1:1/"), 0, &error));
    OK(patron_maker_add_web_seed(the_maker, PATRON_TEXT("http://127.0.0.1:1/"), &error));
    OK(patron_maker_set_comment(the_maker, PATRON_TEXT("a comment"), &error));
    OK(patron_maker_set_private(the_maker, true, &error));
    scratch_maker = new_maker(path(at, "data.bin"));
    OK(patron_maker_start(the_maker, &the_making, &error));
    OK(patron_making_wait(the_making, PATIENCE_MS, &the_metainfo, &error));
    OK(patron_magnet_of(the_metainfo, &the_magnet, &error));
    OK(patron_verify(the_metainfo, PATRON_TEXT(at), &the_verifying, &error));
    OK(patron_verifying_wait(the_verifying, PATIENCE_MS, &the_verified, &error));
    torrent_path = strdup(path(at, "data.torrent"));
    FILE* stream = fopen(torrent_path, "wb");
    patron_bytes bytes = patron_metainfo_torrent_file(the_metainfo);
    CHECK(stream && fwrite(bytes.data, 1, bytes.length, stream) == bytes.length);
    CHECK(fclose(stream) == 0);

    blocklist = strdup(path(at, "blocklist"));
    stream = fopen(blocklist, "w");
    CHECK(stream && fputs("192.0.2.0/24\n", stream) >= 0 && fclose(stream) == 0);

    OK(patron_settings_new(PATRON_PRESET_DEFAULT, &the_settings, &error));
    OK(patron_settings_new(PATRON_PRESET_DEFAULT, &scratch_settings, &error));
    OK(patron_settings_set_bool(the_settings, PATRON_TEXT("enable_dht"), false, &error));
    OK(patron_add_options_new(&the_add_options, &error));
    OK(patron_add_options_new(&scratch_add_options, &error));
    OK(patron_explainer_new(&the_explainer, &error));
    OK(patron_explainer_new(&scratch_explainer, &error));
    /* Otherwise two peers that have everything would disconnect. */
    OK(patron_settings_set_bool(the_settings, PATRON_TEXT("close_redundant_connections"), false,
                                &error));
    the_builder = new_builder(at);
    OK(patron_builder_set_settings(the_builder, the_settings, &error));
    scratch_builder = new_builder(at);
    OK(patron_client_shutdown(spare_client(), PATIENCE_MS, &the_report, &error));

    OK(patron_builder_start(the_builder, &the_client, &error));
    the_handle = new_patron(the_client);
    /* The process-wide client must never be started with defaults, which would go online. */
    OK(patron_shared(the_builder, &shared_handle, &error));
    torrent = add(the_handle, the_metainfo, NULL);
    await(the_handle, PATRON_EVENT_FINISHED, torrent);
    OK(patron_send(the_handle, PATRON_COMMAND_STATUS, torrent, 0, true, &error));
    the_event = await_event(the_handle, PATRON_EVENT_STATUS, torrent);
    OK(patron_snapshot_take(the_handle, &the_snapshot, &error));
    OK(patron_get_listen_addresses(the_handle, &the_reply, &error));
    OK(patron_get_status(the_handle, torrent, &status_reply, &error));
    OK(patron_get_metainfo(the_handle, torrent, &metainfo_reply, &error));
    OK(patron_get_statistics(the_handle, &statistics_reply, &error));
    wait_for(the_reply);
    wait_for(statistics_reply);
    OK(patron_reply_statistics(statistics_reply, &the_statistics, &error));
    while (!patron_statistics_is_gauge(the_statistics, the_gauge) ||
           patron_statistics_value(the_statistics, the_gauge) == 0) {
        the_gauge++;
        CHECK(the_gauge < patron_statistics_count(the_statistics));
    }
    wait_for(status_reply);
    wait_for(metainfo_reply);
    prepare_lists();
    prepare_classes();
    OK(patron_reader_open(the_handle, torrent, 0, 0, true, PATIENCE_MS, &the_reader, &error));
    OK(patron_reader_open(the_handle, torrent, 0, 0, true, PATIENCE_MS, &freed_reader, &error));
    CHECK(patron_settings_new(99, &the_settings, &owned_error) == PATRON_E_INVALID_ARGUMENT);
    the_error = owned_error;

    /* Handles that were valid once. Freeing them a second time has no effect. */
    freed_client = spare_client();
    freed_handle = new_patron(freed_client);
    OK(patron_maker_start(the_maker, &freed_making, &error));
    OK(patron_verify(the_metainfo, PATRON_TEXT(at), &freed_verifying, &error));
    OK(patron_get_listen_addresses(freed_handle, &freed_reply, &error));
    for (int time = 0; time < 2; time++) {
        patron_reply_free(freed_reply);
        patron_making_free(freed_making);
        patron_verifying_free(freed_verifying);
        patron_reader_free(freed_reader);
        patron_free(freed_handle);
        patron_client_free(freed_client);
    }
    /* Freeing a handle of another type has no effect either. */
    patron_free((patron_handle*)the_client);
    patron_client_free((patron_client*)the_handle);
    patron_reply_free((patron_reply*)the_making);
    patron_making_free((patron_making*)the_reply);
    patron_verifying_free((patron_verifying*)the_making);
    patron_reader_free((patron_reader*)the_reply);
    free(at);
}

static inline void clean_up(void) {
    patron_error_free(owned_error);
    patron_reply_free(the_reply);
    patron_reply_free(status_reply);
    patron_reply_free(metainfo_reply);
    patron_reply_free(statistics_reply);
    patron_reply* replies[] = {files_reply,    pieces_reply,        options_reply,  peers_reply,
                               trackers_reply, web_seeds_reply,     settings_reply, filter_reply,
                               piece_reply,    created_class_reply, class_reply,    ranges_reply};
    for (size_t index = 0; index < sizeof replies / sizeof replies[0]; index++) {
        patron_reply_free(replies[index]);
    }
    patron_reader_free(the_reader);
    patron_files_free(the_files);
    patron_pieces_free(the_pieces);
    patron_peers_free(the_peers);
    patron_trackers_free(the_trackers);
    patron_ip_filter_free(the_ip_filter);
    patron_ip_filter_free(scratch_ip_filter);
    patron_peer_class_ranges_free(the_peer_class_ranges);
    patron_peer_class_ranges_free(scratch_peer_class_ranges);
    patron_statistics_free(the_statistics);
    patron_snapshot_free(the_snapshot);
    patron_event_free(the_event);
    patron_free(shared_handle);
    patron_free(the_handle);
    stop(the_client);
    patron_report_free(the_report);
    patron_builder_free(the_builder);
    patron_builder_free(scratch_builder);
    patron_explainer_free(the_explainer);
    patron_explainer_free(scratch_explainer);
    patron_add_options_free(the_add_options);
    patron_add_options_free(scratch_add_options);
    patron_settings_free(the_settings);
    patron_settings_free(scratch_settings);
    patron_magnet_free(the_magnet);
    patron_verified_free(the_verified);
    patron_metainfo_free(the_metainfo);
    patron_making_free(the_making);
    patron_verifying_free(the_verifying);
    patron_maker_free(the_maker);
    patron_maker_free(scratch_maker);
    free((char*)torrent_path);
    free((char*)blocklist);
}

static void misuse_all(void);
static void forked_all(void);

int main(int argc, char** argv) {
    CHECK(argc == 3);
    directory = argv[1];
    prepare();
    misuse_all();
    fflush(NULL);
    if (NO_MALLOC_AFTER_FORK) {
        clean_up();
        return 0;
    }
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        alarm(PATIENCE_MS / 1000);
        forked_all();
        _exit(0);
    }
    int status = 0;
    CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0);
    clean_up();
    return 0;
}
