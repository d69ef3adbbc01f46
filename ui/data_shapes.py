"""What the parts of the Data page are handed by the page: shapes of what ingest answers, which ui does not import."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

FieldMap = Mapping[str, str]
Progress = Callable[[int, int, str], None]


class Request(Protocol):
    """One request of a preview."""

    @property
    def started_at(self) -> datetime | None: ...
    @property
    def model(self) -> str | None: ...
    @property
    def feature(self) -> str | None: ...
    @property
    def user(self) -> str | None: ...
    @property
    def uncached_input_tokens(self) -> int | None: ...
    @property
    def cache_read_tokens(self) -> int | None: ...
    @property
    def cache_write_5m_tokens(self) -> int | None: ...
    @property
    def cache_write_1h_tokens(self) -> int | None: ...
    @property
    def output_tokens(self) -> int | None: ...
    @property
    def cost(self) -> int | None: ...
    @property
    def unpriced_because(self) -> str | None: ...
    @property
    def held(self) -> bool: ...


class BadLine(Protocol):
    """A line that is or would be rejected."""

    @property
    def line(self) -> int: ...
    @property
    def field(self) -> str | None: ...
    @property
    def found(self) -> str: ...
    @property
    def reason(self) -> str: ...
    @property
    def advice(self) -> str: ...


class BadLineOfFile(BadLine, Protocol):
    """A rejected line and the file and load it came with."""

    @property
    def load_id(self) -> int: ...
    @property
    def path(self) -> str: ...


class Counted(Protocol):
    """Four counts that add up to the lines."""

    @property
    def lines(self) -> int: ...
    @property
    def requests(self) -> int: ...
    @property
    def duplicates(self) -> int: ...
    @property
    def ignored(self) -> int: ...
    @property
    def rejected(self) -> int: ...


class Preview(Counted, Protocol):
    """The head of a file as it would be loaded."""

    @property
    def format(self) -> str: ...
    @property
    def recognised_format(self) -> bool: ...
    @property
    def whole_file(self) -> bool: ...
    @property
    def held(self) -> int: ...
    @property
    def undated(self) -> int: ...
    @property
    def rows(self) -> Sequence[Request]: ...
    @property
    def rejects(self) -> Sequence[BadLine]: ...
    @property
    def findings(self) -> Sequence[str]: ...
    @property
    def mappable(self) -> bool: ...
    @property
    def fields(self) -> Sequence[str]: ...
    @property
    def recognised(self) -> Mapping[str, str | None]: ...


class File(Counted, Protocol):
    """A file of a load."""

    @property
    def path(self) -> str: ...
    @property
    def format(self) -> str | None: ...
    @property
    def bytes(self) -> int: ...
    @property
    def findings(self) -> Sequence[str]: ...


class Load(Counted, Protocol):
    """One load and what the store holds of it now."""

    @property
    def load_id(self) -> int: ...
    @property
    def loaded_at(self) -> datetime: ...
    @property
    def origin(self) -> str: ...
    @property
    def files(self) -> int: ...
    @property
    def first_file(self) -> str: ...
    @property
    def findings(self) -> int: ...
    @property
    def holds(self) -> int: ...
    @property
    def unpriced(self) -> int: ...
    @property
    def cost(self) -> int | None: ...


class Undoing(Protocol):
    """What undoing a load does."""

    @property
    def requests(self) -> int: ...
    @property
    def back(self) -> int: ...
    @property
    def skipped_later(self) -> int: ...


@dataclass(frozen=True)
class Sent:
    """A file of which the browser says that all of it was sent, and the ticket it sent it with."""

    ticket: str
    upload_id: str


class Arrived(Protocol):
    """A file that was uploaded and is here, all of it."""

    @property
    def upload_id(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def size(self) -> int: ...


@dataclass(frozen=True)
class Loading:
    """What the upload part may do: look at an upload, load uploads or the sample (both say which load it was).

    ``ticket`` lets the browser upload; ``arrived`` says which of the files it speaks of are here, and ``discard`` drops
    some. ``version`` rises when the store changes; ``command`` loads the same from a shell.
    """

    ticket: str
    arrived: Callable[[Sequence[Sent]], Sequence[Arrived]]
    discard: Callable[[Sequence[Arrived]], None]
    preview: Callable[[Any, FieldMap, datetime | None], Preview]
    load: Callable[[Sequence[Any], FieldMap, datetime | None, Progress], int]
    load_sample: Callable[[Progress], int]
    version: int
    command: str
