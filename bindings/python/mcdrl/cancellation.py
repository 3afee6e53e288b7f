"""Giving up."""

from . import _native


class Cancellation:
    """Gives up whatever it was handed to: the waiting caller gets a ``cancelled`` error at once.

    An image that is being segmented is segmented to its end in the background; those that wait are never begun.
    """

    def __init__(self) -> None:
        self._native = _native.Cancellation()

    def __reduce__(self) -> str:
        raise TypeError("a Cancellation belongs to its process: make one in each")

    def cancel(self) -> None:
        """Gives up all it was handed to, and all that it will be. Any thread may call it."""
        self._native.cancel()

    @property
    def is_cancelled(self) -> bool:
        """Whether it was used."""
        return bool(self._native.is_cancelled())
