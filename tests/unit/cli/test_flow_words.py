"""Words of a flow that the recogniser could not expect, because nobody knows how they are said."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.unit.flows.conversation import flow_of
from tests.unit.flows.samples import LIBRARY, changed

from trunkline.cli.flow_words import word_findings
from trunkline.flows.schema.source import read_yaml
from trunkline.model.cascade.lexicon import Lexicon

SOUNDS = "L OW N Z"


def findings_of(text: str, lexicon: Lexicon) -> list[tuple[str, str, bool]]:
    found = word_findings(flow_of(text), read_yaml(text), lexicon)
    return [(each.code, each.where, each.is_error) for each in found if "'loans'" in each.message]


def test_a_word_nobody_can_say_is_an_error_until_the_flow_says_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "")  # espeak-ng, which guesses, is not there
    known = tmp_path / "words.dict"
    known.write_text("the DH AH\n")
    lexicon = Lexicon(known)
    assert findings_of(LIBRARY, lexicon) == [("unpronounceable", "intents.loans", True)]
    told = changed(("start: welcome", f"start: welcome\npronounce: {{loans: {SOUNDS}}}"))
    assert findings_of(told, lexicon) == []
    known.write_text(f"loans {SOUNDS}\n")
    assert findings_of(LIBRARY, Lexicon(known)) == []
