"""The YAML of a simulation as it may be written: unknown keys and wrong types are refused here."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

from trunkline.domain.events import Json
from trunkline.flows.schema.document import Name, Text


def _as_list(value: Any) -> Any:
    return value if value is None or isinstance(value, list) else [value]


Texts = Annotated[list[Text], BeforeValidator(_as_list)]
# Steps of sub-flows and of other agents are named with a dot or a slash in front.
StepName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*([./:][a-z][a-z0-9_]*)*$")]
StepNames = Annotated[list[StepName], BeforeValidator(_as_list)]
Seconds = Annotated[float, Field(ge=0, le=600, strict=False)]
Ratio = Annotated[float, Field(ge=0, le=1, strict=False)]
Decibel = Annotated[float, Field(ge=-10, le=80, strict=False)]
Milliseconds = Annotated[int, Field(ge=1, le=600_000)]
Digits = Annotated[str, StringConstraints(pattern=r"^[0-9*#A-D]{1,64}$")]


class SimulationPart(BaseModel):
    """Strict, as flow files are; a base of its own, so that flows do not suggest our keys."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class TurnExpectPart(SimulationPart):
    says: Texts = []
    never_says: Texts = []
    matches: Texts = []
    hears: Texts = []
    step: StepName | None = None
    within_ms: Milliseconds | None = None
    interrupts: bool | None = None


class TurnPart(SimulationPart):
    """Exactly one of ACTS; the rest says how."""

    say: Annotated[list[Text | Seconds], BeforeValidator(_as_list)] | None = None
    backchannel: Text | None = None
    mumble: Annotated[Seconds, Field(gt=0)] | None = None
    cough: Literal[True] | None = None
    key: Digits | None = None
    silence: Annotated[Seconds, Field(gt=0)] | None = None
    hang_up: Literal[True] | None = None
    engine: Literal["fails", "lost", "down"] | None = None
    after_s: Seconds | None = None
    confidence: Ratio = 1.0
    snr_db: Decibel | None = None
    voice: str | None = None
    expect: TurnExpectPart = TurnExpectPart()


ACTS = ("say", "key", "silence", "hang_up", "backchannel", "mumble", "cough", "engine")


class BehaviourPart(SimulationPart):
    """Exactly one of ANSWERS."""

    service: Literal[True] | None = None
    result: Json = None
    error: Name | None = None
    fault: Literal["slow", "error", "html", "nonsense", "huge", "never", "after"] | None = None
    never: Literal[True] | None = None
    times: Annotated[int, Field(ge=1, le=100)] | None = None
    after_s: Seconds = 0.2


ANSWERS = ("service", "result", "error", "fault", "never")


def _behaviour(value: Any) -> Any:
    if value in ("service", "never"):
        return {value: True}
    return value


Behaviours = Annotated[
    list[Annotated[BehaviourPart, BeforeValidator(_behaviour)]], BeforeValidator(_as_list)
]


class ExpectedToolPart(SimulationPart):
    tool: Name
    arguments: dict[str, Json] = {}
    outcome: Literal["ok", "failed", "timed_out", "invalid", "parked", "unknown"] | None = None
    code: Name | None = None


def _expected_tool(value: Any) -> Any:
    return {"tool": value} if isinstance(value, str) else value


ExpectedTools = list[Annotated[ExpectedToolPart, BeforeValidator(_expected_tool)]]


class EndsPart(SimulationPart):
    """``cause`` as call records name it; ``reason`` is the flow's own (``hang_up: done``)."""

    by: Literal["agent", "caller", "transfer", "us"] | None = None
    cause: Name | None = None
    reason: Name | None = None


class ExpectPart(SimulationPart):
    steps: StepNames = []
    only_steps: StepNames | None = None
    never_steps: StepNames = []
    variables: dict[str, Json] = {}
    tools: ExpectedTools | None = None
    never_tools: Annotated[list[Name], BeforeValidator(_as_list)] = []
    says: Texts = []
    never_says: Texts = []
    matches: Texts = []
    within_ms: Milliseconds | None = None
    ends: EndsPart = EndsPart()
    transferred_to: Text | None = None
    escalated: Annotated[list[Name], BeforeValidator(_as_list)] | None = None
    flow_error: bool | None = None


class CallerPart(SimulationPart):
    number: Text = "+15550100"
    called: Text = "100"


class LinePart(SimulationPart):
    voice: str = "ash"
    snr_db: Decibel | None = None
    noise: Literal["white", "pink", "babble", "hum"] = "pink"
    codec: Literal["PCMU", "PCMA", "G722", "opus"] = "PCMU"


Outcome = Literal[
    "answered",
    "busy",
    "no_answer",
    "rejected",
    "unreachable",
    "declined",
    "ignores",
    "hangs_up",
]


class HumanPart(SimulationPart):
    outcome: Outcome
    rings_s: Annotated[float, Field(ge=0, le=300, strict=False)] = 2.0
    talks_s: Annotated[float, Field(gt=0, le=600, strict=False)] = 5.0


def _human(value: Any) -> Any:
    return {"outcome": value} if isinstance(value, str) else value


Humans = Annotated[
    list[Annotated[HumanPart, BeforeValidator(_human)]],
    BeforeValidator(_as_list),
    Field(min_length=1, max_length=100),
]


class QueuePart(SimulationPart):
    ahead: Annotated[int, Field(ge=0, le=100)] = 0
    leaves_every_s: Annotated[float, Field(gt=0, le=600, strict=False)] = 20.0
    talk_s: Annotated[float, Field(gt=0, le=3600, strict=False)] | None = None


class ApprovalPart(SimulationPart):
    """One question to a person; without any, nobody decides."""

    decision: Literal["granted", "refused", "nobody"]
    after_s: Seconds = 3.0
    by: Literal["supervisor", "manager", "admin"] = "admin"
    edit: dict[str, Json] = {}


class OutboundPart(SimulationPart):
    answers: Literal[
        "human",
        "machine",
        "machine_without_beep",
        "silent",
        "busy",
        "no_answer",
        "rejected",
        "unreachable",
    ] = "human"
    rings_s: Annotated[float, Field(ge=0, le=300, strict=False)] = 2.0
    greeting: Text | None = None


class SimulationDocument(SimulationPart):
    simulation: Text
    agent: Name | None = None
    now: Text | None = None
    modes: Annotated[
        list[Literal["text", "audio"]], BeforeValidator(_as_list), Field(min_length=1)
    ] = ["text"]
    seed: Annotated[int, Field(ge=0, le=2**31)] = 1
    caller: CallerPart = CallerPart()
    line: LinePart = LinePart()
    variables: dict[str, Json] = {}
    tools: dict[Name, Behaviours] = {}
    transfers: Humans = [HumanPart(outcome="answered")]
    queues: dict[Name, QueuePart] = {}
    approval: Annotated[list[ApprovalPart], BeforeValidator(_as_list), Field(max_length=20)] = []
    outbound: OutboundPart | None = None
    answer_within_s: Annotated[float, Field(gt=0, le=120, strict=False)] = 12.0
    turns: Annotated[list[TurnPart], Field(max_length=200)] = []
    expect: ExpectPart
