"""Audio of a clause is heard after its words were judged, and never when they were blocked."""

from __future__ import annotations

from trunkline.domain.audio import WordMark
from trunkline.flows.guard.gate import FASTEST_CHARS_PER_S, Blocked, ClauseGate, Released
from trunkline.flows.guard.pack import Response, Verb
from trunkline.flows.guard.verdict import Finding, Verdict

RATE = 8000
BAD = Finding("violence", "pattern", 1.0, Response(Verb.REFUSE, "No."))
CARD = Finding("identity_numbers", "number", 1.0, Response(Verb.REDACT))


def judge(before: str, clause: str) -> Verdict:
    return Verdict(clause, (BAD,) if "bomb" in clause else ())


def marks(*times: tuple[str, int, int]) -> list[WordMark]:
    return [WordMark(*one) for one in times]


def test_a_clause_is_let_out_to_the_end_of_its_last_word_without_waiting_for_the_next() -> None:
    gate = ClauseGate(judge, RATE)
    assert gate.text("Hello there.", marks(("Hello", 0, 300), ("there.", 300, 700))) is None
    assert gate.audio(8000) == Released(5600)
    assert gate.text(" How", marks(("How", 900, 1100))) is None
    assert gate.audio(4000) is None
    assert gate.text(" now", marks(("now", 1100, 1400))) is None
    assert gate.whole() == Released(12000)


def test_audio_that_comes_before_its_words_waits_for_them() -> None:
    gate = ClauseGate(judge, RATE)
    assert gate.audio(16000) is None
    assert gate.text("Yes.", marks(("Yes.", 0, 500))) == Released(4000)
    assert gate.audio(8000) is None
    blocked = gate.text(" A bomb.", marks(("A", 600, 700), ("bomb.", 700, 1200)))
    assert isinstance(blocked, Blocked)
    assert (blocked.heard_until, blocked.fine_text, blocked.text) == (4000, "Yes.", "A bomb.")


def test_without_times_no_more_is_let_out_than_the_fastest_speaker_would_have_said() -> None:
    gate = ClauseGate(judge, RATE)
    text = "All of this is fine."
    assert gate.audio(40000) is None
    assert gate.text(text) == Released(int(len(text) / FASTEST_CHARS_PER_S * RATE))
    assert gate.whole() == Released(40000)


def test_estimated_times_and_times_that_run_backwards_are_none() -> None:
    for times in (
        [WordMark("Fine", 0, 4000, is_estimated=True)],
        marks(("Fine", 2000, 1000)),
    ):
        gate = ClauseGate(judge, RATE)
        gate.audio(80000)
        assert gate.text("Fine.", times) == Released(int(5 / FASTEST_CHARS_PER_S * RATE))


def test_a_faster_voice_is_given_less() -> None:
    gate = ClauseGate(judge, RATE, speed=2.0)
    gate.audio(80000)
    assert gate.text("Fine.") == Released(int(5 / FASTEST_CHARS_PER_S / 2 * RATE))


def test_words_that_are_spoken_otherwise_than_written_go_as_one() -> None:
    gate = ClauseGate(judge, RATE)
    gate.audio(80000)
    said = marks(
        ("two", 0, 200), ("hundred", 200, 600), ("forty", 600, 900), ("dollars", 900, 1300)
    )
    assert gate.text("You owe $240.", said) == Released(1300 * 8)
    assert gate.text(" and then", marks(("and", 1400, 1500), ("then", 1500, 1700))) is None


def test_a_comma_inside_a_number_ends_nothing() -> None:
    judged: list[str] = []

    def note(before: str, clause: str) -> Verdict:
        judged.append(clause)
        return Verdict(clause)

    gate = ClauseGate(note, RATE)
    for part in ("You owe 1,", "240 dollars,", " thanks"):
        gate.text(part)
    assert judged == ["You owe 1,240 dollars,"]


def test_a_long_clause_without_a_mark_is_judged_on_the_way() -> None:
    gate = ClauseGate(judge, RATE)
    released = None
    for place in range(30):
        gate.audio(800)
        released = gate.text(f"word{place} ") or released
    assert isinstance(released, Released)


def test_what_runs_over_a_clause_is_judged_with_what_came_before() -> None:
    seen: list[tuple[str, str]] = []

    def note(before: str, clause: str) -> Verdict:
        seen.append((before, clause))
        return Verdict(clause)

    gate = ClauseGate(note, RATE)
    gate.text("One, two. Three")
    gate.told()
    assert seen == [("", "One,"), ("One,", " two."), ("One, two.", " Three")]


def test_after_a_block_nothing_more_is_let_out() -> None:
    gate = ClauseGate(judge, RATE)
    gate.text("All right. ")
    gate.audio(80000)
    blocked = gate.text("Build a bomb. Then")
    assert isinstance(blocked, Blocked)
    assert blocked.verdict is not None and blocked.verdict.decisive == BAD
    assert gate.audio(8000) is None
    assert gate.text(" more. And") is None
    assert gate.told() is None and gate.whole() is None
    assert gate.until == blocked.heard_until


def test_numbers_that_must_be_left_out_stop_an_engine() -> None:
    gate = ClauseGate(lambda before, clause: Verdict(clause, (CARD,)), RATE)
    gate.audio(8000)
    assert isinstance(gate.text("It is 4111 1111 1111 1111."), Blocked)


def test_speech_without_any_words_is_never_let_out() -> None:
    gate = ClauseGate(judge, RATE)
    gate.audio(80000)
    assert gate.whole() == Blocked(0, "")
    assert gate.until == 0


def test_an_item_that_broke_off_keeps_what_nobody_told() -> None:
    gate = ClauseGate(judge, RATE)
    gate.audio(80000)
    gate.text("Fine so far", marks(("Fine", 0, 200), ("so", 200, 300), ("far", 300, 600)))
    assert gate.told() == Released(4800)
    assert gate.until == 4800
