"""``mcdrl-batch SOURCE OUT``: :func:`mcdrl.batch.segment_archive` on the command line."""

from __future__ import annotations

import argparse
import sys

from ..errors import SegmenterError
from .run import Progress, segment_archive


def main() -> int:
    """Exit status 0, 1 if an image or the run failed, 2 for wrong usage."""
    parser = argparse.ArgumentParser(prog="mcdrl-batch", description="Segments an archive of images on Ray.")
    parser.add_argument("source", help="a folder, a manifest with a column `image`, or an address such as s3://…")
    parser.add_argument("out", help="the folder or address for masks/ and results/")
    parser.add_argument("--model", help="a model file (default: the demonstration model)")
    parser.add_argument("--workers", type=int, help="how many hold the model (default: Ray's CPUs or GPUs)")
    parser.add_argument("--device", choices=["auto", "cpu", "gpu"], default="auto")
    parser.add_argument("--threads", type=int, default=1, help="CPU threads of a worker")
    parser.add_argument("--batch-size", type=int, default=8, help="images that a worker is given at a time")
    parser.add_argument("--resume", action="store_true", help="go on where an earlier run ended")
    options = parser.parse_args()
    try:
        summary = segment_archive(
            options.source,
            options.out,
            options.model,
            workers=options.workers,
            device=options.device,
            threads=options.threads,
            batch_size=options.batch_size,
            resume=options.resume,
            on_progress=_show,
        )
    except SegmenterError as error:
        print(f"mcdrl-batch: {error}", file=sys.stderr)
        return 1
    print(
        f"\r{summary.segmented} segmented, {summary.failed} failed, {summary.done_before} done before, "
        f"of {summary.images} images"
    )
    return 1 if summary.failed else 0


def _show(progress: Progress) -> None:
    end = "\r" if sys.stderr.isatty() else "\n"
    print(
        f"{progress.done} of {progress.images} images, {progress.images_per_second:.1f} a second, "
        f"{progress.failed} failed",
        end=end,
        file=sys.stderr,
        flush=True,
    )


if __name__ == "__main__":
    sys.exit(main())
