"""Why an upload cannot begin or go on, and what to do: one error, one function a reason."""

from __future__ import annotations


class UploadRefused(ValueError):
    """An upload that cannot begin or go on: a ``code`` for programs, and in words why and what to do.

    ``offset`` is where to go on, when it was asked for at another place.
    """

    def __init__(self, code: str, message: str, advice: str, *, offset: int | None = None) -> None:
        self.code = code
        self.message = message
        self.advice = advice
        self.offset = offset
        super().__init__(f"{message} {advice}")


def unknown() -> UploadRefused:
    message = "This file is no longer here: it was loaded, discarded, or left lying for a day."
    return UploadRefused("unknown", message, "Choose it again.")


def busy(purpose: str) -> UploadRefused:
    return UploadRefused("busy", f"This file is being {purpose} at this moment.", "Wait until that has ended.")


def wrong_offset(here: int, asked: int) -> UploadRefused:
    message = f"{here:,} bytes of this file are here, not {asked:,}."
    return UploadRefused("wrong_offset", message, "Go on from there.", offset=here)


def incomplete() -> UploadRefused:
    return UploadRefused("incomplete", "A file is not all here yet.", "Load when it is.")


def too_large(size: int, most: int) -> UploadRefused:
    message = f"The file has {in_words(size)}; {in_words(most)} may be uploaded."
    return UploadRefused("too_large", message, "Load it from a shell, or raise $SPENDGLASS_MAX_UPLOAD_GB.")


def too_long() -> UploadRefused:
    return UploadRefused("too_long", "More bytes came than the file was said to have.", "Choose it again.")


def slice_too_large(most: int) -> UploadRefused:
    return UploadRefused("slice_too_large", f"A slice has {in_words(most)} at most.", "Send smaller slices.")


def too_many(most: int) -> UploadRefused:
    advice = "Load or discard them first, or load the folder from a shell."
    return UploadRefused("too_many", f"{most:,} files are here already.", advice)


def disk_full(detail: str = "") -> UploadRefused:
    message = f"The dashboard's disk has no room for this file.{detail}"
    return UploadRefused("disk_full", message, "Free some space there, then retry.")


def no_room(size: int, free: int) -> UploadRefused:
    return disk_full(f" It has {in_words(size)}; there is room for {in_words(max(free, 0))}.")


def misconfigured() -> UploadRefused:
    message = "$SPENDGLASS_MAX_UPLOAD_GB is not a number of gigabytes."
    return UploadRefused("misconfigured", message, "Set it to one, such as 64, and start again.")


def in_words(size: int) -> str:
    """A size, rounded: "3.2 GB"."""
    for unit, word in ((1_000_000_000, "GB"), (1_000_000, "MB"), (1_000, "kB")):
        if size >= unit:
            return f"{size / unit:,.1f} {word}"
    return f"{size} B"
