"""Tools in the background, in the graph: the call goes on at once, and may be led away later."""

from __future__ import annotations

from collections.abc import Iterator

from trunkline.flows.check.graph import Edge, Text, Way
from trunkline.flows.schema.source import YamlPath
from trunkline.flows.steps import BackgroundPlan, Fallback, ToolStep


def background_edges(step: ToolStep, plan: BackgroundPlan, path: YamlPath) -> Iterator[Edge]:
    """Where the result may lead stands at the step itself: it is come to from here on, not sooner.

    Its variable has a value only on the way that the result leads; elsewhere it may come any time,
    so whoever reads it asks first.
    """
    at = (*path, "background")
    saved = frozenset({step.save_as} if step.save_as else ())
    yield Edge(step.name, step.next, Way.NEXT, "goes on at once", (*path, "next"), may_set=saved)
    yield from _news(step, plan.done, f"{step.tool.name} has worked", at, saved)
    failed = (*at, "on_failure")
    yield from _news(step, plan.failed, f"{step.tool.name} has failed", failed, frozenset())


def _news(
    step: ToolStep, what: Fallback, why: str, path: YamlPath, sets: frozenset[str]
) -> Iterator[Edge]:
    texts = tuple(
        Text(line.prompt, (*path, "say", place), sets) for place, line in enumerate(what.lines)
    )
    target = what.goto or step.next
    if what.goto is not None or texts:
        yield Edge(step.name, target, Way.WORKED, why, (*path, "goto"), sets=sets, texts=texts)
