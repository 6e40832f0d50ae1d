"""Warm transfers out of a flow: a real colleague who answers, is busy, does not answer."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.peers.call_control.house import (
    BRIEFING,
    CALLER_HZ,
    PERSON_HZ,
    hum,
    person,
    until_state,
)
from tests.peers.conversation.caller import AGENT_VOICE, Caller, calling
from tests.peers.conversation.sound import Sound, rendered, share_found
from tests.peers.drivers.installation import Installation
from tests.peers.drivers.tones import spectrum

pytestmark = [pytest.mark.peers, pytest.mark.timeout(120)]


def is_tone(sound: Sound, hz: float) -> bool:
    return spectrum(sound.samples, sound.rate_hz).is_tone(hz)


async def put_through(caller: Caller, key: str) -> None:
    await caller.hears("Whom would you like")
    await caller.key(key)


async def test_a_colleague_is_briefed_and_put_through_and_both_are_on_record(
    installation: Installation, tmp_path: Path, desk_port: int
) -> None:
    async with (
        person(tmp_path / "desk", desk_port) as colleague,
        calling(installation, tmp_path) as caller,
    ):
        await put_through(caller, "1")
        left_s = await until_state(caller, "transferring")
        joined_s = await until_state(caller, "bridged")
        await hum(caller, tmp_path)
        await caller.until_recorded(joined_s + 3, take=1)
        await colleague.command("hangup")
        call = await caller.until_hung_up()

    assert call["cause"] == "transferred"
    assert [(t["sip_status"], t["is_final"]) for t in call["transfers"]][-1] == (200, True)
    # Music while the phone rings and the colleague is briefed, and nothing of the colleague.
    heard = caller.heard()
    waiting = heard.between(left_s + 0.5, joined_s - 0.5)
    assert waiting.loud_share() > 0.9
    assert not is_tone(waiting, PERSON_HZ)
    # The briefing for the colleague alone; then each other.
    told = Sound(*colleague.heard())
    briefing = await rendered(installation, BRIEFING, AGENT_VOICE, 8000)
    assert share_found(briefing, told) >= 0.8
    assert share_found(briefing, heard) < 0.3
    assert is_tone(told.between(told.seconds - 1.5, told.seconds - 0.3), CALLER_HZ)
    assert is_tone(heard.between(heard.seconds - 1.5, heard.seconds - 0.3), PERSON_HZ)
    ours, theirs = await caller.recording()
    assert is_tone(ours.between(ours.seconds - 1.5, ours.seconds - 0.3), CALLER_HZ)
    assert is_tone(theirs.between(theirs.seconds - 1.5, theirs.seconds - 0.3), PERSON_HZ)


@pytest.mark.parametrize(
    ("does", "line", "status"),
    [("refuses", "They are talking to somebody.", 486), ("lets it ring", "Nobody picked up.", 408)],
)
async def test_a_caller_whom_the_colleague_does_not_take_is_back_with_the_agent(
    installation: Installation, tmp_path: Path, desk_port: int, does: str, line: str, status: int
) -> None:
    async with (
        person(tmp_path / "desk", desk_port, answers=False) as colleague,
        calling(installation, tmp_path) as caller,
    ):
        await put_through(caller, "1")
        await colleague.wait_for("CALL_INCOMING")
        if does == "refuses":
            await colleague.command("hangup")
        await caller.hears(line)
        await caller.hears("Whom would you like")
        await colleague.wait_for("CALL_CLOSED")
        call = await caller.hang_up()

    assert call["cause"] == "caller_hangup"
    assert [t["sip_status"] for t in call["transfers"] if t["is_final"]] == [status]
    if does == "lets it ring":
        assert any(m.first_line.startswith("CANCEL ") for m in colleague.messages())


async def test_a_colleague_takes_the_caller_by_pressing_one(
    installation: Installation, tmp_path: Path, desk_port: int
) -> None:
    async with (
        person(tmp_path / "desk", desk_port) as colleague,
        calling(installation, tmp_path) as caller,
    ):
        await put_through(caller, "2")
        await colleague.wait_for("CALL_ESTABLISHED")
        await colleague.command("sndcode", "1")
        await until_state(caller, "bridged")
        await caller.key("5")  # the colleague's phone gets the caller's keys
        await colleague.wait_for("CALL_DTMF_START")
        call = await caller.hang_up()
        await colleague.wait_for("CALL_CLOSED")

    assert call["cause"] == "caller_hangup"
    assert colleague.digits_heard() == "5"
