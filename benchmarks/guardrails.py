"""How well the guardrails tell what is forbidden, on sentences held out from their making.

    python -m benchmarks.guardrails [--set 1|2]

The sentences (``tests/data/guard_held_out*.yaml``; both sets unless one is named) were written
apart from patterns and training examples, and are frozen by hash. Any that stands among the
training examples all the same, word for word, is left out and counted. Which sentences were
misjudged is not printed: who improves the guardrails must not learn them.
"""

from __future__ import annotations

import argparse
import gc
import os
import resource
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from math import sqrt
from pathlib import Path
from statistics import quantiles
from time import perf_counter_ns, thread_time_ns
from typing import Final

import yaml

from trunkline.flows.guard.classifier import shipped_classifier
from trunkline.flows.guard.normal import folded
from trunkline.flows.guard.pack import Packs, Side, Verb, labelled, shipped_packs
from trunkline.flows.guard.verdict import Guard, Verdict

_DATA: Final = Path(__file__).parents[1] / "tests" / "data"
HELD_OUT: Final = {1: _DATA / "guard_held_out.yaml", 2: _DATA / "guard_held_out_2.yaml"}
"""By the number of the set; the second is by another author, who had not read the first."""
FINE: Final = "none"
_BLOCKING: Final = (Verb.REFUSE, Verb.ESCALATE, Verb.END)
_ROUNDS: Final = 5  # every sentence so many times for the latency
_Z_95: Final = 1.959964


@dataclass(frozen=True, slots=True)
class Sentence:
    side: Side
    category: str
    text: str


@dataclass(frozen=True, slots=True)
class Judged:
    """``is_due`` and ``is_blocked``: what a person and what the guard say of blocking it."""

    sentence: Sentence
    is_due: bool
    is_blocked: bool
    categories: frozenset[str]
    is_kept: bool  # the text came back as it was

    @property
    def is_named(self) -> bool:
        return self.sentence.category in self.categories


@dataclass(frozen=True, slots=True)
class Scores:
    right: int
    false: int
    missed: int

    @property
    def precision(self) -> float:
        return self.right / (self.right + self.false) if self.right else 0.0

    @property
    def recall(self) -> float:
        return self.right / (self.right + self.missed) if self.right else 0.0

    @property
    def f1(self) -> float:
        return 2 * self.right / (2 * self.right + self.false + self.missed) if self.right else 0.0

    def __str__(self) -> str:
        return f"{self.precision:.3f} / {self.recall:.3f} / {self.f1:.3f}"


def wilson(hits: int, of: int) -> tuple[float, float]:
    """The 95 % interval of a share (Wilson 1927), which is sound near 0 and 1 too."""
    if of == 0:
        return 0.0, 1.0
    share, square = hits / of, _Z_95**2
    middle = share + square / (2 * of)
    spread = _Z_95 * sqrt(share * (1 - share) / of + square / (4 * of * of))
    low, high = ((middle + sign * spread) / (1 + square / of) for sign in (-1, 1))
    return max(low, 0.0), min(high, 1.0)


def read_sentences(number: int) -> list[Sentence]:
    rows = yaml.safe_load(HELD_OUT[number].read_text(encoding="utf-8"))["rows"]
    return [Sentence(Side(row["side"]), row["category"], row["text"]) for row in rows]


def without_seen(sentences: Sequence[Sentence], packs: Packs) -> list[Sentence]:
    """Those that are no training example, whatever their case and punctuation."""
    seen = {_words(row[0]) for row in labelled(packs)}
    return [one for one in sentences if _words(one.text) not in seen]


def _words(text: str) -> str:
    return "".join(sign if sign.isalnum() else " " for sign in folded(text)).strip()


def judge(guard: Guard, packs: Packs, sentences: Iterable[Sentence]) -> list[Judged]:
    return [_judged(packs, one, guard.judge(one.text, one.side)) for one in sentences]


def _judged(packs: Packs, sentence: Sentence, verdict: Verdict) -> Judged:
    category = packs.categories.get(sentence.category)
    response = category.responses.get(sentence.side) if category else None
    return Judged(
        sentence,
        is_due=response is not None and response.verb in _BLOCKING,
        is_blocked=verdict.is_blocked,
        categories=frozenset(found.category for found in verdict.findings),
        is_kept=verdict.text == sentence.text,
    )


def blocked_or_not(judged: Iterable[Judged]) -> Scores:
    outcomes = [(one.is_due, one.is_blocked) for one in judged]
    return Scores(
        outcomes.count((True, True)), outcomes.count((False, True)), outcomes.count((True, False))
    )


def _category_rows(judged: Sequence[Judged]) -> Iterator[tuple[str, str]]:
    groups: dict[tuple[str, Side], list[Judged]] = {}
    for one in judged:
        groups.setdefault((one.sentence.category, one.sentence.side), []).append(one)
    for (category, side), own in sorted(groups.items()):
        if category == FINE:
            continue
        named = sum(one.is_named for one in own)
        blocked = sum(one.is_blocked for one in own)
        if own[0].is_due:
            figures = f"{blocked} of {len(own)} blocked, {named} by this category"
        else:
            masked = sum(not one.is_kept for one in own)
            figures = f"{named} of {len(own)} found, {masked} masked, {blocked} blocked"
        yield f"{category}, {side}", figures


def _false_block_rows(judged: Iterable[Judged]) -> Iterator[tuple[str, str]]:
    fine = [one for one in judged if one.sentence.category == FINE]
    yield "fine sentences blocked", _share_blocked(fine)
    for side in Side:
        own = [one for one in fine if one.sentence.side is side]
        yield f"fine sentences blocked, {side}", _share_blocked(own)


def _share_blocked(judged: Sequence[Judged]) -> str:
    blocked = sum(one.is_blocked for one in judged)
    low, high = (100 * share for share in wilson(blocked, len(judged)))
    share = 100 * blocked / len(judged)
    return f"{blocked} of {len(judged)}: {share:.2f} % (95 %: {low:.2f} to {high:.2f} %)"


@contextmanager
def one_core() -> Iterator[None]:
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(before)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def latency(guard: Guard, sentences: Sequence[Sentence]) -> list[tuple[float, float]]:
    """Milliseconds of every verdict, wall and processor, on one core."""
    times = []
    gc.collect()
    gc.freeze()  # as an edge does before it takes calls
    with one_core():
        for _ in range(_ROUNDS):
            for one in sentences:
                began, worked = perf_counter_ns(), thread_time_ns()
                guard.judge(one.text, one.side)
                worked, ended = thread_time_ns() - worked, perf_counter_ns()
                times.append(((ended - began) / 1e6, worked / 1e6))
    gc.unfreeze()
    return times


def _figures(times_ms: Sequence[float]) -> str:
    cuts = quantiles(times_ms, n=100)
    return f"{cuts[49]:.2f} / {cuts[98]:.2f} / {max(times_ms):.2f} ms (p50 / p99 / max)"


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _overall_rows(judged: Sequence[Judged]) -> Iterator[tuple[str, str]]:
    yield "blocked or not: precision / recall / F1", str(blocked_or_not(judged))
    for side in Side:
        scores = blocked_or_not(one for one in judged if one.sentence.side is side)
        yield f"the same, {side}", str(scores)
    yield from _false_block_rows(judged)


def rows(numbers: Sequence[int] = tuple(HELD_OUT)) -> list[tuple[str, str]]:
    """Figures of each set by itself, then of all of them together; categories only together."""
    everything = {number: read_sentences(number) for number in numbers}
    before = _peak_mb()
    packs = shipped_packs()
    guard = Guard(packs, shipped_classifier(packs))
    found: list[tuple[str, str]] = []
    judged: list[Judged] = []
    for number, sentences in everything.items():
        unseen = without_seen(sentences, packs)
        own = judge(guard, packs, unseen)
        judged += own
        left_out = f"{len(sentences) - len(unseen)} left out: training examples too"
        found.append((f"set {number}: sentences judged", f"{len(own)}; {left_out}"))
        found += [(f"set {number}: {what}", figures) for what, figures in _overall_rows(own)]
    if len(everything) > 1:
        found += [(f"all sets: {what}", figures) for what, figures in _overall_rows(judged)]
    found += _category_rows(judged)
    times = latency(guard, [one.sentence for one in judged])
    walls, works = zip(*times, strict=True)
    return [
        *found,
        (f"a verdict, {len(times)} of them, wall", _figures(walls)),
        ("a verdict, processor", _figures(works)),
        ("peak resident memory", f"{_peak_mb():.0f} MB, {before:.0f} MB before the guard"),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure the guardrails on held-out sentences.")
    parser.add_argument("--set", type=int, choices=list(HELD_OUT), help="one set (default: both)")
    options = parser.parse_args()
    for what, measured in rows(tuple(HELD_OUT) if options.set is None else (options.set,)):
        print(f"{what}: {measured}")


if __name__ == "__main__":
    main()
