"""What a session tells, in small: where an utterance lies, a function's arguments, a log line."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import orjson

from trunkline.domain.events import Json
from trunkline.realtime.items import FunctionCallItem
from trunkline.realtime.server_events import (
    ResponseAudioDelta,
    ResponseTranscriptDelta,
    ServerEvent,
    TranscriptionDelta,
    UnknownEvent,
)

# Frequent, and told elsewhere in the log: what was played and understood.
UNLOGGED: Final = (ResponseAudioDelta, TranscriptionDelta, ResponseTranscriptDelta)


@dataclass(slots=True)
class Span:
    """Where an utterance lies, in call time; the end is unknown while it is being spoken."""

    audio_ms: int  # where the item's audio begins, padding included
    started_ms: int
    ended_ms: int | None = None
    told: str = ""  # the deltas, which only append
    text: str = ""  # what is understood so far; may still change


def arguments_of(call: FunctionCallItem) -> tuple[dict[str, Json], str]:
    """What was called with, and why it cannot be used; values that nobody said never are."""
    if call.x_synthesised:
        return {}, "not_said"
    try:
        arguments = orjson.loads(call.arguments or "{}")
    except orjson.JSONDecodeError:
        return {}, "bad_json"
    return (arguments, "") if isinstance(arguments, dict) else ({}, "bad_json")


def brief(event: ServerEvent) -> dict[str, Json]:
    """The event for the log, without audio and without the whole session object."""
    if isinstance(event, UnknownEvent):
        return {}
    fields = event.model_dump(mode="json", exclude={"type", "event_id", "session"})
    return {
        f"x_{key}" if key in {"at_ms", "event", "kind"} else key: v for key, v in fields.items()
    }
