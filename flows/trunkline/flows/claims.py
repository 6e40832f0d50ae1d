"""Sentences that say that something is done. English; words only, no model."""

from __future__ import annotations

import re
from typing import Final

_SENTENCE: Final = re.compile(r"[^.!?;]+")
_VERBS: Final = (
    r"(?:paid|made|done|sent|booked|cancelled|canceled|transferred|refunded|changed|"
    r"completed?|processed|taken|charged|updated|ordered|closed|approved|set up|settled|issued)"
)
_DONE: Final = re.compile(
    r"\b(?:(?:has|have|had) (?:now |just |already |successfully )*been|(?:is|are) (?:now |all )*|"
    r"(?:i|we)(?:'ve| have)(?: now| just| already)*|was|were) ?"
    rf"(?:\w+ly )?{_VERBS}\b"
    r"|\b(?:successful|successfully|all set|went through)\b",
    re.I,
)
_SPOKEN: Final = re.compile(
    r"\b(?:it|that|this|everything|payment|you)'(?:s|re) (?:now |all |been |just |already )*"
    rf"{_VERBS}\b"
    r"|\b(?:i|we) (?:just |already |now )?(?:paid|sent|booked|made|transferred|processed)\b"
    r"|\b(?:all done|has gone through|it's gone through|is through)\b",
    re.I,
)
_NOT_YET: Final = re.compile(
    r"\b(?:not|no|nothing|never|yet|until|once|when|after|if|before|unless|will|has to|must|"
    r"needs? to|waiting|pending)\b|n't\b|\bas soon as\b",
    re.I,
)


def is_claimed(text: str) -> bool:
    """Whether a sentence of a line that somebody wrote says that something is done."""
    return any(
        _DONE.search(sentence) and not _NOT_YET.search(sentence)
        for sentence in _SENTENCE.findall(text)
    )


def is_claimed_aloud(text: str) -> bool:
    """The same for what a model says: a sentence that is not at its end counts as it stands."""
    plain = text.replace("\u2019", "'")
    return any(
        (_DONE.search(sentence) or _SPOKEN.search(sentence)) and not _NOT_YET.search(sentence)
        for sentence in _SENTENCE.findall(plain)
    )
