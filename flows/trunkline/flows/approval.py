"""Who has to agree before a risky tool is run: the author's plan, and what it comes to in a call.

Pure: a plan and the facts of one ask go in, a frozen policy (or none) comes out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Final

from trunkline.domain.approval import ApprovalPolicy
from trunkline.domain.events import Json
from trunkline.flows.conditions import Condition
from trunkline.flows.prompts import Prompt, PromptError

ABOUT_THE_ASK: Final = ("tries", "verified")
"""What a rule may read besides the arguments: how often this tool was asked for in this call
before, and whether the caller has been identified."""


@dataclass(frozen=True, slots=True)
class ApprovalRule:
    """``policy`` holds where ``when`` does; None: nobody is asked."""

    when: Condition
    policy: ApprovalPolicy | None


@dataclass(frozen=True, slots=True)
class ApprovalPlan:
    """The ``approval`` part of a tool: the first rule that holds, else ``policy``.

    ``question``: the ask in one sentence, made of the arguments; None: the tool's description.
    """

    policy: ApprovalPolicy = ApprovalPolicy()
    question: Prompt | None = None
    rules: tuple[ApprovalRule, ...] = ()

    def policy_for(
        self, arguments: Mapping[str, Json], *, tries: int, is_verified: bool
    ) -> ApprovalPolicy | None:
        """PromptError when a rule cannot be judged: then nothing is asked and nothing is done."""
        if not self.rules:
            return self.policy
        scope: dict[str, Json] = {**arguments, "tries": tries, "verified": is_verified}
        amount = self.policy.amount_field
        if amount:
            scope |= _with_amount(arguments, amount)
        for rule in self.rules:
            if rule.when.holds(scope):
                return rule.policy
        return self.policy


def _with_amount(arguments: Mapping[str, Json], path: str) -> dict[str, Json]:
    """The top-level argument of ``path`` with the amount in it as a number."""
    root, _, rest = path.partition(".")
    value = arguments.get(root)
    if rest:
        inner = value if isinstance(value, Mapping) else {}
        return {root: {**inner, **_with_amount(inner, rest)}}
    try:
        return {root: Decimal(str(value))}
    except InvalidOperation:
        raise PromptError(f"{root!r} is no amount") from None
