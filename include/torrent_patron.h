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
 *                               &reply, &error) != PATRON_OK ||
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
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ===============================================================================================
 * Threads and processes
 * ===============================================================================================
 *
 * Any thread may use a handle (patron_client, patron_handle, patron_reply, patron_making), any number of
 * threads at once. All else is an object for one thread at a time, except where its chapter says
 * that several may read it.
 *
 * A process that is forked while the library is in use has no thread that would run the client. In
 * the child every function gives PATRON_E_FORKED or its neutral value, and frees nothing; only errors
 * can be read and freed. Call exec, or fork before the first use of the library. The library cannot
 * be unloaded: dlclose() leaves it where it is.
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

/* ===============================================================================================
 * Texts and bytes
 * ===============================================================================================
 *
 * Into the library go a pointer and a length in bytes; `PATRON_TEXT("...")` writes both. Texts are
 * UTF-8; paths are bytes as the system has them (UTF-8 on Windows). `NULL` with the length 0 is an
 * empty text.
 *
 * Out of it come a `patron_text` or a `patron_bytes`, borrowed from the object that was asked and
 * good until that object is freed. A `patron_text` has a zero byte behind its end that the length
 * does not count, and its pointer is never `NULL`: `printf("%s", patron_event_explain(event).data)`
 * is fine. Where there is nothing to say, the length is 0.
 */

/** A text that ends in a zero, as the two arguments that it is passed as. */
#define PATRON_TEXT(text) (text), strlen(text)

/** A text that belongs to the object it was got from. */
typedef struct patron_text {
    /** Never NULL; a zero byte follows the text. */
    const char *data;
    /** In bytes, without the zero. */
    size_t length;
} patron_text;

/** Bytes that belong to the object they were got from. */
typedef struct patron_bytes {
    /** NULL only if there are none. */
    const uint8_t *data;
    /** How many. */
    size_t length;
} patron_bytes;

/* ===============================================================================================
 * Errors
 * ===============================================================================================
 *
 * A function that can fail returns `PATRON_OK` or one of the codes below, whose values never
 * change. Its last parameter takes an error object that says what was tried, on what, and why it
 * failed; it may be `NULL`. Outputs are written only on success, the error only on failure. A code
 * that a newer library brings is negative like all others.
 */

/** It went well. */
#define PATRON_OK 0

/**
 * An argument makes no sense: an unknown setting, a text that is not UTF-8, a path that is no
 * directory.
 */
#define PATRON_E_INVALID_ARGUMENT (-1)

/** No such torrent at this client. */
#define PATRON_E_NOT_FOUND (-2)

/** The torrent is closed or being closed. */
#define PATRON_E_GONE (-3)

/** A .torrent file or a magnet link cannot be read. */
#define PATRON_E_PARSE (-4)

/** The operating system refused. */
#define PATRON_E_IO (-5)

/** There is no room just now; try again later. */
#define PATRON_E_BUSY (-6)

/** The time given was not enough, or, with the limit 0, nothing is here yet. */
#define PATRON_E_TIMED_OUT (-7)

/** The client has stopped. */
#define PATRON_E_STOPPED (-8)

/** The caller cancelled. */
#define PATRON_E_CANCELLED (-9)

/** libtorrent refused; patron_error_category() and patron_error_value() say which of its errors. */
#define PATRON_E_NATIVE (-10)

/** The libtorrent that is loaded is not the one that the library was compiled against. */
#define PATRON_E_VERSION_MISMATCH (-11)

/** A bug in the library: it panicked. */
#define PATRON_E_PANICKED (-12)

/** A pointer that must not be NULL is. */
#define PATRON_E_NULL (-13)

/** A handle was freed before, belongs to another type, or is none. */
#define PATRON_E_BAD_HANDLE (-14)

/** The process was forked after the library had been used in it; see "Threads and processes". */
#define PATRON_E_FORKED (-15)

/**
 * What went wrong. Belongs to the caller; free it with patron_error_free(). One that was borrowed
 * from an event belongs to the event.
 */
typedef struct patron_error patron_error;

/** The code, as the function that failed returned it; 0 for NULL. */
int32_t patron_error_code(const struct patron_error *error);

/**
 * Where the cause lies in libtorrent or the operating system: the category of its number, for
 * example "libtorrent", "system", "bdecode error". Else empty.
 */
patron_text patron_error_category(const struct patron_error *error);

/** The number within patron_error_category(); of "system" it is an errno. */
int32_t patron_error_value(const struct patron_error *error);

/** What was tried, as a verb phrase: "add the torrent". */
patron_text patron_error_operation(const struct patron_error *error);

/** One line for a person: "cannot read the metainfo: a.torrent: No such file or directory". */
patron_text patron_error_message(const struct patron_error *error);

/** Frees an error that the caller owns. NULL is fine. */
void patron_error_free(struct patron_error *error);

/* ===============================================================================================
 * Handles
 * ===============================================================================================
 *
 * What several threads use has a handle. A handle is not an address but a place in a table, a
 * generation and a type: one that was freed before, that was never given out, or that belongs to
 * another type is PATRON_E_BAD_HANDLE to a function that can fail, gives the neutral value of one
 * that cannot, and is nothing to free. A place comes round to the same handle after 2^24 uses (2^10
 * where a pointer has 32 bits).
 *
 * A handle that is freed while another thread is in a call with it stays good for that call.
 */

/** A client: one libtorrent session and the thread that owns it. */
typedef struct patron_client patron_client;

/** A patron: what a program asks for torrents, and where it receives their events. */
typedef struct patron_handle patron_handle;

/** A torrent in the making. */
typedef struct patron_making patron_making;

/** The answer to a command, which comes once. */
typedef struct patron_reply patron_reply;

/* ===============================================================================================
 * Versions
 * ===============================================================================================
 *
 * While the first number is 0, programs must be compiled again for each new second number, and the
 * name of the shared object (`libtorrent_patron.so.0.1`) sees to that. Within it, functions and
 * codes are only added, and structs only grow at their end.
 */

/** The version of this header: the first number. */
#define PATRON_VERSION_MAJOR 0

/** The second. */
#define PATRON_VERSION_MINOR 1

/** The third. */
#define PATRON_VERSION_PATCH 0

/** The version of the library that is loaded: "0.1.0". Lives as long as the process. */
patron_text patron_version(void);

/* ===============================================================================================
 * Settings
 * ===============================================================================================
 *
 * libtorrent's settings by the names of its reference
 * <https://libtorrent.org/reference-Settings.html>. A set of them starts from a preset; what is not
 * named in it keeps libtorrent's default. A set is used by one thread at a time.
 */

/** What every client starts from. */
#define PATRON_PRESET_DEFAULT 0

/** For a machine that seeds at full speed. */
#define PATRON_PRESET_SEEDING 1

/** Nothing, for patron_apply_settings(): the settings that are to change. */
#define PATRON_PRESET_EMPTY 2

/** A setting that is true or false. */
#define PATRON_SETTING_BOOL 0

/** A setting that is a number. */
#define PATRON_SETTING_INT 1

/** A setting that is a text. */
#define PATRON_SETTING_TEXT 2

/** A set of settings. */
typedef struct patron_settings patron_settings;

/**
 * Makes a set from a preset, a PATRON_PRESET_*. Free it with patron_settings_free().
 *
 * Errors: INVALID_ARGUMENT for an unknown preset.
 */
int32_t patron_settings_new(int32_t preset, struct patron_settings **out, patron_error **error);

/** Frees a set of settings. NULL is fine. */
void patron_settings_free(struct patron_settings *settings);

/**
 * Sets a setting to true or false.
 *
 * Errors: INVALID_ARGUMENT for a name that libtorrent does not know (the nearest one is named) and
 * for a setting of another type.
 */
int32_t patron_settings_set_bool(struct patron_settings *settings,
                                 const char *name,
                                 size_t name_length,
                                 bool value,
                                 patron_error **error);

/**
 * Sets a setting to a number, in the unit that libtorrent's reference gives. Errors as for
 * patron_settings_set_bool().
 */
int32_t patron_settings_set_int(struct patron_settings *settings,
                                const char *name,
                                size_t name_length,
                                int32_t value,
                                patron_error **error);

/**
 * Sets a setting of any type to a value written as a text: "true", "500", "127.0.0.1:0". Errors as
 * for patron_settings_set_bool(), and INVALID_ARGUMENT for a text that is no value of the setting's
 * type.
 */
int32_t patron_settings_set(struct patron_settings *settings,
                            const char *name,
                            size_t name_length,
                            const char *value,
                            size_t value_length,
                            patron_error **error);

/** How many settings the set names. */
size_t patron_settings_count(const struct patron_settings *settings);

/**
 * The name of a setting of the set; they are in alphabetical order. Good until the set is changed
 * or freed.
 */
patron_text patron_settings_name(const struct patron_settings *settings, size_t index);

/**
 * The value of the setting called so, written as a text; empty where libtorrent's default holds.
 * `kind`, if not NULL, becomes its type, a PATRON_SETTING_*. Good until the set is changed or
 * freed.
 */
patron_text patron_settings_get(const struct patron_settings *settings,
                                const char *name,
                                size_t name_length,
                                int32_t *kind);

/* ===============================================================================================
 * Statistics
 * ===============================================================================================
 *
 * What a client has counted since it was started: all of libtorrent's counters by their names
 * <https://libtorrent.org/manual-ref.html#session-statistics>, for example "net.sent_payload_bytes"
 * and "peer.num_peers_connected", and those of the read path, which begin with "reads.". Any thread
 * may read a statistics object, also several at once.
 */

/** What a client had counted at one moment. */
typedef struct patron_statistics patron_statistics;

/**
 * Gives what the read path has counted, those counters alone. It asks nobody, and goes on answering
 * when the client has stopped. Free the result with patron_statistics_free(). See also
 * patron_get_statistics().
 *
 * Errors: BAD_HANDLE.
 */
int32_t patron_read_statistics(patron_handle *patron,
                               struct patron_statistics **out,
                               patron_error **error);

/** Frees a statistics object. NULL is fine. */
void patron_statistics_free(struct patron_statistics *statistics);

/** Writes the value of the counter called so. False, and nothing written, where there is none. */
bool patron_statistics_get(const struct patron_statistics *statistics,
                           const char *name,
                           size_t name_length,
                           int64_t *out);

/** How many counters there are. They are in alphabetical order. */
size_t patron_statistics_count(const struct patron_statistics *statistics);

/** The name of a counter. */
patron_text patron_statistics_name(const struct patron_statistics *statistics, size_t index);

/** The value of a counter. */
int64_t patron_statistics_value(const struct patron_statistics *statistics, size_t index);

/** Whether a counter goes up and down; else it only grows. */
bool patron_statistics_is_gauge(const struct patron_statistics *statistics, size_t index);

/* ===============================================================================================
 * Metainfo
 * ===============================================================================================
 *
 * What a .torrent file says (BEP 3, BEP 52). Any thread may read a metainfo object, also several at
 * once.
 */

/** A .torrent file, read. */
typedef struct patron_metainfo patron_metainfo;

/**
 * Reads the bytes of a .torrent file. Free the result with patron_metainfo_free().
 *
 * Errors: PARSE.
 */
int32_t patron_metainfo_decode(const uint8_t *data,
                               size_t length,
                               struct patron_metainfo **out,
                               patron_error **error);

/**
 * Reads a .torrent file. Free the result with patron_metainfo_free().
 *
 * Errors: PARSE, IO.
 */
int32_t patron_metainfo_read(const char *file,
                             size_t file_length,
                             struct patron_metainfo **out,
                             patron_error **error);

/** Frees a metainfo object. NULL is fine. */
void patron_metainfo_free(struct patron_metainfo *metainfo);

/** The name: of the one file, or of the directory that holds the files. */
patron_text patron_metainfo_name(const struct patron_metainfo *metainfo);

/** Writes the v1 info hash, 20 bytes (BEP 3). False, and nothing written, where there is none. */
bool patron_metainfo_info_hash_v1(const struct patron_metainfo *metainfo, uint8_t (*out)[20]);

/** Writes the v2 info hash, 32 bytes (BEP 52). False, and nothing written, where there is none. */
bool patron_metainfo_info_hash_v2(const struct patron_metainfo *metainfo, uint8_t (*out)[32]);

/** The sum of the files' sizes in bytes, pad files included. */
uint64_t patron_metainfo_total_size(const struct patron_metainfo *metainfo);

/** Bytes of a piece; the last may be shorter. */
uint32_t patron_metainfo_piece_length(const struct patron_metainfo *metainfo);

/** How many pieces there are. */
uint32_t patron_metainfo_piece_count(const struct patron_metainfo *metainfo);

/** How many files there are, pad files included. */
size_t patron_metainfo_file_count(const struct patron_metainfo *metainfo);

/** The path of a file below the save directory; never absolute, never with "..". */
patron_text patron_metainfo_file_path(const struct patron_metainfo *metainfo, size_t index);

/** The size of a file in bytes. */
uint64_t patron_metainfo_file_size(const struct patron_metainfo *metainfo, size_t index);

/** Whether a file only fills up to a piece boundary (BEP 47); such a file is never on disk. */
bool patron_metainfo_file_is_pad(const struct patron_metainfo *metainfo, size_t index);

/** Where a symbolic link leads, below the save directory (BEP 47); empty for a file. */
patron_text patron_metainfo_file_symlink(const struct patron_metainfo *metainfo, size_t index);

/** How many trackers there are. */
size_t patron_metainfo_tracker_count(const struct patron_metainfo *metainfo);

/**
 * The announce URL of a tracker. `tier`, if not NULL, becomes its tier; tiers are tried in
 * ascending order (BEP 12).
 */
patron_text patron_metainfo_tracker(const struct patron_metainfo *metainfo,
                                    size_t index,
                                    uint8_t *tier);

/** How many web seeds there are (BEP 19). */
size_t patron_metainfo_web_seed_count(const struct patron_metainfo *metainfo);

/** The URL of a web seed. */
patron_text patron_metainfo_web_seed(const struct patron_metainfo *metainfo, size_t index);

/** Whether only the trackers may give peers (BEP 27). */
bool patron_metainfo_is_private(const struct patron_metainfo *metainfo);

/** A remark of the one who made it; often empty. */
patron_text patron_metainfo_comment(const struct patron_metainfo *metainfo);

/** The program that made it; often empty. */
patron_text patron_metainfo_creator(const struct patron_metainfo *metainfo);

/** When it was made, in seconds since 1970; 0 where it does not say. */
uint64_t patron_metainfo_creation_date(const struct patron_metainfo *metainfo);

/** The .torrent file itself. */
patron_bytes patron_metainfo_torrent_file(const struct patron_metainfo *metainfo);

/* ===============================================================================================
 * Magnet links
 * ===============================================================================================
 *
 * What a magnet link says (BEP 9, BEP 53). Any thread may read a magnet object, also several at
 * once.
 */

/** A magnet link, read. */
typedef struct patron_magnet patron_magnet;

/**
 * Reads a magnet link. Free the result with patron_magnet_free().
 *
 * Errors: PARSE.
 */
int32_t patron_magnet_parse(const char *uri,
                            size_t uri_length,
                            struct patron_magnet **out,
                            patron_error **error);

/**
 * Makes the magnet link of a torrent: its hashes, name, trackers and web seeds. Free the result
 * with patron_magnet_free().
 */
int32_t patron_magnet_of(const patron_metainfo *metainfo,
                         struct patron_magnet **out,
                         patron_error **error);

/** Frees a magnet object. NULL is fine. */
void patron_magnet_free(struct patron_magnet *magnet);

/** The link itself. */
patron_text patron_magnet_uri(const struct patron_magnet *magnet);

/** The name to show until the metainfo is here; empty where the link has none. */
patron_text patron_magnet_name(const struct patron_magnet *magnet);

/** Writes the v1 info hash, 20 bytes (BEP 3). False, and nothing written, where there is none. */
bool patron_magnet_info_hash_v1(const struct patron_magnet *magnet, uint8_t (*out)[20]);

/** Writes the v2 info hash, 32 bytes (BEP 52). False, and nothing written, where there is none. */
bool patron_magnet_info_hash_v2(const struct patron_magnet *magnet, uint8_t (*out)[32]);

/** How many trackers the link names. */
size_t patron_magnet_tracker_count(const struct patron_magnet *magnet);

/** The announce URL of a tracker. `tier`, if not NULL, becomes its tier. */
patron_text patron_magnet_tracker(const struct patron_magnet *magnet, size_t index, uint8_t *tier);

/** How many web seeds the link names (BEP 19). */
size_t patron_magnet_web_seed_count(const struct patron_magnet *magnet);

/** The URL of a web seed. */
patron_text patron_magnet_web_seed(const struct patron_magnet *magnet, size_t index);

/** How many peers the link names. */
size_t patron_magnet_peer_count(const struct patron_magnet *magnet);

/** The address and port of a peer. */
patron_text patron_magnet_peer(const struct patron_magnet *magnet, size_t index);

/* ===============================================================================================
 * Making torrents
 * ===============================================================================================
 *
 * A maker is used by one thread at a time. A torrent in the making may be watched, cancelled and
 * waited for from any thread.
 */

/** BitTorrent v1 (BEP 3) alone. */
#define PATRON_PROTOCOL_V1 0

/** BitTorrent v2 (BEP 52) alone. */
#define PATRON_PROTOCOL_V2 1

/** Both (BEP 52). */
#define PATRON_PROTOCOL_HYBRID 2

/**
 * What a symbolic link leads to is shared, as if it were there. One that leads nowhere or back to a
 * directory above it, and a second link to one directory, are errors.
 */
#define PATRON_LINKS_FOLLOW 0

/** A symbolic link is an error. */
#define PATRON_LINKS_REFUSE 1

/** Symbolic links are left out; see patron_making_left_out(). */
#define PATRON_LINKS_SKIP 2

/**
 * A symbolic link is shared as one (BEP 47). One that leads to nothing in the torrent is an error.
 */
#define PATRON_LINKS_KEEP 3

/** FIFOs, devices and sockets are errors. */
#define PATRON_SPECIAL_FILES_REFUSE 0

/** They are left out; see patron_making_left_out(). */
#define PATRON_SPECIAL_FILES_SKIP 1

/** Makes a .torrent file of a file or a directory. */
typedef struct patron_maker patron_maker;

/** How far the making of a torrent has come. */
typedef struct patron_hash_progress {
    /** How many files are listed. */
    uint64_t files;
    /** How many pieces are hashed. */
    uint64_t pieces;
    /** How many pieces there are; 0 while the files are being listed. */
    uint64_t piece_count;
    /** How many bytes are read. */
    uint64_t bytes;
    /** How many bytes there are; 0 while the files are being listed. */
    uint64_t size;
} patron_hash_progress;

/**
 * Prepares a torrent of the file or directory at `source`: hybrid, with a piece length chosen by
 * size. Free it with patron_maker_free().
 */
int32_t patron_maker_new(const char *source,
                         size_t source_length,
                         struct patron_maker **out,
                         patron_error **error);

/** Frees a maker. NULL is fine. A torrent that it has started to make is not concerned. */
void patron_maker_free(struct patron_maker *maker);

/**
 * For which versions of the protocol, a PATRON_PROTOCOL_*; hybrid unless set.
 *
 * Errors: INVALID_ARGUMENT for an unknown one.
 */
int32_t patron_maker_set_protocol(struct patron_maker *maker,
                                  int32_t protocol,
                                  patron_error **error);

/**
 * Bytes of a piece: a power of two from 16 KiB to 512 MiB, checked by patron_maker_start(); 0,
 * which is the default, chooses by the size of the data.
 */
int32_t patron_maker_set_piece_length(struct patron_maker *maker,
                                      uint32_t bytes,
                                      patron_error **error);

/** Adds a tracker to a tier; tier 0 is tried first (BEP 12). */
int32_t patron_maker_add_tracker(struct patron_maker *maker,
                                 uint8_t tier,
                                 const char *url,
                                 size_t url_length,
                                 patron_error **error);

/** Adds a web seed (BEP 19). */
int32_t patron_maker_add_web_seed(struct patron_maker *maker,
                                  const char *url,
                                  size_t url_length,
                                  patron_error **error);

/** Whether only the trackers may give peers (BEP 27). False unless set. */
int32_t patron_maker_set_private(struct patron_maker *maker, bool is_private, patron_error **error);

/** A remark for those who read the file. */
int32_t patron_maker_set_comment(struct patron_maker *maker,
                                 const char *comment,
                                 size_t comment_length,
                                 patron_error **error);

/** The program that makes it; this library's name and version unless set. */
int32_t patron_maker_set_creator(struct patron_maker *maker,
                                 const char *creator,
                                 size_t creator_length,
                                 patron_error **error);

/**
 * When it was made, in seconds since 1970; now unless set. A fixed date makes the file
 * reproducible.
 */
int32_t patron_maker_set_creation_date(struct patron_maker *maker,
                                       uint64_t seconds,
                                       patron_error **error);

/**
 * What becomes of symbolic links in a directory, a PATRON_LINKS_*; followed unless set. The source
 * itself may be a link; the torrent then has the link's name.
 *
 * Errors: INVALID_ARGUMENT for an unknown one.
 */
int32_t patron_maker_set_links(struct patron_maker *maker, int32_t links, patron_error **error);

/**
 * What becomes of FIFOs, devices and sockets in a directory, a PATRON_SPECIAL_FILES_*; refused
 * unless set.
 *
 * Errors: INVALID_ARGUMENT for an unknown one.
 */
int32_t patron_maker_set_special_files(struct patron_maker *maker,
                                       int32_t special_files,
                                       patron_error **error);

/** Whether the torrent tells which files their owner may execute (BEP 47). False unless set. */
int32_t patron_maker_set_executables(struct patron_maker *maker,
                                     bool executables,
                                     patron_error **error);

/**
 * Starts to list and to hash, on threads of its own. Free the result with patron_making_free(). The
 * maker stays the caller's and may start again.
 *
 * Errors: INVALID_ARGUMENT for a wrong piece length, a tracker or a web seed that is not a URL; IO
 * when the path cannot be read. What fails later is told by patron_making_wait().
 */
int32_t patron_maker_start(const struct patron_maker *maker,
                           patron_making **out,
                           patron_error **error);

/**
 * How far it is. `struct_size` is sizeof(patron_hash_progress).
 *
 * Errors: BAD_HANDLE.
 */
int32_t patron_making_progress(patron_making *making,
                               struct patron_hash_progress *out,
                               size_t struct_size,
                               patron_error **error);

/** How many files were left out so far, by PATRON_LINKS_SKIP and PATRON_SPECIAL_FILES_SKIP. */
size_t patron_making_left_out_count(patron_making *making);

/** The path of a file that was left out; good until `making` is freed. */
patron_text patron_making_left_out(patron_making *making, size_t index);

/**
 * Stops the listing or the hashing, soon; patron_making_wait() then gives CANCELLED.
 *
 * Errors: BAD_HANDLE.
 */
int32_t patron_making_cancel(patron_making *making, patron_error **error);

/**
 * Waits for the metainfo for at most so many milliseconds; 0 only looks, a negative number waits
 * however long it takes. Free the result with patron_metainfo_free(). May be called again.
 *
 * Errors: TIMED_OUT (wait again); IO when a file or a directory cannot be read or changes
 * meanwhile; INVALID_ARGUMENT when there is no data to share, when there is what is neither a file
 * nor a directory, or a name that a client would change; NATIVE when libtorrent refuses; CANCELLED;
 * BAD_HANDLE.
 */
int32_t patron_making_wait(patron_making *making,
                           int64_t timeout_ms,
                           patron_metainfo **out,
                           patron_error **error);

/** Frees it, and cancels what is not yet made. NULL is fine, and so is what was freed before. */
void patron_making_free(patron_making *making);

/* ===============================================================================================
 * How a torrent is started
 * ===============================================================================================
 *
 * What is not set has the client's default. Options are used by one thread at a time, and any
 * number of times.
 */

/** Room on the disk is taken as pieces are written; a file has holes until it is complete. */
#define PATRON_ALLOCATION_SPARSE 0

/** All of it is taken when the torrent starts. */
#define PATRON_ALLOCATION_FULL 1

/** How a torrent is started. */
typedef struct patron_options patron_options;

/** Makes options in which nothing is set. Free them with patron_options_free(). */
int32_t patron_options_new(struct patron_options **out, patron_error **error);

/** Frees options. NULL is fine. */
void patron_options_free(struct patron_options *options);

/** Where the finished files belong. */
int32_t patron_options_set_save_dir(struct patron_options *options,
                                    const char *directory,
                                    size_t directory_length,
                                    patron_error **error);

/** Where the files are until they are complete. */
int32_t patron_options_set_incomplete_dir(struct patron_options *options,
                                          const char *directory,
                                          size_t directory_length,
                                          patron_error **error);

/**
 * Adds a peer to try at once, written "127.0.0.1:6881" or "[::1]:6881".
 *
 * Errors: INVALID_ARGUMENT for what is no address and port.
 */
int32_t patron_options_add_peer(struct patron_options *options,
                                const char *address,
                                size_t address_length,
                                patron_error **error);

/** Whether the torrent does nothing until resumed. False unless set. */
int32_t patron_options_set_paused(struct patron_options *options,
                                  bool paused,
                                  patron_error **error);

/**
 * Whether the data in the save directory is taken as complete without hashing it; not possible with
 * a magnet link. False unless set.
 */
int32_t patron_options_set_trust(struct patron_options *options, bool trust, patron_error **error);

/**
 * Whether the torrent pauses as soon as its files are compared with their hashes
 * (PATRON_EVENT_CHECKED). False unless set.
 */
int32_t patron_options_set_stop_when_checked(struct patron_options *options,
                                             bool stop,
                                             patron_error **error);

/** Adds a tracker to those of the source. Those of a lower tier are tried first (BEP 12). */
int32_t patron_options_add_tracker(struct patron_options *options,
                                   const char *url,
                                   size_t url_length,
                                   uint8_t tier,
                                   patron_error **error);

/** Adds a web seed to those of the source (BEP 19). */
int32_t patron_options_add_web_seed(struct patron_options *options,
                                    const char *url,
                                    size_t url_length,
                                    patron_error **error);

/**
 * How much each file is wanted, a byte for each from PATRON_PRIORITY_SKIP to PATRON_PRIORITY_TOP,
 * in the order of the metainfo; those beyond the end as usual. None: as the source says (BEP 53).
 *
 * Errors: INVALID_ARGUMENT for a byte that is no priority.
 */
int32_t patron_options_set_file_priorities(struct patron_options *options,
                                           const uint8_t *priorities,
                                           size_t count,
                                           patron_error **error);

/**
 * How room on the disk is taken, a PATRON_ALLOCATION_*. PATRON_ALLOCATION_SPARSE unless set.
 *
 * Errors: INVALID_ARGUMENT for an unknown one.
 */
int32_t patron_options_set_allocation(struct patron_options *options,
                                      int32_t allocation,
                                      patron_error **error);

/**
 * The switches that are on from the start, all that are wanted of PATRON_FLAG_*, combined by "or".
 * The others are as without this.
 *
 * Errors: INVALID_ARGUMENT for unknown flags.
 */
int32_t patron_options_set_flags(struct patron_options *options,
                                 int32_t flags,
                                 patron_error **error);

/** How many bytes a second the torrent may receive; 0 or less: as the client may. */
int32_t patron_options_set_download_limit(struct patron_options *options,
                                          int64_t rate,
                                          patron_error **error);

/** How many bytes a second the torrent may send; 0 or less: as the client may. */
int32_t patron_options_set_upload_limit(struct patron_options *options,
                                        int64_t rate,
                                        patron_error **error);

/** How many peers the torrent may be connected to; 0 or less: as many as the client. */
int32_t patron_options_set_connections_limit(struct patron_options *options,
                                             int64_t peers,
                                             patron_error **error);

/** How many peers the torrent may serve at once; 0 or less: as many as the client. */
int32_t patron_options_set_upload_slots(struct patron_options *options,
                                        int64_t peers,
                                        patron_error **error);

/**
 * When the torrent has given back enough, and what then becomes of it: as for patron_set_goals().
 * Unless set, as resume data says, or never.
 *
 * Errors: INVALID_ARGUMENT for an unknown action and for a share ratio that is no number.
 */
int32_t patron_options_set_goals(struct patron_options *options,
                                 double share_ratio,
                                 int64_t seed_seconds,
                                 int32_t action,
                                 patron_error **error);

/**
 * Resume data for a source that is not resume data: metainfo beside what was saved of an earlier
 * run, as other programs keep it. It must be of the same torrent. A copy is made; of the length 0
 * it is none.
 */
int32_t patron_options_set_resume_data(struct patron_options *options,
                                       const uint8_t *data,
                                       size_t length,
                                       patron_error **error);

/* ===============================================================================================
 * Clients
 * ===============================================================================================
 *
 * A client is one libtorrent session on a thread of its own. It makes patrons, which do all the
 * work, and it is shut down. Several clients work side by side in one process; most programs want
 * one, and those that do not want to carry it around use patron_shared().
 */

/** What a client is to be started with. Used by one thread at a time. */
typedef struct patron_builder patron_builder;

/** What a shutdown did and what it left undone. */
typedef struct patron_report patron_report;

/**
 * Prepares a client: with the settings of PATRON_PRESET_DEFAULT, listening on port 6881, saving to
 * the working directory. Free it with patron_builder_free().
 */
int32_t patron_builder_new(struct patron_builder **out, patron_error **error);

/** Frees a builder. NULL is fine. The clients that it has started are not concerned. */
void patron_builder_free(struct patron_builder *builder);

/**
 * How old a status may be, in milliseconds: each interval the client asks libtorrent what has
 * changed. Commands and events do not wait for it. 5000 unless set; 0 is refused at the start.
 */
int32_t patron_builder_set_tick_interval(struct patron_builder *builder,
                                         uint64_t interval_ms,
                                         patron_error **error);

/**
 * How often, in milliseconds, the resume data of a torrent is saved that goes on downloading or
 * uploading, while a patron that started or watches it is subscribed to PATRON_EVENT_RESUME_DATA.
 * 60000 unless set; 0 is refused at the start.
 */
int32_t patron_builder_set_resume_data_interval(struct patron_builder *builder,
                                                uint64_t interval_ms,
                                                patron_error **error);

/**
 * Where to accept peers: "ADDRESS:PORT" or "DEVICE:PORT", separated by commas; port 0 takes a free
 * one. "0.0.0.0:6881,[::]:6881" unless set, and "127.0.0.1:0" offline.
 */
int32_t patron_builder_set_listen(struct patron_builder *builder,
                                  const char *interfaces,
                                  size_t interfaces_length,
                                  patron_error **error);

/** Where finished files belong; the working directory unless set. */
int32_t patron_builder_set_save_dir(struct patron_builder *builder,
                                    const char *directory,
                                    size_t directory_length,
                                    patron_error **error);

/** Where files are until they are complete; the save directory unless set. */
int32_t patron_builder_set_incomplete_dir(struct patron_builder *builder,
                                          const char *directory,
                                          size_t directory_length,
                                          patron_error **error);

/**
 * Whether nothing is sent beyond the loopback interface: no DHT, LSD, UPnP, NAT-PMP; peers,
 * trackers and web seeds elsewhere are dropped before a name is looked up. False unless set.
 */
int32_t patron_builder_set_offline(struct patron_builder *builder,
                                   bool offline,
                                   patron_error **error);

/** Replaces the settings by a copy of these. */
int32_t patron_builder_set_settings(struct patron_builder *builder,
                                    const patron_settings *settings,
                                    patron_error **error);

/**
 * Does everything through a proxy, and leaves undone what cannot go through it:
 * "socks5://[USER:PASSWORD@]HOST:PORT", or the same with "http". Name and password may be
 * percent-encoded, and have to be where they hold one of ":@/%".
 *
 * Errors: INVALID_ARGUMENT for what is no such URL.
 */
int32_t patron_builder_set_proxy(struct patron_builder *builder,
                                 const char *url,
                                 size_t url_length,
                                 patron_error **error);

/**
 * Begins where an earlier client stood: what patron_save_state() gave. Its settings take the place
 * of those of patron_builder_set_settings(); what the other functions here choose goes before both.
 * A copy is made; of the length 0 it is none.
 *
 * Errors at the start: PARSE for what is no state.
 */
int32_t patron_builder_set_state(struct patron_builder *builder,
                                 const uint8_t *data,
                                 size_t length,
                                 patron_error **error);

/**
 * The settings that libtorrent will be given, all that differ from its defaults. Free the result
 * with patron_settings_free().
 */
int32_t patron_builder_effective_settings(const struct patron_builder *builder,
                                          patron_settings **out,
                                          patron_error **error);

/**
 * Starts a client; returns when the session is made. The builder stays the caller's and may start
 * more. End the client with patron_client_shutdown() or patron_client_free().
 *
 * Errors: INVALID_ARGUMENT for a wrong setting or an interval of 0; PARSE for a wrong state;
 * VERSION_MISMATCH; IO when no thread is to be had.
 */
int32_t patron_builder_start(const struct patron_builder *builder,
                             patron_client **out,
                             patron_error **error);

/**
 * Makes a patron of the client, with a mailbox of its own. Free it with patron_free().
 *
 * Errors: BAD_HANDLE.
 */
int32_t patron_client_patron(patron_client *client, patron_handle **out, patron_error **error);

/**
 * Makes a patron of the process-wide client, which the first starts, with `builder`, and which
 * stops after the last is freed. A `builder` of NULL means the client that runs, or else the
 * defaults. Free the patron with patron_free(); freeing the last waits for the client to end, for
 * at most 5 seconds.
 *
 * Errors: as for patron_builder_start(); PATRON_E_INVALID_ARGUMENT where the client runs and was
 * started with other options.
 */
int32_t patron_shared(const struct patron_builder *builder,
                      patron_handle **out,
                      patron_error **error);

/**
 * Stops a client: no more commands are taken, deletions and moves under way are waited for,
 * trackers are told, files are flushed; all of it for at most so many milliseconds. Open replies
 * become STOPPED, and every patron gets PATRON_EVENT_CLIENT_STOPPED. The handle means nothing from
 * now on. `report` may be NULL; free what it gets with patron_report_free().
 *
 * What libtorrent has not ended by then goes on ending on a thread of its own; the report says so.
 *
 * Errors: BAD_HANDLE.
 */
int32_t patron_client_shutdown(patron_client *client,
                               uint64_t deadline_ms,
                               struct patron_report **report,
                               patron_error **error);

/**
 * Stops a client as patron_client_shutdown() does, within 5 seconds and without a report. NULL is
 * fine, and so is what was freed or shut down before.
 */
void patron_client_free(patron_client *client);

/** How long the shutdown took, in milliseconds. */
uint64_t patron_report_took(const struct patron_report *report);

/** How many torrents were open. */
size_t patron_report_torrents(const struct patron_report *report);

/** How many commands and starts got the answer that the client has stopped. */
size_t patron_report_unanswered(const struct patron_report *report);

/**
 * A torrent whose files were being deleted when the deadline came; 0 from the index on that has
 * none.
 */
uint64_t patron_report_unfinished_deletion(const struct patron_report *report,
                                           size_t index);

/**
 * A torrent whose files were being moved when the deadline came; 0 from the index on that has none.
 */
uint64_t patron_report_unfinished_move(const struct patron_report *report, size_t index);

/**
 * How many torrents had resume data that a patron wanted and did not get when the deadline came.
 */
size_t patron_report_unsaved(const struct patron_report *report);

/** Whether libtorrent has ended: trackers are told, files are flushed and closed. */
bool patron_report_engine_ended(const struct patron_report *report);

/** Whether nothing was left undone. */
bool patron_report_is_clean(const struct patron_report *report);

/** One line for a person: "stopped with 3 torrents in 0.2 s". */
patron_text patron_report_explain(const struct patron_report *report);

/** Frees a report. NULL is fine. */
void patron_report_free(struct patron_report *report);

/* ===============================================================================================
 * Patrons
 * ===============================================================================================
 *
 * A patron is a handle to a client, and the mailbox in which the events of its torrents arrive. Any
 * thread may use it, any number at once. What it is asked for is put into the client's queue, which
 * has room for 4096 commands; while it is full the caller waits. No call waits for libtorrent,
 * except where it says so.
 *
 * There are two ways to ask. A function with a `reply` gives an answer to wait for. patron_send()
 * sends the same as a message, and what comes of it arrives as events.
 *
 * A torrent is named by a number, which is never 0 and never used again. All calls give BAD_HANDLE
 * for a patron that was freed, and STOPPED when the client has ended.
 */

/** Its torrents go on as they are when it is freed; other patrons can watch them. The default. */
#define PATRON_ON_LEAVE_KEEP_SEEDING 0

/** Its torrents are paused. */
#define PATRON_ON_LEAVE_PAUSE 1

/** Its torrents are closed; their files stay. */
#define PATRON_ON_LEAVE_REMOVE 2

/** The bytes of a .torrent file. */
#define PATRON_SOURCE_BYTES 0

/** The path of a .torrent file. */
#define PATRON_SOURCE_FILE 1

/** A magnet link. */
#define PATRON_SOURCE_MAGNET 2

/**
 * A magnet link or an info hash (40 or 64 hex digits) if the text is one, else the path of a
 * .torrent file.
 */
#define PATRON_SOURCE_TEXT 3

/**
 * What patron_get_resume_data() or PATRON_EVENT_RESUME_DATA gave in an earlier run, or another
 * program's resume data with the metainfo in it. The torrent goes on as it was: its directory,
 * files, trackers, limits and flags. What the options choose goes before that.
 */
#define PATRON_SOURCE_RESUME_DATA 4

/**
 * The 20 bytes of a v1 info hash or the 32 of a v2 one: peers are found by the distributed hash
 * table and by the trackers of the options, and bring the metadata.
 */
#define PATRON_SOURCE_INFO_HASH 5

/** The files of a closed torrent stay. */
#define PATRON_REMOVE_FILES_KEEP 0

/** The files of a closed torrent are deleted, and with them the directories that become empty. */
#define PATRON_REMOVE_FILES_DELETE 1

/** As patron_pause(). Answered by PATRON_EVENT_PAUSED when it was running. */
#define PATRON_COMMAND_PAUSE 1

/** As patron_resume(). Answered by PATRON_EVENT_RESUMED when it was paused. */
#define PATRON_COMMAND_RESUME 2

/** As patron_fresh_status(). Answered by PATRON_EVENT_STATUS. */
#define PATRON_COMMAND_STATUS 3

/** As patron_get_metainfo(). Answered by PATRON_EVENT_METAINFO. */
#define PATRON_COMMAND_METAINFO 4

/** As patron_watch(). Answered by PATRON_EVENT_STATUS. */
#define PATRON_COMMAND_WATCH 5

/** As patron_unwatch(). */
#define PATRON_COMMAND_UNWATCH 6

/**
 * As patron_remove_torrent() with PATRON_REMOVE_FILES_KEEP. Answered by
 * PATRON_EVENT_TORRENT_REMOVED.
 */
#define PATRON_COMMAND_REMOVE 7

/**
 * As patron_remove_torrent() with PATRON_REMOVE_FILES_DELETE. Answered by
 * PATRON_EVENT_TORRENT_REMOVED.
 */
#define PATRON_COMMAND_REMOVE_AND_DELETE 8

/**
 * Makes another patron of the same client, with a mailbox of its own. Free it with patron_free().
 */
int32_t patron_another(patron_handle *patron, patron_handle **out, patron_error **error);

/**
 * Frees a patron, which then leaves its client: see patron_set_on_leave(). Calls that are under way
 * with it on other threads end first. NULL is fine, and so is what was freed before.
 */
void patron_free(patron_handle *patron);

/**
 * Chooses what becomes of the patron's torrents when it is freed, a PATRON_ON_LEAVE_*.
 *
 * Errors: INVALID_ARGUMENT for an unknown one.
 */
int32_t patron_set_on_leave(patron_handle *patron, int32_t policy, patron_error **error);

/**
 * Starts a torrent from `source`, which is what the PATRON_SOURCE_* `kind` says. `options` may be
 * NULL. The source is read here, on the caller's thread. The reply comes when libtorrent has taken
 * the torrent in; patron_reply_torrent() is then its id.
 *
 * Errors: INVALID_ARGUMENT for an unknown kind and for an info hash of another length. Of the
 * reply: PARSE, IO, and BUSY when libtorrent was still busy after many tries.
 */
int32_t patron_add_torrent(patron_handle *patron,
                           int32_t kind,
                           const void *source,
                           size_t source_length,
                           const patron_options *add_options,
                           patron_reply **reply,
                           patron_error **error);

/**
 * Closes a torrent. The reply comes when it is gone from the client and, with
 * PATRON_REMOVE_FILES_DELETE, its files are gone from the disk.
 *
 * Errors: INVALID_ARGUMENT for unknown `files`. Of the reply: NOT_FOUND, GONE, IO.
 */
int32_t patron_remove_torrent(patron_handle *patron,
                              uint64_t torrent_id,
                              int32_t files,
                              patron_reply **reply,
                              patron_error **error);

/**
 * Stops a torrent until it is resumed. The reply says that libtorrent has the command;
 * PATRON_EVENT_PAUSED says that it is done.
 *
 * Errors of the reply: NOT_FOUND, GONE.
 */
int32_t patron_pause(patron_handle *patron,
                     uint64_t torrent_id,
                     patron_reply **reply,
                     patron_error **error);

/**
 * Stops a torrent as patron_pause() does, but lets it finish the blocks that it has asked for and
 * was asked for.
 *
 * Errors of the reply: NOT_FOUND, GONE.
 */
int32_t patron_pause_gracefully(patron_handle *patron,
                                uint64_t torrent_id,
                                patron_reply **reply,
                                patron_error **error);

/**
 * Lets a torrent go on, also after an error or a full disk. The reply says that libtorrent has the
 * command; PATRON_EVENT_RESUMED says that it is done.
 *
 * Errors of the reply: NOT_FOUND, GONE.
 */
int32_t patron_resume(patron_handle *patron,
                      uint64_t torrent_id,
                      patron_reply **reply,
                      patron_error **error);

/**
 * Asks libtorrent how a torrent stands right now; patron_reply_status() reads the answer. For what
 * the client knows already, see patron_get_status().
 *
 * Errors of the reply: NOT_FOUND, GONE.
 */
int32_t patron_fresh_status(patron_handle *patron,
                            uint64_t torrent_id,
                            patron_reply **reply,
                            patron_error **error);

/**
 * Asks for the metainfo of a torrent, also of one that was started by a magnet link and has
 * received its metadata; patron_reply_metainfo() reads the answer.
 *
 * Errors of the reply: NOT_FOUND, GONE, NATIVE while there is no metadata.
 */
int32_t patron_get_metainfo(patron_handle *patron,
                            uint64_t torrent_id,
                            patron_reply **reply,
                            patron_error **error);

/**
 * From now on the events of a torrent that another patron started come here too; the first is its
 * status.
 *
 * Errors of the reply: NOT_FOUND, GONE.
 */
int32_t patron_watch(patron_handle *patron,
                     uint64_t torrent_id,
                     patron_reply **reply,
                     patron_error **error);

/**
 * Ends patron_watch(). Unread events of the torrent are dropped. The events of a torrent that this
 * patron started go on.
 *
 * Errors of the reply: NOT_FOUND, GONE.
 */
int32_t patron_unwatch(patron_handle *patron,
                       uint64_t torrent_id,
                       patron_reply **reply,
                       patron_error **error);

/**
 * Asks for the addresses at which the client accepts peers (TCP), with the ports that were really
 * taken; patron_reply_address() reads the answer. The reply comes when libtorrent has tried all
 * that it was told to listen on.
 *
 * Errors of the reply: the reason, when it can listen on none of them.
 */
int32_t patron_listen_addresses(patron_handle *patron,
                                patron_reply **reply,
                                patron_error **error);

/**
 * Asks for what libtorrent and the read path have counted; patron_reply_statistics() reads the
 * answer.
 */
int32_t patron_get_statistics(patron_handle *patron,
                              patron_reply **reply,
                              patron_error **error);

/**
 * Sends a command, a PATRON_COMMAND_*, as a message. What comes of it arrives as events; a failure
 * as PATRON_EVENT_COMMAND_FAILED. With `wait` false, a full queue is the error BUSY instead of a
 * wait.
 *
 * Errors: INVALID_ARGUMENT for an unknown command, NOT_FOUND for the torrent 0, BUSY.
 */
int32_t patron_send(patron_handle *patron,
                    int32_t command_kind,
                    uint64_t torrent_id,
                    bool wait,
                    patron_error **error);

/**
 * Starts a torrent by a message: as patron_add_torrent(), but what comes of it arrives as
 * PATRON_EVENT_TORRENT_ADDED, PATRON_EVENT_ALREADY_ADDED or PATRON_EVENT_ADD_FAILED. `wait` as for
 * patron_send().
 *
 * Errors: INVALID_ARGUMENT for an unknown kind and for an info hash of another length, BUSY.
 */
int32_t patron_send_add_torrent(patron_handle *patron,
                                int32_t kind,
                                const void *source,
                                size_t source_length,
                                const patron_options *add_options,
                                bool wait,
                                patron_error **error);

/* ===============================================================================================
 * Status
 * ===============================================================================================
 *
 * How torrents stand, as the client knew it at its last tick: a look into a table, which waits for
 * nothing.
 *
 * Structs, here and in other chapters, grow at their end, so a function that writes one is told its
 * size in the header that the program was compiled with: an older library fills the rest with
 * zeros, a newer one leaves out what the program does not know.
 */

/** The data on disk is compared with its hashes. */
#define PATRON_STATE_CHECKING_FILES 1

/** A magnet link's metadata is being fetched from peers (BEP 9). */
#define PATRON_STATE_DOWNLOADING_METADATA 2

/** Pieces are being downloaded. */
#define PATRON_STATE_DOWNLOADING 3

/** All wanted pieces are here, but not all pieces. */
#define PATRON_STATE_FINISHED 4

/** All pieces are here. */
#define PATRON_STATE_SEEDING 5

/** What is known from an earlier run is compared with the disk. */
#define PATRON_STATE_CHECKING_RESUME_DATA 6

/**
 * How many torrents stood at one moment, in the order of their ids. Any thread may read it, also
 * several at once.
 */
typedef struct patron_snapshot patron_snapshot;

/**
 * How a torrent stood when the client last heard of it. Sizes are bytes, rates bytes per second.
 */
typedef struct patron_status {
    /** Its id. */
    uint64_t torrent;
    /** What it is doing, a PATRON_STATE_*. */
    int32_t state;
    /** What stopped it, a PATRON_E_*, or 0; patron_snapshot_error() says more. */
    int32_t error;
    /** It does nothing until resumed. */
    bool paused;
    /** All wanted pieces are here. */
    bool finished;
    /** All pieces are here. */
    bool seeding;
    /** The metainfo is known; false for a magnet link at first. */
    bool has_metadata;
    /** From 0 to 1: of checking while files are checked, else of the wanted data. */
    float progress;
    /** Of all files. */
    uint64_t total_size;
    /** Of the pieces that are here and good. */
    uint64_t total_done;
    /** Of the files that are wanted. */
    uint64_t wanted_size;
    /** Of the wanted pieces that are here and good. */
    uint64_t wanted_done;
    /** Payload received since the torrent was started. */
    uint64_t downloaded;
    /** Payload sent since the torrent was started. */
    uint64_t uploaded;
    /** Payload received a second. */
    uint64_t download_rate;
    /** Payload sent a second. */
    uint64_t upload_rate;
    /** How long the rest takes at the present rate; -1 when done or at a standstill. */
    int64_t seconds_left;
    /** How old this knowledge is. A torrent at rest is not reported again. */
    uint64_t age_ms;
    /** Peers connected or connecting. */
    uint32_t peers;
    /** Of these, how many have everything. */
    uint32_t seeds;
    /** Connections, half-open ones included. */
    uint32_t connections;
    /** Zero. */
    uint32_t reserved;
    /** Payload received in all runs; of one that was complete from the start, 0. */
    uint64_t all_time_downloaded;
    /** Payload sent in all runs. */
    uint64_t all_time_uploaded;
    /** How long it was not paused, in all runs. */
    uint64_t active_seconds;
    /** How long it had everything and was not paused, in all runs. */
    uint64_t seeding_seconds;
    /**
     * What was sent for what was received, in all runs; of a torrent that was complete from the
     * start, for its size. 0 where both are nothing.
     */
    double ratio;
    /** Its resume data would be other than the last that was asked for. */
    bool needs_saving;
    /** Zero. */
    uint8_t more_reserved[7];
} patron_status;

/**
 * How a torrent stood at the last tick; of one that has just been started, sizes are 0 until the
 * next. `struct_size` is sizeof(patron_status). No wait.
 *
 * Errors: NOT_FOUND when the client has no such torrent; BAD_HANDLE.
 */
int32_t patron_get_status(patron_handle *patron,
                          uint64_t torrent_id,
                          struct patron_status *out,
                          size_t struct_size,
                          patron_error **error);

/**
 * Takes the status of every torrent of the client, those of other patrons included. Free the result
 * with patron_snapshot_free().
 *
 * Errors: BAD_HANDLE.
 */
int32_t patron_snapshot_take(patron_handle *patron,
                             struct patron_snapshot **out,
                             patron_error **error);

/** Frees a snapshot. NULL is fine. */
void patron_snapshot_free(struct patron_snapshot *snapshot);

/** How many torrents it has. */
size_t patron_snapshot_count(const struct patron_snapshot *snapshot);

/**
 * Writes the statuses from index `first` on into an array of `capacity` structs, and how many they
 * were to `written`. `struct_size` is sizeof(patron_status).
 *
 * Errors: INVALID_ARGUMENT for a wrong struct size.
 */
int32_t patron_snapshot_read(const struct patron_snapshot *snapshot,
                             size_t first,
                             struct patron_status *out,
                             size_t struct_size,
                             size_t capacity,
                             size_t *written,
                             patron_error **error);

/**
 * The name of a torrent; of a magnet link without one, the info hash until the metadata is here.
 */
patron_text patron_snapshot_name(const struct patron_snapshot *snapshot, size_t index);

/**
 * Writes the v1 info hash of a torrent, 20 bytes (BEP 3). False, and nothing written, where there
 * is none.
 */
bool patron_snapshot_info_hash_v1(const struct patron_snapshot *snapshot,
                                  size_t index,
                                  uint8_t (*out)[20]);

/**
 * Writes the v2 info hash of a torrent, 32 bytes (BEP 52). False, and nothing written, where there
 * is none.
 */
bool patron_snapshot_info_hash_v2(const struct patron_snapshot *snapshot,
                                  size_t index,
                                  uint8_t (*out)[32]);

/** One line for a person: "downloading 34.5 %, 1.2 GiB of 3.4 GiB, down 12.0 MiB/s, 8 peers". */
patron_text patron_snapshot_explain(const struct patron_snapshot *snapshot, size_t index);

/** What stopped a torrent; NULL if nothing did. Belongs to the snapshot. */
const patron_error *patron_snapshot_error(const struct patron_snapshot *snapshot, size_t index);

/* ===============================================================================================
 * Replies
 * ===============================================================================================
 *
 * A function that asks for something gives a reply, in which the answer arrives. It may be waited
 * for and read from any thread. Freeing a reply does not take the command back.
 */

/** Whether the answer is here, be it an error. False for a handle that means nothing. */
bool patron_reply_is_ready(patron_reply *reply);

/**
 * Waits for the answer for at most so many milliseconds; 0 only looks, a negative number waits
 * however long it takes. Gives PATRON_OK when what was asked for is done, else the code of the
 * error that the command ended with. May be called again, with the same result.
 *
 * Errors: TIMED_OUT (wait again), BAD_HANDLE, STOPPED when the client ended first, and those of the
 * command.
 */
int32_t patron_reply_wait(patron_reply *reply,
                          int64_t timeout_ms,
                          patron_error **error);

/** Of patron_add_torrent(): the torrent, new or not; 0 while it is not answered. */
uint64_t patron_reply_torrent(patron_reply *reply);

/**
 * Of patron_add_torrent(): whether the client had the torrent already, so that it was not started
 * twice. patron_watch() joins in.
 */
bool patron_reply_was_there(patron_reply *reply);

/**
 * Of patron_fresh_status(): the status. `struct_size` is sizeof(patron_status).
 *
 * Errors: INVALID_ARGUMENT when the reply has no status, or none yet; BAD_HANDLE.
 */
int32_t patron_reply_status(patron_reply *reply,
                            patron_status *out,
                            size_t struct_size,
                            patron_error **error);

/**
 * Of patron_get_metainfo(): the metainfo, a new object for each call. Free it with
 * patron_metainfo_free().
 *
 * Errors: INVALID_ARGUMENT when the reply has no metainfo, or none yet; BAD_HANDLE.
 */
int32_t patron_reply_metainfo(patron_reply *reply, patron_metainfo **out, patron_error **error);

/**
 * Of patron_get_statistics(): the statistics, a new object for each call. Free it with
 * patron_statistics_free().
 *
 * Errors: INVALID_ARGUMENT when the reply has no statistics, or none yet; BAD_HANDLE.
 */
int32_t patron_reply_statistics(patron_reply *reply, patron_statistics **out, patron_error **error);

/** Of patron_listen_addresses(): how many addresses there are. */
size_t patron_reply_address_count(patron_reply *reply);

/** Of patron_listen_addresses(): an address, "127.0.0.1:6881". Good until the reply is freed. */
patron_text patron_reply_address(patron_reply *reply, size_t index);

/**
 * Of patron_get_resume_data(), patron_read_piece() and patron_save_state(): the bytes. Good until
 * the reply is freed.
 */
patron_bytes patron_reply_bytes(patron_reply *reply);

/**
 * Of patron_all_paused() and patron_dht_is_running(): whether it is so; false while it is not
 * answered.
 */
bool patron_reply_is_true(patron_reply *reply);

/**
 * Of patron_rename_file(): where the file is now below the save directory. Of patron_move_storage()
 * and patron_get_torrent_options(): the directory that holds the files. Good until the reply is
 * freed.
 */
patron_text patron_reply_path(patron_reply *reply);

/** Frees a reply. NULL is fine, and so is what was freed before. */
void patron_reply_free(patron_reply *reply);

/* ===============================================================================================
 * Files
 * ===============================================================================================
 *
 * The files of a torrent: which there are, how far each has come, how much it is wanted, and where
 * they lie. Files are counted from 0, in the order of the metainfo.
 *
 * Errors of the replies, here and in the chapters below: NOT_FOUND, GONE; NATIVE while a magnet
 * link has no metadata; INVALID_ARGUMENT for a file or a piece that the torrent does not have.
 */

/** Of the numbers that say how much a file or a piece is wanted, 0 to 7: it is not downloaded. */
#define PATRON_PRIORITY_SKIP 0

/** After all others. */
#define PATRON_PRIORITY_LOW 1

/** What nobody chose for. */
#define PATRON_PRIORITY_DEFAULT 4

/** Before all others. */
#define PATRON_PRIORITY_TOP 7

/** Where a file is already, the move fails, and nothing is moved. */
#define PATRON_EXISTING_FAIL 0

/** The file that is there is overwritten. */
#define PATRON_EXISTING_REPLACE 1

/**
 * The file that is there is kept, and the one of the torrent is left behind. What is there is then
 * checked.
 */
#define PATRON_EXISTING_KEEP 2

/** The files of a torrent at one moment. Any thread may read it, also several at once. */
typedef struct patron_files patron_files;

/** One file of a torrent and how far it has come. */
typedef struct patron_file_status {
    /** In bytes. */
    uint64_t size;
    /** How many of them are here; of pieces that are not complete, those of the blocks that are. */
    uint64_t done;
    /** How much it is wanted, from PATRON_PRIORITY_SKIP to PATRON_PRIORITY_TOP. */
    int32_t priority;
    /** It only fills up to a piece boundary, and is not on disk (BEP 47). */
    bool pad;
    /** Zero. */
    uint8_t reserved[3];
} patron_file_status;

/** Asks for the files of a torrent; patron_reply_files() reads the answer. */
int32_t patron_get_files(patron_handle *patron,
                         uint64_t torrent_id,
                         patron_reply **reply,
                         patron_error **error);

/**
 * Of patron_get_files(): the files, a new object for each call. Free it with patron_files_free().
 *
 * Errors: INVALID_ARGUMENT when the reply has no files, or none yet; BAD_HANDLE.
 */
int32_t patron_reply_files(patron_reply *reply, struct patron_files **out, patron_error **error);

/** Frees the list. NULL is fine. */
void patron_files_free(struct patron_files *files);

/** How many files there are, pad files included. */
size_t patron_files_count(const struct patron_files *files);

/**
 * Writes the files from index `first` on into an array of `capacity` structs, and how many they
 * were to `written`. `struct_size` is sizeof(patron_file_status).
 *
 * Errors: INVALID_ARGUMENT for a wrong struct size.
 */
int32_t patron_files_read(const struct patron_files *files,
                          size_t first,
                          struct patron_file_status *out,
                          size_t struct_size,
                          size_t capacity,
                          size_t *written,
                          patron_error **error);

/** Where a file is below the save directory; the new place of one that was renamed. */
patron_text patron_files_path(const struct patron_files *files, size_t index);

/**
 * Says how much a file is wanted, from PATRON_PRIORITY_SKIP to PATRON_PRIORITY_TOP. What is skipped
 * is not downloaded, but for the pieces that it shares with its neighbours.
 *
 * Errors: INVALID_ARGUMENT for another priority.
 */
int32_t patron_set_file_priority(patron_handle *patron,
                                 uint64_t torrent_id,
                                 uint32_t file_index,
                                 int32_t priority,
                                 patron_reply **reply,
                                 patron_error **error);

/**
 * Says how much each file is wanted: a byte for each of as many files as there are.
 *
 * Errors: INVALID_ARGUMENT for a byte that is no priority; of the reply for another number of
 * files.
 */
int32_t patron_set_file_priorities(patron_handle *patron,
                                   uint64_t torrent_id,
                                   const uint8_t *priorities,
                                   size_t count,
                                   patron_reply **reply,
                                   patron_error **error);

/**
 * Gives a file another path below the save directory, on the disk too. The reply comes when that is
 * done, as does PATRON_EVENT_FILE_RENAMED; patron_reply_path() is then the new path. The metainfo
 * stays as it is.
 *
 * Errors of the reply: INVALID_ARGUMENT for a path that is empty, absolute or has "..", and where a
 * file of that name is already: nothing is overwritten. IO when the system refuses.
 */
int32_t patron_rename_file(patron_handle *patron,
                           uint64_t torrent_id,
                           uint32_t file_index,
                           const char *new_path,
                           size_t new_path_length,
                           patron_reply **reply,
                           patron_error **error);

/**
 * Moves the files to another directory, which is made if need be. `existing`, a PATRON_EXISTING_*,
 * says what is done where a file is already. The reply comes when they are there, as does
 * PATRON_EVENT_MOVED; patron_reply_path() is then the directory.
 *
 * Errors: INVALID_ARGUMENT for unknown `existing`. Of the reply: IO when the directory cannot be
 * made, when a file is there already and is not to be replaced or kept, and when the system
 * refuses; the files are then where they were.
 */
int32_t patron_move_storage(patron_handle *patron,
                            uint64_t torrent_id,
                            const char *directory,
                            size_t directory_length,
                            int32_t existing,
                            patron_reply **reply,
                            patron_error **error);

/**
 * Asks for all that a later run needs to go on where the torrent stands now, with the metainfo in
 * it; patron_reply_bytes() reads the answer. To be kept, and given to patron_add_torrent() as
 * PATRON_SOURCE_RESUME_DATA.
 */
int32_t patron_get_resume_data(patron_handle *patron,
                               uint64_t torrent_id,
                               patron_reply **reply,
                               patron_error **error);

/**
 * Closes the files of a torrent: what libtorrent and the system hold back is on its way to the disk
 * then. They are opened again when they are needed.
 */
int32_t patron_flush_files(patron_handle *patron,
                           uint64_t torrent_id,
                           patron_reply **reply,
                           patron_error **error);

/**
 * Gives a magnet link its metadata, where the program has it from elsewhere.
 *
 * Errors of the reply: INVALID_ARGUMENT for the metainfo of another torrent, and for a torrent that
 * has its metadata.
 */
int32_t patron_give_metainfo(patron_handle *patron,
                             uint64_t torrent_id,
                             const patron_metainfo *metainfo,
                             patron_reply **reply,
                             patron_error **error);

/* ===============================================================================================
 * Pieces
 * ===============================================================================================
 *
 * Which pieces of a torrent are here, and how the rest can be had. Pieces are counted from 0.
 */

/** The pieces of a torrent at one moment. Any thread may read it, also several at once. */
typedef struct patron_pieces patron_pieces;

/** A piece on its way, in blocks of 16 KiB. */
typedef struct patron_partial_piece {
    /** Its index. */
    uint32_t piece;
    /** Its blocks. */
    uint32_t blocks;
    /** Those that are on disk. */
    uint32_t finished;
    /** Those that are being written. */
    uint32_t writing;
    /** Those that peers were asked for. */
    uint32_t requested;
    /** Zero. */
    uint32_t reserved;
} patron_partial_piece;

/** Asks for the pieces of a torrent; patron_reply_pieces() reads the answer. */
int32_t patron_get_pieces(patron_handle *patron,
                          uint64_t torrent_id,
                          patron_reply **reply,
                          patron_error **error);

/**
 * Of patron_get_pieces(): the pieces, a new object for each call. Free it with
 * patron_pieces_free().
 *
 * Errors: INVALID_ARGUMENT when the reply has no pieces, or none yet; BAD_HANDLE.
 */
int32_t patron_reply_pieces(patron_reply *reply,
                            struct patron_pieces **out,
                            patron_error **error);

/** Frees the map. NULL is fine. */
void patron_pieces_free(struct patron_pieces *pieces);

/** How many pieces there are. */
size_t patron_pieces_count(const struct patron_pieces *pieces);

/** How many pieces are here. */
size_t patron_pieces_done(const struct patron_pieces *pieces);

/** A byte for each piece: 1 if it is here and has passed its hash check, else 0. */
patron_bytes patron_pieces_have(const struct patron_pieces *pieces);

/**
 * A byte for each piece: how much it is wanted, from PATRON_PRIORITY_SKIP to PATRON_PRIORITY_TOP.
 */
patron_bytes patron_pieces_priorities(const struct patron_pieces *pieces);

/**
 * A number for each piece: how many connected peers have it. NULL while the torrent seeds: nobody
 * counts then.
 */
const uint32_t *patron_pieces_availability(const struct patron_pieces *pieces);

/** How many pieces there are of which some blocks are here, or asked for. */
size_t patron_pieces_partial_count(const struct patron_pieces *pieces);

/**
 * Writes the pieces of which some blocks are here, or asked for, from the one with the number
 * `first` on, into an array of `capacity` structs, and how many they were to `written`.
 * `struct_size` is sizeof(patron_partial_piece).
 *
 * Errors: INVALID_ARGUMENT for a wrong struct size.
 */
int32_t patron_pieces_read_partial(const struct patron_pieces *pieces,
                                   size_t first,
                                   struct patron_partial_piece *out,
                                   size_t struct_size,
                                   size_t capacity,
                                   size_t *written,
                                   patron_error **error);

/**
 * Says how much a piece is wanted, from PATRON_PRIORITY_SKIP to PATRON_PRIORITY_TOP. Choosing among
 * files later chooses anew among pieces.
 *
 * Errors: INVALID_ARGUMENT for another priority.
 */
int32_t patron_set_piece_priority(patron_handle *patron,
                                  uint64_t torrent_id,
                                  uint32_t piece_index,
                                  int32_t priority,
                                  patron_reply **reply,
                                  patron_error **error);

/**
 * Says how much each piece is wanted: a byte for each of as many pieces as there are.
 *
 * Errors: INVALID_ARGUMENT for a byte that is no priority; of the reply for another number of
 * pieces.
 */
int32_t patron_set_piece_priorities(patron_handle *patron,
                                    uint64_t torrent_id,
                                    const uint8_t *priorities,
                                    size_t count,
                                    patron_reply **reply,
                                    patron_error **error);

/**
 * Wants a piece within so many milliseconds: those that are due soonest are asked for first, of the
 * fastest peers, as a player needs it. A negative number takes the deadline back.
 */
int32_t patron_set_piece_deadline(patron_handle *patron,
                                  uint64_t torrent_id,
                                  uint32_t piece_index,
                                  int64_t within_ms,
                                  patron_reply **reply,
                                  patron_error **error);

/** Takes back the deadlines of all pieces. */
int32_t patron_clear_piece_deadlines(patron_handle *patron,
                                     uint64_t torrent_id,
                                     patron_reply **reply,
                                     patron_error **error);

/**
 * Whether the first and the last piece of each file are wanted before the others, as by a player
 * that looks there for the index; false wants them as the rest of their file.
 */
int32_t patron_set_ends_first(patron_handle *patron,
                              uint64_t torrent_id,
                              bool ends_first,
                              patron_reply **reply,
                              patron_error **error);

/**
 * Asks for the bytes of a piece that is here; patron_reply_bytes() reads the answer.
 *
 * Errors of the reply: NATIVE or IO when it is not here or cannot be read.
 */
int32_t patron_read_piece(patron_handle *patron,
                          uint64_t torrent_id,
                          uint32_t piece_index,
                          patron_reply **reply,
                          patron_error **error);

/**
 * Hands in a piece that the program has from elsewhere, whole. It is hashed as if a peer had sent
 * it; one that is here already is left as it is.
 *
 * Errors of the reply: INVALID_ARGUMENT for a length that is not the piece's.
 */
int32_t patron_add_piece(patron_handle *patron,
                         uint64_t torrent_id,
                         uint32_t piece_index,
                         const uint8_t *data,
                         size_t length,
                         patron_reply **reply,
                         patron_error **error);

/**
 * Compares the files with their hashes again. PATRON_EVENT_CHECKED says that it is done, and
 * patron_get_pieces() what came of it.
 */
int32_t patron_recheck(patron_handle *patron,
                       uint64_t torrent_id,
                       patron_reply **reply,
                       patron_error **error);

/* ===============================================================================================
 * How a torrent is set up
 * ===============================================================================================
 *
 * Switches, limits, and the queue. They can be changed at any time.
 */

/** Nothing is downloaded; what is here is served. A full disk switches it on. */
#define PATRON_FLAG_UPLOAD_MODE 1

/** Only as much is downloaded as helps others: for one who wants to seed what he does not want. */
#define PATRON_FLAG_SHARE_MODE 2

/** Peers that the IP filter blocks are refused. On unless switched off. */
#define PATRON_FLAG_APPLY_IP_FILTER 4

/**
 * libtorrent starts and stops it: as many run as the "active_" settings allow, in the order of the
 * queue.
 */
#define PATRON_FLAG_AUTO_MANAGED 8

/**
 * Each piece is offered to one peer at a time, so that the first copy spreads with the least
 * sending (BEP 16).
 */
#define PATRON_FLAG_SUPER_SEEDING 16

/** Pieces are asked for in their order. */
#define PATRON_FLAG_SEQUENTIAL 32

/** It is paused when it would begin to download or to seed. */
#define PATRON_FLAG_STOP_WHEN_READY 64

/** It is not announced to the distributed hash table. */
#define PATRON_FLAG_NO_DHT 128

/** It is not announced on the local network. */
#define PATRON_FLAG_NO_LOCAL_DISCOVERY 256

/** Peers are not told of other peers. */
#define PATRON_FLAG_NO_PEER_EXCHANGE 512

/** One place nearer to the front of the queue. */
#define PATRON_QUEUE_UP 0

/** One place nearer to the end. */
#define PATRON_QUEUE_DOWN 1

/** To the front. */
#define PATRON_QUEUE_TOP 2

/** To the end. */
#define PATRON_QUEUE_BOTTOM 3

/**
 * A torrent that has reached a goal is paused. When it is resumed it seeds on: the goals are gone.
 */
#define PATRON_GOAL_PAUSE 0

/** It is closed; its files stay. */
#define PATRON_GOAL_REMOVE 1

/** It is closed and its files are deleted. */
#define PATRON_GOAL_REMOVE_AND_DELETE 2

/** It seeds on, by super-seeding: as little as the swarm needs. */
#define PATRON_GOAL_SUPER_SEED 3

/** How a torrent is set up at present; patron_reply_path() is where its files are. */
typedef struct patron_torrent_options {
    /** How many bytes a second it may receive; -1: as the client may. */
    int64_t download_limit;
    /** How many bytes a second it may send; -1: as the client may. */
    int64_t upload_limit;
    /** How many peers it may be connected to; -1: as many as the client. */
    int64_t connections_limit;
    /** How many peers it may serve at once; -1: as many as the client. */
    int64_t upload_slots;
    /**
     * Its place among the torrents that are not complete, the first is 0; -1 when it is complete.
     */
    int64_t queue_position;
    /** The PATRON_FLAG_* that are on, combined by "or". */
    int32_t flags;
    /** Zero. */
    uint32_t reserved;
} patron_torrent_options;

/**
 * Asks how a torrent is set up; patron_reply_torrent_options() and patron_reply_path() read the
 * answer.
 */
int32_t patron_get_torrent_options(patron_handle *patron,
                                   uint64_t torrent_id,
                                   patron_reply **reply,
                                   patron_error **error);

/**
 * Of patron_get_torrent_options(): the options. `struct_size` is sizeof(patron_torrent_options).
 *
 * Errors: INVALID_ARGUMENT when the reply has no options, or none yet; BAD_HANDLE.
 */
int32_t patron_reply_torrent_options(patron_reply *reply,
                                     struct patron_torrent_options *out,
                                     size_t struct_size,
                                     patron_error **error);

/**
 * Switches a flag, one PATRON_FLAG_*, on or off.
 *
 * Errors: INVALID_ARGUMENT for an unknown flag and for more than one.
 */
int32_t patron_set_flag(patron_handle *patron,
                        uint64_t torrent_id,
                        int32_t flag,
                        bool on,
                        patron_reply **reply,
                        patron_error **error);

/** How many bytes a second a torrent may receive; 0 or less: as the client may. */
int32_t patron_set_download_limit(patron_handle *patron,
                                  uint64_t torrent_id,
                                  int64_t rate,
                                  patron_reply **reply,
                                  patron_error **error);

/** How many bytes a second a torrent may send; 0 or less: as the client may. */
int32_t patron_set_upload_limit(patron_handle *patron,
                                uint64_t torrent_id,
                                int64_t rate,
                                patron_reply **reply,
                                patron_error **error);

/** How many peers a torrent may be connected to, at least 2; 0 or less: as many as the client. */
int32_t patron_set_connections_limit(patron_handle *patron,
                                     uint64_t torrent_id,
                                     int64_t peers,
                                     patron_reply **reply,
                                     patron_error **error);

/** How many peers a torrent may serve at once; 0 or less: as many as the client. */
int32_t patron_set_upload_slots(patron_handle *patron,
                                uint64_t torrent_id,
                                int64_t peers,
                                patron_reply **reply,
                                patron_error **error);

/**
 * When a torrent has given back enough, and what then becomes of it, a PATRON_GOAL_*; these goals
 * take the place of those before. `share_ratio` is what was sent for what was received,
 * `seed_seconds` how long it had everything and was not paused, both in all runs; negative is no
 * such goal, and the first that is reached counts. It is looked at each tick;
 * PATRON_EVENT_GOAL_REACHED says that it is so. Goals are kept in resume data.
 *
 * Errors: INVALID_ARGUMENT for an unknown action and for a share ratio that is no number.
 */
int32_t patron_set_goals(patron_handle *patron,
                         uint64_t torrent_id,
                         double share_ratio,
                         int64_t seed_seconds,
                         int32_t action,
                         patron_reply **reply,
                         patron_error **error);

/**
 * Gives a torrent for TLS the certificate that its peers ask for, in PEM: the certificate, signed
 * by the one in the metainfo ("ssl-cert"); its private key; the parameters of Diffie and Hellman.
 * One that libtorrent refuses is a PATRON_EVENT_ERROR.
 */
int32_t patron_set_tls_certificate(patron_handle *patron,
                                   uint64_t torrent_id,
                                   const char *certificate,
                                   size_t certificate_length,
                                   const char *private_key,
                                   size_t private_key_length,
                                   const char *dh_parameters,
                                   size_t dh_parameters_length,
                                   patron_reply **reply,
                                   patron_error **error);

/**
 * Moves a torrent in the queue of those that are not complete, by a PATRON_QUEUE_*. The queue says
 * which of the torrents with PATRON_FLAG_AUTO_MANAGED run.
 *
 * Errors: INVALID_ARGUMENT for an unknown move.
 */
int32_t patron_move_in_queue(patron_handle *patron,
                             uint64_t torrent_id,
                             int32_t queue_move,
                             patron_reply **reply,
                             patron_error **error);

/** Moves a torrent to a place in that queue, the first is 0; beyond the end is the end. */
int32_t patron_set_queue_position(patron_handle *patron,
                                  uint64_t torrent_id,
                                  uint32_t position,
                                  patron_reply **reply,
                                  patron_error **error);

/* ===============================================================================================
 * Peers
 * ===============================================================================================
 *
 * Whom a torrent is connected to.
 */

/** The peer is a BitTorrent client. */
#define PATRON_PEER_CLIENT 0

/** A web server (BEP 19). */
#define PATRON_PEER_WEB_SEED 1

/** A web server with a script (BEP 17). */
#define PATRON_PEER_HTTP_SEED 2

/** The bytes travel by TCP. */
#define PATRON_TRANSPORT_TCP 0

/** By uTP (BEP 29). */
#define PATRON_TRANSPORT_UTP 1

/** By the I2P network. */
#define PATRON_TRANSPORT_I2P 2

/** Nothing hides the bytes on their way. */
#define PATRON_ENCRYPTION_NONE 0

/** The handshake alone is obfuscated (MSE). */
#define PATRON_ENCRYPTION_HANDSHAKE 1

/** All is obfuscated with RC4 (MSE). */
#define PATRON_ENCRYPTION_RC4 2

/** TLS, of a torrent with a certificate. */
#define PATRON_ENCRYPTION_TLS 3

/** A tracker named the peer. */
#define PATRON_PEER_SOURCE_TRACKER 1

/** The distributed hash table did (BEP 5). */
#define PATRON_PEER_SOURCE_DHT 2

/** Another peer did (BEP 11). */
#define PATRON_PEER_SOURCE_PEER_EXCHANGE 4

/** It is on the local network (BEP 14). */
#define PATRON_PEER_SOURCE_LOCAL_DISCOVERY 8

/** It is known from an earlier run. */
#define PATRON_PEER_SOURCE_RESUME_DATA 16

/** It called us. */
#define PATRON_PEER_SOURCE_INCOMING 32

/** The peers of a torrent at one moment. Any thread may read it, also several at once. */
typedef struct patron_peers patron_peers;

/** A peer that is connected or being connected to. Rates are bytes per second. */
typedef struct patron_peer {
    /** Payload and protocol received a second. */
    uint64_t download_rate;
    /** Payload and protocol sent a second. */
    uint64_t upload_rate;
    /** Payload received, in bytes. */
    uint64_t downloaded;
    /** Payload sent, in bytes. */
    uint64_t uploaded;
    /** Since anything was sent or received, in milliseconds. */
    uint64_t idle_ms;
    /** How long a connection to it takes to open, in milliseconds. */
    uint64_t round_trip_ms;
    /** What it is, a PATRON_PEER_*. */
    int32_t kind;
    /** How the bytes travel, a PATRON_TRANSPORT_*. */
    int32_t transport;
    /** What hides them, a PATRON_ENCRYPTION_*. */
    int32_t encryption;
    /** How it was found, all PATRON_PEER_SOURCE_* that apply, combined by "or". */
    int32_t sources;
    /** Blocks that it was asked for. */
    uint32_t requested;
    /** Blocks that it asked for. */
    uint32_t requests;
    /** Pieces that failed their hash check and that it had part in. */
    uint32_t hash_failures;
    /** How often in a row connecting to it failed. */
    uint32_t failures;
    /** How much of the torrent it has, from 0 to 1. */
    float progress;
    /** Its peer id (BEP 20). */
    uint8_t id[20];
    /** It has everything. */
    bool seed;
    /** We called it, rather than it us. */
    bool outgoing;
    /** The connection is not made, or the handshakes are not done. */
    bool connecting;
    /** We want pieces that it has. */
    bool interesting;
    /** We do not serve it at present. */
    bool choked;
    /** It wants pieces that we have. */
    bool interested;
    /** It does not serve us at present. */
    bool choking;
    /** It served us, and has not for long. */
    bool snubbed;
    /** It is served out of turn, to find out how well it serves us. */
    bool optimistic_unchoke;
    /** It had part in a piece that failed its hash check. */
    bool suspected;
    /** Zero. */
    uint8_t reserved[6];
} patron_peer;

/**
 * Asks for the peers that a torrent is connected or connecting to; patron_reply_peers() reads the
 * answer.
 */
int32_t patron_get_peers(patron_handle *patron,
                         uint64_t torrent_id,
                         patron_reply **reply,
                         patron_error **error);

/**
 * Of patron_get_peers(): the peers, a new object for each call. Free it with patron_peers_free().
 *
 * Errors: INVALID_ARGUMENT when the reply has no peers, or none yet; BAD_HANDLE.
 */
int32_t patron_reply_peers(patron_reply *reply, struct patron_peers **out, patron_error **error);

/** Frees the list. NULL is fine. */
void patron_peers_free(struct patron_peers *peers);

/** How many peers there are. */
size_t patron_peers_count(const struct patron_peers *peers);

/**
 * Writes the peers from index `first` on into an array of `capacity` structs, and how many they
 * were to `written`. `struct_size` is sizeof(patron_peer).
 *
 * Errors: INVALID_ARGUMENT for a wrong struct size.
 */
int32_t patron_peers_read(const struct patron_peers *peers,
                          size_t first,
                          struct patron_peer *out,
                          size_t struct_size,
                          size_t capacity,
                          size_t *written,
                          patron_error **error);

/**
 * Where a peer is, "127.0.0.1:6881"; empty for a web seed whose name is not looked up yet, and for
 * an I2P peer.
 */
patron_text patron_peers_address(const struct patron_peers *peers,
                                 size_t index);

/** Our end of the connection to a peer, likewise. */
patron_text patron_peers_local_address(const struct patron_peers *peers, size_t index);

/**
 * The name that the client of a peer gives itself, or that its peer id tells; of a web seed, its
 * URL.
 */
patron_text patron_peers_client(const struct patron_peers *peers,
                                size_t index);

/**
 * Tells a torrent of a peer, written "127.0.0.1:6881" or "[::1]:6881", which it calls when it wants
 * one.
 *
 * Errors: INVALID_ARGUMENT for what is no address and port; of the reply, where the client is
 * offline and the peer is not on the loopback interface.
 */
int32_t patron_connect_peer(patron_handle *patron,
                            uint64_t torrent_id,
                            const char *address,
                            size_t address_length,
                            patron_reply **reply,
                            patron_error **error);

/** Forgets all peers that a torrent knows of, and ends its connections. */
int32_t patron_clear_peers(patron_handle *patron,
                           uint64_t torrent_id,
                           patron_reply **reply,
                           patron_error **error);

/* ===============================================================================================
 * Trackers and web seeds
 * ===============================================================================================
 *
 * Where the peers and the pieces of a torrent come from. A URL that is none, that the torrent does
 * not have, or that leaves the loopback interface where the client is offline is INVALID_ARGUMENT,
 * as an error of the reply.
 */

/** The metainfo named the tracker first. */
#define PATRON_TRACKER_SOURCE_METAINFO 0

/** The program did. */
#define PATRON_TRACKER_SOURCE_PROGRAM 1

/** A magnet link did. */
#define PATRON_TRACKER_SOURCE_MAGNET 2

/** Another peer did (BEP 28). */
#define PATRON_TRACKER_SOURCE_PEER 3

/**
 * The trackers of a torrent at one moment, those of the lowest tier first, and all announces to
 * them in the order of the trackers. Any thread may read it, also several at once.
 */
typedef struct patron_trackers patron_trackers;

/** A tracker; its announces tell how it does. */
typedef struct patron_tracker_status {
    /** How it was found, a PATRON_TRACKER_SOURCE_*. */
    int32_t source;
    /** Those of a lower tier are tried first (BEP 12). */
    uint8_t tier;
    /** It has answered since the torrent was started. */
    bool working;
    /** Zero. */
    uint8_t reserved[2];
} patron_tracker_status;

/**
 * How announcing to a tracker goes, by one address that the client listens on and one info hash of
 * the torrent.
 */
typedef struct patron_announce {
    /** Until the next one, in milliseconds; -1 when none is planned. */
    int64_t next_ms;
    /** How many have everything, as the tracker says; -1 when it has not said. */
    int64_t seeds;
    /** How many have not, likewise. */
    int64_t leechers;
    /** How often the torrent was downloaded, likewise. */
    int64_t downloads;
    /** The index of the tracker. */
    uint32_t tracker;
    /** How many failed in a row. */
    uint32_t failures;
    /** Why the last one failed, a PATRON_E_*, or 0; patron_trackers_announce_error() says more. */
    int32_t error;
    /** 1 or 2: with the v1 or the v2 info hash. */
    uint8_t protocol;
    /** One is under way. */
    bool updating;
    /** Zero. */
    uint8_t reserved[2];
} patron_announce;

/** Asks for the trackers of a torrent; patron_reply_trackers() reads the answer. */
int32_t patron_get_trackers(patron_handle *patron,
                            uint64_t torrent_id,
                            patron_reply **reply,
                            patron_error **error);

/**
 * Of patron_get_trackers(): the trackers, a new object for each call. Free it with
 * patron_trackers_free().
 *
 * Errors: INVALID_ARGUMENT when the reply has no trackers, or none yet; BAD_HANDLE.
 */
int32_t patron_reply_trackers(patron_reply *reply,
                              struct patron_trackers **out,
                              patron_error **error);

/** Frees the list. NULL is fine. */
void patron_trackers_free(struct patron_trackers *trackers);

/** How many trackers there are. */
size_t patron_trackers_count(const struct patron_trackers *trackers);

/**
 * Writes the trackers from index `first` on into an array of `capacity` structs, and how many they
 * were to `written`. `struct_size` is sizeof(patron_tracker_status).
 *
 * Errors: INVALID_ARGUMENT for a wrong struct size.
 */
int32_t patron_trackers_read(const struct patron_trackers *trackers,
                             size_t first,
                             struct patron_tracker_status *out,
                             size_t struct_size,
                             size_t capacity,
                             size_t *written,
                             patron_error **error);

/** The announce URL of a tracker. */
patron_text patron_trackers_url(const struct patron_trackers *trackers, size_t index);

/** How many announces there are, of all trackers. */
size_t patron_trackers_announce_count(const struct patron_trackers *trackers);

/**
 * Writes the announces from index `first` on into an array of `capacity` structs, and how many they
 * were to `written`. `struct_size` is sizeof(patron_announce).
 *
 * Errors: INVALID_ARGUMENT for a wrong struct size.
 */
int32_t patron_trackers_read_announces(const struct patron_trackers *trackers,
                                       size_t first,
                                       struct patron_announce *out,
                                       size_t struct_size,
                                       size_t capacity,
                                       size_t *written,
                                       patron_error **error);

/** Of an announce: the address that the client listens on, "127.0.0.1:6881". */
patron_text patron_trackers_announce_from(const struct patron_trackers *trackers, size_t index);

/** Of an announce: what the tracker said, if it said something: a warning or why it refused. */
patron_text patron_trackers_announce_message(const struct patron_trackers *trackers, size_t index);

/** Of an announce: why the last one failed; NULL if it did not. Belongs to the list. */
const patron_error *patron_trackers_announce_error(const struct patron_trackers *trackers,
                                                   size_t index);

/**
 * Adds a tracker; one that is there already stays as it is. Those of a lower tier are tried first
 * (BEP 12).
 */
int32_t patron_add_tracker(patron_handle *patron,
                           uint64_t torrent_id,
                           const char *url,
                           size_t url_length,
                           uint8_t tier,
                           patron_reply **reply,
                           patron_error **error);

/** Removes a tracker. */
int32_t patron_remove_tracker(patron_handle *patron,
                              uint64_t torrent_id,
                              const char *url,
                              size_t url_length,
                              patron_reply **reply,
                              patron_error **error);

/**
 * Puts these trackers in the place of those that a torrent has: a URL on each line, and an empty
 * line before each tier but the first. An empty text removes all.
 */
int32_t patron_replace_trackers(patron_handle *patron,
                                uint64_t torrent_id,
                                const char *urls,
                                size_t urls_length,
                                patron_reply **reply,
                                patron_error **error);

/**
 * Announces a torrent to its trackers now, whatever interval they asked for. A paused torrent is
 * not announced.
 */
int32_t patron_reannounce(patron_handle *patron,
                          uint64_t torrent_id,
                          patron_reply **reply,
                          patron_error **error);

/**
 * Asks all trackers how many seeds and leechers they know of (BEP 48). What they answer is in
 * patron_get_trackers().
 */
int32_t patron_scrape(patron_handle *patron,
                      uint64_t torrent_id,
                      patron_reply **reply,
                      patron_error **error);

/** Announces a torrent to the distributed hash table now (BEP 5). */
int32_t patron_announce_to_dht(patron_handle *patron,
                               uint64_t torrent_id,
                               patron_reply **reply,
                               patron_error **error);

/** Announces a torrent on the local network now (BEP 14). */
int32_t patron_announce_locally(patron_handle *patron,
                                uint64_t torrent_id,
                                patron_reply **reply,
                                patron_error **error);

/** Asks for the web seeds of a torrent; patron_reply_web_seed() reads the answer. */
int32_t patron_get_web_seeds(patron_handle *patron,
                             uint64_t torrent_id,
                             patron_reply **reply,
                             patron_error **error);

/** Of patron_get_web_seeds(): how many there are. */
size_t patron_reply_web_seed_count(patron_reply *reply);

/** Of patron_get_web_seeds(): the URL of one. Good until the reply is freed. */
patron_text patron_reply_web_seed(patron_reply *reply, size_t index);

/** Adds a web seed (BEP 19). That of a torrent with more than one file ends in "/". */
int32_t patron_add_web_seed(patron_handle *patron,
                            uint64_t torrent_id,
                            const char *url,
                            size_t url_length,
                            patron_reply **reply,
                            patron_error **error);

/** Removes a web seed. */
int32_t patron_remove_web_seed(patron_handle *patron,
                               uint64_t torrent_id,
                               const char *url,
                               size_t url_length,
                               patron_reply **reply,
                               patron_error **error);

/* ===============================================================================================
 * IP filters
 * ===============================================================================================
 *
 * Addresses that a client has nothing to do with: no peer there is called, none is let in. A filter
 * is used by one thread at a time; patron_set_ip_filter() puts it to use.
 */

/** Ranges of addresses that are blocked. */
typedef struct patron_ip_filter patron_ip_filter;

/** Makes a filter that blocks nothing. Free it with patron_ip_filter_free(). */
int32_t patron_ip_filter_new(struct patron_ip_filter **out, patron_error **error);

/**
 * Reads a blocklist as other programs have it, a rule to a line: P2P (PeerGuardian, "a
 * name:1.2.3.4-1.2.3.9"), DAT (eMule, "001.002.003.004 - 001.002.003.009 , 100 , a name"), single
 * addresses, ranges ("1.2.3.4-1.2.3.9") and networks ("1.2.3.0/24"), of IPv6 too. Free the filter
 * with patron_ip_filter_free().
 *
 * Errors: IO when the file cannot be read. PARSE, with the line, for one that has no such form; for
 * a file that is compressed, that has no rule, or that is too large.
 */
int32_t patron_ip_filter_read(const char *file,
                              size_t file_length,
                              struct patron_ip_filter **out,
                              patron_error **error);

/**
 * As patron_ip_filter_read(), of what such a file has in it.
 *
 * Errors: PARSE.
 */
int32_t patron_ip_filter_parse(const uint8_t *data,
                               size_t length,
                               struct patron_ip_filter **out,
                               patron_error **error);

/** Frees a filter. NULL is fine. */
void patron_ip_filter_free(struct patron_ip_filter *filter);

/**
 * Blocks all addresses from the lowest to the highest, both included, written "192.0.2.1" or
 * "2001:db8::1".
 *
 * Errors: INVALID_ARGUMENT for what is no address, for a range that ends before it begins, and for
 * one from IPv4 to IPv6.
 */
int32_t patron_ip_filter_block(struct patron_ip_filter *filter,
                               const char *lowest,
                               size_t lowest_length,
                               const char *highest,
                               size_t highest_length,
                               patron_error **error);

/** Whether an address is blocked; false for what is none. */
bool patron_ip_filter_blocks(const struct patron_ip_filter *filter,
                             const char *ip_address,
                             size_t ip_address_length);

/** How many ranges are blocked. */
size_t patron_ip_filter_count(const struct patron_ip_filter *filter);

/** The lowest address of a range. */
patron_text patron_ip_filter_lowest(const struct patron_ip_filter *filter, size_t index);

/** The highest address of a range. */
patron_text patron_ip_filter_highest(const struct patron_ip_filter *filter, size_t index);

/* ===============================================================================================
 * The client as a whole
 * ===============================================================================================
 *
 * What concerns all torrents of a client, those of other patrons included.
 */

/**
 * Asks for all settings as libtorrent has them now, those that have their default included;
 * patron_reply_settings() reads the answer.
 */
int32_t patron_get_settings(patron_handle *patron, patron_reply **reply, patron_error **error);

/**
 * Of patron_get_settings(): the settings, a new object for each call. Free it with
 * patron_settings_free().
 *
 * Errors: INVALID_ARGUMENT when the reply has no settings, or none yet; BAD_HANDLE.
 */
int32_t patron_reply_settings(patron_reply *reply, patron_settings **out, patron_error **error);

/**
 * Changes the settings that are in the set, which PATRON_PRESET_EMPTY is for; the others stay. Most
 * take effect at once: listening moves to other addresses, discovery goes on and off.
 *
 * Errors of the reply: INVALID_ARGUMENT for settings that need another start of the client
 * ("disk_reads"), and for those that do not go with how the client reads.
 */
int32_t patron_apply_settings(patron_handle *patron,
                              const patron_settings *settings,
                              patron_reply **reply,
                              patron_error **error);

/**
 * Asks for all that a later client needs to begin where this one stands: settings, the nodes of the
 * distributed hash table and the IP filter; patron_reply_bytes() reads the answer. Torrents are not
 * in it; see patron_get_resume_data().
 */
int32_t patron_save_state(patron_handle *patron,
                          patron_reply **reply,
                          patron_error **error);

/** Asks for the addresses that are blocked; patron_reply_ip_filter() reads the answer. */
int32_t patron_get_ip_filter(patron_handle *patron, patron_reply **reply, patron_error **error);

/**
 * Of patron_get_ip_filter(): the filter, a new object for each call. Free it with
 * patron_ip_filter_free().
 *
 * Errors: INVALID_ARGUMENT when the reply has no filter, or none yet; BAD_HANDLE.
 */
int32_t patron_reply_ip_filter(patron_reply *reply, patron_ip_filter **out, patron_error **error);

/**
 * Blocks the addresses of the filter and no others. Peers that are connected and blocked now are
 * dropped. A client that is offline goes on blocking all but the loopback interface.
 */
int32_t patron_set_ip_filter(patron_handle *patron,
                             const patron_ip_filter *filter,
                             patron_reply **reply,
                             patron_error **error);

/**
 * Blocks one address more, "192.0.2.1" or "2001:db8::1".
 *
 * Errors: INVALID_ARGUMENT for what is no address.
 */
int32_t patron_ban(patron_handle *patron,
                   const char *ip_address,
                   size_t ip_address_length,
                   patron_reply **reply,
                   patron_error **error);

/** Stops all torrents until patron_resume_all(), without changing which are paused. */
int32_t patron_pause_all(patron_handle *patron, patron_reply **reply, patron_error **error);

/** Lets them go on. */
int32_t patron_resume_all(patron_handle *patron, patron_reply **reply, patron_error **error);

/**
 * Asks whether all torrents are stopped by patron_pause_all(); patron_reply_is_true() reads the
 * answer.
 */
int32_t patron_all_paused(patron_handle *patron,
                          patron_reply **reply,
                          patron_error **error);

/**
 * Calls no peer at these ports; peers may call from there. `ports` has the first and the last port
 * of each range, both included, one range after the other; `range_count` is how many ranges there
 * are.
 *
 * Errors: INVALID_ARGUMENT for a range that ends before it begins.
 */
int32_t patron_set_port_filter(patron_handle *patron,
                               const uint16_t *ports,
                               size_t range_count,
                               patron_reply **reply,
                               patron_error **error);

/**
 * Tells the distributed hash table of a node, by which it may find others (BEP 5).
 *
 * Errors of the reply: INVALID_ARGUMENT where the client is offline or behind a proxy and the node
 * is beyond that.
 */
int32_t patron_add_dht_node(patron_handle *patron,
                            const char *host,
                            size_t host_length,
                            uint16_t port,
                            patron_reply **reply,
                            patron_error **error);

/** Asks whether the distributed hash table runs; patron_reply_is_true() reads the answer. */
int32_t patron_dht_is_running(patron_handle *patron, patron_reply **reply, patron_error **error);

/**
 * Asks the routers that are known (UPnP, NAT-PMP) to forward a port, of a PATRON_PORT_*;
 * patron_reply_port_mapping() reads the answer. PATRON_EVENT_PORT_MAPPED says that one does. The
 * ports that the client listens on are forwarded without this.
 *
 * Errors: INVALID_ARGUMENT for an unknown protocol.
 */
int32_t patron_map_port(patron_handle *patron,
                        int32_t protocol,
                        uint16_t external_port,
                        uint16_t local_port,
                        patron_reply **reply,
                        patron_error **error);

/**
 * Of patron_map_port(): how many mappings there are, one for each way to ask a router; 0 where
 * there is no router to ask.
 */
size_t patron_reply_port_mapping_count(patron_reply *reply);

/** Of patron_map_port(): a mapping, for patron_unmap_port(); -1 where there is none. */
int32_t patron_reply_port_mapping(patron_reply *reply, size_t index);

/**
 * Ends a mapping; one that there is none of is ignored.
 *
 * Errors of the reply: INVALID_ARGUMENT for a negative number.
 */
int32_t patron_unmap_port(patron_handle *patron,
                          int32_t mapping,
                          patron_reply **reply,
                          patron_error **error);

/**
 * Opens the listening sockets again and maps their ports again, as after a change of the network
 * that libtorrent could not see.
 */
int32_t patron_reopen_sockets(patron_handle *patron,
                              patron_reply **reply,
                              patron_error **error);

/* ===============================================================================================
 * Peer classes
 * ===============================================================================================
 *
 * Peers by where they are: those on the local network may have other limits than the rest. A class
 * is a group of peers with limits of its own, and is named by a number. A peer may be in several,
 * and obeys all.
 *
 * Errors of the replies: INVALID_ARGUMENT for a class that is none.
 */

/** All peers but those on the local network. Its limits are those of the client. */
#define PATRON_PEER_CLASS_GLOBAL 0

/** Peers that are reached by TCP. */
#define PATRON_PEER_CLASS_TCP 1

/** Peers on the local network. Without limits unless they are set. */
#define PATRON_PEER_CLASS_LOCAL 2

/** Which addresses are in which classes. Used by one thread at a time. */
typedef struct patron_peer_class_ranges patron_peer_class_ranges;

/** What the peers of a class may have; patron_reply_peer_class_name() is its name. */
typedef struct patron_peer_class_options {
    /** How many bytes a second they together may be sent; -1: no limit. */
    int64_t upload_limit;
    /** How many bytes a second they may send; -1: no limit. */
    int64_t download_limit;
    /** How many connections they may have, in percent of the limit of the torrent. */
    uint32_t connection_limit_percent;
    /** From 1 to 255: their share where upload is short. */
    uint8_t upload_priority;
    /** From 1 to 255: their share where download is short. */
    uint8_t download_priority;
    /** 1: they are served whether or not there is a slot. 0: only where there is. */
    uint8_t ignore_unchoke_slots;
    /** Zero. */
    uint8_t reserved;
} patron_peer_class_options;

/**
 * Makes a class; patron_reply_peer_class() reads the answer. There can be 32. The name is for
 * people.
 */
int32_t patron_create_peer_class(patron_handle *patron,
                                 const char *name,
                                 size_t name_length,
                                 patron_reply **reply,
                                 patron_error **error);

/** Of patron_create_peer_class(): the class; 0 while it is not answered. */
uint32_t patron_reply_peer_class(patron_reply *reply);

/** Removes a class. Peers that are in it stay in it until they leave. */
int32_t patron_remove_peer_class(patron_handle *patron,
                                 uint32_t peer_class,
                                 patron_reply **reply,
                                 patron_error **error);

/**
 * Asks what the peers of a class may have; patron_reply_peer_class_options() and
 * patron_reply_peer_class_name() read the answer.
 */
int32_t patron_get_peer_class(patron_handle *patron,
                              uint32_t peer_class,
                              patron_reply **reply,
                              patron_error **error);

/**
 * Of patron_get_peer_class(): the options. `struct_size` is sizeof(patron_peer_class_options).
 *
 * Errors: INVALID_ARGUMENT when the reply has none, or none yet; BAD_HANDLE.
 */
int32_t patron_reply_peer_class_options(patron_reply *reply,
                                        struct patron_peer_class_options *out,
                                        size_t struct_size,
                                        patron_error **error);

/** Of patron_get_peer_class(): the name of the class. Good until the reply is freed. */
patron_text patron_reply_peer_class_name(patron_reply *reply);

/**
 * Changes what the peers of a class may have, and its name: PATRON_PEER_CLASS_LOCAL with a limit,
 * for instance, limits peers on the local network, who have none otherwise. It is best begun with
 * what patron_get_peer_class() gives. A limit of 0 or less is none. `struct_size` is
 * sizeof(patron_peer_class_options).
 *
 * Errors: INVALID_ARGUMENT for a priority of 0 and for a wrong struct size.
 */
int32_t patron_set_peer_class(patron_handle *patron,
                              uint32_t peer_class,
                              const char *name,
                              size_t name_length,
                              const struct patron_peer_class_options *options,
                              size_t struct_size,
                              patron_reply **reply,
                              patron_error **error);

/** Makes a list without ranges. Free it with patron_peer_class_ranges_free(). */
int32_t patron_peer_class_ranges_new(struct patron_peer_class_ranges **out, patron_error **error);

/** Frees the list. NULL is fine. */
void patron_peer_class_ranges_free(struct patron_peer_class_ranges *ranges);

/**
 * Adds a range, from the lowest to the highest address, both included, written "192.0.2.1" or
 * "2001:db8::1". `peer_classes` has a bit for each class of the peers there: UINT32_C(1) <<
 * PATRON_PEER_CLASS_LOCAL for example. A range goes before those that were added earlier.
 *
 * Errors: INVALID_ARGUMENT for what is no address, for a range that ends before it begins, and for
 * one from IPv4 to IPv6.
 */
int32_t patron_peer_class_ranges_add(struct patron_peer_class_ranges *ranges,
                                     const char *lowest,
                                     size_t lowest_length,
                                     const char *highest,
                                     size_t highest_length,
                                     uint32_t peer_classes,
                                     patron_error **error);

/** How many ranges there are. */
size_t patron_peer_class_ranges_count(const struct patron_peer_class_ranges *ranges);

/** The lowest address of a range. */
patron_text patron_peer_class_ranges_lowest(const struct patron_peer_class_ranges *ranges,
                                            size_t index);

/** The highest address of a range. */
patron_text patron_peer_class_ranges_highest(const struct patron_peer_class_ranges *ranges,
                                             size_t index);

/** The classes of the peers in a range, a bit for each. */
uint32_t patron_peer_class_ranges_classes(const struct patron_peer_class_ranges *ranges,
                                          size_t index);

/** Asks which addresses are in which classes; patron_reply_peer_class_ranges() reads the answer. */
int32_t patron_get_peer_class_ranges(patron_handle *patron,
                                     patron_reply **reply,
                                     patron_error **error);

/**
 * Of patron_get_peer_class_ranges(): the ranges, a new object for each call. Free it with
 * patron_peer_class_ranges_free().
 *
 * Errors: INVALID_ARGUMENT when the reply has no ranges, or none yet; BAD_HANDLE.
 */
int32_t patron_reply_peer_class_ranges(patron_reply *reply,
                                       struct patron_peer_class_ranges **out,
                                       patron_error **error);

/**
 * Puts the addresses of the list into classes, in place of what was so before. Peers are put into
 * their classes when they connect.
 */
int32_t patron_set_peer_class_ranges(patron_handle *patron,
                                     const struct patron_peer_class_ranges *ranges,
                                     patron_reply **reply,
                                     patron_error **error);

/* ===============================================================================================
 * Events
 * ===============================================================================================
 *
 * What happened. Events of a torrent reach the patron that started it and those that watch it;
 * events of the client reach every patron. A mailbox is bounded: a status replaces the unread
 * status of the same torrent, another event of an open torrent the unread one of its kind, and of
 * the rest the oldest go, which PATRON_EVENT_LAGGED tells. What is told of single files, pieces,
 * peers and trackers is counted apart. So a program that reads slowly loses no state and costs no
 * memory.
 *
 * An event is read by one thread at a time. A function that does not concern the event's kind gives
 * 0, false, NULL or an empty text. A newer library may send kinds that are not listed here;
 * patron_event_explain() explains those too.
 */

/** The torrent is started. Has: name, save_dir, info hashes. */
#define PATRON_EVENT_TORRENT_ADDED 1

/** The client has this torrent already; it is not started twice. Has: name. */
#define PATRON_EVENT_ALREADY_ADDED 2

/** A torrent could not be started. Has: source, error. No torrent. */
#define PATRON_EVENT_ADD_FAILED 3

/**
 * How the torrent stands: after each tick in which something changed. Has: name, status, state, and
 * error if one stopped it.
 */
#define PATRON_EVENT_STATUS 4

/** A magnet link's metadata has come from a peer (BEP 9). Has: name, info hashes. */
#define PATRON_EVENT_METADATA_RECEIVED 5

/** The torrent does something else now. Has: name, state. */
#define PATRON_EVENT_STATE_CHANGED 6

/** The torrent has been paused. Has: name. */
#define PATRON_EVENT_PAUSED 7

/** The torrent goes on. Has: name. */
#define PATRON_EVENT_RESUMED 8

/** The files on disk have been compared with their hashes. Has: name. */
#define PATRON_EVENT_CHECKED 9

/** All wanted pieces are here and good. Has: name. */
#define PATRON_EVENT_FINISHED 10

/**
 * The files lie in another directory now: the finished ones in their final place, or where a patron
 * had them moved. Has: name, save_dir.
 */
#define PATRON_EVENT_MOVED 11

/** A piece did not have the hash that the metainfo gives; it is fetched again. Has: name, piece. */
#define PATRON_EVENT_HASH_FAILED 12

/**
 * A tracker did not answer, or refused. It is asked again later. Has: name, url, count (failures in
 * a row), error.
 */
#define PATRON_EVENT_TRACKER_ERROR 13

/** The torrent met an error and stopped; resuming it tries again. Has: name, error. */
#define PATRON_EVENT_ERROR 14

/** The answer to PATRON_COMMAND_METAINFO. Has: name, torrent_file. */
#define PATRON_EVENT_METAINFO 15

/**
 * The torrent is closed; its id means nothing from now on. Has: name, closed_files, and error if
 * the files were to be deleted and were not.
 */
#define PATRON_EVENT_TORRENT_REMOVED 16

/** A command sent as a message failed. Has: command, error. */
#define PATRON_EVENT_COMMAND_FAILED 17

/** The client accepts peers at this address (TCP). Has: address. */
#define PATRON_EVENT_LISTENING 18

/** The client cannot accept peers at this address. Has: address, error. */
#define PATRON_EVENT_LISTEN_FAILED 19

/**
 * This patron did not read its events and some were dropped. Of those about a torrent that is still
 * open none is among them but what is told of single files, pieces, peers and trackers. Has: count.
 */
#define PATRON_EVENT_LAGGED 20

/** libtorrent lost events under load; the client has asked it how every torrent stands. */
#define PATRON_EVENT_RESYNCHRONIZED 21

/** The last event: the client has stopped. Has: error if it was not shut down. */
#define PATRON_EVENT_CLIENT_STOPPED 22

/**
 * The settings ask for more open files and connections than the process may have. Has: count (how
 * many descriptors the settings can need), available.
 */
#define PATRON_EVENT_DESCRIPTOR_LIMIT 23

/** A file has another name now. Has: name, file, path. */
#define PATRON_EVENT_FILE_RENAMED 24

/**
 * A peer sent so much that failed its hash check that it is not spoken to any more. Has: name,
 * address.
 */
#define PATRON_EVENT_PEER_BANNED 25

/** A tracker answered, and had something to say besides. Has: name, url, message. */
#define PATRON_EVENT_TRACKER_WARNING 26

/**
 * A router lets peers in from outside. Has: address (of this machine in the router's network), port
 * (of the router), mapper, protocol.
 */
#define PATRON_EVENT_PORT_MAPPED 27

/** A router was found that would not do so. Has: address, mapper, error. */
#define PATRON_EVENT_PORT_MAPPING_FAILED 28

/** Others say that they see this machine at this address. Has: address. */
#define PATRON_EVENT_EXTERNAL_ADDRESS 29

/**
 * On request. All pieces of a file are here and good; they may not be written yet. Has: name, file.
 */
#define PATRON_EVENT_FILE_COMPLETED 30

/** On request. A piece is here and good; it may not be written yet. Has: name, piece. */
#define PATRON_EVENT_PIECE_FINISHED 31

/** On request. The connection to a peer is made. Has: name, address, outgoing. */
#define PATRON_EVENT_PEER_CONNECTED 32

/**
 * On request. The connection to a peer has ended, or could not be made. Has: name, address, error.
 */
#define PATRON_EVENT_PEER_DISCONNECTED 33

/**
 * On request. A tracker, or the distributed hash table, has answered. Has: name, url, count
 * (peers).
 */
#define PATRON_EVENT_TRACKER_REPLY 34

/** On request. A tracker has said how many there are. Has: name, url, seeds, leechers. */
#define PATRON_EVENT_SCRAPED 35

/** On request. A tracker did not say how many there are. Has: name, url, error. */
#define PATRON_EVENT_SCRAPE_FAILED 36

/**
 * On request. A setting keeps the client from being as fast as it could be. Has: limit; and name if
 * it is about one torrent.
 */
#define PATRON_EVENT_PERFORMANCE_WARNING 37

/** On request. What libtorrent and the read path have counted, once per tick. Has: statistics. */
#define PATRON_EVENT_STATISTICS 38

/**
 * On request. What a later client needs to start the torrent where it stands now. Has: name,
 * resume_data.
 */
#define PATRON_EVENT_RESUME_DATA 39

/**
 * The torrent has given back what was wanted of it; what was chosen for then is done to it. Has:
 * name, goal.
 */
#define PATRON_EVENT_GOAL_REACHED 40

/** All kinds of event that come only on request. */
#define PATRON_EVENTS_ON_REQUEST 1098437885952

/** What a new patron gets: all others. */
#define PATRON_EVENTS_DEFAULT 1100585369598

/** Every kind. */
#define PATRON_EVENTS_ALL 2199023255550

/** NAT-PMP (RFC 6886) or PCP (RFC 6887). */
#define PATRON_MAPPER_NAT_PMP 1

/** UPnP's Internet Gateway Device. */
#define PATRON_MAPPER_UPNP 2

/** The router hands on connections. */
#define PATRON_PORT_TCP 1

/** The router hands on uTP and the distributed hash table. */
#define PATRON_PORT_UDP 2

/** The disk does not keep up with what arrives (max_queued_disk_bytes). */
#define PATRON_LIMIT_DISK_QUEUE_FULL 1

/** More could be asked of a peer than may be (max_out_request_queue). */
#define PATRON_LIMIT_REQUEST_QUEUE_FULL 2

/** The upload limit leaves no room for what a download has to send. */
#define PATRON_LIMIT_UPLOAD_LIMIT_TOO_LOW 3

/** The download limit leaves no room for what an upload has to receive. */
#define PATRON_LIMIT_DOWNLOAD_LIMIT_TOO_LOW 4

/** A peer takes what it is sent faster than more is read (send_buffer_watermark). */
#define PATRON_LIMIT_SEND_BUFFER_TOO_SMALL 5

/** Half of the upload slots or more are given out of turn (num_optimistic_unchoke_slots). */
#define PATRON_LIMIT_TOO_MANY_OPTIMISTIC_SLOTS 6

/** What waits to be written takes half of the cache. */
#define PATRON_LIMIT_DISK_QUEUE_TOO_LARGE 7

/** The system takes no more disk operations at once. */
#define PATRON_LIMIT_DISK_OPERATIONS 8

/** There are too few ports to call out from (outgoing_ports). */
#define PATRON_LIMIT_TOO_FEW_OUTGOING_PORTS 9

/** There are too few descriptors for files and connections. */
#define PATRON_LIMIT_TOO_FEW_DESCRIPTORS 10

/** Something that this library does not know. */
#define PATRON_LIMIT_OTHER 11

/** The torrent has reached its share ratio. */
#define PATRON_GOAL_REACHED_SHARE_RATIO 1

/** The torrent has reached its seed time. */
#define PATRON_GOAL_REACHED_SEED_TIME 2

/** The files were left where they are. */
#define PATRON_REMOVED_FILES_KEPT 1

/** The files were deleted. */
#define PATRON_REMOVED_FILES_DELETED 2

/** The files were to be deleted, and were not, or not all. */
#define PATRON_REMOVED_FILES_NOT_DELETED 3

/** Something that happened. Belongs to the caller; free it with patron_event_free(). */
typedef struct patron_event patron_event;

/**
 * Explains a run of events to a person: each line with the time since the start, and a status only
 * when it says something else than the one before. Used by one thread at a time.
 */
typedef struct patron_explainer patron_explainer;

/**
 * Takes the next event of a patron, and waits for it for at most so many milliseconds; 0 only
 * looks, a negative number waits however long it takes.
 *
 * Errors: TIMED_OUT; STOPPED after PATRON_EVENT_CLIENT_STOPPED has been taken; BAD_HANDLE.
 */
int32_t patron_next_event(patron_handle *patron,
                          int64_t timeout_ms,
                          struct patron_event **out,
                          patron_error **error);

/** Frees an event, and with it all that was borrowed from it. NULL is fine. */
void patron_event_free(struct patron_event *event);

/**
 * Chooses which kinds of event come to a patron and its clones: a bit for each, UINT64_C(1) <<
 * PATRON_EVENT_PAUSED for example. A new patron gets PATRON_EVENTS_DEFAULT. It waits for nothing
 * and takes effect at once; unread events stay. CLOSED, LAGGED and CLIENT_STOPPED come whatever is
 * chosen, and so do the events that answer the patron's own messages. Bits that mean nothing are
 * ignored.
 *
 * libtorrent tells of files, pieces, peers and trackers only while some patron of the client wants
 * it: what nobody wants costs nothing.
 *
 * Errors: BAD_HANDLE.
 */
int32_t patron_subscribe(patron_handle *patron,
                         uint64_t kinds,
                         patron_error **error);

/**
 * Writes the kinds of event that come to a patron, a bit for each.
 *
 * Errors: BAD_HANDLE.
 */
int32_t patron_subscription(patron_handle *patron, uint64_t *kinds, patron_error **error);

/** What sort of event it is, a PATRON_EVENT_*; 0 for NULL. */
int32_t patron_event_kind(const struct patron_event *event);

/** The torrent that the event is about; 0 if it is about none. */
uint64_t patron_event_torrent(const struct patron_event *event);

/** The event in one line for a person: "debian.iso: downloading 34.5 %, ...". */
patron_text patron_event_explain(const struct patron_event *event);

/** The name of the torrent. */
patron_text patron_event_name(const struct patron_event *event);

/** Of TORRENT_CREATED and MOVED: the directory that holds the files. */
patron_text patron_event_save_dir(const struct patron_event *event);

/**
 * Of TORRENT_CREATED and METADATA_RECEIVED: writes the v1 info hash, 20 bytes (BEP 3). False, and
 * nothing written, where there is none.
 */
bool patron_event_info_hash_v1(const struct patron_event *event, uint8_t (*out)[20]);

/**
 * Of TORRENT_CREATED and METADATA_RECEIVED: writes the v2 info hash, 32 bytes (BEP 52). False, and
 * nothing written, where there is none.
 */
bool patron_event_info_hash_v2(const struct patron_event *event, uint8_t (*out)[32]);

/**
 * Of STATUS: the status. `struct_size` is sizeof(patron_status).
 *
 * Errors: INVALID_ARGUMENT for an event of another kind and for a wrong struct size.
 */
int32_t patron_event_status(const struct patron_event *event,
                            patron_status *out,
                            size_t struct_size,
                            patron_error **error);

/** Of STATUS and STATE_CHANGED: what the torrent does now, a PATRON_STATE_*. */
int32_t patron_event_state(const struct patron_event *event);

/** What went wrong; NULL if nothing did. Belongs to the event. */
const patron_error *patron_event_error(const struct patron_event *event);

/** Of START_FAILED: what the torrent was to be started from: a path, a magnet link, a name. */
patron_text patron_event_source(const struct patron_event *event);

/** Of HASH_FAILED and PIECE_FINISHED: the index of the piece. */
uint32_t patron_event_piece(const struct patron_event *event);

/** Of FILE_RENAMED and FILE_COMPLETED: the index of the file. */
uint32_t patron_event_file(const struct patron_event *event);

/** Of FILE_RENAMED: where the file is below the save directory. */
patron_text patron_event_path(const struct patron_event *event);

/**
 * Of TRACKER_ERROR, TRACKER_WARNING, TRACKER_REPLY, SCRAPED and SCRAPE_FAILED: the URL of the
 * tracker.
 */
patron_text patron_event_url(const struct patron_event *event);

/** Of TRACKER_WARNING: what the tracker said. It may be anything. */
patron_text patron_event_message(const struct patron_event *event);

/** Of SCRAPED: how many peers have everything; -1 where it is not known, and of other kinds. */
int64_t patron_event_seeds(const struct patron_event *event);

/** Of SCRAPED: how many peers have not; -1 where it is not known, and of other kinds. */
int64_t patron_event_leechers(const struct patron_event *event);

/** Of PEER_CONNECTED: whether we called the peer, rather than it us. */
bool patron_event_outgoing(const struct patron_event *event);

/** Of PORT_MAPPED: the router's port. */
uint16_t patron_event_port(const struct patron_event *event);

/** Of PORT_MAPPED and PORT_MAPPING_FAILED: how the router was asked, a PATRON_MAPPER_*. */
int32_t patron_event_mapper(const struct patron_event *event);

/** Of PORT_MAPPED: what the router hands on, a PATRON_PORT_*. */
int32_t patron_event_protocol(const struct patron_event *event);

/** Of PERFORMANCE_WARNING: what is in the way, a PATRON_LIMIT_*. */
int32_t patron_event_limit(const struct patron_event *event);

/** Of STATISTICS: what was counted; NULL of other kinds. Belongs to the event. */
const patron_statistics *patron_event_statistics(const struct patron_event *event);

/** Of RESUME_DATA: the bytes to keep, for a later start from PATRON_SOURCE_RESUME_DATA. */
patron_bytes patron_event_resume_data(const struct patron_event *event);

/**
 * Of TRACKER_ERROR: how many times in a row it failed. Of LAGGED: how many events were dropped. Of
 * DESCRIPTOR_LIMIT: how many descriptors the settings can need. Of TRACKER_REPLY: how many peers
 * the tracker named.
 */
uint64_t patron_event_count(const struct patron_event *event);

/** Of DESCRIPTOR_LIMIT: how many descriptors the process may have. */
uint64_t patron_event_available(const struct patron_event *event);

/** Of METAINFO: the bytes of the .torrent file, for patron_metainfo_decode(). */
patron_bytes patron_event_torrent_file(const struct patron_event *event);

/** Of CLOSED: what became of the files, a PATRON_REMOVED_FILES_*. */
int32_t patron_event_removed_files(const struct patron_event *event);

/** Of GOAL_REACHED: which goal it was, a PATRON_GOAL_REACHED_*. */
int32_t patron_event_goal(const struct patron_event *event);

/** Of COMMAND_FAILED: the name of the command, as "Pause". */
patron_text patron_event_command(const struct patron_event *event);

/**
 * Of LISTENING: the address with the port that was really taken. Of LISTEN_FAILED: the address, or
 * the interface as it was given. Of PEER_BANNED, PEER_CONNECTED and PEER_DISCONNECTED: where the
 * peer is. Of PORT_MAPPED and PORT_MAPPING_FAILED: where this machine is in the router's network,
 * without a port. Of EXTERNAL_ADDRESS: where others see it, without a port.
 */
patron_text patron_event_address(const struct patron_event *event);

/** Makes an explainer, whose clock starts now. Free it with patron_explainer_free(). */
int32_t patron_explainer_new(struct patron_explainer **out, patron_error **error);

/** Frees an explainer. NULL is fine. */
void patron_explainer_free(struct patron_explainer *explainer);

/** A line for the event; empty for a status that says nothing new. Good until the next call. */
patron_text patron_explainer_explain(struct patron_explainer *explainer,
                                     const struct patron_event *event);

/* ===============================================================================================
 * Being told of events
 * ===============================================================================================
 *
 * Three ways, which may be mixed: patron_next_event() waits; patron_event_fd() is for a loop around
 * poll, epoll or kqueue; patron_set_wake() calls a function, for loops that have their own way to
 * be woken.
 */

/**
 * A descriptor that is readable while events are waiting. Do not read from it and do not close it:
 * call patron_next_event() with the time-out 0 until it gives TIMED_OUT. It belongs to the patron,
 * and is closed when the patron is freed. It stays readable once the client has stopped.
 *
 * Errors: IO when no descriptor is to be had; INVALID_ARGUMENT on Windows.
 */
int32_t patron_event_fd(patron_handle *patron, int32_t *out, patron_error **error);

/**
 * Has `wake(user_data)` called each time that the mailbox turns from empty to not empty, and once
 * at first if it is not empty; drain it then with patron_next_event(). A call may come when the
 * events are already gone.
 *
 * The calls are made on a thread that the patron has for this alone, never two at once: `wake` may
 * take its time and may call every function here, patron_free() too. It must not unwind.
 * `finalize(user_data)`, if not NULL, is called once on that thread after the last `wake`: when
 * another function is set, or NULL, or when the patron has been freed. On failure nothing is kept
 * and nothing called.
 *
 * Errors: IO when no thread is to be had.
 */
int32_t patron_set_wake(patron_handle *patron,
                        void (*wake)(void *user_data),
                        void *user_data,
                        void (*finalize)(void *user_data),
                        patron_error **error);

/* ===============================================================================================
 * The log
 * ===============================================================================================
 *
 * What the library does, for the operator of a program: starts, stops, what failed and is tried
 * again. It says nothing until it is asked to.
 */

/** Nothing. */
#define PATRON_LOG_OFF 0

/** What went wrong and is not put right by itself. */
#define PATRON_LOG_ERROR 1

/** And what may be put right, or was. */
#define PATRON_LOG_WARN 2

/** And that clients start, listen and stop. */
#define PATRON_LOG_INFO 3

/** And every event. */
#define PATRON_LOG_DEBUG 4

/** And all else. */
#define PATRON_LOG_TRACE 5

/**
 * Has `log(user_data, level, line)` called for all that is as important as `level`, a PATRON_LOG_*,
 * or more so; PATRON_LOG_OFF or a `log` of NULL ends that. One function serves the process.
 *
 * The calls come from the library's own threads and from those that call it, several at once. `log`
 * must return soon, must not unwind and must not call functions of this header but
 * patron_error_*(). The line lives until it returns. A call that has begun when the function is
 * replaced may still be under way afterwards.
 *
 * Errors: INVALID_ARGUMENT for an unknown level; BUSY when the process, written in Rust, has a log
 * of its own.
 */
int32_t patron_set_log(int32_t level,
                       void (*log)(void *user_data, int32_t level, patron_text line),
                       void *user_data,
                       patron_error **error);

#ifdef __cplusplus
}
#endif

#endif /* TORRENT_PATRON_H */
