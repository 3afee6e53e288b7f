"""An archive's segmentation on as many machines as Ray has; on one machine Ray starts by itself.

>>> from mcdrl.batch import segment_archive                                         # doctest: +SKIP
>>> segment_archive("archive/", "out/", workers=8, resume=True)                     # doctest: +SKIP
Summary(images=120000, segmented=119998, failed=2, done_before=0, seconds=…)

What comes out: ``out/masks/<image>.png`` with class indices, and ``out/results/*.parquet`` with one row an image.
Needs the extra ``mcdrl[batch]``.
"""

from .run import Progress, Summary, segment_archive

__all__ = ["Progress", "Summary", "segment_archive"]
