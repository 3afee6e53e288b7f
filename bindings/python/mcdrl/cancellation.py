"""Cancellation of calls."""

from . import _native


class Cancellation:
    """Cancels every call that it was passed to. The waiting caller gets a ``cancelled`` error at once.

    The current image is finished on the segmenter's own thread. Waiting images are never begun.
    """

    def __init__(self) -> None:
        self._native = _native.Cancellation()

    def __reduce__(self) -> str:
        raise TypeError("a Cancellation belongs to its process: create one in each process")

    def cancel(self) -> None:
        """Cancels all calls that it was and will be passed to. Any thread may call it."""
        self._native.cancel()

    @property
    def is_cancelled(self) -> bool:
        """Whether it was used."""
        return bool(self._native.is_cancelled())
