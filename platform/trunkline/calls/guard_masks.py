"""Card and identity numbers out of what is kept of a call: turns, words, documents. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from trunkline.domain.events import Json
from trunkline.domain.turn import Speaker, SpokenWord, Turn
from trunkline.flows.guard.identity import MASK, find_numbers, masked, masked_after, open_run

_SAME_NUMBER_MS: Final = (
    20_000  # from one piece of a number to the next, the agent's words included
)
_MARGIN_MS: Final = 200  # word times of a recogniser are about so good


def masked_document(value: Json) -> Json:
    """Every text in it masked; word by word there is nothing to be found, so words go with them."""
    match value:
        case str():
            return masked(value)
        case Mapping():
            kept = {key: masked_document(inner) for key, inner in value.items()}
            is_hidden = any(isinstance(one, str) and kept[key] != one for key, one in value.items())
            if is_hidden or _hides_words(value.get("x_words")):
                kept.pop("x_words", None)
            return kept
        case list() | tuple():
            return [masked_document(one) for one in value]
        case _:
            return value


def _hides_words(words: Json) -> bool:
    if not isinstance(words, list | tuple):
        return False
    said = " ".join(str(one.get("text", "")) for one in words if isinstance(one, Mapping))
    return bool(find_numbers(said))


def masked_turn(turn: Turn, before: str = "") -> tuple[Turn, tuple[tuple[int, int], ...]]:
    """The turn without numbers, and where they were spoken, in ms of the call.

    ``before``: digits that the same party said last; a number may have begun there. Where the times
    of the words do not tell, it is the whole turn.
    """
    text, _ = masked_after(before, turn.text)
    generated = masked(turn.generated_text)
    words, spans = _masked_words(turn.words, before)
    if text == turn.text and generated == turn.generated_text and not spans:
        return turn, ()
    if not spans and text != turn.text:
        words, spans = (), ((turn.started_ms, turn.ended_ms),)
    if spans and text == turn.text:  # the words are spelled otherwise than the text
        text = " ".join(word.text for word in words) if words else MASK
    wide = tuple((begin - _MARGIN_MS, end + _MARGIN_MS) for begin, end in spans)
    return replace(turn, text=text, generated_text=generated, words=words), wide


def _masked_words(
    words: Sequence[SpokenWord], before: str
) -> tuple[tuple[SpokenWord, ...], tuple[tuple[int, int], ...]]:
    said = f"{before} " if before else ""
    begins: list[int] = []
    for word in words:
        begins.append(len(said))
        said += f"{word.text} "
    kept: list[SpokenWord] = []
    spans: list[tuple[int, int]] = []
    numbers = [one for one in find_numbers(said) if not begins or one.end > begins[0]]
    hidden_by = {
        place: number
        for number in numbers
        for place, begin in enumerate(begins)
        if begin < number.end and begin + len(words[place].text) > number.start
    }
    for place, word in enumerate(words):
        number = hidden_by.get(place)
        if number is None:
            kept.append(word)
        elif place and hidden_by.get(place - 1) == number:
            spans[-1] = (spans[-1][0], word.end_ms)
            kept[-1] = replace(kept[-1], end_ms=word.end_ms)
        else:
            spans.append((word.start_ms, word.end_ms))
            kept.append(replace(word, text=MASK))
    return tuple(kept), tuple(spans)


@dataclass(frozen=True, slots=True)
class _Pieces:
    """Turns of one party that end in digits, and the digits of all of them together."""

    turns: tuple[tuple[Turn, str], ...]  # as they are kept, and their own digits
    digits: str


class SpokenNumbers:
    """Numbers of a call; one may be spoken over several turns of a party's."""

    def __init__(self) -> None:
        self._open: dict[Speaker, _Pieces] = {}

    def take(self, turn: Turn) -> tuple[Turn, tuple[Turn, ...], tuple[tuple[int, int], ...]]:
        """The turn as it may be kept; turns before it that must be kept otherwise than they were;
        and where numbers were spoken, in ms of the call."""
        pieces = self._open.pop(turn.speaker, None)
        if pieces and turn.started_ms - pieces.turns[-1][0].ended_ms > _SAME_NUMBER_MS:
            pieces = None
        before = pieces.digits if pieces else ""
        kept, spans = masked_turn(turn, before)
        renewed: tuple[Turn, ...] = ()
        if pieces and masked_after(before, turn.text)[1]:
            renewed = tuple(_begun(one, digits) for one, digits in pieces.turns)
            spans += tuple((one.started_ms, one.ended_ms) for one in renewed)
        digits = open_run(kept.text)
        if digits:
            goes_on = pieces if pieces and digits == kept.text.strip(" .,-") else None
            self._open[turn.speaker] = _Pieces(
                (*(goes_on.turns if goes_on else ()), (kept, digits)),
                f"{before} {digits}" if goes_on else digits,
            )
        return kept, renewed, spans


def _begun(turn: Turn, digits: str) -> Turn:
    """A turn whose last digits turned out to be the beginning of a number."""
    text = f"{turn.text[: turn.text.rindex(digits)]}{MASK}"
    return replace(turn, text=text, generated_text="", words=())
