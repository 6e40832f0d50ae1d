"""The house's own rules of approvals, over those of every flow; they may only tighten. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import Any, Final, TypeVar

from trunkline.domain.approval import Approval, ApprovalPolicy, Level, Role
from trunkline.domain.approval_json import read_role
from trunkline.domain.errors import Invalid
from trunkline.domain.quiet_hours import QuietHours, as_quiet_hours

SHORTEST_S: Final = 5
LONGEST_S: Final = 7 * 24 * 3600
MAX_AMOUNT: Final = Decimal(10) ** 12
_T = TypeVar("_T", timedelta, Decimal)


class MailedArguments(StrEnum):
    """How much of the arguments may leave the house in a mail; the amount always may."""

    MASKED = "masked"  # the last characters of each
    NONE = "none"
    FULL = "full"


@dataclass(frozen=True, slots=True)
class HouseRules:
    """``limits``: the most that a role may grant, whatever a flow says; one that is not named has
    that of the next role above it which is, else none. ``two_people_above``: larger amounts need
    two people. ``longest_sla``, ``longest_expiry``, ``remind_after``: at most so long. What is
    asked in ``quiet_hours`` is asked of ``quiet_role`` at least.
    """

    limits: Mapping[Role, Decimal] = field(default_factory=dict)
    two_people_above: Decimal | None = None
    longest_sla: timedelta | None = None
    longest_expiry: timedelta | None = None
    remind_after: timedelta | None = None
    quiet_hours: QuietHours | None = None
    quiet_role: Role = Role.MANAGER
    mail_arguments: MailedArguments = MailedArguments.MASKED


def tighten(policy: ApprovalPolicy, rules: HouseRules, asked_at: datetime) -> ApprovalPolicy:
    """A flow's policy as this house lets it hold for what is asked at ``asked_at``."""
    levels = policy.levels
    quiet = rules.quiet_hours
    if quiet is not None and quiet.over_at(asked_at) != asked_at:
        kept = tuple(level for level in levels if level.role >= rules.quiet_role)
        levels = kept or (Level(rules.quiet_role, levels[-1].sla),)
    if rules.longest_sla is not None:
        levels = tuple(replace(level, sla=min(level.sla, rules.longest_sla)) for level in levels)
    return tighten_limits(
        replace(
            policy,
            levels=levels,
            expires_after=_sooner(policy.expires_after, rules.longest_expiry),
            remind_after=_least(policy.remind_after, rules.remind_after),
        ),
        rules,
    )


def tighten_limits(policy: ApprovalPolicy, rules: HouseRules) -> ApprovalPolicy:
    """Who may grant how much, by the rules as they are now; a policy without amounts is as it was.

    What held already goes on holding: rules that were loosened meanwhile loosen nothing.
    """
    if not policy.amount_field:
        return policy
    limits = dict(policy.house_limits)
    for role, most in rules.limits.items():
        limits[role] = min(most, limits.get(role, most))
    return replace(
        policy,
        house_limits=limits,
        two_people_above=_least(policy.two_people_above, rules.two_people_above),
    )


def tightened(approval: Approval, rules: HouseRules) -> Approval:
    """The approval as somebody may decide it now."""
    return replace(approval, policy=tighten_limits(approval.policy, rules))


def write_rules(rules: HouseRules) -> dict[str, Any]:
    """As people write and read it: amounts as text, times in seconds, nothing that is not set."""
    quiet = rules.quiet_hours
    document = {
        "limits": {role.name.lower(): str(most) for role, most in sorted(rules.limits.items())},
        "two_people_above": None if rules.two_people_above is None else str(rules.two_people_above),
        "longest_sla_s": _seconds(rules.longest_sla),
        "longest_expiry_s": _seconds(rules.longest_expiry),
        "remind_s": _seconds(rules.remind_after),
        "quiet_hours": None
        if quiet is None
        else f"{quiet.begins:%H:%M}-{quiet.ends:%H:%M} {quiet.zone.key}",
        "quiet_role": None if quiet is None else rules.quiet_role.name.lower(),
        "mail_arguments": None
        if rules.mail_arguments is MailedArguments.MASKED
        else rules.mail_arguments.value,
    }
    return {name: value for name, value in document.items() if value not in (None, {})}


def read_rules(document: Mapping[str, Any]) -> HouseRules:
    """Invalid names what cannot be read by its path in the document."""
    known = {
        *("limits", "two_people_above", "longest_sla_s", "longest_expiry_s", "remind_s"),
        *("quiet_hours", "quiet_role", "mail_arguments"),
    }
    for name in document:
        if name not in known:
            raise Invalid(f"there is no rule {name!r}", param=str(name))
    named = document.get("limits") or {}
    if not isinstance(named, Mapping):
        raise Invalid("write limits as {role: amount}", param="limits")
    limits = {_decider(name): _amount(most, f"limits.{name}") for name, most in named.items()}
    in_order = [limits[role] for role in sorted(limits)]
    if in_order != sorted(in_order):
        raise Invalid("a higher role cannot have a lower limit", param="limits")
    try:
        quiet = as_quiet_hours(str(document.get("quiet_hours") or ""))
    except Invalid as exc:
        raise Invalid(exc.message, code=exc.code, param="quiet_hours") from None
    above = document.get("two_people_above")
    mailed = document.get("mail_arguments", MailedArguments.MASKED.value)
    if mailed not in list(MailedArguments):
        raise Invalid("it is masked, none or full", param="mail_arguments")
    return HouseRules(
        limits=limits,
        two_people_above=None if above is None else _amount(above, "two_people_above"),
        longest_sla=_span(document, "longest_sla_s"),
        longest_expiry=_span(document, "longest_expiry_s"),
        remind_after=_span(document, "remind_s"),
        quiet_hours=quiet,
        quiet_role=_decider(document.get("quiet_role", "manager"), "quiet_role"),
        mail_arguments=MailedArguments(mailed),
    )


def _decider(name: Any, param: str = "limits") -> Role:
    role = read_role(str(name))
    if role is Role.VIEWER:
        raise Invalid("viewers decide nothing", param=param)
    return role


def _amount(value: Any, param: str) -> Decimal:
    try:
        amount = Decimal(str(value))
    except InvalidOperation:
        amount = Decimal("NaN")
    if isinstance(value, bool) or not amount.is_finite() or not 0 <= amount <= MAX_AMOUNT:
        raise Invalid("write an amount such as 500.00", param=param)
    return amount


def _span(document: Mapping[str, Any], name: str) -> timedelta | None:
    value = document.get(name)
    if value is None:
        return None
    is_whole = isinstance(value, int) and not isinstance(value, bool)
    if not is_whole or not SHORTEST_S <= value <= LONGEST_S:
        raise Invalid(f"write whole seconds from {SHORTEST_S} to {LONGEST_S}", param=name)
    return timedelta(seconds=value)


def _seconds(span: timedelta | None) -> int | None:
    return None if span is None else span // timedelta(seconds=1)


def _sooner(one: timedelta, other: timedelta | None) -> timedelta:
    return one if other is None else min(one, other)


def _least(one: _T | None, other: _T | None) -> _T | None:
    if one is None or other is None:
        return other if one is None else one
    return min(one, other)
