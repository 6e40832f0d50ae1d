from __future__ import annotations

import pytest

from trunkline.dashboard import formats
from trunkline.domain.call import CallState, EndCause
from trunkline.domain.events import ToolOutcome


@pytest.mark.parametrize(
    ("ms", "words"),
    [(None, "—"), (0, "0:00"), (999, "0:00"), (-40, "0:00"), (61_000, "1:01"),
     (3_600_000 + 125_000, "1:02:05")],
)  # fmt: skip
def test_a_duration_reads_as_a_clock(ms: int | None, words: str) -> None:
    assert formats.duration(ms) == words


def test_every_state_cause_and_outcome_has_words_and_a_tone() -> None:
    assert all(formats.state_words(state) for state in CallState)
    for cause in EndCause:
        assert formats.cause_words(cause) and formats.answerable_words(cause)
        assert formats.cause_tone(cause) in ("calm", "bad")
    for outcome in ToolOutcome:
        assert formats.outcome_words(outcome)
        assert formats.outcome_tone(outcome) in ("good", "wait", "bad")


@pytest.mark.parametrize(
    ("ms", "words"), [(None, "—"), (412, "412 ms"), (412.4, "412 ms"), (12_400, "12.4 s")]
)
def test_milliseconds_read_with_their_unit(ms: float | None, words: str) -> None:
    assert formats.milliseconds(ms) == words


def test_amounts_and_names_read_as_people_write_them() -> None:
    assert (formats.amount(1204), formats.amount(0.421)) == ("1,204", "0.42")
    assert formats.name_words("first_audio_ms") == "First audio"
    assert formats.step_words("ask_account") == "ask account"


def test_a_document_that_is_no_json_is_shown_as_text() -> None:
    assert formats.pretty_json({"a": 1}) == '{\n  "a": 1\n}'
    assert formats.pretty_json("plain") == "plain"
    assert formats.pretty_json({"a": {1, 2}}).startswith("{'a'")
