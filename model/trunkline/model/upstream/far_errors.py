"""The far end's complaints in our words: its own may repeat keys, ids and what callers said."""

from __future__ import annotations

import re
from typing import Final

from trunkline.domain.errors import EngineBusy, EngineError
from trunkline.realtime.client import UPSTREAM_CODES
from trunkline.realtime.server_events import ErrorDetail

SESSION_OVER: Final = "upstream_session_over"
_BUSY: Final = frozenset({"rate_limit_exceeded", "rate_limit_error", "server_overloaded"})
_QUOTA: Final = frozenset({"insufficient_quota", "billing_hard_limit_reached", "quota_exceeded"})
_KEY: Final = frozenset({"invalid_api_key", "authentication_error", "unauthorized"})
_OVER: Final = frozenset({"session_expired", "session_not_found"})
_HARMLESS: Final = frozenset({"response_cancel_not_active"})
_OPENING: Final = {
    "unauthorized": "upstream_unauthorized",
    "engine_busy": "upstream_busy",
    "engine_timeout": "upstream_silent",
    "engine_refused": "upstream_refused",
    "engine_protocol_error": "upstream_failed",
}
_CODE: Final = re.compile(r"[A-Za-z0-9_.-]{1,64}")


def plain_code(code: str | None) -> str:
    return code if code and _CODE.fullmatch(code) else "unknown"


def is_harmless(detail: ErrorDetail) -> bool:
    """Two sides that end the same thing at the same time: nobody's fault."""
    return detail.code in _HARMLESS


def upstream_refusal(exc: EngineError) -> EngineError:
    """What our own client says of a far end, as said of an upstream."""
    if exc.code.startswith(UPSTREAM_CODES):
        return exc
    code = _OPENING.get(exc.code, "upstream_lost")
    kind = EngineBusy if isinstance(exc, EngineBusy) else EngineError
    return kind(f"the upstream cannot be had: {exc.message}", code=code, retryable=exc.retryable)


def far_failure(code: str | None, kind: str) -> EngineError:
    """An EngineError; only what another try may change is retryable."""
    if code in _OVER:
        return EngineError("the upstream's session is over", code=SESSION_OVER)
    if code in _QUOTA:
        return EngineBusy("the upstream's quota is used up", code="upstream_quota", retryable=False)
    if code in _BUSY:
        return EngineBusy("the upstream is too busy", code="upstream_busy")
    if code in _KEY:
        return EngineError(
            "the upstream refuses our key", code="upstream_unauthorized", retryable=False
        )
    told = plain_code(code)
    if kind == "server_error":
        return EngineError(f"the upstream failed ({told})", code="upstream_failed")
    return EngineError(
        f"the upstream refused a request ({told})", code="upstream_refused", retryable=False
    )
