"""What a few words are worth."""

from __future__ import annotations

import pytest

from trunkline.calls.backchannels import WordClass, classify


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", WordClass.NOTHING),
        ("  ... ", WordClass.NOTHING),
        ("um", WordClass.FILLER),
        ("Uh, erm", WordClass.FILLER),
        ("for my", WordClass.PARTICLE),
        ("um the", WordClass.PARTICLE),
        ("the okay", WordClass.ANSWER),
        ("can I", WordClass.CONTENT),
        ("uh huh", WordClass.BACKCHANNEL),
        ("Uh-huh.", WordClass.BACKCHANNEL),
        ("mm hmm", WordClass.BACKCHANNEL),
        ("oh I see", WordClass.BACKCHANNEL),
        ("yes", WordClass.ANSWER),
        ("Yeah, okay. Right!", WordClass.ANSWER),
        ("um okay", WordClass.ANSWER),
        ("uh", WordClass.FILLER),
        ("no", WordClass.CONTENT),
        ("okay stop", WordClass.CONTENT),
        ("yeah but", WordClass.CONTENT),
        ("see", WordClass.CONTENT),
        ("rightly", WordClass.CONTENT),
    ],
)
def test_a_text_is_as_heavy_as_its_heaviest_word(text: str, expected: WordClass) -> None:
    assert classify(text) is expected
    assert classify(text, "en-GB") is expected


def test_in_a_language_without_a_table_every_word_takes_the_floor() -> None:
    assert classify("ja", "de") is WordClass.CONTENT
    assert classify("", "de") is WordClass.NOTHING
