"""The sample agent on the telephone over every engine: the same call, the same outcome."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
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
        await answers(caller, "what is my balance", "account number")
        await answers(caller, "double four one seven two nine oh eight", OWED)
        return await caller.hang_up()


async def answers(caller: Caller, words: str, until: str) -> dict[str, Any]:
    """Says it, and says it again when asked to; the agent's turn that goes on. What was heard
    unclearly is read back, as a slot may want, and gets a yes."""

    def is_told(entry: dict[str, Any]) -> bool:
        turn = turn_of(entry)
        text = turn["text"] if turn and turn["speaker"] == "agent" else ""
        return until in text or text.endswith("?") or text.startswith(("Please", "Sorry", "I need"))

    await caller.say(words)
    for _ in range(4):
        turn = turn_of(await caller.log.next(f"agent who says “{until}”", is_told, 30))
        if until in turn["text"]:
            return turn
        await caller.say("yes" if "Is that right" in turn["text"] else words)
    raise AssertionError(f"the agent never said “{until}”\n{caller.log}")


async def changes_engines(
    installation: Installation, upstream_line: Line, folder: Path
) -> tuple[Caller, dict[str, Any]]:
    """Local; upstream, whose line is cut; then hosted, where the model fails on one answer."""
    async with calling(installation, folder, uri=uri(installation, "204")) as caller:
        await caller.hears("first number")
        await answers(caller, "one two three", "second number")
        upstream_line.cut_newest()
        await answers(caller, "four five six", "third number")
        await answers(caller, "seven eight nine", "fourth number")
        told = await answers(caller, "three two one", "That was")
        assert told["text"] == "That was 123, 456, 789 and 321."
        return caller, await caller.until_hung_up()


async def test_the_same_call_succeeds_over_every_engine_and_one_changes_between_them(
    installation: Installation, chat: ChatServer, upstream_line: Line, tmp_path: Path
) -> None:
    chat.fails = asks_for_the_third
    async with asyncio.TaskGroup() as customers:
        calls = {
            engine: customers.create_task(asks_for_the_balance(installation, engine, tmp_path))
            for engine in NUMBERS
        }
        changing = customers.create_task(changes_engines(installation, upstream_line, tmp_path))
    for engine, task in calls.items():
        call = task.result()
        (run,) = runs_of(call, "get_balance")
        assert run["arguments"] == {"account": "44172908"}, engine
        assert OWED in said(call), engine
        assert "what is my balance" in turns(call, "caller"), engine
    for port in ("transcription", "chat", "speech"):
        assert metric(installation, "trunkline_hosted_requests_total", port=port, outcome="ok")
    assert metric(installation, "trunkline_upstream_sessions_total", why="start") >= 2
    assert CHAT_KEY not in installation.log
    assert chat.keys == {f"Bearer {CHAT_KEY}"}
    assert "x-trunkline" not in str(chat.bodies)

    caller, call = changing.result()
    assert call["cause"] == "agent_hangup"
    restored = [e["engine"] for e in caller.log.entries if e["event"] == "engine_restored"]
    assert restored == ["upstream", "cascade-hosted"]
    assert metric(installation, "trunkline_upstream_sessions_total", why="reconnect") >= 1
    # The planner stood in for the model, which then knew all that was said to others.
    assert metric(installation, "trunkline_hosted_fallbacks_total", port="chat") >= 1
    words = [str(body["messages"]) for body in chat.bodies if "fourth number" in tools_of(body)]
    assert all(each in words[-1] for each in ("one two three", "four five six", "seven eight nine"))


def tools_of(body: Mapping[str, Any]) -> str:
    return str(body.get("tools"))


def asks_for_the_third(body: Mapping[str, Any]) -> bool:
    return "third number" in tools_of(body)
