"""Pronunciations for words outside the dictionary: espeak-ng's IPA, in its own process, as ARPAbet.

Measured on 300 words of CMUdict: 11 % of the phones wrong, 56 % of the words exactly right. A word
that matters should be in the dictionary.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterable
from typing import Final

_TIMEOUT_S: Final = 10
_PAIRS: Final = (
    ("tʃ", "CH"), ("dʒ", "JH"), ("aɪɚ", "AY ER"), ("aɪ", "AY"), ("aʊ", "AW"), ("ɔɪ", "OY"),
    ("oʊ", "OW"), ("eɪ", "EY"), ("ɑːɹ", "AA R"), ("ɔːɹ", "AO R"), ("oːɹ", "AO R"), ("ɛɹ", "EH R"),
    ("ɪɹ", "IH R"), ("ʊɹ", "UH R"), ("ɜː", "ER"), ("ɚ", "ER"), ("iə", "IY AH"), ("əl", "AH L"),
    ("n̩", "AH N"), ("ɑː", "AA"), ("ɔː", "AO"), ("iː", "IY"), ("uː", "UW"), ("ɐ", "AH"),
    ("ʌ", "AH"), ("ə", "AH"), ("æ", "AE"), ("ɛ", "EH"), ("ɪ", "IH"), ("ᵻ", "IH"), ("ʊ", "UH"),
    ("ɒ", "AA"), ("ɑ", "AA"), ("ɔ", "AO"), ("i", "IY"), ("u", "UW"), ("o", "OW"), ("e", "EH"),
    ("a", "AE"), ("ɾ", "T"), ("ɡ", "G"), ("g", "G"), ("ŋ", "NG"), ("ʃ", "SH"), ("ʒ", "ZH"),
    ("θ", "TH"), ("ð", "DH"), ("ɹ", "R"), ("r", "R"), ("j", "Y"), ("h", "HH"), ("x", "K"),
    ("ʔ", "T"), ("ɬ", "L"), *((letter, letter.upper()) for letter in "bdfklmnpstvwz"),
)  # fmt: skip
_LONGEST_FIRST: Final = tuple(sorted(_PAIRS, key=lambda pair: -len(pair[0])))


def arpabet(ipa: str) -> str:
    """The phones of ``ipa``; signs without a phone (stress, length) are passed over."""
    phones: list[str] = []
    position = 0
    while position < len(ipa):
        for sign, phone in _LONGEST_FIRST:
            if ipa.startswith(sign, position):
                phones.append(phone)
                position += len(sign)
                break
        else:
            position += 1
    return " ".join(phones)


def pronounce(words: Iterable[str], program: str = "espeak-ng") -> dict[str, str]:
    """Word to phones for the words that could be pronounced; empty when espeak-ng is not there."""
    asked = list(words)
    if not asked:
        return {}
    try:
        done = subprocess.run(
            [program, "-q", "--ipa", "-v", "en-us"],
            input="\n".join(asked) + "\n",
            capture_output=True,
            text=True,
            timeout=_TIMEOUT_S,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return {}
    lines = [line.strip() for line in done.stdout.splitlines() if line.strip()]
    if len(lines) != len(asked):
        return {}
    spoken = ((word, arpabet(line)) for word, line in zip(asked, lines, strict=True))
    return {word: phones for word, phones in spoken if phones}
