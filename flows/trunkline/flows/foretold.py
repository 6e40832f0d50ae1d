"""What a flow may say next, before it is known which of its ways the caller takes. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from trunkline.domain.events import Json
from trunkline.flows.compile import intents_at
from trunkline.flows.flow import Flow
from trunkline.flows.prompts import PromptError
from trunkline.flows.steps import BranchStep, CollectStep, ReturnStep, Step, listening_of

MOST_LINES: Final = 3


def foretold_lines(
    flow: Flow, step: Step, variables: Mapping[str, Json], constants: frozenset[str]
) -> tuple[str, ...]:
    """Lines with this call's own values in them, of the steps that ``step`` leads to, its own ways
    first. Fixed lines are rendered already; what needs values not yet known cannot be foretold."""
    found: dict[str, None] = {}
    for name in _ways(flow, step):
        there = flow.steps.get(name)
        if there is None or isinstance(there, BranchStep | ReturnStep):
            continue
        for line in there.lines:
            if line.prompt.variables <= constants:
                continue
            try:
                text = line.prompt.render(variables)
            except PromptError:
                break  # and what comes after it is not said first
            if text:
                found[text] = None
        if len(found) >= MOST_LINES:
            break
    return tuple(found)[:MOST_LINES]


def _ways(flow: Flow, step: Step) -> Iterator[str]:
    if isinstance(step, CollectStep):
        yield step.next
    listening = listening_of(step)
    own = listening.intents if listening else {}
    ways = intents_at(flow, step)
    for name in sorted(ways, key=lambda name: name not in own):
        goto = ways[name]
        if goto is not None:
            yield goto
