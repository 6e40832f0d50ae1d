"""Approvals as they may be written in a flow's YAML."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, StringConstraints

from trunkline.domain.approval import WhenCallerLeaves
from trunkline.flows.schema.document import Number, Part, Text

RoleName = Literal["supervisor", "manager", "admin"]
_Path = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_]\w*(\.[A-Za-z_]\w*)*$")]
_Wait = Annotated[float, Field(ge=5, le=86_400, strict=False)]


def _money(value: Any) -> Any:
    """An amount in quotes reads as well: YAML would round what is not."""
    try:
        return Decimal(value) if isinstance(value, str) else value
    except ArithmeticError:
        return value


def _paths(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


Limits = dict[RoleName, Annotated[Number, BeforeValidator(_money), Field(ge=0)]]


class LevelPart(Part):
    role: RoleName
    within_s: _Wait = 60.0


class RulePart(Part):
    """Holds instead of the part's own where ``when`` does; what it leaves out stays."""

    when: Text
    waive: bool = False
    levels: Annotated[list[LevelPart], Field(min_length=1, max_length=5)] | None = None
    people: Annotated[int, Field(ge=1, le=2)] | None = None
    limits: Limits | None = None
    expires_s: _Wait | None = None


class ApprovalPart(Part):
    """``amount`` and ``editable``: arguments of the tool, by dotted path."""

    ask: Text | None = None
    levels: Annotated[list[LevelPart], Field(min_length=1, max_length=5)] | None = None
    expires_s: _Wait = 300.0
    remind_s: _Wait | None = 30.0
    claim_s: _Wait = 45.0
    people: Annotated[int, Field(ge=1, le=2)] = 1
    amount: _Path | None = None
    limits: Limits = {}
    editable: Annotated[tuple[_Path, ...], BeforeValidator(_paths)] = ()
    when_caller_leaves: Annotated[WhenCallerLeaves, Field(strict=False)] = WhenCallerLeaves.ABANDON
    rules: Annotated[list[RulePart], Field(max_length=20)] = []
