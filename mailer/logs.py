"""The form of the log: structured lines on stderr, with ids and no addresses. stdout belongs to answers.

A person at a terminal reads `key=value`; whatever collects logs gets one JSON object a line. Called once by each
process that runs: the command line and the sender processes.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Mapping, MutableMapping
from typing import Any

import structlog

from mailer.masking import masked

LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING}
VARIABLE = (
    "MAILER_LOG"  # debug, info or warning: for all processes of a command, whatever they choose themselves
)


def to_stderr(level: int, environ: Mapping[str, str] = os.environ) -> None:
    """Lines of `level` (as in `logging`) and above, or of what MAILER_LOG says."""
    level = LEVELS.get(environ.get(VARIABLE, "").lower(), level)
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(level),
        processors=[*PROCESSORS, _renderer()],
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )


def _renderer() -> structlog.types.Processor:
    if sys.stderr.isatty():
        return structlog.processors.LogfmtRenderer(key_order=["timestamp", "level", "event"])
    return structlog.processors.JSONRenderer(ensure_ascii=False)


def mask(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """The last net: a fault of the program may carry an address in its text or traceback."""
    for name, value in event.items():
        if name != "timestamp":
            event[name] = _masked(value)
    return event


def _masked(value: object) -> object:
    """Texts wherever they stand, names in a mapping too, and whatever else a line would show as text."""
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, Mapping):
        return {_masked(name): _masked(each) for name, each in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_masked(each) for each in value]
    return masked(str(value))


PROCESSORS: tuple[structlog.types.Processor, ...] = (
    structlog.contextvars.merge_contextvars,
    structlog.processors.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    structlog.processors.format_exc_info,
    mask,
)
