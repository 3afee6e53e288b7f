"""The images of an archive."""

from __future__ import annotations

import csv
import io
import json
import os
from dataclasses import dataclass

import pyarrow.parquet as pq

from ..errors import SegmenterError
from .results import MASKS, RESULTS
from .store import STORAGE_ERRORS, Store

_IMAGES = (".jpg", ".jpeg", ".png", ".tif", ".tiff", ".bmp", ".webp", ".dcm")
_MANIFESTS = (".csv", ".tsv", ".jsonl", ".txt", ".parquet")


@dataclass(frozen=True)
class Item:
    """An image of an archive."""

    #: Its name in the results.
    name: str
    #: A path in the archive's file system, or an address.
    place: str


def find_images(source: str | os.PathLike[str], out: Store) -> tuple[Store, list[Item]]:
    """The images of a folder and its subfolders, or the images that a manifest lists.

    A manifest is a text file with one path per line (``.txt``), or a table (``.csv``, ``.tsv``, ``.jsonl``,
    ``.parquet``) with a column ``image``. Its paths are relative to its folder. The files that a run wrote to ``out``
    are left out.
    """
    text = os.fspath(source)
    store = Store.at(text)
    kind = store.kind()
    if kind == "nothing":
        raise SegmenterError("input", f"there is no folder or manifest {text}: check the path")
    if kind == "file":
        items = _of_manifest(text, store)
    else:
        names = [name for name in store.names() if name.lower().endswith(_IMAGES)]
        places = [(name, store.path(name)) for name in names]
        ours = (f"{out.path(MASKS)}/", f"{out.path(RESULTS)}/") if out.files == store.files else ()
        items = [Item(name, place) for name, place in places if not place.startswith(ours)]
    if not items:
        raise SegmenterError("input", f"{text} has no images: give files that end with {', '.join(_IMAGES)}")
    return store, items


def _of_manifest(text: str, store: Store) -> list[Item]:
    folder = store.root.rsplit("/", 1)[0]
    items: dict[str, Item] = {}
    for path in _paths(text, store):
        absolute = "://" in path or path.startswith("/")
        # The mask is written under this name, so it must be a path below ``out``.
        parts = [part for part in path.split("://")[-1].split("/") if part not in ("", ".", "..")]
        name = "/".join(parts)
        if name in items:
            raise SegmenterError("input", f"{text} lists two images with the name {name}: list each image once")
        items[name] = Item(name, path if absolute else f"{folder}/{path}")
    return list(items.values())


def _paths(text: str, store: Store) -> list[str]:
    suffix = os.path.splitext(store.root)[1].lower()
    if suffix not in _MANIFESTS:
        raise SegmenterError("input", f"{text} is not a manifest: give a file that ends with {', '.join(_MANIFESTS)}")
    try:
        with store.files.open_input_stream(store.root) as stream:
            data = bytes(stream.read())
        if suffix == ".parquet":
            return [str(path) for path in pq.read_table(io.BytesIO(data), columns=["image"])["image"].to_pylist()]
        lines = data.decode("utf-8-sig").splitlines()
        if suffix == ".txt":
            return [line.strip() for line in lines if line.strip()]
        if suffix == ".jsonl":
            return [str(json.loads(line)["image"]) for line in lines if line.strip()]
        rows = csv.DictReader(lines, delimiter="\t" if suffix == ".tsv" else ",")
        return [str(row["image"]) for row in rows]
    except (KeyError, TypeError, ValueError, *STORAGE_ERRORS) as error:
        raise SegmenterError("input", f"{text} is not a table with a column `image`: {error}") from error
