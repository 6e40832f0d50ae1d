"""How well the default engine understands a telephone: ``python -m benchmarks.ears [--quick]``.

Sentences that stand in no model, prompt or table of ours are synthesised (flite, and espeak-ng in
its own process, whose voices are unlike those the transform was estimated with), sent through a
G.711 line, and heard by the real engine in frames of 20 ms at four times real time. What counts is
what the planner then does: the right value at once, the right value read back, or something else.
Synthetic speech flatters: people will be understood less well.
"""

from __future__ import annotations

import argparse
import asyncio
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any

import numpy as np

from benchmarks.telephone_transform import Wave, at_level, espeak, flite, pcm
from trunkline.audio.g711 import pcm_to_ulaw, ulaw_to_pcm
from trunkline.audio.resample import resampled
from trunkline.domain.clock import SystemClock
from trunkline.domain.events import Json
from trunkline.model.cascade.dialogue_state import CallTool, Mode
from trunkline.model.cascade.engine import CascadeEngine, CascadeSession
from trunkline.model.cascade.planner import Planner
from trunkline.model.cascade.recogniser import LocalRecogniser
from trunkline.model.cascade.synthesiser import FliteSynthesiser
from trunkline.model.engine import (
    EngineConfig,
    HistoryItem,
    ItemRole,
    Transcribed,
    TranscriptionFailed,
)

FLITE_VOICES = ("alloy", "ash", "ballad", "sage", "coral")
ESPEAK_VOICES = ("en-us+f3", "en-us+m1", "en-us+f4")
SPEED = 4.0  # of real time
_READY_S = 0.5  # a caller has heard a question before answering: what it expects is loaded


def slot(kind: str, description: str, **notes: Any) -> dict[str, Any]:
    notes = {"kind": kind, "ask": f"{description}?", "confirm": "low_confidence", **notes}
    return {"type": "string", "description": description, "x-trunkline": notes}


def collecting(**slots: Any) -> dict[str, Any]:
    parameters = {"type": "object", "properties": slots, "required": list(slots)}
    notes = {"role": "collect"}
    return {"type": "function", "name": "collect", "parameters": parameters, "x-trunkline": notes}


def intent(name: str, *examples: str) -> dict[str, Any]:
    notes = {"role": "intent", "label": name, "examples": list(examples)}
    return {"type": "function", "name": name, "x-trunkline": notes}


MENU = (
    intent("parcel", "where is my parcel", "track a delivery", "has my package been sent"),
    intent("refund", "i want my money back", "ask for a refund", "return a purchase"),
    intent("shop", "where is the nearest shop", "find a store", "which shops are near me"),
    intent("password", "reset my password", "i can't log in", "i forgot my password"),
    intent("clerk", "speak to someone", "talk to a clerk", "put me through to a human"),
    intent("done", "that is everything", "i'm finished", "bye for now"),
)
SIDE = (MENU[4], MENU[5])


@dataclass(frozen=True)
class Task:
    """``expected``: the function's arguments, an intent's name, or None for what means nothing."""

    group: str
    tools: tuple[Mapping[str, Json], ...]
    said: str
    expected: Mapping[str, Json] | str | None


def tasks() -> list[Task]:
    """Kinds of turns, each with its own words."""
    listed: list[Task] = []

    def add(group: str, tools: Sequence[Mapping[str, Json]], **said: Any) -> None:
        for text, expected in said["rows"]:
            listed.append(Task(group, tuple(tools), text, expected))

    number = collecting(v=slot("digits", "order number", min_length=6, max_length=6))
    price = collecting(v=slot("amount", "price"))
    day = collecting(v=slot("date", "birthday"))
    clock = collecting(v=slot("time", "time"))
    agree = collecting(v={**slot("yes_no", "agreement"), "type": "boolean"})
    add("digits", (number, *SIDE), rows=[
        (said, {"v": value}) for said, value in (
            ("nine one four two seven three", "914273"),
            ("double eight oh five one six", "880516"),
            ("it's three seven triple two nine", "372229"),
            ("six oh four nine eight one", "604981"),
            ("my order number is five two nine four one seven", "529417"),
            ("one three double six seven two", "136672"),
            ("two nine zero five eight four", "290584"),
            ("seven five one double nine three", "751993"),
        )])  # fmt: skip
    add("amount", (price, *SIDE), rows=[
        (said, {"v": value}) for said, value in (
            ("thirty seven dollars", "37.00"), ("sixty four fifty", "64.50"),
            ("two hundred and nineteen dollars", "219.00"),
            ("eleven dollars and thirty cents", "11.30"),
            ("one fifty three twenty", "153.20"), ("it's ninety dollars", "90.00"),
        )])  # fmt: skip
    add("date", (day, *SIDE), rows=[
        (said, {"v": value}) for said, value in (
            ("august the fourteenth nineteen seventy one", "1971-08-14"),
            ("the second of may two thousand and three", "2003-05-02"),
            ("january ninth nineteen ninety", "1990-01-09"),
            ("the thirtieth of october nineteen sixty five", "1965-10-30"),
        )])  # fmt: skip
    add("time", (clock, *SIDE), rows=[
        (said, {"v": value}) for said, value in (
            ("nine forty five in the morning", "09:45"), ("half past four", "16:30"),
            ("quarter past eleven", "11:15"), ("seven p m", "19:00"),
        )])  # fmt: skip
    add("yes or no", (agree, *SIDE), rows=[
        (said, {"v": value}) for said, value in (
            ("yes i do", True), ("no i don't", False), ("yeah sure", True), ("not really", False),
            ("absolutely", True), ("nope", False),
        )])  # fmt: skip
    add("declared wish", MENU, rows=[
        (example, tool["name"]) for tool in MENU for example in tool["x-trunkline"]["examples"]
    ])  # fmt: skip
    add("wish in other words", MENU, rows=[
        ("can you tell me where my package is", "parcel"),
        ("has the parcel been delivered", "parcel"),
        ("i'd like a refund please", "refund"), ("how do i return something", "refund"),
        ("is there a shop near me", "shop"), ("my password does not work", "password"),
        ("i need a new password", "password"), ("let me talk to a human being", "clerk"),
        ("okay that's everything thanks", "done"),
    ])  # fmt: skip
    add("chatter", MENU, rows=[(text, None) for text in (
        "the neighbours are painting their fence green", "he plays the violin on wednesdays",
        "my coffee has gone cold", "there is a spider on the ceiling",
        "they are building a bridge over the river", "her sister lives in canada",
    )])  # fmt: skip
    add("chatter for a number", (number, *SIDE), rows=[(text, None) for text in (
        "the garden looks lovely in spring", "we missed the last bus home",
        "somebody left the lights on",
    )])  # fmt: skip
    return listed


def pink(wave: Wave, snr_db: float, chance: np.random.Generator) -> Wave:
    spectrum = np.fft.rfft(chance.standard_normal(len(wave)))
    noise = np.fft.irfft(spectrum / np.sqrt(np.maximum(np.arange(len(spectrum)), 1)), len(wave))
    noisy: Wave = wave + noise / np.sqrt((noise**2).mean()) * 0.1 * 10 ** (-snr_db / 20)
    return noisy


def g711(wave: Wave) -> bytes:
    return resampled(ulaw_to_pcm(pcm_to_ulaw(resampled(pcm(wave), 16000, 8000))), 8000, 16000)


class Listener:
    """One task after the other through the real engine."""

    def __init__(self, engine: CascadeEngine) -> None:
        self._engine = engine
        self._items = count(1)
        self.finals_ms: list[float] = []
        self.first_partials_ms: list[float] = []

    async def outcome(self, task: Task, audio: bytes, *, is_narrowband: bool) -> str:
        config = EngineConfig(model="cascade", tools=task.tools, is_narrowband=is_narrowband)
        session = await self._engine.open_session("ears", config)
        await asyncio.sleep(_READY_S)
        try:
            heard = await self._hear(session, audio)
        finally:
            await session.aclose()
        if isinstance(heard, TranscriptionFailed):
            return "failed"
        return self._judge(task, heard)

    async def _hear(
        self, session: CascadeSession, audio: bytes
    ) -> Transcribed | TranscriptionFailed:
        loop = asyncio.get_running_loop()
        item_id = f"item_{next(self._items)}"
        session.begin_turn(item_id)
        began = loop.time()
        for start in range(0, len(audio), 640):
            session.feed(audio[start : start + 640])
            await asyncio.sleep(max(0.0, began + start / 32_000 / SPEED - loop.time()))
        session.end_turn(item_id)
        ended = loop.time()
        async for event in session.events():
            if isinstance(event, Transcribed | TranscriptionFailed):
                self.finals_ms.append((loop.time() - ended) * 1000)
                return event
        raise AssertionError("the session ended without a transcription")

    def _judge(self, task: Task, heard: Transcribed) -> str:
        planner = Planner(task.tools, SystemClock().now().astimezone().date())
        question = planner.plan((), "auto").move
        history = [
            HistoryItem("a", ItemRole.ASSISTANT, getattr(question, "text", "")),
            HistoryItem("u", ItemRole.USER, heard.text, confidence=heard.confidence),
        ]
        plan = planner.plan(history, "auto")
        if isinstance(plan.move, CallTool):
            meant: Json = dict(plan.move.arguments) or plan.move.name
            return "right at once" if meant == task.expected else "wrong at once"
        if plan.after.mode is Mode.CONFIRMING:
            is_right = {"v": plan.after.value} == task.expected
        elif plan.after.mode is Mode.OFFERING:
            is_right = plan.after.wish == task.expected
        else:
            return "asked again"
        return "right, asked first" if is_right else "wrong, asked first"


async def measure(*, is_quick: bool) -> None:
    synthesiser = FliteSynthesiser()
    engine = CascadeEngine(LocalRecogniser(), synthesiser, max_sessions=4)
    await engine.start()
    listener = Listener(engine)
    lines = ("telephone",) if is_quick else ("telephone", "telephone, noise 20 dB", "wide band")
    voices = FLITE_VOICES + ESPEAK_VOICES
    results: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for line in lines:
        for number, task in enumerate(tasks()):
            chosen = [voices[(number * 3 + turn * 5) % len(voices)] for turn in range(2)]
            for voice in chosen[: 1 if is_quick else 2]:
                if voice in FLITE_VOICES:
                    wave = await flite(synthesiser, task.said, voice)
                else:
                    wave = await asyncio.to_thread(espeak, task.said, voice)
                chance = np.random.default_rng(number)
                wave = at_level(wave, -20, chance)
                if "noise" in line:
                    wave = pink(wave, 20, chance)
                is_wide = line == "wide band"
                audio = pcm(wave) if is_wide else g711(wave)
                outcome = await listener.outcome(task, audio, is_narrowband=not is_wide)
                results[line, task.group][outcome] += 1
    await engine.aclose()
    report(results, listener)


OUTCOMES = ("right at once", "right, asked first", "asked again", "wrong, asked first",
            "wrong at once", "failed")  # fmt: skip


def report(results: Mapping[tuple[str, str], Counter[str]], listener: Listener) -> None:
    print(f"| line | turn | n | {' | '.join(OUTCOMES)} |\n|---|---|---|{'---|' * len(OUTCOMES)}")
    for (line, group), outcomes in results.items():
        cells = " | ".join(str(outcomes[each]) for each in OUTCOMES)
        print(f"| {line} | {group} | {outcomes.total()} | {cells} |")
    finals = sorted(listener.finals_ms)
    print(
        f"\nend of turn to text: median {finals[len(finals) // 2]:.0f} ms, "
        f"p90 {finals[len(finals) * 9 // 10]:.0f} ms ({len(finals)} turns)"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one voice and one line a sentence")
    options = parser.parse_args()
    asyncio.run(measure(is_quick=options.quick))


if __name__ == "__main__":
    main()
