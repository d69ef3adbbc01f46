"""Ctrl-C and SIGTERM for a process that waits most of the time: it ends what it is at, then itself."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Stopping:
    """Whether it is to end. What it is ``working`` at, a first signal lets it finish; a second one ends it at once."""

    def __init__(self) -> None:
        self.working = False
        self._asked = threading.Event()

    @property
    def asked(self) -> bool:
        return self._asked.is_set()

    def wait(self, seconds: float) -> bool:
        """Sleeps, less long if it is to end; true if it is."""
        return self._asked.wait(seconds)

    def listen(self, signals: int) -> None:
        """Hears of signals as bytes, in a thread: a statement of the database's may keep the main one for minutes."""
        while heard := os.read(signals, 1)[0]:
            if self.asked:
                os._exit(128 + heard)
            if self.working:
                print("ingest: ends after this load; once more, and at once.", file=sys.stderr, flush=True)
            self._asked.set()


@contextmanager
def stopping() -> Iterator[Stopping]:
    """Listens to signals until the block ends; one that is ignored, as in the background of a shell, stays so."""
    signals, heard = os.pipe()
    os.set_blocking(heard, False)
    stop = Stopping()
    listener = threading.Thread(target=stop.listen, args=(signals,), daemon=True)
    listener.start()
    ours = [one for one in _SIGNALS if signal.getsignal(one) != signal.SIG_IGN]
    before = {one: signal.signal(one, lambda *_: None) for one in ours}
    told = signal.set_wakeup_fd(heard, warn_on_full_buffer=False)
    try:
        yield stop
    finally:
        signal.set_wakeup_fd(told)
        for one, handler in before.items():
            signal.signal(one, handler)
        os.write(heard, b"\0")
        listener.join()
        os.close(signals)
        os.close(heard)
