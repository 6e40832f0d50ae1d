"""Tools in the background: one effect per key whatever dies, and a result for every run."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import orjson
import pytest
from redis.exceptions import ConnectionError as RedisAway
from sqlalchemy import select
from tests.unit.jobs.test_relay import Wall
from tests.unit.storage.facts import CALL, NOON, after, ended, started

from trunkline.calls.control import ToolResult, decode_command, encode_command
from trunkline.domain.events import CallFact, ToolOutcome, ToolQueued, ToolRan
from trunkline.domain.ids import ToolRunId
from trunkline.flows.prompts import compile_prompt, compile_value
from trunkline.flows.tool_runner import ToolRunner
from trunkline.flows.tool_slip import read_slip, variables_read, write_slip
from trunkline.flows.tools import HttpTransport, ToolSpec
from trunkline.jobs.tool_runs import AT_ONCE, MAX_RESULT_BYTES, run_due_tools, tell_results
from trunkline.storage.background_rows import BackgroundRunRow
from trunkline.storage.background_runs import LEASE_MARGIN, BackgroundRuns
from trunkline.storage.calls import CallRepository
from trunkline.storage.engine import Sessions
from trunkline.storage.journal import write_facts
from trunkline.storage.rows import OutboxRow
from trunkline.storage.views import ToolRunView
from trunkline.storage.webhooks import WebhookRepository

RUN = ToolRunId("run_bcdfghjk23456789bcdf")
LETTER = {"type": "object", "properties": {"to": {"type": "string"}}, "required": ["to"]}


@dataclass
class Service:
    """A web service that honours keys: one effect for each; ``says`` is popped per request."""

    url: str = ""
    says: list[tuple[int, bytes]] = field(default_factory=list)
    effects: Counter[str] = field(default_factory=Counter)
    asked: int = 0
    free: asyncio.Event = field(default_factory=asyncio.Event)  # cleared: it answers nobody

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        lines = dict(line.split(": ", 1) for line in head.split("\r\n")[1:] if ": " in line)
        headers = {name.lower(): value for name, value in lines.items()}
        await reader.readexactly(int(headers.get("content-length", 0)))
        self.asked += 1
        key = headers.get("idempotency-key", f"none-{self.asked}")
        self.effects[key] = 1
        await self.free.wait()
        status, body = self.says.pop(0) if self.says else (200, b'{"number": "L 7"}')
        with suppress(ConnectionError):
            await self._say(writer, status, body)

    async def _say(self, writer: asyncio.StreamWriter, status: int, body: bytes) -> None:
        writer.write(
            b"HTTP/1.1 %d X\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%b"
            % (status, len(body), body)
        )
        await writer.drain()
        writer.close()
        await writer.wait_closed()


@pytest.fixture
async def service() -> AsyncIterator[Service]:
    service = Service()
    service.free.set()
    server = await asyncio.start_server(service.answer, "127.0.0.1", 0)
    service.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    yield service
    server.close()


def letter(service: Service, **changes: Any) -> ToolSpec:
    transport = HttpTransport(
        "POST",
        compile_prompt(f"{service.url}/letters/{{{{ shop }}}}"),
        body={"to": compile_value("{{ to }}"), "from": compile_value("The {{ shop }}")},
        allowed_hosts=(service.url,),
    )
    tool = ToolSpec("letter", "Send a letter.", transport, LETTER, sends_key=True, timeout_ms=2000)
    return replace(tool, **changes)


def asked(tool: ToolSpec, run_id: str = RUN, within_s: int = 600) -> list[CallFact]:
    """What an edge publishes when a flow wants it run."""
    known = {"shop": "shop", "caller_number": "+15550100"}
    arguments = {"to": "Ada"}
    return [
        ToolRan(
            CALL, NOON, 900, ToolRunId(run_id), tool.name, arguments, ToolOutcome.RUNNING, None,
            0, 0, "send", is_background=True,
        ),
        ToolQueued(
            CALL, NOON, 900, ToolRunId(run_id), tool.name, arguments, run_id, write_slip(tool),
            variables_read(tool, known), tool.may_retry, tool.worst_case_ms, within_s * 1000,
        ),
    ]  # fmt: skip


@pytest.fixture
async def live(sessions: Sessions) -> Sessions:
    await write_facts(sessions, [started()])
    return sessions


@dataclass
class Edge:
    """Where results are sent; ``takes`` is whether its call says that it has them."""

    sessions: Sessions
    got: list[ToolResult] = field(default_factory=list)
    is_away: bool = False

    async def send(self, edge_id: str, command: ToolResult) -> None:
        if self.is_away:
            raise RedisAway("away")
        decoded, _ = decode_command(encode_command(command, NOON))
        assert decoded == command
        assert edge_id == "edge_one"
        self.got.append(command)

    async def takes(self, at_s: float) -> None:
        last = self.got[-1]
        ran = ToolRan(
            CALL, after(at_s), 900, last.run_id, "letter", {"to": "Ada"}, last.outcome,
            last.result, last.duration_ms, last.attempts, "send", is_background=True,
        )  # fmt: skip
        await write_facts(self.sessions, [ran])


async def run_all(sessions: Sessions, wall: Wall) -> int:
    async with ToolRunner() as runner:
        return await run_due_tools(sessions, runner, wall)


async def on_record(sessions: Sessions, run_id: str = RUN) -> ToolRunView:
    async with sessions.reading() as session:
        detail = await CallRepository(session).detail(CALL)
    return next(run for run in detail.tool_runs if run.run_id == run_id)


async def row(sessions: Sessions) -> BackgroundRunRow:
    async with sessions.reading() as session:
        return (await session.scalars(select(BackgroundRunRow))).one()


def test_a_tool_survives_its_slip() -> None:
    tool = letter(Service(url="https://shop.example"))
    assert read_slip(orjson.loads(orjson.dumps(write_slip(tool)))) == tool
    assert variables_read(tool, {"shop": "x", "other": 1}) == {"shop": "x"}


async def test_a_run_is_done_once_and_told_until_the_call_says_that_it_knows(
    live: Sessions, service: Service
) -> None:
    await write_facts(live, asked(letter(service)))
    assert (await on_record(live)).outcome is ToolOutcome.RUNNING
    wall, edge = Wall(after(1)), Edge(live)
    assert await run_all(live, wall) == 1
    assert await run_all(live, wall) == 0
    assert service.effects == {RUN: 1}
    for seconds in (1, 2, 7, 8):
        wall.at = after(seconds)
        await tell_results(live, edge.send, wall)
    assert len(edge.got) == 2, "again after five seconds, and not before"
    assert edge.got[0].result == {"number": "L 7"}
    await edge.takes(9)
    wall.at = after(60)
    assert await tell_results(live, edge.send, wall) == 0
    found = await on_record(live)
    assert (found.outcome, found.result, found.is_background) == (
        ToolOutcome.OK, {"number": "L 7"}, True,
    )  # fmt: skip


async def test_a_result_too_late_for_its_call_is_kept_and_told_to_webhooks_once(
    live: Sessions, service: Service
) -> None:
    async with live.writing() as session:
        await WebhookRepository(session).add("https://hook.example/x", ["tool.finished"], NOON)
    await write_facts(live, [*asked(letter(service)), ended(at=after(1))])
    wall, edge = Wall(after(2)), Edge(live)
    assert await run_all(live, wall) == 1
    for _ in range(3):
        await tell_results(live, edge.send, wall)
    assert edge.got == []
    async with live.reading() as session:
        (hook,) = (await session.scalars(select(OutboxRow))).all()
    data = orjson.loads(hook.body)["data"]
    assert (data["run_id"], data["outcome"], data["result"]) == (RUN, "ok", {"number": "L 7"})
    assert data["call_id"] == CALL
    assert (await on_record(live)).outcome is ToolOutcome.OK


async def test_a_worker_that_dies_costs_no_second_effect_where_the_key_is_known(
    live: Sessions, service: Service
) -> None:
    await write_facts(live, asked(letter(service)))
    wall = Wall(after(1))
    service.free.clear()
    async with ToolRunner() as runner:
        dying = asyncio.ensure_future(run_due_tools(live, runner, wall))
        async with asyncio.timeout(10):
            while not service.asked:
                await asyncio.sleep(0.01)
        dying.cancel()  # between its effect and its answer
        await asyncio.wait([dying])
    service.free.set()
    assert await run_all(live, wall) == 0, "the lease holds it yet"
    wall.at = after(1) + timedelta(seconds=2) + LEASE_MARGIN + timedelta(seconds=1)
    assert await run_all(live, wall) == 1
    assert (service.asked, service.effects) == (2, {RUN: 1})
    assert (await on_record(live)).outcome is ToolOutcome.OK


async def test_a_run_that_may_not_be_repeated_is_unknown_after_its_worker_died(
    live: Sessions, service: Service
) -> None:
    await write_facts(live, asked(letter(service, sends_key=False)))
    wall = Wall(after(1))
    async with live.writing() as session:
        (claimed,) = await BackgroundRuns(session).claim(wall.now(), AT_ONCE)
    wall.at = after(120)
    assert await run_all(live, wall) == 1
    assert service.asked == 0
    found = await on_record(live)
    assert (found.outcome, found.result["error"]["code"]) == (ToolOutcome.UNKNOWN, "unknown")
    async with live.writing() as session:
        runs = BackgroundRuns(session)
        assert not await runs.retry(claimed, after(121)), "the dead claim settles nothing"


async def test_what_passes_is_tried_again_with_the_same_key_until_its_time_is_over(
    live: Sessions, service: Service
) -> None:
    service.says = [(503, b"{}")] * 20
    await write_facts(live, asked(letter(service), within_s=60))
    wall, ended_after = Wall(after(1)), 0
    for second in range(1, 90):
        wall.at = after(second)
        if await run_all(live, wall):
            ended_after = second
            break
    assert 30 < ended_after < 60
    assert service.effects == {RUN: 1}
    assert 2 <= service.asked <= 5
    found = await on_record(live)
    assert (found.outcome, found.result["error"]["code"]) == (ToolOutcome.FAILED, "http_503")


@pytest.mark.parametrize(
    ("says", "code"),
    [
        ((500, b"<html>"), "http_500"),
        ((200, b"<html>"), "bad_answer"),
        ((404, b"{}"), "http_404"),
        ((200, b'"' + b"x" * (MAX_RESULT_BYTES + 1) + b'"'), "answer_too_large"),
    ],
)
async def test_a_failure_is_a_result_too(
    live: Sessions, service: Service, says: tuple[int, bytes], code: str
) -> None:
    service.says = [says] * 3
    await write_facts(live, asked(letter(service, sends_key=False)))
    assert await run_all(live, Wall(after(1))) == 1
    found = await on_record(live)
    assert (found.outcome, found.result["error"]["code"]) == (ToolOutcome.FAILED, code)
    assert service.asked == 1


async def test_a_run_that_nobody_came_to_in_time_is_not_run(
    live: Sessions, service: Service
) -> None:
    await write_facts(live, asked(letter(service), within_s=10))
    assert await run_all(live, Wall(after(11))) == 1
    assert service.asked == 0
    found = await on_record(live)
    assert (found.outcome, found.result["error"]["code"]) == (ToolOutcome.TIMED_OUT, "expired")


async def test_facts_that_are_replayed_change_nothing(live: Sessions, service: Service) -> None:
    facts = asked(letter(service))
    await write_facts(live, facts)
    await run_all(live, Wall(after(1)))
    await write_facts(live, facts)
    assert await run_all(live, Wall(after(2))) == 0
    assert (await on_record(live)).outcome is ToolOutcome.OK
    assert service.effects == {RUN: 1}


async def test_redis_away_keeps_results_until_it_is_back(live: Sessions, service: Service) -> None:
    await write_facts(live, asked(letter(service)))
    wall, edge = Wall(after(1)), Edge(live, is_away=True)
    await run_all(live, wall)
    await tell_results(live, edge.send, wall)
    assert edge.got == []
    edge.is_away, wall.at = False, after(10)
    await tell_results(live, edge.send, wall)
    assert [result.run_id for result in edge.got] == [RUN]


async def test_no_more_run_at_once_than_workers_have_threads_to_spare(
    live: Sessions, service: Service
) -> None:
    for number in range(AT_ONCE + 3):
        await write_facts(live, asked(letter(service), f"run_{number:020d}"))
    async with live.writing() as session:
        runs = BackgroundRuns(session)
        assert len(await runs.claim(after(1), AT_ONCE)) == AT_ONCE
        assert await runs.claim(after(1), AT_ONCE) == []


async def test_a_slip_that_cannot_be_read_fails_the_run_and_not_the_worker(
    live: Sessions, service: Service
) -> None:
    ran, queued = asked(letter(service))
    assert isinstance(queued, ToolQueued)
    await write_facts(live, [ran, replace(queued, slip={"name": "letter"})])
    assert await run_all(live, Wall(after(1))) == 1
    assert (await on_record(live)).result["error"]["code"] == "internal"
    assert (await row(live)).ended_at == after(1)
