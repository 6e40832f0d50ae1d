"""The local recogniser: pocketsphinx in processes, one expectation per turn."""

from __future__ import annotations

import asyncio
import hashlib
import os
import tempfile
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any, Final

import orjson

from trunkline.domain.spoken.answers import parse_yes_no
from trunkline.model.cascade.acoustics import Band
from trunkline.model.cascade.asr_process import AsrProcess
from trunkline.model.cascade.ear_tuning import EarTuning
from trunkline.model.cascade.expectations import expected_focuses
from trunkline.model.cascade.hearings import judgement_of, transcribed
from trunkline.model.cascade.spare_time import SpareTime
from trunkline.model.cascade.triage import Does, Meaning
from trunkline.model.engine import (
    EngineConfig,
    EngineEvent,
    Foreseen,
    Hypothesis,
    TranscriptionFailed,
)
from trunkline.runtime.logging import get_logger
from trunkline.runtime.supervision import Nursery

log = get_logger(__name__)

# A turn is decoded while it is heard; what is left at its end takes 40 to 150 ms. An upload that is
# faster than real time is still being decoded when it ends: it is given its own length on top.
_FINAL_S: Final = 6.0
# The general model costs ten times as much, its turns share one process, and a response goes on
# without them: late is better than never. Its process is started by the first turn that needs it.
_GENERAL_FINAL_S: Final = 20.0
_COMING_UP_S: Final = 20.0
_BYTES_PER_S: Final = 32_000
_MAX_EVENTS: Final = 256
_MOST_FORESEEN: Final = 3  # pauses of one turn that may be its end; people who count pause more


@dataclass
class _Turn:
    number: int
    item_id: str
    session: LocalRecogniserSession
    process: AsrProcess
    meaning: Meaning
    began_s: float
    fed_bytes: int = 0
    last_partial: str = ""
    pauses: int = 0
    asked_s: float | None = None  # it may be over: asked what it would be then
    foreseen: Mapping[str, Any] | None = None
    deadline: asyncio.TimerHandle | None = field(default=None, repr=False)


class LocalRecogniser:
    """The processes and the turns that run in them; one per model server.

    Sessions that declare what they expect share ``workers`` processes; the rest share one with the
    general model, started when the first of them comes.
    """

    def __init__(self, workers: int = 0, tuning: EarTuning | None = None) -> None:
        self._tuning = tuning or EarTuning()
        self._count = workers or os.cpu_count() or 1
        self._tasks = Nursery("recogniser")
        self._directory: tempfile.TemporaryDirectory[str] | None = None
        self._processes: list[AsrProcess] = []
        self._general: AsrProcess | None = None
        self._spare: dict[AsrProcess, SpareTime] = {}
        self._turns: dict[int, _Turn] = {}
        self._numbers = count(1)
        self._sessions: set[LocalRecogniserSession] = set()

    @property
    def processes(self) -> tuple[AsrProcess, ...]:
        return tuple(self._processes)

    async def start(self) -> None:
        """Ready when it returns; raises EngineError when a process does not come up."""
        self._directory = tempfile.TemporaryDirectory(prefix="trunkline-asr-")
        self._processes = [self._process(is_general=False) for _ in range(self._count)]
        for process in self._processes:
            process.start(self._tasks)
        async with asyncio.TaskGroup() as group:
            for process in self._processes:
                group.create_task(process.wait_ready(), name="asr-ready")

    def open(self, config: EngineConfig) -> LocalRecogniserSession:
        """A session on the process with the fewest."""
        loads = dict.fromkeys(self._processes, 0)
        for session in self._sessions:
            loads[session.process] += 1
        session = LocalRecogniserSession(self, min(loads, key=lambda process: loads[process]))
        self._sessions.add(session)
        session.configure(config)
        return session

    def _general_process(self) -> AsrProcess:
        if self._general is None:
            self._general = self._process(is_general=True)
            self._general.start(self._tasks)
        return self._general

    async def aclose(self) -> None:
        everything = [*self._processes, *([self._general] if self._general else [])]
        for process in everything:
            await process.close()
        await self._tasks.drain(1.0)
        if self._directory is not None:
            self._directory.cleanup()

    def _process(self, *, is_general: bool) -> AsrProcess:
        assert self._directory is not None  # start() made it
        process: AsrProcess

        def lost() -> None:
            self._lost(process)

        process = AsrProcess(
            Path(self._directory.name),
            is_general=is_general,
            tuning=self._tuning,
            on_message=self._hear,
            on_lost=lost,
        )
        return process

    def _lost(self, process: AsrProcess) -> None:
        for turn in [turn for turn in self._turns.values() if turn.process is process]:
            self._fail(turn, "recogniser_lost", "the speech recogniser stopped and was restarted")

    # ---- turns, on behalf of the sessions ----------------------------------------------------

    def begin(
        self,
        session: LocalRecogniserSession,
        item_id: str,
        focus: str | None,
        meaning: Meaning,
    ) -> int | None:
        """The turn's number, or None when no process takes it. Without focus: the general model."""
        process = session.process if focus is not None else self._general_process()
        number = next(self._numbers)
        message: dict[str, Any] = {
            "type": "begin",
            "turn": number,
            "focus": focus or "",
            "cmn": session.cepstral_mean,
            **session.profile_message,
        }
        if not process.send(message):
            return None
        began_s = asyncio.get_running_loop().time()
        self._turns[number] = _Turn(number, item_id, session, process, meaning, began_s)
        return number

    def feed(self, number: int, pcm: bytes) -> None:
        turn = self._turns.get(number)
        if turn is None:
            return
        turn.fed_bytes += len(pcm)
        if not turn.process.send_audio(number, pcm):
            turn.process.send({"type": "drop", "turn": number})
            self._fail(turn, "recogniser_lost", "the speech recogniser does not take audio")

    def foresee(self, number: int) -> None:
        """Understand the turn as if it were over, while there is time to spare for that."""
        turn, now_s = self._turns.get(number), asyncio.get_running_loop().time()
        if turn is None or turn.process is self._general or turn.pauses >= _MOST_FORESEEN:
            return
        spare = self._spare.setdefault(turn.process, SpareTime())
        if not turn.process.is_ready or not spare.is_there(now_s):
            return
        turn.pauses += 1
        turn.asked_s = now_s
        spare.asked(now_s)
        turn.process.send({"type": "foresee", "turn": number, "nth": turn.pauses})

    def go_on(self, number: int) -> None:
        turn = self._turns.get(number)
        if turn is not None and turn.asked_s is not None:
            turn.asked_s = turn.foreseen = None
            turn.process.send({"type": "go_on", "turn": number})

    def _foresaw(self, turn: _Turn, message: Mapping[str, Any]) -> None:
        if message["nth"] != turn.pauses or turn.asked_s is None:
            return  # the caller went on meanwhile
        now_s = asyncio.get_running_loop().time()
        self._spare[turn.process].answered(turn.asked_s, now_s)
        if turn.deadline is not None:  # and is done now
            self._finish(turn, message)
            return
        turn.foreseen = message
        judgement = judgement_of(message, turn.meaning)
        foreseen = transcribed(turn.item_id, judgement)
        turn.session.deliver(
            Foreseen(turn.item_id, foreseen.text, foreseen.confidence, foreseen.is_rejected)
        )

    def end(self, number: int) -> None:
        turn = self._turns.get(number)
        if turn is None:
            return
        turn.process.send({"type": "end", "turn": number})
        if turn.foreseen is not None:
            self._finish(turn, turn.foreseen)
            return
        loop = asyncio.get_running_loop()
        ahead_s = max(turn.fed_bytes / _BYTES_PER_S - (loop.time() - turn.began_s), 0.0)
        if not turn.process.is_ready:
            ahead_s += _COMING_UP_S
        patience_s = _GENERAL_FINAL_S if turn.process is self._general else _FINAL_S
        turn.deadline = loop.call_later(patience_s + ahead_s, self._too_late, number)

    def drop(self, number: int) -> None:
        turn = self._turns.pop(number, None)
        if turn is not None:
            if turn.deadline is not None:
                turn.deadline.cancel()
            turn.process.send({"type": "drop", "turn": number})

    def forget(self, session: LocalRecogniserSession) -> None:
        self._sessions.discard(session)
        for number in [n for n, turn in self._turns.items() if turn.session is session]:
            self.drop(number)

    def _too_late(self, number: int) -> None:
        turn = self._turns.get(number)
        if turn is not None:
            turn.process.send({"type": "drop", "turn": number})
            self._fail(turn, "recogniser_timeout", "the speech recogniser took too long")

    def _fail(self, turn: _Turn, code: str, message: str) -> None:
        self._turns.pop(turn.number, None)
        if turn.deadline is not None:
            turn.deadline.cancel()
        log.warning("turn not transcribed", item_id=turn.item_id, code=code)
        turn.session.deliver(TranscriptionFailed(turn.item_id, code, message))

    def _hear(self, message: Mapping[str, Any]) -> None:
        turn = self._turns.get(message["turn"])
        if turn is None:
            return  # dropped, or too late
        match message["type"]:
            case "partial":
                meant = turn.meaning(message["text"])
                # Of "no, it's four one" only the no has been said yet: there is more to come.
                is_bare = parse_yes_no(message["text"]) is not None
                is_answer = is_bare and meant is not None and meant.does is Does.ANSWER
                turn.session.deliver(Hypothesis(turn.item_id, message["text"], is_answer))
            case "foreseen":
                self._foresaw(turn, message)
            case "final":
                self._finish(turn, message)
            case "failed":
                self._fail(turn, message["reason"], "nothing that could be said is pronounceable")

    def _finish(self, turn: _Turn, message: Mapping[str, Any]) -> None:
        del self._turns[turn.number]
        if turn.deadline is not None:
            turn.deadline.cancel()
        judgement = judgement_of(message, turn.meaning)
        if judgement.heard.text:
            # Only speech moves the mean: a cough would take the next turn with it.
            turn.session.cepstral_mean = message["cmn"]
        turn.session.deliver(transcribed(turn.item_id, judgement))


class LocalRecogniserSession:
    """The turns of one conversation. The cepstral mean of the line is carried from turn to turn."""

    def __init__(self, recogniser: LocalRecogniser, process: AsrProcess) -> None:
        self._recogniser = recogniser
        self.process = process
        self.cepstral_mean = ""
        self.profile_message: dict[str, Any] = {}
        self._focuses: frozenset[str] = frozenset()
        self._band = Band.WIDE
        self._current: tuple[str, int | None] | None = None
        self._ending: dict[str, int] = {}
        self._events: asyncio.Queue[EngineEvent | None] = asyncio.Queue(_MAX_EVENTS)

    def configure(self, config: EngineConfig) -> None:
        band = Band.NARROW if config.is_narrowband else Band.WIDE
        if band is not self._band:
            self._band, self.cepstral_mean = band, ""
        declared = {
            "tools": list(config.tools),
            "prompt": config.transcription_prompt,
            "keywords": list(config.keywords),
        }
        digest = hashlib.sha256(orjson.dumps(declared, option=orjson.OPT_SORT_KEYS)).hexdigest()
        self._focuses = expected_focuses(config.tools, config.transcription_prompt, config.keywords)
        message = {"profile": digest, "band": band.value, **declared}
        if message != self.profile_message:
            self.profile_message = message
            if self._focuses:
                self.process.send({"type": "prepare", **message})

    def begin(self, item_id: str, focus: str, meaning: Meaning) -> None:
        if self._current is not None:
            self.drop(self._current[0])
        expected = focus if focus in self._focuses else None
        self._current = (item_id, self._recogniser.begin(self, item_id, expected, meaning))

    def feed(self, pcm: bytes) -> None:
        if self._current is not None and self._current[1] is not None:
            self._recogniser.feed(self._current[1], pcm)

    def end(self, item_id: str) -> None:
        if self._current is None or self._current[0] != item_id:
            return
        number = self._current[1]
        self._current = None
        if number is None:
            self.deliver(
                TranscriptionFailed(
                    item_id, "recogniser_lost", "the speech recogniser is being started"
                )
            )
            return
        self._ending[item_id] = number
        self._recogniser.end(number)

    def foresee(self, item_id: str) -> None:
        if self._current is not None and self._current[0] == item_id and self._current[1]:
            self._recogniser.foresee(self._current[1])

    def go_on(self, item_id: str) -> None:
        if self._current is not None and self._current[0] == item_id and self._current[1]:
            self._recogniser.go_on(self._current[1])

    def drop(self, item_id: str) -> None:
        if self._current is not None and self._current[0] == item_id:
            number = self._current[1]
            self._current = None
            if number is not None:
                self._recogniser.drop(number)
        elif (number := self._ending.pop(item_id, None)) is not None:
            self._recogniser.drop(number)

    def deliver(self, event: EngineEvent) -> None:
        """A reader that is far behind loses partial texts, never a final one."""
        may_be_lost = isinstance(event, Hypothesis | Foreseen)
        if not may_be_lost:
            self._ending.pop(event.item_id, None)
        if self._events.full():
            if may_be_lost:
                return
            self._events.get_nowait()
        self._events.put_nowait(event)

    async def events(self) -> AsyncIterator[EngineEvent]:
        while (event := await self._events.get()) is not None:
            yield event

    async def aclose(self) -> None:
        self._recogniser.forget(self)
        if self._events.full():
            self._events.get_nowait()
        self._events.put_nowait(None)
