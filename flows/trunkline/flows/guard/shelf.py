"""The guard of a process: packs and weights read once, and a Guard for the rules of each flow."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Final

from trunkline.domain.errors import ConfigError
from trunkline.flows.guard.classifier import Classifier, load_classifier, shipped_classifier
from trunkline.flows.guard.pack import Packs, shipped_packs
from trunkline.flows.guard.rules import GuardRules
from trunkline.flows.guard.verdict import Guard
from trunkline.runtime.logging import get_logger

log = get_logger(__name__)

PACKS_VARIABLE: Final = "TRUNKLINE_GUARD_PACKS"
WEIGHTS_VARIABLE: Final = "TRUNKLINE_GUARD_WEIGHTS"
_MOST_GUARDS: Final = 256  # of flows in all their versions; the oldest are made anew


class GuardShelf:
    """``problem`` says why there is no classifier; patterns and numbers judge all the same."""

    def __init__(self, packs: Packs, classifier: Classifier | None, problem: str = "") -> None:
        self.packs = packs
        self.problem = problem
        self._classifier = classifier
        self._guards: dict[GuardRules, Guard] = {}

    def guard_for(self, rules: GuardRules) -> Guard:
        found = self._guards.get(rules)
        if found is None:
            for name in rules.unknown(self.packs):
                log.error("a flow names a guardrail that no pack has", name=name)
            if len(self._guards) >= _MOST_GUARDS:
                self._guards.pop(next(iter(self._guards)))
            found = self._guards[rules] = Guard(rules.applied(self.packs), self._classifier)
        return found

    def lines_for(self, rules: GuardRules) -> Iterator[str]:
        """What may have to be said at once."""
        for category in rules.applied(self.packs).categories.values():
            for response in category.responses.values():
                if response.line:
                    yield response.line


def load_shelf(folder: Path | None = None, weights: Path | None = None) -> GuardShelf:
    """The shipped packs and those of ``folder``.

    Raises ConfigError when an operator's own weights or packs do not fit; shipped weights that do
    not fit shipped packs leave the classifier out, and say so.
    """
    own = sorted(folder.glob("*.yaml")) if folder else []
    if folder is not None and not folder.is_dir():
        raise ConfigError(f"{PACKS_VARIABLE} names {folder}, which is not a folder")
    texts = {f"{one.parent.name}/{one.name}": one.read_text("utf-8") for one in own}
    packs = shipped_packs(texts)
    if weights is not None:
        if not weights.is_file():
            raise ConfigError(f"{WEIGHTS_VARIABLE} names {weights}, which is not a file")
        return GuardShelf(packs, load_classifier(weights, packs))
    try:
        return GuardShelf(packs, shipped_classifier(packs))
    except ConfigError as exc:
        if own:
            raise ConfigError(f"{exc.message}; name what it writes in {WEIGHTS_VARIABLE}") from None
        log.error("the guard judges without its classifier", reason=exc.message)
        return GuardShelf(packs, None, exc.message)


@lru_cache(maxsize=8)
def _shelf(folder: str, weights: str) -> GuardShelf:
    return load_shelf(Path(folder) if folder else None, Path(weights) if weights else None)


def shipped_shelf() -> GuardShelf:
    return _shelf("", "")


def shelf_in(environment: Mapping[str, str]) -> GuardShelf:
    """The shelf that an environment asks for; read once in a process."""
    return _shelf(environment.get(PACKS_VARIABLE, ""), environment.get(WEIGHTS_VARIABLE, ""))
