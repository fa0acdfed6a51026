"""Uses examples/python/patron.py as a module: module.py TORRENT DIRECTORY PEER"""

import sys
import threading

from patron import Client, Code, EventKind, PatronError

torrent_file, directory, peer = sys.argv[1:]

with Client(directory, offline=True, tick_ms=100) as client, client.patron() as patron:
    torrent = patron.create_torrent(torrent_file, peers=[peer])
    kinds = set()
    for event in patron.events():
        kinds.add(event.kind)
        assert event.torrent in (0, torrent) and str(event) == event.explanation
        assert (event.status is not None) == (event.kind == EventKind.STATUS)
        if event.kind == EventKind.FINISHED:
            assert event.name == "data.bin"
            break
    assert EventKind.TORRENT_CREATED in kinds, kinds
    assert patron.listen_addresses()[0].startswith("127.0.0.1:")
    assert patron.create_torrent(torrent_file) == torrent

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
