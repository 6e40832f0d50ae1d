"""Phone calls that an openai-agents program answers; its approvals are decided in our inbox."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.peers.agents_sdk.conftest import NUMBER, Program
from tests.peers.conversation.caller import Caller, calling, runs_of, said
from tests.peers.drivers.installation import Installation

pytestmark = [pytest.mark.peers, pytest.mark.timeout(240)]

FOUND, LOST = "204817", "551020"


async def test_a_program_answers_callers_and_people_decide_what_it_may_do(
    installation: Installation, program: Program, tmp_path: Path
) -> None:
    async with asyncio.TaskGroup() as callers:
        for work in (granted, stopped):
            callers.create_task(work(installation, program, tmp_path / work.__name__))


async def granted(installation: Installation, program: Program, folder: Path) -> None:
    """A refund that is done once, and a hand-off to a second agent with a tool of its own."""
    async with calling(installation, folder, uri=uri(installation)) as caller:
        asked = await want_refund(caller, FOUND, "forty")
        assert asked["question"] == f"May 40 dollars be paid back for parcel {FOUND}?"
        assert asked["arguments"] == {"parcel": FOUND, "dollars": 40}
        assert told(program, "refunded") == []
        await decide(caller, asked, "grant")
        await caller.hears("You get 40 dollars back")
        await caller.say("put me through to the shop")
        await caller.hears("You are speaking with The Shop now")
        await caller.say("when are you open")
        await caller.hears("open from nine to five")
        call = await caller.hang_up()
        heard = caller.heard()

    assert [one["state"] for one in call["approvals"]] == ["done"]
    (run,) = runs_of(call, "refund")
    assert (run["outcome"], run["arguments"]["dollars"]) == ("ok", 40)
    assert told(program, "refunded") == [{"event": "refunded", "parcel": FOUND, "dollars": 40}]
    assert told(program, "handoff") == [{"event": "handoff", "agent": "The Shop"}]
    words = said(call)
    assert words.index("Nothing has been done yet") < words.index("You get 40 dollars back")
    assert heard.loud_share() > 0.1


async def stopped(installation: Installation, program: Program, folder: Path) -> None:
    """A tool whose result is a promise, which the program's guardrail cuts; a refund refused."""
    async with calling(installation, folder, uri=uri(installation)) as caller:
        await caller.hears("How can I help you")
        await caller.say("where is my parcel")
        await tell_number(caller, LOST)
        await caller.hears("I may not say that")
        asked = await want_refund(caller, LOST, "ninety", is_first=False)
        await decide(caller, asked, "refuse", reason="no such receipt")
        await caller.hears("did not approve it")
        call = await caller.hang_up()

    assert {"event": "guardrail_tripped", "name": "no promises"} in program.told()
    assert "money back" not in said(call)
    assert [one["state"] for one in call["approvals"]] == ["refused"]
    assert "receipt" not in said(call)
    assert runs_of(call, "refund") == []


_HOLDING = "Nothing has been done yet"


async def want_refund(
    caller: Caller, parcel: str, dollars: str, *, is_first: bool = True
) -> dict[str, Any]:
    """Until the holding line has been heard; the approval as the API shows it."""
    if is_first:
        await caller.hears("How can I help you")
    await caller.say("i want a refund")
    await tell_number(caller, parcel)
    await caller.hears("amount")
    await caller.say(dollars)
    # An amount that was not heard twice alike is read back.
    while "Is that right" in (await caller.hears_one_of("Is that right", _HOLDING))["text"]:
        await caller.say("yes")
    async with client(caller) as api:
        answer = await api.get("/approvals", params={"call_id": caller.log.call_id})
    (asked,) = answer.raise_for_status().json()
    return dict(asked)


def uri(installation: Installation) -> str:
    return f"sip:{NUMBER}@127.0.0.1:{installation.sip_port}"


async def tell_number(caller: Caller, parcel: str) -> None:
    await caller.hears("parcel number")
    await caller.say(" ".join(parcel).replace("0", "zero"))


async def decide(caller: Caller, asked: dict[str, Any], deed: str, **body: Any) -> None:
    async with client(caller) as api:
        body["seen_hash"] = asked["arguments_hash"]
        answer = await api.post(f"/approvals/{asked['approval_id']}/{deed}", json=body)
    assert answer.status_code == 200, answer.text


def told(program: Program, event: str) -> list[dict[str, Any]]:
    return [one for one in program.told() if one["event"] == event]


def client(caller: Caller) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        base_url=caller.installation.api,
        headers={"authorization": f"Bearer {caller.installation.api_key}"},
        timeout=20,
        trust_env=False,
    )
