"""One file with every kind of mistake: each is told once, with its line, and all at once."""

from __future__ import annotations

import re

import pytest
from tests.unit.flows.conversation import flow_of
from tests.unit.flows.test_language import CLINIC

from trunkline.flows.schema.loader import FlowInvalid

# what is written, what is written instead, and what is said about it
MISTAKES = [
    ("name: clinic, display_name", "name: clinic, voice: corral, display_name",
     "did you mean 'coral'"),
    ('holidays: ["2026-12-25"]', 'holidays: ["25.12.2026"]', "'25.12.2026' is no day"),
    ('keys: {"0": desk}', 'keys: {"0": dsk}', "there is no step 'dsk'; did you mean 'desk'?"),
    ('{url: "https://clinic.example.org/charge", method: POST}',
     '{url: "file:///etc/passwd", method: POST}', "begins with http:// or https://"),
    ('say: "{{ greeting }}", collect', 'say: "{{ greting }}", collect',
     "nothing ever sets the variable 'greting'; did you mean 'greeting'?"),
    ("when: open.office", "when: open.ofice", "there is no calendar 'ofice'; did you mean"),
    ("turn_taking: calm", "turn_taking: clam", "should be 'calm', 'balanced' or 'eager'"),
    ("card: {collect: {card: {use: card_number}}", "card: {collect: {card: {use: card_numbr}}",
     "the library has no slot 'card_numbr'; did you mean 'card_number'?"),
    ("flow: identify\n", "flow: identity\n", "there is no sub-flow 'identity'"),
    ("{{ tries + 1 }}", "{{ trys + 1 }}", "nothing ever sets the variable 'trys'"),
    ("{{ birthday | say_date }}", "{{ birthday | say_dat }}", "unknown filter 'say_dat'"),
    ('{send_digits: "1w2", next: machine}', '{send_digits: "1w2", nxt: machine}',
     "unknown key 'nxt'; did you mean 'next'?"),
    ("{human: menu, machine: beep", "{human: meno, machine: beep", "there is no step 'meno'"),
    ("after_beep: true, next", "after_beep: maybe, next", "should be true or false"),
    ('callback_key: "1"', 'callback_key: "11"', "steps.queue.queue.callback_key"),
    ("mode: warm", "mode: lukewarm", "should be 'blind' or 'warm'"),
    ("carry: [tries]", "carry: [trise]", "nothing ever sets the variable 'trise'"),
    ("max_s: 60", "max_s: -1", "greater than 0"),
    ("hang_up: done}", "hang_up: done, handoff: shop}",
     "a step is of one kind, and this has handoff and hang_up"),
]  # fmt: skip


def test_all_of_them_are_told_at_once_each_with_its_line() -> None:
    text = CLINIC
    for old, new, _ in MISTAKES:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    with pytest.raises(FlowInvalid) as caught:
        flow_of(text)
    said = [str(complaint) for complaint in caught.value.complaints]
    for _, new, message in MISTAKES:
        first = text[: text.index(new)].count("\n") + 1
        lines = range(first - 1, first + new.count("\n") + 2)
        told = [line for line in said if message in line]
        assert told, (message, said)
        numbers = [int(re.findall(r"line (\d+)", line)[0]) for line in told]
        assert set(numbers) & set(lines), (message, first, told)
    assert said == sorted(said, key=lambda line: int(re.findall(r"line (\d+)", line)[0]))


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("when: open.office", "when: \"open['ofice']\"", "there is no calendar 'ofice'"),
        ("when: open.office", "when: opn.office", "sets the variable 'opn'; did you mean 'open'"),
        ("say: How can I help?", 'say: "We open at {{ opens.ofice.time }}."', "calendar 'ofice'"),
        ("tries: \"{{ tries + 1 }}\"", 'tries: "{{ opens.ofice }}"', "calendar 'ofice'"),
        ("{{ tries }} tries.", "{{ 'now' if open.ofice else 'later' }}", "calendar 'ofice'"),
    ],
)  # fmt: skip
def test_a_misspelled_calendar_or_root_is_a_complaint_with_its_line(
    old: str, new: str, complaint: str
) -> None:
    line = CLINIC[: CLINIC.index(old)].count("\n") + 1
    with pytest.raises(FlowInvalid, match=complaint) as caught:
        flow_of(CLINIC.replace(old, new, 1))
    assert [problem.line for problem in caught.value.complaints] == [line]


def test_a_mistake_elsewhere_does_not_make_a_calendar_unknown() -> None:
    with pytest.raises(FlowInvalid) as caught:
        flow_of(CLINIC.replace("start: hours", "strt: hours", 1))
    assert not [problem for problem in caught.value.complaints if "open" in str(problem)]
