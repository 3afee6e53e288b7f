"""What a segmenter says of an image."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from . import _native


@dataclass(frozen=True)
class Confounder:
    """A confounder that a model knows."""

    name: str
    family: str


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


#: What is fetched from the library when it is asked for.
_PARTS = ("milliseconds", "classes", "confounders", "mean_uncertainty", "confidence_masks", "uncertainty", "regions")


class Segmentation:
    """A segmented image, at its own size. It can be copied and sent to other processes, which reads all of it."""

    def __init__(
        self, native: _native.Segmentation, labels: list[str], confounders: list[Confounder], device: str
    ) -> None:
        self._native = native
        self._labels = labels
        self._confounders = confounders
        mask = native.category_mask()
        #: A class for every pixel: uint8, H×W; 0 is background, k the k-th class.
        self.category_mask: npt.NDArray[np.uint8] = np.frombuffer(mask.classes, np.uint8).reshape(
            mask.height, mask.width
        )
        #: Where it was computed: ``cpu`` or ``gpu``.
        self.device: str = device

    @cached_property
    def milliseconds(self) -> float:
        """How long the model took."""
        return float(self._native.milliseconds())

    @cached_property
    def classes(self) -> list[ClassShare]:
        """Every lesion class, in the order of the mask's values."""
        fractions, confidences = _floats(self._native.class_fractions()), _floats(self._native.class_confidences())
        shares = zip(self._labels[1:], fractions.tolist(), confidences.tolist(), strict=True)
        return [ClassShare(name, fraction, confidence) for name, fraction, confidence in shares]

    @cached_property
    def confounders(self) -> list[ConfounderWeight]:
        """Every confounder; the weights sum to one. Empty for a model without intervention."""
        weights = zip(self._confounders, _floats(self._native.confounder_weights()).tolist(), strict=False)
        return [ConfounderWeight(confounder.name, confounder.family, weight) for confounder, weight in weights]

    @cached_property
    def mean_uncertainty(self) -> float:
        """The mean of :attr:`uncertainty`."""
        return float(self._native.mean_uncertainty())

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
        masks = [_floats(self._native.confidence_mask(label)) for label in range(len(self._labels))]
        return np.stack(masks).reshape(len(self._labels), self.height, self.width)

    @cached_property
    def uncertainty(self) -> npt.NDArray[np.float32]:
        """How unsure the model is at every pixel: normalised entropy, float32, H×W, 0..1."""
        return _floats(self._native.uncertainty()).reshape(self.height, self.width)

    @cached_property
    def regions(self) -> RegionMap:
        """The grid of candidate regions."""
        native = self._native.regions()
        grid = (native.rows, native.columns)
        confounders = [_floats(values) for values in native.confounders]
        return RegionMap(
            similarity=_floats(native.similarity).reshape(grid),
            retained=np.frombuffer(native.retained, np.uint8).reshape(grid).astype(np.bool_),
            confounders=np.array(confounders, np.float32).reshape(len(confounders), *grid),
        )

    def __getstate__(self) -> dict[str, object]:
        # A copy, such as another process gets, holds all of it and nothing of the library's.
        for name in _PARTS:
            getattr(self, name)
        return {name: value for name, value in self.__dict__.items() if name != "_native"}

    def __repr__(self) -> str:
        found = ", ".join(f"{c.name} {100 * c.fraction:.1f} %" for c in self.classes if c.fraction > 0)
        return f"<Segmentation {self.width}×{self.height}: {found or 'no lesion'}>"


def _floats(data: bytes) -> npt.NDArray[np.float32]:
    return np.frombuffer(data, "<f4").astype(np.float32, copy=False)
