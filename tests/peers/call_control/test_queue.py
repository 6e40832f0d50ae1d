"""A hold queue with real phones: one is busy, one answers; and a caller who will be called."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.peers.call_control.house import CALLER_HZ, PERSON_HZ, hum, person, until_state
from tests.peers.call_control.test_warm_transfer import is_tone, put_through
from tests.peers.conversation.caller import AGENT_VOICE, calling
from tests.peers.conversation.sound import rendered, share_found
from tests.peers.drivers.installation import Installation

pytestmark = [pytest.mark.peers, pytest.mark.timeout(120)]


async def test_a_caller_waits_is_told_their_place_and_gets_the_one_who_answers(
    installation: Installation, tmp_path: Path, desk_port: int, second_port: int
) -> None:
    async with (
        person(tmp_path / "busy", desk_port, answers=False) as busy,
        person(tmp_path / "free", second_port, answers=False) as free,
        calling(installation, tmp_path) as caller,
    ):
        await put_through(caller, "3")
        left_s = await until_state(caller, "queued")
        await busy.wait_for("CALL_INCOMING")
        await busy.command("hangup")
        await caller.hears("You are number 1 in the queue.")
        await free.wait_for("CALL_INCOMING")
        await free.command("accept")
        joined_s = await until_state(caller, "bridged")
        await hum(caller, tmp_path)
        await caller.until_recorded(joined_s + 3, take=1)
        await free.command("hangup")
        call = await caller.until_hung_up()

    assert call["cause"] == "transferred"
    final = [(t["target"], t["sip_status"]) for t in call["transfers"] if t["is_final"]]
    assert final == [(busy.uri, 486), (free.uri, 200)]
    heard = caller.heard()
    told = await rendered(installation, "You are number 1 in the queue.", AGENT_VOICE, 8000)
    assert share_found(told, heard) >= 0.8
    assert heard.between(left_s + 0.5, joined_s - 0.5).loud_share(-50) > 0.8  # music, lines
    assert is_tone(heard.between(heard.seconds - 1.5, heard.seconds - 0.3), PERSON_HZ)
    ours, theirs = await caller.recording()
    assert is_tone(ours.between(ours.seconds - 1.5, ours.seconds - 0.3), CALLER_HZ)
    assert is_tone(theirs.between(theirs.seconds - 1.5, theirs.seconds - 0.3), PERSON_HZ)


async def test_a_caller_who_wants_to_be_called_is_on_the_list(
    installation: Installation, tmp_path: Path, desk_port: int
) -> None:
    async with (
        person(tmp_path / "desk", desk_port, answers=False) as colleague,
        calling(installation, tmp_path) as caller,
    ):
        await put_through(caller, "3")
        await colleague.wait_for("CALL_INCOMING")
        await caller.key("9")
        await caller.hears("We will call you back.")
        await colleague.wait_for("CALL_CLOSED")
        call = await caller.until_hung_up()

    assert call["cause"] == "agent_hangup"
    with installation.client() as client:
        wishes = client.get("/callbacks", params={"queue": "support"}).json()
    (wish,) = [one for one in wishes if one["call_id"] == call["call_id"]]
    assert (wish["number"], wish["position"]) == (caller.phone.user, 1)


async def test_a_caller_who_hangs_up_stops_the_phone_that_rings_for_them(
    installation: Installation, tmp_path: Path, desk_port: int
) -> None:
    async with (
        person(tmp_path / "desk", desk_port, answers=False) as colleague,
        calling(installation, tmp_path) as caller,
    ):
        await put_through(caller, "3")
        await colleague.wait_for("CALL_INCOMING")
        call = await caller.hang_up()
        await colleague.wait_for("CALL_CLOSED")

    assert call["cause"] == "caller_hangup"
    assert any(m.first_line.startswith("CANCEL ") for m in colleague.messages())
