"""The rows of the results, in Parquet files."""

from __future__ import annotations

import io
import time
import uuid
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from ..errors import SegmenterError
from .store import STORAGE_ERRORS, Store

#: The folders that a run writes.
RESULTS = "results"
MASKS = "masks"

#: The error code of an image whose bytes storage did not deliver. A later run retries it.
UNREADABLE = "unreadable"

#: One row per image. The row of a failed image has only ``image``, ``worker``, the error, and how it was tried: ``model``,
#: ``whole_frame`` and ``tile_side``.
SCHEMA = pa.schema(
    [
        ("image", pa.string()),
        ("mask", pa.string()),
        ("width", pa.int32()),
        ("height", pa.int32()),
        ("active_area", pa.list_(pa.int32())),
        (
            "classes",
            pa.list_(pa.struct([("name", pa.string()), ("fraction", pa.float32()), ("confidence", pa.float32())])),
        ),
        (
            "confounders",
            pa.list_(
                pa.struct(
                    [
                        ("name", pa.string()),
                        ("family", pa.string()),
                        ("weight", pa.float32()),
                        ("presence", pa.float32()),
                        ("area", pa.float32()),
                    ]
                )
            ),
        ),
        (
            "lesions",
            pa.list_(
                pa.struct(
                    [
                        ("name", pa.string()),
                        ("confidence", pa.float32()),
                        ("fraction", pa.float32()),
                        ("pixels", pa.int64()),
                        ("area_mm2", pa.float32()),
                        ("bounds", pa.list_(pa.int32())),
                    ]
                )
            ),
        ),
        ("disturbances", pa.list_(pa.string())),
        ("notes", pa.list_(pa.string())),
        ("unfamiliar", pa.float32()),
        ("expected_dice", pa.float32()),
        ("mean_uncertainty", pa.float32()),
        ("device", pa.string()),
        ("milliseconds", pa.float64()),
        ("model", pa.string()),
        ("whole_frame", pa.bool_()),
        ("tile_side", pa.int32()),
        ("worker", pa.string()),
        ("error_code", pa.string()),
        ("error", pa.string()),
    ]
)


class Results:
    """Collects rows. Writes them to a new file after a thousand rows or half a minute."""

    _ROWS = 1000
    _SECONDS = 30.0

    def __init__(self, out: Store, how: dict[str, Any]) -> None:
        self._out = out
        self._rows: list[dict[str, Any]] = []
        self._written = time.monotonic()
        #: The finished images: those with a row, except the unreadable ones.
        self.images: set[str] = set()
        self._unreadable: dict[str, pa.Table] = {}
        for name in out.names(RESULTS):
            if name.endswith(".parquet"):
                self._read(name, how)

    def _read(self, name: str, how: dict[str, Any]) -> None:
        file = self._out.read(name)
        try:
            table = pq.read_table(io.BytesIO(file), columns=["image", "error_code", *how])
            images, codes = (table[column].to_pylist() for column in ("image", "error_code"))
            others = {column for column, value in how.items() if set(table[column].to_pylist()) - {value}}
        except (KeyError, ValueError, *STORAGE_ERRORS) as error:
            text = f"{self._out.path(name)} is not a file of results: {error}; give another folder"
            raise SegmenterError("input", text) from error
        if others:
            what = "model" if "model" in others else " and ".join(sorted(others))
            text = f"{self._out.path(name)} holds results of another {what}: give another folder or that {what}"
            raise SegmenterError("input", text)
        done = [code != UNREADABLE for code in codes]
        self.images.update(image for image, is_done in zip(images, done, strict=True) if is_done)
        if not all(done):
            self._unreadable[name] = pq.read_table(io.BytesIO(file)).filter(pa.array(done))

    def forget_unreadable(self) -> None:
        """Removes the rows of unreadable images, because they are retried."""
        for name, done in self._unreadable.items():
            self._write(name, done)
        self._unreadable = {}

    def add(self, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Adds the rows of new images and returns them.

        An image may come twice, because Ray repeats the work of a lost machine. Its first row counts.
        """
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
        """Writes the collected rows."""
        self._written = time.monotonic()
        if not self._rows:
            return
        # The name is unique across runs.
        self._write(f"{RESULTS}/part-{uuid.uuid4().hex}.parquet", pa.Table.from_pylist(self._rows, SCHEMA))
        self._rows = []

    def _write(self, name: str, table: pa.Table) -> None:
        file = io.BytesIO()
        pq.write_table(table, file, compression="zstd")
        try:
            self._out.write(name, file.getvalue())
        except STORAGE_ERRORS as error:
            text = f"{self._out.path(name)} cannot be written: {error}; resume when the storage works"
            raise SegmenterError("device", text) from error
