"""What the guard says of a text: which categories it touches, and what is to be done. Pure.

A pattern is certain, the classifier is a chance. What an ``allow`` pattern covers is taken out
first: "kill the power" is no threat.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from trunkline.flows.guard.classifier import Classifier
from trunkline.flows.guard.identity import find_numbers, masked
from trunkline.flows.guard.normal import folded
from trunkline.flows.guard.pack import Category, Packs, Response, Side, Verb

_WINDOW_WORDS: Final = 16
_MOST_WINDOWS: Final = 24
_SENTENCE_END: Final = re.compile(r"(?<=[.!?\n])\s+")
# The strongest of what was found is done; the rest is noted.
_STRENGTH: Final = (Verb.NOTE, Verb.MASK, Verb.REDACT, Verb.REFUSE, Verb.ESCALATE, Verb.END)


@dataclass(frozen=True, slots=True)
class Finding:
    """One category that a text touches; ``score`` is 1 for a pattern or a number."""

    category: str
    by: str
    score: float
    response: Response


@dataclass(frozen=True, slots=True)
class Verdict:
    """``text`` is what may be kept and said: the same, or with its numbers masked."""

    text: str
    findings: tuple[Finding, ...] = ()

    @property
    def decisive(self) -> Finding | None:
        """The finding with the strongest action; the surest of equals."""
        return max(
            self.findings,
            key=lambda one: (_STRENGTH.index(one.response.verb), one.score),
            default=None,
        )

    @property
    def verb(self) -> Verb | None:
        found = self.decisive
        return found.response.verb if found else None

    @property
    def is_blocked(self) -> bool:
        """Nothing of the text may reach the model (input) or the caller (output)."""
        return self.verb in (Verb.REFUSE, Verb.ESCALATE, Verb.END)

    @property
    def may_be_said(self) -> bool:
        """Words cannot be taken out of speech that an engine makes: redacting stops it."""
        return not self.is_blocked and self.verb is not Verb.REDACT

    @property
    def hides(self) -> bool:
        """Something is left out of what is kept."""
        return any(one.response.verb in (Verb.MASK, Verb.REDACT) for one in self.findings)


class Guard:
    """Judges text under some of the packs' categories (all of them unless named)."""

    def __init__(
        self, packs: Packs, classifier: Classifier | None, only: Sequence[str] | None = None
    ) -> None:
        names = packs.categories.keys() if only is None else only
        self._categories = [packs.categories[name] for name in names]
        self._classifier = classifier
        self._is_scored = classifier is not None and any(
            one.has_classifier for one in self._categories
        )

    @property
    def finds_numbers(self) -> bool:
        """Card and identity numbers are kept out of sight, on one side or the other."""
        return any(one.numbers for one in self._categories)

    def judges(self, side: Side) -> bool:
        return any(side in one.responses for one in self._categories)

    def judge(self, text: str, side: Side) -> Verdict:
        """The verdict; an empty one when nothing is found. Costs about 0.5 ms."""
        scores: Mapping[str, float] = {}
        if self._is_scored and self._classifier is not None:
            scores = self._classifier.scores(text, side)
        return self.judge_with(text, side, scores)

    def judge_turn(self, text: str) -> Verdict:
        """What a caller said, as a whole and, where it is long, by windows of its words.

        A wish among much small talk weighs little in the whole.
        """
        words = text.split()
        readings = [text]
        if len(words) > _WINDOW_WORDS:
            readings += [
                " ".join(words[at : at + _WINDOW_WORDS])
                for at in range(0, len(words) - _WINDOW_WORDS // 2, _WINDOW_WORDS // 2)
            ][:_MOST_WINDOWS]
        found = [self.judge(one, Side.INPUT) for one in readings]
        return joined(text, found)

    def judge_clause(self, before: str, clause: str) -> Verdict:
        """What an agent says, by itself and as the end of its sentence.

        What came ``before`` was judged, and counts only for what runs over into the clause.
        """
        sentence = _SENTENCE_END.split(before)[-1] + clause
        found = [self.judge(clause, Side.OUTPUT)]
        if sentence.strip() != clause.strip():
            found.append(self.judge(sentence, Side.OUTPUT))
        whole = before + clause
        if len(whole) > max(len(sentence), len(clause)):
            found.append(self.judge_with(whole, Side.OUTPUT, {}))
        is_new = any(number.end > len(before) for number in find_numbers(whole))
        if not is_new:
            found = [_without_numbers(one) for one in found]
        return joined(clause, found)

    def judge_with(self, text: str, side: Side, scores: Mapping[str, float]) -> Verdict:
        """The verdict from the patterns, and from scores that a classifier gave the text."""
        plain = folded(text)
        findings = [
            found
            for category in self._categories
            if (response := category.responses.get(side)) is not None
            and (found := self._find(category, response, text, plain, side, scores)) is not None
        ]
        verdict = Verdict(text, tuple(findings))
        return replace(verdict, text=masked(text)) if verdict.hides else verdict

    def _find(
        self,
        category: Category,
        response: Response,
        text: str,
        plain: str,
        side: Side,
        scores: Mapping[str, float],
    ) -> Finding | None:
        if category.numbers and find_numbers(text):
            return Finding(category.name, "number", 1.0, response)
        is_excused = False
        for excuse in category.allow:
            plain, times = excuse.subn(" ", plain)
            is_excused = is_excused or times > 0
        if any(pattern.search(plain) for pattern in category.patterns):
            return Finding(category.name, "pattern", 1.0, response)
        if not category.has_classifier or self._classifier is None:
            return None
        # What is left without the excused words is judged anew, and only then.
        again = self._classifier.scores(plain, side) if is_excused else scores
        score = again.get(category.name, 0.0)
        least = category.threshold or self._classifier.threshold(category.name, side)
        if score < least:
            return None
        return Finding(category.name, "classifier", score, response)


def joined(text: str, found: Iterable[Verdict]) -> Verdict:
    """One verdict on a text that was read in several ways: the surest finding of each category."""
    findings: dict[str, Finding] = {}
    for verdict in found:
        for one in verdict.findings:
            known = findings.get(one.category)
            if known is None or one.score > known.score:
                findings[one.category] = one
    whole = Verdict(text, tuple(findings.values()))
    return replace(whole, text=masked(text)) if whole.hides else whole


def _without_numbers(verdict: Verdict) -> Verdict:
    return replace(verdict, findings=tuple(one for one in verdict.findings if one.by != "number"))
