"""Escalation rules in a flow's text: what is read, what is refused, what is warned of."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import pytest

from trunkline.domain.escalation import Urgency
from trunkline.flows.check.checker import examine_text
from trunkline.flows.check.findings import Severity
from trunkline.flows.escalation import Asks, Guards, Keywords
from trunkline.flows.schema.loader import load_flow

SOUND: Final = (Path(__file__).parent / "corpus" / "sound.yaml").read_text()
LINES: Final = SOUND.count("\n")


def with_rules(*lines: str) -> str:
    return SOUND + "\n".join(["escalation:", *(f"  {line}" for line in lines), ""])


def test_rules_are_read_with_their_defaults() -> None:
    flow = load_flow(
        with_rules(
            "legal: {keywords: [my lawyer], urgency: high, say: I see., goto: desk}",
            "guarded: {guard: any}",
            "person: {asked: true}",
        ),
        environment={},
    )
    legal, guarded, person = flow.escalation.rules.values()
    assert (legal.trigger, legal.goto, legal.times) == (Keywords(("my lawyer",)), "desk", 1)
    assert (guarded.trigger, guarded.urgency) == (Guards(), Urgency.HIGH)
    assert isinstance(person.trigger, Asks)
    assert "I see." in flow.fixed_lines(), "rendered before the first call"


@pytest.mark.parametrize(
    ("rule", "where", "message"),
    [
        ("x: {keywords: [sue], loop: {visits: 3}}", "escalation.x", "keywords and loop"),
        ("x: {say: hello}", "escalation.x", "this has none"),
        ("x: {no_match: {}}", "escalation.x.no_match", "say when"),
        ("x: {keywords: ['!!']}", "escalation.x.keywords[0]", "has no word"),
        ("x: {keywords: [sue], goto: deks}", "escalation.x.goto", "did you mean 'desk'?"),
        ("x: {asked: {intents: [nobody]}}", "escalation.x.asked.intents[0]", "no intent"),
        ("x: {keywords: [sue], urgency: top}", "escalation.x.urgency", "should be"),
        ("x: {mood: {below: 3}}", "escalation.x.mood.below", "less than 0"),
        ("x: off", "escalation.x", "should be a mapping"),
        ("x: {keywords: [sue], say: 'So {{ card }}?'}", "escalation.x.say[0].text", "no value yet"),
        ("X: {keywords: [sue]}", "escalation.X", "not a good name"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(rule: str, where: str, message: str) -> None:
    findings = examine_text(with_rules(rule), environment={}).findings
    assert [(one.severity, one.where) for one in findings] == [(Severity.ERROR, where)]
    assert message in findings[0].message
    assert findings[0].line == LINES + 2


@pytest.mark.parametrize(
    ("rule", "code"),
    [
        ("x: {no_match: {in_step: 9}}", "escalation_too_late"),
        ("x: {silence: {prompts: 9}}", "escalation_too_late"),
        ("x: {guard: [self_harn]}", "unknown_guard"),
        ("x: {keywords: [sue], goto: menu}", None),
    ],
)
def test_what_has_no_effect_is_warned_of(rule: str, code: str | None) -> None:
    checked = examine_text(with_rules(rule), environment={})
    before = {one.code for one in examine_text(SOUND, environment={}).findings}
    assert checked.flow is not None
    assert {one.code for one in checked.findings} - before == ({code} if code else set())


def test_a_step_puts_a_rule_out_of_force_or_writes_its_own() -> None:
    text = with_rules("legal: {keywords: [my lawyer]}").replace(
        "  menu:\n", "  menu:\n    escalation: {legal: off, shy: {silence: {prompts: 2}}}\n", 1
    )
    flow = load_flow(text, environment={})
    assert [rule.name for rule in flow.escalation.at("menu")] == ["shy"]
    assert [rule.name for rule in flow.escalation.at("desk")] == ["legal"]
    wrong = text.replace("{legal: off,", "{leagl: off,")
    (finding,) = examine_text(wrong, environment={}).findings
    assert finding.where == "steps.menu.escalation.leagl"
    assert "did you mean 'legal'?" in finding.message


def test_the_rules_of_the_documentation_are_read() -> None:
    page = (Path(__file__).parents[3] / "docs" / "escalations.md").read_text(encoding="utf-8")
    (rules,) = re.findall(r"```yaml\n(escalation:.*?)^steps:", page, re.S | re.M)
    flow = load_flow(SOUND + rules.replace("[person]", "[desk]"), environment={})
    assert list(flow.escalation.rules) == [
        "complaint", "unhappy", "lost", "circles", "quiet", "danger", "human",
    ]  # fmt: skip
