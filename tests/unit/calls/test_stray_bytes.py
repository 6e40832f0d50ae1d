"""Texts that are no Unicode, from a peer or a tool, cost nobody a fact, a log line or a call."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import orjson
from tests.fakes.leg import FakeLeg
from tests.fakes.scene import scene
from tests.fakes.virtual_time import run_virtual

from trunkline.calls.fact_json import decode_fact, document_bytes, encode_fact
from trunkline.calls.live_sink import LiveSink
from trunkline.calls.spool import FactSpool
from trunkline.domain.call import EndCause
from trunkline.domain.events import CallEnded, StepEntered, ToolOutcome, ToolRan
from trunkline.domain.ids import CallId, ToolRunId
from trunkline.domain.leg import LegDescription

STRAY = "caf\udce9"
AT = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
CALL = CallId("call_1")
ENDED = CallEnded(CALL, AT, EndCause.CALLER_HANGUP, 200, STRAY, 10, {}, {})
STEP = StepEntered(CALL, AT, 1, "menu")


def test_a_document_can_always_be_written() -> None:
    document = {"name": STRAY, STRAY: [2**70, True, None, {"deep": STRAY}], "at": AT, 7: -(2**64)}
    told = orjson.loads(document_bytes(cast(Any, document)))
    assert told["name"] == "caf\ufffd"
    assert told["caf\ufffd"] == [str(2**70), True, None, {"deep": "caf\ufffd"}]
    assert told["7"] == str(-(2**64))


def test_a_stray_fact_is_spooled_among_the_others(tmp_path: Path) -> None:
    spool = FactSpool(tmp_path / "facts.jsonl")
    spool.append([STEP, ENDED, STEP])
    assert spool.read(10) == [STEP, replace(ENDED, reason="caf\ufffd"), STEP]


class _Redis:
    """Takes entries as redis-py's pipeline does."""

    def __init__(self) -> None:
        self.entries: list[bytes] = []

    def pipeline(self, *, transaction: bool) -> _Redis:
        return self

    async def __aenter__(self) -> _Redis:
        return self

    async def __aexit__(self, *exc: object) -> None:
        return None

    def xadd(self, stream: str, fields: dict[str, bytes], **limits: Any) -> None:
        self.entries += fields.values()

    async def execute(self) -> None:
        await asyncio.sleep(0)


async def test_a_stray_fact_does_not_end_the_live_view() -> None:
    redis = _Redis()
    sink = LiveSink(cast(Any, redis))
    running = asyncio.ensure_future(sink.run())
    for fact in (ENDED, STEP):
        sink.publish(fact)
        await asyncio.sleep(0.01)
    running.cancel()
    await asyncio.wait([running])
    ended, step = (decode_fact(orjson.loads(entry)) for entry in redis.entries)
    assert ended == replace(ENDED, reason="caf\ufffd")
    assert step == STEP


def test_a_call_whose_peer_writes_stray_bytes_is_an_ordinary_call() -> None:
    async def play() -> None:
        leg = FakeLeg()
        about = leg.description
        leg._description = LegDescription(
            about.leg_id, about.direction, about.trunk, STRAY, "100", sip_call_id=STRAY
        )
        async with scene(leg=leg) as call:
            await leg.until(lambda: leg.has_heard(300))
            leg.hang_up_by_caller()
            await call.over()
            assert call.end.cause is EndCause.CALLER_HANGUP
            assert call.service._nursery.failures == 0
            documents = [line["document"] for line in call.log if line["event"] == "fact"]
            assert documents[0]["caller_number"] == "caf\ufffd"

    run_virtual(play())


def test_what_a_tool_answers_can_be_written_whatever_it_is() -> None:
    result = {"name": STRAY, "n": 2**80}
    fact = ToolRan(CALL, AT, 1, ToolRunId("run_1"), "t", {}, ToolOutcome.OK, result, 9, 1)
    assert b"caf" in document_bytes(encode_fact(fact))
