/* Every kind of event that can be provoked over loopback, with its fields, and the three ways to be
 * notified. */
#include "check.h"

#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/socket.h>

enum {
    NAME = 1,
    SAVE_DIR = 1 << 1,
    HASHES = 1 << 2,
    STATUS = 1 << 3,
    STATE = 1 << 4,
    ERROR = 1 << 5,
    SOURCE = 1 << 6,
    PIECE = 1 << 7,
    URL = 1 << 8,
    COUNT = 1 << 9,
    TORRENT_FILE = 1 << 10,
    REMOVED_FILES = 1 << 11,
    COMMAND = 1 << 12,
    ADDRESS = 1 << 13,
    TORRENT = 1 << 14,
    MAYBE_ERROR = 1 << 15,
    STATISTICS = 1 << 16,
    RESUME_DATA = 1 << 17,
    LIMIT = 1 << 18,
    MESSAGE = 1 << 19,
    FILE_INDEX = 1 << 20,
    FILE_PATH = 1 << 21,
    TAG = 1 << 22,
    MAYBE_TORRENT = 1 << 23,
};

#define KINDS (PATRON_EVENT_WEB_SEED_FAILED + 1)

/* The fields that each kind of event has according to the header. */
static const int has_fields[KINDS] = {
    0,
    TORRENT | NAME | SAVE_DIR | HASHES,            /* TORRENT_ADDED */
    TORRENT | NAME,                                /* ALREADY_ADDED */
    SOURCE | ERROR,                                /* ADD_FAILED */
    TORRENT | NAME | STATUS | STATE | MAYBE_ERROR, /* STATUS */
    TORRENT | NAME | HASHES,                       /* METADATA_RECEIVED */
    TORRENT | NAME | STATE,                        /* STATE_CHANGED */
    TORRENT | NAME,                                /* PAUSED */
    TORRENT | NAME,                                /* RESUMED */
    TORRENT | NAME,                                /* CHECKED */
    TORRENT | NAME,                                /* FINISHED */
    TORRENT | NAME | SAVE_DIR,                     /* MOVED */
    TORRENT | NAME | PIECE,                        /* HASH_FAILED */
    TORRENT | NAME | URL | COUNT | ERROR,          /* TRACKER_ERROR */
    TORRENT | NAME | ERROR,                        /* ERROR */
    TORRENT | NAME | TORRENT_FILE,                 /* METAINFO */
    TORRENT | NAME | REMOVED_FILES | MAYBE_ERROR,  /* TORRENT_REMOVED */
    TORRENT | COMMAND | ERROR,                     /* COMMAND_FAILED */
    ADDRESS,                                       /* LISTENING */
    ADDRESS | ERROR,                               /* LISTEN_FAILED */
    COUNT,                                         /* LAGGED */
    0,                                             /* RESYNCHRONIZED */
    MAYBE_ERROR,                                   /* CLIENT_STOPPED */
    COUNT,                                         /* DESCRIPTOR_LIMIT */
    TORRENT | NAME | FILE_INDEX | FILE_PATH,       /* FILE_RENAMED */
    TORRENT | NAME | ADDRESS,                      /* PEER_BANNED */
    TORRENT | NAME | URL | MESSAGE,                /* TRACKER_WARNING */
    ADDRESS,                                       /* PORT_MAPPED */
    ADDRESS | ERROR,                               /* PORT_MAPPING_FAILED */
    ADDRESS,                                       /* EXTERNAL_ADDRESS */
    TORRENT | NAME | FILE_INDEX,                   /* FILE_COMPLETED */
    TORRENT | NAME | PIECE,                        /* PIECE_FINISHED */
    TORRENT | NAME | ADDRESS,                      /* PEER_CONNECTED */
    TORRENT | NAME | ADDRESS | ERROR,              /* PEER_DISCONNECTED */
    TORRENT | NAME | URL | COUNT,                  /* TRACKER_REPLY */
    TORRENT | NAME | URL,                          /* SCRAPED */
    TORRENT | NAME | URL | ERROR,                  /* SCRAPE_FAILED */
    LIMIT,                                         /* PERFORMANCE_WARNING */
    STATISTICS,                                    /* STATISTICS */
    TORRENT | NAME | HASHES | RESUME_DATA,         /* RESUME_DATA */
    TORRENT | NAME,                                /* GOAL_REACHED */
    TAG | MAYBE_TORRENT | MAYBE_ERROR,             /* REPLY */
    TORRENT | NAME | URL | ERROR,                  /* WEB_SEED_FAILED */
};

/* Events that cannot be provoked over loopback or are covered by other tests. */
static const int32_t elsewhere[] = {
    PATRON_EVENT_RESYNCHRONIZED,
    PATRON_EVENT_DESCRIPTOR_LIMIT,
    PATRON_EVENT_FILE_RENAMED,
    PATRON_EVENT_TRACKER_WARNING,
    PATRON_EVENT_PORT_MAPPED,
    PATRON_EVENT_PORT_MAPPING_FAILED,
    PATRON_EVENT_EXTERNAL_ADDRESS,
    PATRON_EVENT_TRACKER_REPLY,
    PATRON_EVENT_SCRAPED,
    PATRON_EVENT_SCRAPE_FAILED,
    PATRON_EVENT_PERFORMANCE_WARNING,
    PATRON_EVENT_GOAL_REACHED,
};

static int seen[KINDS];

/* Checks that an event has all the fields of its kind and no others. */
static void examine(const patron_event* event) {
    int32_t kind = patron_event_kind(event);
    CHECK(kind > 0 && kind < KINDS);
    seen[kind]++;
    CHECK(patron_event_explain(event).length > 0);
    CHECK(patron_event_explain(event).data == patron_event_explain(event).data);

    uint8_t v1[20], v2[32];
    patron_status status;
    const patron_error* error = patron_event_error(event);
    int found = 0;
    found |= patron_event_torrent(event) ? TORRENT : 0;
    found |= patron_event_name(event).length ? NAME : 0;
    found |= patron_event_save_dir(event).length ? SAVE_DIR : 0;
    found |= patron_event_info_hash_v1(event, &v1) ? HASHES : 0;
    found |= patron_event_info_hash_v2(event, &v2) ? HASHES : 0;
    found |= patron_event_state(event) ? STATE : 0;
    found |= error ? ERROR : 0;
    found |= patron_event_source(event).length ? SOURCE : 0;
    found |= patron_event_url(event).length ? URL : 0;
    found |= patron_event_count(event) ? COUNT : 0;
    found |= patron_event_torrent_file(event).length ? TORRENT_FILE : 0;
    found |= patron_event_removed_files(event) ? REMOVED_FILES : 0;
    found |= patron_event_command(event).length ? COMMAND : 0;
    found |= patron_event_address(event).length ? ADDRESS : 0;
    if (kind == PATRON_EVENT_STATUS) {
        OK(patron_event_status(event, &status, sizeof status, &error));
        CHECK(status.torrent == patron_event_torrent(event));
        CHECK(status.state == patron_event_state(event));
        CHECK(status.error == patron_error_code(error));
        found |= STATUS;
    } else {
        FAILS(PATRON_E_INVALID_ARGUMENT,
              patron_event_status(event, &status, sizeof status, &error));
    }
    CHECK(!error || (patron_error_code(error) < 0 && patron_error_message(error).length));
    found |= patron_event_statistics(event) ? STATISTICS : 0;
    found |= patron_event_resume_data(event).length ? RESUME_DATA : 0;
    found |= patron_event_limit(event) ? LIMIT : 0;
    found |= patron_event_message(event).length ? MESSAGE : 0;
    found |= patron_event_path(event).length ? FILE_PATH : 0;
    /* The piece and the file may be 0. */
    found |= kind == PATRON_EVENT_HASH_FAILED || kind == PATRON_EVENT_PIECE_FINISHED ? PIECE : 0;
    found |=
        kind == PATRON_EVENT_FILE_RENAMED || kind == PATRON_EVENT_FILE_COMPLETED ? FILE_INDEX : 0;
    CHECK(patron_event_file(event) == 0 || found & FILE_INDEX);
    CHECK(kind == PATRON_EVENT_PEER_CONNECTED || !patron_event_outgoing(event));
    CHECK(kind == PATRON_EVENT_TORRENT_ADDED || !patron_event_complete(event));
    CHECK(kind == PATRON_EVENT_SCRAPED || patron_event_seeds(event) == -1);
    CHECK(kind == PATRON_EVENT_SCRAPED || patron_event_leechers(event) == -1);
    CHECK(!patron_event_port(event) && !patron_event_mapper(event) &&
          !patron_event_protocol(event));
    CHECK(patron_event_piece(event) == 0 || found & PIECE);

    found |= patron_event_tag(event) ? TAG : 0;

    int expected = has_fields[kind];
    if (expected & MAYBE_TORRENT) {
        expected = (expected & ~MAYBE_TORRENT) | (found & TORRENT);
    }
    if (expected & MAYBE_ERROR) {
        expected = (expected & ~MAYBE_ERROR) | (found & ERROR);
    }
    if (found != expected) {
        FAIL("%s: has %x, not %x", patron_event_explain(event).data, (unsigned)found,
             (unsigned)expected);
    }
}

/* Like await_event() in check.h, but examines all events on the way. */
static patron_event* see(patron_handle* handle, int32_t kind, uint64_t torrent) {
    int64_t deadline = now_ms() + PATIENCE_MS;
    for (;;) {
        patron_event* event = NULL;
        int64_t left = deadline - now_ms();
        if (patron_next_event(handle, left > 0 ? left : 0, &event, NULL) != PATRON_OK) {
            FAIL("no event of kind %" PRId32, kind);
        }
        examine(event);
        if (patron_event_kind(event) == kind &&
            (torrent == 0 || patron_event_torrent(event) == torrent)) {
            return event;
        }
        fprintf(stderr, "  %s\n", patron_event_explain(event).data);
        patron_event_free(event);
    }
}

static void expect(patron_handle* handle, int32_t kind, uint64_t torrent) {
    patron_event_free(see(handle, kind, torrent));
}

static void send_create(patron_handle* handle, const patron_metainfo* metainfo,
                        const patron_add_options* options) {
    patron_bytes bytes = patron_metainfo_torrent_file(metainfo);
    OK(patron_send_add_torrent(handle, PATRON_SOURCE_BYTES, bytes.data, bytes.length, options, 0,
                               true, &error));
}

/* Commands that are sent as messages, and their answers. */
static void messages(patron_handle* handle, const patron_metainfo* metainfo, const char* save_dir) {
    send_create(handle, metainfo, NULL);
    patron_event* event = see(handle, PATRON_EVENT_TORRENT_ADDED, 0);
    uint64_t torrent = patron_event_torrent(event);
    uint8_t told[20], known[20];
    CHECK(patron_event_info_hash_v1(event, &told) &&
          patron_metainfo_info_hash_v1(metainfo, &known));
    CHECK(memcmp(told, known, sizeof told) == 0);
    CHECK(is(patron_event_name(event), "data.bin") && is(patron_event_save_dir(event), save_dir));
    CHECK(!patron_event_complete(event));
    patron_event_free(event);
    expect(handle, PATRON_EVENT_FINISHED, torrent);

    send_create(handle, metainfo, NULL);
    expect(handle, PATRON_EVENT_ALREADY_ADDED, torrent);
    OK(patron_send(handle, PATRON_COMMAND_PAUSE, torrent, 0, true, &error));
    expect(handle, PATRON_EVENT_PAUSED, torrent);
    OK(patron_send(handle, PATRON_COMMAND_RESUME, torrent, 0, false, &error));
    expect(handle, PATRON_EVENT_RESUMED, torrent);
    OK(patron_send(handle, PATRON_COMMAND_STATUS, torrent, 0, true, &error));
    expect(handle, PATRON_EVENT_STATUS, torrent);

    OK(patron_send(handle, PATRON_COMMAND_METAINFO, torrent, 0, true, &error));
    event = see(handle, PATRON_EVENT_METAINFO, torrent);
    patron_bytes bytes = patron_event_torrent_file(event);
    patron_metainfo* decoded = NULL;
    OK(patron_metainfo_decode(bytes.data, bytes.length, &decoded, &error));
    CHECK(is(patron_metainfo_name(decoded), "data.bin"));
    patron_metainfo_free(decoded);
    patron_event_free(event);

    patron_handle* witness = NULL;
    OK(patron_another(handle, &witness, &error));
    OK(patron_send(witness, PATRON_COMMAND_WATCH, torrent, 0, true, &error));
    expect(witness, PATRON_EVENT_STATUS, torrent);
    OK(patron_send(witness, PATRON_COMMAND_UNWATCH, torrent, 0, true, &error));
    patron_free(witness);

    OK(patron_send_add_torrent(handle, PATRON_SOURCE_FILE, PATRON_TEXT("none.torrent"), NULL, 0,
                               true, &error));
    event = see(handle, PATRON_EVENT_ADD_FAILED, 0);
    CHECK(is(patron_event_source(event), "none.torrent"));
    CHECK(patron_error_code(patron_event_error(event)) == PATRON_E_UNREADABLE);
    patron_event_free(event);

    OK(patron_send(handle, PATRON_COMMAND_PAUSE, torrent + 1000, 0, true, &error));
    event = see(handle, PATRON_EVENT_COMMAND_FAILED, torrent + 1000);
    CHECK(is(patron_event_command(event), "Pause"));
    CHECK(patron_error_code(patron_event_error(event)) == PATRON_E_NOT_FOUND);
    patron_event_free(event);

    OK(patron_send(handle, PATRON_COMMAND_REMOVE, torrent, 0, true, &error));
    event = see(handle, PATRON_EVENT_TORRENT_REMOVED, torrent);
    CHECK(patron_event_removed_files(event) == PATRON_REMOVED_FILES_KEPT);
    patron_event_free(event);
}

/* Downloads by a magnet link, with a directory for incomplete files. */
static void magnet(patron_handle* seeder, const patron_metainfo* metainfo, const char* directory) {
    patron_client* client = start(new_builder(path(directory, "to")));
    patron_handle* handle = new_patron(client);
    patron_magnet* link = NULL;
    OK(patron_magnet_of(metainfo, &link, &error));
    patron_add_options* options = peer_options(seeder);
    OK(patron_add_options_set_incomplete_dir(options, PATRON_TEXT(path(directory, "part")),
                                             &error));
    patron_text uri = patron_magnet_uri(link);
    OK(patron_send_add_torrent(handle, PATRON_SOURCE_MAGNET, uri.data, uri.length, options, 0, true,
                               &error));
    patron_event_free(see(handle, PATRON_EVENT_METADATA_RECEIVED, 0));
    patron_event* moved = see(handle, PATRON_EVENT_MOVED, 0);
    CHECK(is(patron_event_save_dir(moved), path(directory, "to")));
    CHECK(same_file(path(directory, "from/data.bin"), path(directory, "to/data.bin")));
    uint64_t torrent = patron_event_torrent(moved);
    patron_event_free(moved);
    OK(patron_send(handle, PATRON_COMMAND_REMOVE_AND_DELETE, torrent, 0, true, &error));
    patron_event* closed = see(handle, PATRON_EVENT_TORRENT_REMOVED, torrent);
    CHECK(patron_event_removed_files(closed) == PATRON_REMOVED_FILES_DELETED);
    patron_event_free(closed);
    patron_add_options_free(options);
    patron_magnet_free(link);
    patron_free(handle);
    stop(client);
}

/* Options of a torrent that takes over existing files. */
static patron_add_options* overwriting(void) {
    patron_add_options* options = NULL;
    OK(patron_add_options_new(&options, &error));
    OK(patron_add_options_set_existing_files(options, PATRON_EXISTING_FILES_OVERWRITE, &error));
    return options;
}

/* A seeder that does not verify its files sends wrong data. */
static void wrong_data(const patron_metainfo* metainfo, const char* directory) {
    const char* from = path(directory, "wrong");
    make_directory(from);
    make_file(path(from, "data.bin"), 99, 1000000);
    patron_settings* settings = NULL;
    OK(patron_settings_new(PATRON_PRESET_DEFAULT, &settings, &error));
    OK(patron_settings_set_bool(settings, PATRON_TEXT("disable_hash_checks"), true, &error));
    patron_builder* builder = new_builder(from);
    OK(patron_builder_set_settings(builder, settings, &error));
    patron_settings_free(settings);
    patron_client* liar = start(builder);
    patron_handle* seeder = new_patron(liar);
    patron_add_options* trusting = overwriting();
    OK(patron_add_options_set_trust(trusting, true, &error));
    uint64_t torrent = add(seeder, metainfo, trusting);
    patron_event* added = see(seeder, PATRON_EVENT_TORRENT_ADDED, torrent);
    CHECK(patron_event_complete(added));
    patron_event_free(added);
    await(seeder, PATRON_EVENT_FINISHED, torrent);

    patron_client* client = start(new_builder(path(directory, "misled")));
    patron_handle* handle = new_patron(client);
    patron_add_options* options = peer_options(seeder);
    OK(patron_add_options_add_web_seed(options, PATRON_TEXT("http://127.0.0.1:1/"), &error));
    torrent = add(handle, metainfo, options);
    patron_event* event = see(handle, PATRON_EVENT_HASH_FAILED, torrent);
    CHECK(patron_event_piece(event) < patron_metainfo_piece_count(metainfo));
    patron_event_free(event);
    while (!seen[PATRON_EVENT_PEER_BANNED] || !seen[PATRON_EVENT_WEB_SEED_FAILED]) {
        event = NULL;
        OK(patron_next_event(handle, PATIENCE_MS, &event, &error));
        examine(event);
        patron_event_free(event);
    }
    patron_free(handle);
    patron_free(seeder);
    stop(client);
    stop(liar);
}

/* The events of a whole download that come only on request. */
static void on_request(patron_handle* seeder, const patron_metainfo* metainfo,
                       const char* directory) {
    patron_client* client = start(new_builder(path(directory, "asked")));
    patron_handle* handle = new_patron(client);
    uint64_t kinds = 0;
    OK(patron_subscription(handle, &kinds, &error));
    CHECK(kinds == PATRON_EVENTS_DEFAULT);
    OK(patron_subscribe(handle, UINT64_MAX, &error));
    OK(patron_subscription(handle, &kinds, &error));
    CHECK(kinds == PATRON_EVENTS_ALL);
    uint64_t torrent = add(handle, metainfo, peer_options(seeder));
    static const int32_t wanted[] = {
        PATRON_EVENT_FILE_COMPLETED,    PATRON_EVENT_PIECE_FINISHED, PATRON_EVENT_PEER_CONNECTED,
        PATRON_EVENT_PEER_DISCONNECTED, PATRON_EVENT_STATISTICS,     PATRON_EVENT_RESUME_DATA,
    };
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++) {
        while (!seen[wanted[i]]) {
            patron_event* event = NULL;
            OK(patron_next_event(handle, PATIENCE_MS, &event, &error));
            examine(event);
            patron_event_free(event);
        }
    }
    OK(patron_subscribe(handle, 0, &error));
    OK(patron_subscription(handle, &kinds, &error));
    CHECK(kinds ==
          (UINT64_C(1) << PATRON_EVENT_TORRENT_REMOVED | UINT64_C(1) << PATRON_EVENT_LAGGED |
           UINT64_C(1) << PATRON_EVENT_CLIENT_STOPPED));
    CHECK(torrent);
    patron_free(handle);
    stop(client);
}

/* Errors: a port that is in use, a tracker that does not listen, and a directory where the file
 * should be. */
static void trouble(const char* directory) {
    int taken = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in name;
    socklen_t length = sizeof name;
    memset(&name, 0, sizeof name);
    name.sin_family = AF_INET;
    name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    CHECK(bind(taken, (struct sockaddr*)&name, length) == 0);
    CHECK(getsockname(taken, (struct sockaddr*)&name, &length) == 0);
    char address[64], url[128];
    snprintf(address, sizeof address, "127.0.0.1:%d", ntohs(name.sin_port));

    patron_builder* builder = new_builder(path(directory, "trouble"));
    OK(patron_builder_set_listen(builder, PATRON_TEXT(address), &error));
    patron_client* client = start(builder);
    patron_handle* handle = new_patron(client);
    patron_reply* reply = NULL;
    OK(patron_get_listen_addresses(handle, &reply, &error));
    FAILS(PATRON_E_IO, patron_reply_wait(reply, PATIENCE_MS, &error));
    patron_reply_free(reply);
    patron_event* event = see(handle, PATRON_EVENT_LISTEN_FAILED, 0);
    CHECK(is(patron_event_address(event), address));
    CHECK(is(patron_error_category(patron_event_error(event)), "system"));
    patron_event_free(event);
    patron_free(handle);
    stop(client);

    client = start(new_builder(path(directory, "trouble")));
    handle = new_patron(client);
    snprintf(url, sizeof url, "http://%s/announce", address);
    patron_maker* maker = new_maker(path(directory, "from/data.bin"));
    OK(patron_maker_add_tracker(maker, PATRON_TEXT(url), 0, &error));
    patron_metainfo* metainfo = make(maker);
    uint64_t torrent = add(handle, metainfo, NULL);
    event = see(handle, PATRON_EVENT_TRACKER_ERROR, torrent);
    CHECK(is(patron_event_url(event), url) && patron_event_count(event) == 1);
    patron_event_free(event);
    patron_metainfo_free(metainfo);

    make_directory(path(directory, "blocked"));
    make_directory(path(directory, "blocked/data.bin"));
    metainfo = make_torrent(path(directory, "from/data.bin"));
    patron_client* other = start(new_builder(path(directory, "blocked")));
    patron_handle* stopped = new_patron(other);
    torrent = add(stopped, metainfo, overwriting());
    event = see(stopped, PATRON_EVENT_ERROR, torrent);
    CHECK(patron_error_code(patron_event_error(event)) == PATRON_E_DISK);
    patron_event_free(event);
    /* The snapshot has the error too. */
    patron_snapshot* snapshot = NULL;
    int64_t deadline = now_ms() + PATIENCE_MS;
    for (;;) {
        OK(patron_snapshot_take(stopped, &snapshot, &error));
        CHECK(patron_snapshot_count(snapshot) == 1);
        if (patron_snapshot_error(snapshot, 0)) {
            break;
        }
        patron_snapshot_free(snapshot);
        CHECK(now_ms() < deadline);
        expect(stopped, PATRON_EVENT_STATUS, torrent);
    }
    CHECK(patron_error_code(patron_snapshot_error(snapshot, 0)) == PATRON_E_DISK);
    CHECK(is(patron_snapshot_name(snapshot, 0), "data.bin"));
    CHECK(patron_snapshot_explain(snapshot, 0).length > 0);
    CHECK(!patron_snapshot_error(snapshot, 1) && is(patron_snapshot_explain(snapshot, 1), ""));
    patron_snapshot_free(snapshot);
    patron_metainfo_free(metainfo);
    patron_free(stopped);
    patron_free(handle);
    close(taken);
    stop(other);
    stop(client);
}

/* A mailbox that nobody reads stays within its bound. */
static void lagging(patron_handle* handle) {
    drain(handle);
    for (int count = 0; count < 5000; count++) {
        OK(patron_send(handle, PATRON_COMMAND_PAUSE, 1u << 30, 0, true, &error));
    }
    /* The answer to this command comes after all of those. */
    patron_reply* reply = NULL;
    OK(patron_get_listen_addresses(handle, &reply, &error));
    wait_for(reply);
    patron_reply_free(reply);
    patron_event* event = see(handle, PATRON_EVENT_LAGGED, 0);
    CHECK(patron_event_count(event) >= 5000 - 4096);
    patron_event_free(event);
    drain(handle);
}

/* Waits for the answer to the command with this tag, and examines the events before it. */
static patron_event* answer_to(patron_handle* handle, uint64_t tag) {
    patron_event* event = see(handle, PATRON_EVENT_REPLY, 0);
    CHECK(patron_event_tag(event) == tag);
    return event;
}

/* The threads of the library block all signals: they are for the program's threads. */
static void takes_no_signals(void) {
    sigset_t blocked;
    CHECK(pthread_sigmask(SIG_BLOCK, NULL, &blocked) == 0);
    CHECK(sigismember(&blocked, SIGTERM) == 1 && sigismember(&blocked, SIGINT) == 1);
}

static void called(void* data) {
    takes_no_signals();
    CHECK(write(*(int*)data, "c", 1) == 1);
}

/* Answers carry the tag of their command, and a reply can be delivered as an event. */
static void tagged(patron_handle* handle, const patron_metainfo* metainfo, uint64_t torrent) {
    patron_bytes bytes = patron_metainfo_torrent_file(metainfo);
    drain(handle);
    OK(patron_send_add_torrent(handle, PATRON_SOURCE_FILE, PATRON_TEXT("none.torrent"), NULL,
                               UINT64_MAX, true, &error));
    patron_event* event = answer_to(handle, UINT64_MAX);
    CHECK(patron_event_torrent(event) == 0);
    CHECK(has(patron_error_message(patron_event_error(event)), "none.torrent"));
    patron_event_free(event);
    OK(patron_send_add_torrent(handle, PATRON_SOURCE_BYTES, bytes.data, bytes.length, NULL, 2,
                               false, &error));
    expect(handle, PATRON_EVENT_ALREADY_ADDED, torrent);
    event = answer_to(handle, 2);
    CHECK(patron_event_torrent(event) == torrent && !patron_event_error(event));
    patron_event_free(event);

    OK(patron_send(handle, PATRON_COMMAND_PAUSE, torrent + 1000, 3, true, &error));
    event = answer_to(handle, 3);
    CHECK(patron_event_torrent(event) == torrent + 1000);
    CHECK(patron_error_code(patron_event_error(event)) == PATRON_E_NOT_FOUND);
    patron_event_free(event);
    const int32_t commands[] = {PATRON_COMMAND_STATUS, PATRON_COMMAND_METAINFO};
    const int32_t kinds[] = {PATRON_EVENT_STATUS, PATRON_EVENT_METAINFO};
    for (uint64_t index = 0; index < 2; index++) {
        OK(patron_send(handle, commands[index], torrent, 10 + index, true, &error));
        expect(handle, kinds[index], torrent);
        event = answer_to(handle, 10 + index);
        CHECK(patron_event_torrent(event) == torrent && !patron_event_error(event));
        patron_event_free(event);
    }

    /* Asks twice to be notified of the same reply, once before and once after it is ready. */
    patron_reply* reply = NULL;
    OK(patron_get_status(handle, torrent, &reply, &error));
    for (uint64_t tag = 20; tag < 22; tag++) {
        OK(patron_reply_notify(reply, handle, tag, &error));
        event = answer_to(handle, tag);
        CHECK(patron_event_torrent(event) == 0 && !patron_event_error(event));
        patron_event_free(event);
        OK(patron_reply_wait(reply, 0, &error));
    }
    int ends[2];
    char letters[2];
    CHECK(pipe(ends) == 0);
    OK(patron_reply_on_ready(reply, called, &ends[1], &error));
    CHECK(read(ends[0], letters, 1) == 1);
    patron_reply_free(reply);
    OK(patron_get_status(handle, torrent, &reply, &error));
    OK(patron_reply_on_ready(reply, called, &ends[1], &error));
    OK(patron_reply_on_ready(reply, called, &ends[1], &error));
    patron_reply_free(reply); /* they come all the same */
    CHECK(read(ends[0], letters, 1) == 1 && read(ends[0], letters, 1) == 1);
    close(ends[0]);
    close(ends[1]);
}

static void explainer(patron_handle* handle, uint64_t torrent) {
    patron_explainer* explainer = NULL;
    OK(patron_explainer_new(&explainer, &error));
    OK(patron_send(handle, PATRON_COMMAND_STATUS, torrent, 0, true, &error));
    patron_event* event = see(handle, PATRON_EVENT_STATUS, torrent);
    CHECK(has(patron_explainer_explain(explainer, event), "data.bin"));
    CHECK(is(patron_explainer_explain(explainer, event), "")); /* nothing new */
    patron_event_free(event);
    patron_explainer_free(explainer);
}

static void by_timeout(patron_handle* handle) {
    patron_event* event = NULL;
    drain(handle);
    FAILS(PATRON_E_TIMED_OUT, patron_next_event(handle, 0, &event, &error));
    int64_t before = now_ms();
    while (patron_next_event(handle, 30, &event, NULL) == PATRON_OK) {
        patron_event_free(event);
        event = NULL;
        before = now_ms();
    }
    CHECK(!event && now_ms() - before >= 29);
}

static bool readable(int fd, int timeout_ms) {
    struct pollfd poll_for = {fd, POLLIN, 0};
    int count = poll(&poll_for, 1, timeout_ms);
    CHECK(count >= 0);
    return count == 1 && poll_for.revents & POLLIN;
}

static void by_descriptor(patron_handle* handle, uint64_t torrent) {
    int32_t fd = -1, same = -1;
    OK(patron_event_fd(handle, &fd, &error));
    OK(patron_event_fd(handle, &same, &error));
    CHECK(fd >= 0 && fd == same);
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event wanted, ready;
    memset(&wanted, 0, sizeof wanted);
    wanted.events = EPOLLIN;
    CHECK(epoll >= 0 && epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &wanted) == 0);
    for (int round = 0; round < 20; round++) {
        int64_t deadline = now_ms() + PATIENCE_MS;
        do { /* a status of the tick may come at any time */
            drain(handle);
            CHECK(now_ms() < deadline);
        } while (readable(fd, 0));
        OK(patron_send(handle, PATRON_COMMAND_STATUS, torrent, 0, true, &error));
        CHECK(round % 2 ? readable(fd, PATIENCE_MS)
                        : epoll_wait(epoll, &ready, 1, PATIENCE_MS) == 1);
        patron_event* event = NULL;
        OK(patron_next_event(handle, 0, &event, &error));
        patron_event_free(event);
    }
    close(epoll);
}

/* Reports the calls of a callback through a pipe: "w" for each call, "f" and end of file for the
 * finalizer. */
struct waker {
    int pipe[2];
    patron_handle* handle;
    uint64_t torrent;
    void (*act)(struct waker* waker);
};

static void wake(void* data) {
    struct waker* waker = (struct waker*)data;
    takes_no_signals();
    CHECK(write(waker->pipe[1], "w", 1) == 1);
    if (waker->act) {
        waker->act(waker);
    }
}

static void finalize(void* data) {
    struct waker* waker = (struct waker*)data;
    /* A second call would fail, as the pipe is closed. */
    CHECK(write(waker->pipe[1], "f", 1) == 1 && close(waker->pipe[1]) == 0);
}

static struct waker set_wake(patron_handle* handle, uint64_t torrent, struct waker* place,
                             void (*act)(struct waker*)) {
    CHECK(pipe(place->pipe) == 0);
    place->handle = handle;
    place->torrent = torrent;
    place->act = act;
    OK(patron_set_wake(handle, wake, place, finalize, &error));
    return *place;
}

static void woken(struct waker* waker) {
    char letter = 0;
    CHECK(readable(waker->pipe[0], PATIENCE_MS) && read(waker->pipe[0], &letter, 1) == 1);
    CHECK(letter == 'w');
}

static void finalized(struct waker* waker) {
    char letter = 0;
    do {
        struct pollfd poll_for = {waker->pipe[0], POLLIN, 0};
        CHECK(poll(&poll_for, 1, PATIENCE_MS) == 1 && read(waker->pipe[0], &letter, 1) == 1);
    } while (letter == 'w');
    CHECK(letter == 'f' && read(waker->pipe[0], &letter, 1) == 0);
    close(waker->pipe[0]);
}

/* Does nearly everything that a program may do inside a callback. */
static void use_all(struct waker* waker) {
    drain(waker->handle);
    patron_reply* reply = NULL;
    if (patron_get_status(waker->handle, waker->torrent, &reply, NULL) == PATRON_OK) {
        patron_reply_wait(reply, PATIENCE_MS, NULL);
        patron_reply_free(reply);
    }
}

static void free_patron(struct waker* waker) {
    patron_free(waker->handle);
}

static void unset(struct waker* waker) {
    OK(patron_set_wake(waker->handle, NULL, NULL, NULL, &error));
}

static void by_callback(patron_client* client, patron_handle* handle, uint64_t torrent) {
    struct waker first, second, third;
    drain(handle);
    set_wake(handle, torrent, &first, use_all);
    for (int round = 0; round < 5; round++) {
        OK(patron_send(handle, PATRON_COMMAND_STATUS, torrent, 0, true, &error));
        woken(&first);
    }
    /* Replaced from outside, and unset from inside the callback. */
    set_wake(handle, torrent, &second, unset);
    finalized(&first);
    OK(patron_send(handle, PATRON_COMMAND_STATUS, torrent, 0, true, &error));
    woken(&second);
    finalized(&second);
    /* If it fails, no callback is called. */
    FAILS(PATRON_E_BAD_HANDLE,
          patron_set_wake((patron_handle*)client, wake, &first, finalize, &error));
    /* Without a callback, the data is finalized at once. */
    CHECK(pipe(first.pipe) == 0);
    OK(patron_set_wake(handle, NULL, &first, finalize, &error));
    finalized(&first);

    /* A patron is freed from outside, and from inside its callback. */
    patron_handle* other = NULL;
    OK(patron_another(handle, &other, &error));
    OK(patron_send(other, PATRON_COMMAND_WATCH, torrent, 0, true, &error));
    await(other, PATRON_EVENT_STATUS, torrent);
    set_wake(other, torrent, &first, NULL);
    patron_free(other);
    finalized(&first);

    OK(patron_another(handle, &other, &error));
    set_wake(other, torrent, &second,
             free_patron); /* the first event says at once where the client listens */
    woken(&second);
    finalized(&second);
    FAILS(PATRON_E_BAD_HANDLE, patron_set_on_leave(other, PATRON_ON_LEAVE_PAUSE, &error));

    /* A patron that outlives its client keeps its callback until it is freed. */
    set_wake(handle, torrent, &third, NULL);
    stop(client);
    woken(&third);
    expect(handle, PATRON_EVENT_CLIENT_STOPPED, 0);
    int32_t fd = -1;
    OK(patron_event_fd(handle, &fd, &error));
    CHECK(readable(fd, 0)); /* once for all */
    patron_free(handle);
    finalized(&third);
}

int main(int argc, char** argv) {
    CHECK(argc == 3);
    const char* directory = argv[1];
    char from[PATH_MAX];
    snprintf(from, sizeof from, "%s", path(directory, "from"));
    make_directory(from);
    make_file(path(from, "data.bin"), 1, 1000000);
    patron_metainfo* metainfo = make_torrent(path(from, "data.bin"));

    patron_client* client = start(new_builder(from));
    patron_handle* handle = new_patron(client);
    expect(handle, PATRON_EVENT_LISTENING, 0);
    messages(handle, metainfo, from);
    uint64_t torrent = add(handle, metainfo, NULL);
    expect(handle, PATRON_EVENT_FINISHED, torrent);
    magnet(handle, metainfo, directory);
    wrong_data(metainfo, directory);
    on_request(handle, metainfo, directory);
    trouble(directory);
    tagged(handle, metainfo, torrent);
    explainer(handle, torrent);
    lagging(handle);
    by_timeout(handle);
    by_descriptor(handle, torrent);
    by_callback(client, handle, torrent);
    patron_metainfo_free(metainfo);

    for (size_t i = 0; i < sizeof elsewhere / sizeof *elsewhere; i++) {
        seen[elsewhere[i]]++;
    }
    for (int32_t kind = 1; kind < KINDS; kind++) {
        if (!seen[kind]) {
            FAIL("no event of kind %" PRId32 " came", kind);
        }
    }
    return 0;
}
