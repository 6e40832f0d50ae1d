"""What a response says about itself, and how it ended. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from trunkline.realtime import server_events as ev
from trunkline.realtime.responses import ResponseStatus, StatusDetails, StatusError
from trunkline.realtime.session import WireAudioFormat

Events = list[ev.ServerEvent]
CancelReason = Literal["turn_detected", "client_cancelled"]
IncompleteReason = Literal["max_output_tokens", "content_filter"]


@dataclass(frozen=True, slots=True)
class ResponseShape:
    """What a response says about itself."""

    response_id: str
    modality: Literal["audio", "text"]
    output_format: WireAudioFormat
    voice: str
    max_output_tokens: int | Literal["inf"] = "inf"
    metadata: dict[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Ending:
    """How a response ended."""

    status: ResponseStatus
    details: StatusDetails | None = None


COMPLETED = Ending("completed")


def cancelled(reason: CancelReason) -> Ending:
    return Ending("cancelled", StatusDetails(type="cancelled", reason=reason))


def incomplete(reason: IncompleteReason) -> Ending:
    return Ending("incomplete", StatusDetails(type="incomplete", reason=reason))


def failed(code: str, message: str) -> Ending:
    error = StatusError(type="server_error", code=code, message=message)
    return Ending("failed", StatusDetails(type="failed", error=error))
