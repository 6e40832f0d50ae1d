"""Policy packs: categories with patterns, examples, and what is to be done, read from YAML.

An operator's own packs are read beside the shipped ones; a mistake is told with its line.
"""

from __future__ import annotations

import hashlib
import random
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from importlib import resources
from typing import Annotated, Final, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from trunkline.domain.errors import Invalid
from trunkline.flows.schema.source import Source, read_yaml

CONCEPTS: Final = "concepts"
EVERYDAY: Final = "everyday"
_PLACE: Final = re.compile(r"\{(\w+)\}")
_CHOICE: Final = re.compile(r"\(([^()]*\|[^()]*)\)")
_EXPANSIONS: Final = 6


class Side(StrEnum):
    """Whose words: the caller's coming in, or the agent's going out."""

    INPUT = "input"
    OUTPUT = "output"


class Verb(StrEnum):
    NOTE = "note"  # in the event log only
    MASK = "mask"  # in transcript, logs and recording; the call goes on
    REDACT = "redact"  # the words are left out of what is said
    REFUSE = "refuse"  # a line is said instead
    ESCALATE = "escalate"  # a line, and a person
    END = "end"  # a line, and the call is over


Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500)]
PatternText = Annotated[str, StringConstraints(min_length=1, max_length=4000)]
Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,39}$")]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class ActionPart(_Part):
    action: Annotated[Verb, Field(strict=False)]
    line: Text | None = None


class CategoryPart(_Part):
    title: Text
    input: ActionPart | None = None
    output: ActionPart | None = None
    threshold: Annotated[float, Field(gt=0, lt=1)] | None = None
    classifier: bool = True
    numbers: bool = False
    patterns: list[PatternText] = []
    allow: list[PatternText] = []
    asked: list[Text] = []
    said: list[Text] = []
    fine: list[Text] = []


class PackPart(_Part):
    pack: Name
    categories: dict[Name, CategoryPart]


@dataclass(frozen=True, slots=True)
class Response:
    """What one side's finding leads to; ``line`` is said in place of what was asked or meant."""

    verb: Verb
    line: str = ""


@dataclass(frozen=True, slots=True)
class Category:
    """``threshold``: the operator's own; None leaves the one that training chose."""

    name: str
    title: str
    pack: str
    responses: Mapping[Side, Response]
    threshold: float | None
    has_classifier: bool
    numbers: bool
    patterns: tuple[re.Pattern[str], ...]
    allow: tuple[re.Pattern[str], ...]
    examples: Mapping[Side, tuple[str, ...]]
    fine: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Packs:
    """Every category by name, the concepts of examples, and what is said every day."""

    categories: Mapping[str, Category]
    concepts: Mapping[str, tuple[str, ...]]
    everyday: Mapping[Side, tuple[str, ...]]


def load_packs(texts: Mapping[str, str]) -> Packs:
    """Read packs by file name; Invalid lists every mistake with file and line."""
    complaints: list[str] = []
    categories: dict[str, Category] = {}
    concepts: dict[str, tuple[str, ...]] = {}
    everyday: dict[Side, tuple[str, ...]] = {Side.INPUT: (), Side.OUTPUT: ()}
    for name in sorted(texts):
        source = read_yaml(texts[name])
        value = source.value if isinstance(source.value, dict) else {}
        if CONCEPTS in value:
            concepts |= {key: tuple(words) for key, words in value[CONCEPTS].items()}
        elif EVERYDAY in value:
            everyday[Side.INPUT] += tuple(value[EVERYDAY].get("asked", ()))
            everyday[Side.OUTPUT] += tuple(value[EVERYDAY].get("said", ()))
        else:
            for category in _categories(source):
                if category.name in categories:
                    source.complain(("categories", category.name), "another pack has this category")
                categories[category.name] = category
        complaints += [f"{name}, {one}" for one in sorted(source.complaints)]
    if complaints:
        raise Invalid("\n".join(complaints), code="pack_invalid")
    return Packs(categories, concepts, everyday)


def shipped_packs(further: Mapping[str, str] | None = None) -> Packs:
    """The packs of the house, and ``further`` ones by file name."""
    folder = resources.files("trunkline.flows.guard") / "packs"
    texts = {
        one.name: one.read_text("utf-8") for one in folder.iterdir() if one.name.endswith(".yaml")
    }
    return load_packs({**texts, **(further or {})})


def expanded(examples: Iterable[str], concepts: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    """Sentences that examples stand for; the same ones each time.

    ``{name}`` stands for the words of a concept, ``(one|other)`` for either; at most six sentences
    are made of an example.
    """
    found: list[str] = []
    for example in examples:
        if not _PLACE.search(example) and not _CHOICE.search(example):
            found.append(example)
            continue
        chance = random.Random(example)
        for _ in range(_EXPANSIONS):
            text = _CHOICE.sub(lambda choice: chance.choice(choice[1].split("|")), example)  # noqa: B023
            text = _PLACE.sub(lambda place: chance.choice(concepts[place[1]]), text)  # noqa: B023
            found.append(" ".join(text.split()))
    return tuple(dict.fromkeys(found))


def _categories(source: Source) -> list[Category]:
    try:
        part = PackPart.model_validate(source.value)
    except ValidationError as exc:
        for problem in exc.errors(include_url=False, include_input=False):
            path = tuple(step for step in problem["loc"] if isinstance(step, str | int))
            source.complain(path, problem["msg"])
        return []
    return [_category(source, part.pack, name, one) for name, one in part.categories.items()]


def _category(source: Source, pack: str, name: str, part: CategoryPart) -> Category:
    path = ("categories", name)
    responses: dict[Side, Response] = {}
    for side, action in ((Side.INPUT, part.input), (Side.OUTPUT, part.output)):
        if action is None:
            continue
        needs_line = action.action in (Verb.REFUSE, Verb.ESCALATE, Verb.END)
        if needs_line and not action.line:
            source.complain((*path, side.value), f"{action.action} needs a line to say")
        responses[side] = Response(action.action, action.line or "")
    if not responses:
        source.complain(path, "say what is done: input, output, or both")
    return Category(
        name=name,
        title=part.title,
        pack=pack,
        responses=responses,
        threshold=part.threshold,
        has_classifier=part.classifier,
        numbers=part.numbers,
        patterns=_compiled(source, (*path, "patterns"), part.patterns),
        allow=_compiled(source, (*path, "allow"), part.allow),
        examples={Side.INPUT: tuple(part.asked), Side.OUTPUT: tuple(part.said)},
        fine=tuple(part.fine),
    )


def _compiled(
    source: Source, path: tuple[str, ...], patterns: list[str]
) -> tuple[re.Pattern[str], ...]:
    compiled: list[re.Pattern[str]] = []
    for place, pattern in enumerate(patterns):
        try:
            compiled.append(re.compile(pattern))
        except re.error as exc:
            source.complain((*path, place), f"not a regular expression: {exc}")
    return tuple(compiled)


class Example(NamedTuple):
    """A sentence to train on; ``category`` is None for what is fine, ``template`` it came from."""

    text: str
    side: Side
    category: str | None
    template: str


def labelled(packs: Packs) -> list[Example]:
    """Every sentence that the packs' examples stand for."""
    rows: list[Example] = []

    def add(templates: Iterable[str], side: Side, category: str | None) -> None:
        for template in templates:
            rows.extend(
                Example(text, side, category, template)
                for text in expanded((template,), packs.concepts)
            )

    for category in packs.categories.values():
        if not category.has_classifier:
            continue
        for side, texts in category.examples.items():
            add(texts, side, category.name)
        for side in Side:
            add(category.fine, side, None)
    for side, texts in packs.everyday.items():
        add(texts, side, None)
    return rows


def fingerprint(packs: Packs) -> str:
    """SHA-256 (hex) of all that training reads: examples, concepts, and nothing else."""
    trained = [one for one in packs.categories.values() if one.has_classifier]
    parts: list[object] = [sorted((name, *words) for name, words in packs.concepts.items())]
    for one in sorted(trained, key=lambda category: category.name):
        parts += [one.name, one.fine, *(one.examples.get(side, ()) for side in Side)]
    parts += [packs.everyday.get(side, ()) for side in Side]
    return hashlib.sha256(repr(parts).encode()).hexdigest()


__all__ = [
    "ActionPart",
    "Category",
    "Example",
    "Packs",
    "Response",
    "Side",
    "Verb",
    "expanded",
    "fingerprint",
    "labelled",
    "load_packs",
    "shipped_packs",
]
