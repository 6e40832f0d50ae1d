"""Barge-ins, and what only looks like one: stop-to-silence, misses, false pauses and false cuts."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import orjson
from numpy.typing import NDArray

from benchmarks.calls import INTERRUPTIONS, RATE, VOICES, speech, spread
from benchmarks.line_sound import LINES, Line, lay, voice_rms
from benchmarks.load import NUMBER, Site
from benchmarks.rtp_caller import SPEECH_DBFS, RtpCaller
from trunkline.cli.testcall.measure import speech_span

# Half a minute that may be interrupted, in sentences without long pauses.
AGENT = """\
agent: {name: load, display_name: Load, voice: ash}
start: welcome
intents:
  hours:
    label: hours
    description: Hours.
    examples: [what are your opening hours, when are you open]
    goto: menu
policies:
  no_input: {after_ms: 30000}
steps:
  welcome:
    say: >-
      Thank you for calling the town library and its four branches in the north of the county.
      The main reading room opens every weekday at nine in the morning and closes at eight in the
      evening while the branches close at six except for the one near the railway station which
      stays open as long as the main building does. Books can be borrowed for three weeks and films
      for one week and anything that nobody else is waiting for can be kept for another three weeks
      by calling this number or by using the machines next to the doors of every branch.
    next: menu
  menu: {say: "How can I help?", listen: {intents: [hours]}}
"""
# flite spells "mm hmm": who says its letters says something.
BACKCHANNELS = ("Uh huh.", "Okay.", "Yeah.", "Right.", "I see.")
_AGENT_S = 22.0  # of the welcome in which the agent certainly speaks
_MOMENTS_S = (1.5, 18.0)
_QUIET_S = 0.5  # longer than the agent's own pauses
_GIVEN_UP_S = 1.8
_EVERY_S = 3.5
_TRIES = 4


@dataclass
class Stops:
    """Milliseconds from a caller's onset to the end of the agent's sound; misses went on."""

    ms: list[float] = field(default_factory=list)
    missed: int = 0

    def row(self, name: str) -> str:
        shares = [
            100 * sum(ms <= limit for ms in self.ms) / max(len(self.ms) + self.missed, 1)
            for limit in (150, 200)
        ]
        return (
            f"| {name} | {len(self.ms) + self.missed} | {self.missed} | {spread(self.ms)} | "
            f"{shares[0]:.0f} % | {shares[1]:.0f} % |"
        )


@dataclass
class Mistakes:
    """What the edge decided while nobody interrupted; ``said``: backchannels in that time."""

    minutes: float = 0.0
    said: int = 0
    decisions: Counter[str] = field(default_factory=Counter)

    def row(self, name: str) -> str:
        pauses, cuts = self.decisions["Pause"], self.decisions["Interrupt"]
        return (
            f"| {name} | {self.minutes:.1f} | {self.said or '–'} | {pauses} | "
            f"{pauses / self.minutes:.2f} | {cuts} | {cuts / self.minutes:.2f} |"
        )


async def in_parallel(works: Iterable[Callable[[], Awaitable[None]]], at_once: int) -> None:
    waiting = list(works)
    waiting.reverse()

    async def work() -> None:
        while waiting:
            await waiting.pop()()

    async with asyncio.TaskGroup() as tasks:
        for _ in range(at_once):
            tasks.create_task(work())


async def barge_in(
    place: Site, phrase: NDArray[np.int16], line: Line, rms: float, stops: Stops, rng: random.Random
) -> None:
    """One call, one interruption, from the true start of its speech. A moment at which the agent
    draws breath is no trial: another call tries another."""
    onset_ms, _ = speech_span(phrase, RATE)
    for _ in range(_TRIES):
        async with RtpCaller("127.0.0.1", place.installation.sip_port, NUMBER) as caller:
            await caller.invite()
            lay(caller, line, rms, rng.randrange(1 << 16))
            await caller.first_loud(caller.answered_at)
            await asyncio.sleep(rng.uniform(*_MOMENTS_S))
            await caller.speak(phrase)
            await asyncio.sleep(_GIVEN_UP_S)
            onset = caller.left_at(onset_ms)
            spoke = [p for p in caller.packets if abs(p.at - onset) < 0.06]
            if not spoke or min(p.dbfs for p in spoke) <= SPEECH_DBFS:
                continue
            silent = caller.last_loud_before_silence(onset, _QUIET_S)
            if silent is None:
                stops.missed += 1
            else:
                stops.ms.append((silent - onset) * 1000 + 20)  # the last packet sounds for 20 ms
            return


async def stop_to_silence(
    place: Site, trials: int, at_once: int, seed: int = 1
) -> dict[str, Stops]:
    """``trials`` on each line; every voice and every phrase in turn."""
    phrases = [speech(place.installation, text, v) for text in INTERRUPTIONS for v in VOICES]
    rms, rng = voice_rms(phrases), random.Random(seed)
    found = {line.name: Stops() for line in LINES}

    def trial(number: int, line: Line) -> Callable[[], Awaitable[None]]:
        phrase = phrases[number % len(phrases)]
        return lambda: barge_in(place, phrase, line, rms, found[line.name], rng)

    works = [trial(number, line) for number in range(trials) for line in LINES]
    await in_parallel(works, at_once)
    return found


async def nobody_interrupts(
    place: Site,
    line: Line,
    murmurs: list[NDArray[np.int16]],
    rms: float,
    seed: int,
    found: Mistakes,
) -> None:
    """The agent speaks on; the caller is silent, or murmurs now and then."""
    async with RtpCaller("127.0.0.1", place.installation.sip_port, NUMBER) as caller:
        await caller.invite()
        lay(caller, line, rms, seed)
        first = await caller.first_loud(caller.answered_at)
        loop = asyncio.get_running_loop()
        until = loop.time() + _AGENT_S
        for murmur in murmurs:
            await asyncio.sleep(_EVERY_S)
            if loop.time() + _EVERY_S > until or caller.over.is_set():
                break
            await caller.speak(murmur)
            found.said += 1
        await asyncio.sleep(max(0.0, until - loop.time()))
        found.minutes += (caller.packets[-1].at - first) / 60


async def mistakes(place: Site, calls: int, at_once: int) -> dict[str, Mistakes]:
    """``calls`` of each kind, and what the edge noted in their event logs."""
    murmurs = [speech(place.installation, text, v) for text in BACKCHANNELS for v in VOICES]
    rms = voice_rms([speech(place.installation, text, v) for text in INTERRUPTIONS for v in VOICES])
    found: dict[str, Mistakes] = {}
    for line in LINES:
        for says, name in (([], line.name), (murmurs, f"backchannels, {line.name}")):
            before = _logs(place)
            kind = found[name] = Mistakes()

            def one(
                seed: int,
                line: Line = line,
                says: list[NDArray[np.int16]] = says,
                kind: Mistakes = kind,
            ) -> Callable[[], Awaitable[None]]:
                mine = says[seed * 5 % len(murmurs) :] + says[: seed * 5 % len(murmurs)]
                return lambda: nobody_interrupts(place, line, mine, rms, seed, kind)

            await in_parallel([one(seed) for seed in range(calls)], at_once)
            await asyncio.sleep(2)  # the logs are written in batches
            for path in _logs(place) - before:
                kind.decisions += _decisions(path)
    return found


def _logs(place: Site) -> set[Path]:
    return set((place.installation.data_dir / "recordings").rglob("*.jsonl"))


def _decisions(path: Path) -> Counter[str]:
    """Until the welcome is over: what is decided about its end and after it is no mistake."""
    found: Counter[str] = Counter()
    began: float | None = None
    for line in path.read_bytes().splitlines():
        entry = orjson.loads(line)
        if entry["event"] == "speech_started" and began is None:
            began = entry["at_ms"]
        is_within = began is not None and entry["at_ms"] - began < _AGENT_S * 1000
        if entry["event"] == "turn_decision" and is_within:
            found[entry["decision"]] += 1
    return found
