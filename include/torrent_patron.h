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

/* ===============================================================================================
 * Texts and bytes
 * ===============================================================================================
 *
 * A text is passed to the library as a pointer and a length in bytes; `PATRON_TEXT("...")` passes
 * both for a text that ends in a zero byte. Texts are UTF-8; paths are bytes in the encoding of the
 * system (UTF-8 on Windows). `NULL` with the length 0 is an empty text.
 *
 * The library returns a `patron_text` or a `patron_bytes`, which is borrowed from the object that
 * was passed and valid until that object is freed. A `patron_text` is followed by a zero byte that
 * the length does not count, and its pointer is never `NULL`: `printf("%s",
 * patron_event_explain(event).data)` is fine. An empty text has the length 0.
 */

/** Passed as the length of a text: the text ends in a zero byte. */
#define PATRON_ZERO_TERMINATED SIZE_MAX

/** The two arguments for a text that ends in a zero byte. */
#define PATRON_TEXT(text) (text), PATRON_ZERO_TERMINATED

/** A text that is borrowed from an object. */
typedef struct patron_text {
    /** Never NULL; followed by a zero byte. */
    const char *data;
    /** The length in bytes, without the zero byte. */
    size_t length;
} patron_text;

/** Bytes that are borrowed from an object. */
typedef struct patron_bytes {
    /** NULL only if the length is 0. */
    const uint8_t *data;
    /** The number of bytes. */
    size_t length;
} patron_bytes;

/* ===============================================================================================
 * Errors
 * ===============================================================================================
 *
 * A function that can fail returns `PATRON_OK` or one of the codes below, whose values never
 * change. Its last parameter receives an error object that contains what was attempted, on what,
 * and why it failed; it may be `NULL`. Outputs are written only on success, the error only on
 * failure. Codes of newer libraries are negative, too.
 */

/** Success. */
#define PATRON_OK 0

/**
 * An argument is not valid: an unknown setting, a text that is not UTF-8, a path that is not a
 * directory.
 */
#define PATRON_E_INVALID_ARGUMENT (-1)

/** The client has no such torrent. */
#define PATRON_E_NOT_FOUND (-2)

/** The torrent has been removed, or is being removed. */
#define PATRON_E_GONE (-3)

/** A .torrent file or a magnet link cannot be parsed. */
#define PATRON_E_PARSE (-4)

/** The operating system refused. */
#define PATRON_E_IO (-5)

/** The client or libtorrent is too busy at the moment; try again later. */
#define PATRON_E_BUSY (-6)

/** The time limit has passed. */
#define PATRON_E_TIMED_OUT (-7)

/** The client has stopped. */
#define PATRON_E_STOPPED (-8)

/** The program cancelled the operation or interrupted the wait. */
#define PATRON_E_CANCELLED (-9)

/** libtorrent refused; patron_error_category() and patron_error_value() return its error. */
#define PATRON_E_NATIVE (-10)

/**
 * The loaded libtorrent is not the one that the library was compiled against, or a store was
 * written by a newer version of the library.
 */
#define PATRON_E_VERSION_MISMATCH (-11)

/** A bug in the library: it panicked. */
#define PATRON_E_PANICKED (-12)

/** A .torrent file cannot be read: it does not exist, or the system refuses. */
#define PATRON_E_UNREADABLE (-13)

/** Resume data is invalid, or of another torrent. The torrent can be added without it. */
#define PATRON_E_RESUME_DATA (-14)

/** A magnet link has no metadata yet. */
#define PATRON_E_NO_METADATA (-15)

/** The data has not been downloaded yet. */
#define PATRON_E_NOT_DOWNLOADED (-16)

/** The files of a torrent, or a store, cannot be written, read, moved, renamed or deleted. */
#define PATRON_E_DISK (-17)

/** A store is damaged, or the file is not a store. */
#define PATRON_E_CORRUPT (-18)

/** Another process, or another client, has the store open. */
#define PATRON_E_IN_USE (-19)

/**
 * Unrelated files already exist at the paths of the torrent's files; see
 * patron_add_options_set_existing_files().
 */
#define PATRON_E_EXISTS (-20)

/** A pointer that must not be NULL is NULL. */
#define PATRON_E_NULL (-21)

/** A handle was freed before, belongs to another type, or was never valid. */
#define PATRON_E_BAD_HANDLE (-22)

/** The process was forked after it had used the library; see "Threads and processes". */
#define PATRON_E_FORKED (-23)

/**
 * An error. Owned by the caller, who frees it with patron_error_free(); an error that was borrowed
 * from another object is owned by that object.
 */
typedef struct patron_error patron_error;

/** The code, as returned by the function that failed; 0 for NULL. */
int32_t patron_error_code(const patron_error *error);

/**
 * The category of the error number of libtorrent or the operating system, for example "libtorrent",
 * "system" or "bdecode error". Empty if there is no such number.
 */
patron_text patron_error_category(const patron_error *error);

/** The number within patron_error_category(); for "system" it is an errno. */
int32_t patron_error_value(const patron_error *error);

/** What the failed operation was, as a verb phrase: "add the torrent". */
patron_text patron_error_operation(const patron_error *error);

/** One line to show to a user: "cannot read the metainfo: a.torrent: No such file or directory". */
patron_text patron_error_message(const patron_error *error);

/** Frees an error that the caller owns. NULL is allowed. */
void patron_error_free(patron_error *error);

/* ===============================================================================================
 * Handles
 * ===============================================================================================
 *
 * Objects that several threads may use are referred to by handles. A handle is not an address: it
 * holds an index into a table, a generation and a type. A handle that was freed before, was never
 * valid, or belongs to another type is detected: functions that can fail return
 * PATRON_E_BAD_HANDLE, others return their neutral value, and freeing it does nothing. The same
 * handle value can recur after 2^24 uses of its table entry (2^10 with 32-bit pointers).
 *
 * If a handle is freed while another thread is in a call with it, the object stays valid for that
 * call.
 */

/** A client: libtorrent and the thread that owns it. */
typedef struct patron_client patron_client;

/** A patron: adds and controls torrents, and receives their events. */
typedef struct patron_handle patron_handle;

/** A torrent file that is being created. */
typedef struct patron_making patron_making;

/** A file that is read while it downloads. */
typedef struct patron_reader patron_reader;

/** A reply: receives the answer to a command. */
typedef struct patron_reply patron_reply;

/** Data that is being verified. */
typedef struct patron_verifying patron_verifying;

/* ===============================================================================================
 * Versions
 * ===============================================================================================
 *
 * While the major version is 0, programs must be recompiled for each new minor version; the name of
 * the shared object (`libtorrent_patron.so.0.1`) enforces it. Within a minor version, functions and
 * codes are only added, and structs only grow at their end.
 */

/** The major version of this header. */
#define PATRON_VERSION_MAJOR 0

/** The minor version of this header. */
#define PATRON_VERSION_MINOR 1

/** The patch version of this header. */
#define PATRON_VERSION_PATCH 0

/** The version of the loaded library, "0.1.0". Valid as long as the process runs. */
patron_text patron_version(void);

/** The version of the loaded libtorrent, "2.0.8.0". Valid as long as the process runs. */
patron_text patron_libtorrent_version(void);

/* ===============================================================================================
 * Settings
 * ===============================================================================================
 *
 * libtorrent's settings, by the names of its reference
 * <https://libtorrent.org/reference-Settings.html>. A set starts from a preset; settings that it
 * does not contain keep libtorrent's defaults. A set is used by one thread at a time.
 */

/** The defaults of a client. */
#define PATRON_PRESET_DEFAULT 0

/** Settings for a machine that seeds at full speed. */
#define PATRON_PRESET_SEEDING 1

/** An empty set, for patron_apply_settings(). */
#define PATRON_PRESET_EMPTY 2

/** A setting that is true or false. */
#define PATRON_SETTING_BOOL 0

/** A setting that is an integer. */
#define PATRON_SETTING_INT 1

/** A setting that is a text. */
#define PATRON_SETTING_TEXT 2

/** A set of settings. */
typedef struct patron_settings patron_settings;

/**
 * Makes a set of settings from a preset, a PATRON_PRESET_*. Free it with patron_settings_free().
 *
 * Errors: INVALID_ARGUMENT for an unknown preset.
 */
int32_t patron_settings_new(int32_t preset, patron_settings **out, patron_error **error);

/** Frees a set of settings. NULL is allowed. */
void patron_settings_free(patron_settings *settings);

/**
 * Sets a setting to true or false.
 *
 * Errors: INVALID_ARGUMENT for an unknown name (the message suggests the nearest one) or a setting
 * of another type.
 */
int32_t patron_settings_set_bool(patron_settings *settings,
                                 const char *name,
                                 size_t name_length,
                                 bool value,
                                 patron_error **error);

/**
 * Sets a setting to an integer, in the unit of libtorrent's reference. Errors are as for
 * patron_settings_set_bool().
 */
int32_t patron_settings_set_int(patron_settings *settings,
                                const char *name,
                                size_t name_length,
                                int32_t value,
                                patron_error **error);

/**
 * Sets a setting of any type to a value written as a text: "true", "500", "127.0.0.1:0". Errors are
 * as for patron_settings_set_bool(), and INVALID_ARGUMENT if the text is not a valid value.
 */
int32_t patron_settings_set(patron_settings *settings,
                            const char *name,
                            size_t name_length,
                            const char *value,
                            size_t value_length,
                            patron_error **error);

/** The number of settings in the set. */
size_t patron_settings_count(const patron_settings *settings);

/**
 * The name of a setting in the set. Settings are sorted by name. Valid until the set is changed or
 * freed.
 */
patron_text patron_settings_name(const patron_settings *settings, size_t index);

/**
 * The value of the setting with this name, as a text; empty if the set does not contain it. Its
 * type, a PATRON_SETTING_*, is written to `kind`, unless that is NULL. Valid until the set is
 * changed or freed.
 */
patron_text patron_settings_get(const patron_settings *settings,
                                const char *name,
                                size_t name_length,
                                int32_t *kind);

/* ===============================================================================================
 * Statistics
 * ===============================================================================================
 *
 * Counters since the start of a client. These are all counters of libtorrent, by their names in
 * <https://libtorrent.org/manual-ref.html#session-statistics>, for example "net.sent_payload_bytes"
 * and "peer.num_peers_connected", and those of the read path, whose names begin with "reads.".
 * Several threads may read a statistics object at once.
 */

/** A snapshot of the counters of a client. */
typedef struct patron_statistics patron_statistics;

/**
 * Returns only the counters of the read path. The call does not wait, and still works when the
 * client has stopped. Free the result with patron_statistics_free(). See also
 * patron_get_statistics().
 *
 * Errors: BAD_HANDLE.
 */
int32_t patron_peek_read_statistics(patron_handle *patron,
                                    patron_statistics **out,
                                    patron_error **error);

/**
 * For patron_get_statistics(): the statistics, a new object for each call. Free it with
 * patron_statistics_free().
 *
 * Errors: INVALID_ARGUMENT if the reply has no answer yet or is of another kind; BAD_HANDLE.
 */
int32_t patron_reply_statistics(patron_reply *reply,
                                patron_statistics **out,
                                patron_error **error);

/** Frees a statistics object. NULL is allowed. */
void patron_statistics_free(patron_statistics *statistics);

/** For the answer to patron_get_statistics(): the number of network threads of the client. */
size_t patron_statistics_network_threads(const patron_statistics *statistics);

/**
 * Returns the counters of one network thread. Free them with patron_statistics_free().
 *
 * Errors: INVALID_ARGUMENT if there is no such thread.
 */
int32_t patron_statistics_network_thread(const patron_statistics *statistics,
                                         size_t index,
                                         patron_statistics **out,
                                         patron_error **error);

/**
 * Writes the value of the counter with this name. Returns false and writes nothing if there is
 * none.
 */
bool patron_statistics_get(const patron_statistics *statistics,
                           const char *name,
                           size_t name_length,
                           int64_t *out);

/** The number of counters. They are sorted by name. */
size_t patron_statistics_count(const patron_statistics *statistics);

/** The name of a counter. */
patron_text patron_statistics_name(const patron_statistics *statistics, size_t index);

/** The value of a counter. */
int64_t patron_statistics_value(const patron_statistics *statistics, size_t index);

/** Whether a counter is a gauge, which can decrease; other counters only increase. */
bool patron_statistics_is_gauge(const patron_statistics *statistics, size_t index);

/**
 * The bytes sent in all runs that used the client's store; 0 without a store, and for
 * patron_peek_read_statistics().
 */
uint64_t patron_statistics_all_time_sent(const patron_statistics *statistics);

/**
 * The bytes received in all runs that used the client's store, like
 * patron_statistics_all_time_sent().
 */
uint64_t patron_statistics_all_time_received(const patron_statistics *statistics);

/* ===============================================================================================
 * Metainfo
 * ===============================================================================================
 *
 * Parsed .torrent files (BEP 3, BEP 52). Several threads may read a metainfo object at once.
 */

/** A parsed .torrent file. */
typedef struct patron_metainfo patron_metainfo;

/**
 * Parses the bytes of a .torrent file. Free the result with patron_metainfo_free().
 *
 * Errors: PARSE.
 */
int32_t patron_metainfo_decode(const uint8_t *data,
                               size_t length,
                               patron_metainfo **out,
                               patron_error **error);

/**
 * Reads a .torrent file. Free the result with patron_metainfo_free().
 *
 * Errors: PARSE; UNREADABLE if the file cannot be read.
 */
int32_t patron_metainfo_read(const char *file,
                             size_t file_length,
                             patron_metainfo **out,
                             patron_error **error);

/**
 * For patron_get_metainfo(): the metainfo, a new object for each call. Free it with
 * patron_metainfo_free().
 *
 * Errors: INVALID_ARGUMENT if the reply has no answer yet or is of another kind; BAD_HANDLE.
 */
int32_t patron_reply_metainfo(patron_reply *reply,
                              patron_metainfo **out,
                              patron_error **error);

/** Frees a metainfo object. NULL is allowed. */
void patron_metainfo_free(patron_metainfo *metainfo);

/** The name of the single file, or of the directory that contains the files. */
patron_text patron_metainfo_name(const patron_metainfo *metainfo);

/** Writes the v1 info hash, 20 bytes (BEP 3). Returns false and writes nothing if there is none. */
bool patron_metainfo_info_hash_v1(const patron_metainfo *metainfo, uint8_t (*out)[20]);

/**
 * Writes the v2 info hash, 32 bytes (BEP 52). Returns false and writes nothing if there is none.
 */
bool patron_metainfo_info_hash_v2(const patron_metainfo *metainfo, uint8_t (*out)[32]);

/** The total size of the files in bytes, including pad files. */
uint64_t patron_metainfo_total_size(const patron_metainfo *metainfo);

/** The piece length in bytes; the last piece may be shorter. */
uint32_t patron_metainfo_piece_length(const patron_metainfo *metainfo);

/** The number of pieces. */
uint32_t patron_metainfo_piece_count(const patron_metainfo *metainfo);

/** The number of files, including pad files. */
size_t patron_metainfo_file_count(const patron_metainfo *metainfo);

/** The path of a file, relative to the save directory; never absolute, never with "..". */
patron_text patron_metainfo_file_path(const patron_metainfo *metainfo, size_t index);

/** The size of a file in bytes. */
uint64_t patron_metainfo_file_size(const patron_metainfo *metainfo, size_t index);

/** The position of a file's data in the torrent's data, in bytes. */
uint64_t patron_metainfo_file_offset(const patron_metainfo *metainfo, size_t index);

/**
 * The first piece that contains data of a file. The first and last pieces of a file may also
 * contain data of neighbouring files.
 */
uint32_t patron_metainfo_file_first_piece(const patron_metainfo *metainfo,
                                          size_t index);

/** The number of pieces that contain data of a file; 0 for an empty file. */
uint32_t patron_metainfo_file_piece_count(const patron_metainfo *metainfo, size_t index);

/**
 * Whether it is a pad file, which only fills space up to a piece boundary and is never on disk (BEP
 * 47).
 */
bool patron_metainfo_file_is_pad(const patron_metainfo *metainfo, size_t index);

/** The target of a symbolic link, relative to the save directory (BEP 47); empty for a file. */
patron_text patron_metainfo_file_symlink(const patron_metainfo *metainfo, size_t index);

/** The number of trackers. */
size_t patron_metainfo_tracker_count(const patron_metainfo *metainfo);

/**
 * The announce URL of a tracker. Its tier is written to `tier`, unless that is NULL; lower tiers
 * are tried first (BEP 12).
 */
patron_text patron_metainfo_tracker(const patron_metainfo *metainfo,
                                    size_t index,
                                    uint8_t *tier);

/** The number of web seeds (BEP 19). */
size_t patron_metainfo_web_seed_count(const patron_metainfo *metainfo);

/** The URL of a web seed. */
patron_text patron_metainfo_web_seed(const patron_metainfo *metainfo, size_t index);

/**
 * The number of invalid URLs that patron_metainfo_invalid_url() can return. Their trackers and web
 * seeds were left out. If there are very many, only the first are counted.
 */
size_t patron_metainfo_invalid_url_count(const patron_metainfo *metainfo);

/** An invalid URL and what is wrong with it, as text for a user. */
patron_text patron_metainfo_invalid_url(const patron_metainfo *metainfo, size_t index);

/** Whether the torrent is private: peers come only from its trackers (BEP 27). */
bool patron_metainfo_is_private(const patron_metainfo *metainfo);

/** The comment; often empty. */
patron_text patron_metainfo_comment(const patron_metainfo *metainfo);

/** The name of the program that created it; often empty. */
patron_text patron_metainfo_creator(const patron_metainfo *metainfo);

/** The creation date in seconds since 1970; 0 if there is none. */
uint64_t patron_metainfo_creation_date(const patron_metainfo *metainfo);

/** The bytes of the .torrent file. */
patron_bytes patron_metainfo_torrent_file(const patron_metainfo *metainfo);

/* ===============================================================================================
 * Magnet links
 * ===============================================================================================
 *
 * Parsed magnet links (BEP 9, BEP 53). Several threads may read a magnet object at once.
 */

/** A parsed magnet link. */
typedef struct patron_magnet patron_magnet;

/**
 * Parses a magnet link. Free the result with patron_magnet_free().
 *
 * Errors: PARSE.
 */
int32_t patron_magnet_parse(const char *uri,
                            size_t uri_length,
                            patron_magnet **out,
                            patron_error **error);

/**
 * Makes the magnet link of a torrent, with its info hashes, name, trackers and web seeds. Free the
 * result with patron_magnet_free().
 */
int32_t patron_magnet_of(const patron_metainfo *metainfo,
                         patron_magnet **out,
                         patron_error **error);

/** Frees a magnet object. NULL is allowed. */
void patron_magnet_free(patron_magnet *magnet);

/** The link as a text. */
patron_text patron_magnet_uri(const patron_magnet *magnet);

/** The name to show until the metadata has arrived; empty if the link has none. */
patron_text patron_magnet_name(const patron_magnet *magnet);

/** Writes the v1 info hash, 20 bytes (BEP 3). Returns false and writes nothing if there is none. */
bool patron_magnet_info_hash_v1(const patron_magnet *magnet, uint8_t (*out)[20]);

/**
 * Writes the v2 info hash, 32 bytes (BEP 52). Returns false and writes nothing if there is none.
 */
bool patron_magnet_info_hash_v2(const patron_magnet *magnet, uint8_t (*out)[32]);

/** The number of trackers. */
size_t patron_magnet_tracker_count(const patron_magnet *magnet);

/** The announce URL of a tracker. Its tier is written to `tier`, unless that is NULL. */
patron_text patron_magnet_tracker(const patron_magnet *magnet, size_t index, uint8_t *tier);

/** The number of web seeds (BEP 19). */
size_t patron_magnet_web_seed_count(const patron_magnet *magnet);

/** The URL of a web seed. */
patron_text patron_magnet_web_seed(const patron_magnet *magnet, size_t index);

/**
 * The number of invalid URLs that patron_magnet_invalid_url() can return. Their trackers and web
 * seeds were left out. If there are very many, only the first are counted.
 */
size_t patron_magnet_invalid_url_count(const patron_magnet *magnet);

/** An invalid URL and what is wrong with it, as text for a user. */
patron_text patron_magnet_invalid_url(const patron_magnet *magnet, size_t index);

/** The number of peer addresses. */
size_t patron_magnet_peer_count(const patron_magnet *magnet);

/** The address and port of a peer. */
patron_text patron_magnet_peer(const patron_magnet *magnet, size_t index);

/* ===============================================================================================
 * Hashing
 * ===============================================================================================
 *
 * Creating and verifying torrents read all data, on separate threads. Any thread may watch, cancel
 * or wait for the work through its handle, a patron_making or a patron_verifying.
 */

/** The progress of hashing. */
typedef struct patron_hash_progress {
    /** The number of files listed. */
    uint64_t files;
    /** The number of pieces hashed. */
    uint64_t pieces;
    /** The number of pieces; 0 while files are being listed. */
    uint64_t piece_count;
    /** The number of bytes read. */
    uint64_t bytes;
    /** The number of bytes; 0 while files are being listed. */
    uint64_t size;
} patron_hash_progress;

/* ===============================================================================================
 * Creating torrent files
 * ===============================================================================================
 *
 * A maker is used by one thread at a time.
 */

/** BitTorrent v1 only (BEP 3). */
#define PATRON_PROTOCOL_V1 0

/** BitTorrent v2 only (BEP 52). */
#define PATRON_PROTOCOL_V2 1

/** Both, a hybrid torrent (BEP 52). */
#define PATRON_PROTOCOL_HYBRID 2

/**
 * Symbolic links are followed, as if their targets were there. A link to nothing or to a directory
 * above it, and a second link to a directory, are errors.
 */
#define PATRON_LINKS_FOLLOW 0

/** A symbolic link is an error. */
#define PATRON_LINKS_REFUSE 1

/** Symbolic links are skipped; see patron_making_left_out(). */
#define PATRON_LINKS_SKIP 2

/**
 * Symbolic links are stored as links (BEP 47). A link to something outside the torrent is an error.
 */
#define PATRON_LINKS_KEEP 3

/** FIFOs, devices and sockets are errors. */
#define PATRON_SPECIAL_FILES_REFUSE 0

/** FIFOs, devices and sockets are skipped; see patron_making_left_out(). */
#define PATRON_SPECIAL_FILES_SKIP 1

/** Creates the .torrent file for a file or directory. */
typedef struct patron_maker patron_maker;

/**
 * Makes a maker for the file or directory at `source`: hybrid, with a piece length chosen by size.
 * Free it with patron_maker_free().
 */
int32_t patron_maker_new(const char *source,
                         size_t source_length,
                         patron_maker **out,
                         patron_error **error);

/** Frees a maker. NULL is allowed. Torrent files that it is already creating are not affected. */
void patron_maker_free(patron_maker *maker);

/**
 * Sets the protocol versions, a PATRON_PROTOCOL_*. The default is hybrid.
 *
 * Errors: INVALID_ARGUMENT for an unknown value.
 */
int32_t patron_maker_set_protocol(patron_maker *maker,
                                  int32_t protocol,
                                  patron_error **error);

/**
 * Sets the piece length in bytes, a power of two from 16 KiB to 512 MiB; patron_maker_start()
 * checks it. The default, 0, chooses a length by the size of the data.
 */
int32_t patron_maker_set_piece_length(patron_maker *maker,
                                      uint32_t bytes,
                                      patron_error **error);

/** Adds a tracker to a tier; tier 0 is tried first (BEP 12). */
int32_t patron_maker_add_tracker(patron_maker *maker,
                                 const char *url,
                                 size_t url_length,
                                 uint8_t tier,
                                 patron_error **error);

/** Adds a web seed (BEP 19). */
int32_t patron_maker_add_web_seed(patron_maker *maker,
                                  const char *url,
                                  size_t url_length,
                                  patron_error **error);

/**
 * Marks the torrent as private: peers come only from its trackers (BEP 27). The default is false.
 */
int32_t patron_maker_set_private(patron_maker *maker, bool is_private, patron_error **error);

/** Sets the comment. */
int32_t patron_maker_set_comment(patron_maker *maker,
                                 const char *comment,
                                 size_t comment_length,
                                 patron_error **error);

/** Sets the name of the creating program. The default is the name and version of this library. */
int32_t patron_maker_set_creator(patron_maker *maker,
                                 const char *creator,
                                 size_t creator_length,
                                 patron_error **error);

/**
 * Sets the creation date in seconds since 1970. The default is the current time. A fixed date makes
 * the file reproducible.
 */
int32_t patron_maker_set_creation_date(patron_maker *maker,
                                       uint64_t seconds,
                                       patron_error **error);

/**
 * Sets how symbolic links in a directory are handled, a PATRON_LINKS_*. The default is
 * PATRON_LINKS_FOLLOW. The source itself may be a link; the torrent then has the link's name.
 *
 * Errors: INVALID_ARGUMENT for an unknown value.
 */
int32_t patron_maker_set_links(patron_maker *maker, int32_t links, patron_error **error);

/**
 * Sets how FIFOs, devices and sockets in a directory are handled, a PATRON_SPECIAL_FILES_*. The
 * default is PATRON_SPECIAL_FILES_REFUSE.
 *
 * Errors: INVALID_ARGUMENT for an unknown value.
 */
int32_t patron_maker_set_special_files(patron_maker *maker,
                                       int32_t special_files,
                                       patron_error **error);

/** Stores which files are executable by their owner (BEP 47). The default is false. */
int32_t patron_maker_set_executables(patron_maker *maker,
                                     bool executables,
                                     patron_error **error);

/**
 * Starts listing and hashing on background threads. Free the result with patron_making_free(). The
 * caller keeps the maker and may start it again.
 *
 * Errors: INVALID_ARGUMENT for an invalid piece length, tracker or web seed; IO if the path cannot
 * be read. patron_making_wait() reports later failures.
 */
int32_t patron_maker_start(const patron_maker *maker,
                           patron_making **out,
                           patron_error **error);

/**
 * Writes the progress. `struct_size` is sizeof(patron_hash_progress).
 *
 * Errors: BAD_HANDLE.
 */
int32_t patron_making_progress(patron_making *making,
                               patron_hash_progress *out,
                               size_t struct_size,
                               patron_error **error);

/**
 * The number of files skipped so far because of PATRON_LINKS_SKIP and PATRON_SPECIAL_FILES_SKIP.
 */
size_t patron_making_left_out_count(patron_making *making);

/** The path of a file that was skipped. Valid until `making` is freed. */
patron_text patron_making_left_out(patron_making *making, size_t index);

/**
 * Stops listing or hashing soon; patron_making_wait() then fails with CANCELLED.
 *
 * Errors: BAD_HANDLE.
 */
int32_t patron_making_cancel(patron_making *making, patron_error **error);

/**
 * Waits for the metainfo for at most `timeout_ms` milliseconds. 0 does not wait; a negative number
 * waits without a limit. Free the result with patron_metainfo_free(). This may be called again.
 *
 * Errors: TIMED_OUT (call again to continue waiting); IO if a file or directory cannot be read or
 * changes in the meantime; INVALID_ARGUMENT if there is no data, if something is neither a file nor
 * a directory, or if a client would change a name; NATIVE if libtorrent refuses; CANCELLED;
 * BAD_HANDLE.
 */
int32_t patron_making_wait(patron_making *making,
                           int64_t timeout_ms,
                           patron_metainfo **out,
                           patron_error **error);

/**
 * Frees the handle, and cancels hashing if it is still running. NULL is allowed, and so is a handle
 * that was freed before.
 */
void patron_making_free(patron_making *making);

/* ===============================================================================================
 * Verifying data
 * ===============================================================================================
 *
 * Data on disk is compared with its torrent, without a client. Nothing is changed. Several threads
 * may read a patron_verified at once.
 */

/** It has the data that the torrent says. */
#define PATRON_FILE_GOOD 1

/** It does not exist. */
#define PATRON_FILE_MISSING 2

/** Something else has its name, such as a directory. */
#define PATRON_FILE_NOT_A_FILE 3

/** Its size is wrong; see patron_verified_file_size_found(). */
#define PATRON_FILE_WRONG_SIZE 4

/** Some of its pieces have wrong data; see patron_verified_file_bad_pieces(). */
#define PATRON_FILE_DAMAGED 5

/**
 * It shares a damaged piece with other files, and the torrent does not say which file is damaged.
 */
#define PATRON_FILE_DOUBTFUL 6

/** It cannot be read; see patron_verified_file_error(). */
#define PATRON_FILE_UNREADABLE 7

/** It is not the symbolic link that the torrent has there (BEP 47). */
#define PATRON_FILE_WRONG_LINK 8

/** Which of a torrent's data on disk is correct. */
typedef struct patron_verified patron_verified;

/**
 * Starts hashing the data below a directory on background threads. Free the result with
 * patron_verifying_free().
 *
 * Errors: INVALID_ARGUMENT if it is not a directory; PARSE for a v2 torrent without piece hashes;
 * IO if no thread can be started.
 */
int32_t patron_verify(const patron_metainfo *metainfo,
                      const char *directory,
                      size_t directory_length,
                      patron_verifying **out,
                      patron_error **error);

/**
 * Writes the progress. `struct_size` is sizeof(patron_hash_progress).
 *
 * Errors: BAD_HANDLE.
 */
int32_t patron_verifying_progress(patron_verifying *verifying,
                                  patron_hash_progress *out,
                                  size_t struct_size,
                                  patron_error **error);

/**
 * Stops hashing soon; patron_verifying_wait() then fails with CANCELLED.
 *
 * Errors: BAD_HANDLE.
 */
int32_t patron_verifying_cancel(patron_verifying *verifying, patron_error **error);

/**
 * Waits for the result for at most `timeout_ms` milliseconds. 0 does not wait; a negative number
 * waits without a limit. Free the result with patron_verified_free(). This may be called again.
 *
 * Errors: TIMED_OUT (call again to continue waiting); CANCELLED; BAD_HANDLE. A file that cannot be
 * read is not an error; the result says so.
 */
int32_t patron_verifying_wait(patron_verifying *verifying,
                              int64_t timeout_ms,
                              patron_verified **out,
                              patron_error **error);

/**
 * Frees the handle, and cancels hashing if it is still running. NULL is allowed, and so is a handle
 * that was freed before.
 */
void patron_verifying_free(patron_verifying *verifying);

/** Whether all files are as the torrent says. */
bool patron_verified_is_good(const patron_verified *verified);

/** The sum of the sizes of the torrent's files in bytes, without pad files. */
uint64_t patron_verified_size(const patron_verified *verified);

/** The number of bytes in pieces that are missing or damaged. */
uint64_t patron_verified_bad_size(const patron_verified *verified);

/** The number of pieces that are missing or damaged. */
uint32_t patron_verified_bad_pieces(const patron_verified *verified);

/** The number of files, without pad files. */
size_t patron_verified_file_count(const patron_verified *verified);

/** The path of a file below the directory. Valid until `verified` is freed. */
patron_text patron_verified_file_path(const patron_verified *verified, size_t index);

/** The size of a file in the torrent, in bytes. */
uint64_t patron_verified_file_size(const patron_verified *verified, size_t index);

/** The state of a file on disk, a PATRON_FILE_*. */
int32_t patron_verified_file_state(const patron_verified *verified, size_t index);

/** For PATRON_FILE_WRONG_SIZE: the size of the file on disk in bytes; 0 for other states. */
uint64_t patron_verified_file_size_found(const patron_verified *verified, size_t index);

/**
 * For PATRON_FILE_DAMAGED: the number of pieces of the file that have wrong data; 0 for other
 * states.
 */
uint64_t patron_verified_file_bad_pieces(const patron_verified *verified, size_t index);

/**
 * For PATRON_FILE_UNREADABLE: why the file cannot be read; NULL for other states. Owned by
 * `verified`.
 */
const patron_error *patron_verified_file_error(const patron_verified *verified,
                                               size_t index);

/** Frees the result of a verification. NULL is allowed. */
void patron_verified_free(patron_verified *verified);

/* ===============================================================================================
 * Options for adding a torrent
 * ===============================================================================================
 *
 * An option that is not set has the client's default. Options are used by one thread at a time, and
 * can be used any number of times.
 */

/** Disk space is allocated as pieces are written; files are sparse until they are complete. */
#define PATRON_ALLOCATION_SPARSE 0

/** Disk space for all files is allocated when the torrent starts. */
#define PATRON_ALLOCATION_FULL 1

/**
 * Existing files that have data of the torrent are used. A file that has none of it, or that is
 * longer, belongs to something else: the torrent is refused and the file is not changed. The
 * default.
 */
#define PATRON_EXISTING_FILES_REFUSE 0

/**
 * All existing files are used as the torrent's: data that differs from its hashes is overwritten,
 * and data beyond the torrent's length is cut off.
 */
#define PATRON_EXISTING_FILES_OVERWRITE 1

/** Options for adding a torrent. */
typedef struct patron_add_options patron_add_options;

/** Makes options in which nothing is set. Free them with patron_add_options_free(). */
int32_t patron_add_options_new(patron_add_options **out, patron_error **error);

/** Frees options. NULL is allowed. */
void patron_add_options_free(patron_add_options *options);

/** Sets the directory for complete files. */
int32_t patron_add_options_set_save_dir(patron_add_options *options,
                                        const char *directory,
                                        size_t directory_length,
                                        patron_error **error);

/** Sets the directory for incomplete files. */
int32_t patron_add_options_set_incomplete_dir(patron_add_options *options,
                                              const char *directory,
                                              size_t directory_length,
                                              patron_error **error);

/**
 * Adds a peer to connect to, written "127.0.0.1:6881" or "[::1]:6881".
 *
 * Errors: INVALID_ARGUMENT if it is not an address and port.
 */
int32_t patron_add_options_add_peer(patron_add_options *options,
                                    const char *address,
                                    size_t address_length,
                                    patron_error **error);

/**
 * Sets how many of the client's network threads serve the torrent while it is complete, so that its
 * upload rate can exceed that of one thread. To trackers, each thread is a separate peer with its
 * own port. A torrent that is private, has its own limits, uses TLS or super-seeds is served by one
 * thread. The default is the value in the resume data, or 1.
 */
int32_t patron_add_options_set_replicas(patron_add_options *options,
                                        uint16_t count,
                                        patron_error **error);

/** Adds the torrent paused. The default is false. */
int32_t patron_add_options_set_paused(patron_add_options *options,
                                      bool paused,
                                      patron_error **error);

/**
 * Assumes that the data in the save directory is complete, without checking it. Not possible with a
 * magnet link. The default is false.
 */
int32_t patron_add_options_set_trust(patron_add_options *options,
                                     bool trust,
                                     patron_error **error);

/**
 * Pauses the torrent once its files have been checked (PATRON_EVENT_CHECKED). The default is false.
 */
int32_t patron_add_options_set_stop_when_checked(patron_add_options *options,
                                                 bool stop,
                                                 patron_error **error);

/**
 * Hashes the files again when they have been downloaded, before PATRON_EVENT_FINISHED, because
 * another program may have written to them. The default is false.
 */
int32_t patron_add_options_set_verify_finished(patron_add_options *options,
                                               bool verify,
                                               patron_error **error);

/** Adds a tracker to those of the source. Lower tiers are tried first (BEP 12). */
int32_t patron_add_options_add_tracker(patron_add_options *options,
                                       const char *url,
                                       size_t url_length,
                                       uint8_t tier,
                                       patron_error **error);

/** Adds a web seed to those of the source (BEP 19). */
int32_t patron_add_options_add_web_seed(patron_add_options *options,
                                        const char *url,
                                        size_t url_length,
                                        patron_error **error);

/**
 * Sets the priorities of the files, one byte for each, from PATRON_PRIORITY_SKIP to
 * PATRON_PRIORITY_TOP, in the order of the metainfo. Files without one have the default priority.
 * With none at all, the source decides (BEP 53).
 *
 * Errors: INVALID_ARGUMENT for an invalid priority.
 */
int32_t patron_add_options_set_file_priorities(patron_add_options *options,
                                               const uint8_t *priorities,
                                               size_t count,
                                               patron_error **error);

/**
 * Sets how disk space is allocated, a PATRON_ALLOCATION_*. The default is PATRON_ALLOCATION_SPARSE.
 *
 * Errors: INVALID_ARGUMENT for an unknown value.
 */
int32_t patron_add_options_set_allocation(patron_add_options *options,
                                          int32_t allocation,
                                          patron_error **error);

/**
 * Sets how existing files are handled, a PATRON_EXISTING_FILES_*.
 *
 * Errors: INVALID_ARGUMENT for an unknown value.
 */
int32_t patron_add_options_set_existing_files(patron_add_options *options,
                                              int32_t existing_files,
                                              patron_error **error);

/**
 * Sets the flags that are on from the start, PATRON_FLAG_* combined by "or". Flags that are not
 * given keep their defaults.
 *
 * Errors: INVALID_ARGUMENT for unknown flags.
 */
int32_t patron_add_options_set_flags(patron_add_options *options,
                                     int32_t flags,
                                     patron_error **error);

/**
 * Sets the seeding goals, as patron_set_goals() does. The default is the value in the resume data,
 * or no goals.
 *
 * Errors: INVALID_ARGUMENT for an unknown action, or if the share ratio is not a number.
 */
int32_t patron_add_options_set_goals(patron_add_options *options,
                                     double share_ratio,
                                     int64_t seed_seconds,
                                     int32_t action,
                                     patron_error **error);

/**
 * Adds resume data to another source, for programs that store metainfo and resume data separately.
 * It must belong to the same torrent. The data is copied; a length of 0 means no resume data.
 */
int32_t patron_add_options_set_resume_data(patron_add_options *options,
                                           const uint8_t *data,
                                           size_t length,
                                           patron_error **error);

/* ===============================================================================================
 * IP filters
 * ===============================================================================================
 *
 * Addresses that a client does not exchange data with: it neither connects to them nor accepts
 * connections from them. A filter is used by one thread at a time; patron_set_ip_filter() activates
 * it.
 */

/** Ranges of blocked addresses. */
typedef struct patron_ip_filter patron_ip_filter;

/** Makes a filter that blocks nothing. Free it with patron_ip_filter_free(). */
int32_t patron_ip_filter_new(patron_ip_filter **out, patron_error **error);

/**
 * Reads a blocklist file with one rule per line: P2P (PeerGuardian, "a name:1.2.3.4-1.2.3.9"), DAT
 * (eMule, "001.002.003.004 - 001.002.003.009 , 100 , a name"), single addresses, ranges
 * ("1.2.3.4-1.2.3.9") and networks ("1.2.3.0/24"), also for IPv6. It may be compressed with gzip.
 * Free the filter with patron_ip_filter_free().
 *
 * Errors: IO if the file cannot be read. PARSE, with the line number, for an invalid line; PARSE
 * for a file that is damaged or a zip archive, contains no rule, or is too large.
 */
int32_t patron_ip_filter_read(const char *file,
                              size_t file_length,
                              patron_ip_filter **out,
                              patron_error **error);

/**
 * Like patron_ip_filter_read(), but skips lines that are not valid rules;
 * patron_ip_filter_skipped() counts them.
 *
 * Errors: as for patron_ip_filter_read(), but not for single lines. A file without any valid rule
 * is an error.
 */
int32_t patron_ip_filter_read_lenient(const char *file,
                                      size_t file_length,
                                      patron_ip_filter **out,
                                      patron_error **error);

/**
 * Like patron_ip_filter_read(), for the contents of such a file.
 *
 * Errors: PARSE.
 */
int32_t patron_ip_filter_parse(const uint8_t *data,
                               size_t length,
                               patron_ip_filter **out,
                               patron_error **error);

/**
 * Like patron_ip_filter_read_lenient(), for the contents of such a file.
 *
 * Errors: PARSE.
 */
int32_t patron_ip_filter_parse_lenient(const uint8_t *data,
                                       size_t length,
                                       patron_ip_filter **out,
                                       patron_error **error);

/** How many lines were skipped while reading. */
uint64_t patron_ip_filter_skipped(const patron_ip_filter *filter);

/**
 * Why a line was skipped, with its line number, as text for a user. Only the first ten skipped
 * lines have a text; for others it is empty.
 */
patron_text patron_ip_filter_skipped_line(const patron_ip_filter *filter, size_t index);

/** Frees a filter. NULL is allowed. */
void patron_ip_filter_free(patron_ip_filter *filter);

/**
 * Blocks a range of addresses, `lowest` and `highest` included, written "192.0.2.1" or
 * "2001:db8::1".
 *
 * Errors: INVALID_ARGUMENT for an invalid address, for a range that ends before it begins, and for
 * a range that mixes IPv4 and IPv6.
 */
int32_t patron_ip_filter_block(patron_ip_filter *filter,
                               const char *lowest,
                               size_t lowest_length,
                               const char *highest,
                               size_t highest_length,
                               patron_error **error);

/** Whether an address is blocked; false if it is not an IP address. */
bool patron_ip_filter_blocks(const patron_ip_filter *filter,
                             const char *ip_address,
                             size_t ip_address_length);

/** The number of blocked ranges. */
size_t patron_ip_filter_count(const patron_ip_filter *filter);

/** The first address of a range. */
patron_text patron_ip_filter_lowest(const patron_ip_filter *filter, size_t index);

/** The last address of a range. */
patron_text patron_ip_filter_highest(const patron_ip_filter *filter, size_t index);

/* ===============================================================================================
 * Clients
 * ===============================================================================================
 *
 * A client is libtorrent on its own thread, in one session or, with
 * patron_builder_set_network_threads(), in several. It makes patrons, which do all the work, and is
 * shut down at the end. Several clients can run in one process. Most programs need one;
 * patron_shared() gives access to it from anywhere in the process.
 */

/** The configuration of a client. Used by one thread at a time. */
typedef struct patron_builder patron_builder;

/** What a shutdown did and what it left unfinished. */
typedef struct patron_report patron_report;

/**
 * Makes a builder with the defaults: the settings of PATRON_PRESET_DEFAULT, listening on port 6881,
 * saving to the working directory. Free it with patron_builder_free().
 */
int32_t patron_builder_new(patron_builder **out, patron_error **error);

/** Frees a builder. NULL is allowed. Clients that it has started are not affected. */
void patron_builder_free(patron_builder *builder);

/**
 * Sets the tick interval in milliseconds: how often the client asks libtorrent for changed
 * statuses. Commands and all other events do not wait for a tick. The default is 5000. A value of 0
 * is an error at the start.
 */
int32_t patron_builder_set_tick_interval(patron_builder *builder,
                                         uint64_t interval_ms,
                                         patron_error **error);

/**
 * Sets how often, in milliseconds, the resume data of a torrent is saved while it downloads or
 * uploads. It is saved if the client has a store, or while a patron that added or watches the
 * torrent is subscribed to PATRON_EVENT_RESUME_DATA. The default is 60000. A value of 0 is an error
 * at the start.
 */
int32_t patron_builder_set_resume_data_interval(patron_builder *builder,
                                                uint64_t interval_ms,
                                                patron_error **error);

/**
 * Sets where to listen for peers: "ADDRESS:PORT" or "DEVICE:PORT", separated by commas. Port 0
 * picks a free port. The default is "0.0.0.0:6881,[::]:6881", or "127.0.0.1:0" when offline.
 */
int32_t patron_builder_set_listen(patron_builder *builder,
                                  const char *interfaces,
                                  size_t interfaces_length,
                                  patron_error **error);

/**
 * Sets how many network threads of libtorrent the client uses, 1 to 256, so that it can use as many
 * cores. Torrents are assigned to threads by info hash; to the program it is still one client. Each
 * thread listens on its own port: consecutive ports from the configured one, or any free ports if
 * that is 0. All of them must be forwarded; see patron_get_listen_addresses_of(). The client's
 * limits apply to all threads together. The default is 1, or the number of cores with
 * PATRON_PRESET_SEEDING.
 *
 * Errors at the start: INVALID_ARGUMENT for another number.
 */
int32_t patron_builder_set_network_threads(patron_builder *builder,
                                           size_t count,
                                           patron_error **error);

/** Sets the directory for complete files. The default is the working directory. */
int32_t patron_builder_set_save_dir(patron_builder *builder,
                                    const char *directory,
                                    size_t directory_length,
                                    patron_error **error);

/** Sets the directory for incomplete files. The default is the save directory. */
int32_t patron_builder_set_incomplete_dir(patron_builder *builder,
                                          const char *directory,
                                          size_t directory_length,
                                          patron_error **error);

/**
 * Keeps all traffic on the loopback interface: no DHT, local discovery, UPnP or NAT-PMP. Peers,
 * trackers and web seeds elsewhere are dropped before any name is looked up. The default is false.
 */
int32_t patron_builder_set_offline(patron_builder *builder,
                                   bool offline,
                                   patron_error **error);

/** Replaces the settings with a copy of these. */
int32_t patron_builder_set_settings(patron_builder *builder,
                                    const patron_settings *settings,
                                    patron_error **error);

/**
 * Sends all traffic through a proxy, and disables what cannot go through it:
 * "socks5://[USER:PASSWORD@]HOST:PORT", or the same with "http". The name and the password may be
 * percent-encoded, and must be if they contain any of ":@/%".
 *
 * Errors: INVALID_ARGUMENT if it is not such a URL.
 */
int32_t patron_builder_set_proxy(patron_builder *builder,
                                 const char *url,
                                 size_t url_length,
                                 patron_error **error);

/**
 * Restores the state of an earlier client, as returned by patron_save_state(). Its settings replace
 * those of patron_builder_set_settings(); the other functions of this chapter override both. The
 * data is copied; a length of 0 means no state.
 *
 * Errors at the start: PARSE if the data is not a saved state.
 */
int32_t patron_builder_set_state(patron_builder *builder,
                                 const uint8_t *data,
                                 size_t length,
                                 patron_error **error);

/**
 * Sets the IP filter before the first torrent is added or restored, in place of the one in the
 * state or in the store. The filter is copied. patron_set_ip_filter() changes it later.
 */
int32_t patron_builder_set_ip_filter(patron_builder *builder,
                                     const patron_ip_filter *filter,
                                     patron_error **error);

/**
 * Keeps the torrents of the client in this file, which is created if it does not exist, and
 * restores the torrents that are already in it; see "Stores". The file stays open from now on. It
 * belongs to the first client that the builder starts. Starting another client fails with IN_USE
 * until a store is set again.
 *
 * Errors: IN_USE if another process or client has the file open; CORRUPT if it is damaged or is not
 * a store; VERSION_MISMATCH if a newer version of the library wrote it; DISK or IO if the system
 * refuses.
 */
int32_t patron_builder_set_store(patron_builder *builder,
                                 const char *file,
                                 size_t file_length,
                                 patron_error **error);

/**
 * Sets whether settings that are changed with patron_apply_settings() are kept in the store and
 * restored at the next start. The default is true. Restored settings override those of
 * patron_builder_set_settings().
 */
int32_t patron_builder_set_restore_settings(patron_builder *builder,
                                            bool restore,
                                            patron_error **error);

/**
 * Returns the settings that libtorrent will receive: all that differ from its defaults. Free the
 * result with patron_settings_free().
 */
int32_t patron_builder_effective_settings(const patron_builder *builder,
                                          patron_settings **out,
                                          patron_error **error);

/**
 * Starts a client. Returns when its session exists. The caller keeps the builder and may start more
 * clients with it. Stop the client with patron_client_shutdown() or patron_client_free().
 *
 * Errors: INVALID_ARGUMENT for an invalid setting, directory or proxy, and for an interval of 0;
 * PARSE for an invalid state; VERSION_MISMATCH; IO if no thread can be started; with a store,
 * IN_USE if it was given to another client, and CORRUPT or DISK if it cannot be read.
 */
int32_t patron_builder_start(const patron_builder *builder,
                             patron_client **out,
                             patron_error **error);

/**
 * Makes a patron of the client. It has its own mailbox. Free it with patron_free().
 *
 * Errors: BAD_HANDLE.
 */
int32_t patron_client_patron(patron_client *client, patron_handle **out, patron_error **error);

/**
 * Makes a patron of the process-wide client. The first call starts the client with `builder`; the
 * client stops when its last patron is freed. If `builder` is NULL, the running client is used, or
 * one with the defaults is started. Free the patron with patron_free(); for the last patron, it
 * waits up to 5 seconds for the client to stop.
 *
 * Errors: as for patron_builder_start(); INVALID_ARGUMENT if the client is running and was started
 * with other options.
 */
int32_t patron_shared(const patron_builder *builder,
                      patron_handle **out,
                      patron_error **error);

/**
 * Stops a client: refuses new commands, waits for deletions and moves in progress, notifies
 * trackers, and flushes files, all within `deadline_ms` milliseconds. Open replies fail with
 * STOPPED, and every patron receives PATRON_EVENT_CLIENT_STOPPED. The handle is invalid from now
 * on. `report` may be NULL; otherwise free the report with patron_report_free().
 *
 * If libtorrent has not finished by the deadline, it finishes on a background thread; the report
 * says so.
 *
 * Errors: BAD_HANDLE.
 */
int32_t patron_client_shutdown(patron_client *client,
                               uint64_t deadline_ms,
                               patron_report **report,
                               patron_error **error);

/**
 * Stops a client like patron_client_shutdown(), within 5 seconds and without a report. NULL is
 * allowed, and so is a client that was freed or shut down before.
 */
void patron_client_free(patron_client *client);

/** How long the shutdown took, in milliseconds. */
uint64_t patron_report_took(const patron_report *report);

/** How many torrents the client had. */
size_t patron_report_torrents(const patron_report *report);

/** How many commands, including additions of torrents, failed because the client stopped. */
size_t patron_report_unanswered(const patron_report *report);

/** How many torrents had files that were still being deleted at the deadline. */
size_t patron_report_unfinished_deletion_count(const patron_report *report);

/**
 * The id of a torrent whose files were still being deleted at the deadline; 0 past the last one.
 */
uint64_t patron_report_unfinished_deletion(const patron_report *report, size_t index);

/** How many torrents had files that were still being moved at the deadline. */
size_t patron_report_unfinished_move_count(const patron_report *report);

/** The id of a torrent whose files were still being moved at the deadline; 0 past the last one. */
uint64_t patron_report_unfinished_move(const patron_report *report, size_t index);

/** How many torrents had resume data that a patron wanted but did not receive by the deadline. */
size_t patron_report_unsaved(const patron_report *report);

/** Whether libtorrent has finished: trackers were notified, files were flushed and closed. */
bool patron_report_engine_ended(const patron_report *report);

/** Whether nothing was left unfinished. */
bool patron_report_is_clean(const patron_report *report);

/** One line to show to a user: "stopped with 3 torrents in 0.2 s". */
patron_text patron_report_explain(const patron_report *report);

/** Frees a report. NULL is allowed. */
void patron_report_free(patron_report *report);

/* ===============================================================================================
 * Patrons
 * ===============================================================================================
 *
 * A patron is a handle to a client with a mailbox that receives the events of its torrents. Any
 * number of threads may use it at once. Commands go into the client's queue, which holds 4096;
 * while it is full the caller waits. Commands about one torrent are executed in the order of the
 * calls. No call waits for libtorrent unless its description says so.
 *
 * There are two ways to send a command. A function with a `reply` parameter returns a reply to wait
 * for. patron_send() sends the same command as a message, and its results arrive as events; there
 * will be no more commands of that kind. A torrent is identified by a number that is never 0 and
 * never reused. Every call fails with BAD_HANDLE if the patron was freed, and with STOPPED if the
 * client has stopped.
 */

/** When the patron is freed, its torrents continue; other patrons can watch them. The default. */
#define PATRON_ON_LEAVE_KEEP_SEEDING 0

/** When the patron is freed, its torrents are paused. */
#define PATRON_ON_LEAVE_PAUSE 1

/** When the patron is freed, its torrents are removed; their files are kept. */
#define PATRON_ON_LEAVE_REMOVE 2

/** The bytes of a .torrent file. */
#define PATRON_SOURCE_BYTES 0

/** The path of a .torrent file. */
#define PATRON_SOURCE_FILE 1

/** A magnet link. */
#define PATRON_SOURCE_MAGNET 2

/** A magnet link, an info hash (40 or 64 hex digits), or otherwise the path of a .torrent file. */
#define PATRON_SOURCE_TEXT 3

/**
 * Resume data of an earlier run, from patron_get_resume_data() or PATRON_EVENT_RESUME_DATA, or
 * resume data of another program that contains the metainfo. The torrent continues with its
 * directory, files, trackers, limits and flags; options override them.
 */
#define PATRON_SOURCE_RESUME_DATA 4

/**
 * An info hash, 20 bytes (v1) or 32 bytes (v2). Peers are found through the DHT and the trackers of
 * the options, and provide the metadata.
 */
#define PATRON_SOURCE_INFO_HASH 5

/** The files of the removed torrent are kept. */
#define PATRON_REMOVE_FILES_KEEP 0

/** The files of the removed torrent are deleted, and so are directories that become empty. */
#define PATRON_REMOVE_FILES_DELETE 1

/** Like patron_pause(). Answered by PATRON_EVENT_PAUSED if the torrent was running. */
#define PATRON_COMMAND_PAUSE 1

/** Like patron_resume(). Answered by PATRON_EVENT_RESUMED if the torrent was paused. */
#define PATRON_COMMAND_RESUME 2

/** Like patron_get_status(). Answered by PATRON_EVENT_STATUS. */
#define PATRON_COMMAND_STATUS 3

/** Like patron_get_metainfo(). Answered by PATRON_EVENT_METAINFO. */
#define PATRON_COMMAND_METAINFO 4

/** Like patron_watch(). Answered by PATRON_EVENT_STATUS. */
#define PATRON_COMMAND_WATCH 5

/** Like patron_unwatch(). */
#define PATRON_COMMAND_UNWATCH 6

/**
 * Like patron_remove_torrent() with PATRON_REMOVE_FILES_KEEP. Answered by
 * PATRON_EVENT_TORRENT_REMOVED.
 */
#define PATRON_COMMAND_REMOVE 7

/**
 * Like patron_remove_torrent() with PATRON_REMOVE_FILES_DELETE. Answered by
 * PATRON_EVENT_TORRENT_REMOVED.
 */
#define PATRON_COMMAND_REMOVE_AND_DELETE 8

/** Makes another patron of the same client. It has its own mailbox. Free it with patron_free(). */
int32_t patron_another(patron_handle *patron, patron_handle **out, patron_error **error);

/**
 * Frees a patron, which then leaves its client; see patron_set_on_leave(). The call does not wait
 * for other threads that are using the patron. A waiting patron_next_event() fails with CANCELLED.
 * NULL is allowed, and so is a patron that was freed before.
 */
void patron_free(patron_handle *patron);

/**
 * Sets what happens to the patron's torrents when it is freed, a PATRON_ON_LEAVE_*.
 *
 * Errors: INVALID_ARGUMENT for an unknown value.
 */
int32_t patron_set_on_leave(patron_handle *patron, int32_t policy, patron_error **error);

/**
 * Adds a torrent from `source`, whose type is `kind`, a PATRON_SOURCE_*. `add_options` may be NULL.
 * The source is read on the calling thread. The reply comes when libtorrent has added the torrent;
 * patron_reply_torrent() is then its id.
 *
 * Errors: INVALID_ARGUMENT for an unknown kind or an info hash of the wrong length. Of the reply:
 * UNREADABLE if the file cannot be read; PARSE; RESUME_DATA if resume data cannot be used; DISK if
 * a directory cannot be created, or if the torrent cannot be kept in the store; EXISTS if other
 * files already exist at the paths of its files; INVALID_ARGUMENT for a URL of a file; BUSY if
 * libtorrent was still busy after many attempts.
 */
int32_t patron_add_torrent(patron_handle *patron,
                           int32_t kind,
                           const void *source,
                           size_t source_length,
                           const patron_add_options *add_options,
                           patron_reply **reply,
                           patron_error **error);

/**
 * Removes a torrent. The reply comes when it was removed from the client and, with
 * PATRON_REMOVE_FILES_DELETE, its files were deleted.
 *
 * Errors: INVALID_ARGUMENT for an unknown `files`. Of the reply: NOT_FOUND; GONE; DISK if not all
 * files were deleted.
 */
int32_t patron_remove_torrent(patron_handle *patron,
                              uint64_t torrent_id,
                              int32_t files,
                              patron_reply **reply,
                              patron_error **error);

/**
 * Pauses a torrent until it is resumed. The reply means that libtorrent has accepted the command;
 * PATRON_EVENT_PAUSED means that the torrent is paused.
 *
 * Errors of the reply: NOT_FOUND, GONE.
 */
int32_t patron_pause(patron_handle *patron,
                     uint64_t torrent_id,
                     patron_reply **reply,
                     patron_error **error);

/**
 * Pauses a torrent like patron_pause(), but first completes the outstanding block requests in both
 * directions.
 *
 * Errors of the reply: NOT_FOUND, GONE.
 */
int32_t patron_pause_gracefully(patron_handle *patron,
                                uint64_t torrent_id,
                                patron_reply **reply,
                                patron_error **error);

/**
 * Resumes a torrent, also after an error such as a full disk. The reply means that libtorrent has
 * accepted the command; PATRON_EVENT_RESUMED means that the torrent is resumed.
 *
 * Errors of the reply: NOT_FOUND, GONE.
 */
int32_t patron_resume(patron_handle *patron,
                      uint64_t torrent_id,
                      patron_reply **reply,
                      patron_error **error);

/**
 * Asks libtorrent for the current status of a torrent; patron_reply_status() reads the answer.
 * patron_peek_status() returns what the client already knows.
 *
 * Errors of the reply: NOT_FOUND, GONE.
 */
int32_t patron_get_status(patron_handle *patron,
                          uint64_t torrent_id,
                          patron_reply **reply,
                          patron_error **error);

/**
 * Asks for the metainfo of a torrent, also if it was added by a magnet link and has received its
 * metadata; patron_reply_metainfo() reads the answer.
 *
 * Errors of the reply: NOT_FOUND, GONE, NO_METADATA.
 */
int32_t patron_get_metainfo(patron_handle *patron,
                            uint64_t torrent_id,
                            patron_reply **reply,
                            patron_error **error);

/**
 * Asks for the torrent with this info hash, v1 (20 bytes) or v2 (32 bytes), whichever patron added
 * it; patron_reply_torrent() is its id, or 0 if there is none.
 *
 * Errors: INVALID_ARGUMENT for another length.
 */
int32_t patron_find(patron_handle *patron,
                    const uint8_t *info_hash,
                    size_t info_hash_length,
                    patron_reply **reply,
                    patron_error **error);

/**
 * The reply comes when all wanted data of a torrent has been downloaded and written; at once if it
 * already has been. The files may still have to be moved out of the directory for incomplete files,
 * which PATRON_EVENT_MOVED reports.
 *
 * Errors of the reply: the one that stopped the torrent, after which it may be resumed and waited
 * for again; NOT_FOUND; GONE if it is removed.
 */
int32_t patron_wait_until_finished(patron_handle *patron,
                                   uint64_t torrent_id,
                                   patron_reply **reply,
                                   patron_error **error);

/**
 * Subscribes to the events of a torrent that another patron added. The first event is its status.
 *
 * Errors of the reply: NOT_FOUND, GONE.
 */
int32_t patron_watch(patron_handle *patron,
                     uint64_t torrent_id,
                     patron_reply **reply,
                     patron_error **error);

/**
 * Ends patron_watch(). Unread events of the torrent are dropped. The patron still receives the
 * events of a torrent that it added itself.
 *
 * Errors of the reply: NOT_FOUND, GONE.
 */
int32_t patron_unwatch(patron_handle *patron,
                       uint64_t torrent_id,
                       patron_reply **reply,
                       patron_error **error);

/**
 * Asks for the addresses where the client listens for peers (TCP), with the actual ports;
 * patron_reply_address() reads the answer. The reply comes when libtorrent has tried all configured
 * addresses.
 *
 * Errors of the reply: the reason, if the client or one of its network threads cannot listen on any
 * address.
 */
int32_t patron_get_listen_addresses(patron_handle *patron,
                                    patron_reply **reply,
                                    patron_error **error);

/**
 * Asks for the addresses where the client listens for the peers of this torrent: those of the
 * network threads that serve it. That is one thread, unless patron_add_options_set_replicas() was
 * used. patron_reply_address() reads the answer.
 *
 * Errors of the reply: NOT_FOUND; GONE; the reason, if a thread cannot listen on any address.
 */
int32_t patron_get_listen_addresses_of(patron_handle *patron,
                                       uint64_t torrent_id,
                                       patron_reply **reply,
                                       patron_error **error);

/**
 * Asks for the counters of libtorrent and of the read path; patron_reply_statistics() reads the
 * answer.
 */
int32_t patron_get_statistics(patron_handle *patron, patron_reply **reply, patron_error **error);

/**
 * Sends a command, a PATRON_COMMAND_*, as a message. Its results arrive as events, a failure as
 * PATRON_EVENT_COMMAND_FAILED. If `wait` is false, a full queue is the error BUSY; otherwise the
 * call waits.
 *
 * With a `tag` other than 0, PATRON_EVENT_REPLY arrives with this tag when the command is done,
 * after the events that it causes, or when it has failed; there is no PATRON_EVENT_COMMAND_FAILED
 * then. An answer with a tag is never lost: while 16384 of them are unread, a command with a tag
 * fails with BUSY, even if `wait` is true. Of failures without a tag the newest 4096 are kept.
 *
 * Errors: INVALID_ARGUMENT for an unknown command; NOT_FOUND for torrent 0; BUSY; STOPPED.
 */
int32_t patron_send(patron_handle *patron,
                    int32_t command_kind,
                    uint64_t torrent_id,
                    uint64_t tag,
                    bool wait,
                    patron_error **error);

/**
 * Adds a torrent by a message: like patron_add_torrent(), but the result arrives as
 * PATRON_EVENT_TORRENT_ADDED, PATRON_EVENT_ALREADY_ADDED or PATRON_EVENT_ADD_FAILED. `wait` and
 * `tag` are as for patron_send(). With a tag, PATRON_EVENT_REPLY reports which message has added
 * which torrent, and replaces PATRON_EVENT_ADD_FAILED.
 *
 * Errors: INVALID_ARGUMENT for an unknown kind or an info hash of the wrong length; BUSY; STOPPED.
 */
int32_t patron_send_add_torrent(patron_handle *patron,
                                int32_t kind,
                                const void *source,
                                size_t source_length,
                                const patron_add_options *add_options,
                                uint64_t tag,
                                bool wait,
                                patron_error **error);

/* ===============================================================================================
 * Status
 * ===============================================================================================
 *
 * The status of torrents as of the client's last tick, read from a table without waiting.
 *
 * Structs, in this chapter and in others, grow at their end. A function that writes one therefore
 * takes the size that the struct had when the program was compiled: an older library fills the rest
 * with zeros, a newer one omits the members that the program does not know.
 */

/** The files are being checked against their hashes. */
#define PATRON_STATE_CHECKING_FILES 1

/** The metadata of a magnet link is being downloaded from peers (BEP 9). */
#define PATRON_STATE_DOWNLOADING_METADATA 2

/** Pieces are being downloaded. */
#define PATRON_STATE_DOWNLOADING 3

/** All wanted pieces are complete, but not all pieces. */
#define PATRON_STATE_FINISHED 4

/** All pieces are complete. */
#define PATRON_STATE_SEEDING 5

/** The resume data is being checked against the disk. */
#define PATRON_STATE_CHECKING_RESUME_DATA 6

/**
 * A snapshot of the status of all torrents, in the order of their ids. Several threads may read it
 * at once.
 */
typedef struct patron_snapshot patron_snapshot;

/**
 * The status of a torrent when the client last updated it. Sizes are in bytes, rates in bytes per
 * second.
 */
typedef struct patron_status {
    /** The id of the torrent. */
    uint64_t torrent;
    /** The state, a PATRON_STATE_*. */
    int32_t state;
    /** The error that stopped it, a PATRON_E_*, or 0; patron_snapshot_error() has the details. */
    int32_t error;
    /** It is paused. */
    bool paused;
    /** All wanted pieces are complete. */
    bool finished;
    /** All pieces are complete. */
    bool seeding;
    /** The metadata is known; false for a new magnet link. */
    bool has_metadata;
    /** It has changed since its resume data was last requested. */
    bool needs_saving;
    /** Reserved; zero. */
    uint8_t reserved[3];
    /**
     * The progress from 0 to 1: of the check while files are checked, otherwise of the wanted data.
     */
    float progress;
    /** The number of peers, including those being connected to. */
    uint32_t peers;
    /** The number of these that are seeds. */
    uint32_t seeds;
    /** The number of connections, including half-open ones. */
    uint32_t connections;
    /** The size of all files. */
    uint64_t total_size;
    /** The size of the complete pieces. */
    uint64_t total_done;
    /** The size of the wanted files. */
    uint64_t wanted_size;
    /** The size of the complete pieces that are wanted. */
    uint64_t wanted_done;
    /** Payload bytes received since the torrent was added in this run. */
    uint64_t downloaded;
    /** Payload bytes sent since the torrent was added in this run. */
    uint64_t uploaded;
    /** The payload download rate. */
    uint64_t download_rate;
    /** The payload upload rate. */
    uint64_t upload_rate;
    /** The estimated time left in seconds; -1 if complete or stalled. */
    int64_t seconds_left;
    /** The age of this status in milliseconds. An idle torrent is not updated. */
    uint64_t age_ms;
    /** Payload bytes received in all runs; 0 for a torrent that was complete from the start. */
    uint64_t all_time_downloaded;
    /** Payload bytes sent in all runs. */
    uint64_t all_time_uploaded;
    /** The time that it was not paused, in all runs. */
    uint64_t active_seconds;
    /** The time that it was complete and not paused, in all runs. */
    uint64_t seeding_seconds;
    /**
     * The share ratio in all runs: bytes sent per byte received, or per byte of its size if it was
     * complete from the start. 0 if both are 0.
     */
    double ratio;
} patron_status;

/**
 * Returns the status of a torrent as of the last tick, without waiting. The sizes of a newly added
 * torrent are 0 until the next tick. `struct_size` is sizeof(patron_status).
 *
 * Errors: NOT_FOUND if the client has no such torrent; STOPPED; BAD_HANDLE.
 */
int32_t patron_peek_status(patron_handle *patron,
                           uint64_t torrent_id,
                           patron_status *out,
                           size_t struct_size,
                           patron_error **error);

/**
 * For patron_get_status(): writes the status. `struct_size` is sizeof(patron_status).
 *
 * Errors: INVALID_ARGUMENT if the reply has no answer yet or is of another kind; BAD_HANDLE.
 */
int32_t patron_reply_status(patron_reply *reply,
                            patron_status *out,
                            size_t struct_size,
                            patron_error **error);

/**
 * Takes a snapshot of all torrents of the client, including those of other patrons. Free the result
 * with patron_snapshot_free().
 *
 * Errors: STOPPED; BAD_HANDLE.
 */
int32_t patron_snapshot_take(patron_handle *patron,
                             patron_snapshot **out,
                             patron_error **error);

/**
 * Takes a snapshot of the torrents that are new or have changed since an earlier snapshot with this
 * version; of all torrents for 0. The cost is proportional to the number of changes. Free the
 * result with patron_snapshot_free().
 *
 * Errors: STOPPED; BAD_HANDLE.
 */
int32_t patron_snapshot_changes_since(patron_handle *patron,
                                      uint64_t version,
                                      patron_snapshot **out,
                                      patron_error **error);

/** The version of a snapshot, for patron_snapshot_changes_since(). */
uint64_t patron_snapshot_version(const patron_snapshot *snapshot);

/**
 * Whether the snapshot has all torrents of the client, so that those which are not in it were
 * removed.
 */
bool patron_snapshot_is_complete(const patron_snapshot *snapshot);

/** The number of torrents that were removed since the earlier snapshot. */
size_t patron_snapshot_removed_count(const patron_snapshot *snapshot);

/** The id of a torrent that was removed since the earlier snapshot; 0 past the last one. */
uint64_t patron_snapshot_removed(const patron_snapshot *snapshot, size_t index);

/** Frees a snapshot. NULL is allowed. */
void patron_snapshot_free(patron_snapshot *snapshot);

/** The number of torrents. */
size_t patron_snapshot_count(const patron_snapshot *snapshot);

/**
 * Copies the statuses from index `first` on into an array of `capacity` structs, and writes their
 * number to `written`. `struct_size` is sizeof(patron_status).
 *
 * Errors: INVALID_ARGUMENT for a wrong struct size.
 */
int32_t patron_snapshot_read(const patron_snapshot *snapshot,
                             size_t first,
                             patron_status *out,
                             size_t struct_size,
                             size_t capacity,
                             size_t *written,
                             patron_error **error);

/**
 * The name of a torrent; the info hash for a magnet link without a name, until the metadata has
 * arrived.
 */
patron_text patron_snapshot_name(const patron_snapshot *snapshot, size_t index);

/**
 * Writes the v1 info hash of a torrent, 20 bytes (BEP 3). Returns false and writes nothing if there
 * is none.
 */
bool patron_snapshot_info_hash_v1(const patron_snapshot *snapshot,
                                  size_t index,
                                  uint8_t (*out)[20]);

/**
 * Writes the v2 info hash of a torrent, 32 bytes (BEP 52). Returns false and writes nothing if
 * there is none.
 */
bool patron_snapshot_info_hash_v2(const patron_snapshot *snapshot,
                                  size_t index,
                                  uint8_t (*out)[32]);

/**
 * One line to show to a user: "downloading 34.5 %, 1.2 GiB of 3.4 GiB, down 12.0 MiB/s, 8 peers".
 */
patron_text patron_snapshot_explain(const patron_snapshot *snapshot, size_t index);

/** The error that stopped a torrent; NULL if there is none. Owned by the snapshot. */
const patron_error *patron_snapshot_error(const patron_snapshot *snapshot, size_t index);

/* ===============================================================================================
 * Replies
 * ===============================================================================================
 *
 * A function with a `reply` parameter makes a request and returns a reply, which receives the
 * answer. Those that ask for a value are named `patron_get_*`; a `patron_peek_*` reads what the
 * client has at hand, without a request. Any thread may wait for a reply and read it:
 * patron_reply_wait() waits, patron_reply_notify() delivers it as an event, and
 * patron_reply_on_ready() calls a function. Freeing a reply does not cancel the command.
 */

/** Whether the answer or an error has arrived. False for an invalid handle. */
bool patron_reply_is_ready(patron_reply *reply);

/**
 * Waits for the answer for at most `timeout_ms` milliseconds. 0 does not wait; a negative number
 * waits without a limit. Returns PATRON_OK if the command has succeeded, or the code of its error.
 * It may be called again, with the same result.
 *
 * Errors: TIMED_OUT (call again to continue waiting); BAD_HANDLE; STOPPED if the client stopped
 * first; and those of the command.
 */
int32_t patron_reply_wait(patron_reply *reply, int64_t timeout_ms, patron_error **error);

/**
 * Sends PATRON_EVENT_REPLY with this tag to a patron when the answer has arrived, so that a program
 * can wait for events and replies in one place. The answer stays in the reply, which may belong to
 * another client. Nothing is sent if the patron is freed first.
 *
 * Errors: BAD_HANDLE.
 */
int32_t patron_reply_notify(patron_reply *reply,
                            patron_handle *patron,
                            uint64_t tag,
                            patron_error **error);

/**
 * Calls `function(user_data)` exactly once when the answer or an error has arrived, also if it has
 * already arrived, or if the reply is freed in the meantime. Several functions may be set.
 *
 * The calls are made one at a time, on a thread of the library that takes no signals. `function`
 * may call every function of this header. It should return soon, and must not unwind. If this call
 * fails, `function` is not called.
 *
 * Errors: IO if no thread can be started; BAD_HANDLE.
 */
int32_t patron_reply_on_ready(patron_reply *reply,
                              void (*function)(void *user_data),
                              void *user_data,
                              patron_error **error);

/**
 * For patron_add_torrent(): the id of the torrent, new or not. For patron_find(): its id, or 0 if
 * there is none. 0 while there is no answer.
 */
uint64_t patron_reply_torrent(patron_reply *reply);

/**
 * For patron_add_torrent(): whether the client already had the torrent, so that it was not added
 * again. patron_watch() subscribes to its events.
 */
bool patron_reply_was_there(patron_reply *reply);

/**
 * For patron_get_listen_addresses() and patron_get_listen_addresses_of(): the number of addresses.
 */
size_t patron_reply_address_count(patron_reply *reply);

/**
 * For patron_get_listen_addresses() and patron_get_listen_addresses_of(): an address,
 * "127.0.0.1:6881". Valid until the reply is freed.
 */
patron_text patron_reply_address(patron_reply *reply,
                                 size_t index);

/**
 * For patron_get_resume_data(), patron_read_piece() and patron_save_state(): the bytes. Valid until
 * the reply is freed.
 */
patron_bytes patron_reply_bytes(patron_reply *reply);

/**
 * For patron_get_is_paused() and patron_get_is_dht_running(): the answer; false while there is
 * none.
 */
bool patron_reply_is_true(patron_reply *reply);

/**
 * For patron_rename_file(): the new path, relative to the save directory. For patron_move_storage()
 * and patron_get_torrent_options(): the directory of the files. Valid until the reply is freed.
 */
patron_text patron_reply_path(patron_reply *reply);

/** Frees a reply. NULL is allowed, and so is a handle that was freed before. */
void patron_reply_free(patron_reply *reply);

/* ===============================================================================================
 * Files
 * ===============================================================================================
 *
 * The files of a torrent: their paths, progress and priorities. File indexes start at 0 and follow
 * the order of the metainfo.
 *
 * Errors of the replies, in this chapter and the following ones: NOT_FOUND; GONE; NO_METADATA while
 * a magnet link has none; INVALID_ARGUMENT for a file or piece index that the torrent does not
 * have.
 */

/** A priority is a number from 0 to 7. With 0, the file or piece is not downloaded. */
#define PATRON_PRIORITY_SKIP 0

/** The lowest priority at which it is downloaded. */
#define PATRON_PRIORITY_LOW 1

/** The default priority. */
#define PATRON_PRIORITY_DEFAULT 4

/** The highest priority. */
#define PATRON_PRIORITY_TOP 7

/** If a file exists at the destination, the move fails and nothing is moved. */
#define PATRON_ON_CONFLICT_FAIL 0

/** Existing files are overwritten. */
#define PATRON_ON_CONFLICT_REPLACE 1

/** Existing files are kept, the torrent's own are left behind, and the existing data is checked. */
#define PATRON_ON_CONFLICT_KEEP 2

/** A snapshot of the files of a torrent. Several threads may read it at once. */
typedef struct patron_files patron_files;

/** One file of a torrent and its progress. */
typedef struct patron_file_status {
    /** The size in bytes. */
    uint64_t size;
    /** The number of bytes downloaded, including blocks of incomplete pieces. */
    uint64_t done;
    /** The priority, from PATRON_PRIORITY_SKIP to PATRON_PRIORITY_TOP. */
    int32_t priority;
    /**
     * Whether it is a pad file, which only fills space up to a piece boundary and is not on disk
     * (BEP 47).
     */
    bool pad;
    /** Reserved; zero. */
    uint8_t reserved[3];
} patron_file_status;

/** Asks for the files of a torrent; patron_reply_files() reads the answer. */
int32_t patron_get_files(patron_handle *patron,
                         uint64_t torrent_id,
                         patron_reply **reply,
                         patron_error **error);

/**
 * For patron_get_files(): the files, a new object for each call. Free it with patron_files_free().
 *
 * Errors: INVALID_ARGUMENT if the reply has no answer yet or is of another kind; BAD_HANDLE.
 */
int32_t patron_reply_files(patron_reply *reply, patron_files **out, patron_error **error);

/** Frees the list. NULL is allowed. */
void patron_files_free(patron_files *files);

/** The number of files, including pad files. */
size_t patron_files_count(const patron_files *files);

/**
 * Copies the files from index `first` on into an array of `capacity` structs, and writes their
 * number to `written`. `struct_size` is sizeof(patron_file_status).
 *
 * Errors: INVALID_ARGUMENT for a wrong struct size.
 */
int32_t patron_files_read(const patron_files *files,
                          size_t first,
                          patron_file_status *out,
                          size_t struct_size,
                          size_t capacity,
                          size_t *written,
                          patron_error **error);

/** The current path of a file, relative to the save directory. */
patron_text patron_files_path(const patron_files *files, size_t index);

/**
 * Sets the priority of a file, from PATRON_PRIORITY_SKIP to PATRON_PRIORITY_TOP. A skipped file is
 * not downloaded, except for the pieces that it shares with its neighbours.
 *
 * Errors: INVALID_ARGUMENT for any other priority.
 */
int32_t patron_set_file_priority(patron_handle *patron,
                                 uint64_t torrent_id,
                                 uint32_t file_index,
                                 int32_t priority,
                                 patron_reply **reply,
                                 patron_error **error);

/**
 * Sets the priorities of all files, one byte for each file.
 *
 * Errors: INVALID_ARGUMENT for an invalid priority. Of the reply: INVALID_ARGUMENT if the number of
 * priorities is not the number of files.
 */
int32_t patron_set_file_priorities(patron_handle *patron,
                                   uint64_t torrent_id,
                                   const uint8_t *priorities,
                                   size_t count,
                                   patron_reply **reply,
                                   patron_error **error);

/**
 * Renames a file, also on disk. The path is relative to the save directory. The reply and
 * PATRON_EVENT_FILE_RENAMED come when the file was renamed; patron_reply_path() is then the new
 * path. The metainfo does not change.
 *
 * Errors of the reply: INVALID_ARGUMENT for a path that is empty, absolute or contains "..", or
 * that another file of the torrent has; EXISTS if there is a file of that path: nothing is
 * overwritten; DISK if the system refuses.
 */
int32_t patron_rename_file(patron_handle *patron,
                           uint64_t torrent_id,
                           uint32_t file_index,
                           const char *new_path,
                           size_t new_path_length,
                           patron_reply **reply,
                           patron_error **error);

/**
 * Moves the files to another directory, which is created if necessary. `on_conflict`, a
 * PATRON_ON_CONFLICT_*, determines what happens to files that exist there. The reply and
 * PATRON_EVENT_MOVED come when the files were moved; patron_reply_path() is then the directory.
 *
 * Errors: INVALID_ARGUMENT for an unknown `on_conflict`. Of the reply: EXISTS if a file exists and
 * PATRON_ON_CONFLICT_FAIL was chosen; DISK if the directory cannot be created, or if the system
 * refuses; BUSY while they are already being moved. The files then stay where they were.
 */
int32_t patron_move_storage(patron_handle *patron,
                            uint64_t torrent_id,
                            const char *directory,
                            size_t directory_length,
                            int32_t on_conflict,
                            patron_reply **reply,
                            patron_error **error);

/**
 * Asks for the data that a later run needs to resume the torrent, including the metainfo;
 * patron_reply_bytes() reads the answer. Store it, and pass it to patron_add_torrent() as
 * PATRON_SOURCE_RESUME_DATA.
 */
int32_t patron_get_resume_data(patron_handle *patron,
                               uint64_t torrent_id,
                               patron_reply **reply,
                               patron_error **error);

/**
 * Closes the files of a torrent, so that buffered data is written to the disk. They are opened
 * again when needed.
 */
int32_t patron_flush_files(patron_handle *patron,
                           uint64_t torrent_id,
                           patron_reply **reply,
                           patron_error **error);

/**
 * Sets the metadata of a torrent that was added by a magnet link, if the program has obtained it
 * elsewhere.
 *
 * Errors of the reply: INVALID_ARGUMENT for the metainfo of another torrent, or if the torrent
 * already has its metadata.
 */
int32_t patron_set_metadata(patron_handle *patron,
                            uint64_t torrent_id,
                            const patron_metainfo *metainfo,
                            patron_reply **reply,
                            patron_error **error);

/* ===============================================================================================
 * Pieces
 * ===============================================================================================
 *
 * Which pieces a torrent has, and how it downloads the others. Piece indexes start at 0.
 */

/** A snapshot of the pieces of a torrent. Several threads may read it at once. */
typedef struct patron_pieces patron_pieces;

/** A piece that is being downloaded, in blocks of 16 KiB. */
typedef struct patron_partial_piece {
    /** The index of the piece. */
    uint32_t piece;
    /** The number of blocks. */
    uint32_t blocks;
    /** The blocks that are on disk. */
    uint32_t finished;
    /** The blocks that are being written. */
    uint32_t writing;
    /** The blocks that were requested from peers. */
    uint32_t requested;
    /** Reserved; zero. */
    uint32_t reserved;
} patron_partial_piece;

/** Asks for the pieces of a torrent; patron_reply_pieces() reads the answer. */
int32_t patron_get_pieces(patron_handle *patron,
                          uint64_t torrent_id,
                          patron_reply **reply,
                          patron_error **error);

/**
 * For patron_get_pieces(): the pieces, a new object for each call. Free it with
 * patron_pieces_free().
 *
 * Errors: INVALID_ARGUMENT if the reply has no answer yet or is of another kind; BAD_HANDLE.
 */
int32_t patron_reply_pieces(patron_reply *reply, patron_pieces **out, patron_error **error);

/** Frees a snapshot. NULL is allowed. */
void patron_pieces_free(patron_pieces *pieces);

/** The number of pieces. */
size_t patron_pieces_count(const patron_pieces *pieces);

/** The number of complete pieces. */
size_t patron_pieces_done(const patron_pieces *pieces);

/** One byte for each piece: 1 if it is complete and has passed its hash check, 0 otherwise. */
patron_bytes patron_pieces_have(const patron_pieces *pieces);

/** One byte for each piece: its priority, from PATRON_PRIORITY_SKIP to PATRON_PRIORITY_TOP. */
patron_bytes patron_pieces_priorities(const patron_pieces *pieces);

/**
 * One number for each piece: how many connected peers have it. NULL while the torrent seeds,
 * because it is not counted then.
 */
const uint32_t *patron_pieces_availability(const patron_pieces *pieces);

/** The number of partial pieces: those with blocks downloaded or requested. */
size_t patron_pieces_partial_count(const patron_pieces *pieces);

/**
 * Copies the partial pieces from index `first` on into an array of `capacity` structs, and writes
 * their number to `written`. `struct_size` is sizeof(patron_partial_piece).
 *
 * Errors: INVALID_ARGUMENT for a wrong struct size.
 */
int32_t patron_pieces_read_partial(const patron_pieces *pieces,
                                   size_t first,
                                   patron_partial_piece *out,
                                   size_t struct_size,
                                   size_t capacity,
                                   size_t *written,
                                   patron_error **error);

/**
 * Sets the priority of a piece, from PATRON_PRIORITY_SKIP to PATRON_PRIORITY_TOP. Setting file
 * priorities later overrides piece priorities.
 *
 * Errors: INVALID_ARGUMENT for any other priority.
 */
int32_t patron_set_piece_priority(patron_handle *patron,
                                  uint64_t torrent_id,
                                  uint32_t piece_index,
                                  int32_t priority,
                                  patron_reply **reply,
                                  patron_error **error);

/**
 * Sets the priorities of all pieces, one byte for each piece.
 *
 * Errors: INVALID_ARGUMENT for an invalid priority. Of the reply: INVALID_ARGUMENT if the number of
 * priorities is not the number of pieces.
 */
int32_t patron_set_piece_priorities(patron_handle *patron,
                                    uint64_t torrent_id,
                                    const uint8_t *priorities,
                                    size_t count,
                                    patron_reply **reply,
                                    patron_error **error);

/**
 * Sets a deadline for a piece, in milliseconds from now, as a player needs it. Pieces with the
 * earliest deadlines are requested first, from the fastest peers. libtorrent gives such a piece the
 * highest priority, and the lowest (1) when a negative number removes the deadline.
 */
int32_t patron_set_piece_deadline(patron_handle *patron,
                                  uint64_t torrent_id,
                                  uint32_t piece_index,
                                  int64_t within_ms,
                                  patron_reply **reply,
                                  patron_error **error);

/**
 * Removes the deadlines of all pieces, which then have the lowest priority (1). Those of open
 * readers are set again.
 */
int32_t patron_clear_piece_deadlines(patron_handle *patron,
                                     uint64_t torrent_id,
                                     patron_reply **reply,
                                     patron_error **error);

/**
 * Requests the first and the last piece of each file before the others, because players look for
 * the index there. With false, these pieces get the priority of their file again.
 */
int32_t patron_set_ends_first(patron_handle *patron,
                              uint64_t torrent_id,
                              bool ends_first,
                              patron_reply **reply,
                              patron_error **error);

/**
 * Asks for the bytes of a complete piece; patron_reply_bytes() reads the answer.
 *
 * Errors of the reply: NOT_DOWNLOADED if the piece is missing; DISK if it cannot be read.
 */
int32_t patron_read_piece(patron_handle *patron,
                          uint64_t torrent_id,
                          uint32_t piece_index,
                          patron_reply **reply,
                          patron_error **error);

/**
 * Adds a complete piece that the program has obtained elsewhere. It is checked as if a peer had
 * sent it. A piece that is already complete is not changed.
 *
 * Errors of the reply: INVALID_ARGUMENT if the length is not that of the piece; BUSY while the
 * files are being checked.
 */
int32_t patron_add_piece(patron_handle *patron,
                         uint64_t torrent_id,
                         uint32_t piece_index,
                         const uint8_t *data,
                         size_t length,
                         patron_reply **reply,
                         patron_error **error);

/**
 * Checks the files against their hashes again. PATRON_EVENT_CHECKED reports the end;
 * patron_get_pieces() then has the result.
 */
int32_t patron_recheck(patron_handle *patron,
                       uint64_t torrent_id,
                       patron_reply **reply,
                       patron_error **error);

/* ===============================================================================================
 * Reading files while they download
 * ===============================================================================================
 *
 * A reader reads a file of a torrent before it is complete. The pieces that it needs next are
 * downloaded before all others. When it is freed, the priorities of the program are restored. Any
 * number of readers can be open, for the same or for different files. A reader is used by one
 * thread at a time, except that any thread may call patron_reader_interrupt() and
 * patron_reader_free().
 */

/**
 * Opens a file for reading. Waits for at most `timeout_ms` milliseconds for the metadata of a
 * magnet link and for the check of the files; a negative number waits without a limit. Free the
 * reader with patron_reader_free().
 *
 * `read_ahead` is how far ahead of its position the reader downloads at most, in bytes; 0 means the
 * default, 32 MiB. With `ends_first`, the first and the last MiB of the file are downloaded early,
 * because players look for the index there.
 *
 * Errors: NOT_FOUND; GONE if the torrent is removed meanwhile; NOT_DOWNLOADED if it is paused, and
 * DISK if it fails, before it can be read; INVALID_ARGUMENT for a file that it does not have;
 * TIMED_OUT.
 */
int32_t patron_reader_open(patron_handle *patron,
                           uint64_t torrent_id,
                           uint32_t file_index,
                           uint64_t read_ahead,
                           bool ends_first,
                           int64_t timeout_ms,
                           patron_reader **reader,
                           patron_error **error);

/**
 * Reads up to `capacity` bytes at the position, and advances it. Writes the number of bytes to
 * `length`; at the end of the file, 0. Waits for at most `timeout_ms` milliseconds for data that
 * has not been downloaded; 0 does not wait, a negative number waits without a limit.
 *
 * Errors: TIMED_OUT (it may be retried); CANCELLED by patron_reader_interrupt(); BUSY while another
 * thread reads; GONE if the torrent was removed; NOT_DOWNLOADED if it is paused and the data has
 * not been downloaded; the error that stopped the torrent; STOPPED; BAD_HANDLE.
 */
int32_t patron_reader_read(patron_reader *reader,
                           uint8_t *buffer,
                           size_t capacity,
                           int64_t timeout_ms,
                           size_t *length,
                           patron_error **error);

/**
 * Moves the position. This does not wait; the next read sets the position from which data is
 * requested. A position beyond the end is allowed; reading there returns no bytes.
 *
 * Errors: BUSY while another thread reads; BAD_HANDLE.
 */
int32_t patron_reader_seek(patron_reader *reader, uint64_t position, patron_error **error);

/** The size of the file, in bytes. */
uint64_t patron_reader_size(patron_reader *reader);

/** The position of the next read; 0 while another thread reads. */
uint64_t patron_reader_position(patron_reader *reader);

/**
 * Returns a descriptor that is readable when a read that failed with TIMED_OUT may be retried. Read
 * with a timeout of 0 until the read times out, then wait for the descriptor. Do not read from it
 * or close it: the reader owns it.
 *
 * Errors: IO if no descriptor is available; BUSY while another thread reads; INVALID_ARGUMENT on
 * Windows.
 */
int32_t patron_reader_fd(patron_reader *reader, int32_t *out, patron_error **error);

/**
 * Asks for an available range of a file, at most 64 MiB. patron_reply_bytes() reads the answer.
 *
 * Errors of the reply: NOT_DOWNLOADED if not all of it has been downloaded; INVALID_ARGUMENT for a
 * range or a file that the torrent does not have; NO_METADATA; DISK.
 */
int32_t patron_read_range(patron_handle *patron,
                          uint64_t torrent_id,
                          uint32_t file_index,
                          uint64_t begin,
                          uint64_t range_length,
                          patron_reply **reply,
                          patron_error **error);

/**
 * Waits for a piece, and returns its bytes; patron_reply_bytes() reads the answer. Until the piece
 * is available, it is downloaded before all others, for at most `within_ms` milliseconds.
 *
 * Errors of the reply: TIMED_OUT, and those of patron_reader_open() and patron_reader_read().
 */
int32_t patron_fetch_piece(patron_handle *patron,
                           uint64_t torrent_id,
                           uint32_t piece_index,
                           uint64_t within_ms,
                           patron_reply **reply,
                           patron_error **error);

/**
 * Ends a waiting read in another thread, which fails with CANCELLED. If none is waiting, the next
 * read that would wait fails.
 *
 * Errors: BAD_HANDLE.
 */
int32_t patron_reader_interrupt(patron_reader *reader, patron_error **error);

/**
 * Frees a reader. A read that waits in another thread fails with CANCELLED. NULL is allowed, and so
 * is a handle that was freed before.
 */
void patron_reader_free(patron_reader *reader);

/* ===============================================================================================
 * Options of a torrent
 * ===============================================================================================
 *
 * Flags, limits, goals and the queue. They can be changed at any time; limits can also be set for a
 * torrent to be added.
 *
 * A limit is greater than 0, or PATRON_NO_LIMIT. Functions that set a limit return INVALID_ARGUMENT
 * for other numbers: to stop a torrent, pause it.
 */

/** As a limit: no limit but the client's. */
#define PATRON_NO_LIMIT (-1)

/** Nothing is downloaded; existing data is uploaded. A full disk turns this on. */
#define PATRON_FLAG_UPLOAD_MODE 1

/** Only as much is downloaded as helps to increase the share ratio. */
#define PATRON_FLAG_SHARE_MODE 2

/** Peers blocked by the IP filter are refused. On by default. */
#define PATRON_FLAG_APPLY_IP_FILTER 4

/**
 * libtorrent starts and stops it: as many torrents run as the "active_" settings allow, in queue
 * order.
 */
#define PATRON_FLAG_AUTO_MANAGED 8

/**
 * Super-seeding: each piece is offered to one peer at a time, so that the first copy spreads with
 * the least upload (BEP 16).
 */
#define PATRON_FLAG_SUPER_SEEDING 16

/** Pieces are downloaded in order. */
#define PATRON_FLAG_SEQUENTIAL 32

/** It is paused when it would start to download or seed. */
#define PATRON_FLAG_STOP_WHEN_READY 64

/** It is not announced to the DHT. */
#define PATRON_FLAG_NO_DHT 128

/** It is not announced on the local network. */
#define PATRON_FLAG_NO_LOCAL_DISCOVERY 256

/** Peer exchange is off. */
#define PATRON_FLAG_NO_PEER_EXCHANGE 512

/** One position up. */
#define PATRON_QUEUE_UP 0

/** One position down. */
#define PATRON_QUEUE_DOWN 1

/** To the front of the queue. */
#define PATRON_QUEUE_TOP 2

/** To the end of the queue. */
#define PATRON_QUEUE_BOTTOM 3

/** A torrent that has reached a goal is paused. If it is resumed, it seeds without goals. */
#define PATRON_GOAL_ACTION_PAUSE 0

/** It is removed; its files are kept. */
#define PATRON_GOAL_ACTION_REMOVE 1

/** It is removed and its files are deleted. */
#define PATRON_GOAL_ACTION_REMOVE_AND_DELETE 2

/** It keeps seeding in super-seeding mode. */
#define PATRON_GOAL_ACTION_SUPER_SEED 3

/** The current options of a torrent; patron_reply_path() is the directory of its files. */
typedef struct patron_torrent_options {
    /** The download rate limit in bytes per second; PATRON_NO_LIMIT if there is none. */
    int64_t download_limit;
    /** The upload rate limit in bytes per second; PATRON_NO_LIMIT if there is none. */
    int64_t upload_limit;
    /** The connections limit; PATRON_NO_LIMIT if there is none. */
    int64_t connections_limit;
    /** The number of upload slots; PATRON_NO_LIMIT if there is none. */
    int64_t upload_slots;
    /** The queue position, starting at 0; -1 if it is complete. */
    int64_t queue_position;
    /** The PATRON_FLAG_* that are on, combined by "or". */
    int32_t flags;
    /** Reserved; zero. */
    uint32_t reserved;
} patron_torrent_options;

/**
 * Asks for the options of a torrent; patron_reply_torrent_options() and patron_reply_path() read
 * the answer.
 */
int32_t patron_get_torrent_options(patron_handle *patron,
                                   uint64_t torrent_id,
                                   patron_reply **reply,
                                   patron_error **error);

/**
 * For patron_get_torrent_options(): writes the options. `struct_size` is
 * sizeof(patron_torrent_options).
 *
 * Errors: INVALID_ARGUMENT if the reply has no answer yet or is of another kind; BAD_HANDLE.
 */
int32_t patron_reply_torrent_options(patron_reply *reply,
                                     patron_torrent_options *out,
                                     size_t struct_size,
                                     patron_error **error);

/**
 * Turns a flag, one PATRON_FLAG_*, on or off.
 *
 * Errors: INVALID_ARGUMENT for an unknown flag or more than one.
 */
int32_t patron_set_flag(patron_handle *patron,
                        uint64_t torrent_id,
                        int32_t flag,
                        bool on,
                        patron_reply **reply,
                        patron_error **error);

/** Limits the download rate of the torrent to be added, in bytes per second. */
int32_t patron_add_options_set_download_limit(patron_add_options *options,
                                              int64_t rate,
                                              patron_error **error);

/** Limits the upload rate of the torrent to be added, in bytes per second. */
int32_t patron_add_options_set_upload_limit(patron_add_options *options,
                                            int64_t rate,
                                            patron_error **error);

/** Limits the number of connections of the torrent to be added. */
int32_t patron_add_options_set_connections_limit(patron_add_options *options,
                                                 int64_t peers,
                                                 patron_error **error);

/** Limits the number of upload slots of the torrent to be added. */
int32_t patron_add_options_set_upload_slots(patron_add_options *options,
                                            int64_t peers,
                                            patron_error **error);

/** Limits the download rate of a torrent, in bytes per second. */
int32_t patron_set_download_limit(patron_handle *patron,
                                  uint64_t torrent_id,
                                  int64_t rate,
                                  patron_reply **reply,
                                  patron_error **error);

/** Limits the upload rate of a torrent, in bytes per second. */
int32_t patron_set_upload_limit(patron_handle *patron,
                                uint64_t torrent_id,
                                int64_t rate,
                                patron_reply **reply,
                                patron_error **error);

/** Limits the connections of a torrent, to at least 2. */
int32_t patron_set_connections_limit(patron_handle *patron,
                                     uint64_t torrent_id,
                                     int64_t peers,
                                     patron_reply **reply,
                                     patron_error **error);

/** Limits the upload slots of a torrent. */
int32_t patron_set_upload_slots(patron_handle *patron,
                                uint64_t torrent_id,
                                int64_t peers,
                                patron_reply **reply,
                                patron_error **error);

/**
 * Sets the seeding goals of a torrent, and what happens when the first is reached, a
 * PATRON_GOAL_ACTION_*. They replace earlier goals. `share_ratio` is bytes sent per byte received;
 * `seed_seconds` is the time that the torrent was complete and not paused. Both count all runs; a
 * negative number means no such goal. Goals are checked at each tick; PATRON_EVENT_GOAL_REACHED
 * reports success. They are stored in resume data.
 *
 * Errors: INVALID_ARGUMENT for an unknown action, or if the share ratio is not a number.
 */
int32_t patron_set_goals(patron_handle *patron,
                         uint64_t torrent_id,
                         double share_ratio,
                         int64_t seed_seconds,
                         int32_t action,
                         patron_reply **reply,
                         patron_error **error);

/**
 * Sets the certificate of a TLS torrent, in PEM: the certificate, signed by the one in the metainfo
 * ("ssl-cert"); its private key; and the Diffie-Hellman parameters. If libtorrent rejects it,
 * PATRON_EVENT_ERROR reports it.
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
 * Moves a torrent in the queue of incomplete torrents, by a PATRON_QUEUE_*. The queue decides which
 * torrents with PATRON_FLAG_AUTO_MANAGED run.
 *
 * Errors: INVALID_ARGUMENT for an unknown move.
 */
int32_t patron_move_in_queue(patron_handle *patron,
                             uint64_t torrent_id,
                             int32_t queue_move,
                             patron_reply **reply,
                             patron_error **error);

/**
 * Moves a torrent to a position in the queue, starting at 0. A position past the end means the end.
 */
int32_t patron_set_queue_position(patron_handle *patron,
                                  uint64_t torrent_id,
                                  uint32_t position,
                                  patron_reply **reply,
                                  patron_error **error);

/* ===============================================================================================
 * Peers
 * ===============================================================================================
 *
 * The peers that a torrent is connected to.
 */

/** The peer is a BitTorrent client. */
#define PATRON_PEER_KIND_CLIENT 0

/** The peer is a web seed (BEP 19). */
#define PATRON_PEER_KIND_WEB_SEED 1

/** The peer is an HTTP seed (BEP 17). */
#define PATRON_PEER_KIND_HTTP_SEED 2

/** The connection uses TCP. */
#define PATRON_TRANSPORT_TCP 0

/** The connection uses uTP (BEP 29). */
#define PATRON_TRANSPORT_UTP 1

/** The connection uses the I2P network. */
#define PATRON_TRANSPORT_I2P 2

/** The connection is not encrypted. */
#define PATRON_ENCRYPTION_NONE 0

/** Only the handshake is encrypted (MSE). */
#define PATRON_ENCRYPTION_HANDSHAKE 1

/** The whole connection is encrypted with RC4 (MSE). */
#define PATRON_ENCRYPTION_RC4 2

/** The connection uses TLS, for a torrent with a certificate. */
#define PATRON_ENCRYPTION_TLS 3

/** The peer came from a tracker. */
#define PATRON_PEER_SOURCE_TRACKER 1

/** The peer came from the DHT (BEP 5). */
#define PATRON_PEER_SOURCE_DHT 2

/** The peer came from peer exchange (BEP 11). */
#define PATRON_PEER_SOURCE_PEER_EXCHANGE 4

/** The peer was found by local service discovery (BEP 14). */
#define PATRON_PEER_SOURCE_LOCAL_DISCOVERY 8

/** The peer came from resume data. */
#define PATRON_PEER_SOURCE_RESUME_DATA 16

/** The peer connected to this client. */
#define PATRON_PEER_SOURCE_INCOMING 32

/** A snapshot of the peers of a torrent. Several threads may read it at once. */
typedef struct patron_peers patron_peers;

/** A peer that is connected or being connected to. Rates are in bytes per second. */
typedef struct patron_peer {
    /** The download rate, including protocol overhead. */
    uint64_t download_rate;
    /** The upload rate, including protocol overhead. */
    uint64_t upload_rate;
    /** Payload bytes received. */
    uint64_t downloaded;
    /** Payload bytes sent. */
    uint64_t uploaded;
    /** Milliseconds since anything was sent or received. */
    uint64_t idle_ms;
    /** The time it took to connect, in milliseconds. */
    uint64_t round_trip_ms;
    /** The kind of peer, a PATRON_PEER_KIND_*. */
    int32_t kind;
    /** The transport protocol, a PATRON_TRANSPORT_*. */
    int32_t transport;
    /** The encryption, a PATRON_ENCRYPTION_*. */
    int32_t encryption;
    /** The sources of the peer, PATRON_PEER_SOURCE_* combined by "or". */
    int32_t sources;
    /** The number of blocks requested from the peer. */
    uint32_t outgoing_requests;
    /** The number of blocks that the peer has requested. */
    uint32_t incoming_requests;
    /** The number of pieces that it contributed to and that failed the hash check. */
    uint32_t hash_failures;
    /** The number of consecutive failed connection attempts. */
    uint32_t failures;
    /** The fraction of the torrent that it has, from 0 to 1. */
    float progress;
    /** Its peer id (BEP 20). */
    uint8_t id[20];
    /** It is a seed. */
    bool seed;
    /** The connection is outgoing rather than incoming. */
    bool outgoing;
    /** The connection is being established, or the handshakes are not complete. */
    bool connecting;
    /** We are interested in its pieces. */
    bool am_interested;
    /** We choke it. */
    bool am_choking;
    /** It is interested in our pieces. */
    bool peer_interested;
    /** It chokes us. */
    bool peer_choking;
    /** It has stopped sending data although blocks are requested. */
    bool snubbed;
    /** It is unchoked optimistically. */
    bool optimistic_unchoke;
    /** It contributed to a piece that failed the hash check. */
    bool suspected;
    /** Reserved; zero. */
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
 * For patron_get_peers(): the peers, a new object for each call. Free it with patron_peers_free().
 *
 * Errors: INVALID_ARGUMENT if the reply has no answer yet or is of another kind; BAD_HANDLE.
 */
int32_t patron_reply_peers(patron_reply *reply, patron_peers **out, patron_error **error);

/** Frees the list. NULL is allowed. */
void patron_peers_free(patron_peers *peers);

/** The number of peers. */
size_t patron_peers_count(const patron_peers *peers);

/**
 * Copies the peers from index `first` on into an array of `capacity` structs, and writes their
 * number to `written`. `struct_size` is sizeof(patron_peer).
 *
 * Errors: INVALID_ARGUMENT for a wrong struct size.
 */
int32_t patron_peers_read(const patron_peers *peers,
                          size_t first,
                          patron_peer *out,
                          size_t struct_size,
                          size_t capacity,
                          size_t *written,
                          patron_error **error);

/**
 * The address of a peer, "127.0.0.1:6881"; empty for a web seed whose host name has not been
 * resolved yet, and for an I2P peer.
 */
patron_text patron_peers_address(const patron_peers *peers, size_t index);

/** The local address of the connection to a peer, in the same form. */
patron_text patron_peers_local_address(const patron_peers *peers, size_t index);

/**
 * The client name that a peer reports or that is derived from its peer id; for a web seed, its URL.
 */
patron_text patron_peers_client(const patron_peers *peers, size_t index);

/**
 * Connects a torrent to a peer, written "127.0.0.1:6881" or "[::1]:6881", when the torrent can have
 * another connection.
 *
 * Errors: INVALID_ARGUMENT if it is not an address and port. Of the reply: INVALID_ARGUMENT if the
 * client is offline and the peer is not on the loopback interface.
 */
int32_t patron_connect_peer(patron_handle *patron,
                            uint64_t torrent_id,
                            const char *address,
                            size_t address_length,
                            patron_reply **reply,
                            patron_error **error);

/** Removes all known peers of a torrent and closes its connections. */
int32_t patron_clear_peers(patron_handle *patron,
                           uint64_t torrent_id,
                           patron_reply **reply,
                           patron_error **error);

/* ===============================================================================================
 * Trackers and web seeds
 * ===============================================================================================
 *
 * The trackers and web seeds of a torrent. Errors of the replies: INVALID_ARGUMENT for an invalid
 * URL, for one that the torrent does not have, and, if the client is offline, for one outside of
 * the loopback interface.
 */

/** The tracker came from the metainfo. */
#define PATRON_TRACKER_SOURCE_METAINFO 0

/** The tracker was added by the program. */
#define PATRON_TRACKER_SOURCE_PROGRAM 1

/** The tracker came from a magnet link. */
#define PATRON_TRACKER_SOURCE_MAGNET 2

/** The tracker came from a peer (BEP 28). */
#define PATRON_TRACKER_SOURCE_PEER 3

/** The v1 info hash (BEP 3). */
#define PATRON_ANNOUNCE_V1 1

/** The v2 info hash (BEP 52). */
#define PATRON_ANNOUNCE_V2 2

/**
 * A snapshot of the trackers of a torrent, ordered by tier, and of all announces to them, ordered
 * by tracker. Several threads may read it at once.
 */
typedef struct patron_trackers patron_trackers;

/** A tracker; see its announces for results. */
typedef struct patron_tracker_status {
    /** The source of the tracker, a PATRON_TRACKER_SOURCE_*. */
    int32_t source;
    /** The tier; lower tiers are tried first (BEP 12). */
    uint8_t tier;
    /** It has answered since the torrent was added. */
    bool working;
    /** Reserved; zero. */
    uint8_t reserved[2];
} patron_tracker_status;

/**
 * The state of announcing to a tracker, for one listen address and one info hash of the torrent.
 */
typedef struct patron_announce {
    /** Milliseconds until the next announce; -1 if none is scheduled. */
    int64_t next_ms;
    /** The number of seeds that the tracker reports; -1 if unknown. */
    int64_t seeds;
    /** The number of leechers that the tracker reports; -1 if unknown. */
    int64_t leechers;
    /** The number of completed downloads that the tracker reports; -1 if unknown. */
    int64_t downloads;
    /** The index of the tracker. */
    uint32_t tracker;
    /** The number of consecutive failures. */
    uint32_t failures;
    /**
     * The error of the last announce, a PATRON_E_*, or 0; patron_trackers_announce_error() has the
     * details.
     */
    int32_t error;
    /** A PATRON_ANNOUNCE_*, which decides the info hash. */
    uint8_t protocol;
    /** An announce is in progress. */
    bool updating;
    /** Reserved; zero. */
    uint8_t reserved[2];
} patron_announce;

/** Asks for the trackers of a torrent; patron_reply_trackers() reads the answer. */
int32_t patron_get_trackers(patron_handle *patron,
                            uint64_t torrent_id,
                            patron_reply **reply,
                            patron_error **error);

/**
 * For patron_get_trackers(): the trackers, a new object for each call. Free it with
 * patron_trackers_free().
 *
 * Errors: INVALID_ARGUMENT if the reply has no answer yet or is of another kind; BAD_HANDLE.
 */
int32_t patron_reply_trackers(patron_reply *reply,
                              patron_trackers **out,
                              patron_error **error);

/** Frees the list. NULL is allowed. */
void patron_trackers_free(patron_trackers *trackers);

/** The number of trackers. */
size_t patron_trackers_count(const patron_trackers *trackers);

/**
 * Copies the trackers from index `first` on into an array of `capacity` structs, and writes their
 * number to `written`. `struct_size` is sizeof(patron_tracker_status).
 *
 * Errors: INVALID_ARGUMENT for a wrong struct size.
 */
int32_t patron_trackers_read(const patron_trackers *trackers,
                             size_t first,
                             patron_tracker_status *out,
                             size_t struct_size,
                             size_t capacity,
                             size_t *written,
                             patron_error **error);

/** The announce URL of a tracker. */
patron_text patron_trackers_url(const patron_trackers *trackers, size_t index);

/** The number of announces, of all trackers together. */
size_t patron_trackers_announce_count(const patron_trackers *trackers);

/**
 * Copies the announces from index `first` on into an array of `capacity` structs, and writes their
 * number to `written`. `struct_size` is sizeof(patron_announce).
 *
 * Errors: INVALID_ARGUMENT for a wrong struct size.
 */
int32_t patron_trackers_read_announces(const patron_trackers *trackers,
                                       size_t first,
                                       patron_announce *out,
                                       size_t struct_size,
                                       size_t capacity,
                                       size_t *written,
                                       patron_error **error);

/** The listen address of an announce, "127.0.0.1:6881". */
patron_text patron_trackers_announce_from(const patron_trackers *trackers, size_t index);

/** The tracker's message for an announce, a warning or a reason; often empty. */
patron_text patron_trackers_announce_message(const patron_trackers *trackers, size_t index);

/** The error of an announce; NULL if there is none. Owned by the list. */
const patron_error *patron_trackers_announce_error(const patron_trackers *trackers,
                                                   size_t index);

/** Adds a tracker; an existing one is not changed. Lower tiers are tried first (BEP 12). */
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
 * Replaces all trackers of a torrent: one URL per line, with an empty line between tiers. An empty
 * text removes all trackers.
 */
int32_t patron_replace_trackers(patron_handle *patron,
                                uint64_t torrent_id,
                                const char *urls,
                                size_t urls_length,
                                patron_reply **reply,
                                patron_error **error);

/**
 * Announces a torrent to its trackers now, regardless of the announce interval. A paused torrent is
 * not announced.
 */
int32_t patron_reannounce(patron_handle *patron,
                          uint64_t torrent_id,
                          patron_reply **reply,
                          patron_error **error);

/**
 * Scrapes all trackers for their numbers of seeds and leechers (BEP 48). patron_get_trackers() then
 * has the results.
 */
int32_t patron_scrape(patron_handle *patron,
                      uint64_t torrent_id,
                      patron_reply **reply,
                      patron_error **error);

/** Announces a torrent to the DHT now (BEP 5). */
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

/** For patron_get_web_seeds(): the number of web seeds. */
size_t patron_reply_web_seed_count(patron_reply *reply);

/** For patron_get_web_seeds(): the URL of a web seed. Valid until the reply is freed. */
patron_text patron_reply_web_seed(patron_reply *reply, size_t index);

/** Adds a web seed (BEP 19). For a torrent with more than one file, use a URL that ends in "/". */
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
 * Stores
 * ===============================================================================================
 *
 * A client with a store (patron_builder_set_store()) keeps its torrents across restarts and
 * crashes. Calls that add, remove, pause, resume or move a torrent, or attach data to it, are
 * answered when the change is durable. Progress and other changes are saved automatically, and
 * before the client stops. At the start, the client restores all torrents of its store, which
 * PATRON_EVENT_RESTORING and PATRON_EVENT_RESTORED report. These torrents belong to no patron; use
 * patron_watch_all() and patron_adopt() for them.
 *
 * Labels and notes are data that the program attaches to a torrent. Without a store, they are lost
 * with the torrent.
 */

/**
 * Delivers the events of all torrents of the client to this patron, including torrents that are
 * added later. The first event of each existing torrent is its status.
 */
int32_t patron_watch_all(patron_handle *patron, patron_reply **reply, patron_error **error);

/**
 * Ends patron_watch_all(), and patron_watch() for every torrent. The patron still receives the
 * events of the torrents that it owns.
 */
int32_t patron_unwatch_all(patron_handle *patron, patron_reply **reply, patron_error **error);

/**
 * Makes this patron the owner of a torrent without an owner, as if it had added it.
 *
 * Errors of the reply: INVALID_ARGUMENT if the torrent belongs to another patron; NOT_FOUND, GONE.
 */
int32_t patron_adopt(patron_handle *patron,
                     uint64_t torrent_id,
                     patron_reply **reply,
                     patron_error **error);

/**
 * Adds a label to a torrent, unless it already has it.
 *
 * Errors of the reply: NOT_FOUND, GONE; DISK if the store cannot be written.
 */
int32_t patron_add_label(patron_handle *patron,
                         uint64_t torrent_id,
                         const char *label,
                         size_t label_length,
                         patron_reply **reply,
                         patron_error **error);

/**
 * Removes a label from a torrent.
 *
 * Errors of the reply: as for patron_add_label().
 */
int32_t patron_remove_label(patron_handle *patron,
                            uint64_t torrent_id,
                            const char *label,
                            size_t label_length,
                            patron_reply **reply,
                            patron_error **error);

/**
 * Asks for the labels of a torrent; patron_reply_label() reads the answer.
 *
 * Errors of the reply: NOT_FOUND, GONE.
 */
int32_t patron_get_labels(patron_handle *patron,
                          uint64_t torrent_id,
                          patron_reply **reply,
                          patron_error **error);

/** For patron_get_labels(): the number of labels. */
size_t patron_reply_label_count(patron_reply *reply);

/** For patron_get_labels(): a label, in alphabetical order. Valid until the reply is freed. */
patron_text patron_reply_label(patron_reply *reply, size_t index);

/**
 * Attaches a copy of the bytes to a torrent, under a key that the program chooses. It replaces the
 * previous bytes under this key.
 *
 * Errors of the reply: as for patron_add_label().
 */
int32_t patron_set_note(patron_handle *patron,
                        uint64_t torrent_id,
                        const char *key,
                        size_t key_length,
                        const uint8_t *value,
                        size_t value_length,
                        patron_reply **reply,
                        patron_error **error);

/**
 * Removes the bytes under a key from a torrent.
 *
 * Errors of the reply: as for patron_add_label().
 */
int32_t patron_remove_note(patron_handle *patron,
                           uint64_t torrent_id,
                           const char *key,
                           size_t key_length,
                           patron_reply **reply,
                           patron_error **error);

/**
 * Asks for the bytes attached to a torrent; patron_reply_note_key() and patron_reply_note_value()
 * read the answer.
 *
 * Errors of the reply: NOT_FOUND, GONE.
 */
int32_t patron_get_notes(patron_handle *patron,
                         uint64_t torrent_id,
                         patron_reply **reply,
                         patron_error **error);

/** For patron_get_notes(): the number of notes. */
size_t patron_reply_note_count(patron_reply *reply);

/**
 * For patron_get_notes(): the key of a note, in alphabetical order. Valid until the reply is freed.
 */
patron_text patron_reply_note_key(patron_reply *reply, size_t index);

/** For patron_get_notes(): the bytes of a note. Valid until the reply is freed. */
patron_bytes patron_reply_note_value(patron_reply *reply, size_t index);

/* ===============================================================================================
 * The client as a whole
 * ===============================================================================================
 *
 * Settings and commands that affect all torrents of a client, including those of other patrons.
 */

/** Asks for all current settings, including defaults; patron_reply_settings() reads the answer. */
int32_t patron_get_settings(patron_handle *patron, patron_reply **reply, patron_error **error);

/**
 * For patron_get_settings(): the settings, a new object for each call. Free it with
 * patron_settings_free().
 *
 * Errors: INVALID_ARGUMENT if the reply has no answer yet or is of another kind; BAD_HANDLE.
 */
int32_t patron_reply_settings(patron_reply *reply, patron_settings **out, patron_error **error);

/**
 * Changes the settings that are in the set and leaves the others unchanged. Start from
 * PATRON_PRESET_EMPTY. Most settings take effect at once, including listening and discovery.
 *
 * Errors of the reply: INVALID_ARGUMENT for settings that can only be set at the start
 * ("disk_reads"), and for those that conflict with how the client reads.
 */
int32_t patron_apply_settings(patron_handle *patron,
                              const patron_settings *settings,
                              patron_reply **reply,
                              patron_error **error);

/**
 * Asks for the state to restore in a later client: settings, DHT nodes and the IP filter;
 * patron_reply_bytes() reads the answer. Torrents are not included; see patron_get_resume_data().
 */
int32_t patron_save_state(patron_handle *patron, patron_reply **reply, patron_error **error);

/** Asks for the blocked addresses; patron_reply_ip_filter() reads the answer. */
int32_t patron_get_ip_filter(patron_handle *patron, patron_reply **reply, patron_error **error);

/**
 * For patron_get_ip_filter(): the filter, a new object for each call. Free it with
 * patron_ip_filter_free().
 *
 * Errors: INVALID_ARGUMENT if the reply has no answer yet or is of another kind; BAD_HANDLE.
 */
int32_t patron_reply_ip_filter(patron_reply *reply, patron_ip_filter **out, patron_error **error);

/**
 * Replaces the IP filter. Connected peers that are now blocked are disconnected. A client that is
 * offline still blocks everything outside of the loopback interface.
 */
int32_t patron_set_ip_filter(patron_handle *patron,
                             const patron_ip_filter *filter,
                             patron_reply **reply,
                             patron_error **error);

/**
 * Adds one address to the IP filter, "192.0.2.1" or "2001:db8::1".
 *
 * Errors: INVALID_ARGUMENT for an invalid address.
 */
int32_t patron_ban(patron_handle *patron,
                   const char *ip_address,
                   size_t ip_address_length,
                   patron_reply **reply,
                   patron_error **error);

/**
 * Pauses the whole client until patron_resume_all(). The paused state of each torrent does not
 * change.
 */
int32_t patron_pause_all(patron_handle *patron, patron_reply **reply, patron_error **error);

/** Ends patron_pause_all(). */
int32_t patron_resume_all(patron_handle *patron, patron_reply **reply, patron_error **error);

/**
 * Asks whether the client is paused by patron_pause_all(); patron_reply_is_true() reads the answer.
 */
int32_t patron_get_is_paused(patron_handle *patron, patron_reply **reply, patron_error **error);

/**
 * Blocks outgoing connections to these ports. Incoming connections are not affected. `ports` has
 * the first and the last port of each range, both included, one range after the other;
 * `range_count` is the number of ranges.
 *
 * Errors: INVALID_ARGUMENT for a range that ends before it begins.
 */
int32_t patron_set_port_filter(patron_handle *patron,
                               const uint16_t *ports,
                               size_t range_count,
                               patron_reply **reply,
                               patron_error **error);

/**
 * Adds a DHT node to bootstrap from (BEP 5).
 *
 * Errors of the reply: INVALID_ARGUMENT if the client is offline or uses a proxy, and cannot reach
 * the node because of that.
 */
int32_t patron_add_dht_node(patron_handle *patron,
                            const char *host,
                            size_t host_length,
                            uint16_t port,
                            patron_reply **reply,
                            patron_error **error);

/** Asks whether the DHT is running; patron_reply_is_true() reads the answer. */
int32_t patron_get_is_dht_running(patron_handle *patron,
                                  patron_reply **reply,
                                  patron_error **error);

/**
 * Asks the known routers (UPnP, NAT-PMP) to forward a port for a PATRON_PORT_*;
 * patron_reply_port_mapping() reads the answer. PATRON_EVENT_PORT_MAPPED reports success. The ports
 * that the client listens on are forwarded automatically.
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
 * For patron_map_port(): the number of mappings, one for each protocol to talk to a router; 0 if
 * there is no router.
 */
size_t patron_reply_port_mapping_count(patron_reply *reply);

/** For patron_map_port(): a mapping, for patron_unmap_port(); -1 if there is none. */
int32_t patron_reply_port_mapping(patron_reply *reply, size_t index);

/**
 * Removes a mapping. An unknown mapping is ignored.
 *
 * Errors of the reply: INVALID_ARGUMENT for a negative number.
 */
int32_t patron_unmap_port(patron_handle *patron,
                          int32_t mapping,
                          patron_reply **reply,
                          patron_error **error);

/**
 * Reopens the listening sockets and maps their ports again. Use it after a change of the network
 * that libtorrent could not detect.
 */
int32_t patron_reopen_sockets(patron_handle *patron, patron_reply **reply, patron_error **error);

/* ===============================================================================================
 * Peer classes
 * ===============================================================================================
 *
 * A peer class is a group of peers with its own limits; peers on the local network, for example,
 * may have other limits than the rest. A class is identified by a number. A peer may be in several
 * classes, and is subject to the limits of all of them.
 *
 * Errors of the replies: INVALID_ARGUMENT for an unknown class.
 */

/** All peers except those on the local network. Its limits are those of the client. */
#define PATRON_PEER_CLASS_GLOBAL 0

/** Peers connected over TCP. */
#define PATRON_PEER_CLASS_TCP 1

/** Peers on the local network. It has no limits unless they are set. */
#define PATRON_PEER_CLASS_LOCAL 2

/** The assignment of address ranges to classes. Used by one thread at a time. */
typedef struct patron_peer_class_ranges patron_peer_class_ranges;

/** The limits of a peer class; patron_reply_peer_class_name() is its name. */
typedef struct patron_peer_class_options {
    /** The upload rate of all its peers together, in bytes per second, or PATRON_NO_LIMIT. */
    int64_t upload_limit;
    /** The download rate of all its peers together, in bytes per second, or PATRON_NO_LIMIT. */
    int64_t download_limit;
    /**
     * How many connections its peers may have, in percent of the limits of the torrent and the
     * client. A value above 100 is rounded, and has no effect on peers that also have a class with
     * a lower one.
     */
    uint32_t connection_limit_percent;
    /** The share of its peers when upload bandwidth is short, from 1 to 255. */
    uint8_t upload_priority;
    /** The share of its peers when download bandwidth is short, from 1 to 255. */
    uint8_t download_priority;
    /** 1: its peers are unchoked regardless of upload slots. 0: they need a slot. */
    uint8_t ignore_unchoke_slots;
    /** Reserved; zero. */
    uint8_t reserved;
} patron_peer_class_options;

/**
 * Creates a class; patron_reply_peer_class() reads the answer. There can be 28. The name is for
 * display.
 */
int32_t patron_create_peer_class(patron_handle *patron,
                                 const char *name,
                                 size_t name_length,
                                 patron_reply **reply,
                                 patron_error **error);

/** For patron_create_peer_class(): the class; 0 while there is no answer. */
uint32_t patron_reply_peer_class(patron_reply *reply);

/** Removes a class. Connected peers stay in it until they disconnect. */
int32_t patron_remove_peer_class(patron_handle *patron,
                                 uint32_t peer_class,
                                 patron_reply **reply,
                                 patron_error **error);

/**
 * Asks for the limits of a class; patron_reply_peer_class_options() and
 * patron_reply_peer_class_name() read the answer.
 */
int32_t patron_get_peer_class(patron_handle *patron,
                              uint32_t peer_class,
                              patron_reply **reply,
                              patron_error **error);

/**
 * For patron_get_peer_class(): writes the options. `struct_size` is
 * sizeof(patron_peer_class_options).
 *
 * Errors: INVALID_ARGUMENT if the reply has no answer yet or is of another kind; BAD_HANDLE.
 */
int32_t patron_reply_peer_class_options(patron_reply *reply,
                                        patron_peer_class_options *out,
                                        size_t struct_size,
                                        patron_error **error);

/** For patron_get_peer_class(): the name of the class. Valid until the reply is freed. */
patron_text patron_reply_peer_class_name(patron_reply *reply);

/**
 * Changes the limits and the name of a class. Setting a limit for PATRON_PEER_CLASS_LOCAL, for
 * example, limits peers on the local network. Start from the options that patron_get_peer_class()
 * returns. `struct_size` is sizeof(patron_peer_class_options).
 *
 * Errors: INVALID_ARGUMENT for a limit or a priority of 0, or a wrong struct size.
 */
int32_t patron_set_peer_class(patron_handle *patron,
                              uint32_t peer_class,
                              const char *name,
                              size_t name_length,
                              const patron_peer_class_options *options,
                              size_t struct_size,
                              patron_reply **reply,
                              patron_error **error);

/** Makes an empty list. Free it with patron_peer_class_ranges_free(). */
int32_t patron_peer_class_ranges_new(patron_peer_class_ranges **out, patron_error **error);

/** Frees the list. NULL is allowed. */
void patron_peer_class_ranges_free(patron_peer_class_ranges *ranges);

/**
 * Adds a range of addresses, `lowest` and `highest` included, written "192.0.2.1" or "2001:db8::1".
 * `peer_classes` has one bit for each class of the peers in the range, for example UINT32_C(1) <<
 * PATRON_PEER_CLASS_LOCAL. A range overrides those added earlier.
 *
 * Errors: INVALID_ARGUMENT for an invalid address, for a range that ends before it begins, and for
 * a range that mixes IPv4 and IPv6.
 */
int32_t patron_peer_class_ranges_add(patron_peer_class_ranges *ranges,
                                     const char *lowest,
                                     size_t lowest_length,
                                     const char *highest,
                                     size_t highest_length,
                                     uint32_t peer_classes,
                                     patron_error **error);

/** The number of ranges. */
size_t patron_peer_class_ranges_count(const patron_peer_class_ranges *ranges);

/** The first address of a range. */
patron_text patron_peer_class_ranges_lowest(const patron_peer_class_ranges *ranges,
                                            size_t index);

/** The last address of a range. */
patron_text patron_peer_class_ranges_highest(const patron_peer_class_ranges *ranges,
                                             size_t index);

/** The classes of the peers in a range, one bit for each. */
uint32_t patron_peer_class_ranges_classes(const patron_peer_class_ranges *ranges,
                                          size_t index);

/** Asks which addresses are in which classes; patron_reply_peer_class_ranges() reads the answer. */
int32_t patron_get_peer_class_ranges(patron_handle *patron,
                                     patron_reply **reply,
                                     patron_error **error);

/**
 * For patron_get_peer_class_ranges(): the ranges, a new object for each call. Free it with
 * patron_peer_class_ranges_free().
 *
 * Errors: INVALID_ARGUMENT if the reply has no answer yet or is of another kind; BAD_HANDLE.
 */
int32_t patron_reply_peer_class_ranges(patron_reply *reply,
                                       patron_peer_class_ranges **out,
                                       patron_error **error);

/**
 * Assigns addresses to classes, replacing the earlier assignment. Peers get their classes when they
 * connect.
 */
int32_t patron_set_peer_class_ranges(patron_handle *patron,
                                     const patron_peer_class_ranges *ranges,
                                     patron_reply **reply,
                                     patron_error **error);

/* ===============================================================================================
 * Events
 * ===============================================================================================
 *
 * Events tell what happened. Events of a torrent go to the patron that added it and to those that
 * watch it; events of the client go to every patron. A mailbox is bounded. A status replaces the
 * unread status of the same torrent, and any other event of an existing torrent replaces the unread
 * one of the same kind. Answers with a tag (PATRON_EVENT_REPLY) are kept. Beyond 4096 other events
 * the oldest are dropped, which PATRON_EVENT_LAGGED reports; events about single files, pieces,
 * peers and trackers are limited separately. A program that reads slowly therefore loses no state
 * and uses no extra memory.
 *
 * An event is used by one thread at a time. A function that does not apply to the kind of an event
 * returns 0, false, NULL or an empty text. A newer library may send kinds that are not listed here;
 * patron_event_explain() works for those, too.
 */

/** The torrent was added. Has: name, save_dir, info hashes, complete. */
#define PATRON_EVENT_TORRENT_ADDED 1

/** The client already has this torrent; it was not added again. Has: name. */
#define PATRON_EVENT_ALREADY_ADDED 2

/** A torrent could not be added. Has: source, error. It has no torrent id. */
#define PATRON_EVENT_ADD_FAILED 3

/**
 * The status of the torrent, after each tick in which it changed. Has: name, status, state, and an
 * error if one stopped the torrent.
 */
#define PATRON_EVENT_STATUS 4

/** The metadata of a magnet link was received from a peer (BEP 9). Has: name, info hashes. */
#define PATRON_EVENT_METADATA_RECEIVED 5

/** The state of the torrent changed. Has: name, state. */
#define PATRON_EVENT_STATE_CHANGED 6

/** The torrent was paused. Has: name. */
#define PATRON_EVENT_PAUSED 7

/** The torrent was resumed. Has: name. */
#define PATRON_EVENT_RESUMED 8

/** The files on disk were checked against their hashes. Has: name. */
#define PATRON_EVENT_CHECKED 9

/**
 * All wanted data was downloaded and written, and the files were checked: their sizes, or with
 * patron_add_options_set_verify_finished() their hashes. Has: name.
 */
#define PATRON_EVENT_FINISHED 10

/**
 * The files are now in another directory: complete files in their final directory, or files that a
 * patron moved. Has: name, save_dir.
 */
#define PATRON_EVENT_MOVED 11

/** A piece failed its hash check; it will be downloaded again. Has: name, piece. */
#define PATRON_EVENT_HASH_FAILED 12

/**
 * A tracker did not answer, or refused. It will be retried later. Has: name, url, count
 * (consecutive failures), error.
 */
#define PATRON_EVENT_TRACKER_ERROR 13

/** An error stopped the torrent; resuming it tries again. Has: name, error. */
#define PATRON_EVENT_ERROR 14

/** The answer to PATRON_COMMAND_METAINFO. Has: name, torrent_file. */
#define PATRON_EVENT_METAINFO 15

/**
 * The torrent was removed; its id is invalid from now on. Has: name, removed_files, and an error if
 * the files should have been deleted and were not.
 */
#define PATRON_EVENT_TORRENT_REMOVED 16

/** A command that was sent as a message, without a tag, failed. Has: command, error. */
#define PATRON_EVENT_COMMAND_FAILED 17

/** The client listens for peers at this address (TCP). Has: address. */
#define PATRON_EVENT_LISTENING 18

/** The client cannot listen at this address. Has: address, error. */
#define PATRON_EVENT_LISTEN_FAILED 19

/**
 * This patron did not read its events in time and some were dropped: beyond 4096, those about
 * single files, pieces, peers and trackers; and beyond another 4096, those of removed torrents,
 * those of the client, ADD_FAILED, ALREADY_ADDED and COMMAND_FAILED. Has: count.
 */
#define PATRON_EVENT_LAGGED 20

/**
 * libtorrent dropped events under load; the client has asked it for the status of every torrent.
 */
#define PATRON_EVENT_RESYNCHRONIZED 21

/**
 * The client has stopped. This is the last event. Has: an error if the client was not shut down by
 * the program.
 */
#define PATRON_EVENT_CLIENT_STOPPED 22

/**
 * The settings need more open files and connections than the process may have. Has: count
 * (descriptors needed), available.
 */
#define PATRON_EVENT_DESCRIPTOR_LIMIT 23

/** A file was renamed. Has: name, file, path. */
#define PATRON_EVENT_FILE_RENAMED 24

/**
 * A peer was banned because it sent too much data that failed the hash check. Has: name, address.
 */
#define PATRON_EVENT_PEER_BANNED 25

/** A tracker answered with a warning. Has: name, url, message. */
#define PATRON_EVENT_TRACKER_WARNING 26

/**
 * A router forwards a port to this client. Has: address (of this machine in the router's network),
 * port (of the router), mapper, protocol.
 */
#define PATRON_EVENT_PORT_MAPPED 27

/** A router was found, but does not forward the port. Has: address, mapper, error. */
#define PATRON_EVENT_PORT_MAPPING_FAILED 28

/** Peers or routers report this address as the external address of this machine. Has: address. */
#define PATRON_EVENT_EXTERNAL_ADDRESS 29

/**
 * On request. All pieces of a file are complete; they may not be written to disk yet. Has: name,
 * file.
 */
#define PATRON_EVENT_FILE_COMPLETED 30

/** On request. A piece is complete; it may not be written to disk yet. Has: name, piece. */
#define PATRON_EVENT_PIECE_FINISHED 31

/** On request. A peer was connected. Has: name, address, outgoing. */
#define PATRON_EVENT_PEER_CONNECTED 32

/** On request. A peer was disconnected, or could not be connected to. Has: name, address, error. */
#define PATRON_EVENT_PEER_DISCONNECTED 33

/** On request. A tracker or the DHT answered. Has: name, url, count (peers). */
#define PATRON_EVENT_TRACKER_REPLY 34

/** On request. A tracker answered a scrape. Has: name, url, seeds, leechers. */
#define PATRON_EVENT_SCRAPED 35

/** On request. A scrape failed. Has: name, url, error. */
#define PATRON_EVENT_SCRAPE_FAILED 36

/**
 * On request. A setting limits the speed of the client. Has: limit; and the name if it is about one
 * torrent.
 */
#define PATRON_EVENT_PERFORMANCE_WARNING 37

/** On request. The counters of libtorrent and of the read path, once per tick. Has: statistics. */
#define PATRON_EVENT_STATISTICS 38

/**
 * On request. The data that a later client needs to resume the torrent. Has: name, info hashes,
 * resume_data.
 */
#define PATRON_EVENT_RESUME_DATA 39

/** The torrent reached a seeding goal; the action chosen for it is taken. Has: name, goal. */
#define PATRON_EVENT_GOAL_REACHED 40

/**
 * The answer to a message that was sent with a tag, or to a reply that patron_reply_notify() was
 * called for. Always delivered, whatever the subscription. Has: tag; for a message also the
 * torrent, and an error if it failed.
 */
#define PATRON_EVENT_REPLY 41

/**
 * A web seed delivers nothing: it cannot be reached, refuses, sends wrong or damaged data, or is
 * not allowed. Reported once, until it has sent data again. Has: name, url, error.
 */
#define PATRON_EVENT_WEB_SEED_FAILED 42

/**
 * The client is restoring the torrents of its store; see "Stores". Has: count (how many were
 * processed), available (how many there are).
 */
#define PATRON_EVENT_RESTORING 43

/**
 * All torrents of the store have been restored. Has: count, and available with those that failed.
 */
#define PATRON_EVENT_RESTORED 44

/** A torrent of the store could not be restored. It stays in the store. Has: info hashes, error. */
#define PATRON_EVENT_RESTORE_FAILED 45

/**
 * The store cannot be written or read, for example because the disk is full. The client continues.
 * Has: error.
 */
#define PATRON_EVENT_STORE_FAILED 46

/** The store can be written again, and contains everything that it should. */
#define PATRON_EVENT_STORE_RECOVERED 47

/**
 * libtorrent reports an error of its session, or its events cannot be read: later events and
 * statuses may be incomplete. Has: error.
 */
#define PATRON_EVENT_SESSION_ERROR 48

/**
 * A part of the client's own state in the store could not be restored: a setting, the DHT nodes
 * with the IP filter, or the totals. It stays in the store until the program sets it. Has: error.
 */
#define PATRON_EVENT_STATE_RESTORE_FAILED 49

/** The kinds that are delivered only on request. */
#define PATRON_EVENTS_ON_REQUEST 1098437885952

/** The kinds that a new patron receives: all others. */
#define PATRON_EVENTS_DEFAULT 1124801468956670

/** All kinds. */
#define PATRON_EVENTS_ALL 1125899906842622

/** NAT-PMP (RFC 6886) or PCP (RFC 6887). */
#define PATRON_MAPPER_NAT_PMP 1

/** UPnP's Internet Gateway Device. */
#define PATRON_MAPPER_UPNP 2

/** TCP: BitTorrent connections. */
#define PATRON_PORT_TCP 1

/** UDP: uTP and the DHT. */
#define PATRON_PORT_UDP 2

/** The disk cannot keep up with the downloaded data (max_queued_disk_bytes). */
#define PATRON_LIMIT_DISK_QUEUE_FULL 1

/** A peer could be sent more requests than are allowed (max_out_request_queue). */
#define PATRON_LIMIT_REQUEST_QUEUE_FULL 2

/** The upload limit leaves too little bandwidth for the protocol messages of downloads. */
#define PATRON_LIMIT_UPLOAD_LIMIT_TOO_LOW 3

/** The download limit leaves too little bandwidth for the protocol messages of uploads. */
#define PATRON_LIMIT_DOWNLOAD_LIMIT_TOO_LOW 4

/** A peer receives data faster than it is read from disk (send_buffer_watermark). */
#define PATRON_LIMIT_SEND_BUFFER_TOO_SMALL 5

/** Half of the upload slots or more are optimistic (num_optimistic_unchoke_slots). */
#define PATRON_LIMIT_TOO_MANY_OPTIMISTIC_SLOTS 6

/** The data waiting to be written takes up half of the cache. */
#define PATRON_LIMIT_DISK_QUEUE_TOO_LARGE 7

/** The system accepts no more disk operations at once. */
#define PATRON_LIMIT_DISK_OPERATIONS 8

/** There are too few ports for outgoing connections (outgoing_ports). */
#define PATRON_LIMIT_TOO_FEW_OUTGOING_PORTS 9

/** There are too few file descriptors for files and connections. */
#define PATRON_LIMIT_TOO_FEW_DESCRIPTORS 10

/** A warning that this library does not know. */
#define PATRON_LIMIT_OTHER 11

/** The torrent has reached its share ratio. */
#define PATRON_GOAL_REACHED_SHARE_RATIO 1

/** The torrent has reached its seed time. */
#define PATRON_GOAL_REACHED_SEED_TIME 2

/** The files were kept. */
#define PATRON_REMOVED_FILES_KEPT 1

/** The files were deleted. */
#define PATRON_REMOVED_FILES_DELETED 2

/** The files should have been deleted, but were not, or not all of them. */
#define PATRON_REMOVED_FILES_NOT_DELETED 3

/** An event. Owned by the caller; free it with patron_event_free(). */
typedef struct patron_event patron_event;

/**
 * Turns a sequence of events into lines to show to a user. Each line has the time since the start;
 * a status gives a line only if it differs from the previous one. Used by one thread at a time.
 */
typedef struct patron_explainer patron_explainer;

/**
 * Takes the next event of a patron, waiting for at most `timeout_ms` milliseconds. 0 does not wait;
 * a negative number waits without a limit.
 *
 * Errors: TIMED_OUT; CANCELLED if patron_interrupt() or patron_free() ended the wait; STOPPED once
 * PATRON_EVENT_CLIENT_STOPPED has been taken; BAD_HANDLE.
 */
int32_t patron_next_event(patron_handle *patron,
                          int64_t timeout_ms,
                          patron_event **out,
                          patron_error **error);

/**
 * Ends every patron_next_event() that is waiting with this patron: it fails with CANCELLED. If none
 * is waiting, the next one that would wait fails. No event is lost. Any thread may call this, but
 * not a signal handler: use a thread that calls sigwait(), as in examples/c/download.c.
 *
 * Errors: BAD_HANDLE.
 */
int32_t patron_interrupt(patron_handle *patron, patron_error **error);

/** Frees an event, and everything that was borrowed from it. NULL is allowed. */
void patron_event_free(patron_event *event);

/**
 * Chooses which kinds of event a patron receives, one bit for each kind: UINT64_C(1) <<
 * PATRON_EVENT_PAUSED, for example. A new patron has PATRON_EVENTS_DEFAULT. The call does not wait
 * and takes effect at once; unread events stay. TORRENT_REMOVED, LAGGED, REPLY and CLIENT_STOPPED
 * are always delivered, and so are the events that answer the patron's own messages. Unknown bits
 * are ignored.
 *
 * libtorrent reports files, pieces, peers and trackers only while at least one patron of the client
 * subscribes to those kinds; otherwise they cost nothing.
 *
 * Errors: BAD_HANDLE.
 */
int32_t patron_subscribe(patron_handle *patron, uint64_t kinds, patron_error **error);

/**
 * Writes the kinds of event that a patron receives, one bit for each kind.
 *
 * Errors: BAD_HANDLE.
 */
int32_t patron_subscription(patron_handle *patron, uint64_t *kinds, patron_error **error);

/** The kind of the event, a PATRON_EVENT_*; 0 for NULL. */
int32_t patron_event_kind(const patron_event *event);

/** The id of the torrent that the event is about; 0 if there is none. */
uint64_t patron_event_torrent(const patron_event *event);

/** The event as one line to show to a user: "debian.iso: downloading 34.5 %, ...". */
patron_text patron_event_explain(const patron_event *event);

/** The name of the torrent. */
patron_text patron_event_name(const patron_event *event);

/** For TORRENT_ADDED and MOVED: the directory of the files. */
patron_text patron_event_save_dir(const patron_event *event);

/**
 * For TORRENT_ADDED, METADATA_RECEIVED, RESUME_DATA and RESTORE_FAILED: writes the v1 info hash, 20
 * bytes (BEP 3). Returns false and writes nothing if there is none.
 */
bool patron_event_info_hash_v1(const patron_event *event, uint8_t (*out)[20]);

/**
 * For TORRENT_ADDED, METADATA_RECEIVED, RESUME_DATA and RESTORE_FAILED: writes the v2 info hash, 32
 * bytes (BEP 52). Returns false and writes nothing if there is none.
 */
bool patron_event_info_hash_v2(const patron_event *event, uint8_t (*out)[32]);

/**
 * For STATUS: writes the status. `struct_size` is sizeof(patron_status).
 *
 * Errors: INVALID_ARGUMENT for an event of another kind or a wrong struct size.
 */
int32_t patron_event_status(const patron_event *event,
                            patron_status *out,
                            size_t struct_size,
                            patron_error **error);

/** For STATUS and STATE_CHANGED: the state of the torrent, a PATRON_STATE_*. */
int32_t patron_event_state(const patron_event *event);

/** The error; NULL if there is none. Owned by the event. */
const patron_error *patron_event_error(const patron_event *event);

/** For ADD_FAILED: the source of the torrent: a path, a magnet link, a name. */
patron_text patron_event_source(const patron_event *event);

/** For HASH_FAILED and PIECE_FINISHED: the index of the piece. */
uint32_t patron_event_piece(const patron_event *event);

/** For FILE_RENAMED and FILE_COMPLETED: the index of the file. */
uint32_t patron_event_file(const patron_event *event);

/** For FILE_RENAMED: the new path, relative to the save directory. */
patron_text patron_event_path(const patron_event *event);

/**
 * For WEB_SEED_FAILED: the URL of the web seed, or that of its server if it has several. For
 * TRACKER_ERROR, TRACKER_WARNING, TRACKER_REPLY, SCRAPED and SCRAPE_FAILED: the URL of the tracker.
 */
patron_text patron_event_url(const patron_event *event);

/** For TRACKER_WARNING: the tracker's message. It may contain anything. */
patron_text patron_event_message(const patron_event *event);

/** For SCRAPED: the number of seeds; -1 if unknown, and for other kinds. */
int64_t patron_event_seeds(const patron_event *event);

/** For SCRAPED: the number of leechers; -1 if unknown, and for other kinds. */
int64_t patron_event_leechers(const patron_event *event);

/**
 * For TORRENT_ADDED: whether all wanted data was already available, according to the resume data or
 * because the files are trusted. A later FINISHED then reports nothing new.
 */
bool patron_event_complete(const patron_event *event);

/** For PEER_CONNECTED: whether the connection is outgoing rather than incoming. */
bool patron_event_outgoing(const patron_event *event);

/** For PORT_MAPPED: the port of the router. */
uint16_t patron_event_port(const patron_event *event);

/**
 * For PORT_MAPPED and PORT_MAPPING_FAILED: the protocol used to ask the router, a PATRON_MAPPER_*.
 */
int32_t patron_event_mapper(const patron_event *event);

/** For PORT_MAPPED: the protocol that is forwarded, a PATRON_PORT_*. */
int32_t patron_event_protocol(const patron_event *event);

/** For PERFORMANCE_WARNING: the limiting factor, a PATRON_LIMIT_*. */
int32_t patron_event_limit(const patron_event *event);

/** For STATISTICS: the counters; NULL for other kinds. Owned by the event. */
const patron_statistics *patron_event_statistics(const patron_event *event);

/** For RESUME_DATA: the bytes to store; add them later with PATRON_SOURCE_RESUME_DATA. */
patron_bytes patron_event_resume_data(const patron_event *event);

/**
 * For TRACKER_ERROR: the number of consecutive failures. For LAGGED: the number of dropped events.
 * For DESCRIPTOR_LIMIT: the number of descriptors that the settings need. For TRACKER_REPLY: the
 * number of peers that the tracker returned. For RESTORING: the number of torrents that have been
 * processed. For RESTORED: the number of those that were restored.
 */
uint64_t patron_event_count(const patron_event *event);

/**
 * For DESCRIPTOR_LIMIT: the number of descriptors that the process may have. For RESTORING: the
 * number of torrents in the store. For RESTORED: the number of those that were not restored.
 */
uint64_t patron_event_available(const patron_event *event);

/** For REPLY: the tag that the program chose. */
uint64_t patron_event_tag(const patron_event *event);

/** For METAINFO: the bytes of the .torrent file, for patron_metainfo_decode(). */
patron_bytes patron_event_torrent_file(const patron_event *event);

/** For TORRENT_REMOVED: what happened to the files, a PATRON_REMOVED_FILES_*. */
int32_t patron_event_removed_files(const patron_event *event);

/** For GOAL_REACHED: the goal, a PATRON_GOAL_REACHED_*. */
int32_t patron_event_goal(const patron_event *event);

/** For COMMAND_FAILED: the name of the command, for example "Pause". */
patron_text patron_event_command(const patron_event *event);

/**
 * For LISTENING: the address, with the actual port. For LISTEN_FAILED: the address, or the
 * interface as configured. For PEER_BANNED, PEER_CONNECTED and PEER_DISCONNECTED: the address of
 * the peer. For PORT_MAPPED and PORT_MAPPING_FAILED: the address of this machine in the router's
 * network, without a port. For EXTERNAL_ADDRESS: the external address, without a port.
 */
patron_text patron_event_address(const patron_event *event);

/** Makes an explainer; its clock starts now. Free it with patron_explainer_free(). */
int32_t patron_explainer_new(patron_explainer **out, patron_error **error);

/** Frees an explainer. NULL is allowed. */
void patron_explainer_free(patron_explainer *explainer);

/** The line for an event; empty for a status that says nothing new. Valid until the next call. */
patron_text patron_explainer_explain(patron_explainer *explainer,
                                     const patron_event *event);

/* ===============================================================================================
 * Waiting for events
 * ===============================================================================================
 *
 * There are three ways, which can be combined: patron_next_event() waits; patron_event_fd() is for
 * loops around poll, epoll or kqueue; patron_set_wake() calls a function, for loops that are woken
 * in other ways.
 */

/**
 * Returns a descriptor that is readable while events are waiting. Do not read from it or close it;
 * call patron_next_event() with a timeout of 0 until it fails with TIMED_OUT. The patron owns the
 * descriptor and closes it when it is freed. It stays readable once the client has stopped.
 *
 * Errors: IO if no descriptor is available; INVALID_ARGUMENT on Windows.
 */
int32_t patron_event_fd(patron_handle *patron, int32_t *out, patron_error **error);

/**
 * Calls `wake(user_data)` whenever the mailbox changes from empty to not empty, and once at first
 * if it is not empty. Then drain the mailbox with patron_next_event(). The mailbox may already be
 * empty again when the call comes.
 *
 * The calls are made one at a time, on a separate thread of the patron, which takes no signals.
 * `wake` may block, and may call every function of this header, including patron_free(). It must
 * not unwind. `finalize(user_data)`, unless NULL, is called once on that thread after the last
 * `wake`: when the function is replaced or set to NULL, or when the patron has been freed. With a
 * `wake` of NULL it is called at once, on the calling thread. If this call fails, nothing is kept,
 * nothing is called, and the function that was set before stays.
 *
 * Errors: IO if no thread can be started.
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
 * Messages for the operator of a program: starts, stops, failures and retries. The log is off until
 * patron_set_log() is called.
 */

/** No messages. */
#define PATRON_LOG_OFF 0

/** Failures that do not resolve themselves. */
#define PATRON_LOG_ERROR 1

/** Also failures that may resolve themselves, or did. */
#define PATRON_LOG_WARN 2

/** Also that clients start, listen and stop. */
#define PATRON_LOG_INFO 3

/** Also every event. */
#define PATRON_LOG_DEBUG 4

/** Everything. */
#define PATRON_LOG_TRACE 5

/**
 * Calls `log(user_data, level, line)` for every message of `level`, a PATRON_LOG_*, or of higher
 * importance. PATRON_LOG_OFF or a `log` of NULL turns the log off. There is one log function per
 * process.
 *
 * It is called from the library's own threads and from those that call the library, possibly
 * several at once. `log` must return soon, must not unwind, and must not call any function of this
 * header except patron_error_*(). The line is valid until it returns. A call in progress while the
 * function is replaced may end after the replacement.
 *
 * `finalize(user_data)`, unless NULL, is called once after the last `log`, when the function is
 * replaced or the log turned off: on the thread that does so, or on that of the last `log`. If this
 * call turns the log off, it is called at once. The rules for `log` apply to it too. If this call
 * fails, nothing is kept and nothing is called.
 *
 * Errors: INVALID_ARGUMENT for an unknown level; BUSY if the process is a Rust program that has set
 * its own log.
 */
int32_t patron_set_log(int32_t level,
                       void (*log)(void *user_data, int32_t level, patron_text line),
                       void *user_data,
                       void (*finalize)(void *user_data),
                       patron_error **error);

#ifdef __cplusplus
}
#endif

#endif /* TORRENT_PATRON_H */
