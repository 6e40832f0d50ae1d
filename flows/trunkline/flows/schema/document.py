"""The YAML of a flow as it may be written: unknown keys and wrong types are refused here."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Any, ClassVar, Final, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

from trunkline.flows.actions import HangUpReason, TurnTaking
from trunkline.flows.schema.slot_library import from_library
from trunkline.flows.slots import MAX_TEXT_CHARS, Confirm, DateOrder, DateRange, SlotKind
from trunkline.flows.tools import After

NAME_PATTERN: Final = r"^[a-z][a-z0-9_]{0,39}$"


class Part(BaseModel):
    """Strict: a number is no text, a text is no number, and a key nobody knows is a mistake."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


def _lines(value: Any) -> Any:
    """One text, one mapping, or a list of either."""
    if value is None:
        return value
    entries = value if isinstance(value, list) else [value]
    return [{"text": entry} if isinstance(entry, str) else entry for entry in entries]


def _named(value: Any) -> Any:
    """A list of names (of intents, of ``slots``), or a mapping of name to step or slot."""
    if isinstance(value, list):
        return {entry if isinstance(entry, str) else repr(entry): None for entry in value}
    return value


def _keys(value: Any) -> Any:
    """``1: step`` reads as well as ``"1": step``."""
    if isinstance(value, Mapping):
        return {str(key): step for key, step in value.items()}
    return value


def _tuple(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _variable(value: Any) -> Any:
    return value if isinstance(value, Mapping) else {"default": value}


def _decimal(value: Any) -> Any:
    return (
        Decimal(str(value))
        if isinstance(value, int | float) and not isinstance(value, bool)
        else value
    )


Name = Annotated[str, StringConstraints(pattern=NAME_PATTERN)]
Text = Annotated[str, StringConstraints(min_length=1, max_length=4000)]
Key = Annotated[str, StringConstraints(pattern=r"^[0-9*]$")]
Texts = Annotated[tuple[Text, ...], BeforeValidator(_tuple)]
Names = Annotated[tuple[Name, ...], BeforeValidator(_tuple)]
Number = Annotated[Decimal, BeforeValidator(_decimal)]


class LinePart(Part):
    text: Text
    interruptible: bool = True


Lines = Annotated[list[LinePart], BeforeValidator(_lines)]
Keys = Annotated[dict[Key, Name], BeforeValidator(_keys)]


class AgentPart(Part):
    name: Name
    display_name: Text
    language: Annotated[str, StringConstraints(pattern=r"^[a-z]{2,3}(-[A-Z]{2})?$")] = "en"
    voice: str = "alloy"
    speed: Annotated[float, Field(ge=0.25, le=4.0, strict=False)] = 1.0
    engine: str = ""
    fallback_engine: str = ""
    timezone: str = "UTC"


class VariablePart(Part):
    """``from_env`` names an environment variable that wins over the default."""

    default: str | int | float | bool | None = None
    from_env: Annotated[str, StringConstraints(pattern=r"^[A-Z][A-Z0-9_]*$")] | None = None


class FallbackPart(Part):
    say: Lines = []
    goto: Name | None = None


class NoInputPart(Part):
    after_ms: Annotated[int, Field(ge=1000, le=60000)] = 6000
    reprompts: Lines = [LinePart(text="Are you still there?")]
    then: FallbackPart = FallbackPart(
        say=[LinePart(text="I can't hear you, so I will hang up now. Please call again. Goodbye.")]
    )


class NoMatchPart(Part):
    reprompts: Lines = [LinePart(text="Sorry, I didn't catch that. Could you say it again?")]
    then: FallbackPart = FallbackPart(
        say=[LinePart(text="I'm sorry, I can't make that out. Please call again later. Goodbye.")]
    )
    max_engine_turns: Annotated[int, Field(ge=1, le=50)] = 8


class FailurePart(Part):
    say: Lines = []
    goto: Name | None = None
    limit: Annotated[int, Field(ge=0, le=5)] = 1
    forget: Names = ()
    then: FallbackPart | None = None


class PoliciesPart(Part):
    no_input: NoInputPart = NoInputPart()
    no_match: NoMatchPart = NoMatchPart()
    tool_failure: FailurePart = FailurePart(
        say=[LinePart(text="Sorry, that did not work. Let me try once more.")],
        then=FallbackPart(
            say=[
                LinePart(text="I'm sorry, I can't do that at the moment. Please call again later.")
            ]
        ),
    )
    engine_failure: FallbackPart = FallbackPart(
        say=[
            LinePart(
                text="I'm sorry, I have a technical problem. Please call again later. Goodbye."
            )
        ]
    )
    flow_error: FallbackPart = FallbackPart(
        say=[LinePart(text="I'm sorry, something went wrong on our side. Please call again later.")]
    )
    goodbye: Lines = [LinePart(text="Please call again later. Goodbye.")]
    max_fallbacks: Annotated[int, Field(ge=1, le=10)] = 3
    fillers: Lines | None = None


class IntentPart(Part):
    label: Text
    description: Text
    examples: Annotated[tuple[Text, ...], BeforeValidator(_tuple), Field(min_length=1)]
    goto: Name | None = None
    does: Literal["repeat"] | None = None
    everywhere: bool = False
    takes: Names = ()


class IdlePart(Part):
    after_ms: Annotated[int, Field(ge=1000, le=60000)]
    say: Annotated[list[LinePart], BeforeValidator(_lines), Field(min_length=1)]


class SilencePart(Part):
    after_ms: Annotated[int, Field(ge=1000, le=60000)]
    goto: Name


def _offers(value: Any) -> Any:
    """A list of tool names, or a mapping of name to how it is offered."""
    if isinstance(value, list):
        return {entry if isinstance(entry, str) else repr(entry): {} for entry in value}
    if isinstance(value, Mapping):
        return {name: {} if offer is None else offer for name, offer in value.items()}
    return value


class OfferPart(Part):
    """A tool that the engine may call; ``arguments`` are the flow's own to give."""

    arguments: dict[Name, str | int | float | bool | None] = {}
    save_as: Name | None = None
    after: Annotated[After, Field(strict=False)] | None = None
    goto: Name | None = None


def _or_true(value: Any) -> Any:
    """``program: true`` reads as well as ``program: {}``."""
    return {} if value is True else None if value is False else value


class ProgramPart(Part):
    within_s: Annotated[float, Field(ge=1, le=60, strict=False)] = 8.0
    while_running: Text | None = None


class ListenPart(Part):
    intents: Annotated[dict[Name, Name | None], BeforeValidator(_named)] = {}
    keys: Keys = {}
    no_input_ms: Annotated[int, Field(ge=1000, le=60000)] | None = None
    hangover_ms: Annotated[int, Field(ge=200, le=3000)] | None = None
    instructions: str = ""
    idle: list[IdlePart] = []
    silence: SilencePart | None = None
    tools: Annotated[dict[Name, OfferPart], BeforeValidator(_offers)] = {}
    program: Annotated[ProgramPart | None, BeforeValidator(_or_true)] = None


class SlotPart(Part):
    use: str | None = None
    kind: Annotated[SlotKind, Field(strict=False)]
    description: Text
    ask: Text
    reprompts: Texts = ()
    read_back: Text | None = None
    confirm: Annotated[Confirm, Field(strict=False)] = Confirm.LOW_CONFIDENCE
    length: Annotated[int, Field(ge=1, le=MAX_TEXT_CHARS)] | None = None
    min_length: Annotated[int, Field(ge=1, le=MAX_TEXT_CHARS)] | None = None
    max_length: Annotated[int, Field(ge=1, le=MAX_TEXT_CHARS)] | None = None
    minimum: Number | None = None
    maximum: Number | None = None
    currency: Literal["USD", "GBP", "EUR"] = "USD"
    choices: dict[Annotated[str, StringConstraints(min_length=1)], Texts] = {}
    dates: Annotated[DateRange, Field(strict=False)] = DateRange.ANY
    keyed: Annotated[DateOrder, Field(strict=False)] | None = None
    luhn: bool = False
    iban: bool = False
    keypad_only: bool = False
    secret: bool = False


Slots = Annotated[SlotPart, BeforeValidator(from_library)]


class CasePart(Part):
    when: Text
    goto: Name


class StepPart(Part):
    """What every kind of step may have; ``kind_key`` is the key that makes it that kind."""

    kind_key: ClassVar[str] = ""
    say: Lines = []
    escalation: dict[Name, Any] = {}  # read one by one


class ListeningStepPart(StepPart):
    """What a step may have that listens."""

    engine: str = ""
    fallback_engine: str = ""
    turn_taking: Annotated[TurnTaking, Field(strict=False)] | None = None


class SayPart(ListeningStepPart):
    kind_key: ClassVar[str] = "say"
    say: Annotated[list[LinePart], BeforeValidator(_lines), Field(min_length=1)]
    next: Name | None = None
    listen: ListenPart | None = None
    after_beep: bool = False
    beep_wait_s: Annotated[float, Field(gt=0, le=60, strict=False)] = 20.0


class CollectPart(ListeningStepPart):
    kind_key: ClassVar[str] = "collect"
    collect: Annotated[dict[Name, Slots | None], BeforeValidator(_named), Field(min_length=1)]
    next: Name
    listen: ListenPart = ListenPart()
    reuse: bool = False
    cases: list[CasePart] = []


class ParkedPart(Part):
    say: Lines = []
    goto: Name | None = None


class BackgroundPart(Part):
    """``say`` and ``goto`` when it worked, ``on_failure`` when not; both once nobody speaks."""

    say: Lines = []
    goto: Name | None = None
    on_failure: FallbackPart = FallbackPart()
    within_s: Annotated[float, Field(ge=1, le=86400, strict=False)] = 600.0


class WaitPart(Part):
    """A caller waits for a person's decision; every end but the good one (``next``) has a word.

    ``idle``: one line every ``every_s``; ``asks``: how callers ask whether it is done.
    """

    say: Annotated[list[LinePart], BeforeValidator(_lines), Field(min_length=1)]
    not_yet: Annotated[list[LinePart], BeforeValidator(_lines), Field(min_length=1)]
    every_s: Annotated[float, Field(ge=4, le=60, strict=False)] = 15.0
    idle: Lines = []
    asks: Texts = (
        "is it done", "is it done yet", "has it gone through", "did it work", "is it finished",
        "how long does it take", "how much longer", "what is happening", "are you still there",
        "is that paid now", "is it ready", "any news",
    )  # fmt: skip
    intents: Annotated[dict[Name, Name | None], BeforeValidator(_named)] = {}
    keys: Keys = {}
    save_arguments_as: Name | None = None
    on_granted: Lines = []
    on_escalated: Lines = []
    on_refused: FallbackPart
    on_expired: FallbackPart
    on_failed: FallbackPart
    on_unknown: FallbackPart


class ToolStepPart(StepPart):
    kind_key: ClassVar[str] = "tool"
    tool: Name
    arguments: dict[Name, str | int | float | bool | None] = {}
    save_as: Name | None = None
    next: Name
    on_failure: dict[Name, FailurePart] = {}
    on_parked: ParkedPart | None = None
    background: Annotated[BackgroundPart | None, BeforeValidator(_or_true)] = None
    wait: WaitPart | None = None


class BranchPart(Part):
    kind_key: ClassVar[str] = "branch"
    branch: Annotated[list[CasePart], Field(min_length=1)]
    otherwise: Name


class HangUpPart(StepPart):
    kind_key: ClassVar[str] = "hang_up"
    hang_up: Annotated[HangUpReason, Field(strict=False)]


class HolidayPart(Part):
    first: Annotated[str, Field(alias="from")]
    last: Annotated[str, Field(alias="to")]


def _one_or_many(value: Any) -> Any:
    return (value,) if isinstance(value, str) else _tuple(value)


OneOrMany = Annotated[tuple[str, ...], BeforeValidator(_one_or_many)]
Hours = OneOrMany


class CalendarPart(Part):
    weekdays: Hours | None = None
    weekends: Hours | None = None
    monday: Hours | None = None
    tuesday: Hours | None = None
    wednesday: Hours | None = None
    thursday: Hours | None = None
    friday: Hours | None = None
    saturday: Hours | None = None
    sunday: Hours | None = None
    holidays: list[str | HolidayPart] = []
    special: dict[str, Hours] = {}


class IdentityPart(Part):
    """``by``: tools whose success, or steps whose passing, establishes who is calling."""

    by: Names = ()


class FlowPart(Part):
    """The whole file; intents, tools and steps are read one by one (``parts``)."""

    agent: AgentPart
    start: Name
    instructions: str = ""
    variables: dict[Name, Annotated[VariablePart, BeforeValidator(_variable)]] = {}
    allow_hosts: Texts = ()
    mcp_servers: dict[Name, Any] = {}  # read one by one, as tools are
    keys: Keys = {}
    policies: PoliciesPart = PoliciesPart()
    identity: IdentityPart = IdentityPart()
    guardrails: Any = {}  # read by itself
    escalation: dict[Name, Any] = {}  # read one by one
    intents: dict[Name, Any] = {}
    slots: dict[Name, Slots] = {}
    pronounce: dict[str, OneOrMany] = {}
    tools: dict[Name, Any] = {}
    calendars: dict[Name, CalendarPart] = {}
    before_answer: list[Any] = []  # read one by one
    flows: dict[Name, Any] = {}  # likewise
    turn_taking: Annotated[TurnTaking, Field(strict=False)] = TurnTaking.BALANCED
    steps: Annotated[dict[Name, Any], Field(min_length=1)]
