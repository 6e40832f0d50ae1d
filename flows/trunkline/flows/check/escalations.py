"""Escalation rules: where they lead, and those that never come true, or lead to nobody."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from trunkline.flows.check.findings import Report
from trunkline.flows.check.graph import Edge, Graph, Way
from trunkline.flows.escalation import (
    ASKS_FOR_PERSON,
    Asks,
    EscalationRule,
    Guards,
    Moods,
    NoMatches,
    Silences,
)
from trunkline.flows.flow import Flow
from trunkline.flows.guard.shelf import GuardShelf
from trunkline.flows.schema.parts import did_you_mean
from trunkline.flows.schema.source import YamlPath
from trunkline.flows.slots import SlotKind
from trunkline.flows.steps import (
    CollectStep,
    HandoffStep,
    QueueStep,
    Step,
    TransferStep,
    listening_of,
    scope_of,
)

RULE: Final = "the escalation rule "
_HEARD_IN: Final = "en"


def rule_path(flow: Flow, step: str, name: str) -> YamlPath:
    """Where the rule that holds in a step is written."""
    if name not in flow.escalation.by_step.get(step, {}):
        return ("escalation", name)
    scope = scope_of(step)
    own = step.removeprefix(f"{scope}.") if scope else step
    base: YamlPath = ("flows", scope) if scope else ()
    return (*base, "steps", own, "escalation", name)


def escalation_edges(flow: Flow, step: Step, may_set: frozenset[str]) -> Iterator[Edge]:
    """What a rule that comes true in this step leads to, as the runner takes it."""
    for rule in flow.escalation.at(step.name):
        if rule.goto is not None:
            at = (*rule_path(flow, step.name, rule.name), "goto")
            why = f"{RULE}{rule.name} comes true"
            yield Edge(step.name, rule.goto, Way.CHOICE, why, at, may_set=may_set)


def check_escalations(
    flow: Flow, graphs: Sequence[Graph], report: Report, shelf: GuardShelf
) -> None:
    """Looks at every rule once, where it is written; ``shelf``: the packs there are."""
    written = [("", rule) for rule in flow.escalation.rules.values()]
    for step, rules in flow.escalation.by_step.items():
        written += [(step, rule) for rule in rules.values() if rule is not None]
    for step, rule in written:
        path = rule_path(flow, step, rule.name)
        _check_language(flow, rule, path, report)
        _check_counts(flow, step, rule, path, report)
        _check_guard(rule, path, report, shelf)
        if rule.goto is not None and not _leads_to_somebody(rule.goto, graphs):
            report.warning(
                "escalates_to_nobody",
                (*path, "goto"),
                f"from {rule.goto!r} a call comes to nobody: no transfer, no queue, no message",
                "Lead it to a step that does, or drop goto, and a supervisor is told.",
            )


def _leads_to_somebody(goto: str, graphs: Sequence[Graph]) -> bool:
    for graph in graphs:
        for name in graph.reachable({goto}) if goto in graph.places else ():
            place = graph.places.get(name)
            if place is not None and _is_somebody(place.step):
                return True
    return False


def _is_somebody(step: Step) -> bool:
    """A person, another agent, or a message that somebody hears."""
    if isinstance(step, CollectStep):
        return any(slot.kind is SlotKind.FREE_TEXT for slot in step.slots)
    return isinstance(step, TransferStep | QueueStep | HandoffStep)


def _check_language(flow: Flow, rule: EscalationRule, path: YamlPath, report: Report) -> None:
    trigger = rule.trigger
    by_words = isinstance(trigger, Moods) or (
        isinstance(trigger, Asks) and trigger.phrases == ASKS_FOR_PERSON
    )
    if by_words and flow.agent.language.partition("-")[0] != _HEARD_IN:
        report.warning(
            "escalation_unheard",
            path,
            f"the words that {rule.name!r} goes by are English, and the agent speaks "
            f"{flow.agent.language!r}",
            "Write keywords, or phrases of your own.",
        )


def _check_counts(
    flow: Flow, step: str, rule: EscalationRule, path: YamlPath, report: Report
) -> None:
    """More reprompts than a step ever says: the flow has given up by then."""
    steps = [flow.steps[step]] if step in flow.steps else list(flow.steps.values())
    trigger, most, wanted, what = rule.trigger, 0, 0, ""
    if isinstance(trigger, NoMatches) and trigger.in_step and not trigger.in_call:
        most = max((_unclear(flow, one) for one in steps), default=0)
        wanted, what = trigger.in_step, "not understood"
    elif isinstance(trigger, Silences) and trigger.prompts and not trigger.quiet_ms:
        most = max((_silent(flow, one) for one in steps), default=0)
        wanted, what = trigger.prompts, "silent"
    if wanted > most:
        report.warning(
            "escalation_too_late",
            path,
            f"{rule.name!r} waits for {wanted} times {what}, and after {most} the flow has gone "
            "elsewhere",
            "Count less, or say more reprompts.",
        )


def _unclear(flow: Flow, step: Step) -> int:
    slots = step.slots if isinstance(step, CollectStep) else ()
    reprompts = [len(slot.reprompts) for slot in slots]
    return 1 + max(len(flow.policies.no_match.reprompts), *reprompts, 0)


def _silent(flow: Flow, step: Step) -> int:
    listening = listening_of(step)
    idle = len(listening.idle) if listening is not None else 0
    if listening is not None and listening.silence is not None:
        return 1 + idle
    return 1 + idle + len(flow.policies.no_input.reprompts)


def _check_guard(rule: EscalationRule, path: YamlPath, report: Report, shelf: GuardShelf) -> None:
    if not isinstance(rule.trigger, Guards) or not rule.trigger.categories:
        return
    known = shelf.packs.categories
    for name in sorted(rule.trigger.categories - known.keys()):
        report.warning(
            "unknown_guard",
            (*path, "guard"),
            f"no pack has a category {name!r}{did_you_mean(name, known)}",
            "Name one that the guardrails have, or write any.",
        )
