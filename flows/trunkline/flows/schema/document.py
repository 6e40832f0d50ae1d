"""The YAML of a flow as it may be written: unknown keys and wrong types are refused here."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Any, ClassVar, Final, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

from trunkline.flows.actions import HangUpReason
from trunkline.flows.slots import MAX_TEXT_CHARS, Confirm, SlotKind

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


def _intents(value: Any) -> Any:
    """A list of intent names, or a mapping of intent to step."""
    if isinstance(value, list):
        return {entry if isinstance(entry, str) else repr(entry): None for entry in value}
    return value


def _collect(value: Any) -> Any:
    """A list of names from ``slots``, or a mapping of name to slot."""
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


class IntentPart(Part):
    label: Text
    description: Text
    examples: Annotated[tuple[Text, ...], BeforeValidator(_tuple), Field(min_length=1)]
    goto: Name | None = None
    does: Literal["repeat"] | None = None
    everywhere: bool = False


class ListenPart(Part):
    intents: Annotated[dict[Name, Name | None], BeforeValidator(_intents)] = {}
    keys: Keys = {}
    no_input_ms: Annotated[int, Field(ge=1000, le=60000)] | None = None
    hangover_ms: Annotated[int, Field(ge=200, le=3000)] | None = None
    instructions: str = ""


class SlotPart(Part):
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


class StepPart(Part):
    """What every kind of step may have; ``kind_key`` is the key that makes it that kind."""

    kind_key: ClassVar[str] = ""
    say: Lines = []


class SayPart(StepPart):
    kind_key: ClassVar[str] = "say"
    say: Annotated[list[LinePart], BeforeValidator(_lines), Field(min_length=1)]
    next: Name | None = None
    listen: ListenPart | None = None


class CollectPart(StepPart):
    kind_key: ClassVar[str] = "collect"
    collect: Annotated[dict[Name, SlotPart | None], BeforeValidator(_collect), Field(min_length=1)]
    next: Name
    listen: ListenPart = ListenPart()
    reuse: bool = False


class ParkedPart(Part):
    say: Lines = []
    goto: Name | None = None


class ToolStepPart(StepPart):
    kind_key: ClassVar[str] = "tool"
    tool: Name
    arguments: dict[Name, str | int | float | bool | None] = {}
    save_as: Name | None = None
    next: Name
    on_failure: dict[Name, FailurePart] = {}
    on_parked: ParkedPart | None = None


class CasePart(Part):
    when: Text
    goto: Name


class BranchPart(Part):
    kind_key: ClassVar[str] = "branch"
    branch: Annotated[list[CasePart], Field(min_length=1)]
    otherwise: Name


class TransferPart(StepPart):
    kind_key: ClassVar[str] = "transfer"
    transfer: Text
    on_failure: FallbackPart


class HangUpPart(StepPart):
    kind_key: ClassVar[str] = "hang_up"
    hang_up: Annotated[HangUpReason, Field(strict=False)]


STEP_PARTS: Final[tuple[type[StepPart | BranchPart], ...]] = (
    CollectPart,
    ToolStepPart,
    BranchPart,
    TransferPart,
    HangUpPart,
    SayPart,
)
"""In order of precedence: ``say`` alone makes a say step, next to another kind it is its line."""


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
    intents: dict[Name, Any] = {}
    slots: dict[Name, SlotPart] = {}
    tools: dict[Name, Any] = {}
    steps: Annotated[dict[Name, Any], Field(min_length=1)]
