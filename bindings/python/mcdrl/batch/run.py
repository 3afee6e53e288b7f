"""A run over an archive."""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import ray

from ..errors import SegmenterError
from ..segmenter import ImageSegmenter
from .inputs import find_images
from .results import MASKS, RESULTS, Results
from .store import STORAGE_ERRORS, Store
from .worker import Worker

_LOG = logging.getLogger("mcdrl")


@dataclass(frozen=True)
class Progress:
    """The progress of a run: ``done`` of its ``images`` are finished, and ``failed`` of those have an error."""

    images: int
    done: int
    failed: int
    images_per_second: float


@dataclass(frozen=True)
class Summary:
    """The result of a run."""

    images: int
    segmented: int
    failed: int
    done_before: int
    seconds: float

    @property
    def images_per_second(self) -> float:
        """The speed of this run, the start of its workers included."""
        return (self.segmented + self.failed) / self.seconds if self.seconds > 0 else 0.0


def segment_archive(
    source: str | os.PathLike[str],
    out: str | os.PathLike[str],
    model: str | os.PathLike[str] | None = None,
    *,
    workers: int | None = None,
    device: str = "auto",
    threads: int = 1,
    whole_frame: bool = False,
    tile_side: int | None = None,
    batch_size: int = 8,
    resume: bool = False,
    on_progress: Callable[[Progress], None] | None = None,
) -> Summary:
    """Segments every image of ``source`` into ``out``.

    - ``source``: a folder, a manifest (see :func:`mcdrl.batch.inputs.find_images`), or an address of object storage
    - ``model``: a model file; by default the bundled demonstration model
    - ``device``: ``cpu``, ``gpu``, or ``auto``: the faster of the CPU and the hardware GPU, if both give the right
      answer. With ``gpu`` and ``auto``, Ray lends every worker a GPU. If Ray has no GPU, ``auto`` is the CPU. Every
      row names its device
    - ``workers``: number of workers, each with the model in memory; by default as many as Ray has CPUs or GPUs
    - ``threads``: CPU threads per worker. More workers use the cores better than more threads
    - ``whole_frame``, ``tile_side``: as for :meth:`mcdrl.ImageSegmenter.create_from_options`
    - ``batch_size``: images per task of a worker. The task of a lost worker is repeated
    - ``resume``: continues an earlier run into ``out``. Without it, a folder with results is refused

    Ray connects to the cluster in ``RAY_ADDRESS``, or starts on this machine. A dead worker is replaced and its images
    are segmented again. In the end, every image has one row. The row of a file that is not an image has its error. An
    image that storage did not deliver has the code ``unreadable``, and ``resume`` retries it.

    :raises SegmenterError: ``input`` for a wrong source or wrong options, ``device`` if a worker or the storage fails,
        and as :meth:`mcdrl.ImageSegmenter.create_from_options`
    """
    if threads < 1 or batch_size < 1 or (workers is not None and workers < 1):
        raise SegmenterError("input", "workers, threads and batch_size must be at least 1")
    model_bytes = _read_model(model)
    digest = hashlib.sha256(model_bytes).hexdigest()
    how = {"model": digest, "whole_frame": whole_frame, "tile_side": tile_side}
    try:
        store = Store.at(out)
        archive, items = find_images(source, store)
        results = Results(store, how)
    except STORAGE_ERRORS as error:
        text = f"{os.fspath(source)} or {os.fspath(out)} cannot be read: {error}"
        raise SegmenterError("input", text) from error
    if results.images and not resume:
        raise SegmenterError("input", f"{os.fspath(out)} has results already: resume, or give another folder")
    todo = [item for item in items if item.name not in results.images]
    done_before = len(items) - len(todo)
    for folder in (MASKS, RESULTS):
        store.remove_parts(folder)
    if not todo:
        return Summary(len(items), 0, 0, done_before, 0.0)

    results.forget_unreadable()
    # Reports a bad model or option before any worker starts.
    ImageSegmenter.create_from_options(model_bytes, device="cpu", threads=1, tile_side=tile_side).close()

    if not ray.is_initialized():
        # Without Ray's usage report, nothing leaves the machine.
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        ray.init(include_dashboard=False, log_to_driver=False)
    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False
    resources = ray.cluster_resources()
    if device == "auto" and not resources.get("GPU"):
        device = "cpu"
    resource = "CPU" if device == "cpu" else "GPU"
    available = int(resources.get(resource, 0))
    if available == 0:
        raise SegmenterError("device", f"Ray has no {resource}s: choose another device or another cluster")
    workers = workers or max(1, available // (threads if device == "cpu" else 1))
    workers = min(workers, -(-len(todo) // batch_size))

    # One block per task of a worker. If Ray had to split blocks, it would wait for a CPU that the workers hold.
    table = pa.table({"name": [item.name for item in todo], "place": [item.place for item in todo]})
    blocks = [table.slice(start, batch_size) for start in range(0, len(todo), batch_size)]
    dataset = ray.data.from_arrow(blocks).map_batches(
        Worker,
        fn_constructor_kwargs={
            # In a list, Ray passes the reference on, and every machine fetches the model once.
            "model": [ray.put(model_bytes)],
            "how": how,
            "archive": archive,
            "out": store,
            "device": device,
            "threads": threads,
        },
        compute=ray.data.ActorPoolStrategy(size=workers),
        batch_size=batch_size,
        batch_format="pyarrow",
        zero_copy_batch=True,
        num_cpus=min(threads, available / workers) if device == "cpu" else 0,
        num_gpus=0 if device == "cpu" else min(1, available / workers),
    )

    started = time.monotonic()
    done = failed = 0
    # Without GPUs, ``device`` is ``cpu`` by now.
    may_idle = device == "auto"
    try:
        for rows in dataset.iter_batches(batch_size=None, batch_format="pyarrow", prefetch_batches=1):
            fresh = results.add(rows.to_pylist())
            done += len(fresh)
            failed += sum(row["error_code"] is not None for row in fresh)
            if may_idle and any(row["device"] == "cpu" for row in fresh):
                may_idle = False
                _LOG.warning(
                    "a worker uses the CPU, because its GPU is slower or failed: device cpu would use all of Ray's CPUs"
                )
            if on_progress:
                on_progress(Progress(len(todo), done, failed, done / (time.monotonic() - started)))
    except ray.exceptions.RayError as error:
        text = f"a worker failed after {done} of {len(todo)} images: {error}; resume to do the rest"
        raise SegmenterError("device", text) from error
    finally:
        results.flush()
    if done != len(todo):
        raise SegmenterError("internal", f"Ray returned {done} of {len(todo)} images: resume to do the rest")
    seconds = time.monotonic() - started
    # A worker may have been killed while it wrote. If its file cannot be removed, the next run removes it.
    with contextlib.suppress(*STORAGE_ERRORS):
        store.remove_parts(MASKS)
    return Summary(len(items), done - failed, failed, done_before, seconds)


def _read_model(model: str | os.PathLike[str] | None) -> bytes:
    from .. import demo_model

    path: Any = Path(model) if model is not None else demo_model()
    try:
        return bytes(path.read_bytes())
    except OSError as error:
        raise SegmenterError("model", f"the model file {path} cannot be read: {error.strerror}") from error
