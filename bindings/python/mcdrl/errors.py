"""Errors that programs can act on."""

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
    _native.SegmenterError.Cancelled: "cancelled",
    _native.SegmenterError.Closed: "closed",
    _native.SegmenterError.Internal: "internal",
}


class SegmenterError(Exception):
    """Every error of this package. The message is for people, the code for programs.

    ``image``: no image that can be read; ``image-too-large``: too many pixels; ``input``: nothing that can be segmented;
    ``model``: no model, damaged or not readable; ``model-version``: of an unknown format; ``device``: the device is not
    there or failed; ``wrong-answer``: it computes wrongly; ``cancelled``: by the caller; ``closed``: the segmenter was
    closed; ``internal``: a bug of ours.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(code, message)
        self.code = code
        self.message = message

    def __str__(self) -> str:
        return self.message


@contextmanager
def translated() -> Iterator[None]:
    """Errors of the library become those of the package."""
    try:
        yield
    except _native.SegmenterError as error:
        raise SegmenterError(_CODES[type(error)], str(error)) from None
    except _native.InternalError as error:
        raise SegmenterError("internal", f"a bug in mcdrl, please report it: {error}") from None
