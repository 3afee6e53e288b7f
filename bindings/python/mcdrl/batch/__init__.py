"""Segmentation of an archive with Ray, on one machine or on a cluster. On one machine, Ray starts by itself.

>>> from mcdrl.batch import segment_archive                                         # doctest: +SKIP
>>> segment_archive("archive/", "out/", workers=8, resume=True)                     # doctest: +SKIP
Summary(images=120000, segmented=119998, failed=2, done_before=0, seconds=…)

Writes ``out/masks/<image>.png`` with class indices, and ``out/results/*.parquet`` with one row per image.
Needs the extra ``mcdrl[batch]``.
"""

from .run import Progress, Summary, segment_archive

__all__ = ["Progress", "Summary", "segment_archive"]
