"""Identifiers: a short prefix that says what is named, then 20 random characters."""

from __future__ import annotations

import secrets
from typing import NewType

CallId = NewType("CallId", str)
LegId = NewType("LegId", str)
TurnId = NewType("TurnId", str)
ToolRunId = NewType("ToolRunId", str)
ApprovalId = NewType("ApprovalId", str)
ItemId = NewType("ItemId", str)
TrunkName = NewType("TrunkName", str)

# No vowels: no words by accident, and no 0/o, 1/l to misread over the phone.
_ALPHABET = "23456789bcdfghjkmnpqrstvwxz"


def mint(prefix: str, length: int = 20) -> str:
    """A new random id such as ``call_7k…``; 20 characters carry 95 bits."""
    return f"{prefix}_" + "".join(secrets.choice(_ALPHABET) for _ in range(length))


def new_call_id() -> CallId:
    return CallId(mint("call"))


def new_leg_id() -> LegId:
    return LegId(mint("leg"))


def new_turn_id() -> TurnId:
    return TurnId(mint("turn"))


def new_tool_run_id() -> ToolRunId:
    return ToolRunId(mint("run"))


def new_approval_id() -> ApprovalId:
    return ApprovalId(mint("appr"))
