"""The likeliest meaning of a turn that no search heard well: to be asked about, never acted on.

One exchange is all that a caller is patient for. "Did you mean ...?" is answered with a yes, or
with a no and the right words; "say it again" only with the same words again. Pure.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from trunkline.model.cascade.heard import Heard
from trunkline.model.cascade.triage import BARELY, GUESSED, Judgement, Meaning, Meant

_BEST: Final = 1.0
_GRAMMAR: Final = 0.4  # it always hears something that was declared
_OTHER: Final = 0.2
_LEAST: Final = 1.4
_LEAD: Final = 1.6  # times the next likely: a wrong guess costs more than asking again
_STRONG, _STRONG_LEAD = 2.4, 3.0


def guessed(hearings: Sequence[tuple[Heard, Heard | None]], meaning: Meaning) -> Judgement | None:
    """What most of the hearings' hypotheses mean, n-gram bests before the rest; None when it is
    not much more than anything else."""
    support: dict[Meant, float] = {}
    texts: dict[Meant, Heard] = {}
    for ngram, grammar in hearings:
        hypotheses = [(ngram, _BEST), *((Heard(text), _OTHER) for text in ngram.others)]
        if grammar is not None:
            hypotheses.append((grammar, _GRAMMAR))
        for heard, weight in hypotheses:
            meant = meaning(heard.text) if heard.text else None
            if meant is not None:
                support[meant] = support.get(meant, 0.0) + weight
                texts.setdefault(meant, heard)
    ranked = sorted(support, key=lambda meant: -support[meant])
    if not ranked or support[ranked[0]] < _LEAST:
        return None
    if len(ranked) > 1 and support[ranked[0]] < _LEAD * support[ranked[1]]:
        return None
    lead = support[ranked[0]] / support[ranked[1]] if len(ranked) > 1 else _STRONG_LEAD
    is_strong = support[ranked[0]] >= _STRONG and lead >= _STRONG_LEAD
    others = tuple(text for ngram, _ in hearings for text in (ngram.text,) if text)
    confidence = BARELY if is_strong else GUESSED
    return Judgement(texts[ranked[0]], confidence, alternatives=tuple(dict.fromkeys(others)))
