"""The library's log. By default it goes to Python's ``logging``, under the name ``mcdrl``."""

from __future__ import annotations

import logging
from collections.abc import Callable

from . import _native

_LEVELS = {
    _native.LogLevel.INFO: logging.INFO,
    _native.LogLevel.WARNING: logging.WARNING,
    _native.LogLevel.ERROR: logging.ERROR,
}


class _Sink(_native.LogSink):  # type: ignore[misc]
    def __init__(self, handler: Callable[[int, str], None]) -> None:
        self._handler = handler

    def log(self, level: _native.LogLevel, message: str) -> None:
        self._handler(_LEVELS[level], message)


def set_log_handler(handler: Callable[[int, str], None] | None) -> None:
    """Sends the library's log to ``handler(level, message)``, which is called from any thread.

    ``None`` switches the log off. The levels are those of ``logging``. No line holds anything of an image.
    """
    _native.set_log_sink(_Sink(handler) if handler else None)


set_log_handler(logging.getLogger("mcdrl").log)
