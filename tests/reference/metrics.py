"""Writes metrics_monai.json: small pairs of masks and their scores by MONAI's metrics.

    pip install 'monai>=1.3,<1.4' numpy scipy torch
    python tests/reference/metrics.py tests/conformance/metrics_monai.json

A mask is a list of rows. A row is a string with one digit (the class) per pixel. `scores` has one
entry per foreground class, and the entry "any" for the union of all classes. A score is null if
MONAI gives nan or inf.
"""

import json
import math
import sys
import warnings

import monai
import numpy as np
import scipy
import torch
from monai.metrics import (
    DiceMetric,
    HausdorffDistanceMetric,
    MeanIoU,
    SurfaceDistanceMetric,
    compute_confusion_matrix_metric,
    get_confusion_matrix,
)
from scipy.ndimage import gaussian_filter

warnings.filterwarnings("ignore")

# MONAI interpolates its percentile with torch.quantile in single precision. This rounds the rank,
# 0.95 (n - 1), and moves hd95 by up to 7e-6 in these cases. Here the quantile has double precision.
# The rest of MONAI is unchanged.
single_quantile = torch.quantile
torch.quantile = lambda values, q: single_quantile(values.double(), q)


def cases():
    square = box(16, 16, 4, 4, 10, 10)
    yield "identical", square, square
    yield "shifted square", box(16, 16, 7, 4, 13, 10), square
    yield "empty prediction", box(16, 16, 0, 0, 0, 0), square
    yield "empty truth", square, box(16, 16, 0, 0, 0, 0)
    yield "both empty", box(5, 4, 0, 0, 0, 0), box(5, 4, 0, 0, 0, 0)
    yield "touching the border", box(18, 12, 0, 0, 7, 9), box(18, 12, 11, 3, 18, 12)
    yield "full frame", box(14, 9, 0, 0, 14, 9), box(14, 9, 5, 2, 9, 6)
    yield "single pixels", box(20, 15, 2, 13, 3, 14), box(20, 15, 17, 1, 18, 2)
    yield "disjoint", box(24, 24, 1, 1, 5, 8), box(24, 24, 15, 18, 23, 22)
    yield "diagonal contact", box(12, 12, 1, 1, 6, 6), box(12, 12, 6, 6, 11, 11)
    yield "one row", box(20, 1, 3, 0, 9, 1), box(20, 1, 5, 0, 16, 1)
    yield "one column", box(1, 13, 0, 0, 1, 4), box(1, 13, 0, 2, 1, 13)
    yield "binary blobs", blobs(1, 24, 24, 2), blobs(2, 24, 24, 2)
    yield "binary blobs, wide", noisy(blobs(3, 24, 13, 2), 4), blobs(3, 24, 13, 2)
    yield "three classes", blobs(5, 24, 20, 4), blobs(6, 24, 20, 4)
    yield "three classes, noisy", noisy(blobs(7, 17, 23, 4), 8), blobs(7, 17, 23, 4)
    yield "no class 2 in the prediction", only_one(blobs(9, 20, 20, 3)), blobs(9, 20, 20, 3)
    yield "no class 2 in the truth", blobs(10, 20, 20, 3), only_one(blobs(11, 20, 20, 3))


def scores(prediction, truth):
    classes = int(max(prediction.max(), truth.max()))
    keys = [str(k + 1) for k in range(classes)]
    by_class = monai_scores(prediction, truth, classes) if classes else []
    any_class = monai_scores(prediction != 0, truth != 0, 1)
    return dict(zip([*keys, "any"], [*by_class, *any_class]))


def monai_scores(prediction, truth, classes):
    """MONAI's scores of the classes 1..=classes, in this order."""
    pair = one_hot(prediction, classes), one_hot(truth, classes)
    options = {"include_background": False, "reduction": "none"}
    confusion = get_confusion_matrix(*pair, include_background=False)
    values = {
        "accuracy": compute_confusion_matrix_metric("accuracy", confusion),
        "dice": DiceMetric(ignore_empty=True, **options)(*pair),
        "iou": MeanIoU(ignore_empty=True, **options)(*pair),
        "hd95": HausdorffDistanceMetric(percentile=95, directed=False, **options)(*pair),
        "assd": SurfaceDistanceMetric(symmetric=True, **options)(*pair),
    }
    return [{name: number(value[0, k]) for name, value in values.items()} for k in range(classes)]


def number(value):
    value = float(value)
    return round(value, 9) if math.isfinite(value) else None


def one_hot(mask, classes):
    channels = np.stack([mask == k for k in range(classes + 1)]).astype(np.float32)
    return torch.from_numpy(channels)[None]


def box(width, height, left, top, right, bottom):
    mask = np.zeros((height, width), dtype=np.uint8)
    mask[top:bottom, left:right] = 1
    return mask


def blobs(seed, width, height, classes):
    """Smoothed noise. The lower 60 % is background. The rest has the class with the highest value."""
    noise = np.random.default_rng(seed).standard_normal((classes, height, width))
    smooth = np.stack([gaussian_filter(channel, 2.0, mode="constant") for channel in noise])
    mask = 1 + smooth[1:].argmax(axis=0)
    foreground = smooth[1:].max(axis=0)
    return np.where(foreground < np.quantile(foreground, 0.6), 0, mask).astype(np.uint8)


def noisy(mask, seed):
    """The mask with 5 % of its pixels replaced by a random class of the mask."""
    generator = np.random.default_rng(seed)
    replaced = generator.random(mask.shape) < 0.05
    classes = generator.integers(0, mask.max() + 1, mask.shape)
    return np.where(replaced, classes, mask).astype(np.uint8)


def only_one(mask):
    return np.minimum(mask, 1)


def rows(mask):
    return ["".join(str(value) for value in row) for row in mask]


def main():
    document = {
        "generator": "tests/reference/metrics.py",
        "versions": {
            "monai": monai.__version__,
            "torch": torch.__version__,
            "numpy": np.__version__,
            "scipy": scipy.__version__,
        },
        "cases": [
            {
                "name": name,
                "width": truth.shape[1],
                "height": truth.shape[0],
                "prediction": rows(prediction),
                "truth": rows(truth),
                "scores": scores(prediction, truth),
            }
            for name, prediction, truth in cases()
        ],
    }
    with open(sys.argv[1], "w", encoding="utf-8") as file:
        json.dump(document, file, indent=1)
        file.write("\n")


if __name__ == "__main__":
    main()
