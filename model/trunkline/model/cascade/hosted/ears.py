"""A hosted recogniser as the cascade's ears, with the local one beside it.

The far end hears a turn once it is over. With ``local_partials`` the local recogniser listens along
and tells what it understands meanwhile; its result is taken when the far end fails. Without it the
turn's audio is kept and heard again locally then.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Final

from trunkline.domain.errors import EngineError
from trunkline.model.cascade.hosted.http import HostedEndpoint
from trunkline.model.cascade.hosted.transcription import EARS_RATE_HZ, transcribe
from trunkline.model.cascade.ports import Recognizer
from trunkline.model.cascade.triage import Meaning
from trunkline.model.engine import (
    EngineConfig,
    EngineEvent,
    Foreseen,
    Hypothesis,
    Transcribed,
    TranscriptionFailed,
)
from trunkline.runtime.engine_settings import HostedTranscriptionSettings
from trunkline.runtime.logging import get_logger
from trunkline.runtime.supervision import Nursery
from trunkline.runtime.telemetry import HOSTED_FALLBACKS

log = get_logger(__name__)

_MAX_EVENTS: Final = 256
_MAX_TURN_BYTES: Final = EARS_RATE_HZ * 2 * 120  # a longer turn is heard by its last two minutes
_FEED_BYTES: Final = EARS_RATE_HZ // 10 * 2


class HostedRecognizer:
    def __init__(
        self, endpoint: HostedEndpoint, settings: HostedTranscriptionSettings, spare: Recognizer
    ) -> None:
        self.endpoint = endpoint
        self.settings = settings
        self.spare = spare
        self.tasks = Nursery("hosted-ears")

    async def start(self) -> None:
        await self.spare.start()

    def open(self, config: EngineConfig) -> HostedHearing:
        return HostedHearing(self, config)

    async def aclose(self) -> None:
        await self.tasks.drain(0.5)
        await self.endpoint.aclose()
        await self.spare.aclose()


@dataclass(slots=True)
class _Turn:
    """``is_local``: the local recogniser is given the audio too."""

    item_id: str
    focus: str
    meaning: Meaning
    config: EngineConfig
    pcm: bytearray = field(default_factory=bytearray)
    is_local: bool = False
    is_over: bool = False
    has_failed: bool = False  # the far end: the local result counts
    local_final: Transcribed | TranscriptionFailed | None = None
    task: asyncio.Task[None] | None = None


class HostedHearing:
    """The turns of one conversation."""

    def __init__(self, ears: HostedRecognizer, config: EngineConfig) -> None:
        self._ears = ears
        self._config = config
        self._local = ears.spare.open(config)
        self._turns: dict[str, _Turn] = {}
        self._current: _Turn | None = None
        self._events: asyncio.Queue[EngineEvent | None] = asyncio.Queue(_MAX_EVENTS)
        self._listening = ears.tasks.start(self._listen_locally(), "local")

    def configure(self, config: EngineConfig) -> None:
        self._config = config
        self._local.configure(config)

    def begin(self, item_id: str, focus: str, meaning: Meaning) -> None:
        if self._current is not None:
            self.drop(self._current.item_id)
        turn = _Turn(item_id, focus, meaning, self._config)
        self._turns[item_id] = self._current = turn
        if self._ears.settings.local_partials or self._ears.endpoint.is_resting:
            turn.is_local = True
            self._local.begin(item_id, focus, meaning)

    def feed(self, pcm: bytes) -> None:
        turn = self._current
        if turn is None:
            return
        turn.pcm += pcm
        if len(turn.pcm) > _MAX_TURN_BYTES:
            del turn.pcm[: len(turn.pcm) - _MAX_TURN_BYTES]
        if turn.is_local:
            self._local.feed(pcm)

    def end(self, item_id: str) -> None:
        turn = self._current
        if turn is None or turn.item_id != item_id:
            return
        self._current = None
        turn.is_over = True
        if turn.is_local:
            self._local.end(item_id)
        turn.task = self._ears.tasks.start(self._hear(turn), "turn")

    def foresee(self, item_id: str) -> None:
        """A turn is sent once, when it is over: every hearing is paid for."""

    def go_on(self, item_id: str) -> None:
        """Nothing was foreseen."""

    def drop(self, item_id: str) -> None:
        turn = self._turns.pop(item_id, None)
        if turn is None:
            return
        if self._current is turn:
            self._current = None
        if turn.task is not None:
            turn.task.cancel()  # closes the request
        if turn.is_local:
            self._local.drop(item_id)

    async def events(self) -> AsyncIterator[EngineEvent]:
        while (event := await self._events.get()) is not None:
            yield event

    async def aclose(self) -> None:
        for item_id in list(self._turns):
            self.drop(item_id)
        await self._local.aclose()
        self._listening.cancel()
        if self._events.full():
            self._events.get_nowait()
        self._events.put_nowait(None)

    # ---- inside --------------------------------------------------------------------------------

    async def _hear(self, turn: _Turn) -> None:
        def so_far(text: str) -> None:
            if turn.item_id in self._turns and text:
                self._deliver(Hypothesis(turn.item_id, text))

        try:
            heard = await transcribe(
                self._ears.endpoint, self._ears.settings, turn.config, bytes(turn.pcm), so_far
            )
        except EngineError as exc:
            HOSTED_FALLBACKS.labels(port="transcription", code=exc.code).inc()
            self._fall_back(turn)
            return
        except Exception:  # a bug of ours must not leave the caller's words waiting for ever
            log.exception("a turn could not be sent to the hosted recogniser")
            self._fall_back(turn)
            return
        if self._turns.pop(turn.item_id, None) is None:
            return
        if turn.is_local:
            self._local.drop(turn.item_id)
        self._deliver(
            Transcribed(
                turn.item_id,
                heard.text,
                confidence=heard.confidence if heard.text else 0.0,
                is_rejected=not heard.text,
                alternatives=_second_opinion(turn, heard.text),
            )
        )

    def _fall_back(self, turn: _Turn) -> None:
        if turn.item_id not in self._turns:
            return
        turn.has_failed = True
        if turn.local_final is not None:
            self._turns.pop(turn.item_id)
            self._deliver(turn.local_final)
        elif not turn.is_local:
            self._hear_again(turn)

    def _hear_again(self, turn: _Turn) -> None:
        """The kept audio, at once. A turn that is being said goes on undisturbed: the local
        recogniser hears one at a time, so this one has to be given up while it listens."""
        if self._current is not None and self._current.is_local:
            self._turns.pop(turn.item_id)
            self._deliver(
                TranscriptionFailed(
                    turn.item_id, "hosted_failed", "the hosted recogniser failed on this turn"
                )
            )
            return
        turn.is_local = True
        self._local.begin(turn.item_id, turn.focus, turn.meaning)
        for start in range(0, len(turn.pcm), _FEED_BYTES):
            self._local.feed(bytes(turn.pcm[start : start + _FEED_BYTES]))
        self._local.end(turn.item_id)

    async def _listen_locally(self) -> None:
        async for event in self._local.events():
            turn = self._turns.get(event.item_id)
            if turn is None:
                continue
            if isinstance(event, Hypothesis | Foreseen):
                if not turn.is_over:  # later the far end's own text counts
                    self._deliver(event)
            elif turn.has_failed:
                self._turns.pop(event.item_id)
                self._deliver(event)
            else:
                turn.local_final = event

    def _deliver(self, event: EngineEvent) -> None:
        """A reader that is far behind loses partial texts, never a final one."""
        if self._events.full():
            if isinstance(event, Hypothesis | Foreseen):
                return
            self._events.get_nowait()
        self._events.put_nowait(event)


def _second_opinion(turn: _Turn, text: str) -> tuple[str, ...]:
    local = turn.local_final
    if not isinstance(local, Transcribed) or local.is_rejected or not local.text:
        return ()
    return (local.text,) if local.text != text else ()
