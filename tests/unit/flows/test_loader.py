"""What is wrong with a flow file is said with its line, all of it at once."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.flows.conversation import flow_of
from tests.unit.flows.samples import LIBRARY, changed

from trunkline.flows.schema.loader import FlowInvalid, load_flow


def complaints_of(text: str) -> list[str]:
    with pytest.raises(FlowInvalid) as caught:
        flow_of(text)
    return [str(complaint) for complaint in caught.value.complaints]


def line_of(text: str, needle: str) -> int:
    return text[: text.index(needle)].count("\n") + 1


CASES = [
    ("next: menu\n", "next: menue\n", "there is no step 'menue'; did you mean 'menu'?"),
    ("start: welcome", "start: begin", "there is no step 'begin'"),
    ("voice: coral", "voice: corral", "there is no voice 'corral'; did you mean 'coral'?"),
    ("voice: coral", "voice: 7", "should be text"),
    ("voice: coral", "voice: coral\n  timezone: Mars/Olympus", "there is no time zone"),
    ("voice: coral", "vioce: coral", "unknown key 'vioce'; did you mean 'voice'?"),
    ("tool: get_loans", "tool: get_loan", "there is no tool 'get_loan'; did you mean 'get_loans'?"),
    ("You have {{ loans.count }}", "You have {{ lones.count }}",
     "nothing ever sets the variable 'lones'; did you mean 'loans'?"),
    ("How can I help?", '"How can {{ I help?"', "steps.menu.say"),
    ("{{ loans.due | say_date }}", "{{ loans.due | say_dat }}", "unknown filter 'say_dat'"),
    ("when: loans.count == 0", "when: loans.count = 0", "steps.any_loans.branch[0].when"),
    ("intents: [loans, fine]", "intents: [loan, fine]", "there is no intent 'loan'"),
    ("length: 6\n        description: card number\n        ask: What",
     "description: card number\n        ask: What", "how many digits?"),
    ("kind: amount", "kind: money", "should be 'digits', 'amount'"),
    ("goto: card\n  fine:", "goto: card\n    does: repeat\n  fine:", "one of the two"),
    ("    tool: get_loans\n", "    tool: get_loans\n    hang_up: done\n",
     "a step is of one kind, and this has tool and hang_up"),
    ('arguments: {card: "{{ card }}"}\n    save_as', "save_as", "needs the argument 'card'"),
    ('arguments: {card: "{{ card }}"}\n    save_as', "arguments: {cart: x}\n    save_as",
     "'get_loans' takes no argument 'cart'; did you mean 'card'?"),
    ("    on_parked: {say: A colleague will look at it. Nothing is paid yet., goto: more}\n", "",
     "'pay_fine' is high risk and will be parked: say so in on_parked"),
    ('url: "http://127.0.0.1:9/cards/{{ card }}"', 'url: "http://{{ card }}/x"',
     "an argument may not choose the host"),
    ('url: "http://127.0.0.1:9/cards/{{ card }}"', 'url: "file:///etc/passwd"',
     "begins with http:// or https://"),
    ('url: "http://127.0.0.1:9/cards/{{ card }}"', 'url: "http://u:p@h/{{ card }}"',
     "put credentials into headers"),
    ("timeout_s: 2", "timeout_s: 2\n    retry: {attempts: 2}", "may be tried again"),
    ("timeout_s: 2", "timeout_s: soon", "tools.get_loans.timeout_s"),
    ("timeout_s: 2", "timeout_s: 0", "tools.get_loans.timeout_s"),
    ("properties: {card: {type: string}}\n      required: [card]\n    http:\n      url",
     "properties: {card: {type: text}}\n      required: [card]\n    http:\n      url",
     "not a JSON Schema"),
    ("errors: {404: not_found}", "errors: {4o4: not_found}", "is no HTTP status"),
    ('keys: {"0": desk}', 'keys: {"10": desk}', "is no telephone key"),
    ("  paid:\n", "  Paid:\n", "is not a good name"),
    ("  none:\n    say: You have nothing on loan.\n    next: more", "  none: 3",
     "a step is a mapping"),
    ("  none:\n    say: You have nothing on loan.\n    next: more", "  none: {next: more}",
     "what kind of step is it?"),
    ("    say: You have nothing on loan.\n    next: more", "    say: You have nothing on loan.",
     "goes on (next) or listens (listen)"),
    ("transfer: \"{{ desk }}\"\n", "transfer: \"{{ desk }}\"\n    needs_key: true\n",
     "only a human of mode: warm can press a key"),
    ("transfer: \"{{ desk }}\"\n",
     "transfer: \"{{ desk }}\"\n    answered_by_machine: no_answer\n",
     "who answers is heard in mode: warm only"),
    ("transfer: \"{{ desk }}\"\n",
     "transfer: \"{{ desk }}\"\n    mode: warm\n    answered_by_machine: perhaps\n",
     "should be 'connect' or 'no_answer'"),
    ("transfer: \"{{ desk }}\"\n    on_failure: {say: Nobody is free., goto: more}",
     "transfer: \"{{ desk }}\"\n    on_failure: {say: Nobody is free.}", "'goto' is missing"),
    ('desk: {default: "sip:desk@127.0.0.1:5070", from_env: LIBRARY_DESK}',
     "desk: {from_env: LIBRARY_DESK}", "set LIBRARY_DESK or give a default"),
    ("place: Hill Street Library", "today: now", "'today' is set by the call itself"),
    ("read_back: \"I have {value}. Right?\"", 'read_back: "Right?"', "write {value}"),
    ('allow_hosts: ["127.0.0.1:9"]', 'allow_hosts: [":"]', "names no host"),
    ("forget: [card]", "forget: [crad]", "nothing ever sets the variable 'crad'"),
    ("max_engine_turns: 3", "max_engine_turns: -1", "greater than or equal to 1"),
    ("say: How can I help?", "say: []", "must not be empty"),
    ("agent:\n", "agent: &a\n", "anchors and aliases are not supported"),
    ("voice: coral", "voice: !!python/name:os.system coral", "tag"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "message"), CASES, ids=[case[2] for case in CASES])
def test_a_mistake_is_named_with_its_line(old: str, new: str, message: str) -> None:
    text = changed((old, new))
    at = line_of(LIBRARY, old)
    said = complaints_of(text)
    assert [line for line in said if message in line], said
    lines = {int(line.split(":")[0].removeprefix("line ")) for line in said if message in line}
    reach = max(old.count("\n"), new.count("\n")) + 4
    assert any(at - 4 <= line <= at + reach for line in lines), (at, said)


def test_all_mistakes_are_named_at_once_in_order() -> None:
    mistakes = [
        ("voice: coral", "vioce: coral"),
        ("goto: card\n  fine:", "goto: crad\n  fine:"),
        ("timeout_s: 2", "timeout_s: soon"),
        ("next: menu\n", "next: menue\n"),
        ("{{ loans.due | say_date }}", "{{ lones.due | say_date }}"),
    ]
    text = changed(*mistakes)
    said = complaints_of(text)
    # The tool cannot be read, and that alone must not be told again of the step that uses it.
    assert len(said) == len(mistakes), said
    assert [int(line.split(":")[0].removeprefix("line ")) for line in said] == [
        line_of(text, new) for _, new in mistakes
    ]


def test_a_key_given_twice_is_named_with_both_lines() -> None:
    text = changed(("  paid:\n", "  more:\n"))
    first, second = line_of(LIBRARY, "  more:\n"), line_of(LIBRARY, "  paid:\n")
    said = complaints_of(text)
    assert f"line {second}: steps.more: duplicate key 'more', first on line {first}" in said


def test_missing_sections_are_named() -> None:
    said = complaints_of("agent: {name: x, display_name: X}\n")
    assert said == ["line 1: 'start' is missing", "line 1: 'steps' is missing"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "the file is empty"),
        ("- a\n- b\n", "a flow file is a mapping"),
        ("just words", "a flow file is a mapping"),
        ("a: [1, 2\n", "line 2: not YAML"),
        ("a: 1\n\tb: 2\n", "line 2: not YAML"),
        ("a: \x07\n", "not YAML"),
        ("a: 1\n---\nb: 2\n", "one document a file"),
        ("a: " + "[" * 60 + "]" * 60, "nested deeper"),
        ("? [a, b]\n: c\n", "a key must be plain text"),
        ("a: &x {b: 1}\nc: {<<: *x}\n", "anchors and aliases"),
        ("x: y\n" * 200_000, "at most"),
    ],
)
def test_what_is_no_flow_at_all_is_a_complaint_and_no_crash(text: str, message: str) -> None:
    assert any(message in line for line in complaints_of(text))


def test_words_that_yaml_1_1_would_change_stay_words() -> None:
    text = changed(("examples: [goodbye]", 'examples: [no, on, off, 0123, 1_000, 12:30, "5"]'))
    assert flow_of(text).intents["bye"].examples == (
        "no", "on", "off", "0123", "1_000", "12:30", "5",
    )  # fmt: skip


def test_the_environment_wins_over_a_default_and_the_version_is_of_the_text() -> None:
    plain = flow_of(LIBRARY)
    moved = flow_of(LIBRARY, {"LIBRARY_DESK": "sip:else@example.org"})
    assert plain.variables["desk"] == "sip:desk@127.0.0.1:5070"
    assert moved.variables["desk"] == "sip:else@example.org"
    assert moved.version == plain.version
    assert flow_of(LIBRARY + "# a word\n").version != plain.version


def test_the_error_names_the_file() -> None:
    with pytest.raises(FlowInvalid, match=r"^shop\.yaml, line 1: "):
        load_flow("agent: {}", environment={}, name="shop.yaml")


def test_slots_can_be_shared_by_name() -> None:
    own = '{kind: digits, length: 6, description: card number, ask: "Your card number?"}'
    shared = "slots:\n  pin: {kind: digits, length: 4, description: PIN, ask: PIN please}\n"
    text = changed(("tools:\n", shared + "tools:\n"), (f"      card: {own}", "      pin:"))
    flow = flow_of(
        text.replace(
            'arguments: {card: "{{ card }}", amount', 'arguments: {card: "{{ pin }}", amount'
        )
    )
    step = flow.steps["fine_amount"]
    assert [slot.name for slot in step.slots] == ["pin", "amount"]  # type: ignore[union-attr]
    assert any(
        "there is no slot 'pni' under slots; did you mean 'pin'?" in line
        for line in complaints_of(text.replace("      pin:\n", "      pni:\n"))
    )


@settings(deadline=None)
@given(st.data())
def test_no_damage_to_a_file_breaks_the_loader(data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(LIBRARY)))
    length = data.draw(st.integers(0, 60))
    patch = data.draw(st.text(alphabet=" \n:{}[]\"'-,|>&*!%#?abc019\t", max_size=12))
    try:
        flow_of(LIBRARY[:start] + patch + LIBRARY[start + length :])
    except FlowInvalid as exc:
        assert exc.complaints
        assert all(complaint.line >= 1 and complaint.message for complaint in exc.complaints)
