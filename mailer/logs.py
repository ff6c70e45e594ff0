"""The form of the log: structured lines on stderr, with ids and no addresses. stdout belongs to answers.

Called once by each process that runs: the command line and the sender processes.
"""

from __future__ import annotations

import sys

import structlog


def to_stderr(level: int) -> None:
    """Lines of `level` (as in `logging`) and above."""
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(level),
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.LogfmtRenderer(key_order=["timestamp", "level", "event"]),
        ],
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
