/*
 * torrent-patron: a BitTorrent engine for programs.
 *
 * libtorrent-rasterbar, owned by one thread and shared through thread-safe handles. A client runs
 * the torrents; patrons add and control them, and receive their events:
 *
 *     patron_handle *patron = NULL;
 *     patron_reply *reply = NULL;
 *     patron_error *error = NULL;
 *     patron_event *event = NULL;
 *
 *     if (patron_shared(NULL, &patron, &error) != PATRON_OK ||
 *         patron_add_torrent(patron, PATRON_SOURCE_TEXT, PATRON_TEXT("debian.torrent"), NULL,
 *                            &reply, &error) != PATRON_OK ||
 *         patron_reply_wait(reply, -1, &error) != PATRON_OK) {
 *         fprintf(stderr, "%s\n", patron_error_message(error).data);
 *         return 1;
 *     }
 *     patron_reply_free(reply);
 *     while (patron_next_event(patron, -1, &event, NULL) == PATRON_OK) {
 *         puts(patron_event_explain(event).data);
 *         patron_event_free(event);
 *     }
 *     patron_free(patron);
 *
 * Compile with: cc app.c $(pkg-config --cflags --libs torrent_patron)
 *
 * This file is generated from crates/capi/src; `make header` writes it anew.
 */
#ifndef TORRENT_PATRON_H
#define TORRENT_PATRON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ===============================================================================================
 * Threads and processes
 * ===============================================================================================
 *
 * Any number of threads may use a handle (patron_client, patron_handle, patron_reply,
 * patron_making, patron_reader) at once; but a patron_reader serves one thread at a time, and fails
 * with BUSY in the others. All other objects are used by one thread at a time, unless their chapter
 * says that several may read them.
 *
 * The threads of a client do not exist in a process that was forked from one that has used the
 * library. In such a child every function fails with PATRON_E_FORKED or returns its neutral value,
 * and frees nothing; only errors can be read and freed. Call exec, or fork before the first use of
 * the library. The library cannot be unloaded: dlclose() leaves it in place.
 *
 * ===============================================================================================
 * Ownership
 * ===============================================================================================
 *
 * The caller owns the objects returned through parameters called `out`, `reply`, `report` or
 * `error`, and frees them with TYPE_free(); a patron_handle with patron_free(). What a function
 * returns is borrowed from the object that was asked, and valid until that object is freed, or
 * changed if it can be. No function keeps its
 * arguments: texts and objects may be freed as soon as it returns. All objects except handles are
 * addresses: using one after it was freed is undefined behaviour.
 *
 * A NULL that is not allowed is PATRON_E_NULL, or gives the neutral value. A parameter may be NULL
 * if the description of its function says so; `error` always may.
 */
