"""Escalation rules as written into the plan of a flow: one trigger each, and where it leads."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from trunkline.domain.escalation import Urgency
from trunkline.domain.events import Json
from trunkline.flows.escalation import (
    ASKS_FOR_PERSON,
    Asks,
    EscalationPlan,
    EscalationRule,
    Guards,
    Keywords,
    Loops,
    Moods,
    NoMatches,
    Silences,
    Trigger,
    words_of,
)
from trunkline.flows.schema.assembly import Assembly
from trunkline.flows.schema.document import FlowPart, StepPart
from trunkline.flows.schema.escalation_document import OFF, TRIGGERS, EscalationRulePart
from trunkline.flows.schema.parts import did_you_mean, validate_part
from trunkline.flows.schema.source import YamlPath
from trunkline.flows.steps import Line

_NEVER = Keywords(())


def assemble_escalation(assembly: Assembly, document: FlowPart) -> EscalationPlan:
    """The flow's rules, and what steps have in their place."""
    rules = {
        name: rule
        for name, rule in _rules(assembly, document.escalation, ("escalation",))
        if rule is not None
    }
    by_step: dict[str, dict[str, EscalationRule | None]] = {}
    for inner, name, part in _steps(assembly):
        path: YamlPath = (*inner.base, "steps", name, "escalation")
        own = dict(_rules(inner, part.escalation, path, known=rules))
        if own:
            by_step[inner.prefix + name] = own
    return EscalationPlan(rules, by_step)


def _steps(assembly: Assembly) -> Iterator[tuple[Assembly, str, StepPart]]:
    parts = assembly.parts
    inside = [(assembly, parts.steps)]
    inside += [(assembly.within(name), steps) for name, steps in parts.subflow_steps.items()]
    for inner, steps in inside:
        for name, part in steps.items():
            if isinstance(part, StepPart):
                yield inner, name, part


def _rules(
    assembly: Assembly,
    written: Mapping[str, Json],
    path: YamlPath,
    *,
    known: Mapping[str, EscalationRule] | None = None,
) -> Iterator[tuple[str, EscalationRule | None]]:
    """``known``: the flow's rules, where a step may put one out of force."""
    for name, entry in written.items():
        at: YamlPath = (*path, name)
        if entry == OFF and known is not None:
            if name not in known:
                hint = did_you_mean(name, known)
                assembly.complain(at, f"there is no escalation rule {name!r}{hint}")
            yield name, None
            continue
        part = validate_part(assembly.source, EscalationRulePart, entry, at)
        if part is not None:
            yield name, _rule(assembly, name, part, at)


def _rule(
    assembly: Assembly, name: str, part: EscalationRulePart, path: YamlPath
) -> EscalationRule:
    given = [trigger for trigger in TRIGGERS if getattr(part, trigger) is not None]
    if len(given) != 1:
        wanted = ", ".join(TRIGGERS)
        has = f"this has {' and '.join(given)}" if given else "this has none"
        assembly.complain(path, f"a rule looks for one of {wanted}, and {has}")
    trigger = _trigger(assembly, part, path)
    is_guard = isinstance(trigger, Guards)
    return EscalationRule(
        name=name,
        trigger=trigger,
        urgency=part.urgency or (Urgency.HIGH if is_guard else Urgency.NORMAL),
        lines=_said(assembly, part, (*path, "say")),
        goto=assembly.optional_step(part.goto, (*path, "goto")),
        times=part.times,
        cooldown_ms=round(part.cooldown_s * 1000),
    )


def _said(assembly: Assembly, part: EscalationRulePart, path: YamlPath) -> tuple[Line, ...]:
    """A rule may come true anywhere: its lines read what has a value from the beginning."""
    known = assembly.constants | assembly.call_variables
    lines = []
    for place, line in enumerate(part.say):
        at: YamlPath = (*path, place, "text")
        prompt = assembly.prompt(line.text, at)
        for name in sorted((prompt.variables & assembly.variables) - known):
            assembly.complain(at, f"{name!r} may have no value yet where the rule comes true")
        lines.append(Line(prompt, line.interruptible))
    return tuple(lines)


def _trigger(assembly: Assembly, part: EscalationRulePart, path: YamlPath) -> Trigger:
    if part.keywords is not None:
        return Keywords(_phrases(assembly, part.keywords, (*path, "keywords")))
    if (unclear := part.no_match) is not None:
        _one_of(assembly, (unclear.in_step, unclear.in_call), (*path, "no_match"))
        return NoMatches(unclear.in_step or 0, unclear.in_call or 0)
    if (mood := part.mood) is not None:
        return Moods(mood.below, mood.turns)
    if (loop := part.loop) is not None:
        _one_of(assembly, (loop.visits, loop.repeats), (*path, "loop"))
        return Loops(loop.visits or 0, loop.repeats or 0)
    if (silence := part.silence) is not None:
        _one_of(assembly, (silence.prompts, silence.quiet_s), (*path, "silence"))
        return Silences(silence.prompts or 0, round((silence.quiet_s or 0) * 1000))
    if part.guard is not None:
        return Guards(frozenset() if part.guard == "any" else frozenset(part.guard))
    if (asked := part.asked) is not None:
        known = assembly.parts.intent_names
        for place, name in enumerate(asked.intents):
            if name not in known:
                hint = did_you_mean(name, known)
                at = (*path, "asked", "intents", place)
                assembly.complain(at, f"there is no intent {name!r}{hint}")
        phrases = (
            ASKS_FOR_PERSON
            if asked.phrases is None
            else _phrases(assembly, asked.phrases, (*path, "asked", "phrases"))
        )
        return Asks(frozenset(asked.intents), phrases)
    return _NEVER


def _phrases(assembly: Assembly, texts: tuple[str, ...], path: YamlPath) -> tuple[str, ...]:
    for place, text in enumerate(texts):
        if not words_of(text):
            assembly.complain((*path, place), f"{text!r} has no word that could be said")
    return tuple(dict.fromkeys(texts))


def _one_of(assembly: Assembly, given: tuple[object, ...], path: YamlPath) -> None:
    if all(value is None for value in given):
        assembly.complain(path, "say when: it must not be empty")
