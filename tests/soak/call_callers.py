"""Callers of a storm: each keys or speaks as soon as the agent has said its say, until it is time.

They leave the agent no pause of their own: whenever they hear nothing, it is the agent's silence.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import chain, cycle
from typing import Final

import numpy as np
from benchmarks.rtp_caller import SPEECH_DBFS
from numpy.typing import NDArray
from tests.soak.call_hearing import HANGOVER_S, Stretch, longest_stall, loud, silences, speeches
from tests.soak.caller import RestlessCaller

ACCOUNT: Final = "44172908"
QUESTION: Final = "What are your opening hours please?"
_THINKS_S: Final = 0.9  # after the agent's last sound; within a line it pauses for less
_GONE_S: Final = 2.0  # without a packet: there is nobody at the other end any more
_SEPARATE_S: Final = 0.05


@dataclass
class Story:
    """One call as its caller knows it; perf_counter seconds, ``wall_*`` in seconds since 1970.

    ``lost_at``: when its edge was killed. ``unanswered``: how long speech that was owed did not
    come, each time; ``spoken``: stretches of the agent's speech.
    """

    number: str
    edge: int
    speaks: bool
    wanted_s: float
    status: int = 0
    invited_at: float = 0.0
    answered_at: float = 0.0
    ended_at: float = 0.0
    wall_ended: float = 0.0
    lost_at: float | None = None
    moves: list[Stretch] = field(default_factory=list)
    silent: list[Stretch] = field(default_factory=list)
    spoken: list[Stretch] = field(default_factory=list)
    stall_s: float = 0.0
    trouble: str = ""

    @property
    def is_lost(self) -> bool:
        return self.lost_at is not None

    @property
    def heard_until(self) -> float:
        """The last moment for which somebody answers."""
        return self.ended_at if self.lost_at is None else min(self.lost_at, self.ended_at)

    @property
    def talked_s(self) -> float:
        return self.heard_until - self.answered_at


def errands() -> Iterator[str]:
    """Keys, one errand after the other: opening hours, the balance, and both again."""
    return chain(("4", "1" + ACCOUNT), cycle(("4", "1")))


class StormCaller:
    """``live`` plays the story over an open line and fills it in."""

    def __init__(
        self, story: Story, line: RestlessCaller, question: Sequence[NDArray[np.int16]]
    ) -> None:
        self.story = story
        self._line = line
        self._question = question

    async def live(self, rng: random.Random) -> None:
        story, line = self.story, self._line
        story.invited_at = time.perf_counter()
        try:
            await line.invite(deadline_s=10)
        except TimeoutError:
            return  # its edge was killed while it rang: ``lost_at`` tells
        except RuntimeError as exc:
            story.status = int(str(exc).split()[2]) if "SIP/2.0" in str(exc) else 500
            return
        story.status, story.answered_at = 200, line.answered_at
        has_left_by_itself = False
        with suppress(TimeoutError):
            async with asyncio.timeout(story.wanted_s):
                has_left_by_itself = await self._talk(rng)
        if story.lost_at is not None:
            line.vanish()
        elif not line.over.is_set() and not has_left_by_itself:
            try:
                await line.hang_up()
            except TimeoutError:
                if story.lost_at is None:
                    story.trouble = "its BYE was not answered"
                line.vanish()
        story.ended_at = line.ended_at or time.perf_counter()
        story.wall_ended = time.time() - (time.perf_counter() - story.ended_at)
        self._reckon()

    async def _talk(self, rng: random.Random) -> bool:
        """Until the far end hangs up (True), or is gone."""
        line, keys = self._line, errands()
        since = line.answered_at
        while True:
            last = await self._agent_has_said(since)
            if last is None:
                return line.over.is_set()
            pause_s = HANGOVER_S if self.story.speaks else 0.0
            try:
                if self.story.speaks:
                    await line.speak(rng.choice(self._question))
                    await line.spoken()
                else:
                    await line.press(next(keys))
            finally:  # it may be time to hang up in the middle of it
                since = time.perf_counter()
                self.story.moves.append(Stretch(last, since + pause_s))

    async def _agent_has_said(self, since: float) -> float | None:
        """Its last sound, once it has spoken after ``since`` and is done; None: nobody is there."""
        line = self._line
        seen, last = 0, 0.0
        while not line.over.is_set() and self.story.lost_at is None:
            packets = line.packets
            while seen < len(packets):
                if packets[seen].at > since and packets[seen].dbfs > SPEECH_DBFS:
                    last = packets[seen].at
                seen += 1
            now = time.perf_counter()
            if last and now - last > _THINKS_S:
                return last
            await asyncio.sleep(_SEPARATE_S)
        return None

    def _reckon(self) -> None:
        story, packets = self.story, self._line.packets
        heard = loud(packets)
        until = story.heard_until
        story.silent = silences(heard, story.moves, story.answered_at, until)
        story.spoken = speeches([at for at in heard if at < until])
        story.stall_s = longest_stall(packets, story.answered_at, until)
        packets.clear()
