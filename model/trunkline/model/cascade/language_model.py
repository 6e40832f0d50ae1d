"""The files a decoder reads for one expectation: n-gram model and dictionary, by content hash."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from trunkline.model.cascade.automaton import Arc
from trunkline.model.cascade.everyday import everyday_english
from trunkline.model.cascade.expectations import Expectation
from trunkline.model.cascade.lexicon import Lexicon, dictionary_text
from trunkline.model.cascade.ngrams import Trigrams


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
    everyday = everyday_english() if expectation.everyday else None
    words = expectation.words | (everyday.alone.keys() - {"</s>"} if everyday else frozenset())
    pronunciations = lexicon.look_up(words, dict(expectation.told))
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
        model = Trigrams(sentences, everyday, expectation.everyday)
        partial.write_text("\n".join(model.arpa()) + "\n", encoding="utf-8")
        partial.rename(language_model)
    return SearchFiles(expectation.key, language_model, dictionary, arcs, expectation.grammar.final)


def _write(path: Path, text: str) -> None:
    partial = _partial_name(path)
    partial.write_text(text)
    partial.rename(path)


def _partial_name(path: Path) -> Path:
    return path.with_name(f"{path.name}.{os.getpid()}.partial")
