"""Code as users write it. mypy checks it against the package's types."""

from pathlib import Path

import numpy as np

import mcdrl


def share_of_lesion(path: Path) -> float:
    with mcdrl.ImageSegmenter.create_from_options(model=mcdrl.demo_model(), device="cpu", threads=2) as segmenter:
        result = segmenter.segment(np.zeros((64, 64, 3), np.uint8))
        lesion: float = sum(share.fraction for share in result.classes)
        confident = float(result.confidence_masks[0].mean())
        video: mcdrl.Segmentation | None = segmenter.segment_for_video(path, 33)
        names: list[str] = [c.name for c in result.confounders if c.is_disturbance and c.presence >= 0.5]
        familiar: bool = result.unfamiliar < 0.5
        return lesion + confident + len(names) + familiar + (video.mean_uncertainty if video else 0.0)
