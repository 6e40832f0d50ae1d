"""Calls that an installation places: answered, busy, unanswered, taken back, refused, cut off."""

from __future__ import annotations

import asyncio
import os
import signal
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from tests.peers.conversation.caller import AGENT_VOICE, VOICE, Caller, said, turns
from tests.peers.conversation.sound import find, rendered, share_found
from tests.peers.outbound.conftest import DEAR, NUMBER, OURS, House, Phone

pytestmark = [pytest.mark.peers, pytest.mark.timeout(150)]

ORDER = {"to": NUMBER, "from": OURS, "agent": "reminder"}


def client(house: House) -> httpx.AsyncClient:
    one = house.installation
    headers = {"authorization": f"Bearer {one.api_key}"}
    return httpx.AsyncClient(base_url=one.api, headers=headers, timeout=20, trust_env=False)


async def order(house: House, **changes: Any) -> Any:
    async with client(house) as http:
        answer = await http.post("/calls", json={**ORDER, **changes})
    assert answer.status_code == 202, answer.text
    return answer.json()


async def until(house: House, call_id: str, state: str, deadline_s: float = 20) -> Any:
    """The call once its order is in a state."""
    seen: list[str] = []
    try:
        async with asyncio.timeout(deadline_s), client(house) as http:
            while True:
                call = (await http.get(f"/calls/{call_id}")).raise_for_status().json()
                now = call["placement"]["state"]
                seen += [now] if seen[-1:] != [now] else []
                if now == state:
                    return call
                await asyncio.sleep(0.05)
    except TimeoutError:
        raise AssertionError(f"never {state}; it was {seen}") from None


def invites(person: Caller) -> list[str]:
    """The Call-ID of every call that rang here."""
    found = [m for m in person.phone.messages() if m.first_line.startswith("INVITE ")]
    return list(dict.fromkeys(m.header("Call-ID") for m in found if "tag=" not in m.header("To")))


async def test_an_answered_call_is_a_conversation_like_any_other(
    house: House, phone: Phone
) -> None:
    async with phone() as person:
        dialled = asyncio.create_task(
            asyncio.to_thread(
                house.installation.command,
                *("dial", NUMBER, "--agent", "reminder", "--from", OURS),
                *("--var", "patient=Ada", "--var", "day=monday"),
            )
        )
        await person.phone.wait_for("CALL_ESTABLISHED", deadline_s=30)
        await person.say("hello")
        question = await person.hears("Will you come")
        await person.say("yes i will be there")
        await person.hears("we will see you then")
        call = await person.until_hung_up()
        cli = await dialled

    assert question["text"].startswith("Hello Ada, this is the surgery.")
    assert "on monday" in question["text"]
    assert (call["direction"], call["trunk"], call["cause"]) == (
        "outbound",
        "carrier",
        "agent_hangup",
    )
    assert (call["caller_number"], call["called_number"]) == (OURS, NUMBER)
    assert "yes i will be there" in turns(call, "caller")
    assert said(call).endswith("Goodbye.")
    assert cli.returncode == 0, cli.stderr
    assert "answered: agent_hangup" in cli.stdout and "USD" in cli.stdout
    assert call["placement"]["outcome"] == "answered"
    assert float(call["placement"]["attempts"][0]["cost"]) > 0

    (invite,) = [m for m in person.phone.messages() if m.first_line.startswith("INVITE ")]
    assert f"sip:{OURS}@" in invite.header("From")
    assert OURS in invite.header("P-Preferred-Identity")
    theirs, ours = await person.recording()
    answer = await rendered(house.installation, "yes i will be there", VOICE, 8000)
    assert share_found(answer, theirs) > 0.5
    goodbye = await rendered(
        house.installation, "Thank you, we will see you then. Goodbye.", AGENT_VOICE, 8000
    )
    assert find(goodbye, ours).likeness > 0.9
    assert abs(ours.seconds - call["duration_ms"] / 1000) < 0.5


async def test_busy_unanswered_and_taken_back_end_with_their_cause(
    house: House, phone: Phone
) -> None:
    async with phone(answers=False) as person:
        key = {"idempotency_key": "one-call-only"}
        first, again = await asyncio.gather(order(house, **key), order(house, **key))
        assert first["call_id"] == again["call_id"]
        await person.phone.wait_for("CALL_INCOMING")
        await until(house, first["call_id"], "ringing")
        await person.phone.command("hangup")
        busy = await until(house, first["call_id"], "ended")
        assert (busy["cause"], busy["sip_status"]) == ("busy", 486)
        assert busy["placement"]["outcome"] == "unanswered"
        assert (busy["answerable"], busy["duration_ms"], busy["recording"]) == ("callee", 0, None)
        assert (await order(house, **key))["call_id"] == first["call_id"]

        # Due a moment later: the worker, not the web, tells the edge of it.
        soon = (datetime.now(UTC) + timedelta(seconds=1)).isoformat()
        second = await order(house, ring_s=5, metadata={"ticket": 7}, schedule_at=soon)
        assert second["state"] == "queued"
        await person.phone.wait_for("CALL_INCOMING", count=2)
        unanswered = await until(house, second["call_id"], "ended")
        assert unanswered["cause"] == "no_answer"
        assert unanswered["placement"]["metadata"] == {"ticket": 7}

        third = await order(house)
        await person.phone.wait_for("CALL_INCOMING", count=3)
        async with client(house) as http:
            assert (await http.post(f"/calls/{third['call_id']}/cancel")).status_code == 202
        taken_back = await until(house, third["call_id"], "ended")
        assert taken_back["placement"]["outcome"] == "cancelled"
        await person.phone.wait_for("CALL_CLOSED", count=3)
        assert len(invites(person)) == 3  # the order that was sent three times rang once


async def test_what_may_not_be_called_or_paid_for_is_refused_at_once(house: House) -> None:
    async with client(house) as http:

        async def refused(**changes: Any) -> tuple[int, str]:
            answer = await http.post("/calls", json={**ORDER, **changes})
            return answer.status_code, answer.json()["code"]

        assert await refused(to="+49301234567") == (403, "number_not_allowed")
        assert await refused(to=DEAR + "000") == (429, "spend_cap_reached")
        assert await refused(variables={"patiant": "Ada"}) == (422, "unknown_variable")


async def test_a_call_whose_edge_died_while_it_rang_is_closed_and_rings_nobody_again(
    house: House, phone: Phone
) -> None:
    async with phone(answers=False) as person:
        placed = await order(house)
        await person.phone.wait_for("CALL_INCOMING")
        await until(house, placed["call_id"], "ringing")
        os.kill(house.installation.child_pid("sip"), signal.SIGKILL)
        call = await until(house, placed["call_id"], "ended", deadline_s=60)
        assert (call["cause"], call["placement"]["outcome"]) == ("edge_lost", "unanswered")
        assert [one["cause"] for one in call["placement"]["attempts"]] == ["edge_lost"]
        assert len(invites(person)) == 1
