"""The rows of results, in Parquet files."""

from __future__ import annotations

import io
import time
import uuid
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from ..errors import SegmenterError
from .store import STORAGE_ERRORS, Store

#: The folders of what a run writes.
RESULTS = "results"
MASKS = "masks"

#: The error's code where storage did not give an image's bytes, which it may another time.
UNREADABLE = "unreadable"

#: One row an image; of one that failed only ``image``, ``model`` and the error.
SCHEMA = pa.schema(
    [
        ("image", pa.string()),
        ("mask", pa.string()),
        ("width", pa.int32()),
        ("height", pa.int32()),
        (
            "classes",
            pa.list_(pa.struct([("name", pa.string()), ("fraction", pa.float32()), ("confidence", pa.float32())])),
        ),
        (
            "confounders",
            pa.list_(pa.struct([("name", pa.string()), ("family", pa.string()), ("weight", pa.float32())])),
        ),
        ("mean_uncertainty", pa.float32()),
        ("device", pa.string()),
        ("milliseconds", pa.float64()),
        ("model", pa.string()),
        ("worker", pa.string()),
        ("error_code", pa.string()),
        ("error", pa.string()),
    ]
)


class Results:
    """Rows that are written as they come, in files of a thousand or of what half a minute brings."""

    _ROWS = 1000
    _SECONDS = 30.0

    def __init__(self, out: Store, model: str) -> None:
        self._out = out
        self._rows: list[dict[str, Any]] = []
        self._written = time.monotonic()
        #: The images that are done: they have a row, and it is not for want of storage.
        self.images: set[str] = set()
        self._unreadable: dict[str, pa.Table] = {}
        for name in out.names(RESULTS):
            if name.endswith(".parquet"):
                self._read(name, model)

    def _read(self, name: str, model: str) -> None:
        file = self._out.read(name)
        try:
            table = pq.read_table(io.BytesIO(file), columns=["image", "model", "error_code"])
            images, models, codes = (table[column].to_pylist() for column in ("image", "model", "error_code"))
        except (KeyError, ValueError, *STORAGE_ERRORS) as error:
            text = f"{self._out.path(name)} holds no results of this program: {error}"
            raise SegmenterError("input", text) from error
        if set(models) - {model}:
            text = f"{self._out.path(name)} holds results of another model: give another folder or that model"
            raise SegmenterError("input", text)
        done = [code != UNREADABLE for code in codes]
        self.images.update(image for image, is_done in zip(images, done, strict=True) if is_done)
        if not all(done):
            self._unreadable[name] = pq.read_table(io.BytesIO(file)).filter(pa.array(done))

    def forget_unreadable(self) -> None:
        """Takes away the rows of images that could not be read, for they are tried again."""
        for name, done in self._unreadable.items():
            self._write(name, done)
        self._unreadable = {}

    def add(self, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Adds rows, and gives those whose images had none: work that was done twice, since a machine was lost after
        it had answered, counts once."""
        fresh = []
        for row in rows:
            if row["image"] not in self.images:
                self.images.add(row["image"])
                fresh.append(row)
        self._rows += fresh
        if len(self._rows) >= self._ROWS or time.monotonic() - self._written > self._SECONDS:
            self.flush()
        return fresh

    def flush(self) -> None:
        """Writes what waits."""
        self._written = time.monotonic()
        if not self._rows:
            return
        # Two runs never have the same name.
        self._write(f"{RESULTS}/part-{uuid.uuid4().hex}.parquet", pa.Table.from_pylist(self._rows, SCHEMA))
        self._rows = []

    def _write(self, name: str, table: pa.Table) -> None:
        file = io.BytesIO()
        pq.write_table(table, file, compression="zstd")
        try:
            self._out.write(name, file.getvalue())
        except STORAGE_ERRORS as error:
            text = f"{self._out.path(name)} cannot be written: {error}; resume when it can"
            raise SegmenterError("device", text) from error
