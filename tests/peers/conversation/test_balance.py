"""A customer at a softphone asks for the balance: heard, transcribed, recorded, hung up on."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from tests.peers.conversation.caller import Caller, calling, runs_of, said, turns
from tests.peers.conversation.sound import find, transcribed
from tests.peers.drivers.installation import Installation

pytestmark = [pytest.mark.peers, pytest.mark.timeout(120)]

OWED = "You owe one hundred and eighty two dollars and forty cents"


async def test_a_balance_is_told_for_a_number_keyed_in_and_for_one_said(
    installation: Installation, tmp_path: Path
) -> None:
    """Two customers at once."""
    async with asyncio.TaskGroup() as customers:
        customers.create_task(ask_by_keys(installation, tmp_path / "keys"), name="by keys")
        customers.create_task(ask_by_voice(installation, tmp_path / "voice"), name="by voice")


async def ask_by_keys(installation: Installation, folder: Path) -> None:
    async with calling(installation, folder) as caller:
        await caller.hears("How can I help you")
        await caller.say("what is my balance")
        await caller.hears("account number")
        await caller.key("44172908")
        answer = await caller.hears(OWED)
        await caller.hears("anything else")
        await caller.say("goodbye")
        call = await caller.until_hung_up()

    assert [t["text"] for t in call["turns"] if t["kind"] == "digits"] == ["44172908"]
    was_told(call)
    await was_heard(caller, answer["text"])
    await was_recorded(caller, call, answer)
    was_ended_by_the_agent(caller)


async def ask_by_voice(installation: Installation, folder: Path) -> None:
    async with calling(installation, folder) as caller:
        await caller.hears("How can I help you")
        await caller.say("how much do i owe")
        await caller.hears("account number")
        await caller.say("double four one seven two nine oh eight")
        answer = await caller.hears(OWED)
        call = await caller.hang_up()
        heard = await as_a_recogniser_hears(caller, answer["text"])

    assert turns(call, "caller")[0] == "how much do i owe"
    assert call["cause"] == "caller_hangup"
    was_told(call)
    await was_heard(caller, answer["text"])
    assert OWED.removeprefix("You owe ") in heard


async def as_a_recogniser_hears(caller: Caller, answer: str) -> str:
    """The answer in what baresip received, with other balances that it might have been."""
    phrase = await caller.agent_phrase(answer, 8000)
    heard = caller.heard()
    at_s = find(phrase, heard).at_s
    balances = [
        OWED,
        "You owe one hundred and eighteen dollars and fourteen cents",
        "You owe eight hundred and eighty two dollars and fifty cents",
        "You owe sixty seven dollars and five cents",
        "You owe twelve hundred and forty dollars",
    ]
    dates = ["due on Tuesday, December first", "due on Thursday, December third"]
    spoken = heard.between(at_s - 0.1, at_s + phrase.seconds + 0.1)
    return await transcribed(caller.installation, spoken, [*balances, *dates])


def was_told(call: dict[str, Any]) -> None:
    (run,) = runs_of(call, "get_balance")
    assert run["arguments"] == {"account": "44172908"}
    assert run["result"]["owed"] == pytest.approx(182.40)
    assert OWED in said(call)
    assert "interruptions" not in call["receipts"] or not call["receipts"]["interruptions"]
    assert call["setup_ms"] <= 5000
    assert call["receipts"]["first_audio_ms"] <= 5000


async def was_heard(caller: Caller, answer: str) -> None:
    """In baresip's own recording: as loud as speech is, and the answer is in it word for word."""
    heard = caller.heard()
    assert -35 < heard.dbfs < -10
    phrase = await caller.agent_phrase(answer, 8000)
    assert find(phrase, heard).likeness > 0.95


async def was_recorded(caller: Caller, call: dict[str, Any], answer: dict[str, Any]) -> None:
    """Both channels, on the call's own clock."""
    customer, agent = await caller.recording()
    assert call["recording"]["state"] == "complete"
    assert call["recording"]["duration_ms"] == pytest.approx(agent.seconds * 1000, abs=20)
    assert call["duration_ms"] == pytest.approx(agent.seconds * 1000, abs=500)
    phrase = await caller.agent_phrase(answer["text"], 8000)
    found = find(phrase, agent)
    assert found.likeness > 0.95
    assert found.at_s * 1000 == pytest.approx(answer["started_ms"], abs=100)
    for turn in call["turns"]:
        if turn["kind"] == "digits":
            continue
        speaker, other = (agent, customer) if turn["speaker"] == "agent" else (customer, agent)
        span = turn["started_ms"] / 1000, turn["ended_ms"] / 1000
        assert speaker.between(*span).loud_share() > 0.5, turn["text"]
        assert other.between(*span).loud_share() < 0.1, turn["text"]


def was_ended_by_the_agent(caller: Caller) -> None:
    lines = [(m.was_sent, m.first_line) for m in caller.phone.messages()]
    assert (False, "SIP/2.0 180 Ringing") in lines
    (bye,) = [m for m in caller.phone.messages() if m.first_line.startswith("BYE ")]
    assert not bye.was_sent
    assert 'cause=16;text="agent_hangup"' in bye.header("Reason")
    assert lines[-1] == (True, "SIP/2.0 200 OK")
