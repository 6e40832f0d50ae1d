from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from trunkline.model.upstream.word_clock import Pace, WordClock


@given(st.lists(st.text(alphabet="ab .,é\n", max_size=6), max_size=30))
def test_what_comes_out_is_what_went_in_and_no_word_is_cut(deltas: list[str]) -> None:
    clock = WordClock(Pace())
    told = [clock.feed(delta) for delta in deltas]
    told.append(clock.feed("", is_last=True))
    text = "".join(deltas)
    assert "".join(piece for piece, _ in told) == text
    marks = [mark for _, of_piece in told for mark in of_piece]
    assert [mark.text for mark in marks] == text.split()
    assert all(a.start_ms <= a.end_ms <= b.start_ms for a, b in zip(marks, marks[1:], strict=False))


def test_the_pace_is_learnt_from_what_was_heard_and_stays_human() -> None:
    pace = Pace()
    for _ in range(20):
        pace.learn(100, 10_000)
    assert 9.9 < pace.chars_per_s < 10.2
    pace.learn(10_000, 600)  # a far end that lies about its audio
    assert pace.chars_per_s < 20
