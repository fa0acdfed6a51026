/* A program that opens the library at run time, as a plug-in host does, and closes it at any time.
 * It is not linked with the library. */
#include "check.h"

#include <dlfcn.h>

/* The functions of the header, looked up with dlsym(). */
static struct {
    __typeof__(&patron_version) version;
    __typeof__(&patron_builder_new) builder_new;
    __typeof__(&patron_builder_set_offline) builder_set_offline;
    __typeof__(&patron_builder_set_save_dir) builder_set_save_dir;
    __typeof__(&patron_builder_free) builder_free;
    __typeof__(&patron_shared) shared;
    __typeof__(&patron_next_event) next_event;
    __typeof__(&patron_event_kind) event_kind;
    __typeof__(&patron_event_free) event_free;
    __typeof__(&patron_free) free_patron;
} library;

static void find(void* object, const char* name, void* place) {
    void* symbol = dlsym(object, name);
    if (!symbol) {
        FAIL("%s", dlerror());
    }
    /* ISO C has no conversion from an object pointer to a function pointer. */
    memcpy(place, &symbol, sizeof symbol);
}

static void* open_library(const char* file) {
    void* object = dlopen(file, RTLD_NOW | RTLD_LOCAL);
    if (!object) {
        FAIL("%s", dlerror());
    }
    find(object, "patron_version", &library.version);
    find(object, "patron_builder_new", &library.builder_new);
    find(object, "patron_builder_set_offline", &library.builder_set_offline);
    find(object, "patron_builder_set_save_dir", &library.builder_set_save_dir);
    find(object, "patron_builder_free", &library.builder_free);
    find(object, "patron_shared", &library.shared);
    find(object, "patron_next_event", &library.next_event);
    find(object, "patron_event_kind", &library.event_kind);
    find(object, "patron_event_free", &library.event_free);
    find(object, "patron_free", &library.free_patron);
    return object;
}

static patron_handle* start_shared(const char* directory) {
    patron_builder* builder = NULL;
    patron_handle* handle = NULL;
    CHECK(library.builder_new(&builder, NULL) == PATRON_OK);
    CHECK(library.builder_set_offline(builder, true, NULL) == PATRON_OK);
    CHECK(library.builder_set_save_dir(builder, PATRON_TEXT(directory), NULL) == PATRON_OK);
    CHECK(library.shared(builder, &handle, NULL) == PATRON_OK);
    library.builder_free(builder);
    return handle;
}

static void listens(patron_handle* handle) {
    int32_t kind = 0;
    while (kind != PATRON_EVENT_LISTENING) {
        patron_event* event = NULL;
        CHECK(library.next_event(handle, PATIENCE_MS, &event, NULL) == PATRON_OK);
        kind = library.event_kind(event);
        library.event_free(event);
    }
}

int main(int argc, char** argv) {
    CHECK(argc == 3);
    CHECK(!dlopen(argv[2], RTLD_NOW | RTLD_NOLOAD));
    patron_handle* handle = NULL;
    for (int round = 0; round < 3; round++) {
        void* object = open_library(argv[2]);
        CHECK(library.version().length > 0);
        if (handle) {
            /* The threads of the library are still running, and its sockets are open. */
            listens(handle);
            library.free_patron(handle);
        }
        handle = start_shared(argv[1]);
        CHECK(dlclose(object) == 0);
    }
    /* Exits while the library is closed and the client is running. */
    return 0;
}
