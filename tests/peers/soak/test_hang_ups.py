"""Callers who hang up in every state of a call: five seconds later nothing of it is alive."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

import numpy as np
import pytest
from benchmarks.rtp_caller import SPEECH_DBFS
from tests.peers.drivers.installation import Installation
from tests.soak.caller import RestlessCaller
from tests.soak.churn import Story
from tests.soak.processes import until_idle
from tests.soak.reckoning import every_call, log_complaints, until_all_written

pytestmark = [pytest.mark.peers, pytest.mark.timeout(120)]

_GONE_S: Final = 5.0
_WRITTEN_S: Final = 30.0  # facts of a busy machine go over the spool
_QUIET_S: Final = 0.8


async def at_once(caller: RestlessCaller) -> None:
    pass


async def in_the_greeting(caller: RestlessCaller) -> None:
    await caller.first_loud(caller.answered_at, 20)


async def while_it_listens(caller: RestlessCaller) -> None:
    await in_the_greeting(caller)
    async with asyncio.timeout(30):
        while True:
            last = max(packet.at for packet in caller.packets if packet.dbfs > SPEECH_DBFS)
            if time.perf_counter() - last > _QUIET_S:
                return
            await asyncio.sleep(0.05)


async def in_a_word(caller: RestlessCaller) -> None:
    await while_it_listens(caller)
    hum = 6000 * np.sin(np.arange(16_000) * 0.2)
    await caller.speak(hum.astype(np.int16))


async def between_digits(caller: RestlessCaller) -> None:
    await in_the_greeting(caller)
    await caller.press("1441")


async def in_a_tool(caller: RestlessCaller) -> None:
    await in_the_greeting(caller)
    await caller.press("4")


async def in_an_answer(caller: RestlessCaller) -> None:
    await while_it_listens(caller)
    await caller.press("4")
    await caller.first_loud(time.perf_counter(), 20)


async def on_hold(caller: RestlessCaller) -> None:
    await in_the_greeting(caller)
    await caller.hold("sendonly")


async def without_media(caller: RestlessCaller) -> None:
    await in_the_greeting(caller)
    await caller.hold("inactive")


async def as_it_is_put_through(caller: RestlessCaller) -> None:
    await while_it_listens(caller)
    await caller.press("0")
    await caller.first_loud(time.perf_counter(), 20)


STATES: Final[Mapping[str, Callable[[RestlessCaller], Awaitable[None]]]] = {
    state.__name__: state
    for state in (
        at_once,
        in_the_greeting,
        while_it_listens,
        in_a_word,
        between_digits,
        in_a_tool,
        in_an_answer,
        on_hold,
        without_media,
        as_it_is_put_through,
    )
}


async def test_nothing_of_a_call_is_alive_five_seconds_after_its_caller_hung_up(
    house: Installation,
) -> None:
    async def one(story: Story) -> None:
        async with RestlessCaller("127.0.0.1", house.sip_port, user=story.number) as caller:
            if story.plan == "cancel":
                story.status = await caller.invite_and_cancel(0.05)
                return
            await caller.invite(deadline_s=30)
            await STATES[story.plan](caller)
            await caller.hang_up()

    plans = ["cancel", *STATES]
    stories = [Story(f"+4418{number:08d}", plan) for number, plan in enumerate(plans)]
    async with asyncio.TaskGroup() as group:
        for story in stories:
            group.create_task(one(story), name=story.plan)
    await until_idle(house, _GONE_S)
    await until_all_written(house, stories, _WRITTEN_S)
    calls = await every_call(house)
    causes = {
        story.plan: calls[story.number]["cause"] for story in stories if story.number in calls
    }
    assert set(causes.values()) <= {"caller_hangup", "caller_cancelled", "transferred"}, causes
    assert not log_complaints(house, stories)
