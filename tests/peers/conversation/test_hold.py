"""A caller puts the agent on hold in the middle of a sentence and comes back."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from tests.peers.conversation.caller import VOICE, Caller, calling, turns
from tests.peers.conversation.sound import Sound, find, rendered, share_found
from tests.peers.drivers.installation import Installation

pytestmark = [pytest.mark.peers, pytest.mark.timeout(120)]

QUESTION = "how much do i owe"


async def test_a_held_call_goes_on_where_the_agent_stopped(
    installation: Installation, tmp_path: Path
) -> None:
    async with calling(installation, tmp_path, records_after_hold=True) as caller:
        await caller.hears("This call is recorded")
        await caller.until_agent_speaks()
        await asyncio.sleep(1.0)  # into the middle of the welcome
        await caller.phone.command("hold")
        held_s = await caller.until_leg_tells("LegHeld")
        await asyncio.sleep(1.5)
        await caller.phone.command("resume")
        back_s = await caller.until_leg_tells("LegUnheld")
        welcome = await caller.hears("How can I help you")
        await caller.say(QUESTION)
        asked = await caller.hears("account number")
        call = await caller.hang_up()

    assert back_s - held_s >= 1.4
    assert not welcome["is_interrupted"]
    assert welcome["started_ms"] / 1000 < held_s < back_s < welcome["ended_ms"] / 1000
    before = [word for word in welcome["words"] if word["end_ms"] / 1000 <= held_s]
    after = [word for word in welcome["words"] if word["start_ms"] / 1000 >= back_s - 0.05]
    assert before
    assert len(before) + len(after) >= len(welcome["words"]) - 1, "one word at most was cut in two"
    assert {word["fate"] for word in welcome["words"]} == {"heard"}
    assert turns(call, "caller") == [QUESTION]

    _, agent = await caller.recording()
    assert call["recording"]["duration_ms"] == pytest.approx(agent.seconds * 1000, abs=20)
    assert call["duration_ms"] == pytest.approx(agent.seconds * 1000, abs=500)
    assert agent.between(held_s + 0.1, back_s).loud_share() == 0
    # What follows the hold comes as much later as the hold was long: nothing was lost, nothing
    # said again.
    phrase = await caller.agent_phrase(welcome["text"], 8000)
    head, tail = phrase.between(0, 0.8), phrase.between(phrase.seconds - 1.2)
    began, went_on = find(head, agent), find(tail, agent)
    assert min(began.likeness, went_on.likeness) > 0.95
    apart_s = went_on.at_s - began.at_s - (phrase.seconds - 1.2)
    assert apart_s == pytest.approx(back_s - held_s, abs=0.06)

    await the_recording_kept_its_time_line(caller)
    before_hold, after_hold = (Sound(*take) for take in caller.phone.takes())
    assert find(head, before_hold).likeness > 0.95
    assert find(tail, after_hold).likeness > 0.95
    assert find(await caller.agent_phrase(asked["text"], 8000), after_hold).likeness > 0.95

    offers = [
        (message.was_sent, line[2:])
        for message in caller.phone.messages()
        for line in message.text.split("\n")
        if line in ("a=sendrecv", "a=sendonly", "a=recvonly", "a=inactive")
    ]
    assert offers == [
        *[(True, "sendrecv"), (False, "sendrecv")],
        *[(True, "sendonly"), (False, "recvonly")],
        *[(True, "sendrecv"), (False, "sendrecv")],
    ]


async def the_recording_kept_its_time_line(caller: Caller) -> None:
    """What was asked after the hold lies where the transcript says it was asked."""
    call = await caller.ended()
    (asked,) = [turn for turn in call["turns"] if turn["speaker"] == "caller"]
    customer, _ = await caller.recording()
    phrase = await rendered(caller.installation, QUESTION, VOICE, 8000)
    asked_s = asked["started_ms"] / 1000, asked["ended_ms"] / 1000
    assert share_found(phrase, customer.between(asked_s[0] - 0.2, asked_s[1] + 0.2)) >= 0.5
