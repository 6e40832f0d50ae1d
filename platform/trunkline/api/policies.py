"""Routes: the approval policies of every flow, and the house's own rules over all of them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Header, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from trunkline.api.deps import Deps, needs
from trunkline.api.errors import PreconditionFailed, PreconditionRequired, problems
from trunkline.api.principal import Principal
from trunkline.calls.policy_book import PolicyCase, ToolPolicy, policies_in_force
from trunkline.domain.approval import ApprovalPolicy, Role, WhenCallerLeaves
from trunkline.domain.errors import Conflict
from trunkline.domain.house_rules import LONGEST_S, SHORTEST_S, MailedArguments
from trunkline.storage.engine import database_now
from trunkline.storage.house_rules import HouseRulesStore, RulesVersion

router = APIRouter(prefix="/api/v1/approval-policies", tags=["approvals"], responses=problems())

Reader = Annotated[Principal, Depends(needs("approvals:read"))]
Ruler = Annotated[Principal, Depends(needs("approvals:manage"))]
RoleName = Literal["supervisor", "manager", "admin"]
Amount = Annotated[str, Field(pattern=r"^[0-9]{1,12}(\.[0-9]{1,6})?$", examples=["500.00"])]
Seconds = Annotated[int, Field(ge=SHORTEST_S, le=LONGEST_S)]
_ETAG = r'^(\*|"[0-9]{1,9}")$'
IfMatch = Annotated[
    str | None, Header(pattern=_ETAG, description="The rules' ETag, or * for whatever is there.")
]


class LevelOut(BaseModel):
    role: str
    within_s: float


class PolicyOut(BaseModel):
    """``limits``: the most that each role may grant, null for as much as is asked; absent where
    the policy names no amount. ``two_people_above``: larger amounts need two."""

    levels: list[LevelOut]
    expires_s: float
    remind_s: float | None
    claim_s: float
    people: int
    two_people_above: str | None
    amount: str
    limits: dict[str, str | None]
    editable: list[str]
    when_caller_leaves: WhenCallerLeaves

    @classmethod
    def of(cls, policy: ApprovalPolicy) -> PolicyOut:
        above = policy.two_people_above
        return cls(
            levels=[
                LevelOut(role=one.role.name.lower(), within_s=one.sla.total_seconds())
                for one in policy.levels
            ],
            expires_s=policy.expires_after.total_seconds(),
            remind_s=None if policy.remind_after is None else policy.remind_after.total_seconds(),
            claim_s=policy.claim_for.total_seconds(),
            people=policy.grants,
            two_people_above=None if above is None else str(above),
            amount=policy.amount_field,
            limits=_limits(policy) if policy.amount_field else {},
            editable=sorted(policy.editable),
            when_caller_leaves=policy.when_caller_leaves,
        )


class PolicyCaseOut(BaseModel):
    """``when``: the flow's condition; empty for what holds otherwise. ``flow``: as its author
    wrote it; null: nobody is asked. ``in_force``: as this house lets it hold now."""

    when: str
    flow: PolicyOut | None
    in_force: PolicyOut | None

    @classmethod
    def of(cls, case: PolicyCase) -> PolicyCaseOut:
        return cls(
            when=case.when,
            flow=None if case.flow is None else PolicyOut.of(case.flow),
            in_force=None if case.in_force is None else PolicyOut.of(case.in_force),
        )


class ToolPolicyOut(BaseModel):
    """``question`` as the flow's author wrote it; the first of ``cases`` that holds counts."""

    agent: str
    flow_version: str
    is_published: bool
    is_canary: bool
    tool: str
    description: str
    question: str
    cases: list[PolicyCaseOut]

    @classmethod
    def of(cls, one: ToolPolicy) -> ToolPolicyOut:
        return cls(
            agent=one.agent,
            flow_version=one.flow_version,
            is_published=one.is_published,
            is_canary=one.is_canary,
            tool=one.tool,
            description=one.description,
            question=one.question,
            cases=[PolicyCaseOut.of(case) for case in one.cases],
        )


class Rules(BaseModel):
    """What is not named is left to the flows. ``limits``: the most that a role may grant; the next
    role above that is named also binds those below. ``longest_sla_s``, ``longest_expiry_s`` and
    ``remind_s``: at most so long. What is asked in ``quiet_hours`` is asked of ``quiet_role`` at
    least. ``mail_arguments``: how much of the arguments a mail shows; the amount always."""

    model_config = ConfigDict(extra="forbid")

    limits: dict[RoleName, Amount] = {}
    two_people_above: Amount | None = None
    longest_sla_s: Seconds | None = None
    longest_expiry_s: Seconds | None = None
    remind_s: Seconds | None = None
    quiet_hours: Annotated[str, Field(max_length=80)] | None = Field(
        default=None, examples=["20:00-07:00 Europe/London"]
    )
    quiet_role: RoleName = "manager"
    mail_arguments: MailedArguments = MailedArguments.MASKED


class RulesOut(BaseModel):
    """``version`` is also the ETag, and what If-Match takes; 0: nobody has written any yet."""

    version: int
    rules: Rules
    at: datetime | None
    by: str

    @classmethod
    def of(cls, one: RulesVersion) -> RulesOut:
        return cls(
            version=one.version, rules=Rules.model_validate(one.document), at=one.at, by=one.by
        )


@router.get("")
async def list_policies(deps: Deps, reader: Reader) -> list[ToolPolicyOut]:
    """Of every tool that people are asked about, in the flows that serve."""
    await deps.flows.look()
    async with deps.sessions.reading() as session:
        rules = (await HouseRulesStore(session, owner=reader.owner).current()).rules
        now = await database_now(session)
    return [ToolPolicyOut.of(one) for one in policies_in_force(deps.flows.serving(), rules, now)]


@router.get("/house")
async def get_house_rules(deps: Deps, reader: Reader, response: Response) -> RulesOut:
    async with deps.sessions.reading() as session:
        current = await HouseRulesStore(session, owner=reader.owner).current()
    return _answer(current, response)


@router.put("/house", responses=problems(400, 412, 428))
async def put_house_rules(
    wanted: Rules, deps: Deps, ruler: Ruler, response: Response, if_match: IfMatch = None
) -> RulesOut:
    """The next version. It can only tighten what flows demand; what is asked from now on is bound
    to it, and its limits hold for what is open already. Changed by somebody else meanwhile: 412."""
    if if_match is None:
        raise PreconditionRequired("say which version you changed: If-Match with its ETag")
    based_on = None if if_match == "*" else int(if_match.strip('"'))
    now = deps.clock.now()
    try:
        async with deps.sessions.writing(durable=True) as session:
            new = await HouseRulesStore(session, owner=ruler.owner).put(
                wanted.model_dump(exclude_none=True, mode="json"),
                f"key:{ruler.name}",
                now,
                based_on=based_on,
            )
    except Conflict as exc:
        raise PreconditionFailed(exc.message, code=exc.code) from None
    return _answer(new, response)


@router.get("/house/versions")
async def list_house_rules(
    deps: Deps, reader: Reader, limit: Annotated[int, Query(ge=1, le=200)] = 50
) -> list[RulesOut]:
    """The newest first."""
    async with deps.sessions.reading() as session:
        found = await HouseRulesStore(session, owner=reader.owner).history(limit)
    return [RulesOut.of(one) for one in found]


def _answer(current: RulesVersion, response: Response) -> RulesOut:
    response.headers["etag"] = f'"{current.version}"'
    return RulesOut.of(current)


def _limits(policy: ApprovalPolicy) -> dict[str, str | None]:
    deciders = (role for role in Role if role > Role.VIEWER)
    most = {role.name.lower(): policy.limit_of(role) for role in deciders}
    return {name: None if limit is None else str(limit) for name, limit in most.items()}
