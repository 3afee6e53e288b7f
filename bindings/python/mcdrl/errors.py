"""Errors, each with a code for programs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from . import _native

_CODES: dict[type, str] = {
    _native.SegmenterError.Image: "image",
    _native.SegmenterError.ImageTooLarge: "image-too-large",
    _native.SegmenterError.Input: "input",
    _native.SegmenterError.Model: "model",
    _native.SegmenterError.ModelVersion: "model-version",
    _native.SegmenterError.Device: "device",
    _native.SegmenterError.WrongAnswer: "wrong-answer",
    _native.SegmenterError.Timeout: "timeout",
    _native.SegmenterError.Cancelled: "cancelled",
    _native.SegmenterError.Closed: "closed",
    _native.SegmenterError.Internal: "internal",
}


class SegmenterError(Exception):
    """Every error of this package. :attr:`code` is for programs, :attr:`message` for people.

    - ``image``: the bytes are not a readable image
    - ``image-too-large``: the image has too many pixels
    - ``input``: the argument cannot be used: planes too short, a late timestamp, no threads
    - ``model``: the file is not a model, or it is damaged or unreadable
    - ``model-version``: the model file has an unknown format version
    - ``device``: the device is missing or failed
    - ``wrong-answer``: the device computes wrongly
    - ``timeout``: the device did not answer in time
    - ``cancelled``: the call was cancelled
    - ``closed``: the segmenter was closed
    - ``internal``: a bug of this library
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(code, message)
        self.code = code
        self.message = message

    def __str__(self) -> str:
        return self.message


@contextmanager
def translated() -> Iterator[None]:
    """Translates the library's errors into the package's."""
    try:
        yield
    except _native.SegmenterError as error:
        raise SegmenterError(_CODES[type(error)], str(error)) from None
    except _native.InternalError as error:
        raise SegmenterError("internal", f"a bug in mcdrl, please report it: {error}") from None
