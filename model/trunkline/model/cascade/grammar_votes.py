"""Numbers, days and names where the searches differ: what the grammar heard twice. Pure.

The n-gram search may say any word after any other, and bends digits it hears badly into everyday
words; the grammar cannot. Of 26 values in voices that nothing was tuned with the n-gram had 6
right, the grammar 10 while streaming and 12 as a whole, and never was the n-gram right alone. But a
grammar hears a value in every noise: it counts where both of its hearings mean the same and the
n-gram heard something like it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from trunkline.domain.spoken.dates import MONTHS, WEEKDAYS
from trunkline.domain.spoken.numerals import NUMBER_WORDS
from trunkline.model.cascade.common_names import GIVEN_NAMES, SURNAMES
from trunkline.model.cascade.heard import Heard
from trunkline.model.cascade.triage import (
    DOUBTFUL,
    GUESSED,
    SAME_MEANING,
    Does,
    Judgement,
    Meaning,
    word_likeness,
)

_COUNTED: Final = NUMBER_WORDS | frozenset((
    *MONTHS, *WEEKDAYS, *GIVEN_NAMES, *SURNAMES, "quarter", "half", "noon", "dot",
))  # fmt: skip
_LEAST_LIKE: Final = 0.35
_LIKE: Final = 0.5


def outvoted(
    believed: Judgement, hearings: Sequence[tuple[Heard, Heard | None]], meaning: Meaning
) -> Judgement | None:
    """What to ask about instead of ``believed``, or None when that stands."""
    pairs = [(ngram, grammar) for ngram, grammar in hearings if grammar is not None]
    if len(pairs) < 2 or believed.confidence >= SAME_MEANING:
        return None
    meant = {meaning(grammar.text) if grammar.text else None for _, grammar in pairs}
    what = meant.pop()
    text = pairs[-1][1].text
    if meant or what is None or what.does is not Does.FILL or _COUNTED.isdisjoint(text.split()):
        return None
    if not believed.is_rejected and meaning(believed.heard.text) == what:
        return None
    alike = max(word_likeness(ngram.text.split(), grammar.text.split()) for ngram, grammar in pairs)
    if alike < _LEAST_LIKE:
        return None
    others = (believed.heard.text, *believed.alternatives)
    confidence = DOUBTFUL if alike >= _LIKE else GUESSED
    return Judgement(pairs[-1][1], confidence, alternatives=tuple(filter(None, others)))
