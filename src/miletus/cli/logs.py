"""Logs: always on standard error, since standard output belongs to results and to the parent."""

import logging
import sys

import structlog


def configure_log(*, for_people: bool, level: int = logging.INFO) -> None:
    """Log to standard error from `level` on: as lines of JSON, or readable for people."""
    renderer = structlog.dev.ConsoleRenderer() if for_people else structlog.processors.JSONRenderer()
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )
