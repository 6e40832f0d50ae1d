"""Whether the ears of the default engine can expect the words that a flow declares."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

from trunkline.domain.spoken.words import spoken_words
from trunkline.flows.check.findings import Finding, Severity
from trunkline.flows.flow import Flow
from trunkline.flows.schema.source import Source, YamlPath, dotted
from trunkline.flows.steps import CollectStep
from trunkline.model.cascade.acoustics import model_directory
from trunkline.model.cascade.lexicon import Lexicon


def word_findings(
    flow: Flow, source: Source, lexicon: Lexicon | None = None
) -> tuple[Finding, ...]:
    """An error for every word that nobody can pronounce: what holds it is never understood.

    A word outside the dictionary whose pronunciation is a guess (half of them are exactly right) is
    no fault; ``pronounce`` in the flow says it better.
    """
    places: dict[str, YamlPath] = {}
    for path, text in _declared(flow):
        for word in spoken_words(text.replace("_", " ")):
            if not word[0].isdigit():
                places.setdefault(word, path)
    try:
        known = (lexicon or _lexicon()).look_up(places, flow.pronounce)
    except ImportError:
        return ()  # the default engine's ears are not installed here
    findings = []
    for word, path in places.items():
        if word not in known:
            findings.append(
                Finding(
                    Severity.ERROR,
                    "unpronounceable",
                    source.line_of(path),
                    dotted(path),
                    f"{word!r} has no pronunciation: what it stands in is never understood",
                    f"say it under pronounce, as phones or as words that sound alike: {word}: ...",
                )
            )
    return tuple(findings)


def _declared(flow: Flow) -> Iterator[tuple[YamlPath, str]]:
    """What callers are expected to say, and where that is written."""
    for name, intent in flow.intents.items():
        for example in (*intent.examples, intent.label):
            yield ("intents", name), example
    for name, step in flow.steps.items():
        for slot in step.slots if isinstance(step, CollectStep) else ():
            path = ("steps", name, "collect", slot.name)
            for value, ways in slot.choices.items():
                for way in (value, *ways):
                    yield path, way


@cache
def _lexicon() -> Lexicon:
    return Lexicon(model_directory() / "cmudict-en-us.dict")
