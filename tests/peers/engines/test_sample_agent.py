"""The sample agent on the telephone over every engine: the same call, the same outcome."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families
from tests.fakes.chat_model import ChatServer
from tests.peers.conversation.caller import Caller, calling, runs_of, said, turns
from tests.peers.conversation.event_log import turn_of
from tests.peers.drivers.installation import Installation
from tests.peers.engines.conftest import CHAT_KEY, NUMBERS
from tests.peers.engines.line import Line

pytestmark = [pytest.mark.peers, pytest.mark.timeout(180)]

OWED = "You owe one hundred and eighty two dollars and forty cents"


def metric(installation: Installation, name: str, **labels: str) -> float:
    """The sum over the other labels, as the model server tells it."""
    url = f"http://127.0.0.1:{installation.model_port}/metrics"
    text = httpx.get(url, timeout=10, trust_env=False).text
    return sum(
        sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == name and labels.items() <= sample.labels.items()
    )


def uri(installation: Installation, number: str) -> str:
    return f"sip:{number}@127.0.0.1:{installation.sip_port}"


async def asks_for_the_balance(
    installation: Installation, engine: str, folder: Path
) -> dict[str, Any]:
    number = uri(installation, NUMBERS[engine])
    async with calling(installation, folder / engine, uri=number) as caller:
        await caller.hears("How can I help you")
        await caller.say("what is my balance")
        await caller.hears("account number")
        await caller.say("double four one seven two nine oh eight")
        await confirmed(caller)
        return await caller.hang_up()


async def confirmed(caller: Caller) -> None:
    """What was heard unclearly is read back, as its slot says; a caller says yes to it."""

    def is_answer(entry: dict[str, Any]) -> bool:
        turn = turn_of(entry)
        text = turn["text"] if turn and turn["speaker"] == "agent" else ""
        return OWED in text or "Is that right" in text

    entry = await caller.log.next("balance or question", is_answer, 25)
    if OWED not in turn_of(entry)["text"]:
        await caller.say("yes")
        await caller.hears(OWED)


async def test_the_same_call_succeeds_over_every_engine(
    installation: Installation, chat: ChatServer, tmp_path: Path
) -> None:
    async with asyncio.TaskGroup() as customers:
        calls = {
            engine: customers.create_task(asks_for_the_balance(installation, engine, tmp_path))
            for engine in NUMBERS
        }
    for engine, task in calls.items():
        call = task.result()
        (run,) = runs_of(call, "get_balance")
        assert run["arguments"] == {"account": "44172908"}, engine
        assert OWED in said(call), engine
        assert turns(call, "caller")[0].lower() == "what is my balance", engine
    assert chat.keys == {f"Bearer {CHAT_KEY}"}
    assert "x-trunkline" not in str(chat.bodies)
    for port in ("transcription", "chat", "speech"):
        assert metric(installation, "trunkline_hosted_requests_total", port=port, outcome="ok")
    assert metric(installation, "trunkline_upstream_sessions_total", why="start") >= 1
    assert metric(installation, "trunkline_upstream_failures_total") == 0
    assert CHAT_KEY not in installation.log


async def test_a_call_goes_from_engine_to_engine_and_through_their_failures(
    installation: Installation, chat: ChatServer, upstream_line: Line, tmp_path: Path
) -> None:
    """Local; upstream, whose line is cut; then hosted, where the model is down for one answer."""
    before = metric(installation, "trunkline_hosted_fallbacks_total", port="chat")
    async with calling(installation, tmp_path, uri=uri(installation, "204")) as caller:
        await caller.hears("first number")
        await caller.say("one two three")
        await caller.hears("second number")
        carried = upstream_line.carried
        upstream_line.cut()
        chat.is_down = True
        await caller.say("four five six")
        await caller.hears("third number")
        await caller.say("seven eight nine")
        await caller.hears("fourth number")
        fell_back = metric(installation, "trunkline_hosted_fallbacks_total", port="chat") - before
        chat.is_down = False
        asked = len(chat.bodies)
        await caller.say("three two one")  # later than the breaker rests
        told = await caller.hears("That was")
        call = await caller.until_hung_up()
    assert told["text"] == "That was 123, 456, 789 and 321."
    assert call["cause"] == "agent_hangup"
    engines = [
        entry["engine"] for entry in caller.log.entries if entry["event"] == "engine_restored"
    ]
    assert engines == ["upstream", "cascade-hosted"]
    assert upstream_line.carried > carried
    assert metric(installation, "trunkline_upstream_sessions_total", why="reconnect") == 1
    assert fell_back >= 1
    assert len(chat.bodies) > asked
    words = str(chat.bodies[-1]["messages"])  # of every engine before it
    assert all(each in words for each in ("one two three", "four five six", "seven eight nine"))
