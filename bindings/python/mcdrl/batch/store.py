"""Files on this machine or in object storage, behind one interface."""

from __future__ import annotations

import os
import re
import uuid
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
from pyarrow import fs

from ..errors import SegmenterError

_PART = re.compile(r"\.[0-9a-f]{32}\.part$")


@dataclass(frozen=True)
class Store:
    """A folder on this machine or in object storage."""

    files: Any
    root: str

    @classmethod
    def at(cls, place: str | os.PathLike[str]) -> Store:
        """The folder at a path or at an address such as ``s3://bucket/folder``."""
        text = os.fspath(place)
        if "://" in text:
            files, root = fs.FileSystem.from_uri(text)
        else:
            files, root = fs.LocalFileSystem(), os.path.realpath(text)
        return cls(files, root.rstrip("/"))

    def path(self, name: str) -> str:
        """The path of a file of this folder, in its file system."""
        return f"{self.root}/{name}"

    def kind(self) -> str:
        """``folder``, ``file`` or ``nothing``."""
        kind = self.files.get_file_info(self.root).type
        return {fs.FileType.Directory: "folder", fs.FileType.File: "file"}.get(kind, "nothing")

    def names(self, folder: str = "") -> list[str]:
        """All files below a subfolder, sorted. Empty if the subfolder does not exist."""
        base = self.path(folder) if folder else self.root
        selector = fs.FileSelector(base, allow_not_found=True, recursive=True)
        found = self.files.get_file_info(selector)
        return sorted(info.path[len(self.root) + 1 :] for info in found if info.type == fs.FileType.File)

    def read(self, name: str) -> bytes:
        """A file's bytes."""
        with self.files.open_input_stream(self.path(name)) as stream:
            return bytes(stream.read())

    def write(self, name: str, data: bytes) -> None:
        """Writes a file completely or not at all."""
        path = self.path(name)
        self.files.create_dir(path.rsplit("/", 1)[0], recursive=True)
        if not isinstance(self.files, fs.LocalFileSystem):
            # Object storage shows an object only when it is complete.
            with self.files.open_output_stream(path) as stream:
                stream.write(data)
            return
        aside = f"{path}.{uuid.uuid4().hex}.part"  # matches _PART
        with self.files.open_output_stream(aside) as stream:
            stream.write(data)
        self.files.move(aside, path)

    def read_at(self, place: str, most: int) -> bytes:
        """The bytes of a file at a path in this file system, or at an address. A file of more than ``most`` bytes is
        not read.

        :raises SegmenterError: ``image-too-large``
        """
        files, path = fs.FileSystem.from_uri(place) if "://" in place else (self.files, place)
        with files.open_input_file(path) as file:
            if (size := file.size()) > most:
                text = f"{place} has {size} bytes, of at most {most}: give a part of it"
                raise SegmenterError("image-too-large", text)
            return bytes(file.read())

    def remove_parts(self, folder: str) -> None:
        """Removes the unfinished files that a killed program's :meth:`write` left below a subfolder."""
        if not isinstance(self.files, fs.LocalFileSystem):
            return
        for name in self.names(folder):
            if _PART.search(name):
                self.files.delete_file(self.path(name))


#: The errors of a file system.
STORAGE_ERRORS = (OSError, pa.ArrowException)
