"""Uses examples/python/patron.py as a module: module.py TORRENT DIRECTORY PEER"""

import _thread
import io
import os
import signal
import sys
import threading
import time

from patron import Client, Code, EventKind, Flag, Goal, PatronError, Priority

torrent_file, directory, peer = sys.argv[1:]


def until(condition):
    """Asks again until it is so: there is no event for it."""
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline


with Client(directory, offline=True, tick_ms=100) as client, client.patron() as patron:
    torrent = patron.add_torrent(torrent_file, paused=True)
    (file,) = [file for file in patron.files(torrent) if not file.pad]
    assert (file.path, file.size, file.done) == ("data.bin", 3_000_000, 0), file.path
    patron.set_file_priority(torrent, 0, Priority.LOW)
    until(lambda: patron.files(torrent)[0].priority == Priority.LOW)

    # So slow that it can be looked at.
    patron.set_flag(torrent, Flag.SEQUENTIAL)
    patron.set_download_limit(torrent, 50_000)
    assert patron.peers(torrent) == []
    patron.connect_peer(torrent, peer)
    patron.resume(torrent)
    until(lambda: any(one.seed for one in patron.peers(torrent)))
    (seeder,) = patron.peers(torrent)
    assert seeder.address == peer and "torrent-patron" in seeder.client, seeder.client
    assert seeder.outgoing and bytes(seeder.id) != bytes(20)
    with patron.open(torrent, ends_first=True, timeout=60) as film:
        assert film.seek(-5, os.SEEK_END) == 2_999_995 and film.tell() == 2_999_995
        for code in Code.TIMED_OUT, Code.CANCELLED:
            film.timeout = 0
            if code == Code.CANCELLED:
                film.timeout = None
                film.interrupt()
            try:
                film.read(1)
                raise AssertionError("it was there")
            except PatronError as error:
                assert error.code == code, error
        # Ctrl-C ends a read. A shell may have made the process ignore it.
        signal.signal(signal.SIGINT, signal.default_int_handler)
        patron.set_download_limit(torrent, 1)
        film.timeout = None
        threading.Timer(0.1, _thread.interrupt_main).start()
        begun = time.monotonic()
        try:
            film.read(1)
            raise AssertionError("it was there")
        except KeyboardInterrupt:
            assert time.monotonic() - begun < 30
        patron.set_download_limit(torrent, None)
        film.timeout = 60
        assert len(film.read(9)) == 5 and film.read(1) == b""
        film.seek(1_000_000)
        part = film.read(10)
        film.seek(-len(part), os.SEEK_CUR)
        assert film.read(len(part)) == part
        film.seek(1_000_000)
        assert isinstance(film, io.RawIOBase)
        buffered = io.BufferedReader(film)
        assert buffered.read(len(part)) == part
        buffered.detach()

    kinds = set()
    for event in patron.events():
        kinds.add(event.kind)
        assert event.torrent in (0, torrent) and str(event) == event.explanation
        assert (event.status is not None) == (event.kind == EventKind.STATUS)
        if event.kind == EventKind.FINISHED:
            assert event.name == "data.bin"
            break
    assert EventKind.TORRENT_ADDED in kinds, kinds
    assert patron.listen_addresses()[0].startswith("127.0.0.1:")
    assert patron.add_torrent(torrent_file) == torrent
    until(lambda: patron.status(torrent).all_time_downloaded >= 3_000_000)
    resume_data = patron.resume_data(torrent)
    assert patron.add_torrent(resume_data) == torrent
    patron.remove_torrent(torrent)
    default = patron.subscription()
    assert EventKind.RESUME_DATA not in default and EventKind.FINISHED in default
    patron.subscribe(default | {EventKind.RESUME_DATA})
    torrent = patron.add_torrent(resume_data, seed_seconds=0, save_dir=directory)
    kinds = {}
    for event in patron.events():
        kinds[event.kind] = event
        if {EventKind.GOAL_REACHED, EventKind.PAUSED, EventKind.RESUME_DATA} <= kinds.keys():
            break
    assert kinds[EventKind.GOAL_REACHED].goal == Goal.SEED_TIME
    assert kinds[EventKind.RESUME_DATA].resume_data.startswith(b"d")
    assert kinds[EventKind.PAUSED].resume_data is None
    patron.subscribe(default)
    assert patron.subscription() == default
    patron.set_goals(torrent, share_ratio=1000.5, seed_seconds=None)
    patron.resume(torrent)
    assert patron.files(torrent)[0].done == 3_000_000
    with open(os.path.join(directory, "data.bin"), "rb") as data:
        assert data.read().startswith(patron.read_piece(torrent, 0))
    for path in "renamed.bin", "data.bin":
        assert patron.rename_file(torrent, 0, path) == path
        assert os.path.exists(os.path.join(directory, path))

    for wrong in (lambda: patron.pause(torrent + 1), lambda: patron.status(torrent + 1)):
        try:
            wrong()
            raise AssertionError("no such torrent")
        except PatronError as error:
            assert error.code == Code.NOT_FOUND and str(error), error

    # The callback is a closure that nothing else holds.
    def waker():
        paused = threading.Event()

        def wake():
            if any(event.kind == EventKind.PAUSED for event in patron.waiting_events()):
                paused.set()

        patron.set_wake(wake)
        return paused

    paused = waker()
    patron.pause(torrent)
    assert paused.wait(60)
    patron.set_wake(None)

    # A thread that waits holds up no other.
    with patron.another() as other:
        waiting = threading.Thread(target=lambda: all(True for _ in other.events()))
        waiting.start()
        print(client.shutdown())
        waiting.join(60)
        assert not waiting.is_alive()

try:
    patron.pause(torrent)
    raise AssertionError("the patron was freed")
except PatronError as error:
    assert error.code == Code.BAD_HANDLE, error
