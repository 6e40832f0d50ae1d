"""Approval policies as JSON documents and back, for facts, rows and flows' versions. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

from trunkline.domain.approval import ApprovalPolicy, Level, Role, WhenCallerLeaves
from trunkline.domain.errors import Invalid


def write_policy(policy: ApprovalPolicy) -> dict[str, Any]:
    """Durations in ms, amounts as text, roles by name: nothing a JSON reader could round.

    The house's own part stands in it only where there is one.
    """
    document: dict[str, Any] = {
        "levels": [
            {"role": level.role.name.lower(), "sla_ms": _ms(level.sla)} for level in policy.levels
        ],
        "expires_after_ms": _ms(policy.expires_after),
        "remind_after_ms": None if policy.remind_after is None else _ms(policy.remind_after),
        "claim_for_ms": _ms(policy.claim_for),
        "grants": policy.grants,
        "amount_field": policy.amount_field,
        "limits": _write_limits(policy.limits),
        "editable": sorted(policy.editable),
        "when_caller_leaves": policy.when_caller_leaves.value,
    }
    if policy.house_limits:
        document["house_limits"] = _write_limits(policy.house_limits)
    if policy.two_people_above is not None:
        document["two_people_above"] = str(policy.two_people_above)
    return document


def read_policy(document: Mapping[str, Any]) -> ApprovalPolicy:
    """The policy; an empty document is the default one. Invalid names what cannot be read."""
    if not document:
        return ApprovalPolicy()
    try:
        remind, two = document["remind_after_ms"], document.get("two_people_above")
        return ApprovalPolicy(
            levels=tuple(
                Level(read_role(level["role"]), timedelta(milliseconds=level["sla_ms"]))
                for level in document["levels"]
            ),
            expires_after=timedelta(milliseconds=document["expires_after_ms"]),
            remind_after=None if remind is None else timedelta(milliseconds=remind),
            claim_for=timedelta(milliseconds=document["claim_for_ms"]),
            grants=int(document["grants"]),
            amount_field=str(document["amount_field"]),
            limits=_read_limits(document["limits"]),
            editable=frozenset(document["editable"]),
            when_caller_leaves=WhenCallerLeaves(document["when_caller_leaves"]),
            house_limits=_read_limits(document.get("house_limits", {})),
            two_people_above=None if two is None else Decimal(two),
        )
    except (KeyError, TypeError, ValueError, InvalidOperation) as exc:
        raise Invalid(f"not an approval policy: {type(exc).__name__}: {exc}") from None


def read_role(name: str) -> Role:
    """A role by its lower-case name; Invalid lists them."""
    try:
        return Role[name.upper()]
    except KeyError:
        known = ", ".join(role.name.lower() for role in Role)
        raise Invalid(f"the role must be one of {known}", param="role") from None


def _write_limits(limits: Mapping[Role, Decimal]) -> dict[str, str]:
    return {role.name.lower(): str(most) for role, most in sorted(limits.items())}


def _read_limits(document: Mapping[str, str]) -> dict[Role, Decimal]:
    return {read_role(name): Decimal(most) for name, most in document.items()}


def _ms(span: timedelta) -> int:
    return span // timedelta(milliseconds=1)
