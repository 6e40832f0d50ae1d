"""Pronunciations: from the dictionary, else by espeak-ng."""

from __future__ import annotations

from pathlib import Path

from trunkline.model.cascade.acoustics import carried_mean
from trunkline.model.cascade.asr_wire import Unpacker, pack_audio, pack_json
from trunkline.model.cascade.expectations import expectations
from trunkline.model.cascade.g2p import arpabet, pronounce
from trunkline.model.cascade.language_model import build_search_files
from trunkline.model.cascade.lexicon import Lexicon, dictionary_text

CMU = "one W AH N\none(2) HH W AH N\ntwo T UW\n"


def lexicon(tmp_path: Path) -> Lexicon:
    path = tmp_path / "words.dict"
    path.write_text(CMU)
    return Lexicon(path)


def test_known_words_keep_their_variants(tmp_path: Path) -> None:
    found = lexicon(tmp_path).look_up(["one", "two"])
    assert found == {"one": ("W AH N", "HH W AH N"), "two": ("T UW",)}
    assert dictionary_text(found) == CMU


def test_unknown_words_are_guessed(tmp_path: Path) -> None:
    found = lexicon(tmp_path).look_up(["brightwater", "one"])
    [phones] = found["brightwater"]
    assert phones.split()[:4] == ["B", "R", "AY", "T"]


def test_ipa_becomes_arpabet_longest_sign_first() -> None:
    assert arpabet("tʃˈiːz") == "CH IY Z"
    assert arpabet("nˈɔːɹθ") == "N AO R TH"


def test_without_espeak_the_word_is_missing() -> None:
    assert pronounce(["brightwater"], program="no-such-program") == {}


def test_phrases_nobody_can_pronounce_are_left_out(tmp_path: Path) -> None:
    words = lexicon(tmp_path)
    [expectation] = expectations([], keywords=["one two", "one 語"]).values()
    files = build_search_files(expectation, words, tmp_path)
    assert files is not None
    assert all(arc[3] is None or arc[3].isascii() for arc in files.arcs)
    assert files.language_model.read_text().count("\n") > 10


def test_a_turns_own_mean_outweighs_what_was_before() -> None:
    # 300 frames at 20 after 500 counted at 10: the live mean is 13.75.
    carried = float(carried_mean("10.0", "13.75", 300))
    assert 16 < carried < 18
    assert carried_mean("10.0", "12.0", 0) == "10.0"


def test_messages_survive_any_cutting() -> None:
    packed = pack_json({"type": "end", "turn": 7}) + pack_audio(7, b"\1\2\3\4")
    unpacker = Unpacker()
    messages = [m for byte in packed for m in unpacker.feed(bytes([byte]))]
    assert messages == [
        {"type": "end", "turn": 7},
        {"type": "audio", "turn": 7, "pcm": b"\1\2\3\4"},
    ]
