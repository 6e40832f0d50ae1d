"""Commands from the web processes to the edges, over Redis.

Every edge reads the stream ``trunkline:control:<edge_id>`` (one field, ``command``, a JSON
document) and announces itself every five seconds in the hash ``trunkline:edges`` (edge id to a JSON
document with ``at``, ``live`` and ``draining``). An announcement older than 15 s is a dead edge's.
Redis away: calls go on, and commands reach them again when it is back.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any, Final, TypeAlias, cast

import orjson
from redis.asyncio import Redis
from redis.exceptions import RedisError

from trunkline.domain.approval import ApprovalState
from trunkline.domain.clock import Clock
from trunkline.domain.errors import Invalid
from trunkline.domain.events import Json, ToolOutcome
from trunkline.domain.ids import ApprovalId, CallId, ToolRunId
from trunkline.runtime.logging import get_logger

log = get_logger(__name__)

EDGES_HASH: Final = "trunkline:edges"
COMMAND_FIELD: Final = "command"
HEARTBEAT_S: Final = 5.0
DEAD_AFTER: Final = timedelta(seconds=15)

_STREAM_LENGTH: Final = 1000
_BLOCK_MS: Final = 1000
_RETRY_S: Final = 1.0
_OLDEST: Final = timedelta(seconds=30)  # a command that waited longer was meant for another moment


def control_stream(edge_id: str) -> str:
    return f"trunkline:control:{edge_id}"


@dataclass(frozen=True, slots=True)
class HangUpCall:
    """An operator ends the call; ``by`` names the user for the log."""

    call_id: CallId
    by: str = ""


@dataclass(frozen=True, slots=True)
class PlaceCall:
    """An ordered call may be due: claim it and dial it, if nobody else has.

    It may come twice, late or never: the order's row decides, and whoever waits is told again.
    """

    placement_id: CallId


@dataclass(frozen=True, slots=True)
class ToolResult:
    """A tool that ran in the background has come back; it may come twice.

    ``outcome`` and ``result`` are as in ToolRan.
    """

    call_id: CallId
    run_id: ToolRunId
    outcome: ToolOutcome
    result: Json
    duration_ms: int
    attempts: int


@dataclass(frozen=True, slots=True)
class ApprovalNews:
    """What has become of a call's question to a person; it may come twice, or out of order.

    ``state`` is one of ``domain.approval.ApprovalState``; the highest ``revision`` is the truth.
    ``result`` is the tool's answer once it is done, or its error. ``arguments``: as they are now.
    """

    call_id: CallId
    approval_id: ApprovalId
    run_id: ToolRunId
    state: str
    revision: int
    reason: str
    result: Json
    arguments: Mapping[str, Json]


@dataclass(frozen=True, slots=True)
class ProgramAsked:
    """The program that answers the call had a person asked before it does something.

    ``function_call_id``: the model's call that waits for it. The lines are said to the caller, the
    second one to whoever speaks meanwhile.
    """

    call_id: CallId
    function_call_id: str
    holding_line: str
    not_yet_line: str


@dataclass(frozen=True, slots=True)
class TakeOverCall:
    """A person takes the call over at ``target``, their phone; ``by`` names them for the record.

    ``withdraws_approvals``: what a person is asked about is taken back once they have the caller.
    """

    call_id: CallId
    take_over_id: str
    target: str
    by: str
    withdraws_approvals: bool = False


ControlCommand: TypeAlias = (
    HangUpCall | PlaceCall | ToolResult | ApprovalNews | ProgramAsked | TakeOverCall
)


def encode_command(command: ControlCommand, at: datetime) -> bytes:
    document: dict[str, Json]
    match command:
        case HangUpCall(call_id, by):
            document = {"kind": "hang_up_call", "call_id": call_id, "by": by}
        case PlaceCall(placement_id):
            document = {"kind": "place_call", "placement_id": placement_id}
        case ToolResult():
            document = {
                "kind": "tool_result",
                "call_id": command.call_id,
                "run_id": command.run_id,
                "outcome": command.outcome.value,
                "result": command.result,
                "duration_ms": command.duration_ms,
                "attempts": command.attempts,
            }
        case ApprovalNews():
            document = {
                "kind": "approval_news",
                "call_id": command.call_id,
                "approval_id": command.approval_id,
                "run_id": command.run_id,
                "state": command.state,
                "revision": command.revision,
                "reason": command.reason,
                "result": command.result,
                "arguments": dict(command.arguments),
            }
        case TakeOverCall():
            document = {
                "kind": "take_over_call",
                "call_id": command.call_id,
                "take_over_id": command.take_over_id,
                "target": command.target,
                "by": command.by,
                "withdraws_approvals": command.withdraws_approvals,
            }
        case ProgramAsked():
            document = {"kind": "program_asked", **asdict(command)}
    return orjson.dumps({**document, "at": at.isoformat()})


def decode_command(payload: bytes) -> tuple[ControlCommand, datetime]:
    """The command and when it was sent; raises Invalid when it is none we know."""
    try:
        document = orjson.loads(payload)
        at = datetime.fromisoformat(document["at"])
        match document["kind"]:
            case "hang_up_call":
                call_id = CallId(str(document["call_id"]))
                return HangUpCall(call_id, str(document.get("by", ""))), at
            case "place_call":
                return PlaceCall(CallId(str(document["placement_id"]))), at
            case "tool_result":
                return _tool_result(document), at
            case "take_over_call":
                return _take_over(document), at
            case "approval_news":
                return _approval_news(document), at
            case "program_asked":
                return _program_asked(document), at
            case kind:
                raise Invalid(f"unknown command {kind!r}", code="unknown_command")
    except (orjson.JSONDecodeError, KeyError, TypeError, ValueError):
        raise Invalid("not a control command", code="bad_command") from None


def _approval_news(document: Mapping[str, Json]) -> ApprovalNews:
    return ApprovalNews(
        call_id=CallId(str(document["call_id"])),
        approval_id=ApprovalId(str(document["approval_id"])),
        run_id=ToolRunId(str(document["run_id"])),
        state=ApprovalState(document["state"]).value,
        revision=int(document["revision"]),
        reason=str(document["reason"]),
        result=document["result"],
        arguments=dict(document["arguments"]),
    )


def _take_over(document: Mapping[str, Json]) -> TakeOverCall:
    return TakeOverCall(
        call_id=CallId(str(document["call_id"])),
        take_over_id=str(document["take_over_id"]),
        target=str(document["target"]),
        by=str(document["by"]),
        withdraws_approvals=bool(document.get("withdraws_approvals", False)),
    )


def _program_asked(document: Mapping[str, Json]) -> ProgramAsked:
    return ProgramAsked(
        call_id=CallId(str(document["call_id"])),
        function_call_id=str(document["function_call_id"]),
        holding_line=str(document["holding_line"]),
        not_yet_line=str(document["not_yet_line"]),
    )


def _tool_result(document: Mapping[str, Json]) -> ToolResult:
    return ToolResult(
        call_id=CallId(str(document["call_id"])),
        run_id=ToolRunId(str(document["run_id"])),
        outcome=ToolOutcome(document["outcome"]),
        result=document["result"],
        duration_ms=int(document["duration_ms"]),
        attempts=int(document["attempts"]),
    )


class ControlSender:
    """The web's side."""

    def __init__(self, redis: Redis, clock: Clock) -> None:
        self._redis = redis
        self._clock = clock

    async def send(self, edge_id: str, command: ControlCommand) -> None:
        """Raises RedisError or OSError when Redis is away; the caller shows that."""
        await self._redis.xadd(
            control_stream(edge_id),
            {COMMAND_FIELD: encode_command(command, self._clock.now())},
            maxlen=_STREAM_LENGTH,
            approximate=True,
        )


@dataclass(frozen=True, slots=True)
class EdgeAnnouncement:
    edge_id: str
    at: datetime
    live: int
    is_draining: bool

    def is_alive(self, now: datetime) -> bool:
        return now - self.at <= DEAD_AFTER


async def announced_edges(redis: Redis) -> list[EdgeAnnouncement]:
    """Every edge that ever announced itself and has not left, dead ones included."""
    found = cast(Any, await redis.hgetall(EDGES_HASH))
    edges = []
    for edge_id, payload in found.items():
        document: dict[str, Json] = orjson.loads(payload)
        name = edge_id.decode() if isinstance(edge_id, bytes) else str(edge_id)
        at = datetime.fromisoformat(document["at"])
        edges.append(EdgeAnnouncement(name, at, int(document["live"]), bool(document["draining"])))
    return edges


class ControlListener:
    """The edge's side: ``run`` reads commands and announces the edge until it is cancelled."""

    def __init__(
        self,
        redis: Redis,
        edge_id: str,
        clock: Clock,
        *,
        obey: Callable[[ControlCommand], None],
        live_count: Callable[[], int],
        is_draining: Callable[[], bool],
    ) -> None:
        self._redis = redis
        self._edge_id = edge_id
        self._clock = clock
        self._obey = obey
        self._live_count = live_count
        self._is_draining = is_draining
        self._is_connected = True

    @property
    def is_connected(self) -> bool:
        return self._is_connected

    async def run(self) -> None:
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._announce(), name="announce")
                tasks.create_task(self._listen(), name="commands")
        finally:
            await self._leave()

    async def _announce(self) -> None:
        while True:
            document = {
                "at": self._clock.now().isoformat(),
                "live": self._live_count(),
                "draining": self._is_draining(),
            }
            try:
                async with asyncio.timeout(HEARTBEAT_S):
                    await self._redis.hset(
                        EDGES_HASH, self._edge_id, orjson.dumps(document).decode()
                    )
            except (RedisError, OSError, TimeoutError):
                pass  # the listener reports it; the next heartbeat tries again
            await asyncio.sleep(HEARTBEAT_S)

    async def _listen(self) -> None:
        # From the beginning: a command from before this process is stale, or ours to obey.
        stream, last = control_stream(self._edge_id), "0-0"
        us = asyncio.current_task()
        assert us is not None
        # redis-py 8.1 answers a cancellation that meets an answer with the answer alone.
        while not us.cancelling():
            try:
                async with asyncio.timeout(_BLOCK_MS / 1000 + 2):
                    answer = cast(
                        Any, await self._redis.xread({stream: last}, count=20, block=_BLOCK_MS)
                    )
            except (RedisError, OSError, TimeoutError) as exc:
                if self._is_connected:
                    log.warning("no commands reach this edge: Redis is away", reason=str(exc))
                self._is_connected = False
                await asyncio.sleep(_RETRY_S)
                continue
            self._is_connected = True
            for _, entries in answer or ():
                for entry_id, fields in entries:
                    last = entry_id
                    self._take(fields)

    def _take(self, fields: Mapping[bytes, bytes]) -> None:
        try:
            command, at = decode_command(fields.get(COMMAND_FIELD.encode(), b""))
        except Invalid as exc:
            log.warning("a control command was ignored", reason=exc.message)
            return
        if self._clock.now() - at > _OLDEST:
            log.warning("a stale control command was ignored", command=type(command).__name__)
            return
        self._obey(command)

    async def _leave(self) -> None:
        try:
            async with asyncio.timeout(1):
                await self._redis.hdel(EDGES_HASH, self._edge_id)
        except (RedisError, OSError, TimeoutError):
            pass  # the announcement goes stale by itself
