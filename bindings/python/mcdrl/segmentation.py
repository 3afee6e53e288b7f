"""The result for one image."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from . import _native


@dataclass(frozen=True)
class Confounder:
    """A confounder of a model."""

    #: Its name.
    name: str
    #: The family it belongs to.
    family: str
    #: Whether it is a disturbance. The usual state, such as white light, is not: do not show it as one.
    is_disturbance: bool = True
    #: At this presence or above, the picture gets a quality hint. ``None``: never a hint.
    hint_presence: float | None = None
    #: Its name in plain words. Default: its name.
    words: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "words", self.words or self.name)


@dataclass(frozen=True)
class ClassShare:
    """A class's share of an image."""

    #: The class's name.
    name: str
    #: Its share of the pixels, 0..1.
    fraction: float
    #: The mean probability of the class over its pixels, 0 where there are none.
    confidence: float


@dataclass(frozen=True)
class Lesion:
    """A connected lesion."""

    #: The name of its class.
    name: str
    #: The mean probability of its class over its pixels, 0..1.
    confidence: float
    #: Its share of the image, 0..1.
    fraction: float
    #: The number of its pixels.
    pixels: int
    #: Its area in mm², if the file states the size of its pixels (DICOM).
    area_mm2: float | None
    #: The smallest rectangle around it: left, top, width, height, in pixels.
    bounds: tuple[int, int, int, int]
    #: The corners (x, y) of its outline, clockwise, in pixels. They lie on the edges of pixels.
    outline: list[tuple[int, int]]


@dataclass(frozen=True)
class ConfounderWeight:
    """What an image shows of a named confounder."""

    #: The confounder's name.
    name: str
    #: The family it belongs to.
    family: str
    #: Its share of the correction, 0..1.
    weight: float
    #: The probability that it is visible, 0..1, independent of the others.
    presence: float
    #: The share of the active area where it is visible, 0..1.
    area: float
    #: Whether it is a disturbance. The usual state, such as white light, is not: do not show it as one.
    is_disturbance: bool = True
    #: At this presence or above, the picture gets a quality hint. ``None``: never a hint.
    hint_presence: float | None = None
    #: Its name in plain words. Default: its name.
    words: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "words", self.words or self.name)


@dataclass(frozen=True)
class RegionMap:
    """The grid on which the text prompts selected candidate regions. It lies on the active area."""

    #: Similarity to the best class prompt: float32, rows × columns, -1..1.
    similarity: npt.NDArray[np.float32]
    #: Whether a position was retained: bool, rows × columns.
    retained: npt.NDArray[np.bool_]
    #: For every confounder a map of its dose, 0..1: float32, confounders × rows × columns.
    confounders: npt.NDArray[np.float32]


#: The parts that are fetched from the library when they are first read.
_PARTS = (
    "milliseconds",
    "classes",
    "lesions",
    "active_area",
    "confounders",
    "disturbances",
    "notes",
    "unfamiliar",
    "expected_dice",
    "mean_uncertainty",
    "confidence_masks",
    "uncertainty",
    "regions",
)


class Segmentation:
    """A segmented image, at its own size. It can be copied and sent to other processes, with all its parts."""

    def __init__(
        self, native: _native.Segmentation, labels: list[str], confounders: list[Confounder], device: str
    ) -> None:
        self._native = native
        self._labels = labels
        self._confounders = confounders
        mask = native.category_mask()
        #: A class for every pixel: 0 is background, k the k-th class; uint8, H × W.
        self.category_mask: npt.NDArray[np.uint8] = np.frombuffer(mask.classes, np.uint8).reshape(
            mask.height, mask.width
        )
        #: The device that computed it: ``cpu`` or ``gpu``.
        self.device: str = device

    @cached_property
    def milliseconds(self) -> float:
        """The time that the model took, in milliseconds."""
        return float(self._native.milliseconds())

    @cached_property
    def classes(self) -> list[ClassShare]:
        """Every lesion class, in the order of the mask values."""
        fractions, confidences = _floats(self._native.class_fractions()), _floats(self._native.class_confidences())
        shares = zip(self._labels[1:], fractions.tolist(), confidences.tolist(), strict=True)
        return [ClassShare(name, fraction, confidence) for name, fraction, confidence in shares]

    @cached_property
    def lesions(self) -> list[Lesion]:
        """The connected lesions, the largest first."""

        def lesion(found: _native.Lesion) -> Lesion:
            left, top, width, height = found.bounds
            outline = list(zip(found.outline[::2], found.outline[1::2], strict=True))
            bounds = (left, top, width, height)
            return Lesion(
                found.name, found.confidence, found.fraction, found.pixels, found.area_mm2, bounds, outline
            )

        return [lesion(found) for found in self._native.lesions()]

    @cached_property
    def active_area(self) -> tuple[int, int, int, int]:
        """The part of the image that was segmented: left, top, width, height, in pixels.

        It is the picture, without wide borders, panels and text around it. Elsewhere is background.
        """
        left, top, width, height = self._native.active_area()
        return (left, top, width, height)

    @cached_property
    def confounders(self) -> list[ConfounderWeight]:
        """Every confounder. The weights sum to one."""
        native = self._native
        parts = (native.confounder_weights(), native.confounder_presences(), native.confounder_areas())
        shares = zip(self._confounders, *(_floats(part).tolist() for part in parts), strict=True)
        return [
            ConfounderWeight(c.name, c.family, weight, presence, area, c.is_disturbance, c.hint_presence, c.words)
            for c, weight, presence, area in shares
        ]

    @cached_property
    def disturbances(self) -> list[str]:
        """The disturbances that the image shows, the most certain first, in words: "glare on 8 % of the picture"."""
        return list(self._native.disturbances())

    @cached_property
    def notes(self) -> list[str]:
        """Remarks about the image, one sentence each: left out pages, scaled bits, what is around the picture."""
        return list(self._native.notes())

    @cached_property
    def expected_dice(self) -> float:
        """The lesion Dice that the model expects of the mask, 0..1."""
        return float(self._native.expected_dice())

    @cached_property
    def unfamiliar(self) -> float:
        """How unlike the training images the image is, 0..1. Above 0.5, do not trust the mask."""
        return float(self._native.unfamiliar())

    @cached_property
    def mean_uncertainty(self) -> float:
        """The mean uncertainty of the active area."""
        return float(self._native.mean_uncertainty())

    @property
    def height(self) -> int:
        """Height in pixels, of the upright image."""
        return int(self.category_mask.shape[0])

    @property
    def width(self) -> int:
        """Width in pixels, of the upright image."""
        return int(self.category_mask.shape[1])

    @cached_property
    def confidence_masks(self) -> npt.NDArray[np.float32]:
        """For every label, the background first, its probability at every pixel: float32, labels × H × W."""
        masks = [_floats(self._native.confidence_mask(label)) for label in range(len(self._labels))]
        return np.stack(masks).reshape(len(self._labels), self.height, self.width)

    @cached_property
    def uncertainty(self) -> npt.NDArray[np.float32]:
        """The model's uncertainty at every pixel: normalised entropy, 0..1; float32, H × W."""
        return _floats(self._native.uncertainty()).reshape(self.height, self.width)

    @cached_property
    def regions(self) -> RegionMap:
        """The grid on which the text prompts selected candidate regions."""
        native = self._native.regions()
        grid = (native.rows, native.columns)
        confounders = [_floats(values) for values in native.confounders]
        return RegionMap(
            similarity=_floats(native.similarity).reshape(grid),
            retained=np.frombuffer(native.retained, np.uint8).reshape(grid).astype(np.bool_),
            confounders=np.array(confounders, np.float32).reshape(len(confounders), *grid),
        )

    def __getstate__(self) -> dict[str, object]:
        # The library's object cannot leave the process, so a copy holds all parts instead.
        for name in _PARTS:
            getattr(self, name)
        return {name: value for name, value in self.__dict__.items() if name != "_native"}

    def __repr__(self) -> str:
        found = ", ".join(f"{c.name} {100 * c.fraction:.1f} %" for c in self.classes if c.fraction > 0)
        return f"<Segmentation {self.width}×{self.height}: {found or 'no lesion'}>"


def _floats(data: bytes) -> npt.NDArray[np.float32]:
    return np.frombuffer(data, "<f4").astype(np.float32, copy=False)
