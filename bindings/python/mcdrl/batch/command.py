"""``mcdrl-batch SOURCE OUT``: :func:`mcdrl.batch.segment_archive` on the command line."""

from __future__ import annotations

import argparse
import sys

from ..errors import SegmenterError
from .run import Progress, segment_archive


def main() -> int:
    """Exit status: 0, 1 if an image or the run failed, 2 for wrong usage."""
    parser = argparse.ArgumentParser(prog="mcdrl-batch", description="Segments an archive of images with Ray.")
    parser.add_argument("source", help="a folder, a manifest with a column `image`, or an address such as s3://…")
    parser.add_argument("out", help="the folder or address for masks/ and results/")
    parser.add_argument("--model", help="a model file (default: the demonstration model)")
    parser.add_argument("--workers", type=int, help="number of workers (default: as many as Ray has CPUs or GPUs)")
    parser.add_argument(
        "--device",
        choices=["auto", "cpu", "gpu"],
        default="auto",
        help="auto: the faster of the CPU and the hardware GPU, if both give the right answer (default: auto)",
    )
    parser.add_argument("--threads", type=int, default=1, help="CPU threads per worker (default: 1)")
    parser.add_argument("--whole-frame", action="store_true", help="also segment wide borders and panels around the picture")
    parser.add_argument("--tiles", type=int, metavar="SIDE", help="also look at overlapping tiles of this side in pixels")
    parser.add_argument("--batch-size", type=int, default=8, help="images per task of a worker (default: 8)")
    parser.add_argument("--resume", action="store_true", help="continue an earlier run")
    options = parser.parse_args()
    try:
        summary = segment_archive(
            options.source,
            options.out,
            options.model,
            workers=options.workers,
            device=options.device,
            threads=options.threads,
            whole_frame=options.whole_frame,
            tile_side=options.tiles,
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
        f"{progress.done} of {progress.images} images, {progress.images_per_second:.1f} per second, "
        f"{progress.failed} failed",
        end=end,
        file=sys.stderr,
        flush=True,
    )


if __name__ == "__main__":
    sys.exit(main())
