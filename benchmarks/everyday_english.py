"""Take everyday English out of the general model that the recogniser ships with.

    python -m benchmarks.everyday_english model/trunkline/model/cascade/data

The commonest words of pocketsphinx's English n-gram model and the pairs of them that say more than
the words do alone, as ``everyday.txt``: a line ``word log10-probability`` for each word, then
``first second log10-probability`` for each pair, <s> and </s> included. Takes a minute.
"""

from __future__ import annotations

import math
import sys
from pathlib import Path
from typing import Final

from pocketsphinx import Config, LogMath, NGramModel

from trunkline.model.cascade.acoustics import model_directory

_WORDS: Final = 1100
_PAIRS: Final = 9000
# Neither to be put into a caller's mouth nor of any use there.
_LEFT_OUT: Final = frozenset({
    "fuck", "fucking", "shit", "damn", "sex", "gun", "obama", "iraq", "kill", "kinda", "gotta", "v",
    "t", "s", "'em", "huh", "mr",
})  # fmt: skip


def main() -> None:
    folder = Path(sys.argv[1])
    model_path = model_directory()
    logarithms = LogMath()
    model = NGramModel(Config(), logarithms, str(model_path / "en-us.lm.bin"))

    def log10(*words: str) -> float:
        """Of the last of ``words`` after the others; the library wants it first."""
        return float(logarithms.log_to_ln(model.prob(list(reversed(words))))) / math.log(10)

    entries = (model_path / "cmudict-en-us.dict").read_text().splitlines()
    known = {entry.split()[0] for entry in entries}
    ranked = sorted((w for w in known if "(" not in w and w[-1] != "."), key=lambda w: -log10(w))
    words = [word for word in ranked[: _WORDS + len(_LEFT_OUT)] if word not in _LEFT_OUT][:_WORDS]
    alone = {word: log10(word) for word in [*words, "</s>"]}
    pairs: list[tuple[float, str, str, float]] = []
    for first in ["<s>", *words]:
        first_probability = 0.05 if first == "<s>" else 10 ** alone[first]
        for second in alone:
            together = log10(first, second)
            gain = together - alone[second]
            if gain > 0.3:
                pairs.append((first_probability * 10**together * gain, first, second, together))
    pairs.sort(reverse=True)
    lines = [f"{word} {value:.2f}" for word, value in alone.items()]
    chosen = sorted(pairs[:_PAIRS], key=lambda pair: (pair[1], pair[2]))
    lines += [f"{first} {second} {value:.2f}" for _, first, second, value in chosen]
    (folder / "everyday.txt").write_text("\n".join(lines) + "\n")
    print(f"{len(words)} words, {len(chosen)} of {len(pairs)} pairs")


if __name__ == "__main__":
    main()
