"""The colours of the classes, the same in every package."""

from . import _native

#: The colours of the mask values 1, 2, …, each as 0xRRGGBB.
_PALETTE: list[int] = _native.palette()


def class_color(value: int) -> tuple[int, int, int]:
    """The colour of a mask value as (red, green, blue), each 0..255, the same in every package.

    The palette of the classes repeats after its last colour. The background (0) is black.
    """
    packed = _PALETTE[(value - 1) % len(_PALETTE)] if value > 0 else 0
    return packed >> 16 & 0xFF, packed >> 8 & 0xFF, packed & 0xFF
