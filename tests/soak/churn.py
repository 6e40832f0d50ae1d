"""Seeded callers against one installation: they talk, interrupt, key, hold, cancel and are gone."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from benchmarks.calls import VOICES, speech
from numpy.typing import NDArray
from tests.peers.drivers.installation import Installation
from tests.soak.caller import RestlessCaller

# Weights. Who vanishes costs the edge a minute of waiting for media: long runs only.
SLICE: Final[Mapping[str, int]] = {
    "cancel": 2, "leave": 2, "talk": 3, "interrupt": 3, "key": 2, "hold": 2, "goodbye": 1,
}  # fmt: skip
LONG: Final[Mapping[str, int]] = {**SLICE, "vanish": 1}
PHRASES: Final = (
    "What are your opening hours please?",
    "What is my balance?",
    "Four four one seven two nine zero eight.",
    "Sorry, hold on, I need to ask something else.",
    "I would like to talk to a person.",
    "Thank you, goodbye.",
)
GOODBYE: Final = PHRASES[-1]
ACCOUNT: Final = "44172908"


@dataclass
class Story:
    """One caller's call as the caller knows it; times in perf_counter seconds."""

    number: str
    plan: str
    status: int = 0
    answered_at: float = 0.0
    ended_at: float = 0.0
    trouble: str = ""

    @property
    def talked_s(self) -> float:
        return self.ended_at - self.answered_at if self.answered_at else 0.0


@dataclass
class Churn:
    """``run`` places ``calls`` calls, at most ``at_once`` together; ``stories`` grows by them."""

    installation: Installation
    seed: int
    plans: Mapping[str, int]
    stories: list[Story] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._rng = random.Random(self.seed)
        self._phrases: dict[str, Sequence[NDArray[np.int16]]] = {}

    def prepare(self) -> None:
        """Render what callers will say."""
        self._phrases = {
            text: [speech(self.installation, text, voice) for voice in VOICES[:2]]
            for text in PHRASES
        }

    async def run(self, calls: int, at_once: int) -> None:
        places = asyncio.Semaphore(at_once)

        async def one(story: Story, rng: random.Random) -> None:
            async with places:
                await asyncio.sleep(rng.uniform(0, 0.3))
                await self._call(story, rng)

        async with asyncio.TaskGroup() as group:
            for _ in range(calls):
                plan = self._rng.choices(list(self.plans), list(self.plans.values()))[0]
                story = Story(f"+4416{len(self.stories):08d}", plan)
                self.stories.append(story)
                rng = random.Random(self._rng.random())
                group.create_task(one(story, rng), name=story.number)

    async def _call(self, story: Story, rng: random.Random) -> None:
        port = self.installation.sip_port
        async with RestlessCaller("127.0.0.1", port, user=story.number) as caller:
            try:
                if story.plan == "cancel":
                    story.status = await caller.invite_and_cancel(rng.uniform(0, 0.2))
                else:
                    await caller.invite(deadline_s=30)
                    story.status = 200
                    await self._live(story, caller, rng)
            except (RuntimeError, TimeoutError, AssertionError) as exc:
                story.trouble = f"{type(exc).__name__}: {exc}"
                if caller.answered_at and not caller.over.is_set():
                    await caller.hang_up()
            story.answered_at = caller.answered_at
            story.ended_at = caller.ended_at or time.perf_counter()

    async def _live(self, story: Story, caller: RestlessCaller, rng: random.Random) -> None:
        match story.plan:
            case "leave":
                await asyncio.sleep(rng.uniform(0, 4))
            case "talk":
                await asyncio.sleep(rng.uniform(3, 6))
                for _ in range(rng.randint(1, 3)):
                    await self._say(caller, rng, rng.choice(PHRASES))
                    await asyncio.sleep(rng.uniform(0, 4))
            case "interrupt":
                for _ in range(rng.randint(1, 3)):
                    await asyncio.sleep(rng.uniform(0.5, 2.5))
                    await self._say(caller, rng, rng.choice(PHRASES))
            case "key":
                await asyncio.sleep(rng.uniform(0.5, 4))
                await self._until(caller, caller.press(ACCOUNT + "#"))
                await asyncio.sleep(rng.uniform(0, 3))
            case "hold":
                await asyncio.sleep(rng.uniform(0, 3))
                for _ in range(rng.randint(2, 6)):
                    if caller.over.is_set():
                        break
                    await caller.hold(rng.choice(["sendonly", "inactive", "sendrecv"]))
                    await asyncio.sleep(rng.choice([0.0, 0.05, 0.5]))
            case "goodbye":
                await asyncio.sleep(rng.uniform(4, 7))
                await self._say(caller, rng, GOODBYE)
                await self._until(caller, asyncio.sleep(rng.uniform(6, 10)))
            case "vanish":
                await asyncio.sleep(rng.uniform(0, 3))
                caller.vanish()
                return
        await caller.hang_up()

    async def _say(self, caller: RestlessCaller, rng: random.Random, text: str) -> None:
        await self._until(caller, caller.speak(rng.choice(self._phrases[text])))
        if rng.random() < 0.7:  # the others hang up, or speak again, in the middle of a word
            await self._until(caller, caller.spoken())

    @staticmethod
    async def _until(caller: RestlessCaller, doing: object) -> None:
        """Do it, or stop when the call is over."""
        over = asyncio.ensure_future(caller.over.wait())
        acting = asyncio.ensure_future(doing)  # type: ignore[call-overload]
        try:
            async with asyncio.timeout(30):
                await asyncio.wait({over, acting}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            over.cancel()
            acting.cancel()
