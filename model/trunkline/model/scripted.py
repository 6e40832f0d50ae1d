"""The scripted engine: does what a script says, for tests and benchmarks, never for callers.

It hears nothing and understands what the script says it does; it speaks tones (one per word, with
exact marks) or real speech from a synthesiser.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping, Sequence
from itertools import count

import numpy as np
import numpy.typing as npt

from trunkline.domain.audio import WordMark
from trunkline.domain.errors import EngineError
from trunkline.domain.events import Json
from trunkline.model.engine import (
    EngineCapabilities,
    EngineConfig,
    EngineEvent,
    EngineSession,
    Foreseen,
    HistoryItem,
    Hypothesis,
    ItemRole,
    ResponseEnded,
    ResponsePart,
    ResponseRequest,
    SpeechDelta,
    SpeechSynthesis,
    TextDelta,
    ToolCalled,
    Transcribed,
)
from trunkline.model.script import Script, ScriptedReply, ScriptedSpeech

RATE_HZ = 16000
_MAX_EVENTS = 1024


class ToneSpeech:
    """SpeechSynthesis of tones: every word is a tone of its own length, with exact marks."""

    def __init__(self, settings: ScriptedSpeech) -> None:
        self._settings = settings

    @property
    def output_rate_hz(self) -> int:
        return RATE_HZ

    async def synthesise(
        self, text: str, *, voice: str, speed: float
    ) -> AsyncGenerator[SpeechDelta]:
        word_ms = max(int(self._settings.ms_per_word / speed), 20)
        begins_ms = 0
        for number, piece in enumerate(re.findall(r"\s*\S+\s*$|\s*\S+", text)):
            mark = WordMark(piece.strip(), begins_ms, begins_ms + word_ms)
            yield SpeechDelta(self._tone(word_ms, number), piece, (mark,))
            begins_ms += word_ms
            if self._settings.real_time:
                await asyncio.sleep(word_ms / 1000)

    def _tone(self, ms: int, number: int) -> bytes:
        count = RATE_HZ * ms // 1000
        at = np.arange(count) / RATE_HZ
        # A small step from word to word, so that a lost or repeated word can be found.
        hz = self._settings.tone_hz * (1.0 + 0.02 * (number % 10))
        amplitude = 32767 * 10 ** (self._settings.level_dbfs / 20) * np.sqrt(2)
        wave = min(amplitude, 32767.0) * np.sin(2 * np.pi * hz * at)
        ramp = np.minimum(np.minimum(np.arange(count), np.arange(count)[::-1]) / 80, 1.0)
        samples: npt.NDArray[np.int16] = (wave * ramp).astype("<i2")
        return samples.tobytes()


class ScriptedEngine:
    name = "scripted"

    def __init__(self, script: Script, speech: SpeechSynthesis | None = None) -> None:
        self.script = script
        self.speech: SpeechSynthesis = speech or ToneSpeech(script.speech)
        self.sessions: list[ScriptedSession] = []
        self._shared = count()

    @property
    def capabilities(self) -> EngineCapabilities:
        return EngineCapabilities(
            partial_transcripts=True,
            word_times=True,
            tools=True,
            foresees=True,
            rehearses=True,
            input_rate_hz=RATE_HZ,
            output_rate_hz=self.speech.output_rate_hz,
        )

    async def start(self) -> None:
        return None

    async def open_session(self, session_id: str, config: EngineConfig) -> EngineSession:
        turns = self._shared if self.script.is_shared else None
        session = ScriptedSession(self.script, self.speech, config, turns)
        self.sessions = [*self.sessions[-9:], session]
        return session

    async def aclose(self) -> None:
        return None


class ScriptedSession:
    """Keeps what it was told: ``heard_bytes`` per item, ``dropped``, ``configs``."""

    def __init__(
        self,
        script: Script,
        speech: SpeechSynthesis,
        config: EngineConfig,
        turns: Iterator[int] | None = None,  # of all sessions together
    ) -> None:
        self._shared = turns
        self._script = script
        self._speech = speech
        self.configs = [config]
        self.heard_bytes: dict[str, int] = {}
        self.dropped: list[str] = []
        self._turn: str | None = None
        self._turns = 0
        self._events: asyncio.Queue[tuple[float, EngineEvent] | None] = asyncio.Queue(_MAX_EVENTS)
        self._used: Counter[int] = Counter()

    async def configure(self, config: EngineConfig) -> None:
        self.configs = [*self.configs[-9:], config]

    def begin_turn(self, item_id: str) -> None:
        self._turn = item_id
        self.heard_bytes = {item_id: 0}

    def feed(self, pcm: bytes) -> None:
        if self._turn is not None:
            self.heard_bytes[self._turn] += len(pcm)

    def end_turn(self, item_id: str) -> None:
        if self._shared is not None:
            self._turns = next(self._shared)
        told = self._script.transcript(self._turns)
        self._turns += 1
        words = told.text.split()
        if told.partials and len(words) > 1:
            self._put(0.0, Hypothesis(item_id, " ".join(words[:-1])))
        final = Transcribed(
            item_id, told.text, confidence=told.confidence, is_rejected=told.is_rejected
        )
        self._put(told.delay_ms / 1000, final)

    def foresee(self, item_id: str) -> None:
        """A turn that takes its time to be understood is not understood ahead of it."""
        if self._shared is not None:
            return  # which turn of all sessions this one will be is not known yet
        told = self._script.transcript(self._turns)
        if not told.delay_ms:
            foreseen = Foreseen(item_id, told.text, told.confidence, told.is_rejected)
            self._put(0.0, foreseen)

    def go_on(self, item_id: str) -> None:
        """Nothing of it was kept."""

    def drop_turn(self, item_id: str) -> None:
        self.dropped.append(item_id)

    async def events(self) -> AsyncIterator[EngineEvent]:
        while True:
            entry = await self._events.get()
            if entry is None:
                return
            delay_s, event = entry
            await asyncio.sleep(delay_s)
            if event.item_id not in self.dropped:
                yield event

    async def respond(self, request: ResponseRequest) -> AsyncIterator[ResponsePart]:
        forced = _forced_call(request)
        if forced is not None:
            yield forced
            yield ResponseEnded()
            return
        last = _last_said(request.history)
        number, reply = self._choose(last)
        if request.rehearsal is None:
            self._used[number] += 1
        else:
            request.rehearsal.then(lambda: self._used.update((number,)))
        if reply.delay_ms:
            await asyncio.sleep(reply.delay_ms / 1000)
        if reply.text:
            text = reply.text.replace("{last}", last)
            if request.config.modalities == ("text",):
                yield TextDelta(text)
            else:
                config = request.config
                async for delta in self._speech.synthesise(
                    text, voice=config.voice, speed=config.speed
                ):
                    yield delta
        if reply.fail is not None:
            raise EngineError(reply.fail.message, code=reply.fail.code)
        if reply.tool is not None and request.config.tool_choice != "none":
            yield ToolCalled(
                reply.tool.name, json.dumps(reply.tool.arguments), reply.tool.synthesised
            )
        yield ResponseEnded()

    async def aclose(self) -> None:
        self._put_last()

    # ---- inside --------------------------------------------------------------------------------

    def _choose(self, last: str) -> tuple[int, ScriptedReply]:
        for number, reply in enumerate(self._script.replies):
            is_left = reply.times is None or self._used[number] < reply.times
            if is_left and re.search(reply.match, last, re.IGNORECASE):
                return number, reply
        return -1, ScriptedReply(text="The script has no reply.")

    def _put(self, delay_s: float, event: EngineEvent) -> None:
        if self._events.full():
            raise EngineError("nobody reads the scripted engine's events")
        self._events.put_nowait((delay_s, event))

    def _put_last(self) -> None:
        if not self._events.full():
            self._events.put_nowait(None)


def _last_said(history: Sequence[HistoryItem]) -> str:
    for item in reversed(history):
        if item.role in (ItemRole.USER, ItemRole.FUNCTION_OUTPUT) and item.text:
            return item.text
    return ""


def _forced_call(request: ResponseRequest) -> ToolCalled | None:
    """``required`` or a named tool: the smallest arguments its schema takes, all synthesised."""
    choice = request.config.tool_choice
    if choice in ("auto", "none") or not request.config.tools:
        return None
    name = choice.get("name") if isinstance(choice, Mapping) else None
    for tool in request.config.tools:
        if name is None or tool.get("name") == name:
            arguments = _smallest(tool.get("parameters") or {})
            pointers = tuple(f"/{key}" for key in arguments) if arguments else ()
            return ToolCalled(str(tool["name"]), json.dumps(arguments or {}), pointers)
    return None


def _smallest(schema: Mapping[str, Json]) -> Json:
    if "const" in schema:
        return schema["const"]
    if schema.get("enum"):
        return schema["enum"][0]
    match schema.get("type", "object"):
        case "object":
            properties = schema.get("properties") or {}
            return {key: _smallest(properties.get(key) or {}) for key in schema.get("required", ())}
        case "array":
            return []
        case "string":
            return "a" * schema.get("minLength", 1)
        case "integer" | "number":
            return schema.get("minimum", 1)
        case "boolean":
            return True
        case _:
            return None
