"""A text as the classifier reads it: a row of stems, forms of a word made one. Pure.

Recognised speech has "gonna" and "couldn't", the past and the present; the classifier's examples
are few, so every form counts as the same word.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

import snowballstemmer

_STEMMER: Final = snowballstemmer.stemmer("english")
_WORD: Final = re.compile(r"[a-z]+(?:'[a-z]+)?|[0-9]+")


def words(text: str) -> tuple[str, ...]:
    """The stems of folded text, numbers as ``0``, every negation as ``not``."""
    row: list[str] = []
    for word in _WORD.findall(text):
        row += _stems_of(word)
    return tuple(row)


@lru_cache(maxsize=20_000)
def _stems_of(word: str) -> tuple[str, ...]:
    if word.isdigit():
        return ("0",)
    if word.endswith("n't") or word == "cannot":
        return ("not",)
    if word in _RUN_TOGETHER:
        return _RUN_TOGETHER[word]
    word = word.partition("'")[0]
    return (str(_STEMMER.stemWord(_ROOTS.get(word, word))),)


_RUN_TOGETHER: Final = {
    "gonna": ("go", "to"),
    "wanna": ("want", "to"),
    "gotta": ("have", "to"),
    "gimme": ("give", "me"),
    "lemme": ("let", "me"),
    "dunno": ("not", "know"),
}
_FORMS: Final = """
ate eat; beaten beat; bled bleed; bought buy; broke break; burnt burn; children child; dealt deal;
died die; dies die; drank drink; drunk drink; dug dig; dying die; eaten eat; fell fall; felt feel;
fought fight; found find; gave give; given give; gone go; got get; gotten get; hid hide;
hidden hide; hanged hang; hung hang; kept keep; knew know; knives knife; known know; left leave;
lives life; lost lose; made make; men man; paid pay; ran run; said say; saw see; seen see;
sent send; shot shoot; slept sleep; sold sell; spent spend; stole steal; stolen steal;
struck strike; stuck stick; swore swear; sworn swear; taken take; taught teach; thieves thief;
thought think; threw throw; thrown throw; told tell; took take; tore tear; torn tear; u you;
ur your; went go; wives wife; woke wake; woken wake; women woman; won win; written write;
wrote write
"""
_ROOTS: Final = dict(pair.split() for pair in " ".join(_FORMS.split()).split("; "))
