"""The rows of results, in Parquet files."""

from __future__ import annotations

import io
import time
import uuid
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from ..errors import SegmenterError
from .store import READ_ERRORS, Store

_FOLDER = "results"

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
        #: The images that have a row.
        self.images: set[str] = set()
        for name in out.names(_FOLDER):
            if name.endswith(".parquet"):
                self._read(name, model)

    def _read(self, name: str, model: str) -> None:
        try:
            table = pq.read_table(io.BytesIO(self._out.read(name)), columns=["image", "model"])
        except (ValueError, *READ_ERRORS) as error:
            text = f"{self._out.path(name)} holds no results of this program: {error}"
            raise SegmenterError("input", text) from error
        others = set(table["model"].to_pylist()) - {model}
        if others:
            text = f"{self._out.path(name)} holds results of another model: give another folder or that model"
            raise SegmenterError("input", text)
        self.images.update(table["image"].to_pylist())

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
        table = io.BytesIO()
        pq.write_table(pa.Table.from_pylist(self._rows, SCHEMA), table, compression="zstd")
        # Two runs never have the same name.
        self._out.write(f"{_FOLDER}/part-{uuid.uuid4().hex}.parquet", table.getvalue())
        self._rows = []
