from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from trunkline.domain.audio import WordMark
from trunkline.model.pacing import AudioPacer, TextPacer, spoken_pieces, text_pieces


def test_two_seconds_of_audio_leave_at_once_and_the_rest_at_twice_real_time() -> None:
    pacer, now = AudioPacer(), 100.0
    for _ in range(10):
        assert pacer.wait_s(now, 200) == 0.0
        pacer.sent(now, 200)
    assert pacer.ahead_ms(now) == 2000
    wait = pacer.wait_s(now, 200)
    assert abs(wait - 0.1) < 1e-9
    now += wait
    pacer.sent(now, 200)
    assert abs(pacer.wait_s(now, 200) - 0.1) < 1e-9


def test_an_engine_slower_than_speech_is_never_held_back() -> None:
    pacer, now = AudioPacer(), 0.0
    for _ in range(50):
        assert pacer.wait_s(now, 100) == 0.0
        pacer.sent(now, 100)
        now += 0.11
    assert pacer.ahead_ms(now) == 0.0


def test_text_leaves_at_fifty_tokens_a_second() -> None:
    pacer, now = TextPacer(), 0.0
    for _ in range(100):
        now += pacer.wait_s(now, "word")
    assert abs(now - 99 / 50) < 1e-6


@given(text=st.text(max_size=200))
def test_pieces_of_text_are_the_text_again(text: str) -> None:
    pieces = list(text_pieces(text))
    assert "".join(pieces) == text
    assert all(pieces)


def test_each_word_goes_with_the_blank_before_it() -> None:
    words = (WordMark("Good", 0, 100), WordMark("morning", 100, 300), WordMark("you", 300, 400))
    pieces = spoken_pieces(" Good morning, you!", words, 0)
    assert [piece.text for piece in pieces] == [" Good", " morning,", " you!"]
    assert [piece.start_ms for piece in pieces] == [0, 100, 300]


def test_marks_that_do_not_read_as_the_text_send_it_all_first() -> None:
    words = (WordMark("one", 20, 100), WordMark("eighty", 100, 300))
    (piece,) = spoken_pieces("You owe 182.", words, 0)
    assert (piece.text, piece.start_ms, piece.words) == ("You owe 182.", 20, words)


def test_text_without_marks_goes_where_its_part_begins() -> None:
    (piece,) = spoken_pieces("hello", (), 640.0)
    assert (piece.start_ms, piece.words) == (640.0, ())
    assert spoken_pieces("", (), 0) == []


@given(
    words=st.lists(st.sampled_from(["a", "an", "the", "the,", "balance"]), min_size=1, max_size=8)
)
def test_pieces_of_speech_are_the_transcript_again(words: list[str]) -> None:
    text = " ".join(words)
    marks = tuple(
        WordMark(word.strip(","), at * 100, at * 100 + 90) for at, word in enumerate(words)
    )
    pieces = spoken_pieces(text, marks, 0)
    assert "".join(piece.text for piece in pieces) == text
    assert [piece.start_ms for piece in pieces] == [at * 100 for at in range(len(words))]
