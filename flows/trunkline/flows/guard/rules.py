"""What a flow says of the guardrails: which packs judge it, and what is done in place of theirs."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from trunkline.flows.guard.pack import Category, Packs, Response, Side, Verb

REFUSAL: Final = "I'm sorry, I can't help with that."
"""Said where neither the flow nor the pack has a line."""
_NEED_A_LINE: Final = (Verb.REFUSE, Verb.ESCALATE, Verb.END)


@dataclass(frozen=True, slots=True)
class Change:
    """What is done about a category on one side; ``verb`` None: nothing."""

    category: str
    side: Side
    verb: Verb | None
    line: str = ""


@dataclass(frozen=True, slots=True)
class GuardRules:
    """``packs`` by name, None for all that there are; an empty tuple judges nothing."""

    packs: tuple[str, ...] | None = None
    changes: tuple[Change, ...] = ()

    def unknown(self, packs: Packs) -> tuple[str, ...]:
        """Names that no pack has; they change nothing."""
        there = {one.pack for one in packs.categories.values()}
        named = [name for name in self.packs or () if name not in there]
        named += [one.category for one in self.changes if one.category not in packs.categories]
        return tuple(dict.fromkeys(named))

    def applied(self, packs: Packs) -> Packs:
        """The packs as the flow wants them."""
        kept = {
            name: changed
            for name, one in packs.categories.items()
            if (self.packs is None or one.pack in self.packs)
            and (changed := self._changed(one)).responses
        }
        return replace(packs, categories=kept)

    def _changed(self, category: Category) -> Category:
        responses = dict(category.responses)
        for change in self.changes:
            if change.category != category.name:
                continue
            if change.verb is None:
                responses.pop(change.side, None)
                continue
            line = change.line or _line_of(category, change.side)
            if change.verb in _NEED_A_LINE:
                line = line or REFUSAL
            responses[change.side] = Response(change.verb, line)
        return replace(category, responses=responses)


def _line_of(category: Category, side: Side) -> str:
    own = category.responses.get(side)
    lines = [own.line if own else "", *(one.line for one in category.responses.values())]
    return next((line for line in lines if line), "")
