"""Chunks cover the text, and the first is short."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from trunkline.model.cascade.sentences import Break, split_text


def pieces(text: str) -> list[str]:
    return [text[chunk.start : chunk.end] for chunk in split_text(text)]


def test_the_first_clause_goes_first_and_later_sentences_stay_whole() -> None:
    text = "Thank you for calling Northwind, this is your assistant. We open at nine, and close."
    assert pieces(text) == [
        "Thank you for calling Northwind, ",
        "this is your assistant. ",
        "We open at nine, and close.",
    ]


def test_abbreviations_and_initials_end_no_sentence() -> None:
    assert pieces("Ask Dr. Smith at 9 a.m. or J. Jones.") == [
        "Ask Dr. Smith at 9 a.m. or J. Jones."
    ]


def test_the_last_chunk_has_no_pause_after_it() -> None:
    assert [chunk.ends_with for chunk in split_text("One. Two.")] == [Break.SENTENCE, Break.END]


def test_text_without_words_has_no_chunks() -> None:
    assert list(split_text(" \n ")) == []


@given(st.text(alphabet="ab ,.?!\n'", max_size=300))
def test_chunks_cover_the_text_without_gap_or_overlap(text: str) -> None:
    chunks = list(split_text(text))
    if not text.strip():
        assert chunks == []
        return
    assert chunks[-1].end == len(text)
    for before, after in zip(chunks, chunks[1:], strict=False):
        assert before.end == after.start
