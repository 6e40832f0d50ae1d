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

pytestmark = [pytest.mark.peers, pytest.mark.timeout(150)]

FOUND, LOST = "204817", "551020"


async def test_a_program_answers_two_callers_and_people_decide_what_it_may_do(
    installation: Installation, program: Program, tmp_path: Path
) -> None:
    async with asyncio.TaskGroup() as callers:
        callers.create_task(granted(installation, program, tmp_path / "granted"))
        callers.create_task(stopped(installation, program, tmp_path / "stopped"))


async def granted(installation: Installation, program: Program, folder: Path) -> None:
    """A tool, a refund that is granted and done once, and a hand-off to a second agent."""
    async with calling(installation, folder, uri=uri(installation)) as caller:
        await caller.hears("How can I help you")
        await caller.say("where is my parcel")
        await tell_number(caller, FOUND)
        await caller.hears("arrives before six this evening")
        await caller.say("i want a refund")
        await tell_number(caller, FOUND)
        await caller.hears("amount")
        await caller.say("forty")
        await caller.hears("Nothing has been done yet")
        asked = await the_asked(caller)
        assert asked["question"] == f"May 40 dollars be paid back for parcel {FOUND}?"
        assert asked["arguments"] == {"parcel": FOUND, "dollars": 40}
        await caller.say("is it done yet")
        await caller.hears("Not yet")
        assert done(program, "refunded") == []
        await decide(caller, asked, "grant")
        await caller.hears("You get 40 dollars back")
        await caller.say("put me through to the shop")
        await caller.hears("You are speaking with The Shop now")
        await caller.say("when are you open")
        await caller.hears("open from nine to five")
        call = await caller.hang_up()
        agent = (await caller.recording())[1]

    (approval,) = call["approvals"]
    assert approval["state"] == "done"
    (run,) = runs_of(call, "refund")
    assert (run["outcome"], run["arguments"]["dollars"]) == ("ok", 40)
    assert done(program, "refunded") == [{"event": "refunded", "parcel": FOUND, "dollars": 40}]
    assert done(program, "handoff") == [{"event": "handoff", "agent": "The Shop"}]
    words = said(call)
    assert words.index("Nothing has been done yet") < words.index("You get 40 dollars back")
    assert agent.loud_share() > 0.1


async def stopped(installation: Installation, program: Program, folder: Path) -> None:
    """A promise that the program's guardrail cuts, and a refund that nobody grants."""
    async with calling(installation, folder, uri=uri(installation)) as caller:
        await caller.hears("How can I help you")
        await caller.say("where is my parcel")
        await tell_number(caller, LOST)
        await caller.hears("I may not say that")
        await caller.say("i want a refund")
        await tell_number(caller, LOST)
        await caller.hears("amount")
        await caller.say("ninety")
        await caller.hears("Nothing has been done yet")
        asked = await the_asked(caller)
        await decide(caller, asked, "refuse", reason="no such receipt")
        await caller.hears("did not approve it")
        call = await caller.hang_up()

    (approval,) = call["approvals"]
    assert approval["state"] == "refused"
    assert "money back" not in said(call)
    assert "receipt" not in said(call)
    assert runs_of(call, "refund") == []
    assert {"event": "guardrail_tripped", "name": "no promises"} in program.told()


def uri(installation: Installation) -> str:
    return f"sip:{NUMBER}@127.0.0.1:{installation.sip_port}"


async def tell_number(caller: Caller, parcel: str) -> None:
    """The parcel's number, read back if it was not heard well."""
    await caller.hears("parcel number")
    await caller.say(" ".join(parcel).replace("0", "zero"))


async def the_asked(caller: Caller) -> dict[str, Any]:
    async with client(caller) as api:
        answer = await api.get("/approvals", params={"call_id": caller.log.call_id})
    (asked,) = answer.raise_for_status().json()
    return dict(asked)


async def decide(caller: Caller, asked: dict[str, Any], deed: str, **body: Any) -> None:
    async with client(caller) as api:
        body["seen_hash"] = asked["arguments_hash"]
        answer = await api.post(f"/approvals/{asked['approval_id']}/{deed}", json=body)
    assert answer.status_code == 200, answer.text


def done(program: Program, event: str) -> list[dict[str, Any]]:
    return [told for told in program.told() if told["event"] == event]


def client(caller: Caller) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        base_url=caller.installation.api,
        headers={"authorization": f"Bearer {caller.installation.api_key}"},
        timeout=20,
        trust_env=False,
    )
