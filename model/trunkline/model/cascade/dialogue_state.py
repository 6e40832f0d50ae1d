"""Where a slot-filling dialogue stands, what it hears and what it does: plain values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Final, TypeAlias

from trunkline.domain.events import Json
from trunkline.model.cascade.expectations import OFFERED, OPEN, asking, confirming
from trunkline.model.cascade.slots import Slot
from trunkline.model.cascade.tool_annotations import Collect

_UNHEARD: Final = 0.2  # below it the recogniser itself rejected the words


class Mode(Enum):
    OPEN = auto()  # nothing has been asked
    ASKING = auto()  # for ``slot``
    CONFIRMING = auto()  # whether ``value`` is right for ``slot``
    OFFERING = auto()  # whether ``wish`` was meant


@dataclass(frozen=True, slots=True)
class Said:
    """The caller's words; confidence is 1 for typed ones."""

    text: str
    confidence: float = 1.0

    @property
    def is_unheard(self) -> bool:
        return not self.text.strip() or self.confidence < _UNHEARD


@dataclass(frozen=True, slots=True)
class Speak:
    text: str


@dataclass(frozen=True, slots=True)
class CallTool:
    name: str
    arguments: Mapping[str, Json]


Move: TypeAlias = Speak | CallTool


@dataclass(frozen=True, slots=True)
class State:
    """``collect``: the group being filled; ``heard``: its values; ``digits``: a first breath.

    ``has_keyed``: what was keyed in of the number is among its ``digits``, or was. ``groups``: how
    the caller grouped the value's digits. Of the slot that is asked for: ``misses`` count what was
    not understood in a row, ``refused`` are the values that were read back and denied, ``faint``
    is one that was heard too badly to be read back.
    """

    collect: Collect | None = None
    mode: Mode = Mode.OPEN
    slot: Slot | None = None
    value: Json = None
    wish: str = ""
    digits: str = ""
    has_keyed: bool = False
    groups: tuple[int, ...] = ()
    misses: int = 0
    refused: tuple[Json, ...] = ()
    faint: Json = None
    heard: Mapping[str, Json] = field(default_factory=dict)

    @property
    def focus(self) -> str:
        """What the recogniser should listen for."""
        if self.mode is Mode.OFFERING:
            return OFFERED
        if self.slot is None or self.mode is Mode.OPEN:
            return OPEN
        return confirming(self.slot) if self.mode is Mode.CONFIRMING else asking(self.slot)


def known(slot: Slot | None) -> Slot:
    assert slot is not None  # the modes that ask have one
    return slot
