"""Whether what was said so far sounds as if more were coming (semantic_vad). Pure, English."""

from __future__ import annotations

from typing import Final

# Words that hardly ever end a sentence: conjunctions, articles, prepositions, fillers.
_OPEN_WORD_LINE: Final = (
    "a an and at because but by could for from i'd i'll if in into is it's its like my of on or "
    "our so than that the their then to uh um er erm we what when where which who why with would "
    "your"
)
_OPEN_WORDS: Final = frozenset(_OPEN_WORD_LINE.split())


def looks_unfinished(text: str) -> bool:
    """``text`` is the hypothesis so far; nothing heard yet counts as unfinished."""
    words = text.lower().replace(",", " ").rstrip(".?! ").split()
    return not words or words[-1] in _OPEN_WORDS
