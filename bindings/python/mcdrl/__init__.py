"""Medical image segmentation on this machine: masks, named confounders and uncertainty.

>>> import mcdrl, numpy
>>> segmenter = mcdrl.ImageSegmenter.create_from_options(model=mcdrl.demo_model())
>>> result = segmenter.segment(numpy.full((48, 64, 3), 127, numpy.uint8))
>>> result.category_mask.shape
(48, 64)
>>> segmenter.close()

Names and behaviour follow MediaPipe's ``ImageSegmenter``. A research demonstration, not for clinical use.
"""

from pathlib import Path

from ._native import version as _version
from .cancellation import Cancellation
from .dicom import DicomFile, DicomFrame
from .errors import SegmenterError
from .images import Frame, ImageLike, PixelFormat, Plane
from .logs import set_log_handler
from .palette import class_color
from .segmentation import ClassShare, Confounder, ConfounderWeight, Lesion, RegionMap, Segmentation
from .segmenter import ImageSegmenter

__all__ = [
    "Cancellation",
    "ClassShare",
    "Confounder",
    "ConfounderWeight",
    "DicomFile",
    "DicomFrame",
    "Frame",
    "ImageLike",
    "ImageSegmenter",
    "Lesion",
    "PixelFormat",
    "Plane",
    "RegionMap",
    "Segmentation",
    "SegmenterError",
    "class_color",
    "demo_model",
    "set_log_handler",
]

__version__: str = _version()


def demo_model() -> Path:
    """The path of the bundled demonstration model.

    It was trained on synthetic sites, HyperKvasir and vocalfolds. Not for clinical use.
    """
    return Path(__file__).with_name("demo.safetensors")
