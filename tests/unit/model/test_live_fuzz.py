"""A live session under fire: whatever its client sends, it answers and goes on."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.fakes.mutated_events import BETA, GA, mutated
from tests.fakes.virtual_time import run_virtual

from trunkline.model.connection import Connection
from trunkline.model.engine_config import engine_config
from trunkline.model.input_buffer import LONGEST_MANUAL_S
from trunkline.model.opening import new_session
from trunkline.model.outbox import HARD_LIMIT_BYTES, Close
from trunkline.model.script import Script, ScriptedReply
from trunkline.model.scripted import ScriptedEngine
from trunkline.realtime.beta_protocol import BetaProtocol
from trunkline.realtime.protocol import ServerProtocol

GENERATIONS: list[tuple[Callable[[], ServerProtocol], list[dict[str, Any]]]] = [
    (ServerProtocol, GA),
    (BetaProtocol, BETA),
]


class _Over(Exception):
    pass


class _Session:
    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.events: list[dict[str, Any]] = []

    async def read(self) -> None:
        while not isinstance(frame := await self.connection.outbox.get(), Close):
            self.events.append(orjson.loads(frame))

    async def send(self, event: dict[str, Any]) -> list[dict[str, Any]]:
        """What came within a moment."""
        begin = len(self.events)
        await self.connection.receive(orjson.dumps(event))
        await asyncio.sleep(0.05)
        return self.events[begin:]


async def bombard(protocol: ServerProtocol, events: list[dict[str, Any]]) -> _Session:
    engine = ScriptedEngine(Script(replies=(ScriptedReply(text="one two three four"),)))
    start = new_session("gpt-realtime")
    engine_session = await engine.open_session(start.id, engine_config(start))
    try:
        async with asyncio.TaskGroup() as tasks:
            connection = Connection(start, engine, engine_session, tasks, protocol=protocol)
            session = _Session(connection)
            tasks.create_task(session.read())
            connection.start()
            for event in events:
                before = connection.session
                answers = await session.send(event)
                errors = [one for one in answers if one["type"] == "error"]
                if any(one["error"]["event_id"] == event.get("event_id") for one in errors):
                    assert connection.session == before
            await asyncio.sleep(20)
            await alive(session, isinstance(protocol, BetaProtocol))
            raise _Over
    except* _Over:
        await engine_session.aclose()
    return session


async def alive(session: _Session, is_beta: bool) -> None:
    update: dict[str, Any] = {"tools": [], "tool_choice": "auto", "instructions": "alive"}
    update |= {"max_response_output_tokens": "inf"} if is_beta else {"type": "realtime"}
    answers = await session.send({"type": "session.update", "session": update})
    assert "session.updated" in [one["type"] for one in answers], answers
    session.connection._answering.interrupt()
    await session.send({"type": "response.create"})
    await asyncio.sleep(10)
    assert session.events[-1]["type"] in ("response.done", "rate_limits.updated")
    ids = [one["event_id"] for one in session.events]
    assert len(set(ids)) == len(ids)


def check_responses(events: list[dict[str, Any]]) -> None:
    """Each begins once, ends once, and says nothing afterwards."""
    begun: set[str] = set()
    ended: set[str] = set()
    for event in events:
        about = event.get("response_id") or event.get("response", {}).get("id")
        if about is None:
            continue
        assert about not in ended, event
        if event["type"] == "response.created":
            assert about not in begun
            begun.add(about)
        elif event["type"] == "response.done":
            ended.add(about)
    assert begun == ended


@pytest.mark.parametrize(("protocol", "seeds"), GENERATIONS, ids=["ga", "beta"])
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_no_events_of_any_shape_end_a_session(
    protocol: Callable[[], ServerProtocol], seeds: list[dict[str, Any]], data: st.DataObject
) -> None:
    events = data.draw(st.lists(mutated(seeds), min_size=1, max_size=12))
    named = [{"event_id": f"e{number}", **event} for number, event in enumerate(events)]
    session = run_virtual(bombard(protocol(), named))
    check_responses(session.events)
    connection = session.connection
    assert connection.outbox._bytes <= HARD_LIMIT_BYTES
    assert connection._hearing._buffer.held_ms <= LONGEST_MANUAL_S * 1000
