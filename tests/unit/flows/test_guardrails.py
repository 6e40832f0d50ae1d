"""The ``guardrails`` of a flow: what may be written, what is refused, and what they come to."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from trunkline.flows.actions import CallAnswered, GuardStopped, HangUp, ListenForCaller, Say
from trunkline.flows.check.checker import examine_text
from trunkline.flows.guard.pack import Response, Side, Verb, load_packs
from trunkline.flows.guard.rules import REFUSAL, Change, GuardRules
from trunkline.flows.runner import FlowRunner
from trunkline.flows.schema.loader import FlowInvalid, load_flow
from trunkline.flows.stopped import MAX_STOPPED

FLOW = """\
agent: {name: desk, display_name: Desk}
start: hello
steps:
  hello: {say: How can I help?, listen: {intents: [bye]}}
  bye: {say: Goodbye., hang_up: done}
intents:
  bye: {label: bye, description: No more., examples: [no thanks], goto: bye}
"""
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
PACKS = load_packs(
    {
        "house.yaml": """
pack: house
categories:
  one: {title: One, input: {action: refuse, line: Not that.}, patterns: [one]}
  two: {title: Two, input: {action: note}, output: {action: note}, patterns: [two]}
"""
    }
)


def rules(guardrails: str) -> GuardRules:
    return load_flow(f"{FLOW}guardrails: {guardrails}\n", environment={}).guardrails


def test_a_flow_that_says_nothing_is_judged_by_everything() -> None:
    flow = load_flow(FLOW, environment={})
    assert flow.guardrails == GuardRules()
    assert flow.guardrails.applied(PACKS).categories == PACKS.categories


def test_actions_are_written_short_or_with_a_line() -> None:
    assert rules("{packs: [], categories: {one: off, two: {input: refuse}}}") == GuardRules(
        (),
        (
            Change("one", Side.INPUT, None),
            Change("one", Side.OUTPUT, None),
            Change("two", Side.INPUT, Verb.REFUSE),
        ),
    )
    own = rules("{categories: {two: {output: {action: end, line: Enough.}}}}")
    assert own.changes == (Change("two", Side.OUTPUT, Verb.END, "Enough."),)


def test_a_change_takes_the_place_of_the_packs_action() -> None:
    changed = GuardRules(None, (
        Change("one", Side.OUTPUT, Verb.REFUSE),
        Change("two", Side.INPUT, Verb.REFUSE),
        Change("two", Side.OUTPUT, None),
    )).applied(PACKS).categories  # fmt: skip
    assert changed["one"].responses[Side.OUTPUT] == Response(Verb.REFUSE, "Not that.")
    assert changed["two"].responses == {Side.INPUT: Response(Verb.REFUSE, REFUSAL)}


def test_packs_that_are_not_named_judge_nothing() -> None:
    assert GuardRules(("other",)).applied(PACKS).categories == {}
    assert GuardRules(("other",), (Change("three", Side.INPUT, None),)).unknown(PACKS) == (
        "other", "three",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("guardrails", "message"),
    [
        ("{categories: {one: {input: refuze}}}", "should be 'note'"),
        ("{categories: {one: {input: {action: note, line: x}}}}", "note says nothing"),
        ("{categories: {one: {inputs: note}}}", "unknown key 'inputs'; did you mean 'input'?"),
        ("{packs: everything}", "should be a list"),
        ("[]", "should be a mapping"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_its_line(guardrails: str, message: str) -> None:
    with pytest.raises(FlowInvalid) as refused:
        rules(guardrails)
    (complaint,) = refused.value.complaints
    assert complaint.line == 8 and message in complaint.message


def test_the_check_knows_which_packs_and_categories_there_are() -> None:
    text = f"""{FLOW}guardrails:
  packs: [violense]
  categories:
    promisses: off
"""
    found = {one.line: one for one in examine_text(text, environment={}).findings}
    assert found[9].code == found[11].code == "guard_unknown"
    assert "did you mean 'violence'?" in found[9].message
    assert "did you mean 'promises'?" in found[11].message


def test_the_check_warns_of_lines_that_would_be_blocked() -> None:
    text = FLOW.replace("How can I help?", "My card is 4111 1111 1111 1111.")
    (found,) = examine_text(text, environment={}).findings
    assert (found.code, found.line, found.is_error) == ("line_blocked", 4, False)
    assert "identity_numbers" in found.message


def stopped(times: int, **how: bool) -> list[list[object]]:
    runner = FlowRunner(load_flow(FLOW, environment={}), {}, NOON)
    runner.handle(CallAnswered())
    return [list(runner.handle(GuardStopped("Not that.", **how))) for _ in range(times)]


def test_the_line_is_said_and_the_step_asks_again() -> None:
    (actions,) = stopped(1, asks_again=True)
    said = [one.text for one in actions if isinstance(one, Say)]
    assert said == ["Not that.", "How can I help?"]
    assert isinstance(actions[-1], ListenForCaller)


def test_a_line_may_be_the_last_one() -> None:
    (actions,) = stopped(1, ends=True)
    assert [type(one) for one in actions] == [Say, HangUp]


def test_a_step_does_not_ask_for_ever() -> None:
    rounds = stopped(MAX_STOPPED + 1, asks_again=True)
    assert not any(isinstance(one, HangUp) for actions in rounds[:-1] for one in actions)
    assert isinstance(rounds[-1][-1], HangUp)
