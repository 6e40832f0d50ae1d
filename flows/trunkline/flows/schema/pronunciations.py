"""The words that a flow tells how to say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from trunkline.domain.spoken.phones import pronunciation
from trunkline.domain.spoken.words import spoken_words
from trunkline.flows.schema.assembly import Assembly


def assemble_pronunciations(
    assembly: Assembly, written: Mapping[str, Sequence[str]]
) -> dict[str, tuple[str, ...]]:
    """Word to the ways it is said, in phones of the CMU dictionary or as words that sound alike."""
    found: dict[str, tuple[str, ...]] = {}
    for word, ways in written.items():
        path = ("pronounce", word)
        tokens = spoken_words(word)
        if len(tokens) != 1 or not tokens[0].replace("'", "").isalpha():
            assembly.complain(path, "one word of letters, as callers say it; split a longer name")
            continue
        forms = [(way, pronunciation(way)) for way in ways]
        for way, form in forms:
            if form is None:
                message = (
                    f"{way!r} is no pronunciation: write phones of the CMU dictionary "
                    "(OW K AH F AO R) or plain words that sound alike (oak a for)"
                )
                assembly.complain(path, message)
        found[tokens[0]] = tuple(form for _, form in forms if form is not None)
    return {word: forms for word, forms in found.items() if forms}
