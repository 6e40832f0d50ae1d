"""Guardrails a flow names, and its own lines as they would judge them."""

from __future__ import annotations

from collections.abc import Iterator

from trunkline.flows.check.findings import Report
from trunkline.flows.check.graph import Graph, Text
from trunkline.flows.flow import Flow
from trunkline.flows.guard.pack import Side, Verb
from trunkline.flows.guard.shelf import GuardShelf
from trunkline.flows.guard.verdict import Guard
from trunkline.flows.prompts import Prompt, literal
from trunkline.flows.schema.parts import did_you_mean


def check_guards(
    flow: Flow, graphs: tuple[Graph, ...] | list[Graph], report: Report, shelf: GuardShelf
) -> None:
    """``shelf``: the packs that the installation has."""
    _check_names(flow, report, shelf)
    is_english = flow.agent.language.partition("-")[0] == "en"
    if not is_english or flow.guardrails.unknown(shelf.packs):
        return
    # By what is certain: an author is not troubled with a chance, and the line is said anyway.
    guard = Guard(flow.guardrails.applied(shelf.packs), None)
    for text in _spoken(graphs):
        if not isinstance(text.compiled, Prompt):
            continue
        words = literal(text.compiled.source)
        verdict = guard.judge(words, Side.OUTPUT)
        found = verdict.decisive
        if found is None or verdict.may_be_said:
            continue
        report.warning(
            "line_blocked",
            text.path,
            f"the guardrails take {text.compiled.source!r} for {found.category} "
            f"(by {found.by}); it is said all the same",
            "Say it in other words, or set guardrails.categories."
            f"{found.category}.output for this flow.",
        )


def _check_names(flow: Flow, report: Report, shelf: GuardShelf) -> None:
    packs = sorted({one.pack for one in shelf.packs.categories.values()})
    for place, name in enumerate(flow.guardrails.packs or ()):
        if name not in packs:
            hint = did_you_mean(name, packs) or f"; there are {', '.join(packs)}"
            message = f"there is no pack {name!r}{hint}"
            report.error("guard_unknown", ("guardrails", "packs", place), message)
    categories = sorted(shelf.packs.categories)
    for change in flow.guardrails.changes:
        path = ("guardrails", "categories", change.category)
        if change.category not in categories:
            hint = did_you_mean(change.category, categories)
            hint = hint or f"; there are {', '.join(categories)}"
            report.error("guard_unknown", path, f"there is no category {change.category!r}{hint}")
            continue
        pack = shelf.packs.categories[change.category].pack
        if flow.guardrails.packs is not None and pack not in flow.guardrails.packs:
            report.warning(
                "guard_unused",
                path,
                f"{change.category!r} is of the pack {pack!r}, which this flow leaves out",
                f"Add {pack} to guardrails.packs, or remove the category.",
            )
        if change.verb is Verb.MASK and not shelf.packs.categories[change.category].numbers:
            report.warning(
                "guard_masks_nothing",
                (*path, change.side.value),
                f"mask hides numbers, and {change.category!r} finds none: it notes",
                "Use note, or refuse.",
            )


def _spoken(graphs: tuple[Graph, ...] | list[Graph]) -> Iterator[Text]:
    for graph in graphs:
        for place in graph.places.values():
            for text in (*place.texts, *(text for edge in place.edges for text in edge.texts)):
                if "say" in text.path or "ask" in text.path or "reprompts" in text.path:
                    yield text
