"""How many records were written and lost, and the one warning when something goes wrong."""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass, fields
from pathlib import Path
from types import TracebackType

from usage_recorder.forks import follow_forks

log = logging.getLogger("usage_recorder")


@dataclass(frozen=True, slots=True)
class Counters:
    """What became of the records of this process.

    ``written`` reached their destination, ``spilled`` lie in a file since the destination did not take them, ``lost``
    are nowhere. ``token_counts`` are calls of count_tokens, which are free and no records. ``failures`` are errors
    inside the recorder itself.
    """

    written: int = 0
    spilled: int = 0
    lost: int = 0
    token_counts: int = 0
    failures: int = 0


class Tally:
    """Counters that grow."""

    def __init__(self) -> None:
        self.reset()
        follow_forks(self)

    def before_fork(self) -> None:
        """What was counted is the parent's."""

    def after_fork(self) -> None:
        """A child counts for itself."""
        self.reset()

    def reset(self) -> None:
        """Starts at zero."""
        # a finalizer may count while this thread is counting
        self._lock = threading.RLock()
        self._counts = dict.fromkeys((field.name for field in fields(Counters)), 0)
        self._warned: set[str] = set()

    def add(self, name: str, number: int = 1) -> None:
        """Adds to one counter."""
        with self._lock:
            self._counts[name] += number

    def now(self) -> Counters:
        """The counters as they stand."""
        with self._lock:
            return Counters(**self._counts)

    def lost(self, number: int, why: str) -> None:
        """Records that are nowhere; says so once for each reason."""
        self.add("lost", number)
        self.warn(f"records of API usage are being lost: {why}")

    def failed(self, error: BaseException) -> None:
        """An error of the recorder's own. Its message may quote anything, so it is told by type and place alone."""
        self.add("failures")
        self.warn(f"the usage recorder failed ({type(error).__name__} {_place(error.__traceback__)})")

    def warn(self, text: str) -> None:
        """Warns through logging, which cannot raise, once for each text."""
        with self._lock:
            if text in self._warned or len(self._warned) > 20:
                return
            self._warned.add(text)
        log.warning("%s; the app is not affected", text)


def _place(traceback: TracebackType | None) -> str:
    while traceback is not None and traceback.tb_next is not None:
        traceback = traceback.tb_next
    return "" if traceback is None else f"at {Path(traceback.tb_frame.f_code.co_filename).name}:{traceback.tb_lineno}"


def reason(error: OSError) -> str:
    """Why the system refused, in its words without the path."""
    return error.strerror or type(error).__name__


TALLY = Tally()


def counters() -> Counters:
    """How many records this process wrote, spilled and lost."""
    return TALLY.now()
