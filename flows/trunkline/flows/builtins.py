"""What a call does by itself, offered to a language model as a tool. Values only.

The flow says where to, in which words and which variables; the model says when, and chooses among
what it was given. Numbers, addresses and words to be spoken are never the model's own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final, TypeAlias

from trunkline.domain.events import Json
from trunkline.flows.actions import TransferMode
from trunkline.flows.prompts import Prompt

DIGITS_PATTERN: Final = "^[0-9A-Da-d*#wW,]{1,64}$"
MAX_BRIEFING_CHARS: Final = 500


class Builtin(StrEnum):
    TRANSFER = "transfer"
    HANG_UP = "hang_up"
    SEND_DIGITS = "send_digits"
    SET_VARIABLE = "set_variable"
    QUEUE = "queue"
    VOICEMAIL_MESSAGE = "voicemail_message"


@dataclass(frozen=True, slots=True)
class TransferBuiltin:
    """``targets``: a name that the model may choose to a SIP URI or number."""

    targets: Mapping[str, Prompt]
    mode: TransferMode = TransferMode.BLIND
    briefing: Prompt | None = None
    ring_ms: int = 25_000
    needs_key: bool = False


@dataclass(frozen=True, slots=True)
class QueueBuiltin:
    """``announcement`` may read ``queue_position`` and ``queue_minutes``."""

    queue: str
    targets: tuple[Prompt, ...]
    announcement: Prompt
    announce_every_ms: int = 45_000
    callback_key: str = ""
    max_wait_ms: int = 600_000
    ring_ms: int = 20_000
    briefing: Prompt | None = None
    needs_key: bool = False


@dataclass(frozen=True, slots=True)
class HangUpBuiltin:
    """``farewell``: said before the end; None where the model says goodbye itself."""

    farewell: Prompt | None = None


@dataclass(frozen=True, slots=True)
class SendDigitsBuiltin:
    pass


@dataclass(frozen=True, slots=True)
class SetVariableBuiltin:
    """``values``: variable to the JSON Schema of what it may hold."""

    values: Mapping[str, Mapping[str, Json]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class VoicemailMessageBuiltin:
    """Waits for the beep, says ``message`` and hangs up."""

    message: Prompt
    beep_ms: int = 20_000


BuiltinTransport: TypeAlias = (
    TransferBuiltin
    | QueueBuiltin
    | HangUpBuiltin
    | SendDigitsBuiltin
    | SetVariableBuiltin
    | VoicemailMessageBuiltin
)


def builtin_parameters(builtin: BuiltinTransport) -> dict[str, Any]:
    """The JSON Schema of what the model may say."""
    properties: dict[str, Any] = {}
    required: list[str] = []
    match builtin:
        case TransferBuiltin():
            if len(builtin.targets) > 1:
                properties["destination"] = {"type": "string", "enum": list(builtin.targets)}
                required.append("destination")
            if builtin.mode is TransferMode.WARM:
                properties["briefing"] = {
                    "type": "string",
                    "maxLength": MAX_BRIEFING_CHARS,
                    "description": "In one or two sentences, what the person should know first.",
                }
        case SendDigitsBuiltin():
            properties["digits"] = {
                "type": "string",
                "pattern": DIGITS_PATTERN,
                "description": "The keys to press, in order; w waits half a second.",
            }
            required.append("digits")
        case SetVariableBuiltin():
            properties = {name: dict(schema) for name, schema in builtin.values.items()}
        case QueueBuiltin() | HangUpBuiltin() | VoicemailMessageBuiltin():
            pass
    schema: dict[str, Any] = {
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": False,
    }
    if isinstance(builtin, SetVariableBuiltin):
        schema["minProperties"] = 1
    return schema
