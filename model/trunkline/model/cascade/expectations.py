"""What a session's tools lead us to expect the caller to say: from its own contract, pure.

A *focus* is what is being asked just now: nothing in particular (OPEN), a slot, or whether a slot's
value is right. Each focus has its own grammar, so that digits are not looked for in a yes or no.
"""

from __future__ import annotations

import hashlib
import random
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import islice
from typing import Final

from trunkline.domain.events import Json
from trunkline.domain.spoken.numerals import say_cardinal
from trunkline.domain.spoken.phones import pronunciation
from trunkline.domain.spoken.words import spoken_words
from trunkline.model.cascade.automaton import START, Builder, Grammar
from trunkline.model.cascade.carriers import (
    ASIDES,
    CORRECTIONS,
    EVERYDAY,
    LEAD_INS,
    NUMBER_LEAD_INS,
    POLITE_ENDS,
    VALUE_LEAD_INS,
)
from trunkline.model.cascade.fuller_answers import add_fuller_answers, echoes_of
from trunkline.model.cascade.name_grammars import add_email, add_name, name_sentences
from trunkline.model.cascade.slot_grammars import (
    add_amount,
    add_choice,
    add_code,
    add_date,
    add_digits,
    add_number,
    add_time,
    add_yes_no,
)
from trunkline.model.cascade.slots import DateRange, Slot, SlotKind
from trunkline.model.cascade.tool_annotations import Intent, ToolPlan, notes_of, read_tools
from trunkline.model.cascade.value_carriers import BARE, DENIALS, leads, tailed, tails

OPEN: Final = ""
OFFERED: Final = "offered"
"""While we ask whether a wish was meant."""
_SAMPLED: Final = 1500
_MAX_PHRASES: Final = 1000
_MAX_WORDS: Final = 24  # a longer line is a text, not a phrase
_OPEN_KINDS: Final = (SlotKind.FREE_TEXT,)
_NAMED_KINDS: Final = (SlotKind.NAME, SlotKind.EMAIL)
_WORDED_KINDS: Final = (SlotKind.YES_NO, SlotKind.CHOICE)
_EVERYDAY: Final = 0.3
_WISHES_BESIDE_VALUES: Final = 0.08
_EVERYDAY_BESIDE_VALUES: Final = 0.05
_TOLD: Final = 0.3  # of the wishes that take values come with one
_TOLD_BY: Final[Mapping[SlotKind, tuple[str, ...]]] = {
    SlotKind.DATE: ("on", "for", "to"),
    SlotKind.TIME: ("at", "for", "to"),
    SlotKind.CHOICE: ("with", "for"),
    SlotKind.AMOUNT: ("of",),
    SlotKind.DIGITS: ("number", "for"),
}


def asking(slot: Slot) -> str:
    """The focus while ``slot`` is asked for."""
    return f"ask:{slot.key}"


def confirming(slot: Slot) -> str:
    """The focus while a value of ``slot`` is read back."""
    return f"confirm:{slot.key}"


@dataclass(frozen=True)
class Expectation:
    """What may be said under one focus: a grammar to search and sentences to count n-grams in.

    ``told``: words to how they are said, where a flow tells that. ``everyday``: the share of
    everyday English in what the n-grams expect, 0 to 1.
    """

    grammar: Grammar
    sentences: tuple[str, ...]
    told: tuple[tuple[str, tuple[str, ...]], ...] = ()
    everyday: float = 0.0

    @cached_property
    def words(self) -> frozenset[str]:
        return self.grammar.words | {word for line in self.sentences for word in line.split()}

    @cached_property
    def key(self) -> str:
        """Content hash: the same for every session that expects the same."""
        digest = hashlib.sha256()
        digest.update(repr((self.grammar.arcs, self.grammar.final)).encode())
        digest.update("\n".join(self.sentences).encode())
        digest.update(repr(self.told).encode() if self.told else b"")
        digest.update(repr(self.everyday).encode())
        return digest.hexdigest()[:24]


def expectations(
    tools: Sequence[Mapping[str, Json]], prompt: str = "", keywords: Sequence[str] = ()
) -> dict[str, Expectation]:
    """Focus to expectation. A focus is missing when its answer is open speech; all are when nothing
    is declared."""
    plan = read_tools(tools)
    phrases = _phrases(plan, prompt, keywords)
    if not phrases and not plan.slots:
        return {}
    found: dict[str, Expectation] = {}
    for slot in plan.slots:
        if slot.kind not in _OPEN_KINDS:
            found[asking(slot)] = _expect(phrases, asked=(slot,))
        found[confirming(slot)] = _expect(phrases, confirmed=slot)
    closed = tuple(slot for slot in plan.slots if slot.kind not in _OPEN_KINDS)
    if phrases or closed:
        telling = tuple(intent for intent in plan.intents if intent.takes)
        is_asked = len(closed) == 1 and not telling
        found[OPEN] = (
            found[asking(closed[0])] if is_asked else _expect(phrases, closed, None, telling)
        )
    if plan.intents:
        found[OFFERED] = _expect(phrases, closed, is_offered=True)
    told = told_pronunciations(tools)
    return {focus: _with_told(each, told) for focus, each in found.items()} if told else found


def told_pronunciations(tools: Sequence[Mapping[str, Json]]) -> dict[str, tuple[str, ...]]:
    """Of words in the tools' notes; what is no pronunciation is passed over."""
    found: dict[str, tuple[str, ...]] = {}
    for tool in tools:
        notes = notes_of(tool).get("pronounce")
        for word, ways in notes.items() if isinstance(notes, Mapping) else ():
            listed = ways if isinstance(ways, Sequence) and not isinstance(ways, str) else (ways,)
            forms = (pronunciation(way) for way in listed if isinstance(way, str))
            if known := tuple(form for form in forms if form is not None):
                found[word] = known
    return found


def _with_told(expectation: Expectation, told: Mapping[str, tuple[str, ...]]) -> Expectation:
    own = tuple(sorted((w, ways) for w, ways in told.items() if w in expectation.words))
    return replace(expectation, told=own) if own else expectation


def expected_focuses(
    tools: Sequence[Mapping[str, Json]], prompt: str = "", keywords: Sequence[str] = ()
) -> frozenset[str]:
    """The keys of ``expectations`` without the work of building them."""
    plan = read_tools(tools)
    phrases = _phrases(plan, prompt, keywords)
    if not phrases and not plan.slots:
        return frozenset()
    closed = [slot for slot in plan.slots if slot.kind not in _OPEN_KINDS]
    focuses = {asking(slot) for slot in closed} | {confirming(slot) for slot in plan.slots}
    focuses |= {OFFERED} if plan.intents else set()
    return frozenset(focuses | ({OPEN} if phrases or closed else set()))


def _phrases(plan: ToolPlan, prompt: str, keywords: Sequence[str]) -> tuple[str, ...]:
    """Declared ways of saying things, as plain words, each once.

    A tool without examples declares nothing: its caller speaks freely, and the general model serves
    free speech better than a grammar made of a function's name.
    """
    declared = [intent for intent in plan.intents if intent.is_declared]
    texts = [example for intent in declared for example in intent.examples]
    texts += [intent.label for intent in declared if len(intent.label.split()) <= 6]
    texts += [*_listed(prompt), *keywords]
    plain = (_plain(text) for text in texts)
    phrases = dict.fromkeys(text for text in plain if text and len(text.split()) <= _MAX_WORDS)
    return tuple(islice(phrases, _MAX_PHRASES))


def _listed(prompt: str) -> list[str]:
    """The entries of a prompt that is a list: one a line, or short ones between commas.

    Prose tells nothing to expect.
    """
    lines = [line.strip() for line in prompt.splitlines() if line.strip()]
    if len(lines) > 1:
        return lines
    entries = [entry.strip() for entry in re.split(r"[;,]", prompt) if entry.strip()]
    is_prose = re.search(r"[.!?](\s|$)", prompt) is not None
    is_list = not is_prose and len(entries) > 1 and all(len(e.split()) <= 8 for e in entries)
    return entries if is_list else []


def _plain(text: str) -> str:
    return " ".join(
        say_cardinal(int(word)) if word.isdigit() else word
        for word in spoken_words(text.replace("_", " "))
    )


def _expect(
    phrases: Sequence[str],
    asked: Sequence[Slot] = (),
    confirmed: Slot | None = None,
    telling: Sequence[Intent] = (),
    *,
    is_offered: bool = False,
) -> Expectation:
    """``telling``: wishes along with which values may be told. ``is_offered``: one of the phrases
    was, and is agreed to or not."""
    builder = Builder()
    end = builder.state()
    if is_offered:
        _add_yes_no(builder, end, 0.5)
        _add_phrases(builder, phrases, end, 0.15, CORRECTIONS)
        for slot in asked:
            _add_value(builder, slot, end, CORRECTIONS, 0.15 / len(asked), is_led=True)
    elif asked:
        weight = 0.65 / len(asked)
        for slot in asked:
            if slot.kind is SlotKind.YES_NO:
                _add_yes_no(builder, end, weight)
                continue
            if slot.kind in _NAMED_KINDS:  # one copy of what is large
                _add_value(builder, slot, end, (*_leads(slot), *CORRECTIONS), weight)
                continue
            _add_value(builder, slot, end, _leads(slot), weight)
            _add_value(builder, slot, end, CORRECTIONS, weight * 0.05, is_led=True)
    if confirmed is not None:
        _add_yes_no(builder, end, 0.6)
        if confirmed.kind not in _OPEN_KINDS:
            # Of a number its wrong part alone may be said: "no, four five six".
            is_number = confirmed.kind is SlotKind.DIGITS
            corrected = replace(confirmed, min_length=2) if is_number else confirmed
            _add_value(builder, corrected, end, (*CORRECTIONS, *DENIALS), 0.25, is_led=True)
            if confirmed.kind not in _NAMED_KINDS:
                _add_value(builder, confirmed, end, _leads(confirmed), 0.04)
    elif not is_offered and not any(slot.kind is SlotKind.YES_NO for slot in asked):
        # Asked for a time, nobody says "do it": one that sounds so said "noon".
        _add_yes_no(builder, end, 0.08, is_plain=bool(asked) and not telling)
    # Whoever is asked for a number says one: words of wishes would be heard in badly heard digits.
    is_counted = asked != () and not is_offered and not any(s.kind in _WORDED_KINDS for s in asked)
    weight = 0.6 if not asked and confirmed is None and not is_offered else 0.2
    if is_counted or (confirmed is not None and confirmed.kind not in _WORDED_KINDS):
        weight = _WISHES_BESIDE_VALUES
    for intent in telling:
        _add_told(builder, intent, end, weight * _TOLD / len(telling))
    _add_phrases(builder, phrases, end, weight * (1 - _TOLD) if telling else weight)
    final = builder.state()
    for polite in POLITE_ENDS:
        builder.phrase(end, final, polite, 0.02)
    builder.skip(end, final, 1 - 0.02 * len(POLITE_ENDS))
    plain = builder.finish(final)
    asked_yes_no = [slot for slot in asked if slot.kind is SlotKind.YES_NO]
    echoes = tuple(echo for s in asked_yes_no for echo in echoes_of(_plain(s.ask)))
    # After a number that was read back a no is followed by the right one, not by just any words.
    is_counted_back = confirmed is not None and confirmed.kind not in _WORDED_KINDS
    if asked_yes_no or (confirmed is not None and not is_counted_back) or is_offered:
        add_fuller_answers(builder, end, echoes)
    grammar = builder.finish(final)
    is_open = not asked and confirmed is None and not is_offered
    chatter = (*ASIDES, *EVERYDAY) if is_open else ASIDES
    everyday = _EVERYDAY if all(slot.kind in _WORDED_KINDS for slot in asked) else 0.0
    everyday = _EVERYDAY_BESIDE_VALUES if is_counted_back else everyday
    answers = (f"{answer} {echo}" for echo in echoes for answer in ("yes", "no", "yeah"))
    heard = (*asked, confirmed) if confirmed else asked
    named = name_sentences() if any(s.kind in _NAMED_KINDS for s in heard) else ()
    own = _sentences(plain, phrases, 1 if is_counted else 5)
    sentences = (*own, *named, *chatter, *echoes, *answers)
    return Expectation(grammar, sentences, everyday=everyday)


def _add_yes_no(builder: Builder, end: int, weight: float, *, is_plain: bool = False) -> None:
    start = builder.state()
    builder.skip(START, start, weight)
    add_yes_no(builder, start, end, is_plain=is_plain)


def _add_phrases(
    builder: Builder,
    phrases: Sequence[str],
    end: int,
    weight: float,
    leads: Sequence[str] = (),
) -> None:
    """Each after one of ``leads``, or with a usual lead-in or none."""
    if not phrases:
        return
    start = builder.state()
    if not leads:
        builder.skip(START, start, weight * 0.7)
    for lead in leads or LEAD_INS:
        share = 1.0 if leads else 0.3
        builder.phrase(START, start, lead, weight * share / len(leads or LEAD_INS))
    for phrase in phrases:
        builder.phrase(start, end, phrase, 1 / len(phrases))


def _add_told(builder: Builder, intent: Intent, end: int, weight: float) -> None:
    """A way of saying the wish, and then one of its values: "an appointment on Friday"."""
    examples = tuple(dict.fromkeys(_plain(example) for example in intent.examples))
    wished = builder.state()
    for lead in ("", *LEAD_INS):
        start = builder.state()
        if lead:
            builder.phrase(START, start, lead, weight * 0.3 / len(LEAD_INS))
        else:
            builder.skip(START, start, weight * 0.7)
        for example in examples:
            builder.phrase(start, wished, example, 1 / len(examples))
    for slot in intent.takes:
        told = builder.state()
        ways = _TOLD_BY.get(slot.kind, ())
        builder.words(wished, told, ways, 0.8 / len(intent.takes))
        builder.skip(wished, told, (0.2 if ways else 1.0) / len(intent.takes))
        _add_said(builder, slot, told, end)


def _add_value(
    builder: Builder,
    slot: Slot,
    end: int,
    leads: Sequence[str],
    weight: float,
    *,
    is_led: bool = False,
) -> None:
    start, said = builder.state(), builder.state()
    if not is_led:
        builder.skip(START, start, weight * BARE)
    own = f"my {_plain(slot.description)} is"
    ways = (*leads, own) if len(own.split()) <= 5 and not is_led else leads
    for lead in ways:
        builder.phrase(START, start, lead, weight * (1 if is_led else 1 - BARE) / len(ways))
    _add_said(builder, slot, start, said)
    after = tails(slot.kind, is_past=slot.dates is DateRange.PAST)
    share = tailed(slot.kind, is_past=slot.dates is DateRange.PAST)
    builder.skip(said, end, 1 - share)
    for tail in after if not is_led else ():
        builder.phrase(said, end, tail, share / len(after))


def _leads(slot: Slot) -> tuple[str, ...]:
    own = leads(slot.kind, is_past=slot.dates is DateRange.PAST)
    is_number = slot.kind in (SlotKind.DIGITS, SlotKind.NUMBER)
    return tuple(dict.fromkeys((*VALUE_LEAD_INS, *own, *(NUMBER_LEAD_INS if is_number else ()))))


def _add_said(builder: Builder, slot: Slot, start: int, end: int) -> None:
    match slot.kind:
        case SlotKind.YES_NO:
            add_yes_no(builder, start, end, is_plain=True)
        case SlotKind.DIGITS:
            add_digits(builder, start, end, slot.min_length, slot.max_length)
        case SlotKind.AMOUNT:
            add_amount(builder, start, end, slot.currency.major + slot.currency.minor)
        case SlotKind.DATE:
            add_date(builder, start, end, is_past=slot.dates is DateRange.PAST)
        case SlotKind.TIME:
            add_time(builder, start, end)
        case SlotKind.NUMBER:
            add_number(builder, start, end)
        case SlotKind.CHOICE:
            options = {
                _plain(value): [_plain(way) for way in ways_]
                for value, ways_ in slot.options.items()
            }
            add_choice(builder, start, end, options)
        case SlotKind.EMAIL:
            add_email(builder, start, end)
        case SlotKind.NAME:
            add_name(builder, start, end)
        case SlotKind.CODE:
            add_code(builder, start, end, slot.min_length, slot.max_length)


def _sentences(grammar: Grammar, phrases: Sequence[str], often: int) -> Iterator[str]:
    """What the n-grams are counted in: the grammar's own sentences, and looser combinations;
    ``often``: with how many words before it a phrase is said."""
    yield from grammar.sentences(_SAMPLED)
    chance = random.Random(1)  # not for secrets: reproducible text
    for phrase in phrases:
        yield from (phrase,) * (often - 1 or 1)
        for lead in chance.sample(LEAD_INS, often):
            yield f"{lead} {phrase}"
        if often > 1:
            yield f"{phrase} {chance.choice(POLITE_ENDS)}"
