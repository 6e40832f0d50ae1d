"""Escalation rules as they may be written in a flow's YAML."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from trunkline.domain.escalation import Urgency
from trunkline.flows.escalation import MOST_TURNS
from trunkline.flows.schema.document import Lines, Name, Names, Part, Texts

_Count = Annotated[int, Field(ge=1, le=50)]
_Phrases = Annotated[Texts, Field(min_length=1, max_length=200)]


def _true(value: Any) -> Any:
    """``asked: true`` reads as well as ``asked: {}``."""
    return {} if value is True else value


class NoMatchRulePart(Part):
    in_step: _Count | None = None
    in_call: _Count | None = None


class MoodRulePart(Part):
    below: Annotated[float, Field(ge=-20, lt=0, strict=False)] = -4.0
    turns: Annotated[int, Field(ge=1, le=MOST_TURNS)] = 1


class LoopRulePart(Part):
    visits: Annotated[int, Field(ge=2, le=50)] | None = None
    repeats: Annotated[int, Field(ge=2, le=6)] | None = None


class SilenceRulePart(Part):
    prompts: _Count | None = None
    quiet_s: Annotated[float, Field(ge=2, le=600, strict=False)] | None = None


class AskedRulePart(Part):
    """``phrases`` instead of the English ones that hold by default."""

    intents: Names = ()
    phrases: _Phrases | None = None


class EscalationRulePart(Part):
    """Exactly one of TRIGGERS; ``goto`` leads to a person, without it a supervisor is told."""

    keywords: _Phrases | None = None
    no_match: NoMatchRulePart | None = None
    mood: Annotated[MoodRulePart | None, BeforeValidator(_true)] = None
    loop: LoopRulePart | None = None
    silence: SilenceRulePart | None = None
    guard: Literal["any"] | Annotated[Names, Field(min_length=1)] | None = None
    asked: Annotated[AskedRulePart | None, BeforeValidator(_true)] = None
    urgency: Annotated[Urgency, Field(strict=False)] | None = None
    say: Lines = []
    goto: Name | None = None
    times: Annotated[int, Field(ge=1, le=10)] = 1
    cooldown_s: Annotated[float, Field(ge=0, le=3600, strict=False)] = 60.0


TRIGGERS = ("keywords", "no_match", "mood", "loop", "silence", "guard", "asked")
OFF = "off"
"""What a step writes instead of a rule that is not to hold in it."""
