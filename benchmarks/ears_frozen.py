"""What the shipped flows make of callers nobody tuned for: ``python -m benchmarks.ears_frozen``.

The callers' words, voices and noises stand in ``tests/data/ears_frozen.yaml``, frozen by hash. A
trial is a question of a shipped flow, with the tools the flow gives its engine there; the caller
answers, on a line of 300 to 3400 Hz through G.711; the default engine hears it in frames of 20 ms
and answers as in a call. When it reads a value back or asks what was meant, the caller says
truthfully yes or no (and what they want again); when it asks again, they say it in other words.
Then the call has acted rightly, wrongly, or not yet.

Needs ``apt-get install espeak-ng festival festvox-kdlpc16k``.
Five to eight minutes on two quiet cores; ``--share 0.2`` takes a fifth of the trials, by a seed.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any, Final

import yaml

from benchmarks.frozen_speech import VoicesMissing, check_voices, on_the_line, spoken
from benchmarks.frozen_trials import (
    OUT_OF_DOMAIN,
    SNR_DB,
    Ignored,
    Outcome,
    Result,
    Trial,
    misses,
    report,
    share_of,
    trials,
)
from benchmarks.machine import commit, machine
from trunkline.domain.events import Json
from trunkline.flows.catalog import SHIPPED_AGENTS
from trunkline.flows.compile import COLLECT_PREFIX, INTENT_PREFIX, configure
from trunkline.flows.flow import Flow
from trunkline.flows.schema.loader import load_flow
from trunkline.flows.steps import CollectStep
from trunkline.model.cascade.dialogue import Mode
from trunkline.model.cascade.engine import CascadeEngine, CascadeSession
from trunkline.model.cascade.recogniser import LocalRecogniser
from trunkline.model.cascade.synthesiser import FliteSynthesiser
from trunkline.model.engine import (
    EngineConfig,
    HistoryItem,
    ItemRole,
    ResponseRequest,
    TextDelta,
    ToolCalled,
    Transcribed,
    TranscriptionFailed,
)

SET: Final = Path(__file__).parent.parent / "tests" / "data" / "ears_frozen.yaml"
_SPEED: Final = 4.0  # of real time
_FRAME: Final = 640  # bytes: 20 ms at 16 kHz
_QUESTION_S: Final = 1.0  # the caller listens to it; meanwhile the ears learn what to expect
_HEARD_WITHIN_S: Final = 30.0
_TRIES: Final = 3
_ASKS_AGAIN: Final = "repeat"  # the caller is taken to have asked for the question once more


@dataclass(frozen=True, slots=True)
class Acted:
    tool: str
    arguments: Mapping[str, Json]


@dataclass(frozen=True, slots=True)
class AskedWhether:
    """A value was read back, or a wish named, to be confirmed."""

    value: Json


class AskedAgain:
    pass


class Unheard(Exception):
    """The ears failed, which says nothing of how good they are: the machine is overloaded."""


class FixedClock:
    """The day of the set; its time stands still."""

    def __init__(self, day: datetime) -> None:
        self._day = day

    def now(self) -> datetime:
        return self._day

    def monotonic_ms(self) -> float:
        return 0.0


class Questions:
    """The shipped flows' questions, as their engine is given them."""

    def __init__(self, data: Mapping[str, Any]) -> None:
        self._data = data
        self._flows = {
            name: load_flow(
                (SHIPPED_AGENTS / f"{name}.yaml").read_text("utf-8"), environment={}, name=name
            )
            for name in {ask.split("/")[0] for ask in self._asks()}
        }

    def _asks(self) -> Iterator[str]:
        for group in self._data["directed"]:
            yield from group["asks"]
        yield from self._data["out_of_domain"]

    def config(self, ask: str) -> EngineConfig:
        """``ask`` is flow/step, or flow/step/slot where a step asks for several."""
        flow_name, step_name, *slot = ask.split("/")
        flow: Flow = self._flows[flow_name]
        step = flow.steps[step_name]
        filled: set[str] = set()
        if isinstance(step, CollectStep) and slot:
            filled = {each.name for each in step.slots} - set(slot)
        variables = {**flow.variables, **self._data["variables"]}
        variables["today"] = str(self._data["today"])
        told = configure(flow, step, variables, filled)
        return EngineConfig(
            model="cascade",
            tools=told.tools,
            instructions=told.instructions,
            modalities=("text",),
            is_narrowband=True,
        )


class Call:
    """One trial's call with the engine."""

    def __init__(self, engine: CascadeEngine, session: CascadeSession, config: EngineConfig):
        self._session = session
        self._config = config
        self._planner = engine.planner(config)
        self._history: list[HistoryItem] = []
        self._items = count(1)

    async def answer(self) -> Acted | AskedWhether | AskedAgain:
        """What the agent does now; what it says is kept as said."""
        plan = self._planner.plan(self._history, "auto")
        request = ResponseRequest(f"resp_{next(self._items)}", tuple(self._history), self._config)
        text = ""
        async for part in self._session.respond(request):
            if isinstance(part, ToolCalled):
                name = part.name.removeprefix(INTENT_PREFIX)
                if name == _ASKS_AGAIN:
                    self._history.clear()
                    return AskedAgain()
                return Acted(name, json.loads(part.arguments))
            if isinstance(part, TextDelta):
                text += part.text
        self._history.append(HistoryItem(f"a{len(self._history)}", ItemRole.ASSISTANT, text))
        match plan.after.mode:
            case Mode.CONFIRMING:
                return AskedWhether(plan.after.value)
            case Mode.OFFERING:
                return AskedWhether(plan.after.wish.removeprefix(INTENT_PREFIX))
            case _:
                return AskedAgain()

    async def hear(self, audio: bytes) -> bool:
        """False: nothing was understood that an answer could be given to."""
        loop = asyncio.get_running_loop()
        item_id = f"item_{next(self._items)}"
        self._session.begin_turn(item_id)
        began = loop.time()
        for start in range(0, len(audio), _FRAME):
            self._session.feed(audio[start : start + _FRAME])
            await asyncio.sleep(max(0.0, began + start / 32_000 / _SPEED - loop.time()))
        self._session.end_turn(item_id)
        async with asyncio.timeout(_HEARD_WITHIN_S):
            async for event in self._session.events():
                if isinstance(event, TranscriptionFailed):
                    raise Unheard(f"{event.code}: {event.message}")
                if not isinstance(event, Transcribed):
                    continue  # a guess so far
                if event.is_rejected or not event.text:
                    return False
                self._history.append(
                    HistoryItem(item_id, ItemRole.USER, event.text, confidence=event.confidence)
                )
                return True
        raise AssertionError("the session ended without a transcription")


class Benchmark:
    def __init__(self, data: Mapping[str, Any], engine: CascadeEngine) -> None:
        self._data = data
        self._engine = engine
        self._questions = Questions(data)

    async def outcome(self, trial: Trial) -> tuple[Outcome | Ignored, bool]:
        """And whether the first answer was understood rightly, read back or not.

        Raises Unheard.
        """
        for attempt in count(1):
            try:
                return await self._outcome(trial)
            except Unheard:
                if attempt == _TRIES:
                    raise
        raise AssertionError("unreachable")

    async def _outcome(self, trial: Trial) -> tuple[Outcome | Ignored, bool]:
        config = self._questions.config(trial.ask)
        session = await self._engine.open_session(trial.name, config)
        try:
            call = Call(self._engine, session, config)
            await call.answer()  # the question
            await asyncio.sleep(_QUESTION_S)
            first = await self._turn(call, trial, trial.said, 0)
            if trial.kind == OUT_OF_DOMAIN:
                return _ignored(first), False
            is_right = _is_right(trial, first)
            if isinstance(first, Acted):
                return (Outcome.AT_ONCE if is_right else Outcome.WRONG_AT_ONCE), is_right
            await asyncio.sleep(_QUESTION_S)
            second = await self._turn(call, trial, self._reply(trial, first), 1)
        finally:
            await session.aclose()
        if not isinstance(second, Acted):
            return Outcome.NOT_YET, is_right
        if not _is_right(trial, second):
            return Outcome.WRONG_LATER, is_right
        return (Outcome.CONFIRMED if is_right else Outcome.ASKED_AGAIN), is_right

    def _reply(self, trial: Trial, asked: AskedWhether | AskedAgain) -> str:
        if isinstance(asked, AskedAgain):
            return trial.again
        if _is_right(trial, asked):
            agreeing: list[str] = self._data["agreeing"]
            return agreeing[trial.seed % len(agreeing)]
        again = trial.again[0].lower() + trial.again[1:]
        refusing: str = self._data["refusing"]
        return refusing.format(again=again)

    async def _turn(
        self, call: Call, trial: Trial, text: str, take: int
    ) -> Acted | AskedWhether | AskedAgain:
        seed = trial.seed + take
        wave = await asyncio.to_thread(spoken, text, trial.voice)
        audio = await asyncio.to_thread(on_the_line, wave, seed, trial.noise, SNR_DB)
        return await call.answer() if await call.hear(audio) else AskedAgain()


def _ignored(first: Acted | AskedWhether | AskedAgain) -> Ignored:
    match first:
        case Acted():
            return Ignored.ACTED
        case AskedWhether():
            return Ignored.ASKED_WHETHER
        case _:
            return Ignored.ASKED_AGAIN


def _is_right(trial: Trial, done: Acted | AskedWhether | AskedAgain) -> bool:
    match done:
        case Acted(tool, arguments) if tool.startswith(COLLECT_PREFIX):
            [value] = arguments.values()
        case Acted(tool, _):
            value = tool
        case AskedWhether(value):
            pass
        case _:
            return False
    if isinstance(value, str) and isinstance(trial.wanted, str):
        return value.lower() == trial.wanted.lower()
    return value is trial.wanted


async def measure(options: argparse.Namespace) -> None:
    data = yaml.safe_load(SET.read_text(encoding="utf-8"))
    listed = share_of(list(trials(data)), options.share, options.seed)
    clock = FixedClock(datetime.combine(data["today"], datetime.min.time(), UTC).replace(hour=18))
    engine = CascadeEngine(
        LocalRecogniser(), FliteSynthesiser(), max_sessions=options.at_once + 1, clock=clock
    )
    await engine.start()
    benchmark = Benchmark(data, engine)
    waiting = iter(listed)
    results: list[Result] = []
    failed: list[str] = []

    async def work() -> None:
        for trial in waiting:
            try:
                outcome, is_first_right = await benchmark.outcome(trial)
            except Unheard as exc:
                failed.append(str(exc))
                continue
            results.append(Result(trial, outcome, is_first_right))

    async with asyncio.TaskGroup() as group:
        for number in range(options.at_once):
            group.create_task(work(), name=f"caller {number}")
    await engine.aclose()
    report(results)
    if failed:
        print(f"\n**{len(failed)} trials not measured**, the machine is overloaded: {failed[0]}")
    if options.misses:
        misses(results)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--share", type=float, default=1.0, help="how much of the set to take")
    parser.add_argument("--seed", type=int, default=1, help="which share of it")
    parser.add_argument("--at-once", type=int, default=4, help="callers at a time")
    parser.add_argument("--misses", action="store_true", help="list what went wrong")
    options = parser.parse_args()
    try:
        check_voices()
    except VoicesMissing as exc:
        sys.exit(str(exc))
    print(f"machine: {machine()}\ncommit: {commit()}\ncommand: {' '.join(sys.argv[1:]) or 'all'}\n")
    asyncio.run(measure(options))


if __name__ == "__main__":
    main()
