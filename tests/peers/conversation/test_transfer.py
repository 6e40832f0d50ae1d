"""A caller asks for a person: put through by REFER, or taken back when the person refuses."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from tests.peers.conversation.caller import VOICE, Caller, calling, said, turns
from tests.peers.conversation.sound import Sound, find, rendered, share_found
from tests.peers.drivers.baresip import Baresip, baresip
from tests.peers.drivers.installation import Installation
from tests.peers.drivers.tones import spectrum, tone, write_wav

pytestmark = [pytest.mark.peers, pytest.mark.timeout(120)]

PERSON_HZ = 700.0


@asynccontextmanager
async def person(folder: Path, sip_port: int, *, answers: bool) -> AsyncIterator[Baresip]:
    """A second baresip where transfers go; answering, it hums."""
    folder.mkdir(parents=True)
    hum = write_wav(folder / "hum.wav", tone(PERSON_HZ, 8000, 60), 8000)
    async with baresip(
        folder / "phone", hum, user="person", codec="PCMU", answers=answers, sip_port=sip_port
    ) as phone:
        yield phone


async def test_a_caller_is_put_through_to_a_person(
    installation: Installation, tmp_path: Path, person_port: int
) -> None:
    async with (
        person(tmp_path / "person", person_port, answers=True) as colleague,
        calling(installation, tmp_path) as caller,
    ):
        await caller.hears("How can I help you")
        await caller.say("i would like to speak to a person")
        await caller.hears("I'll put you through")
        await caller.phone.wait_for("CALL_ESTABLISHED", count=2)
        await colleague.wait_for("CALL_ESTABLISHED")
        call = await caller.ended()
        await caller.say("hello i have a question")
        await caller.until_recorded(2.0, take=2)
        await caller.phone.command("hangup")
        await colleague.wait_for("CALL_CLOSED")

    assert call["cause"] == "transferred"
    assert [(t["sip_status"], t["is_final"]) for t in call["transfers"]][-1] == (200, True)
    assert {t["target"] for t in call["transfers"]} == {colleague.uri}
    assert said(call).endswith("I'll put you through. Please hold the line.")

    # They hear each other, and neither hears the agent any more.
    heard, rate_hz = caller.phone.heard()
    assert spectrum(heard, rate_hz).is_tone(PERSON_HZ)
    phrase = await rendered(installation, "hello i have a question", VOICE, 8000)
    assert share_found(phrase, Sound(*colleague.heard())) >= 0.5

    (refer,) = [m for m in caller.phone.messages() if m.first_line.startswith("REFER ")]
    assert not refer.was_sent
    assert colleague.uri in refer.header("Refer-To")
    assert reported(caller)[-1] == "SIP/2.0 200 OK"


async def test_a_caller_whom_nobody_takes_is_taken_back(
    installation: Installation, tmp_path: Path, person_port: int
) -> None:
    async with (
        person(tmp_path / "person", person_port, answers=False) as colleague,
        calling(installation, tmp_path) as caller,
    ):
        await caller.hears("How can I help you")
        await caller.key("0")
        await colleague.wait_for("CALL_INCOMING")
        await colleague.command("hangup")
        apology = await caller.hears("nobody is free")
        await caller.hears("anything else")
        await caller.say("what is my balance")
        question = await caller.hears("account number")
        call = await caller.hang_up()

    assert call["cause"] == "caller_hangup"
    final = [t for t in call["transfers"] if t["is_final"]]
    assert [t["sip_status"] for t in final] == [486]
    assert turns(call, "caller") == ["0", "what is my balance"]
    assert any(line.startswith("SIP/2.0 486") for line in reported(caller))
    first_leg = Sound(*caller.phone.takes()[0])
    for turn in (apology, question):
        assert find(await caller.agent_phrase(turn["text"], 8000), first_leg).likeness > 0.95


def reported(caller: Caller) -> list[str]:
    """How the transfer went, as the caller's phone told the edge (RFC 3515 §2.4.5)."""
    notifies = [m for m in caller.phone.messages() if m.first_line.startswith("NOTIFY ")]
    assert all(m.was_sent for m in notifies)
    return [m.text.rstrip().split("\n")[-1] for m in notifies]
