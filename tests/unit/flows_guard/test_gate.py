"""Audio of a clause is heard after its words were judged, and never when they were blocked."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from trunkline.domain.audio import WordMark
from trunkline.flows.guard.gate import Blocked, ClauseGate, Released
from trunkline.flows.guard.pack import Response, Verb
from trunkline.flows.guard.verdict import Finding, Verdict

RATE = 8000
BAD = Finding("violence", "pattern", 1.0, Response(Verb.REFUSE, "No."))
WORD_MS = 300


def judge(text: str) -> Verdict:
    return Verdict(text, (BAD,) if "bomb" in text else ())


def test_a_clause_is_let_out_up_to_its_last_word_when_the_next_one_begins() -> None:
    gate = ClauseGate(judge, RATE)
    marks = [WordMark("Hello", 0, 300), WordMark("there.", 300, 700), WordMark("How", 900, 1100)]
    assert gate.text("Hello there.", marks[:2]) is None
    assert gate.audio(8000) is None
    assert gate.text(" How", marks[2:]) == Released(5600)
    assert gate.audio(4000) is None
    assert gate.done() == Released(12000)


def test_a_point_inside_an_amount_ends_nothing() -> None:
    judged: list[str] = []

    def note(text: str) -> Verdict:
        judged.append(text)
        return Verdict(text)

    gate = ClauseGate(note, RATE)
    for part in ("You owe 240.", "50, and", " thanks"):
        gate.text(part)
    assert judged == ["You owe 240.50,"]


def test_a_long_clause_without_a_mark_is_judged_on_the_way() -> None:
    gate = ClauseGate(judge, RATE)
    released = None
    for place in range(30):
        gate.audio(800)
        released = gate.text(f"word{place} ") or released
    assert isinstance(released, Released)


def test_after_a_block_nothing_more_is_let_out() -> None:
    gate = ClauseGate(judge, RATE)
    gate.text("All right. ")
    gate.audio(8000)
    blocked = gate.text("Build a bomb. Then")
    assert isinstance(blocked, Blocked) and blocked.verdict.decisive == BAD
    assert gate.audio(8000) is None
    assert gate.text(" more. And") is None
    assert gate.done() is None
    assert gate.until <= blocked.heard_until


words = st.sampled_from(["a", "b,", "c.", "dd", "e!", "bomb", "bomb.", "f"])


@settings(max_examples=400, deadline=None)
@given(
    st.lists(words, min_size=1, max_size=40),
    st.booleans(),
    st.integers(1, 5),
    st.integers(0, 4),
)
def test_no_sample_of_a_blocked_word_is_ever_let_out(
    said: list[str], has_marks: bool, at_once: int, behind: int
) -> None:
    """Text comes ahead of audio, in deltas of ``at_once`` words, audio ``behind`` deltas later."""
    gate = ClauseGate(judge, RATE)
    per_word = WORD_MS * RATE // 1000
    deltas = [said[i : i + at_once] for i in range(0, len(said), at_once)]
    sent = 0
    for number in range(len(deltas) + behind):
        if number < len(deltas):
            first = number * at_once
            marks = [
                WordMark(word, (first + i) * WORD_MS, (first + i + 1) * WORD_MS)
                for i, word in enumerate(deltas[number])
            ]
            gate.text(" ".join(deltas[number]) + " ", marks if has_marks else ())
        if number >= behind and number - behind < len(deltas):
            samples = len(deltas[number - behind]) * per_word
            gate.audio(samples)
            sent += samples
    gate.done()
    bad = [place for place, word in enumerate(said) if "bomb" in word]
    if bad:
        assert gate.is_blocked and gate.until <= bad[0] * per_word
    else:
        assert gate.until == sent
