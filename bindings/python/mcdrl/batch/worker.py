"""A worker: holds the model, reads and segments images, and writes masks."""

from __future__ import annotations

import io
import os
import socket
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import numpy as np
import pyarrow as pa
import ray
from PIL import Image

from ..errors import SegmenterError, translated
from ..files import MOST_BYTES
from ..images import to_image
from ..segmenter import ImageSegmenter
from .results import MASKS, SCHEMA, UNREADABLE
from .store import STORAGE_ERRORS, Store

#: Files that are read ahead while an image is segmented.
_AHEAD = 3


class Worker:
    """An actor in Ray Data's pool."""

    def __init__(
        self, model: list[Any], how: dict[str, Any], archive: Store, out: Store, device: str, threads: int
    ) -> None:
        lent = [str(gpu) for gpu in ray.get_gpu_ids()]
        if device != "cpu" and lent and lent[0].isdigit():
            # By default wgpu takes the first GPU, not the one that Ray lent.
            os.environ.setdefault("CUBECL_WGPU_DEFAULT_DEVICE", f"DiscreteGpu({lent[0]})")
        self._segmenter = ImageSegmenter.create_from_options(
            ray.get(model[0]),
            device=device,
            threads=threads,
            whole_frame=how["whole_frame"],
            tile_side=how["tile_side"],
        )
        self._how = how
        self._archive = archive
        self._out = out
        self._name = f"{socket.gethostname()}:{os.getpid()}"
        # Storage is slow, so the next files are read while an image is segmented.
        self._readers = ThreadPoolExecutor(_AHEAD)

    def __call__(self, items: pa.Table) -> pa.Table:
        names, places = items["name"].to_pylist(), items["place"].to_pylist()
        rows = [self._row(name, file) for name, file in zip(names, self._files(places), strict=True)]
        return pa.Table.from_pylist(rows, SCHEMA)

    def _files(self, places: list[str]) -> Iterator[Future[bytes]]:
        """The files in their order. Only a few are in memory at a time."""
        reading: deque[Future[bytes]] = deque()
        for place in places:
            reading.append(self._readers.submit(_patiently, self._archive.read_at, place, MOST_BYTES))
            if len(reading) > _AHEAD:
                yield reading.popleft()
        while reading:
            yield reading.popleft()

    def _row(self, name: str, file: Any) -> dict[str, Any]:
        row: dict[str, Any] = {"image": name, "worker": self._name, **self._how}
        try:
            with translated():
                image = to_image(file.result())
        except SegmenterError as error:
            return row | {"error_code": error.code, "error": error.message}
        except STORAGE_ERRORS as error:
            return row | {"error_code": UNREADABLE, "error": f"the image {name} cannot be read: {error}"}
        # Later errors are not the image's fault. They end the run, and it can be resumed.
        found = self._segmenter.segment(image)
        mask = f"{MASKS}/{name}.png"
        _patiently(self._out.write, mask, _png(found.category_mask))
        return row | {
            "mask": mask,
            "width": found.width,
            "height": found.height,
            "active_area": list(found.active_area),
            "classes": [vars(share) for share in found.classes],
            "confounders": [
                {"name": c.name, "family": c.family, "weight": c.weight, "presence": c.presence, "area": c.area}
                for c in found.confounders
            ],
            "lesions": [
                {
                    "name": lesion.name,
                    "confidence": lesion.confidence,
                    "fraction": lesion.fraction,
                    "pixels": lesion.pixels,
                    "area_mm2": lesion.area_mm2,
                    "bounds": list(lesion.bounds),
                }
                for lesion in found.lesions
            ],
            "disturbances": found.disturbances,
            "notes": found.notes,
            "unfamiliar": found.unfamiliar,
            "expected_dice": found.expected_dice,
            "mean_uncertainty": found.mean_uncertainty,
            "device": found.device,
            "milliseconds": found.milliseconds,
        }


def _patiently(work: Callable[..., Any], *arguments: Any) -> Any:
    """Retries failed reads and writes after 1 s and after 4 s. Missing files are not retried."""
    for seconds in (1, 4):
        try:
            return work(*arguments)
        except FileNotFoundError:
            raise
        except STORAGE_ERRORS:
            time.sleep(seconds)
    return work(*arguments)


def _png(mask: np.ndarray[Any, np.dtype[np.uint8]]) -> bytes:
    file = io.BytesIO()
    Image.fromarray(mask).save(file, "PNG")
    return file.getvalue()
