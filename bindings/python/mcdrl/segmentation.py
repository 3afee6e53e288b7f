"""What a segmenter says of an image."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from . import _native


@dataclass(frozen=True)
class ClassShare:
    """How much of an image a class takes: its share of the pixels and its mean probability there, both 0..1."""

    name: str
    fraction: float
    confidence: float


@dataclass(frozen=True)
class ConfounderWeight:
    """A named confounder's share of the explanation, 0..1."""

    name: str
    family: str
    weight: float


@dataclass(frozen=True)
class RegionMap:
    """The grid on which the text selected candidate regions."""

    #: Similarity to the best class prompt: float32, rows × columns, -1..1.
    similarity: npt.NDArray[np.float32]
    #: Where a position was retained: bool, rows × columns.
    retained: npt.NDArray[np.bool_]
    #: Every confounder's weight at the retained positions, 0 at the others: float32, confounders × rows × columns.
    confounders: npt.NDArray[np.float32]


class Segmentation:
    """A segmented image, at its own size."""

    def __init__(self, native: _native.Segmentation, labels: int) -> None:
        self._maps = native.maps
        self._labels = labels
        #: A class for every pixel: uint8, H×W; 0 is background, k the k-th class.
        self.category_mask: npt.NDArray[np.uint8] = np.frombuffer(native.category_mask, np.uint8).reshape(
            native.height, native.width
        )
        #: Every lesion class, in the order of the mask's values.
        self.classes: list[ClassShare] = [ClassShare(c.name, c.fraction, c.confidence) for c in native.classes]
        #: Every confounder; the weights sum to one. Empty for a model without intervention.
        self.confounders: list[ConfounderWeight] = [
            ConfounderWeight(c.name, c.family, c.weight) for c in native.confounders
        ]
        #: The mean of ``uncertainty``.
        self.mean_uncertainty: float = native.mean_uncertainty
        #: Where it was computed: ``cpu`` or ``gpu``.
        self.device: str = native.device
        #: How long the model took.
        self.milliseconds: float = native.milliseconds

    @property
    def height(self) -> int:
        """In pixels, of the upright image."""
        return int(self.category_mask.shape[0])

    @property
    def width(self) -> int:
        """In pixels, of the upright image."""
        return int(self.category_mask.shape[1])

    @cached_property
    def confidence_masks(self) -> npt.NDArray[np.float32]:
        """For every label, the background first, its probability at every pixel: float32, labels × H × W."""
        masks = [self._floats(self._maps.confidence_mask(label)) for label in range(self._labels)]
        return np.stack(masks).reshape(self._labels, self.height, self.width)

    @cached_property
    def uncertainty(self) -> npt.NDArray[np.float32]:
        """How unsure the model is at every pixel: normalised entropy, float32, H×W, 0..1."""
        return self._floats(self._maps.uncertainty()).reshape(self.height, self.width)

    @cached_property
    def regions(self) -> RegionMap:
        """The grid of candidate regions."""
        native = self._maps.regions()
        grid = (native.rows, native.columns)
        confounders = [self._floats(values) for values in native.confounders]
        return RegionMap(
            similarity=self._floats(native.similarity).reshape(grid),
            retained=np.frombuffer(native.retained, np.uint8).reshape(grid).astype(np.bool_),
            confounders=np.array(confounders, np.float32).reshape(len(confounders), *grid),
        )

    def __repr__(self) -> str:
        found = ", ".join(f"{c.name} {100 * c.fraction:.1f} %" for c in self.classes if c.fraction > 0)
        return f"<Segmentation {self.width}×{self.height}: {found or 'no lesion'}>"

    @staticmethod
    def _floats(data: bytes) -> npt.NDArray[np.float32]:
        return np.frombuffer(data, "<f4").astype(np.float32, copy=False)
