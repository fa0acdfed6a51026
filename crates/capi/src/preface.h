/*
 * torrent-patron: a BitTorrent engine for programs.
 *
 * libtorrent-rasterbar, owned by one thread and shared through thread-safe handles. A client runs;
 * patrons ask it for torrents and receive the events of theirs:
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
 * Any thread may use a handle (patron_client, patron_handle, patron_reply, patron_making), any
 * number of threads at once. All else is an object for one thread at a time, except where its
 * chapter says that several may read it.
 *
 * A process that is forked while the library is in use has no thread that would run the client. In
 * the child every function gives PATRON_E_FORKED or its neutral value, and frees nothing; only
 * errors can be read and freed. Call exec, or fork before the first use of the library. The library
 * cannot be unloaded: dlclose() leaves it where it is.
 *
 * ===============================================================================================
 * Ownership
 * ===============================================================================================
 *
 * What a function gives through a parameter called `out`, `reply`, `report` or `error` belongs to
 * the caller, who frees it with the function named like its type and `_free`; a patron_handle with
 * patron_free(). What it returns is borrowed from the object that was asked and lives until that is
 * freed, or changed where it can be. No function keeps what it is given: texts and objects may be
 * freed as soon as it returns. All objects but handles are addresses: using one after it is freed
 * is undefined.
 *
 * NULL where it makes no sense is PATRON_E_NULL, or the neutral value. A parameter may be NULL
 * where its function says so; `error` always may.
 */
