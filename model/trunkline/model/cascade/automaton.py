"""A weighted word automaton: the grammar a decoder searches and the source of sample sentences."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final, TypeAlias

Arc: TypeAlias = tuple[int, int, float, str | None]
"""From state, to state, weight, word; None is a silent move."""

START: Final = 0
_MAX_WALK: Final = 60


@dataclass(frozen=True, slots=True)
class Grammar:
    """A finished automaton: weights leaving a state sum to one."""

    arcs: tuple[Arc, ...]
    final: int

    @property
    def words(self) -> frozenset[str]:
        return frozenset(word for *_, word in self.arcs if word is not None)

    def sentences(self, count: int, seed: int = 1) -> Iterator[str]:
        """Random sentences by the weights; always the same ones for the same seed."""
        outgoing: dict[int, list[tuple[int, str | None]]] = defaultdict(list)
        weights: dict[int, list[float]] = defaultdict(list)
        for source, target, weight, word in self.arcs:
            outgoing[source].append((target, word))
            weights[source].append(weight)
        chance = random.Random(seed)  # not for secrets: reproducible text
        for _ in range(count):
            state, said = START, []
            for _ in range(_MAX_WALK):
                if state == self.final:
                    break
                [(state, word)] = chance.choices(outgoing[state], weights[state])
                if word is not None:
                    said.append(word)
            else:
                continue  # ran round in a loop: not a sentence anybody says
            if said:
                yield " ".join(said)

    def accepts(self, words: Iterable[str]) -> bool:
        """Whether the automaton can say exactly these words."""
        silent: dict[int, list[int]] = defaultdict(list)
        spoken: dict[tuple[int, str], list[int]] = defaultdict(list)
        for source, target, _, word in self.arcs:
            if word is None:
                silent[source].append(target)
            else:
                spoken[source, word].append(target)

        def closure(states: set[int]) -> set[int]:
            reached, waiting = set(states), list(states)
            while waiting:
                for target in silent[waiting.pop()]:
                    if target not in reached:
                        reached.add(target)
                        waiting.append(target)
            return reached

        states = closure({START})
        for word in words:
            states = closure({target for state in states for target in spoken[state, word]})
        return self.final in states


class Builder:
    """Adds arcs between states; ``finish`` normalises them."""

    def __init__(self) -> None:
        self._arcs: list[Arc] = []
        self._states = 1

    def state(self) -> int:
        self._states += 1
        return self._states - 1

    def word(self, source: int, target: int, word: str, weight: float = 1.0) -> None:
        self._arcs.append((source, target, weight, word))

    def skip(self, source: int, target: int, weight: float = 1.0) -> None:
        """A silent move."""
        self._arcs.append((source, target, weight, None))

    def words(self, source: int, target: int, words: Iterable[str], weight: float = 1.0) -> None:
        """Any one of ``words``; they share the weight."""
        choices = tuple(words)
        for word in choices:
            self.word(source, target, word, weight / len(choices))

    def phrase(self, source: int, target: int, phrase: str, weight: float = 1.0) -> None:
        """The words of ``phrase`` one after the other."""
        *head, last = phrase.split()
        for word in head:
            following = self.state()
            self.word(source, following, word, weight)
            source, weight = following, 1.0
        self.word(source, target, last, weight)

    def optional_words(self, source: int, words: Iterable[str], weight: float) -> int:
        """The state after one of ``words`` or none of them, which has weight ``1 - weight``."""
        target = self.state()
        self.words(source, target, words, weight)
        self.skip(source, target, 1.0 - weight)
        return target

    def finish(self, final: int) -> Grammar:
        """Drop what cannot reach ``final`` and bring the weights of each state to one."""
        arcs = self._useful(final)
        totals: dict[int, float] = defaultdict(float)
        for source, _, weight, _ in arcs:
            totals[source] += weight
        return Grammar(
            tuple((a, b, weight / totals[a], word) for a, b, weight, word in arcs), final
        )

    def _useful(self, final: int) -> list[Arc]:
        into: dict[int, list[int]] = defaultdict(list)
        for source, target, _, _ in self._arcs:
            into[target].append(source)
        alive, waiting = {final}, [final]
        while waiting:
            for source in into[waiting.pop()]:
                if source not in alive:
                    alive.add(source)
                    waiting.append(source)
        return [arc for arc in self._arcs if arc[0] in alive and arc[1] in alive and arc[2] > 0]
