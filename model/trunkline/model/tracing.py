"""Traces of a session, as its ``tracing`` asks for them: lines of the server's log.

One line a response, tool call and transcription, under the session's id: what happened, how it
ended, how long it took and what it cost; never what was said. A client's group stands as a hash, so
that sessions can be brought together; its metadata is redacted like everything personal.
"""

from __future__ import annotations

import hashlib
from time import monotonic
from typing import Any, Final

from trunkline.realtime import server_events as ev
from trunkline.realtime.session import Session, Tracing
from trunkline.runtime.logging import get_logger

log = get_logger(__name__)

DEFAULT_WORKFLOW: Final = "realtime"


class SessionTrace:
    """``saw`` gets every event of the session; it does nothing while tracing is off."""

    def __init__(self) -> None:
        self._labels: dict[str, Any] | None = None
        self._began_s: dict[str, float] = {}

    def configure(self, session: Session) -> None:
        wanted = session.tracing
        if wanted is None:
            self._labels = None
            self._began_s.clear()
        elif self._labels is None:
            self._labels = {"session_id": session.id, "model": session.model, **_labels(wanted)}
            log.info("trace of a session", **self._labels)

    def saw(self, event: ev.ServerEvent) -> None:
        if self._labels is None:
            return
        match event:
            case ev.ResponseCreated(response=response):
                self._began_s[response.id] = monotonic()
            case ev.ResponseDone(response=response):
                self._response(response)
            case ev.FunctionArgumentsDone(call_id=call_id, name=name, response_id=response_id):
                self._line("tool call", response_id=response_id, call_id=call_id, tool=name)
            case ev.McpCallCompleted(item_id=item_id):
                self._line("MCP call", item_id=item_id, status="completed")
            case ev.McpCallFailed(item_id=item_id):
                self._line("MCP call", item_id=item_id, status="failed")
            case ev.TranscriptionCompleted(item_id=item_id, usage=usage):
                self._line("transcription", item_id=item_id, seconds=usage.seconds)
            case ev.TranscriptionFailed(item_id=item_id, error=error):
                self._line("transcription", item_id=item_id, code=error.code)

    def _response(self, response: Any) -> None:
        began_s = self._began_s.pop(response.id, None)
        details, usage = response.status_details, response.usage
        self._line(
            "response",
            response_id=response.id,
            status=response.status,
            reason=details.reason if details is not None else None,
            took_ms=None if began_s is None else round((monotonic() - began_s) * 1000),
            tokens_in=usage.input_tokens if usage is not None else None,
            tokens_out=usage.output_tokens if usage is not None else None,
        )

    def _line(self, span: str, **fields: Any) -> None:
        log.info("trace", span=span, **fields, **(self._labels or {}))


def _labels(wanted: Tracing | str) -> dict[str, Any]:
    if isinstance(wanted, str):
        return {"workflow": DEFAULT_WORKFLOW}
    labels: dict[str, Any] = {"workflow": (wanted.workflow_name or DEFAULT_WORKFLOW)[:128]}
    if wanted.group_id:
        labels["group"] = hashlib.sha256(wanted.group_id.encode()).hexdigest()[:16]
    if wanted.metadata:
        labels["pii_metadata"] = wanted.metadata
    return labels
