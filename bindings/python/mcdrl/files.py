"""Files on their way into the library."""

from __future__ import annotations

import os
from pathlib import Path

from .errors import SegmenterError

#: The most bytes in one call of the library. UniFFI's buffers stay below 2 GiB, and each has a header.
MOST_BYTES = 2**31 - 1024


def read_bytes(file: bytes | bytearray | memoryview | str | os.PathLike[str]) -> bytes:
    """The bytes of a file: themselves, or those at its path."""
    if isinstance(file, (bytes, bytearray, memoryview)):
        check_crosses(memoryview(file).nbytes, "the file")
        return bytes(file)
    try:
        check_crosses(os.path.getsize(file), f"the file {os.fspath(file)}")
        return Path(file).read_bytes()
    except OSError as error:
        raise SegmenterError("image", f"the image {file} cannot be read: {error.strerror}") from error


def check_crosses(size: int, what: str) -> None:
    """Refuses what is too large for one call of the library."""
    if size > MOST_BYTES:
        raise SegmenterError("image-too-large", f"{what} has {size} bytes, of at most {MOST_BYTES}: give a part of it")
