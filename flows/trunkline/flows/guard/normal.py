"""Text as the guard compares it: folded, undisguised. Pure.

People and models write the same word in many ways: capitals, accents, look-alike digits, letters
set apart, letters repeated, characters without width. All of that is taken away first.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

_WITHOUT_WIDTH: Final = re.compile("[\u00ad\u200b-\u200f\u2028-\u202e\u2060-\u2064\ufeff]")
_LOOK_ALIKE: Final = str.maketrans("013457@$!|", "oieastasil")
_DISGUISED: Final = re.compile(
    r"(?<![a-z0-9])(?=[a-z0-9@$!|]*[a-z])(?=[a-z0-9@$!|]*[0-9@$!|])[a-z0-9@$!|]{3,}"
)
_SET_APART: Final = re.compile(r"\b(?:[a-z][ .*_-]){2,}[a-z]\b")
_REPEATED: Final = re.compile(r"([a-z])\1{2,}")
_BETWEEN: Final = re.compile(r"(?<=[a-z])[*_.](?=[a-z])")
MAX_CHARS: Final = 4000
"""Longer text is judged by its first and last so many characters, half of each."""


def folded(text: str) -> str:
    """Lower case, ASCII where there is a counterpart, undisguised; spaces are kept."""
    if len(text) > MAX_CHARS:
        text = f"{text[: MAX_CHARS // 2]} {text[-MAX_CHARS // 2 :]}"
    text = unicodedata.normalize("NFKD", _WITHOUT_WIDTH.sub("", text))
    text = "".join(char for char in text if not unicodedata.combining(char)).casefold()
    text = text.replace("\u2019", "'").replace("\u2018", "'")
    text = _SET_APART.sub(_together, text)
    text = _DISGUISED.sub(lambda found: found.group().translate(_LOOK_ALIKE), text)
    text = _REPEATED.sub(r"\1\1", _BETWEEN.sub("", text))
    return " ".join(text.split())


def _together(found: re.Match[str]) -> str:
    first, rest = found.group()[0], re.sub(r"[ .*_-]", "", found.group()[1:])
    # "a b o m b": the article stands by itself.
    return f"{first} {rest}" if first in "ai" and len(rest) > 2 else first + rest
