"""Facts reach their places: the database, the live stream, and the disk while those are away."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, get_args

import orjson
import pytest
from redis.exceptions import ConnectionError as RedisAway
from sqlalchemy.exc import IntegrityError, OperationalError
from tests.fakes.virtual_time import run_virtual

from trunkline.calls.fact_json import decode_fact, encode_fact
from trunkline.calls.live_sink import LIVE_STREAM, LiveSink
from trunkline.calls.publish import FanOut
from trunkline.calls.spool import FactSpool
from trunkline.calls.store_sink import StoreSink
from trunkline.domain.call import CallState, Direction, EndCause
from trunkline.domain.errors import Invalid
from trunkline.domain.events import (
    ApprovalHeard,
    ApprovalParked,
    ApprovalWithdrawn,
    CallAnswered,
    CallbackRequested,
    CallEnded,
    CallerPartial,
    CallFact,
    CallStarted,
    CallStateChanged,
    EscalationRaised,
    GuardActed,
    QueuePlaced,
    RecordingClosed,
    RecordingState,
    StepEntered,
    TakeOverChanged,
    ToolOutcome,
    ToolQueued,
    ToolRan,
    TransferAttempted,
    TurnEnded,
)
from trunkline.domain.ids import ApprovalId, CallId, LegId, ToolRunId, TurnId
from trunkline.domain.turn import Speaker, SpokenWord, Turn, TurnKind, WordFate

CALL = CallId("call_1")
AT = datetime(2026, 3, 2, 9, 30, 0, 123456, tzinfo=UTC)
TURN = Turn(
    turn_id=TurnId("turn_1"),
    seq=1,
    speaker=Speaker.AGENT,
    kind=TurnKind.SAY,
    text="You owe",
    started_ms=10,
    ended_ms=900,
    generated_text="You owe ten pounds.",
    is_interrupted=True,
    words=(SpokenWord("You", 10, 200), SpokenWord("ten", 500, 900, WordFate.CUT, True)),
    stop_to_silence_ms=80,
)
FACTS: list[CallFact] = [
    CallStarted(
        CALL,
        AT,
        LegId("leg_1"),
        Direction.INBOUND,
        "local",
        "+44",
        "100",
        "energy",
        "v",
        "e",
        "edge",
    ),
    CallStateChanged(CALL, AT, CallState.RINGING),
    CallAnswered(CALL, AT, "PCMU/8000", 120),
    StepEntered(CALL, AT, 0, "menu"),
    TurnEnded(CALL, AT, TURN),
    CallerPartial(CALL, AT, 5, "what is"),
    ToolRan(
        CALL,
        AT,
        5,
        ToolRunId("run_1"),
        "t",
        {"a": [1, {"b": None}]},
        ToolOutcome.OK,
        {"x": 1.5},
        9,
        1,
    ),
    ToolQueued(
        CALL, AT, 5, ToolRunId("run_3"), "t", {"a": 1}, "k", {"name": "t"}, {}, True, 5000, 9
    ),
    ApprovalParked(CALL, AT, 5, ApprovalId("appr_1"), ToolRunId("run_2"), "pay", {}, "h", "v"),
    ApprovalHeard(CALL, AT, 6, ApprovalId("appr_1"), ToolRunId("run_2"), 3, "done"),
    ApprovalWithdrawn(CALL, AT, 6, ApprovalId("appr_1"), ToolRunId("run_2")),
    TransferAttempted(CALL, AT, 5, "sip:a@b", True, 486),
    QueuePlaced(CALL, AT, 5, "desk", 2, 60_000),
    CallbackRequested(CALL, AT, 5, "desk", "+44", 2, 9_000),
    EscalationRaised(
        CALL, AT, 5, "esc_1", "complaint", "keyword", "high", "supervisor", "menu", "They said so."
    ),
    TakeOverChanged(CALL, AT, 5, "tko_1", "sam", "failed", "busy"),
    GuardActed(
        CALL, AT, 7, "output", "promises", "refuse", "pattern", 1.0, "I guarantee it.", "pay"
    ),
    RecordingClosed(CALL, AT, "recordings/x.wav", RecordingState.INCOMPLETE, 10, 8000, 5),
    CallEnded(CALL, AT, EndCause.CALLER_HANGUP, 200, "", 10, {"rx": 1.0}, {"setup_ms": 2.0}),
]


def state(number: int) -> CallStateChanged:
    return CallStateChanged(CallId(f"call_{number}"), AT, CallState.RINGING)


@pytest.mark.parametrize("fact", FACTS, ids=lambda fact: type(fact).__name__)
def test_a_fact_survives_its_document(fact: CallFact) -> None:
    text = orjson.dumps(encode_fact(fact))
    assert decode_fact(orjson.loads(text)) == fact


def test_every_kind_of_fact_is_tried() -> None:
    assert {type(fact) for fact in FACTS} == set(get_args(CallFact))


def test_a_field_from_a_later_version_is_ignored() -> None:
    document = encode_fact(FACTS[2]) | {"a_new_field": 1}
    assert decode_fact(document) == FACTS[2]


@pytest.mark.parametrize(
    ("document", "code"),
    [
        ({"fact": "no_such"}, "unknown_fact"),
        ({}, "unknown_fact"),
        ({"fact": "step_entered", "call_id": "c"}, "bad_fact"),
    ],
)
def test_a_document_that_is_no_fact_is_refused(document: dict[str, Any], code: str) -> None:
    with pytest.raises(Invalid) as caught:
        decode_fact(document)
    assert caught.value.code == code


class Database:
    """Takes batches, unless it is told what to raise."""

    def __init__(self) -> None:
        self.batches: list[list[CallFact]] = []
        self.raises: Callable[[Sequence[CallFact]], BaseException | None] = lambda facts: None
        self.hangs = False

    async def write(self, facts: Sequence[CallFact]) -> None:
        if self.hangs:
            await asyncio.sleep(3600)
        error = self.raises(facts)
        if error is not None:
            raise error
        self.batches.append(list(facts))

    @property
    def facts(self) -> list[CallFact]:
        return [fact for batch in self.batches for fact in batch]


def away(_: Sequence[CallFact]) -> BaseException:
    return OperationalError("insert", {}, Exception("no server"))


def test_facts_of_a_moment_are_one_write_and_partials_none(tmp_path: Path) -> None:
    async def play() -> None:
        database = Database()
        sink = StoreSink(database.write, FactSpool(tmp_path / "s.jsonl"))
        async with asyncio.TaskGroup() as tasks:
            running = tasks.create_task(sink.run())
            for fact in FACTS[:6]:
                sink.publish(fact)
            await asyncio.sleep(1)
            assert database.batches == [FACTS[:5]]
            running.cancel()

    run_virtual(play())


def test_the_end_of_a_call_is_written_at_once(tmp_path: Path) -> None:
    async def play() -> None:
        database = Database()
        sink = StoreSink(database.write, FactSpool(tmp_path / "s.jsonl"))
        async with asyncio.TaskGroup() as tasks:
            running = tasks.create_task(sink.run())
            await asyncio.sleep(1)
            sink.publish(FACTS[-1])
            await asyncio.sleep(0.01)
            assert database.facts == [FACTS[-1]]
            running.cancel()

    run_virtual(play())


@pytest.mark.parametrize("how", ["raises", "hangs"])
def test_while_the_database_is_away_facts_wait_on_disk_and_then_go_in_order(
    tmp_path: Path, how: str
) -> None:
    async def play() -> None:
        database, path = Database(), tmp_path / "spool" / "s.jsonl"
        sink = StoreSink(database.write, FactSpool(path), deadline_s=1)
        async with asyncio.TaskGroup() as tasks:
            running = tasks.create_task(sink.run())
            sink.publish(state(0))
            await asyncio.sleep(1)
            if how == "raises":
                database.raises = away
            else:
                database.hangs = True
            for number in range(1, 4):
                sink.publish(state(number))
                await asyncio.sleep(3)
            async with asyncio.timeout(60):
                while len(path.read_bytes().splitlines()) < 3:
                    await asyncio.sleep(0.1)
            assert sink.is_spooling
            assert len(path.read_bytes().splitlines()) == 3
            database.raises, database.hangs = lambda facts: None, False
            await asyncio.sleep(40)
            assert not sink.is_spooling
            assert not path.exists()
            sink.publish(state(4))
            await asyncio.sleep(1)
            assert database.facts == [state(number) for number in range(5)]
            running.cancel()

    run_virtual(play())


def test_what_a_process_before_this_one_left_on_disk_is_written_first(tmp_path: Path) -> None:
    async def play() -> None:
        path = tmp_path / "s.jsonl"
        FactSpool(path).append([state(1), state(2)])
        with path.open("ab") as file:
            file.write(b'{"half a li')  # cut off by the crash: never a whole line
        database = Database()
        sink = StoreSink(database.write, FactSpool(path))
        sink.publish(state(3))
        async with asyncio.TaskGroup() as tasks:
            running = tasks.create_task(sink.run())
            await asyncio.sleep(20)
            assert database.facts == [state(1), state(2), state(3)]
            running.cancel()

    run_virtual(play())


def test_a_fact_that_no_database_takes_is_put_aside_and_the_others_go_on(tmp_path: Path) -> None:
    async def play() -> None:
        database, path = Database(), tmp_path / "s.jsonl"
        database.raises = lambda facts: (
            IntegrityError("insert", {}, Exception("bad")) if state(2) in facts else None
        )
        sink = StoreSink(database.write, FactSpool(path))
        async with asyncio.TaskGroup() as tasks:
            running = tasks.create_task(sink.run())
            for number in range(4):
                sink.publish(state(number))
            await asyncio.sleep(1)
            assert database.facts == [state(0), state(1), state(3)]
            (line,) = path.with_suffix(".rejected.jsonl").read_bytes().splitlines()
            assert decode_fact(orjson.loads(line)) == state(2)
            running.cancel()

    run_virtual(play())


def test_a_writer_that_is_stuck_makes_publish_spool_and_lose_nothing(tmp_path: Path) -> None:
    async def play() -> None:
        database, path = Database(), tmp_path / "s.jsonl"
        sink = StoreSink(database.write, FactSpool(path), depth=10)
        for number in range(25):
            sink.publish(state(number))
        async with asyncio.TaskGroup() as tasks:
            running = tasks.create_task(sink.run())
            await asyncio.sleep(10)
            assert [fact.call_id for fact in database.facts] == [f"call_{n}" for n in range(25)]
            running.cancel()

    run_virtual(play())


@pytest.mark.parametrize("is_away", [False, True])
def test_closing_writes_or_spools_what_is_left(tmp_path: Path, is_away: bool) -> None:
    async def play() -> None:
        database, path = Database(), tmp_path / "s.jsonl"
        if is_away:
            database.raises = away
        sink = StoreSink(database.write, FactSpool(path))
        sink.publish(state(1))
        await sink.close(1)
        assert database.facts == ([] if is_away else [state(1)])
        assert path.exists() == is_away

    run_virtual(play())


class Stream:
    """As much of a Redis client as the sink needs: a pipeline of XADDs."""

    def __init__(self) -> None:
        self.entries: list[tuple[str, dict[str, bytes]]] = []
        self.is_away = False
        self._queued: list[tuple[str, dict[str, bytes]]] = []

    def pipeline(self, *, transaction: bool) -> Stream:
        self._queued = []
        return self

    async def __aenter__(self) -> Stream:
        return self

    async def __aexit__(self, *_: object) -> None:
        return None

    def xadd(self, name: str, fields: dict[str, bytes], *, maxlen: int, approximate: bool) -> None:
        self._queued.append((name, fields))

    async def execute(self) -> None:
        if self.is_away:
            raise RedisAway("gone")
        self.entries += self._queued


def test_the_live_stream_goes_on_when_redis_comes_back() -> None:
    async def play() -> None:
        stream = Stream()
        sink = LiveSink(stream)  # type: ignore[arg-type]
        both = FanOut([sink])
        async with asyncio.TaskGroup() as tasks:
            running = tasks.create_task(sink.run())
            both.publish(FACTS[5])
            await asyncio.sleep(0.1)
            ((name, fields),) = stream.entries
            assert name == LIVE_STREAM
            assert decode_fact(orjson.loads(fields["fact"])) == FACTS[5]
            stream.is_away = True
            for number in range(2500):
                both.publish(state(number))
            await asyncio.sleep(5)
            assert not sink.is_connected
            stream.is_away = False
            await asyncio.sleep(5)
            assert sink.is_connected
            kept = [decode_fact(orjson.loads(f["fact"])) for _, f in stream.entries[1:]]
            assert kept == [state(number) for number in range(500, 2500)]  # the oldest are gone
            assert sink.dropped == 500
            running.cancel()

    run_virtual(play())


def test_what_is_published_while_the_database_is_waited_for_is_on_disk_at_once(
    tmp_path: Path,
) -> None:
    """An edge may be killed in that time, and what only its memory held went with it."""

    async def play() -> None:
        database, path = Database(), tmp_path / "s.jsonl"
        database.raises = away
        spool = FactSpool(path)
        sink = StoreSink(database.write, spool)
        async with asyncio.TaskGroup() as tasks:
            running = tasks.create_task(sink.run())
            sink.publish(state(0))
            await asyncio.sleep(20)  # by now it waits for fifteen seconds at a time
            for number in range(1, 20):
                sink.publish(state(number))
                await asyncio.sleep(0.5)
                assert spool.size() == number + 1
            running.cancel()

    run_virtual(play())
