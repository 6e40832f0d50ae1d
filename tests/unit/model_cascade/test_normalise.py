"""Written words become sayable ones, token by token."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trunkline.model.cascade.normalise import speakable


def spoken(text: str) -> str:
    return " ".join(word for token in speakable(text) for word in token.words)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("$182.40", "one hundred and eighty two dollars and forty cents"),
        ("182.40 dollars.", "one hundred and eighty two dollars and forty cents."),
        ("44172908", "four four one seven, two nine zero eight"),
        ("0", "zero"),
        ("1,250", "one thousand two hundred and fifty"),
        ("12.5%", "twelve point five percent"),
        ("10:30 a.m.", "ten thirty ay em"),
        ("5pm", "five pee em"),
        ("14:05", "two oh five in the afternoon"),
        ("March 3, 2026", "March third, twenty twenty six"),
        ("2026-12-01", "December first twenty twenty six"),
        ("the 21st", "the twenty first"),
        ("AB-123", "ay b one two three"),
        ("+1 555-123-4567", "one five five five, one two three, four five six seven"),
        ("me@example.com", "me at example dot com"),
        ("Dr. Smith", "doctor Smith"),
        ("caf\u00e9", "cafe"),
    ],
)
def test_what_is_written_is_said_as_people_say_it(text: str, words: str) -> None:
    assert spoken(text) == words


def test_every_token_keeps_its_display_form_and_its_place() -> None:
    text = "You owe $182.40,  due \U0001f600 soon."
    tokens = speakable(text)
    assert [token.display for token in tokens] == text.split()
    assert all(text.startswith(token.display, token.start) for token in tokens)
    assert [token.words for token in tokens if token.display == "\U0001f600"] == [()]


@given(st.text(max_size=80))
def test_any_text_becomes_plain_ascii_words(text: str) -> None:
    tokens = speakable(text)
    assert [token.display for token in tokens] == text.split() or not text.isprintable()
    for token in tokens:
        for word in token.words:
            assert word.isascii() and not any(c.isspace() for c in word)
            assert any(c.isalnum() for c in word)
