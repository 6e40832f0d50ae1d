"""The files a decoder reads for one expectation: n-gram model and dictionary, by content hash."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from trunkline.model.cascade.automaton import Arc
from trunkline.model.cascade.expectations import Expectation
from trunkline.model.cascade.lexicon import Lexicon, dictionary_text

# What is kept back for unseen pairs of words; the library's 0.5 lets chatter into digit strings
# (digits 52 % against 58 % right, eight voices on a telephone line).
_DISCOUNT_MASS: Final = 0.1


@dataclass(frozen=True, slots=True)
class SearchFiles:
    """``arcs`` holds only words that have a pronunciation."""

    key: str
    language_model: Path
    dictionary: Path
    arcs: tuple[Arc, ...]
    final: int


def build_search_files(
    expectation: Expectation, lexicon: Lexicon, directory: Path
) -> SearchFiles | None:
    """Write the files unless they are there; None when none of the words can be pronounced.

    Takes 10 to 80 ms. Several processes may build the same key at once: the rename is atomic and
    the contents are the same.
    """
    pronunciations = lexicon.look_up(expectation.words, dict(expectation.told))
    known = pronunciations.keys()
    arcs = tuple(arc for arc in expectation.grammar.arcs if arc[3] is None or arc[3] in known)
    sentences = [line for line in expectation.sentences if known >= set(line.split())]
    if not sentences:
        return None
    language_model = directory / f"{expectation.key}.arpa"
    dictionary = directory / f"{expectation.key}.dict"
    if not dictionary.exists():
        _write(dictionary, dictionary_text(pronunciations))
    if not language_model.exists():
        partial = _partial_name(language_model)
        _write_arpa(partial, sentences)
        partial.rename(language_model)
    return SearchFiles(expectation.key, language_model, dictionary, arcs, expectation.grammar.final)


def _write_arpa(path: Path, sentences: list[str]) -> None:
    from pocketsphinx.lm import ArpaBoLM  # here: only recogniser processes load it

    text = "\n".join(f"<s> {line} </s>" for line in sentences)
    model = ArpaBoLM(text=text, discount_mass=_DISCOUNT_MASS)
    model.compute()
    model.write_file(str(path))


def _write(path: Path, text: str) -> None:
    partial = _partial_name(path)
    partial.write_text(text)
    partial.rename(path)


def _partial_name(path: Path) -> Path:
    return path.with_name(f"{path.name}.{os.getpid()}.partial")
