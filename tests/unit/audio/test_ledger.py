"""What became of every word."""

from __future__ import annotations

import pytest

from trunkline.audio.ledger import account, estimated_marks, far_end_ms, heard_text
from trunkline.domain.audio import WordMark
from trunkline.domain.turn import WordFate

MARKS = [
    WordMark(word, 100 * n, 100 * n + 90) for n, word in enumerate(["you", "owe", "ten", "pounds"])
]
HEARD, SENT, CUT, GENERATED = WordFate.HEARD, WordFate.SENT, WordFate.CUT, WordFate.GENERATED


@pytest.mark.parametrize(
    ("sent_ms", "heard_ms", "is_cut", "fates"),
    [
        (0, 0, False, [GENERATED] * 4),
        (200, 0, False, [SENT, SENT, GENERATED, GENERATED]),
        (400, 95, False, [HEARD, SENT, SENT, SENT]),
        (400, 400, False, [HEARD] * 4),
        (350, 195, True, [HEARD, HEARD, CUT, CUT]),
        (250, 189, True, [HEARD, CUT, CUT, GENERATED]),
        (400, 0, True, [CUT] * 4),
    ],
)
def test_a_word_is_heard_when_its_end_was(
    sent_ms: float, heard_ms: float, is_cut: bool, fates: list[WordFate]
) -> None:
    words = account(MARKS, sent_ms=sent_ms, heard_ms=heard_ms, is_cut=is_cut, clock_ms=int)
    assert [word.fate for word in words] == fates


def test_words_lie_on_the_calls_clock() -> None:
    words = account(MARKS, sent_ms=400, heard_ms=400, is_cut=False, clock_ms=lambda ms: ms + 5000)
    assert [(word.start_ms, word.end_ms) for word in words][1] == (5100, 5190)


@pytest.mark.parametrize(
    ("text", "heard_ms", "expected"),
    [
        ("You owe ten pounds.", 400, "You owe ten pounds."),
        ("You owe ten pounds.", 290, "You owe ten"),
        ("You owe £10.", 290, "you owe ten"),  # its words are not spelled as they were spoken
        ("You owe ten pounds.", 10, ""),
    ],
)
def test_the_text_ends_where_hearing_did(text: str, heard_ms: int, expected: str) -> None:
    words = account(MARKS, sent_ms=400, heard_ms=heard_ms, is_cut=True, clock_ms=int)
    assert heard_text(text, words) == expected


def test_without_word_times_the_text_is_spread_over_the_audio() -> None:
    marks = estimated_marks("one two three", 1000, is_complete=True)
    assert [mark.text for mark in marks] == ["one", "two", "three"]
    assert marks[0].start_ms == 0
    assert marks[-1].end_ms == 1000
    assert all(mark.is_estimated for mark in marks)
    assert estimated_marks("", 1000, is_complete=True) == []


def test_a_text_whose_audio_is_still_coming_is_not_squeezed_into_what_is_there() -> None:
    marks = estimated_marks("a sentence of many words that goes on", 300, is_complete=False)
    assert marks[-1].end_ms > 2000


def test_the_far_end_hears_later_by_half_the_round_trip_and_its_buffer() -> None:
    assert far_end_ms(0) == 40
    assert far_end_ms(120) == 100
    assert far_end_ms(-1) == 40
