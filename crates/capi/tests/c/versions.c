/* A program that brings its own libtorrent, whose functions replace those that the library was
 * compiled with. A program that links its own with hidden symbols is not affected. */
#include "check.h"

static int called = 0;

/* lt::version() */
const char* other_version(void) __asm__("_ZN10libtorrent7versionEv");
const char* other_version(void) {
    called = 1;
    return "2.99.0.0";
}

static const char torrent[] =
    "d4:infod6:lengthi1e4:name1:a12:piece lengthi16384e6:pieces20:aaaaaaaaaaaaaaaaaaaaee";

int main(int argc, char** argv) {
    (void)argv;
    CHECK(argc == 3);
    /* The first function that checks the version, without a client. */
    patron_error* error = NULL;
    patron_metainfo* metainfo = NULL;
    int32_t code =
        patron_metainfo_decode((const uint8_t*)torrent, sizeof torrent - 1, &metainfo, &error);
    if (!called) {
        CHECK(code == PATRON_OK);
        patron_metainfo_free(metainfo);
        return 0;
    }
    CHECK(code == PATRON_E_VERSION_MISMATCH && !metainfo);
    CHECK(strstr(patron_error_message(error).data, "2.99.0.0"));
    patron_error_free(error);

    patron_builder* builder = NULL;
    patron_handle* handle = NULL;
    CHECK(patron_builder_new(&builder, NULL) == PATRON_OK);
    CHECK(patron_builder_set_offline(builder, true, NULL) == PATRON_OK);
    CHECK(patron_shared(builder, &handle, NULL) == PATRON_E_VERSION_MISMATCH && !handle);
    patron_builder_free(builder);
    return 0;
}
