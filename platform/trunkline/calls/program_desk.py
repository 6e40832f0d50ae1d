"""Where a program that answers a call has people asked, and says what it did of what was granted.

The program runs its tools itself. Here they are asked about, bound to the exact arguments, and
begun and ended once: by whoever asked, and by nobody else.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final, Literal, TypeAlias

from redis.exceptions import RedisError

from trunkline.calls.control import ProgramAsked
from trunkline.domain.approval import OPEN, ApprovalPolicy, binding_hash
from trunkline.domain.approval_json import write_policy
from trunkline.domain.errors import Conflict
from trunkline.domain.events import ApprovalParked, Json, ToolOutcome
from trunkline.domain.ids import ApprovalId, CallId, ToolRunId
from trunkline.domain.program_runs import REFUSED_BY_PROGRAM
from trunkline.flows.tool_slip import write_slip
from trunkline.flows.tools import ProgramTransport, ToolSpec
from trunkline.runtime.logging import get_logger
from trunkline.storage.approval_views import Parked
from trunkline.storage.approvals import Approvals, park
from trunkline.storage.background_runs import ClaimedRun, RunEnd
from trunkline.storage.calls import CallRepository
from trunkline.storage.engine import Sessions, database_now
from trunkline.storage.program_runs import ProgramRuns
from trunkline.storage.upsert import clean_json, clean_text

log = get_logger(__name__)

LOOK_S: Final = 0.2
_SEND_S: Final = 2.0

TellEdge: TypeAlias = Callable[[str, ProgramAsked], Awaitable[None]]
"""A command to the edge of that id; RedisError or OSError when it cannot be sent."""
Outcome: TypeAlias = Literal["done", "failed", "unknown"]
_OUTCOMES: Final[Mapping[Outcome, ToolOutcome]] = {
    "done": ToolOutcome.OK,
    "failed": ToolOutcome.FAILED,
    "unknown": ToolOutcome.UNKNOWN,
}


@dataclass(frozen=True, slots=True)
class Question:
    """What a person is to be asked; ``function_call_id``: of the model's call that waits for it.

    The same question of the same function call again is the same approval. ``worst_case_ms``: the
    longest the program may take once it has begun.
    """

    function_call_id: str
    tool: str
    arguments: Mapping[str, Json]
    question: str
    description: str = ""
    policy: ApprovalPolicy = ApprovalPolicy()
    step: str = ""
    worst_case_ms: int = 30_000
    holding_line: str = ""
    not_yet_line: str = ""


@dataclass(frozen=True, slots=True)
class ProgramDesk:
    """Every method raises NotFound or Conflict; ``owner``: whose calls these are."""

    sessions: Sessions
    tell_edge: TellEdge
    owner: str

    async def ask(self, call_id: str, asked: Question) -> Parked:
        """Put it before people; the caller hears the holding line. Conflict when the call is over,
        or when the function call was asked about with other arguments."""
        # As it will be stored: what a person sees and grants is what the hash is of.
        asked = replace(asked, arguments=clean_json(asked.arguments), tool=clean_text(asked.tool))
        policy = write_policy(asked.policy)
        async with self.sessions.writing(durable=True) as session:
            call = await CallRepository(session).summary(call_id, owner=self.owner)
            if not call.is_live:
                raise Conflict("the call is over", code="call_over")
            now = await database_now(session)
            await park(session, _fact(call.call_id, call.flow_version, asked, policy, now), now)
            parked = await Approvals(session).get(
                _id("appr", call_id, asked.function_call_id), owner=self.owner
            )
        if dict(parked.asked_arguments) != dict(asked.arguments) or (
            parked.approval.tool != asked.tool
        ):
            raise Conflict(
                "this function call was asked about with another tool or other arguments",
                code="asked_otherwise",
            )
        if parked.approval.state in OPEN:
            await self._hold(call.edge_id, call.call_id, asked)
        return parked

    async def _hold(self, edge_id: str, call_id: CallId, asked: Question) -> None:
        """Best effort: without it the caller waits in silence, and is asked about all the same."""
        command = ProgramAsked(
            call_id, asked.function_call_id, asked.holding_line, asked.not_yet_line
        )
        try:
            async with asyncio.timeout(_SEND_S):
                await self.tell_edge(edge_id, command)
        except (RedisError, OSError, TimeoutError) as exc:
            log.warning("an edge was not told to hold its caller", reason=type(exc).__name__)

    async def news(self, approval_id: str, revision: int, wait_s: float) -> Parked:
        """The approval once it is past ``revision``, or as it is after ``wait_s``."""
        try:
            async with asyncio.timeout(wait_s):
                while True:
                    parked = await self._get(approval_id)
                    if parked.approval.revision > revision:
                        return parked
                    await asyncio.sleep(LOOK_S)
        except TimeoutError:
            return await self._get(approval_id)

    async def _get(self, approval_id: str) -> Parked:
        async with self.sessions.reading() as session:
            return await Approvals(session).get(approval_id, owner=self.owner)

    async def begin(self, approval_id: str) -> ClaimedRun:
        """The program is about to do it: exactly one ``begin`` of a granted one succeeds."""
        async with self.sessions.writing(durable=True) as session:
            runs = ProgramRuns(session, owner=self.owner)
            return await runs.begin(approval_id, await database_now(session))

    async def finish(self, approval_id: str, lease: str, outcome: Outcome, result: Json) -> Parked:
        """``failed`` only when nothing was done; ``unknown`` becomes a person's task."""
        if outcome == "done":
            end = RunEnd(ToolOutcome.OK, result, attempts=1)
        else:
            code = REFUSED_BY_PROGRAM if outcome == "failed" else "unknown"
            message = result if isinstance(result, str) else "the program could not say more"
            error: Json = {"error": {"code": code, "message": message}}
            end = RunEnd(_OUTCOMES[outcome], error, attempts=1)
        async with self.sessions.writing(durable=True) as session:
            runs = ProgramRuns(session, owner=self.owner)
            return await runs.end(approval_id, lease, end, await database_now(session))

    async def withdraw(self, approval_id: str) -> Parked:
        """Nobody is asked any more; what was decided before stays as it is."""
        async with self.sessions.writing(durable=True) as session:
            runs = ProgramRuns(session, owner=self.owner)
            return await runs.withdraw(approval_id, await database_now(session))


def _fact(
    call_id: CallId,
    flow_version: str,
    asked: Question,
    policy: dict[str, Json],
    now: datetime,
) -> ApprovalParked:
    tool = ToolSpec(
        name=asked.tool,
        description=asked.description or asked.tool,
        transport=ProgramTransport(),
        parameters={},  # the program checks its own arguments; a stranger's schema is not run
        timeout_ms=asked.worst_case_ms,
    )
    return ApprovalParked(
        call_id=call_id,
        at=now,
        at_ms=0,
        approval_id=ApprovalId(_id("appr", call_id, asked.function_call_id)),
        run_id=ToolRunId(_id("run", call_id, asked.function_call_id)),
        tool=asked.tool,
        arguments=asked.arguments,
        arguments_hash=binding_hash(asked.tool, asked.arguments, flow_version, policy),
        flow_version=flow_version,
        step=asked.step,
        question=asked.question,
        policy=policy,
        slip=write_slip(tool),
        worst_case_ms=asked.worst_case_ms,
    )


def _id(prefix: str, call_id: str, function_call_id: str) -> str:
    """The same for the same function call of the same call, however often it is asked about."""
    digest = hashlib.sha256(f"{call_id}\n{function_call_id}".encode("utf-8", "surrogatepass"))
    return f"{prefix}_{digest.hexdigest()[:24]}"
