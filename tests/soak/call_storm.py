"""Calls over two edges while everything is killed: who calls when, and for how long."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from benchmarks.calls import VOICES, speech
from numpy.typing import NDArray
from tests.peers.drivers.installation import Installation
from tests.soak.call_callers import QUESTION, StormCaller, Story
from tests.soak.call_house import CallHouse, two_edges
from tests.soak.call_kills import CallKills
from tests.soak.caller import RestlessCaller

_ALIVE_AFTER_BYE_S: Final = 5.0
_NO_EDGE_S: Final = 60.0


@dataclass(frozen=True, slots=True)
class Plan:
    """``speak``: the share of callers who speak; the others key. ``minutes``: nobody calls after;
    0: until all have. ``once_each``: every fault once, instead of one about every ``mean_s``."""

    calls: int
    seed: int
    at_once: int = 10
    speak: float = 0.25
    lasts_s: tuple[float, float] = (20.0, 50.0)
    mean_s: float = 4.0
    minutes: float = 0.0
    once_each: bool = False


@dataclass
class Outcome:
    plan: Plan
    house: CallHouse
    stories: list[Story] = field(default_factory=list)
    faults: Counter[str] = field(default_factory=Counter)
    took_s: float = 0.0
    left_alive: float = 0.0  # calls on the edges five seconds after the last BYE


async def storm(plan: Plan, installation: Installation, house: CallHouse) -> Outcome:
    """Place the calls and do the harm; afterwards everything is up and nobody calls."""
    rng = random.Random(plan.seed)
    question = [speech(installation, QUESTION, voice) for voice in VOICES[:2]] if plan.speak else []
    outcome = Outcome(plan, house)
    kills = CallKills(house, outcome.stories, random.Random(rng.random()), is_brief=plan.once_each)
    began = time.monotonic()
    async with asyncio.TaskGroup() as group:
        harm = kills.once_each() if plan.once_each else kills.every(plan.mean_s)
        harming = group.create_task(harm, name="harm")
        await _call(plan, house, outcome.stories, rng, question)
        if plan.once_each:
            await harming
        harming.cancel()
    outcome.took_s = time.monotonic() - began
    outcome.faults = kills.counted
    outcome.left_alive = await _left_alive(house)
    return outcome


async def _call(
    plan: Plan,
    house: CallHouse,
    stories: list[Story],
    rng: random.Random,
    question: Sequence[NDArray[np.int16]],
) -> None:
    places = asyncio.Semaphore(plan.at_once)
    until = time.monotonic() + plan.minutes * 60 if plan.minutes else None

    async def one(number: int, own: random.Random) -> None:
        async with places:
            if until is not None and time.monotonic() > until:
                return
            await asyncio.sleep(own.uniform(0, 0.5))
            edge = await _an_edge(house, own)
            speaks = own.random() < plan.speak
            story = Story(f"+4417{number:08d}", edge, speaks, own.uniform(*plan.lasts_s))
            stories.append(story)
            async with RestlessCaller("127.0.0.1", house.edges[edge][0], user=story.number) as line:
                await StormCaller(story, line, question).live(own)

    async with asyncio.TaskGroup() as group:
        for number in range(plan.calls):
            group.create_task(one(number, random.Random(rng.random())), name=f"call {number}")


async def _an_edge(house: CallHouse, rng: random.Random) -> int:
    """One that is up, as a dispatcher would know by OPTIONS."""
    async with asyncio.timeout(_NO_EDGE_S):
        while not house.up:
            await asyncio.sleep(0.1)
    return rng.choice(sorted(house.up))


async def _left_alive(house: CallHouse) -> float:
    """Nobody may be on an edge so long after the last caller hung up."""
    left = -1.0
    try:
        async with asyncio.timeout(_ALIVE_AFTER_BYE_S):
            while left := await house.calls_up():
                await asyncio.sleep(0.1)
    except TimeoutError:
        pass
    return max(0.0, left)


__all__ = ["Outcome", "Plan", "storm", "two_edges"]
