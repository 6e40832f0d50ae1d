"""Steps that do something to the variables or to the call, as written; and all kinds of steps."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Final, Literal

from pydantic import BeforeValidator, Field

from trunkline.flows.actions import Answerer, TransferCause, TransferMode
from trunkline.flows.schema.document import (
    BranchPart,
    CollectPart,
    FallbackPart,
    HangUpPart,
    Key,
    Lines,
    ListeningStepPart,
    Name,
    Names,
    Part,
    SayPart,
    StepPart,
    Text,
    Texts,
    ToolStepPart,
)

Value = str | int | float | bool | None
MachineAnswer = Literal["connect", "no_answer"]
_Seconds = Annotated[float, Field(gt=0, le=3600, strict=False)]


def _by_cause(value: Any) -> Any:
    """One fallback for every cause, or a mapping of cause to fallback."""
    causes = {cause.value for cause in TransferCause}
    if isinstance(value, Mapping) and not causes & set(value):
        return {"otherwise": value}
    return value


class SetPart(StepPart):
    kind_key: ClassVar[str] = "set"
    set: Annotated[dict[Name, Value], Field(min_length=1)]
    next: Name


class CallPart(StepPart):
    """``with`` holds the sub-flow's parameters, ``returns`` maps a variable here to one there."""

    kind_key: ClassVar[str] = "flow"
    flow: Name
    with_: Annotated[dict[Name, Value], Field(alias="with")] = {}
    returns: dict[Name, Name] = {}
    next: Name


class HandoffPart(StepPart):
    kind_key: ClassVar[str] = "handoff"
    handoff: Name
    carry: Names = ()


class SendDigitsPart(StepPart):
    kind_key: ClassVar[str] = "send_digits"
    send_digits: Text
    next: Name


class TransferPart(StepPart):
    kind_key: ClassVar[str] = "transfer"
    transfer: Text
    mode: Annotated[TransferMode, Field(strict=False)] = TransferMode.BLIND
    briefing: Text | None = None
    ring_s: Annotated[_Seconds, Field(le=120)] = 25.0
    needs_key: bool = False
    answered_by_machine: MachineAnswer = "connect"
    on_failure: Annotated[
        dict[Annotated[TransferCause, Field(strict=False)], FallbackPart],
        BeforeValidator(_by_cause),
    ]


class QueuePart(Part):
    name: Name
    targets: Annotated[Texts, Field(min_length=1)]
    announce_every_s: Annotated[float, Field(ge=0, le=600, strict=False)] = 45.0
    announce: Text = "You are number {{ queue_position }} in the queue."
    callback_key: Key | None = None
    max_wait_s: _Seconds = 600.0
    ring_s: Annotated[_Seconds, Field(le=120)] = 20.0
    briefing: Text | None = None
    needs_key: bool = False
    answered_by_machine: MachineAnswer = "connect"


class QueueStepPart(StepPart):
    kind_key: ClassVar[str] = "queue"
    queue: QueuePart
    on_callback: FallbackPart = FallbackPart()
    on_timeout: FallbackPart
    on_unavailable: FallbackPart


class VoicemailPart(Part):
    human: Name
    machine: Name
    unknown: Name
    wait_ms: Annotated[int, Field(ge=500, le=15000)] = 4000

    def route(self, answerer: Answerer) -> str:
        return str(getattr(self, answerer.value))


class VoicemailStepPart(StepPart):
    kind_key: ClassVar[str] = "voicemail"
    voicemail: VoicemailPart


class MessagePart(ListeningStepPart):
    """A collect step of one long free text: what the caller leaves word of."""

    kind_key: ClassVar[str] = "message"
    say: Annotated[Lines, Field(min_length=1)]
    message: Name
    max_s: Annotated[_Seconds, Field(le=300)] = 90.0
    next: Name


class PrefetchPart(Part):
    tool: Name
    arguments: dict[Name, Value] = {}
    save_as: Name
    timeout_s: Annotated[float, Field(gt=0, le=5, strict=False)] = 1.0
    default: Any = None


class SubFlowPart(Part):
    parameters: Names = ()
    start: Name
    steps: Annotated[dict[Name, Any], Field(min_length=1)]
    returns: Names = ()


STEP_PARTS: Final[tuple[type[StepPart | BranchPart], ...]] = (
    CollectPart,
    ToolStepPart,
    BranchPart,
    SetPart,
    CallPart,
    HandoffPart,
    SendDigitsPart,
    TransferPart,
    QueueStepPart,
    VoicemailStepPart,
    MessagePart,
    HangUpPart,
    SayPart,
)
"""In order of precedence: ``say`` alone makes a say step, next to another kind it is its line."""
