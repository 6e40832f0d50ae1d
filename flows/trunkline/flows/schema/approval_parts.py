"""Approvals as written into plans: roles, fields and rules checked, with lines."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

from trunkline.domain.approval import ApprovalPolicy, Level, Role
from trunkline.domain.approval_json import read_role
from trunkline.flows.approval import ABOUT_THE_ASK, ApprovalPlan, ApprovalRule
from trunkline.flows.flow import CALL_VARIABLES
from trunkline.flows.schema.approval_document import ApprovalPart, LevelPart, RoleName, RulePart
from trunkline.flows.schema.assembly import Assembly
from trunkline.flows.schema.parts import did_you_mean
from trunkline.flows.schema.source import YamlPath
from trunkline.flows.tools import RiskClass


def assemble_approval(
    assembly: Assembly,
    part: ApprovalPart,
    path: YamlPath,
    risk: RiskClass,
    arguments: Collection[str],
    *,
    takes_any: bool,
) -> ApprovalPlan:
    """``takes_any``: only the tool's server knows its arguments, so that no name is wrong here."""
    if risk is not RiskClass.HIGH:
        assembly.complain(path, f"a {risk.value}-risk tool waits for nobody: say risk: high")
    if part.limits and part.amount is None:
        message = "limits of what? Name the argument that is the amount: amount: …"
        assembly.complain((*path, "limits"), message)
    named: list[tuple[YamlPath, str]] = [((*path, "amount"), part.amount)] if part.amount else []
    named += [((*path, "editable", place), name) for place, name in enumerate(part.editable)]
    for at, name in named:
        root = name.partition(".")[0]
        if root not in arguments and not takes_any:
            hint = did_you_mean(root, arguments)
            assembly.complain(at, f"the tool takes no argument {root!r}{hint}")
    for name in ABOUT_THE_ASK:
        if part.rules and name in arguments:
            message = f"the argument {name!r} has a name that rules need: rename it"
            assembly.complain((*path, "rules"), message)
    policy = ApprovalPolicy(
        levels=_levels(part.levels) or ApprovalPolicy().levels,
        expires_after=timedelta(seconds=part.expires_s),
        remind_after=None if part.remind_s is None else timedelta(seconds=part.remind_s),
        claim_for=timedelta(seconds=part.claim_s),
        grants=part.people,
        amount_field=part.amount or "",
        limits=_limits(part.limits),
        editable=frozenset(part.editable),
        when_caller_leaves=part.when_caller_leaves,
    )
    known = {*arguments, *assembly.constants, *CALL_VARIABLES}
    return ApprovalPlan(
        policy=policy,
        question=assembly.prompt(part.ask, (*path, "ask"), known) if part.ask else None,
        rules=tuple(
            _rule(assembly, rule, (*path, "rules", place), policy, arguments)
            for place, rule in enumerate(part.rules)
        ),
    )


def _rule(
    assembly: Assembly,
    part: RulePart,
    path: YamlPath,
    policy: ApprovalPolicy,
    arguments: Collection[str],
) -> ApprovalRule:
    when = assembly.condition(part.when, (*path, "when"), {*arguments, *ABOUT_THE_ASK})
    if part.limits and not policy.amount_field:
        assembly.complain((*path, "limits"), "limits of what? Name the argument: approval.amount")
    if not part.waive:
        levels = _levels(part.levels)
        return ApprovalRule(
            when,
            replace(
                policy,
                levels=levels or policy.levels,
                grants=part.people or policy.grants,
                limits=policy.limits if part.limits is None else _limits(part.limits),
                expires_after=(
                    policy.expires_after
                    if part.expires_s is None
                    else timedelta(seconds=part.expires_s)
                ),
            ),
        )
    root = policy.amount_field.partition(".")[0]
    if not root or root not in when.variables:
        message = "nobody is asked only below an amount: name it in approval.amount and in when"
        assembly.complain((*path, "waive"), message)
    for key in ("levels", "people", "limits", "expires_s"):
        if key in part.model_fields_set:
            assembly.complain((*path, key), "nobody is asked where waive holds: leave it out")
    return ApprovalRule(when, None)


def _levels(parts: Sequence[LevelPart] | None) -> tuple[Level, ...]:
    return tuple(
        Level(read_role(part.role), timedelta(seconds=part.within_s)) for part in parts or ()
    )


def _limits(parts: Mapping[RoleName, Decimal]) -> dict[Role, Decimal]:
    return {read_role(name): most for name, most in parts.items()}
