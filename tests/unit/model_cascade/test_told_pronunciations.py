"""How a flow says its own words, on the way from its YAML to the decoder's dictionary."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.unit.flows.conversation import flow_of
from tests.unit.flows.samples import LIBRARY, changed

from trunkline.domain.spoken.phones import pronunciation
from trunkline.flows.compile import configure
from trunkline.flows.schema.loader import FlowInvalid
from trunkline.model.cascade.acoustics import model_directory
from trunkline.model.cascade.expectations import expectations, told_pronunciations
from trunkline.model.cascade.language_model import build_search_files
from trunkline.model.cascade.lexicon import Lexicon

CMU = "oak OW K\na AH\nfor F AO R\nloans L OW N Z\n"


def telling(line: str) -> str:
    return changed(("start: welcome", f"start: welcome\npronounce: {{{line}}}"))


def lexicon(tmp_path: Path) -> Lexicon:
    path = tmp_path / "words.dict"
    path.write_text(CMU)
    return Lexicon(path)


def test_phones_and_words_that_sound_alike_are_pronunciations() -> None:
    assert pronunciation("OW1 K  AH0 F AO1 R") == "OW K AH F AO R"
    assert pronunciation("oak a for") == "oak a for"
    for wrong in ("OW K QX", "Oak", "oak2", "", "AA " * 50):
        assert pronunciation(wrong) is None


def test_what_is_told_is_heard_and_the_dictionary_stays_beside_it(tmp_path: Path) -> None:
    found = lexicon(tmp_path).look_up(
        ["okafor", "loans"], {"okafor": ("oak a for",), "loans": ("L AO N S",)}
    )
    assert found == {"okafor": ("OW K AH F AO R",), "loans": ("L AO N S", "L OW N Z")}


def test_a_flows_pronunciation_reaches_the_decoders_dictionary(tmp_path: Path) -> None:
    told = telling("loans: L AO N S")
    flow = flow_of(told)
    tools = configure(flow, flow.steps["menu"], {}).tools
    assert told_pronunciations(tools) == {"loans": ("L AO N S",)}
    told_first = next(iter(expectations(tools).values()))
    whole = Lexicon(model_directory() / "cmudict-en-us.dict")
    files = build_search_files(told_first, whole, tmp_path)
    assert files is not None
    assert "loans L AO N S\n" in files.dictionary.read_text()


def test_expectations_with_and_without_it_are_different() -> None:
    plain = flow_of(LIBRARY)
    told = flow_of(telling("loans: lawns"))
    keys = [
        {each.key for each in expectations(configure(f, f.steps["menu"], {}).tools).values()}
        for f in (plain, told)
    ]
    assert not keys[0] & keys[1]


@pytest.mark.parametrize("line", ["loans: QX", "two words: L AO N", "b4: L AO N"])
def test_what_is_no_word_or_no_pronunciation_is_refused_where_it_is_written(line: str) -> None:
    with pytest.raises(FlowInvalid, match="pronounce"):
        flow_of(telling(line))
