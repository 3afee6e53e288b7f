"""DICOM files: their frames, and DICOM Segmentation."""

from __future__ import annotations

import os
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from . import _native
from .errors import SegmenterError, translated
from .files import read_bytes


class DicomFrame:
    """A decoded frame, which a segmenter takes as an image."""

    def __init__(self, native: _native.Image) -> None:
        self.native = native

    @property
    def pixels(self) -> npt.NDArray[np.uint8]:
        """The pixels: H×W×3, RGB."""
        shape = (self.native.height(), self.native.width(), 3)
        return np.frombuffer(self.native.pixels(), np.uint8).reshape(shape)


class DicomFile:
    """A DICOM file with pixel data.

    >>> import mcdrl
    >>> file = mcdrl.DicomFile("loop.dcm")  # doctest: +SKIP
    >>> for index in range(file.frames):  # doctest: +SKIP
    ...     found = segmenter.segment(file.frame(index))
    ...     seg = file.segmentation(index, found.category_mask, segmenter.labels[1:])
    """

    def __init__(self, file: bytes | bytearray | memoryview | str | os.PathLike[str]) -> None:
        """Reads a file, from its bytes or its path. The frames are decoded later.

        :raises SegmenterError: ``image``
        """
        with translated():
            self._native = _native.DicomFile.read(read_bytes(file))

    @property
    def frames(self) -> int:
        """The number of frames."""
        return int(self._native.frames())

    def frame(self, index: int) -> DicomFrame:
        """Decodes a frame, counted from 0.

        :raises SegmenterError: ``image``, ``image-too-large``
        """
        with translated():
            return DicomFrame(self._native.frame(self._checked(index)))

    def segmentation(self, index: int, mask: npt.NDArray[np.uint8], classes: Sequence[str]) -> bytes:
        """A DICOM Segmentation of a frame, as a file. It refers to the picture and carries its patient and its study.

        - ``mask``: the classes, H×W; 0 is the background
        - ``classes``: the names of the classes 1, 2, …

        :raises SegmenterError: ``input`` for a mask of another size, ``image`` if the file does not say which picture it is
        """
        if mask.ndim != 2 or mask.dtype != np.uint8:
            raise SegmenterError("input", f"the mask has the shape {mask.shape} and the type {mask.dtype}: give H×W, uint8")
        height, width = mask.shape
        with translated():
            names = list(classes)
            return bytes(self._native.segmentation(self._checked(index), mask.tobytes(), width, height, names))

    def _checked(self, index: int) -> int:
        if not 0 <= index < self.frames:
            raise SegmenterError("input", f"the frame is {index}: the file has {self.frames}, counted from 0")
        return int(index)
