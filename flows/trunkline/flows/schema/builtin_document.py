"""Built-ins as they may be written in a flow's YAML."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final

from pydantic import BeforeValidator, Field

from trunkline.flows.actions import TransferMode
from trunkline.flows.schema.document import Name, Part, Text
from trunkline.flows.schema.step_kinds import QueuePart

_ONLY_ONE: Final = "somebody"


def _targets(value: Any) -> Any:
    return {_ONLY_ONE: value} if isinstance(value, str) else value


def _mapping(value: Any) -> Any:
    return {} if value is None else value


class TransferPart(Part):
    """``targets``: one, or a mapping of names, among which the model chooses."""

    targets: Annotated[dict[Name, Text], BeforeValidator(_targets), Field(min_length=1)]
    mode: Annotated[TransferMode, Field(strict=False)] = TransferMode.BLIND
    briefing: Text | None = None
    ring_s: Annotated[float, Field(gt=0, le=120, strict=False)] = 25.0
    needs_key: bool = False


class HangUpPart(Part):
    say: Text | None = None


class SendDigitsPart(Part):
    pass


class VoicemailMessagePart(Part):
    say: Text
    beep_wait_s: Annotated[float, Field(gt=0, le=60, strict=False)] = 20.0


class BuiltinPart(Part):
    """One of them; ``hang_up`` and ``send_digits`` may stand alone."""

    transfer: TransferPart | None = None
    hang_up: Annotated[HangUpPart, BeforeValidator(_mapping)] | None = None
    send_digits: Annotated[SendDigitsPart, BeforeValidator(_mapping)] | None = None
    set_variable: dict[Name, dict[str, Any]] | None = None
    queue: QueuePart | None = None
    voicemail_message: VoicemailMessagePart | None = None


def read_builtin(value: Any) -> Any:
    """``builtin: hang_up`` reads as well as ``builtin: {hang_up: {}}``."""
    if isinstance(value, str):
        return {value: {}}
    if isinstance(value, Mapping):
        return {key: {} if inner is None else inner for key, inner in value.items()}
    return value
