"""One conversation over an upstream: far-end sessions one after the other, as one engine session.

One that is lost, or near its limit at a quiet moment, is followed by another, which is told the
conversation and whatever of the caller's speech has not been understood yet.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence
from contextlib import aclosing
from typing import Final, TypeAlias

from trunkline.domain.errors import EngineError, EngineTimeout
from trunkline.model.engine import (
    EngineConfig,
    EngineEvent,
    HistoryItem,
    Hypothesis,
    ResponseEnded,
    ResponsePart,
    ResponseRequest,
    Transcribed,
    TranscriptionFailed,
)
from trunkline.model.formats import encode
from trunkline.model.upstream.far_session import FarSession
from trunkline.model.upstream.session_document import FarDialect
from trunkline.model.upstream.turns import Turn
from trunkline.realtime import server_events as ev
from trunkline.runtime.logging import get_logger
from trunkline.runtime.supervision import Nursery
from trunkline.runtime.telemetry import UPSTREAM_FAILURES, UPSTREAM_SESSIONS

log = get_logger(__name__)

OpenFar: TypeAlias = Callable[
    [EngineConfig, Callable[[Turn, ev.ServerEvent], None], Callable[[str], None]],
    Awaitable[FarSession],
]
"""A configured far-end session; raises EngineError."""

UP_TIMEOUT_S: Final = 6.0
"""For a response or an update that finds the upstream just lost."""
_PAUSES_S: Final = (0.0, 0.3, 1.0, 2.0)
_RETURN_S: Final = 6.0  # for a lost upstream to be back; after it a call turns to its fallback
_MOST_LOSSES: Final = 4  # without anything understood or answered between them
_STUCK: Final = frozenset({"upstream_silent", "upstream_stuck"})  # a fresh session may help
_LATER_S: Final = 20.0  # a rollover that failed is tried again
_QUIET_S: Final = 0.25
_MAX_EVENTS: Final = 256


class UpstreamSession:
    def __init__(
        self, dialect: FarDialect, config: EngineConfig, open_far: OpenFar, tasks: Nursery
    ) -> None:
        self._dialect = dialect
        self._config = config
        self._open_far = open_far
        self._tasks = tasks
        self._far: FarSession | None = None
        self._up = asyncio.Event()
        self._failure: EngineError | None = None
        self._is_closing = False
        self._losses = 0
        self._history: Sequence[HistoryItem] = ()
        self._current: Turn | None = None
        self._owed: dict[str, Turn] = {}  # committed, not understood yet
        self._events: asyncio.Queue[EngineEvent | None] = asyncio.Queue(_MAX_EVENTS)
        self._keeper: asyncio.Task[None] | None = None

    @property
    def is_closed(self) -> bool:
        return self._is_closing

    async def begin(self) -> None:
        """Opens the first far-end session; raises EngineError."""
        await self._take_up(await self._open("start"))
        self._keeper = self._tasks.start(self._keep(), "upstream")

    async def configure(self, config: EngineConfig) -> None:
        self._config = config
        far = await self._until_up()
        try:
            await far.configure(config)
        except EngineError as exc:
            if exc.retryable:
                # The next session begins with it.
                await far.close()
                await self._until_up(other_than=far)
                return
            raise

    # ---- turns ---------------------------------------------------------------------------------

    def begin_turn(self, item_id: str) -> None:
        if self._current is not None:
            self.drop_turn(self._current.item_id)
        self._current = Turn(item_id)

    def feed(self, pcm: bytes) -> None:
        turn = self._current
        if turn is None or not pcm:
            return
        payload = encode(pcm, self._dialect.audio_format)
        turn.keep(payload)
        if self._far is not None:
            self._far.append(payload)

    def end_turn(self, item_id: str) -> None:
        turn = self._current
        if turn is None or turn.item_id != item_id:
            return
        self._current = None
        turn.is_over = True
        self._owed[item_id] = turn
        timeout_s = self._dialect.settings.transcription_timeout_s
        loop = asyncio.get_running_loop()
        turn.deadline = loop.call_later(timeout_s, self._give_up, turn)
        if self._far is not None:
            self._far.commit(turn)

    def foresee(self, item_id: str) -> None:
        """The far end does not understand a turn before it is committed."""

    def go_on(self, item_id: str) -> None:
        """Nothing was foreseen."""

    def drop_turn(self, item_id: str) -> None:
        turn = self._current
        if turn is not None and turn.item_id == item_id:
            self._current = None
            turn.is_dropped = True
            if self._far is not None and turn.size:
                self._far.clear()
            turn.done()
        elif (owed := self._owed.pop(item_id, None)) is not None:
            owed.is_dropped = True  # its item goes when the conversations are compared
            owed.done()

    async def events(self) -> AsyncIterator[EngineEvent]:
        while (event := await self._events.get()) is not None:
            yield event
        if self._failure is not None:
            raise self._failure

    # ---- responses -----------------------------------------------------------------------------

    async def respond(self, request: ResponseRequest) -> AsyncGenerator[ResponsePart]:
        """Asked once more of a fresh far-end session when nothing had come yet."""
        if not request.is_out_of_band:
            self._history = request.history
        far: FarSession | None = None
        for is_last in (False, True):
            far = await self._until_up(other_than=far)
            is_used = False
            try:
                async with aclosing(far.respond(request)) as parts:
                    async for part in parts:
                        is_used = True
                        if isinstance(part, ResponseEnded):
                            self._losses = 0
                        yield part
                return
            except EngineError as exc:
                UPSTREAM_FAILURES.labels(code=exc.code).inc()
                is_of_session = far.lost.is_set() or exc.code in _STUCK
                if is_used or is_last or not is_of_session:
                    raise
                log.warning("a response is asked for again", code=exc.code)
                await far.close()

    async def aclose(self) -> None:
        self._is_closing = True
        if self._keeper is not None:
            self._keeper.cancel()
        for turn in [*self._owed.values(), *([self._current] if self._current else [])]:
            turn.done()
        if self._far is not None:
            await self._far.close()
        self._end_events()

    # ---- the far end's sessions ----------------------------------------------------------------

    async def _keep(self) -> None:
        """Follows each far-end session by another, until the upstream cannot be had."""
        try:
            await self._follow()
        except EngineError as exc:
            self._give_up_upstream(exc)
        except Exception:  # a bug of ours: the session ends, and its readers do not wait for ever
            log.exception("an upstream session failed")
            self._give_up_upstream(EngineError("the upstream session failed"))

    async def _follow(self) -> None:
        """Raises EngineError when the upstream cannot be had."""
        while not self._is_closing:
            far = self._far
            assert far is not None
            if await self._is_due(far):
                try:
                    fresh = await self._open("rollover")
                except EngineError as exc:
                    log.warning("the upstream's session is not renewed yet", code=exc.code)
                    await _either(far.lost.wait(), asyncio.sleep(_LATER_S))
                    continue
                if not self._is_quiet(far):
                    await fresh.close()  # somebody spoke meanwhile: at the next quiet moment
                    continue
                try:
                    await self._take_up(fresh)
                except EngineError as exc:
                    log.warning("the upstream's session is not renewed yet", code=exc.code)
                    continue
                await far.close()
                continue
            self._far = None
            self._up.clear()
            await far.close()
            await self._open_again(far)

    async def _is_due(self, far: FarSession) -> bool:
        """True at the first quiet moment near the session's limit, False when it is lost."""
        settings = self._dialect.settings
        lasts_s = settings.rollover_after_s
        if far.granted_s is not None:
            lasts_s = min(lasts_s, far.granted_s * lasts_s / settings.session_limit_s)
        left_s = far.opened_s + lasts_s - asyncio.get_running_loop().time()
        await _either(far.lost.wait(), asyncio.sleep(max(left_s, 0.0)))
        while not far.lost.is_set():
            if self._is_quiet(far):
                return True
            await _either(far.lost.wait(), asyncio.sleep(_QUIET_S))
        return False

    def _is_quiet(self, far: FarSession) -> bool:
        return far.is_quiet and self._current is None and not self._owed

    async def _open_again(self, lost: FarSession) -> None:
        failure = lost.failure or EngineError("the upstream was lost", code="upstream_lost")
        UPSTREAM_FAILURES.labels(code=failure.code).inc()
        log.warning("the upstream's session was lost", code=failure.code)
        self._losses += 1
        if self._losses > _MOST_LOSSES:
            raise EngineError("the upstream fails again and again", code="upstream_lost")
        try:
            async with asyncio.timeout(_RETURN_S):
                for pause_s in _PAUSES_S:
                    await asyncio.sleep(pause_s)
                    try:
                        await self._take_up(await self._open("reconnect"))
                        return
                    except EngineError as exc:
                        failure = exc
                        if not exc.retryable:
                            break
        except TimeoutError:
            failure = EngineTimeout("the upstream did not come back", code="upstream_lost")
        raise failure

    async def _open(self, why: str) -> FarSession:
        far = await self._open_far(self._config, self._heard, self._speaking)
        UPSTREAM_SESSIONS.labels(why=why).inc()
        return far

    async def _take_up(self, far: FarSession) -> None:
        """Tell it the conversation, and what the caller said that nobody has understood."""
        try:
            await far.configure(self._config)  # which may have changed while it was opened
            far.sync(self._history)
        except BaseException:  # when cancelled too: what nobody uses is closed
            await far.close()
            raise
        for turn in [*self._owed.values(), *([self._current] if self._current else [])]:
            for payload in turn.payloads:
                far.append(payload)
            if turn.is_over:
                turn.far_id = turn.text = ""
                far.commit(turn)
        self._far = far
        self._up.set()

    async def _until_up(self, other_than: FarSession | None = None) -> FarSession:
        try:
            async with asyncio.timeout(UP_TIMEOUT_S):
                while True:
                    if self._failure is not None:
                        raise self._failure
                    far = self._far
                    if far is not None and far is not other_than and not far.lost.is_set():
                        return far
                    if far is not None:
                        self._up.clear()
                    await self._up.wait()
        except TimeoutError:
            raise EngineTimeout("the upstream is away", code="upstream_lost") from None

    def _give_up_upstream(self, exc: EngineError) -> None:
        self._failure = EngineError(exc.message, code=exc.code, retryable=exc.retryable)
        self._up.set()
        self._end_events()

    # ---- what was understood -------------------------------------------------------------------

    def _speaking(self, text: str) -> None:
        if self._current is not None:
            self._deliver(Hypothesis(self._current.item_id, text))

    def _heard(self, turn: Turn, event: ev.ServerEvent) -> None:
        if self._owed.get(turn.item_id) is not turn:
            return
        match event:
            case ev.TranscriptionDelta(delta=delta, x_hypothesis=hypothesis):
                turn.text = hypothesis if hypothesis is not None else turn.text + delta
                self._deliver(Hypothesis(turn.item_id, turn.text.strip()))
            case ev.TranscriptionCompleted():
                text = event.transcript.strip()
                self._settle(
                    turn,
                    Transcribed(
                        turn.item_id,
                        text,
                        confidence=event.x_confidence if text else 0.0,
                        is_rejected=bool(event.x_rejected) or not text,
                        words=tuple(word.mark() for word in event.x_words or ()),
                        alternatives=event.x_alternatives or (),
                    ),
                )
            case ev.TranscriptionFailed():
                self._settle(
                    turn,
                    TranscriptionFailed(
                        turn.item_id, "upstream_failed", "the upstream did not understand this turn"
                    ),
                )

    def _give_up(self, turn: Turn) -> None:
        if self._owed.get(turn.item_id) is turn:
            UPSTREAM_FAILURES.labels(code="transcription_timeout").inc()
            failure = TranscriptionFailed(
                turn.item_id, "upstream_silent", "the upstream told no transcript in time"
            )
            self._settle(turn, failure)

    def _settle(self, turn: Turn, event: EngineEvent) -> None:
        del self._owed[turn.item_id]
        turn.done()
        if isinstance(event, Transcribed):
            self._losses = 0
        self._deliver(event)

    def _deliver(self, event: EngineEvent) -> None:
        """A reader that is far behind loses partial texts, never a final one."""
        if self._events.full():
            if isinstance(event, Hypothesis):
                return
            self._events.get_nowait()
        self._events.put_nowait(event)

    def _end_events(self) -> None:
        if self._events.full():
            self._events.get_nowait()
        self._events.put_nowait(None)


async def _either(first: Awaitable[object], second: Awaitable[object]) -> None:
    """Until one of them is done; the other is cancelled."""

    async def wait(one: Awaitable[object]) -> None:
        await one

    async with asyncio.TaskGroup() as tasks:
        both = {tasks.create_task(wait(first)), tasks.create_task(wait(second))}
        await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        for task in both:
            task.cancel()
