"""At most one response at a time: asked, running, cancelled, asked again. Pure but for its clock.

The protocol refuses a second ``response.create`` while one runs, and a cancelled response runs
until its ``response.done``: what is wanted meanwhile waits here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from trunkline.realtime.client_events import ClientEvent, ResponseCancel, ResponseCreate
from trunkline.realtime.items import FunctionCallItem
from trunkline.realtime.responses import Response

FIRST_OUTPUT_MS: Final = 8000
"""No sign of a response this long after it was asked for: the engine has failed."""
NEXT_OUTPUT_MS: Final = 8000
CANCEL_MS: Final = 2000
_TRIES: Final = 2


@dataclass(frozen=True, slots=True)
class ResponseResult:
    """A response that came to its end by itself."""

    text: str
    calls: tuple[FunctionCallItem, ...]


@dataclass(frozen=True, slots=True)
class ResponseFailure:
    """Every try failed."""

    code: str


@dataclass(slots=True)
class _Running:
    asked_ms: float
    response_id: str | None = None
    has_output: bool = False
    cancelled_ms: float | None = None
    heard_from_ms: float = 0.0
    calls: list[FunctionCallItem] = field(default_factory=list)
    texts: dict[str, str] = field(default_factory=dict)


class Responses:
    """What is asked of the engine. ``send`` may fail silently: a loss is noticed elsewhere."""

    def __init__(self, send: Callable[[ClientEvent], None], now_ms: Callable[[], float]) -> None:
        self._send = send
        self._now_ms = now_ms
        self._running: _Running | None = None
        self._is_wanted = False
        self._tries = 0

    @property
    def is_pending(self) -> bool:
        """An answer is owed: asked for, or running and not cancelled."""
        running = self._running
        return self._is_wanted or (running is not None and running.cancelled_ms is None)

    @property
    def is_thinking(self) -> bool:
        """Asked for, and nothing has come of it yet."""
        running = self._running
        return self._is_wanted or (
            running is not None and running.cancelled_ms is None and not running.has_output
        )

    @property
    def is_due(self) -> bool:
        """Asked for, and not begun: it will have all that is in the conversation until then."""
        running = self._running
        return self._is_wanted or (running is not None and running.response_id is None)

    @property
    def running_id(self) -> str | None:
        return self._running.response_id if self._running is not None else None

    def ask(self) -> None:
        """``response.create`` now, or as soon as the one that runs is done."""
        self._tries = 0
        if self._running is None:
            self._create()
        else:
            self._is_wanted = True

    def _create(self) -> None:
        self._is_wanted = False
        self._tries += 1
        self._running = _Running(self._now_ms(), heard_from_ms=self._now_ms())
        self._send(ResponseCreate(event_id=f"ask-{self._tries}"))

    def cancel(self) -> bool:
        """Stop the response that runs; True when there was one."""
        self._is_wanted = False
        running = self._running
        if running is None or running.cancelled_ms is not None:
            return False
        running.cancelled_ms = self._now_ms()
        self._send(ResponseCancel(response_id=running.response_id))
        return True

    def lost(self) -> bool:
        """The connection is gone, and the response with it; True when an answer was owed."""
        was_pending = self.is_pending
        self._running = None
        self._is_wanted = False
        return was_pending

    # ---- what the server says ------------------------------------------------------------------

    def created(self, response_id: str) -> None:
        running = self._running
        if running is not None and running.response_id is None:
            running.response_id = response_id
            running.heard_from_ms = self._now_ms()

    def is_current(self, response_id: str) -> bool:
        """Whether output of this response still counts; notes that the engine is alive."""
        running = self._running
        if running is None or running.response_id != response_id:
            return False
        running.heard_from_ms = self._now_ms()
        return running.cancelled_ms is None

    def output_began(self, response_id: str) -> None:
        if self.is_current(response_id) and self._running is not None:
            self._running.has_output = True

    def spoke(self, response_id: str, item_id: str, text: str) -> None:
        if self.is_current(response_id) and self._running is not None:
            self._running.texts[item_id] = text

    def called(self, response_id: str, call: FunctionCallItem) -> None:
        if self.is_current(response_id) and self._running is not None:
            self._running.has_output = True
            self._running.calls.append(call)

    def done(self, response: Response) -> ResponseResult | ResponseFailure | None:
        """``response.done``; None when there is nothing to act on (cancelled, or tried again)."""
        running = self._running
        if running is None or running.response_id not in (None, response.id):
            return None
        self._running = None
        if running.cancelled_ms is not None or response.status == "cancelled":
            if self._is_wanted:
                self._create()
            return None
        if response.status == "failed":
            error = response.status_details.error if response.status_details else None
            code = (error.code if error else None) or "response_failed"
            return self._failed(code, may_retry=not running.texts)
        result = ResponseResult(
            " ".join(text for text in running.texts.values() if text), tuple(running.calls)
        )
        if self._is_wanted:
            self._create()
        return result

    def refused(self, code: str | None, event_id: str | None) -> ResponseFailure | None:
        """An ``error`` event; only one that answers our ``response.create`` matters here."""
        if event_id is None or not event_id.startswith("ask-") or self._running is None:
            return None
        self._running = None
        if code == "conversation_already_has_active_response":
            self._is_wanted = True  # a response we do not know runs: its done will let ours go
            self._running = _Running(self._now_ms(), cancelled_ms=self._now_ms())
            return None
        return self._failed(code or "response_refused", may_retry=False)

    def tick(self) -> ResponseFailure | None:
        """Ends every wait: for the first output, for more of it, for the end of a cancelled one."""
        running = self._running
        if running is None:
            return None
        now = self._now_ms()
        if running.cancelled_ms is not None:
            if now - running.cancelled_ms >= CANCEL_MS:
                self._running = None
                if self._is_wanted:
                    self._create()
            return None
        limit = NEXT_OUTPUT_MS if running.has_output else FIRST_OUTPUT_MS
        if now - max(running.heard_from_ms, running.asked_ms) < limit:
            return None
        self._send(ResponseCancel(response_id=running.response_id))
        self._running = None
        return self._failed("engine_timeout", may_retry=False)

    def _failed(self, code: str, *, may_retry: bool) -> ResponseFailure | None:
        if self._is_wanted or (may_retry and self._tries < _TRIES):
            self._create()
            return None
        return ResponseFailure(code)
