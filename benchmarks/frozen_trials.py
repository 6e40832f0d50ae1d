"""The trials of ``benchmarks.ears_frozen``, and how what came of them is told."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from itertools import count
from typing import Any, Final
from zlib import crc32

from benchmarks.frozen_speech import Voice
from trunkline.domain.events import Json

SNR_DB: Final = 20
OUT_OF_DOMAIN: Final = "out of domain"
_VOICES_A_LINE: Final = 2  # each row is said by so many voices clean, and by as many in noise


class Outcome(Enum):
    AT_ONCE = "right at once"
    CONFIRMED = "right, confirmed"
    ASKED_AGAIN = "right, asked again"
    WRONG_AT_ONCE = "wrong at once"
    WRONG_LATER = "wrong after that"
    NOT_YET = "needs more"


class Ignored(Enum):
    ACTED = "acted on"
    ASKED_WHETHER = "asked whether"
    ASKED_AGAIN = "asked again"


@dataclass(frozen=True, slots=True)
class Trial:
    """``wanted`` is None, and ``again`` empty, for what answers nothing. ``noise`` None: clean."""

    name: str
    kind: str
    ask: str
    said: str
    again: str
    wanted: Json
    voice: Voice
    noise: str | None
    is_open: bool = False

    @property
    def seed(self) -> int:
        return crc32(f"{self.name} {self.noise}".encode())


def trials(data: Mapping[str, Any]) -> Iterator[Trial]:
    """In the order of the set, voices and noises by turns."""
    voices = [Voice(**told) for told in data["voices"]]
    noises: list[str] = data["noises"]
    turn = count()

    def spread(kind: str, ask: str, row: list[Any], is_open: bool) -> Iterator[Trial]:
        number = next(turn)
        for take in range(2 * _VOICES_A_LINE):
            voice = (number * 3 + take * 7) % len(voices)
            noise = noises[(number + take // 2) % len(noises)] if take % 2 else None
            name = f"{number}/{take}"
            yield Trial(name, kind, ask, row[0], row[1], row[2], voices[voice], noise, is_open)

    for group in data["directed"]:
        for ask, rows in group["asks"].items():
            for row in rows:
                yield from spread(group["kind"], ask, row, group.get("is_open", False))
    for ask, texts in data["out_of_domain"].items():
        for text in texts:
            yield from spread(OUT_OF_DOMAIN, ask, [text, "", None], False)


@dataclass(frozen=True, slots=True)
class Result:
    """``is_first_right``: the first answer was understood rightly, read back or not."""

    trial: Trial
    outcome: Outcome | Ignored
    is_first_right: bool


def share_of(listed: list[Trial], share: float, seed: int) -> list[Trial]:
    """Whole rows, so that every share has clean and noisy trials alike."""
    rows = sorted({trial.name.split("/")[0] for trial in listed})
    kept = set(random.Random(seed).sample(rows, max(1, round(len(rows) * share))))
    return [trial for trial in listed if trial.name.split("/")[0] in kept]


def report(results: Sequence[Result]) -> None:
    directed = [each for each in results if isinstance(each.outcome, Outcome)]
    print(
        "| line | kind | n | at once | understood first | after at most one | wrong at once "
        "| wrong after that | needs more |\n|---|---|---|---|---|---|---|---|---|"
    )
    for line, is_noisy in (("clean", False), (f"noise {SNR_DB} dB", True)):
        here = [each for each in directed if (each.trial.noise is not None) is is_noisy]
        for kind in dict.fromkeys(each.trial.kind for each in directed):
            _row(line, kind, [each for each in here if each.trial.kind == kind])
        _row(line, "**directed dialogue**", [each for each in here if not each.trial.is_open])
    noises = dict.fromkeys(each.trial.noise for each in directed if each.trial.noise)
    for noise in sorted(noises):
        chosen = [each for each in directed if each.trial.noise == noise and not each.trial.is_open]
        _row(f"{noise}, {SNR_DB} dB", "directed dialogue", chosen)
    print("\n| out of domain | n | acted on | asked whether | asked again |\n|---|---|---|---|---|")
    others = [each for each in results if isinstance(each.outcome, Ignored)]
    for label, chosen in (
        ("clean", [each for each in others if each.trial.noise is None]),
        (f"noise {SNR_DB} dB", [each for each in others if each.trial.noise is not None]),
        ("**both**", others),
    ):
        counts = Counter(each.outcome for each in chosen)
        cells = " | ".join(_of(counts[each], len(chosen)) for each in Ignored)
        print(f"| {label} | {len(chosen)} | {cells} |")


def _row(line: str, kind: str, chosen: Sequence[Result]) -> None:
    if not chosen:
        return
    counts = Counter(each.outcome for each in chosen)
    done = counts[Outcome.AT_ONCE] + counts[Outcome.CONFIRMED] + counts[Outcome.ASKED_AGAIN]
    figures = (
        counts[Outcome.AT_ONCE],
        sum(each.is_first_right for each in chosen),
        done,
        counts[Outcome.WRONG_AT_ONCE],
        counts[Outcome.WRONG_LATER],
        counts[Outcome.NOT_YET],
    )
    cells = " | ".join(_of(figure, len(chosen)) for figure in figures)
    print(f"| {line} | {kind} | {len(chosen)} | {cells} |")


def _of(figure: int, total: int) -> str:
    return f"{100 * figure / total:.1f} %" if total else "-"


def misses(results: Sequence[Result]) -> None:
    """For whoever looks for faults of the benchmark itself; never for who tunes."""
    print()
    for each in sorted(results, key=lambda each: each.trial.ask):
        trial, outcome = each.trial, each.outcome
        if outcome in (Outcome.WRONG_AT_ONCE, Outcome.WRONG_LATER, Outcome.NOT_YET, Ignored.ACTED):
            where = f"{trial.voice.name} {trial.voice.tract} {trial.noise or 'clean'}"
            print(f"{outcome.value:16} {trial.ask:34} {where:28} {trial.said}")
