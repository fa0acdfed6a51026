"""torrent-patron for Python, through ctypes: a module to copy, and a program that downloads.

    python3 patron.py [--offline] [--peer ADDRESS] FILE|MAGNET DIRECTORY

As a module:

    with Client(save_dir="downloads") as client, client.patron() as patron:
        torrent = patron.add_torrent("debian.torrent")
        for event in patron.events():
            print(event)
            if event.torrent == torrent and event.kind == EventKind.FINISHED:
                break

The library is found by the loader (ldconfig, LD_LIBRARY_PATH), or through the environment variable
TORRENT_PATRON_LIBRARY. ctypes releases the GIL during each call, so a thread that waits for an event
does not block the others. Requires Python 3.9 or later, and nothing else.
"""

import argparse
import asyncio
import ctypes
import enum
import io
import itertools
import math
import os
import select
import sys
import threading
import time
from ctypes import POINTER, byref, c_bool, c_char_p, c_double, c_int32, c_int64, c_size_t, c_uint64
from ctypes import c_void_p


class Code(enum.IntEnum):
    """PATRON_E_*"""

    INVALID_ARGUMENT = -1
    NOT_FOUND = -2
    GONE = -3
    PARSE = -4
    IO = -5
    BUSY = -6
    TIMED_OUT = -7
    STOPPED = -8
    CANCELLED = -9
    NATIVE = -10
    VERSION_MISMATCH = -11
    PANICKED = -12
    UNREADABLE = -13
    RESUME_DATA = -14
    NO_METADATA = -15
    NOT_DOWNLOADED = -16
    DISK = -17
    CORRUPT = -18
    IN_USE = -19
    EXISTS = -20
    NULL = -21
    BAD_HANDLE = -22
    FORKED = -23


class EventKind(enum.IntEnum):
    """PATRON_EVENT_*"""

    TORRENT_ADDED = 1
    ALREADY_ADDED = 2
    ADD_FAILED = 3
    STATUS = 4
    METADATA_RECEIVED = 5
    STATE_CHANGED = 6
    PAUSED = 7
    RESUMED = 8
    CHECKED = 9
    FINISHED = 10
    MOVED = 11
    HASH_FAILED = 12
    TRACKER_ERROR = 13
    ERROR = 14
    METAINFO = 15
    TORRENT_REMOVED = 16
    COMMAND_FAILED = 17
    LISTENING = 18
    LISTEN_FAILED = 19
    LAGGED = 20
    RESYNCHRONIZED = 21
    CLIENT_STOPPED = 22
    DESCRIPTOR_LIMIT = 23
    FILE_RENAMED = 24
    PEER_BANNED = 25
    TRACKER_WARNING = 26
    PORT_MAPPED = 27
    PORT_MAPPING_FAILED = 28
    EXTERNAL_ADDRESS = 29
    FILE_COMPLETED = 30
    PIECE_FINISHED = 31
    PEER_CONNECTED = 32
    PEER_DISCONNECTED = 33
    TRACKER_REPLY = 34
    SCRAPED = 35
    SCRAPE_FAILED = 36
    PERFORMANCE_WARNING = 37
    STATISTICS = 38
    RESUME_DATA = 39
    GOAL_REACHED = 40
    REPLY = 41
    WEB_SEED_FAILED = 42
    RESTORING = 43
    RESTORED = 44
    RESTORE_FAILED = 45
    STORE_FAILED = 46
    STORE_RECOVERED = 47
    SESSION_ERROR = 48
    STATE_RESTORE_FAILED = 49


class Priority(enum.IntEnum):
    """PATRON_PRIORITY_*; the numbers in between are also priorities."""

    SKIP = 0
    LOW = 1
    DEFAULT = 4
    TOP = 7


class Flag(enum.IntFlag):
    """PATRON_FLAG_*"""

    UPLOAD_MODE = 1
    SHARE_MODE = 2
    APPLY_IP_FILTER = 4
    AUTO_MANAGED = 8
    SUPER_SEEDING = 16
    SEQUENTIAL = 32
    STOP_WHEN_READY = 64
    NO_DHT = 128
    NO_LOCAL_DISCOVERY = 256
    NO_PEER_EXCHANGE = 512


class GoalAction(enum.IntEnum):
    """PATRON_GOAL_ACTION_*"""

    PAUSE = 0
    REMOVE = 1
    REMOVE_AND_DELETE = 2
    SUPER_SEED = 3


class Goal(enum.IntEnum):
    """PATRON_GOAL_REACHED_*"""

    SHARE_RATIO = 1
    SEED_TIME = 2


class ResumeData(bytes):
    """What a torrent continues from in a later run; stored as bytes."""


SOURCE_BYTES, SOURCE_TEXT, SOURCE_RESUME_DATA = 0, 3, 4
FILES_KEEP, FILES_DELETE = 0, 1


class _Text(ctypes.Structure):
    _fields_ = [("data", c_void_p), ("length", c_size_t)]

    def bytes(self):
        return ctypes.string_at(self.data, self.length)

    def __str__(self):
        # A path need not be UTF-8.
        return os.fsdecode(self.bytes())


class Status(ctypes.Structure):
    """patron_status"""

    _fields_ = [
        ("torrent", c_uint64),
        ("state", c_int32),
        ("error", c_int32),
        ("paused", c_bool),
        ("finished", c_bool),
        ("seeding", c_bool),
        ("has_metadata", c_bool),
        ("needs_saving", c_bool),
        ("reserved", ctypes.c_uint8 * 3),
        ("progress", ctypes.c_float),
        ("peers", ctypes.c_uint32),
        ("seeds", ctypes.c_uint32),
        ("connections", ctypes.c_uint32),
        ("total_size", c_uint64),
        ("total_done", c_uint64),
        ("wanted_size", c_uint64),
        ("wanted_done", c_uint64),
        ("downloaded", c_uint64),
        ("uploaded", c_uint64),
        ("download_rate", c_uint64),
        ("upload_rate", c_uint64),
        ("seconds_left", c_int64),
        ("age_ms", c_uint64),
        ("all_time_downloaded", c_uint64),
        ("all_time_uploaded", c_uint64),
        ("active_seconds", c_uint64),
        ("seeding_seconds", c_uint64),
        ("ratio", c_double),
    ]


class File(ctypes.Structure):
    """patron_file_status, and the path below the save directory"""

    path = ""
    _fields_ = [
        ("size", c_uint64),
        ("done", c_uint64),
        ("priority", c_int32),
        ("pad", c_bool),
        ("reserved", ctypes.c_uint8 * 3),
    ]


class Peer(ctypes.Structure):
    """patron_peer, and its texts"""

    address = client = ""
    _fields_ = [
        ("download_rate", c_uint64),
        ("upload_rate", c_uint64),
        ("downloaded", c_uint64),
        ("uploaded", c_uint64),
        ("idle_ms", c_uint64),
        ("round_trip_ms", c_uint64),
        ("kind", c_int32),
        ("transport", c_int32),
        ("encryption", c_int32),
        ("sources", c_int32),
        ("outgoing_requests", ctypes.c_uint32),
        ("incoming_requests", ctypes.c_uint32),
        ("hash_failures", ctypes.c_uint32),
        ("failures", ctypes.c_uint32),
        ("progress", ctypes.c_float),
        ("id", ctypes.c_uint8 * 20),
        ("seed", c_bool),
        ("outgoing", c_bool),
        ("connecting", c_bool),
        ("am_interested", c_bool),
        ("am_choking", c_bool),
        ("peer_interested", c_bool),
        ("peer_choking", c_bool),
        ("snubbed", c_bool),
        ("optimistic_unchoke", c_bool),
        ("suspected", c_bool),
        ("reserved", ctypes.c_uint8 * 6),
    ]


_CALLBACK = ctypes.CFUNCTYPE(None, c_void_p)
_library = ctypes.CDLL(os.environ.get("TORRENT_PATRON_LIBRARY", "libtorrent_patron.so.0.1"))


def _function(name, result, *arguments):
    function = getattr(_library, name)
    function.restype = result
    function.argtypes = arguments
    return function


def _fallible(name, *arguments):
    """A function that raises PatronError when it fails."""
    function = _function(name, c_int32, *arguments, POINTER(c_void_p))

    def call(*given):
        error = c_void_p()
        if function(*given, byref(error)) != 0:
            try:
                raise PatronError(error)
            finally:
                _error_free(error)

    return call


_TEXT = (c_char_p, c_size_t)
_OUT = POINTER(c_void_p)

_error_code = _function("patron_error_code", c_int32, c_void_p)
_error_category = _function("patron_error_category", _Text, c_void_p)
_error_value = _function("patron_error_value", c_int32, c_void_p)
_error_message = _function("patron_error_message", _Text, c_void_p)
_error_free = _function("patron_error_free", None, c_void_p)

_builder_new = _fallible("patron_builder_new", _OUT)
_builder_free = _function("patron_builder_free", None, c_void_p)
_builder_set_offline = _fallible("patron_builder_set_offline", c_void_p, c_bool)
_builder_set_listen = _fallible("patron_builder_set_listen", c_void_p, *_TEXT)
_builder_set_save_dir = _fallible("patron_builder_set_save_dir", c_void_p, *_TEXT)
_builder_set_tick = _fallible("patron_builder_set_tick_interval", c_void_p, c_uint64)
_builder_start = _fallible("patron_builder_start", c_void_p, _OUT)

_client_patron = _fallible("patron_client_patron", c_void_p, _OUT)
_client_shutdown = _fallible("patron_client_shutdown", c_void_p, c_uint64, _OUT)
_report_explain = _function("patron_report_explain", _Text, c_void_p)
_report_free = _function("patron_report_free", None, c_void_p)

_options_new = _fallible("patron_add_options_new", _OUT)
_options_free = _function("patron_add_options_free", None, c_void_p)
_options_set_save_dir = _fallible("patron_add_options_set_save_dir", c_void_p, *_TEXT)
_options_add_peer = _fallible("patron_add_options_add_peer", c_void_p, *_TEXT)
_options_set_paused = _fallible("patron_add_options_set_paused", c_void_p, c_bool)

_GOALS = (c_double, c_int64, c_int32)
_options_set_goals = _fallible("patron_add_options_set_goals", c_void_p, *_GOALS)

_free = _function("patron_free", None, c_void_p)
_another = _fallible("patron_another", c_void_p, _OUT)
_add_torrent = _fallible(
    "patron_add_torrent", c_void_p, c_int32, *_TEXT, c_void_p, _OUT
)
_remove_torrent = _fallible("patron_remove_torrent", c_void_p, c_uint64, c_int32, _OUT)
_pause = _fallible("patron_pause", c_void_p, c_uint64, _OUT)
_resume = _fallible("patron_resume", c_void_p, c_uint64, _OUT)
_listen_addresses = _fallible("patron_get_listen_addresses", c_void_p, _OUT)
_peek_status = _fallible(
    "patron_peek_status", c_void_p, c_uint64, POINTER(Status), c_size_t
)
_get_files = _fallible("patron_get_files", c_void_p, c_uint64, _OUT)
_set_file_priority = _fallible(
    "patron_set_file_priority", c_void_p, c_uint64, ctypes.c_uint32, c_int32, _OUT
)
_rename_file = _fallible(
    "patron_rename_file", c_void_p, c_uint64, ctypes.c_uint32, *_TEXT, _OUT
)
_get_resume_data = _fallible("patron_get_resume_data", c_void_p, c_uint64, _OUT)
_read_piece = _fallible("patron_read_piece", c_void_p, c_uint64, ctypes.c_uint32, _OUT)
_reader_open = _fallible(
    "patron_reader_open", c_void_p, c_uint64, ctypes.c_uint32, c_uint64, c_bool, c_int64, _OUT
)
_reader_read = _fallible(
    "patron_reader_read", c_void_p, c_void_p, c_size_t, c_int64, POINTER(c_size_t)
)
_reader_seek = _fallible("patron_reader_seek", c_void_p, c_uint64)
_reader_size = _function("patron_reader_size", c_uint64, c_void_p)
_reader_position = _function("patron_reader_position", c_uint64, c_void_p)
_reader_interrupt = _fallible("patron_reader_interrupt", c_void_p)
_reader_free = _function("patron_reader_free", None, c_void_p)
_set_flag = _fallible("patron_set_flag", c_void_p, c_uint64, c_int32, c_bool, _OUT)
_set_download_limit = _fallible(
    "patron_set_download_limit", c_void_p, c_uint64, c_int64, _OUT
)
_set_goals = _fallible("patron_set_goals", c_void_p, c_uint64, *_GOALS, _OUT)
_subscribe = _fallible("patron_subscribe", c_void_p, c_uint64)
_subscription = _fallible("patron_subscription", c_void_p, POINTER(c_uint64))
_get_peers = _fallible("patron_get_peers", c_void_p, c_uint64, _OUT)
_connect_peer = _fallible("patron_connect_peer", c_void_p, c_uint64, *_TEXT, _OUT)
_event_fd = _fallible("patron_event_fd", c_void_p, POINTER(c_int32))
_set_wake = _fallible("patron_set_wake", c_void_p, _CALLBACK, c_void_p, _CALLBACK)

_reply_wait = _fallible("patron_reply_wait", c_void_p, c_int64)
_reply_torrent = _function("patron_reply_torrent", c_uint64, c_void_p)
_reply_address_count = _function("patron_reply_address_count", c_size_t, c_void_p)
_reply_address = _function("patron_reply_address", _Text, c_void_p, c_size_t)
_reply_bytes = _function("patron_reply_bytes", _Text, c_void_p)
_reply_path = _function("patron_reply_path", _Text, c_void_p)
_reply_files = _fallible("patron_reply_files", c_void_p, _OUT)
_reply_peers = _fallible("patron_reply_peers", c_void_p, _OUT)
_reply_free = _function("patron_reply_free", None, c_void_p)

_READ = (c_void_p, c_size_t, c_void_p, c_size_t, c_size_t, POINTER(c_size_t))

_files_count = _function("patron_files_count", c_size_t, c_void_p)
_files_read = _fallible("patron_files_read", *_READ)
_files_path = _function("patron_files_path", _Text, c_void_p, c_size_t)
_files_free = _function("patron_files_free", None, c_void_p)

_peers_count = _function("patron_peers_count", c_size_t, c_void_p)
_peers_read = _fallible("patron_peers_read", *_READ)
_peers_address = _function("patron_peers_address", _Text, c_void_p, c_size_t)
_peers_client = _function("patron_peers_client", _Text, c_void_p, c_size_t)
_peers_free = _function("patron_peers_free", None, c_void_p)

_next_event = _fallible("patron_next_event", c_void_p, c_int64, _OUT)
_event_kind = _function("patron_event_kind", c_int32, c_void_p)
_event_torrent = _function("patron_event_torrent", c_uint64, c_void_p)
_event_name = _function("patron_event_name", _Text, c_void_p)
_event_explain = _function("patron_event_explain", _Text, c_void_p)
_event_error = _function("patron_event_error", c_void_p, c_void_p)
_event_status = _fallible("patron_event_status", c_void_p, POINTER(Status), c_size_t)
_event_torrent_file = _function("patron_event_torrent_file", _Text, c_void_p)
_event_resume_data = _function("patron_event_resume_data", _Text, c_void_p)
_event_goal = _function("patron_event_goal", c_int32, c_void_p)
_event_free = _function("patron_event_free", None, c_void_p)


class PatronError(Exception):
    """An error: `code`, and if libtorrent is the cause, `category` and `value`."""

    def __init__(self, error):
        super().__init__(str(_error_message(error)))
        number = _error_code(error)
        # A newer library may have codes that this module does not know.
        self.code = Code(number) if number in Code._value2member_map_ else number
        self.category = str(_error_category(error))
        self.value = _error_value(error)


class Event:
    """Something that happened; str() describes it."""

    def __init__(self, event):
        number = _event_kind(event)
        self.kind = EventKind(number) if number in EventKind._value2member_map_ else number
        self.torrent = _event_torrent(event)
        self.name = str(_event_name(event))
        self.explanation = str(_event_explain(event))
        error = _event_error(event)
        self.error = PatronError(error) if error else None
        self.status = None
        if self.kind == EventKind.STATUS:
            self.status = Status()
            _event_status(event, byref(self.status), ctypes.sizeof(Status))
        self.torrent_file = None
        if self.kind == EventKind.METAINFO:
            self.torrent_file = _event_torrent_file(event).bytes()
        self.resume_data = None
        if self.kind == EventKind.RESUME_DATA:
            self.resume_data = ResumeData(_event_resume_data(event).bytes())
        self.goal = None
        if self.kind == EventKind.GOAL_REACHED:
            self.goal = Goal(_event_goal(event))

    def __str__(self):
        return self.explanation

    def __repr__(self):
        return f"<Event {self.kind!r}: {self.explanation}>"


def _path(path):
    path = os.fsencode(path)
    return path, len(path)


def _text(text):
    text = text.encode()
    return text, len(text)


def _goals(share_ratio, seed_seconds, then):
    return (
        -1 if share_ratio is None else share_ratio,
        -1 if seed_seconds is None else round(seed_seconds),
        then,
    )


def _source_kind(source):
    if isinstance(source, ResumeData):
        return SOURCE_RESUME_DATA
    return SOURCE_BYTES if isinstance(source, bytes) else SOURCE_TEXT


def _milliseconds(timeout):
    return -1 if timeout is None else max(0, round(timeout * 1000))


def _structs(kind, count, read, listed):
    """All structs of a list in one call."""
    all_of_them = (kind * count(listed))()
    written = c_size_t()
    read(
        listed, 0, all_of_them, ctypes.sizeof(kind), len(all_of_them), byref(written)
    )
    return list(all_of_them)


def _read_files(reply):
    files = c_void_p()
    _reply_files(reply, byref(files))
    try:
        structs = _structs(File, _files_count, _files_read, files)
        for index, file in enumerate(structs):
            file.path = str(_files_path(files, index))
        return structs
    finally:
        _files_free(files)


def _read_peers(reply):
    peers = c_void_p()
    _reply_peers(reply, byref(peers))
    try:
        structs = _structs(Peer, _peers_count, _peers_read, peers)
        for index, peer in enumerate(structs):
            peer.address = str(_peers_address(peers, index))
            peer.client = str(_peers_client(peers, index))
        return structs
    finally:
        _peers_free(peers)


class Client:
    """A libtorrent session. A context manager: leaving it shuts the client down."""

    def __init__(self, save_dir=".", *, offline=False, listen=None, tick_ms=None):
        builder = c_void_p()
        _builder_new(byref(builder))
        try:
            _builder_set_save_dir(builder, *_path(save_dir))
            _builder_set_offline(builder, offline)
            if listen is not None:
                _builder_set_listen(builder, *_text(listen))
            if tick_ms is not None:
                _builder_set_tick(builder, tick_ms)
            self._handle = c_void_p()
            _builder_start(builder, byref(self._handle))
        finally:
            _builder_free(builder)

    def patron(self):
        handle = c_void_p()
        _client_patron(self._handle, byref(handle))
        return Patron(handle)

    def shutdown(self, timeout=5.0):
        """Stops the client and returns a one-line report. May be called only once."""
        report = c_void_p()
        _client_shutdown(self._handle, _milliseconds(timeout), byref(report))
        try:
            return str(_report_explain(report))
        finally:
            _report_free(report)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        try:
            self.shutdown()
        except PatronError as error:
            if error.code != Code.BAD_HANDLE:  # it has already been shut down
                raise


_LONGEST_CALL = 0.2  # seconds


class Reader(io.RawIOBase):
    """A file that is read while it downloads; wrap it in io.BufferedReader for small reads.

    What is not here is waited for: at most `timeout` seconds, where that is set. `interrupt()` ends
    a wait from another thread. Closing it gives back what was wanted for it.
    """

    timeout = None

    def __init__(self, handle):
        super().__init__()
        self._handle = handle

    def close(self):
        if not self.closed:
            _reader_free(self._handle)
        super().close()

    def readable(self):
        return True

    def seekable(self):
        return True

    def tell(self):
        return _reader_position(self._handle)

    def seek(self, offset, whence=os.SEEK_SET):
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self.tell(), os.SEEK_END: _reader_size(self._handle)}
        position = base[whence] + offset
        if position < 0:
            raise ValueError(f"negative seek position {position}")
        _reader_seek(self._handle, position)
        return position

    def readinto(self, buffer):
        room = memoryview(buffer).cast("B")
        if len(room) == 0:
            return 0
        place = (ctypes.c_char * len(room)).from_buffer(room)
        length = c_size_t()
        end = math.inf if self.timeout is None else time.monotonic() + self.timeout
        while True:
            # Python raises KeyboardInterrupt only between calls.
            wait = max(0.0, min(end - time.monotonic(), _LONGEST_CALL))
            try:
                _reader_read(self._handle, place, len(room), int(wait * 1000), byref(length))
                return length.value
            except PatronError as error:
                if error.code != Code.TIMED_OUT or time.monotonic() >= end:
                    raise

    def interrupt(self):
        _reader_interrupt(self._handle)


class Patron:
    """Sends requests to a client and receives the events of its torrents. Any thread may use it.

    A context manager: leaving it frees the patron; its torrents go on.
    """

    def __init__(self, handle):
        self._handle = handle
        self._finalized = []

    def close(self):
        """Frees the patron. Must not be called from within `wake`."""
        _free(self._handle)
        # Python cannot be called back after it has ended, so wait here for the last calls.
        for finalized in self._finalized:
            finalized.wait()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def another(self):
        handle = c_void_p()
        _another(self._handle, byref(handle))
        return Patron(handle)

    def _ask(self, function, *arguments, read=lambda reply: None):
        reply = c_void_p()
        function(self._handle, *arguments, byref(reply))
        try:
            _reply_wait(reply, -1)
            return read(reply)
        finally:
            _reply_free(reply)

    def add_torrent(
        self,
        source,
        *,
        save_dir=None,
        peers=(),
        paused=False,
        share_ratio=None,
        seed_seconds=None,
        then=GoalAction.PAUSE,
    ):
        """Adds a torrent and returns its number. `source` is the path of a .torrent file, a magnet
        link or an info hash; the bytes of a .torrent file; or a `ResumeData`. `share_ratio`,
        `seed_seconds` and `then` are as for set_goals()."""
        options = c_void_p()
        _options_new(byref(options))
        try:
            if save_dir is not None:
                _options_set_save_dir(options, *_path(save_dir))
            for peer in peers:
                _options_add_peer(options, *_text(peer))
            _options_set_paused(options, paused)
            if share_ratio is not None or seed_seconds is not None:
                _options_set_goals(options, *_goals(share_ratio, seed_seconds, then))
            return self._ask(
                _add_torrent,
                _source_kind(source),
                *_path(source),
                options,
                read=_reply_torrent,
            )
        finally:
            _options_free(options)

    def remove_torrent(self, torrent, *, delete_files=False):
        self._ask(_remove_torrent, torrent, FILES_DELETE if delete_files else FILES_KEEP)

    def pause(self, torrent):
        self._ask(_pause, torrent)

    def resume(self, torrent):
        self._ask(_resume, torrent)

    def files(self, torrent):
        """The files of a torrent, in the order of its metainfo: a list of `File`."""
        return self._ask(_get_files, torrent, read=_read_files)

    def set_file_priority(self, torrent, index, priority):
        """Sets how much a file is wanted; `Priority.SKIP` means not at all."""
        self._ask(_set_file_priority, torrent, index, priority)

    def rename_file(self, torrent, index, path):
        """Renames a file to another path below the save directory, and returns the path."""
        return self._ask(
            _rename_file,
            torrent,
            index,
            *_path(path),
            read=lambda reply: str(_reply_path(reply)),
        )

    def resume_data(self, torrent):
        """What a later run passes to add_torrent() to continue from the current state: a
        `ResumeData`."""

        def read(reply):
            return ResumeData(_reply_bytes(reply).bytes())

        return self._ask(_get_resume_data, torrent, read=read)

    def read_piece(self, torrent, index):
        """The bytes of a finished piece."""
        return self._ask(
            _read_piece, torrent, index, read=lambda reply: _reply_bytes(reply).bytes()
        )

    def open(self, torrent, file=0, *, read_ahead=0, ends_first=False, timeout=None):
        """A file of a torrent as a `Reader`, which can be read and sought like any Python file while
        it downloads. Waits for metadata and for checking, at most `timeout` seconds."""
        handle = c_void_p()
        wait = -1 if timeout is None else int(timeout * 1000)
        _reader_open(self._handle, torrent, file, read_ahead, ends_first, wait, byref(handle))
        return Reader(handle)

    def set_flag(self, torrent, flag, on=True):
        """Turns a `Flag` of a torrent on or off."""
        self._ask(_set_flag, torrent, flag, on)

    def set_download_limit(self, torrent, rate):
        """Limits the download rate, in bytes per second; None: only the client's limit."""
        self._ask(_set_download_limit, torrent, -1 if rate is None else rate)

    def set_goals(
        self, torrent, *, share_ratio=None, seed_seconds=None, then=GoalAction.PAUSE
    ):
        """Sets the goals of a torrent, and what to do with it when one is reached."""
        self._ask(_set_goals, torrent, *_goals(share_ratio, seed_seconds, then))

    def peers(self, torrent):
        """The peers that a torrent is connected to or connecting to: a list of `Peer`."""
        return self._ask(_get_peers, torrent, read=_read_peers)

    def connect_peer(self, torrent, address):
        """Tells a torrent about a peer, for example "127.0.0.1:6881"."""
        self._ask(_connect_peer, torrent, *_text(address))

    def listen_addresses(self):
        def read(reply):
            count = _reply_address_count(reply)
            return [str(_reply_address(reply, index)) for index in range(count)]

        return self._ask(_listen_addresses, read=read)

    def status(self, torrent):
        """The status of the torrent at the last tick."""
        status = Status()
        _peek_status(self._handle, torrent, byref(status), ctypes.sizeof(Status))
        return status

    def subscribe(self, kinds):
        """Sets which kinds of event this patron receives, for example
        `patron.subscription() | {EventKind.RESUME_DATA}`."""
        _subscribe(self._handle, sum(1 << kind for kind in set(kinds)))

    def subscription(self):
        """The kinds of event that this patron receives: a set."""
        bits = c_uint64()
        _subscription(self._handle, byref(bits))
        return {kind for kind in EventKind if bits.value >> kind & 1}

    def next_event(self, timeout=None):
        """Waits for an event for this many seconds; returns None if there is none."""
        event = c_void_p()
        try:
            _next_event(self._handle, _milliseconds(timeout), byref(event))
        except PatronError as error:
            if error.code == Code.TIMED_OUT:
                return None
            raise
        try:
            return Event(event)
        finally:
            _event_free(event)

    def events(self):
        """All events, until the client has stopped."""
        fd = self.event_fd()
        while True:
            # Ctrl-C can end this wait, but not one inside the library.
            select.select([fd], [], [])
            try:
                event = self.next_event(timeout=0)
            except PatronError as error:
                if error.code == Code.STOPPED:
                    return
                raise
            if event is not None:
                yield event

    def waiting_events(self):
        """The events in the mailbox. Does not wait."""
        return iter(lambda: self.next_event(timeout=0), None)

    def event_fd(self):
        """A descriptor that is readable while events are waiting, for select and asyncio."""
        fd = c_int32()
        _event_fd(self._handle, byref(fd))
        return fd.value

    def set_wake(self, wake):
        """Calls `wake()` on one of the library's threads when events have arrived; None stops that."""
        if wake is None:
            _set_wake(self._handle, _CALLBACK(), None, _CALLBACK())
            return
        number = next(_numbers)
        finalized = threading.Event()
        _wakes[number] = (wake, finalized)
        try:
            _set_wake(self._handle, _run_wake, number, _finalize_wake)
        except PatronError:
            del _wakes[number]
            raise
        self._finalized.append(finalized)


# The functions passed to C live as long as the module, and look up the Python function by number, so
# none can be garbage-collected while the library may call it.
_wakes = {}
_numbers = itertools.count(1)


@_CALLBACK
def _run_wake(number):
    _wakes[number][0]()


@_CALLBACK
def _finalize_wake(number):
    _wakes.pop(number)[1].set()


async def download(source, directory, peers, offline):
    """With asyncio: the descriptor wakes the event loop, and nothing blocks."""
    with Client(directory, offline=offline) as client, client.patron() as patron:
        loop = asyncio.get_running_loop()
        finished = loop.create_future()

        def drain():
            for event in patron.waiting_events():
                print(event, flush=True)
                if finished.done():
                    continue
                if event.kind == EventKind.FINISHED:
                    finished.set_result(None)
                elif event.kind == EventKind.ERROR:
                    finished.set_exception(event.error)

        fd = patron.event_fd()
        loop.add_reader(fd, drain)
        try:
            # It waits for the reply, so it runs on another thread.
            await asyncio.to_thread(patron.add_torrent, source, peers=peers)
            await finished
        finally:
            loop.remove_reader(fd)
        print(client.shutdown())


def main():
    parser = argparse.ArgumentParser(description="Downloads one torrent.")
    parser.add_argument("source", help="a .torrent file or a magnet link")
    parser.add_argument("directory", help="where the files belong")
    parser.add_argument("--peer", action="append", default=[], help="to try at once")
    parser.add_argument("--offline", action="store_true", help="nothing leaves this machine")
    given = parser.parse_args()
    try:
        asyncio.run(download(given.source, given.directory, given.peer, given.offline))
    except PatronError as error:
        sys.exit(f"patron.py: {error}")
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
