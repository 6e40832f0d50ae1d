"""Structured logs in which callers stay private.

A static message and fields; a field whose key has a ``pii`` segment (``pii_text``, ``caller_pii``)
or names a secret is redacted before anything is written, whatever its depth.
"""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Mapping, MutableMapping
from typing import Any, Final, TextIO

import structlog

_PII_KEY: Final = re.compile(r"(^|_)pii(_|$)")
_SECRET_KEY: Final = re.compile(
    r"(^|_)(password|passwd|secret|token|api_?key|authorization|credential|cookie)s?(_|$)", re.I
)
# Keys, bearer tokens and decision links that slip into a text; digits enough for a number.
_SECRET_VALUE: Final = re.compile(r"\b(?:Bearer\s+\S+|(?:sk|ek|tk|lk)_[A-Za-z0-9_-]{8,})")
_LONG_NUMBER: Final = re.compile(r"(?<![\w.:-])\+?\d[\d ]{6,}\d(?![\w:-])")
_URL_PASSWORD: Final = re.compile(r"(\w+://[^:/@\s]*):[^@/\s]+@")

# These write request lines, addresses and two lines a connection at info; their warnings stay.
_NOISY: Final = (
    "httpx", "httpx2", "httpcore", "httpcore2", "uvicorn.access",
    "aiosqlite", "alembic", "celery", "kombu", "picows",
)  # fmt: skip

REDACTED: Final = "[redacted]"


def redact_text(text: str) -> str:
    """Secrets, long digit runs and passwords in URLs replaced; for texts we did not write."""
    text = _SECRET_VALUE.sub(REDACTED, text)
    text = _URL_PASSWORD.sub(rf"\1:{REDACTED}@", text)
    return _LONG_NUMBER.sub(REDACTED, text)


def _redact(value: Any, *, show_pii: bool) -> Any:
    match value:
        case Mapping():
            return {
                key: REDACTED if _hidden(str(key), show_pii) else _redact(inner, show_pii=show_pii)
                for key, inner in value.items()
            }
        case list() | tuple():
            return [_redact(inner, show_pii=show_pii) for inner in value]
        case str():
            return value if show_pii else redact_text(value)
        case BaseException():
            return f"{type(value).__name__}: {redact_text(str(value))}"
        case _:
            return value


def _hidden(key: str, show_pii: bool) -> bool:
    return bool(_SECRET_KEY.search(key)) or (not show_pii and bool(_PII_KEY.search(key)))


class Redactor:
    """The structlog processor that runs last before rendering."""

    def __init__(self, *, show_pii: bool = False) -> None:
        self._show_pii = show_pii

    def __call__(
        self, logger: Any, method: str, event: MutableMapping[str, Any]
    ) -> MutableMapping[str, Any]:
        for key, value in list(event.items()):
            if key in {"timestamp", "level", "logger", "process"}:
                continue
            if _hidden(key, self._show_pii):
                event[key] = REDACTED
            else:
                event[key] = _redact(value, show_pii=self._show_pii)
        return event


class _OfProcess:
    """Names the process in every line. Not a context variable: other threads would not have it."""

    def __init__(self, process: str) -> None:
        self._process = process

    def __call__(
        self, logger: Any, method: str, event: MutableMapping[str, Any]
    ) -> MutableMapping[str, Any]:
        event.setdefault("process", self._process)
        return event


def configure_logging(
    process: str,
    *,
    level: str = "info",
    log_format: str = "auto",
    show_pii: bool = False,
    stream: TextIO | None = None,
) -> None:
    """Log to standard error: for people on a terminal, as JSON lines otherwise."""
    stream = stream or sys.stderr
    as_json = log_format == "json" or (log_format == "auto" and not stream.isatty())
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        _OfProcess(process),
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        Redactor(show_pii=show_pii),
    ]
    renderer: Any = (
        structlog.processors.JSONRenderer()
        if as_json
        else structlog.dev.ConsoleRenderer(colors=stream.isatty(), pad_event_to=40)
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level.upper())
    for noisy in _NOISY:
        logging.getLogger(noisy).setLevel(logging.WARNING)
    # It writes what a server answered, with a traceback; who asked is told by an exception anyway.
    logging.getLogger("mcp").setLevel(logging.CRITICAL + 1)
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )


def get_logger(name: str) -> structlog.stdlib.BoundLogger:
    """A logger named after its module; bind ``call_id`` and friends as fields."""
    logger: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(name)
    return logger
