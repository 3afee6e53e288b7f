"""Inputs of a segmenter: files, arrays, PIL images and frames."""

from __future__ import annotations

import io
import os
import sys
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any, Union

import numpy as np
import numpy.typing as npt

from . import _native
from .dicom import DicomFrame
from .errors import SegmenterError
from .files import check_crosses, read_bytes

if TYPE_CHECKING:
    import PIL.Image


class PixelFormat(Enum):
    """How the pixels of a :class:`Frame` lie in memory, 8 bits a channel."""

    #: Red, green, blue; one plane.
    RGB = "rgb"
    #: Red, green, blue, alpha; one plane. Alpha is dropped.
    RGBA = "rgba"
    #: Blue, green, red, alpha; one plane. Alpha is dropped.
    BGRA = "bgra"
    #: YUV 4:2:0, BT.601, 0..255, as Android's ``YUV_420_888``; planes Y, Cb, Cr.
    YUV420 = "yuv420"
    #: YUV 4:2:0, BT.601, brightness 16..235; planes Y, Cb, Cr.
    YUV420_VIDEO = "yuv420-video"
    #: YUV 4:2:0, BT.709, 0..255; planes Y, Cb, Cr.
    YUV420_BT709 = "yuv420-bt709"
    #: YUV 4:2:0, BT.709, brightness 16..235; planes Y, Cb, Cr.
    YUV420_BT709_VIDEO = "yuv420-bt709-video"


_COLORS = {
    PixelFormat.YUV420: _native.YuvColors.BT601_FULL,
    PixelFormat.YUV420_VIDEO: _native.YuvColors.BT601_VIDEO,
    PixelFormat.YUV420_BT709: _native.YuvColors.BT709_FULL,
    PixelFormat.YUV420_BT709_VIDEO: _native.YuvColors.BT709_VIDEO,
}


@dataclass(frozen=True)
class Plane:
    """One plane of a :class:`Frame`."""

    #: The plane's bytes.
    data: bytes
    #: Bytes from one row to the next. The last row may end with its last pixel.
    row_stride: int
    #: Bytes from one pixel to the next: 2 for the interleaved colours of NV12 and NV21.
    pixel_stride: int


@dataclass(frozen=True)
class Frame:
    """A frame in a camera's or a program's memory."""

    #: Width in pixels, as it lies in memory.
    width: int
    #: Height in pixels, as it lies in memory.
    height: int
    #: How the pixels lie.
    format: PixelFormat
    #: As many planes as the format has.
    planes: tuple[Plane, ...]
    #: By how many degrees it must be turned clockwise to be upright: 0, 90, 180 or 270.
    rotation: int = 0
    #: Whether it must be mirrored left to right once upright (front cameras).
    mirrored: bool = False


#: An image file (its bytes or its path), a ``uint8`` array (H×W grey, H×W×3 RGB, H×W×4 RGBA; OpenCV's order with
#: ``format="bgr"``), a PIL image, a frame of a camera or of a DICOM file.
ImageLike = Union[
    bytes, bytearray, memoryview, str, "os.PathLike[str]", npt.NDArray[Any], "PIL.Image.Image", Frame, DicomFrame
]


def to_image(image: ImageLike | _native.Image, format: str = "rgb") -> _native.Image:
    """The image as an upright copy in the library.

    - ``format``: the order of an array's colours, ``rgb`` or ``bgr`` (OpenCV). Alpha comes last in both
    """
    if format not in ("rgb", "bgr"):
        raise SegmenterError("input", f"the format is {format!r}: give 'rgb' or 'bgr'")
    if isinstance(image, np.ndarray):
        return _of_array(image, format)
    if format == "bgr":
        raise SegmenterError("input", f"a {type(image).__name__} states its own colours: give format='bgr' for arrays only")
    if isinstance(image, _native.Image):
        return image
    if isinstance(image, (bytes, bytearray, memoryview, str, os.PathLike)):
        return _native.Image.decode(read_bytes(image))
    if isinstance(image, DicomFrame):
        return image.native
    if isinstance(image, Frame):
        return _of_frame(image)
    pillow = sys.modules.get("PIL.Image")
    if pillow is not None and isinstance(image, pillow.Image):
        return _of_array(_upright(image))
    raise SegmenterError(
        "input",
        f"a {type(image).__name__} is not an image: "
        "give an image file or its path, a uint8 array, a PIL image or a Frame",
    )


def takes_long(image: ImageLike) -> bool:
    """Whether an image must be read or decoded first."""
    return not isinstance(image, (np.ndarray, Frame))


def _upright(image: PIL.Image.Image) -> npt.NDArray[np.uint8]:
    from PIL import ImageOps

    if image.mode.startswith("I") or image.mode == "F":
        raise SegmenterError(
            "input",
            f"the image has the mode {image.mode}, and Pillow would cut off its values at 255: "
            "give its file, or scale it to 8 bits",
        )
    try:
        upright = ImageOps.exif_transpose(image)
        has_alpha = "A" in upright.mode or "transparency" in upright.info
        array = _visible(np.asarray(upright.convert("RGBA"))) if has_alpha else np.asarray(upright.convert("RGB"))
        return _srgb(array, image.info.get("icc_profile"))
    except OSError as error:
        raise SegmenterError("image", f"not a readable image: {error}") from error


def _visible(rgba: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """The colours, with black where the opacity is 0. What lies there is never seen."""
    return np.where(rgba[:, :, 3:] == 0, np.uint8(0), rgba[:, :, :3])


def _srgb(rgb: npt.NDArray[np.uint8], profile: bytes | None) -> npt.NDArray[np.uint8]:
    """Converts colours by the profile of their file. One that cannot be used changes nothing."""
    if not profile:
        return rgb
    from PIL import Image, ImageCms

    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        if source.profile.xcolor_space.strip() != "RGB":
            return rgb
        converted = ImageCms.profileToProfile(
            Image.fromarray(rgb), source, ImageCms.createProfile("sRGB"), ImageCms.Intent.RELATIVE_COLORIMETRIC
        )
        if converted is None:
            return rgb
        return np.asarray(converted)
    except (ImageCms.PyCMSError, OSError, TypeError, ValueError):
        return rgb


def _of_array(array: npt.NDArray[Any], format: str = "rgb") -> _native.Image:
    if array.dtype != np.uint8:
        raise SegmenterError("input", f"the array has the type {array.dtype}: give uint8, 0..255")
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[:, :, 0]
    if array.ndim == 2:
        check_crosses(3 * array.size, "the array as RGB")
        array = np.repeat(array[:, :, np.newaxis], 3, axis=2)
    if array.ndim != 3 or array.shape[2] not in (3, 4):
        raise SegmenterError("input", f"the array has the shape {array.shape}: give H×W, H×W×3 (RGB) or H×W×4 (RGBA)")
    check_crosses(array.size, "the array")
    if array.shape[2] == 4:
        array = _visible(array)
    if format == "bgr":
        array = array[:, :, ::-1]
    height, width, _ = array.shape
    return _native.Image.rgb(array.tobytes(), width, height, 3 * width, 3, 0, False)


def _of_frame(frame: Frame) -> _native.Image:
    wanted = 3 if frame.format in _COLORS else 1
    if len(frame.planes) != wanted:
        raise SegmenterError("input", f"the frame has {len(frame.planes)} planes where its format has {wanted}")
    width, height = _unsigned(frame.width, "the width"), _unsigned(frame.height, "the height")
    rotation = _unsigned(frame.rotation, "the rotation")
    rows = [_unsigned(plane.row_stride, "a row stride") for plane in frame.planes]
    pixels = [_unsigned(plane.pixel_stride, "a pixel stride") for plane in frame.planes]
    for plane in frame.planes:
        check_crosses(memoryview(plane.data).nbytes, "a plane")
    data = [bytes(plane.data) for plane in frame.planes]
    if wanted == 1:
        read = {
            PixelFormat.RGB: _native.Image.rgb,
            PixelFormat.RGBA: _native.Image.rgba,
            PixelFormat.BGRA: _native.Image.bgra,
        }[frame.format]
        return read(data[0], width, height, rows[0], pixels[0], rotation, frame.mirrored)
    if pixels[0] != 1 or rows[1] != rows[2] or pixels[1] != pixels[2]:
        raise SegmenterError("input", "the Y plane has a pixel stride of 1, and Cb and Cr have the same strides")
    layout = _native.YuvLayout(
        width=width,
        height=height,
        y_row_stride=rows[0],
        color_row_stride=rows[1],
        color_pixel_stride=pixels[1],
        colors=_COLORS[frame.format],
        rotation=rotation,
        mirrored=frame.mirrored,
    )
    return _native.Image.yuv420(data[0], data[1], data[2], layout)


def _unsigned(value: int, name: str) -> int:
    if not 0 <= value < 1 << 32:
        raise SegmenterError("input", f"{name} is {value}: give a number from 0 to 2³² - 1")
    return int(value)
