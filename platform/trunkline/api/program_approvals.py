"""Routes for programs that answer calls: have a person asked, and do once what was granted."""

from __future__ import annotations

import json
from datetime import timedelta
from decimal import Decimal
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, ConfigDict, Field, JsonValue, field_validator

from trunkline.api.approval_schemas import AskedApproval
from trunkline.api.deps import Deps, needs
from trunkline.api.errors import problems
from trunkline.api.principal import Principal
from trunkline.api.schemas import Id
from trunkline.calls.control import ControlSender
from trunkline.calls.program_desk import ProgramDesk, Question
from trunkline.domain.approval import ApprovalPolicy, Level
from trunkline.domain.approval_json import read_role
from trunkline.storage.approval_views import Parked
from trunkline.storage.engine import database_now

router = APIRouter(prefix="/api/v1", tags=["approvals"], responses=problems())

RoleName = Literal["supervisor", "manager", "admin"]
_Wait = Annotated[float, Field(ge=5, le=86_400)]
_Line = Annotated[str, Field(max_length=400)]
MAX_POLL_S = 25.0
MAX_ARGUMENTS_CHARS = 64 * 1024


class _Wanted(BaseModel):
    model_config = ConfigDict(extra="forbid")


class AskedLevel(_Wanted):
    role: RoleName
    within_s: _Wait = 60.0


class AskedPolicy(_Wanted):
    """As ``approval`` of a flow's tool; nothing is editable: a program does what its model said."""

    levels: Annotated[list[AskedLevel], Field(min_length=1, max_length=5)] = [
        AskedLevel(role="supervisor")
    ]
    expires_s: _Wait = 300.0
    remind_s: _Wait | None = 30.0
    claim_s: _Wait = 45.0
    people: Annotated[int, Field(ge=1, le=2)] = 1
    amount: Annotated[str, Field(max_length=100)] = ""
    limits: dict[RoleName, Annotated[Decimal, Field(ge=0, max_digits=18)]] = {}

    def policy(self) -> ApprovalPolicy:
        return ApprovalPolicy(
            levels=tuple(
                Level(read_role(level.role), timedelta(seconds=level.within_s))
                for level in self.levels
            ),
            expires_after=timedelta(seconds=self.expires_s),
            remind_after=None if self.remind_s is None else timedelta(seconds=self.remind_s),
            claim_for=timedelta(seconds=self.claim_s),
            grants=self.people,
            amount_field=self.amount,
            limits={read_role(name): most for name, most in self.limits.items()},
        )


class Asked(_Wanted):
    """``function_call_id``: of the function call that waits; asked again, it is the same approval.

    ``worst_case_s``: after so long (and half a minute) a run that was begun is ``unknown``.
    """

    function_call_id: str = Field(min_length=1, max_length=128)
    tool: str = Field(min_length=1, max_length=128)
    arguments: dict[str, JsonValue] = Field(max_length=100)
    question: str = Field(min_length=1, max_length=1000)
    description: str = Field(default="", max_length=4000)
    policy: AskedPolicy = AskedPolicy()
    step: str = Field(default="", max_length=128)
    worst_case_s: float = Field(default=30.0, ge=1, le=600)
    holding_line: _Line = ""
    not_yet_line: _Line = ""

    @field_validator("arguments")
    @classmethod
    def _fit_a_screen(cls, value: dict[str, JsonValue]) -> dict[str, JsonValue]:
        if len(json.dumps(value)) > MAX_ARGUMENTS_CHARS:
            raise ValueError(f"at most {MAX_ARGUMENTS_CHARS} characters as JSON")
        return value


class Begun(BaseModel):
    """Yours until ``lease`` runs out; the key is what a service may tell a repetition by."""

    lease: str
    tool: str
    arguments: dict[str, Any]
    idempotency_key: str


class Finished(_Wanted):
    """``failed`` only when nothing was done. ``result``: the receipt, or what went wrong."""

    lease: str = Field(min_length=1, max_length=64)
    outcome: Literal["done", "failed", "unknown"]
    result: JsonValue = None


async def get_asker(
    deps: Deps, principal: Annotated[Principal, Depends(needs("approvals:ask"))]
) -> ProgramDesk:
    sender = ControlSender(deps.redis, deps.clock)
    return ProgramDesk(deps.sessions, sender.send, principal.owner)


Asker = Annotated[ProgramDesk, Depends(get_asker)]


@router.post("/calls/{call_id}/approvals", status_code=201, responses=problems(404, 409))
async def ask_for_approval(call_id: Id, wanted: Asked, deps: Deps, desk: Asker) -> AskedApproval:
    """Ask a person before you do something that your model wants; the caller is told to wait."""
    parked = await desk.ask(
        call_id,
        Question(
            function_call_id=wanted.function_call_id,
            tool=wanted.tool,
            arguments=wanted.arguments,
            question=wanted.question,
            description=wanted.description,
            policy=wanted.policy.policy(),
            step=wanted.step,
            worst_case_ms=round(wanted.worst_case_s * 1000),
            holding_line=wanted.holding_line,
            not_yet_line=wanted.not_yet_line,
        ),
    )
    return await _shown(deps, parked)


@router.get("/approvals/{approval_id}/news", responses=problems(404))
async def news_of_approval(
    approval_id: Id,
    deps: Deps,
    desk: Asker,
    revision: Annotated[int, Query(ge=-1, le=2**31 - 1)] = -1,
    wait_s: Annotated[float, Query(ge=0, le=MAX_POLL_S)] = 0,
) -> AskedApproval:
    """The approval as soon as it is past ``revision``, at the latest after ``wait_s``."""
    return await _shown(deps, await desk.news(approval_id, revision, wait_s))


@router.post("/approvals/{approval_id}/begin", responses=problems(404, 409))
async def begin_approved(approval_id: Id, desk: Asker) -> Begun:
    """Say that you do it now. Of all that are ever asked for one approval, one succeeds."""
    run = await desk.begin(approval_id)
    return Begun(
        lease=run.lease,
        tool=run.tool,
        arguments=dict(run.arguments),
        idempotency_key=run.idempotency_key,
    )


@router.post("/approvals/{approval_id}/finish", responses=problems(404, 409))
async def finish_approved(
    approval_id: Id, wanted: Finished, deps: Deps, desk: Asker
) -> AskedApproval:
    """Say what became of it."""
    parked = await desk.finish(approval_id, wanted.lease, wanted.outcome, wanted.result)
    return await _shown(deps, parked)


@router.post("/approvals/{approval_id}/withdraw", responses=problems(404, 409))
async def withdraw_approval(approval_id: Id, deps: Deps, desk: Asker) -> AskedApproval:
    """It is not wanted any more; what somebody decided before stays as it is."""
    return await _shown(deps, await desk.withdraw(approval_id))


async def _shown(deps: Deps, parked: Parked) -> AskedApproval:
    async with deps.sessions.reading() as session:
        return AskedApproval.of(parked, await database_now(session))
