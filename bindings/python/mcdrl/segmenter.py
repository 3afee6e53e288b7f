"""The segmenter."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from types import TracebackType
from typing import Union

from . import _native
from .cancellation import Cancellation
from .errors import SegmenterError, translated
from .files import MOST_BYTES
from .images import ImageLike, takes_long, to_image
from .segmentation import Confounder, Segmentation

ModelLike = Union[bytes, bytearray, memoryview, str, "os.PathLike[str]"]

_DEVICES = {"auto": _native.Device.AUTO, "cpu": _native.Device.CPU, "gpu": _native.Device.GPU}
_STAGES = {
    _native.CreationStage.DEVICE: "device",
    _native.CreationStage.MODEL: "model",
    _native.CreationStage.WARM_UP: "warm-up",
    _native.CreationStage.MEASURE: "measure",
}


class ImageSegmenter:
    """Segments images on a thread of its own. Names and behaviour follow MediaPipe's ``ImageSegmenter``.

    Any thread may call it, also several at once. Images are segmented in the order of the calls. Create one with
    :meth:`create_from_options` and close it, or use it in a ``with`` statement. It belongs to the process that created
    it. Every error is a :class:`SegmenterError`.
    """

    def __init__(self, native: _native.ImageSegmenter) -> None:
        self._native = native
        self._process = os.getpid()
        self._labels: list[str] = native.labels()
        self._confounders = [
            Confounder(c.name, c.family, c.is_disturbance, c.hint_presence, c.words) for c in native.confounders()
        ]
        self._device: str = native.device()

    @classmethod
    def create_from_options(
        cls,
        model: ModelLike,
        device: str = "auto",
        threads: int | None = None,
        on_progress: Callable[[str], None] | None = None,
        cancellation: Cancellation | None = None,
        *,
        whole_frame: bool = False,
        tile_side: int | None = None,
    ) -> ImageSegmenter:
        """Reads the model and opens the device. The device has to reproduce the model's reference answer.

        - ``model``: the path or the bytes of a model file
        - ``device``: ``cpu``, ``gpu``, or ``auto``: the faster of the CPU and the hardware GPU, if both give the right
          answer
        - ``threads``: threads on the CPU; by default as many as it has cores
        - ``on_progress``: called with the stages ``device``, ``model`` and ``warm-up`` as they begin, on a thread of
          the library. With ``auto`` and a hardware GPU the stages come twice, and ``measure`` follows
        - ``whole_frame``: segments the whole frame, also wide borders and panels around the picture
        - ``tile_side``: also looks at overlapping tiles of this side in pixels, for small lesions in large images; this
          takes longer. An image has at most 64 tiles: if the side needs more, they are larger

        :raises SegmenterError: ``model``, ``model-version``, ``device``, ``wrong-answer``, ``timeout``, ``input``,
            ``cancelled``
        """
        arguments = _arguments(model, device, threads, whole_frame, tile_side, on_progress, cancellation)
        with translated():
            return cls(_native.ImageSegmenter.open(*arguments))

    @classmethod
    async def create_from_options_async(
        cls,
        model: ModelLike,
        device: str = "auto",
        threads: int | None = None,
        on_progress: Callable[[str], None] | None = None,
        cancellation: Cancellation | None = None,
        *,
        whole_frame: bool = False,
        tile_side: int | None = None,
    ) -> ImageSegmenter:
        """Like :meth:`create_from_options`, without blocking the event loop."""
        arguments = _arguments(model, device, threads, whole_frame, tile_side, on_progress, cancellation)
        with translated():
            return cls(await _native.ImageSegmenter.open_async(*arguments))

    def segment(
        self, image: ImageLike, cancellation: Cancellation | None = None, *, format: str = "rgb"
    ) -> Segmentation:
        """Segments one image. The EXIF orientation is applied.

        - ``format``: the order of an array's colours: ``rgb``, or ``bgr`` for the arrays of OpenCV

        :raises SegmenterError: ``image``, ``image-too-large``, ``input``, ``device``, ``cancelled``, ``closed``
        """
        with translated():
            return self._result(self._here.segment(to_image(image, format), _token(cancellation)))

    async def segment_async(
        self, image: ImageLike, cancellation: Cancellation | None = None, *, format: str = "rgb"
    ) -> Segmentation:
        """Like :meth:`segment`, without blocking the event loop. A cancelled task drops the image."""
        with translated():
            return self._result(await self._here.segment_async(await _read(image, format), _token(cancellation)))

    def segment_for_video(
        self,
        frame: ImageLike,
        timestamp_ms: int,
        cancellation: Cancellation | None = None,
        *,
        format: str = "rgb",
    ) -> Segmentation | None:
        """Segments a frame of a video. While one frame is segmented, only the newest frame waits.

        A frame that gives way to a newer one is answered with ``None``. So memory does not grow and masks are never
        late.

        - ``timestamp_ms``: milliseconds, larger than that of the last frame, also across videos
        - ``format``: as for :meth:`segment`

        :raises SegmenterError: as :meth:`segment`; ``input`` for a timestamp that is not larger
        """
        with translated():
            native = self._here.segment_for_video(to_image(frame, format), timestamp_ms, _token(cancellation))
        return None if native is None else self._result(native)

    async def segment_for_video_async(
        self,
        frame: ImageLike,
        timestamp_ms: int,
        cancellation: Cancellation | None = None,
        *,
        format: str = "rgb",
    ) -> Segmentation | None:
        """Like :meth:`segment_for_video`, without blocking the event loop."""
        with translated():
            # Read on the caller's thread: on another one, a later frame might overtake it.
            image = to_image(frame, format)
            native = await self._here.segment_for_video_async(image, timestamp_ms, _token(cancellation))
        return None if native is None else self._result(native)

    @property
    def labels(self) -> list[str]:
        """The names of the mask values: ``background`` first."""
        return list(self._labels)

    @property
    def confounders(self) -> list[Confounder]:
        """The confounders of the model, in the order of :attr:`Segmentation.confounders`."""
        return list(self._confounders)

    @property
    def device(self) -> str:
        """The device that computes: ``cpu`` or ``gpu``."""
        return self._device

    def close(self) -> None:
        """Ends the segmenter after the current image and frees its memory. Waiting callers get ``closed``.

        :raises SegmenterError: ``closed`` if it is closed already
        """
        with translated():
            self._here.shut_down()

    def __enter__(self) -> ImageSegmenter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self.close()
        except SegmenterError as closed:
            if closed.code != "closed":
                raise

    @property
    def _here(self) -> _native.ImageSegmenter:
        if os.getpid() != self._process:
            # A fork does not copy the segmenter's thread, so callers would wait forever.
            text = "the segmenter was created before this process was forked: create one in this process"
            raise SegmenterError("closed", text)
        return self._native

    def __reduce__(self) -> str:
        raise TypeError("an ImageSegmenter belongs to its process: create one in each process")

    def _result(self, native: _native.Segmentation) -> Segmentation:
        return Segmentation(native, self._labels, self._confounders, self._device)


class _Listener(_native.CreationListener):  # type: ignore[misc]
    def __init__(self, on_progress: Callable[[str], None]) -> None:
        self._on_progress = on_progress

    def on_stage(self, stage: _native.CreationStage) -> None:
        self._on_progress(_STAGES[stage])


async def _read(image: ImageLike, format: str) -> _native.Image:
    return await asyncio.to_thread(to_image, image, format) if takes_long(image) else to_image(image, format)


def _arguments(
    model: ModelLike,
    device: str,
    threads: int | None,
    whole_frame: bool,
    tile_side: int | None,
    on_progress: Callable[[str], None] | None,
    cancellation: Cancellation | None,
) -> tuple[object, ...]:
    if device not in _DEVICES:
        raise SegmenterError("device", f"unknown device `{device}`: choose auto, cpu or gpu")
    if threads is not None and not 0 <= threads < 1 << 16:
        raise SegmenterError("input", f"the number of threads is {threads}: give a number from 1 to 65535")
    if tile_side is not None and not 0 <= tile_side < 1 << 16:
        raise SegmenterError("input", f"the side of a tile is {tile_side}: give a number from 1 to 65535")
    if isinstance(model, (bytes, bytearray, memoryview)):
        if memoryview(model).nbytes > MOST_BYTES:
            raise SegmenterError("model", "a model of 2 GiB or more does not fit through memory: give its path")
        source = _native.ModelSource.BYTES(bytes(model))
    elif isinstance(model, (str, os.PathLike)):
        source = _native.ModelSource.PATH(os.fspath(model))
    else:
        raise SegmenterError("input", f"a {type(model).__name__} is not a model: give a path or the file's bytes")
    options = _native.SegmenterOptions(
        device=_DEVICES[device], threads=threads, whole_frame=whole_frame, tile_side=tile_side
    )
    return (source, options, _Listener(on_progress) if on_progress else None, _token(cancellation))


#: For calls without a cancellation. It is never used.
_NEVER = Cancellation()


def _token(cancellation: Cancellation | None) -> _native.Cancellation:
    return (cancellation or _NEVER)._native
