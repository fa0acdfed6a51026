/* Objects that work without a client: versions, settings, metainfo, magnet links, makers. */
#include "check.h"

static void versions(void) {
    char version[32];
    snprintf(version, sizeof version, "%d.%d.%d", PATRON_VERSION_MAJOR, PATRON_VERSION_MINOR,
             PATRON_VERSION_PATCH);
    CHECK(is(patron_version(), version));
    CHECK(!strncmp(patron_libtorrent_version().data, "2.", 2));
    CHECK(strlen(patron_libtorrent_version().data) == patron_libtorrent_version().length);
}

static void settings(const char* directory) {
    patron_settings* set = NULL;
    FAILS(PATRON_E_INVALID_ARGUMENT, patron_settings_new(7, &set, &error));
    CHECK(!set);
    OK(patron_settings_new(PATRON_PRESET_DEFAULT, &set, &error));
    OK(patron_settings_set_bool(set, PATRON_TEXT("enable_dht"), false, &error));
    OK(patron_settings_set_int(set, PATRON_TEXT("connections_limit"), 17, &error));
    OK(patron_settings_set(set, PATRON_TEXT("user_agent"), PATRON_TEXT("h\xc3\xa9"), &error));
    OK(patron_settings_set(set, PATRON_TEXT("enable_lsd"), PATRON_TEXT("false"), &error));

    int32_t kind = -1;
    CHECK(is(patron_settings_get(set, PATRON_TEXT("enable_dht"), &kind), "false"));
    CHECK(kind == PATRON_SETTING_BOOL);
    CHECK(is(patron_settings_get(set, PATRON_TEXT("connections_limit"), &kind), "17"));
    CHECK(kind == PATRON_SETTING_INT);
    CHECK(is(patron_settings_get(set, PATRON_TEXT("user_agent"), &kind), "h\xc3\xa9"));
    CHECK(kind == PATRON_SETTING_TEXT);
    kind = 77;
    CHECK(is(patron_settings_get(set, PATRON_TEXT("peer_turnover"), &kind), ""));
    CHECK(kind == 77);

    patron_error* error = NULL;
    CHECK(patron_settings_set_int(set, PATRON_TEXT("conections_limit"), 1, &error) ==
          PATRON_E_INVALID_ARGUMENT);
    CHECK(has(patron_error_message(error), "did you mean connections_limit?"));
    patron_error_free(error);
    FAILS(PATRON_E_INVALID_ARGUMENT,
          patron_settings_set_int(set, PATRON_TEXT("enable_dht"), 1, &error));
    FAILS(PATRON_E_INVALID_ARGUMENT,
          patron_settings_set_bool(set, PATRON_TEXT("user_agent"), true, &error));
    FAILS(PATRON_E_INVALID_ARGUMENT,
          patron_settings_set(set, PATRON_TEXT("connections_limit"), PATRON_TEXT("many"), &error));

    size_t count = patron_settings_count(set);
    CHECK(count >= 4);
    for (size_t index = 1; index < count; index++) {
        char before[128];
        snprintf(before, sizeof before, "%s", patron_settings_name(set, index - 1).data);
        CHECK(strcmp(before, patron_settings_name(set, index).data) < 0);
    }
    CHECK(is(patron_settings_name(set, count), ""));

    /* The client gets these settings and those that the builder adds. */
    patron_builder* builder = new_builder(directory);
    OK(patron_builder_set_settings(builder, set, &error));
    patron_settings_free(set);
    OK(patron_builder_set_offline(builder, true, &error));
    OK(patron_builder_effective_settings(builder, &set, &error));
    CHECK(is(patron_settings_get(set, PATRON_TEXT("connections_limit"), NULL), "17"));
    CHECK(is(patron_settings_get(set, PATRON_TEXT("enable_dht"), NULL), "false"));
    CHECK(is(patron_settings_get(set, PATRON_TEXT("listen_interfaces"), NULL), "127.0.0.1:0"));
    patron_settings_free(set);

    patron_client* client = NULL;
    OK(patron_builder_set_tick_interval(builder, 0, &error));
    FAILS(PATRON_E_INVALID_ARGUMENT, patron_builder_start(builder, &client, &error));
    CHECK(!client);
    patron_builder_free(builder);
}

static void metainfo_and_magnet(const char* directory) {
    const char* file = path(directory, "d\xc3\xa4ta.bin");
    make_file(file, 3, 100000);
    patron_maker* maker = new_maker(file);
    OK(patron_maker_set_protocol(maker, PATRON_PROTOCOL_HYBRID, &error));
    OK(patron_maker_add_tracker(maker, PATRON_TEXT("http://127.0.0.1:1/second"), 1, &error));
    OK(patron_maker_add_tracker(maker, PATRON_TEXT("http://127.0.0.1:1/first"), 0, &error));
    OK(patron_maker_add_web_seed(maker, PATRON_TEXT("http://127.0.0.1:1/seed"), &error));
    OK(patron_maker_set_private(maker, true, &error));
    OK(patron_maker_set_comment(maker, PATRON_TEXT("a remark"), &error));
    OK(patron_maker_set_creator(maker, PATRON_TEXT("data.c"), &error));
    OK(patron_maker_set_creation_date(maker, 1234567890, &error));
    patron_metainfo* made = make(maker);

    patron_bytes bytes = patron_metainfo_torrent_file(made);
    const char* torrent = path(directory, "data.torrent");
    FILE* stream = fopen(torrent, "wb");
    CHECK(stream);
    CHECK(fwrite(bytes.data, 1, bytes.length, stream) == bytes.length && fclose(stream) == 0);
    patron_metainfo *decoded = NULL, *read = NULL;
    OK(patron_metainfo_decode(bytes.data, bytes.length, &decoded, &error));
    OK(patron_metainfo_read(PATRON_TEXT(torrent), &read, &error));

    patron_metainfo* all[] = {made, decoded, read};
    for (size_t index = 0; index < 3; index++) {
        patron_metainfo* one = all[index];
        CHECK(is(patron_metainfo_name(one), "d\xc3\xa4ta.bin"));
        CHECK(patron_metainfo_total_size(one) >= 100000);
        CHECK(patron_metainfo_piece_length(one) == 16384 && patron_metainfo_piece_count(one) == 7);
        CHECK(patron_metainfo_file_count(one) >= 1);
        CHECK(is(patron_metainfo_file_path(one, 0), "d\xc3\xa4ta.bin"));
        CHECK(patron_metainfo_file_size(one, 0) == 100000);
        CHECK(!patron_metainfo_file_is_pad(one, 0) && !patron_metainfo_file_offset(one, 0));
        CHECK(patron_metainfo_file_first_piece(one, 0) == 0);
        CHECK(patron_metainfo_file_piece_count(one, 0) == 7);
        CHECK(patron_metainfo_file_piece_count(one, 99) == 0);
        CHECK(is(patron_metainfo_file_path(one, 99), "") && !patron_metainfo_file_size(one, 99));
        CHECK(patron_metainfo_tracker_count(one) == 2);
        uint8_t tier = 9;
        CHECK(is(patron_metainfo_tracker(one, 0, &tier), "http://127.0.0.1:1/first") && tier == 0);
        CHECK(is(patron_metainfo_tracker(one, 1, &tier), "http://127.0.0.1:1/second") && tier == 1);
        CHECK(is(patron_metainfo_tracker(one, 2, &tier), "") && tier == 1);
        CHECK(patron_metainfo_web_seed_count(one) == 1);
        CHECK(is(patron_metainfo_web_seed(one, 0), "http://127.0.0.1:1/seed"));
        CHECK(patron_metainfo_is_private(one));
        CHECK(is(patron_metainfo_comment(one), "a remark"));
        CHECK(is(patron_metainfo_creator(one), "data.c"));
        CHECK(patron_metainfo_creation_date(one) == 1234567890);
        CHECK(patron_metainfo_torrent_file(one).length == bytes.length);
    }

    patron_magnet *magnet = NULL, *parsed = NULL;
    OK(patron_magnet_of(made, &magnet, &error));
    char uri[2048];
    snprintf(uri, sizeof uri, "%s&x.pe=127.0.0.1:1", patron_magnet_uri(magnet).data);
    CHECK(!patron_metainfo_invalid_url_count(made) && is(patron_metainfo_invalid_url(made, 0), ""));
    CHECK(!patron_magnet_invalid_url_count(magnet) && is(patron_magnet_invalid_url(magnet, 0), ""));
    strcat(uri, "&tr=ftp:%2f%2f127.0.0.1");
    OK(patron_magnet_parse(PATRON_TEXT(uri), &parsed, &error));
    CHECK(patron_magnet_invalid_url_count(parsed) == 1);
    CHECK(strstr(patron_magnet_invalid_url(parsed, 0).data, "\"ftp://127.0.0.1\": expected"));
    uint8_t v1[2][20], v2[2][32];
    CHECK(patron_metainfo_info_hash_v1(made, &v1[0]) && patron_magnet_info_hash_v1(parsed, &v1[1]));
    CHECK(patron_metainfo_info_hash_v2(made, &v2[0]) && patron_magnet_info_hash_v2(parsed, &v2[1]));
    CHECK(memcmp(v1[0], v1[1], sizeof v1[0]) == 0 && memcmp(v2[0], v2[1], sizeof v2[0]) == 0);
    CHECK(is(patron_magnet_name(parsed), "d\xc3\xa4ta.bin"));
    CHECK(patron_magnet_tracker_count(parsed) == 2);
    uint8_t tier;
    CHECK(is(patron_magnet_tracker(parsed, 0, &tier), "http://127.0.0.1:1/first"));
    CHECK(patron_magnet_web_seed_count(parsed) == 1);
    CHECK(is(patron_magnet_web_seed(parsed, 0), "http://127.0.0.1:1/seed"));
    CHECK(patron_magnet_peer_count(parsed) == 1);
    CHECK(is(patron_magnet_peer(parsed, 0), "127.0.0.1:1"));
    CHECK(is(patron_magnet_peer(parsed, 1), ""));
    patron_magnet_free(magnet);
    patron_magnet_free(parsed);
    for (size_t index = 0; index < 3; index++) {
        patron_metainfo_free(all[index]);
    }

    /* A torrent of one protocol has only that hash; a missing hash is not written. */
    maker = new_maker(file);
    OK(patron_maker_set_protocol(maker, PATRON_PROTOCOL_V1, &error));
    made = make(maker);
    memset(v2[0], 0x5e, sizeof v2[0]);
    CHECK(patron_metainfo_info_hash_v1(made, &v1[0]));
    CHECK(!patron_metainfo_info_hash_v2(made, &v2[0]));
    CHECK(v2[0][0] == 0x5e && v2[0][31] == 0x5e);
    CHECK(!patron_metainfo_is_private(made) && is(patron_metainfo_comment(made), ""));
    patron_metainfo_free(made);

    patron_metainfo* none = NULL;
    FAILS(PATRON_E_PARSE, patron_metainfo_decode((const uint8_t*)"spam", 4, &none, &error));
    FAILS(PATRON_E_PARSE, patron_metainfo_decode(NULL, 0, &none, &error));
    FAILS(PATRON_E_UNREADABLE, patron_metainfo_read(PATRON_TEXT("none.torrent"), &none, &error));
    FAILS(PATRON_E_PARSE, patron_magnet_parse(PATRON_TEXT("magnet:?"), &parsed, &error));
    CHECK(!none);
}

static void making(const char* directory) {
    const char* file = path(directory, "large.bin");
    make_file(file, 4, 0);
    CHECK(truncate(file, 1LL << 30) == 0);
    patron_maker* maker = new_maker(file);
    patron_making* making = NULL;
    OK(patron_maker_start(maker, &making, &error));
    patron_hash_progress progress;
    memset(&progress, 0, sizeof progress);
    int64_t deadline = now_ms() + PATIENCE_MS;
    while (progress.pieces == 0) {
        OK(patron_making_progress(making, &progress, sizeof progress, &error));
        CHECK(now_ms() < deadline);
        usleep(1000);
    }
    CHECK(progress.files == 1 && progress.piece_count == 65536 && progress.size == 1 << 30);
    CHECK(progress.pieces <= progress.piece_count && progress.bytes <= progress.size);
    patron_metainfo* metainfo = NULL;
    FAILS(PATRON_E_TIMED_OUT, patron_making_wait(making, 0, &metainfo, &error));
    OK(patron_making_cancel(making, &error));
    FAILS(PATRON_E_CANCELLED, patron_making_wait(making, PATIENCE_MS, &metainfo, &error));
    FAILS(PATRON_E_CANCELLED, patron_making_wait(making, 0, &metainfo, &error)); /* again */
    patron_making_free(making);
    /* Freeing also cancels, although nobody waits for it. */
    OK(patron_maker_start(maker, &making, &error));
    patron_making_free(making);
    FAILS(PATRON_E_BAD_HANDLE, patron_making_cancel(making, &error));
    OK(patron_maker_set_piece_length(maker, 12345, &error));
    FAILS(PATRON_E_INVALID_ARGUMENT, patron_maker_start(maker, &making, &error));
    patron_maker_free(maker);
    CHECK(!metainfo);

    make_file(file, 4, 0);
    maker = new_maker(file);
    OK(patron_maker_start(maker, &making, &error));
    FAILS(PATRON_E_INVALID_ARGUMENT, patron_making_wait(making, PATIENCE_MS, &metainfo, &error));
    patron_making_free(making);
    patron_maker_free(maker);
    maker = new_maker(path(directory, "none"));
    FAILS(PATRON_E_IO, patron_maker_start(maker, &making, &error));
    OK(patron_maker_add_web_seed(maker, PATRON_TEXT("nowhere"), &error));
    FAILS(PATRON_E_INVALID_ARGUMENT, patron_maker_start(maker, &making, &error));
    patron_maker_free(maker);
}

static void trees(const char* directory) {
    const char* tree = path(directory, "tree");
    make_directory(tree);
    make_file(path(tree, "file"), 5, 20000);
    CHECK(chmod(path(tree, "file"), 0755) == 0);
    CHECK(symlink("file", path(tree, "link")) == 0);
    CHECK(mkfifo(path(tree, "pipe"), 0600) == 0);
    patron_maker* maker = new_maker(tree);
    patron_making* making = NULL;
    patron_metainfo* metainfo = NULL;
    OK(patron_maker_start(maker, &making, &error));
    FAILS(PATRON_E_INVALID_ARGUMENT, patron_making_wait(making, PATIENCE_MS, &metainfo, &error));
    patron_making_free(making);

    OK(patron_maker_set_special_files(maker, PATRON_SPECIAL_FILES_SKIP, &error));
    OK(patron_maker_set_links(maker, PATRON_LINKS_SKIP, &error));
    OK(patron_maker_start(maker, &making, &error));
    OK(patron_making_wait(making, PATIENCE_MS, &metainfo, &error));
    CHECK(patron_making_left_out_count(making) == 2);
    CHECK(has(patron_making_left_out(making, 0), "tree/link"));
    CHECK(has(patron_making_left_out(making, 1), "tree/pipe"));
    CHECK(patron_making_left_out(making, 2).length == 0);
    patron_making_free(making);
    patron_metainfo_free(metainfo);

    OK(patron_maker_set_links(maker, PATRON_LINKS_KEEP, &error));
    OK(patron_maker_set_executables(maker, true, &error));
    metainfo = make(maker);
    bool found = false;
    for (size_t index = 0; index < patron_metainfo_file_count(metainfo); index++) {
        bool is_link = has(patron_metainfo_file_path(metainfo, index), "link");
        CHECK(is_link == has(patron_metainfo_file_symlink(metainfo, index), "tree/file"));
        found = found || is_link;
    }
    CHECK(found);
    patron_metainfo_free(metainfo);
}

/* Watches and cancels a verification. */
static void verifying(const char* directory) {
    const char* file = path(directory, "long.bin");
    make_file(file, 5, 0);
    CHECK(truncate(file, 1LL << 30) == 0);
    patron_metainfo* metainfo = make_torrent(file);
    patron_verifying* verifying = NULL;
    OK(patron_verify(metainfo, PATRON_TEXT(directory), &verifying, &error));
    patron_hash_progress progress;
    memset(&progress, 0, sizeof progress);
    int64_t deadline = now_ms() + PATIENCE_MS;
    while (progress.pieces == 0) {
        OK(patron_verifying_progress(verifying, &progress, sizeof progress, &error));
        CHECK(now_ms() < deadline);
        usleep(1000);
    }
    CHECK(progress.files == 1 && progress.piece_count == 65536 && progress.size == 1 << 30);
    patron_verified* verified = NULL;
    FAILS(PATRON_E_TIMED_OUT, patron_verifying_wait(verifying, 0, &verified, &error));
    OK(patron_verifying_cancel(verifying, &error));
    FAILS(PATRON_E_CANCELLED, patron_verifying_wait(verifying, PATIENCE_MS, &verified, &error));
    FAILS(PATRON_E_CANCELLED, patron_verifying_wait(verifying, 0, &verified, &error)); /* again */
    patron_verifying_free(verifying);
    FAILS(PATRON_E_BAD_HANDLE, patron_verifying_cancel(verifying, &error));
    verifying = NULL;
    FAILS(PATRON_E_INVALID_ARGUMENT,
          patron_verify(metainfo, PATRON_TEXT(file), &verifying, &error));
    CHECK(!verifying && !verified);
    CHECK(unlink(file) == 0);
    patron_metainfo_free(metainfo);
}

/* Reports the state of each file and what is wrong with it. */
static void verified(const char* directory) {
    make_directory(path(directory, "verified"));
    make_file(path(directory, "verified/1.bin"), 5, 98304);
    make_file(path(directory, "verified/2.bin"), 6, 16384);
    make_file(path(directory, "verified/3.bin"), 7, 16384);
    make_file(path(directory, "verified/4.bin"), 8, 16384);
    patron_metainfo* metainfo = make_torrent(path(directory, "verified"));
    patron_verified* result = verify(metainfo, directory);
    CHECK(patron_verified_is_good(result) && patron_verified_bad_size(result) == 0);
    CHECK(patron_verified_size(result) == 147456 && patron_verified_file_count(result) == 4);
    CHECK(is(patron_verified_file_path(result, 0), "verified/1.bin"));
    for (size_t index = 0; index < 4; index++) {
        CHECK(patron_verified_file_state(result, index) == PATRON_FILE_GOOD);
        CHECK(patron_verified_file_bad_pieces(result, index) == 0);
        CHECK(patron_verified_file_size_found(result, index) == 0);
        CHECK(!patron_verified_file_error(result, index));
    }
    CHECK(patron_verified_file_size(result, 0) == 98304);
    CHECK(patron_verified_file_size(result, 4) == 0 && patron_verified_file_state(result, 4) == 0);
    patron_verified_free(result);

    FILE* stream = fopen(path(directory, "verified/1.bin"), "r+b");
    CHECK(stream && fputs("not what it was", stream) >= 0 && fseek(stream, 40000, SEEK_SET) == 0);
    CHECK(fputs("nor here", stream) >= 0 && fclose(stream) == 0);
    CHECK(truncate(path(directory, "verified/2.bin"), 20000) == 0);
    const char* loop = path(directory, "verified/3.bin");
    CHECK(unlink(loop) == 0 && symlink("3.bin", loop) == 0);
    CHECK(unlink(path(directory, "verified/4.bin")) == 0);
    result = verify(metainfo, directory);
    CHECK(!patron_verified_is_good(result) && patron_verified_bad_pieces(result) >= 4);
    CHECK(patron_verified_file_state(result, 0) == PATRON_FILE_DAMAGED);
    CHECK(patron_verified_file_bad_pieces(result, 0) == 2);
    CHECK(patron_verified_file_state(result, 1) == PATRON_FILE_WRONG_SIZE);
    CHECK(patron_verified_file_size_found(result, 1) == 20000);
    CHECK(patron_verified_file_state(result, 2) == PATRON_FILE_UNREADABLE);
    const patron_error* reason = patron_verified_file_error(result, 2);
    CHECK(patron_error_code(reason) == PATRON_E_IO && has(patron_error_message(reason), "3.bin"));
    CHECK(patron_verified_file_state(result, 3) == PATRON_FILE_MISSING);
    patron_verified_free(result);
    patron_metainfo_free(metainfo);
}

int main(int argc, char** argv) {
    CHECK(argc == 3);
    versions();
    settings(argv[1]);
    metainfo_and_magnet(argv[1]);
    making(argv[1]);
    trees(argv[1]);
    verifying(argv[1]);
    verified(argv[1]);
    return 0;
}
