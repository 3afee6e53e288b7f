"""What can be segmented."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any, Union

import numpy as np
import numpy.typing as npt

from . import _native
from .errors import SegmenterError

if TYPE_CHECKING:
    import PIL.Image


class PixelFormat(Enum):
    """How the pixels of a frame lie in memory, 8 bits a channel."""

    RGB = "rgb"
    RGBA = "rgba"
    BGRA = "bgra"
    #: ITU-R BT.601, 0..255, as Android's cameras; planes Y, Cb, Cr.
    YUV420 = "yuv420"
    #: ITU-R BT.601, brightness 16..235.
    YUV420_VIDEO = "yuv420-video"
    #: ITU-R BT.709, 0..255.
    YUV420_BT709 = "yuv420-bt709"
    #: ITU-R BT.709, brightness 16..235.
    YUV420_BT709_VIDEO = "yuv420-bt709-video"


_FORMATS = {
    PixelFormat.RGB: _native.PixelFormat.RGB,
    PixelFormat.RGBA: _native.PixelFormat.RGBA,
    PixelFormat.BGRA: _native.PixelFormat.BGRA,
    PixelFormat.YUV420: _native.PixelFormat.YUV420_BT601_FULL,
    PixelFormat.YUV420_VIDEO: _native.PixelFormat.YUV420_BT601_VIDEO,
    PixelFormat.YUV420_BT709: _native.PixelFormat.YUV420_BT709_FULL,
    PixelFormat.YUV420_BT709_VIDEO: _native.PixelFormat.YUV420_BT709_VIDEO,
}


@dataclass(frozen=True)
class Plane:
    """One plane of a frame: its bytes, and the bytes from one row and from one pixel to the next."""

    data: bytes
    row_stride: int
    pixel_stride: int


@dataclass(frozen=True)
class Frame:
    """A frame of a camera or of any program's own memory.

    ``rotation`` says by how many degrees it must be turned clockwise to be upright (0, 90, 180 or 270), ``mirrored``
    whether it must then be mirrored left to right.
    """

    width: int
    height: int
    format: PixelFormat
    planes: tuple[Plane, ...]
    rotation: int = 0
    mirrored: bool = False


#: An encoded file (its bytes or its path), pixels as ``uint8`` (H×W grey, H×W×3 RGB, H×W×4 RGBA), a PIL image, a frame.
ImageLike = Union[bytes, bytearray, memoryview, str, "os.PathLike[str]", npt.NDArray[Any], "PIL.Image.Image", Frame]


def to_source(image: ImageLike) -> _native.ImageSource:
    """The image as the library takes it."""
    if isinstance(image, (bytes, bytearray, memoryview)):
        return _native.ImageSource.ENCODED(bytes(image))
    if isinstance(image, (str, os.PathLike)):
        try:
            return _native.ImageSource.ENCODED(Path(image).read_bytes())
        except OSError as error:
            raise SegmenterError("image", f"the image {image} cannot be read: {error.strerror}") from error
    if isinstance(image, Frame):
        return _native.ImageSource.PIXELS(_frame(image))
    if isinstance(image, np.ndarray):
        return _native.ImageSource.PIXELS(_of_array(image))
    pillow = sys.modules.get("PIL.Image")
    if pillow is not None and isinstance(image, pillow.Image):
        return _native.ImageSource.PIXELS(_of_array(_upright(image)))
    raise SegmenterError(
        "input",
        f"a {type(image).__name__} is no image: give an encoded file or its path, a uint8 array, a PIL image or a Frame",
    )


def _upright(image: PIL.Image.Image) -> npt.NDArray[np.uint8]:
    from PIL import ImageOps

    return np.asarray(ImageOps.exif_transpose(image).convert("RGB"))


def _of_array(array: npt.NDArray[Any]) -> _native.Frame:
    if array.dtype != np.uint8:
        raise SegmenterError("input", f"the array holds {array.dtype}: give uint8, 0..255")
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[:, :, 0]
    if array.ndim == 2:
        array = np.repeat(array[:, :, np.newaxis], 3, axis=2)
    if array.ndim != 3 or array.shape[2] not in (3, 4):
        raise SegmenterError("input", f"the array has the shape {array.shape}: give H×W, H×W×3 (RGB) or H×W×4 (RGBA)")
    height, width, channels = array.shape
    plane = _native.Plane(bytes=array.tobytes(), row_stride=width * channels, pixel_stride=channels)
    format = _native.PixelFormat.RGB if channels == 3 else _native.PixelFormat.RGBA
    return _native.Frame(width=width, height=height, format=format, planes=[plane], rotation=0, mirrored=False)


def _frame(frame: Frame) -> _native.Frame:
    planes = [
        _native.Plane(
            bytes=bytes(plane.data),
            row_stride=_unsigned(plane.row_stride, "a row stride"),
            pixel_stride=_unsigned(plane.pixel_stride, "a pixel stride"),
        )
        for plane in frame.planes
    ]
    return _native.Frame(
        width=_unsigned(frame.width, "the width"),
        height=_unsigned(frame.height, "the height"),
        format=_FORMATS[frame.format],
        planes=planes,
        rotation=_unsigned(frame.rotation, "the rotation"),
        mirrored=frame.mirrored,
    )


def _unsigned(value: int, name: str) -> int:
    if not 0 <= value < 1 << 32:
        raise SegmenterError("input", f"{name} is {value}: give a number from 0 to 2³² - 1")
    return int(value)
