"""From an archive to its results."""

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
    """How far it is: of ``images`` to do, those that are ``done``, and of them those that ``failed``."""

    images: int
    done: int
    failed: int
    images_per_second: float


@dataclass(frozen=True)
class Summary:
    """What became of an archive."""

    images: int
    segmented: int
    failed: int
    done_before: int
    seconds: float

    @property
    def images_per_second(self) -> float:
        """Of those done now, from the first start of a worker to the last row."""
        return (self.segmented + self.failed) / self.seconds if self.seconds > 0 else 0.0


def segment_archive(
    source: str | os.PathLike[str],
    out: str | os.PathLike[str],
    model: str | os.PathLike[str] | None = None,
    *,
    workers: int | None = None,
    device: str = "auto",
    threads: int = 1,
    batch_size: int = 8,
    resume: bool = False,
    on_progress: Callable[[Progress], None] | None = None,
) -> Summary:
    """Segments every image of ``source`` into ``out``.

    - ``source``: a folder, a manifest (see :func:`mcdrl.batch.inputs.find_images`), or an address of object storage
    - ``model``: a model file; by default the bundled demonstration model
    - ``device``: ``auto`` is the CPU where Ray has no GPU; else every worker is lent one and takes it if it computes
      rightly and faster than ``threads`` of the CPU. The rows say which it was
    - ``workers``: how many hold the model; by default as many as Ray has CPUs, or GPUs
    - ``threads``: CPU threads of each; more workers use cores better than more threads
    - ``batch_size``: images that a worker is given at a time, and that are done again if it is lost
    - ``resume``: goes on where an earlier run into ``out`` ended; without it, a folder with results is refused

    Ray connects to the cluster that ``RAY_ADDRESS`` names, or starts on this machine. A worker that dies is replaced and
    its images are done again; every image has one row in the end. An image that is none has a row with its error; one
    that storage did not give has a row with the code ``unreadable``, and ``resume`` tries it again.

    :raises SegmenterError: ``input`` for a source or options that make no sense, ``model`` for a bad model
    """
    if threads < 1 or batch_size < 1 or (workers is not None and workers < 1):
        raise SegmenterError("input", "workers, threads and batch_size are at least 1")
    model_bytes = _read_model(model)
    digest = hashlib.sha256(model_bytes).hexdigest()
    try:
        store = Store.at(out)
        archive, items = find_images(source, store)
        results = Results(store, digest)
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
    # A model that is none is told here, not by a worker.
    ImageSegmenter.create_from_options(model_bytes, device="cpu", threads=1).close()

    if not ray.is_initialized():
        # Nothing leaves the machine, not even that Ray is used.
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
        raise SegmenterError("device", f"Ray has no {resource}s here")
    workers = workers or max(1, available // (threads if device == "cpu" else 1))
    workers = min(workers, -(-len(todo) // batch_size))

    # Made here, a block for every piece of work: a task that cut them would wait for a CPU that the workers hold.
    table = pa.table({"name": [item.name for item in todo], "place": [item.place for item in todo]})
    blocks = [table.slice(start, batch_size) for start in range(0, len(todo), batch_size)]
    dataset = ray.data.from_arrow(blocks).map_batches(
        Worker,
        fn_constructor_kwargs={
            # In a list, so that Ray hands the reference on and every machine fetches the model once.
            "model": [ray.put(model_bytes)],
            "digest": digest,
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
    # Where Ray has GPUs, else it is "cpu" by now.
    may_idle = device == "auto"
    try:
        for rows in dataset.iter_batches(batch_size=None, batch_format="pyarrow", prefetch_batches=1):
            fresh = results.add(rows.to_pylist())
            done += len(fresh)
            failed += sum(row["error_code"] is not None for row in fresh)
            if may_idle and any(row["device"] == "cpu" for row in fresh):
                may_idle = False
                _LOG.warning("the GPU that Ray lends is slower or does not compute: device cpu would use all of Ray's CPUs")
            if on_progress:
                on_progress(Progress(len(todo), done, failed, done / (time.monotonic() - started)))
    except ray.exceptions.RayError as error:
        text = f"a worker failed after {done} of {len(todo)} images: {error}; resume to do the rest"
        raise SegmenterError("device", text) from error
    finally:
        results.flush()
    if done != len(todo):
        raise SegmenterError("internal", f"Ray answered for {done} of {len(todo)} images: resume to do the rest")
    seconds = time.monotonic() - started
    # A worker may have been killed while it wrote. What stays is removed by the next run.
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
