"""What a session used, as it leaves the model server: one record a session, its totals so far.

A later record of the same session replaces an earlier one, so that records may be lost, repeated
and reordered without anything being counted twice. They travel in the Redis stream
``trunkline:usage``, one field ``record`` each, a JSON document.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from datetime import datetime
from typing import Any, Final, Literal, TypeAlias, get_args

import orjson

from trunkline.domain.errors import Invalid

USAGE_STREAM: Final = "trunkline:usage"
RECORD_FIELD: Final = "record"
# A stream that nobody reads keeps about this many records.
USAGE_STREAM_LENGTH: Final = 100_000

UsageKind: TypeAlias = Literal["realtime", "speech", "transcription"]
_MAX_COUNT: Final = 2**53


@dataclass(frozen=True, slots=True)
class TokenUsage:
    """``cached_…`` is part of ``…_in``, as on the wire (contract 5.3)."""

    text_in: int = 0
    audio_in: int = 0
    cached_text_in: int = 0
    cached_audio_in: int = 0
    text_out: int = 0
    audio_out: int = 0
    transcribed_ms: int = 0

    @property
    def total_tokens(self) -> int:
        return self.text_in + self.audio_in + self.text_out + self.audio_out

    def plus(self, other: TokenUsage) -> TokenUsage:
        return TokenUsage(
            *(getattr(self, one.name) + getattr(other, one.name) for one in fields(self))
        )


@dataclass(frozen=True, slots=True)
class UsageRecord:
    """``session_id``: also of one request outside any session. ``seq`` grows with each record of a
    session; ``model`` is the dated name of the model table."""

    session_id: str
    seq: int
    kind: UsageKind
    key_id: str
    model: str
    engine: str
    began_at: datetime
    at: datetime
    responses: int
    tokens: TokenUsage
    is_over: bool = False


def encode_usage(record: UsageRecord) -> bytes:
    return orjson.dumps(asdict(record))


def decode_usage(payload: bytes | str) -> UsageRecord:
    """Raises Invalid for anything that is not a record."""
    try:
        document: dict[str, Any] = orjson.loads(payload)
        kind = document["kind"]
        if kind not in get_args(UsageKind):
            raise Invalid("a usage record of an unknown kind", code="bad_usage")
        counts = {one.name: _count(document["tokens"][one.name]) for one in fields(TokenUsage)}
        return UsageRecord(
            session_id=_name(document["session_id"]),
            seq=_count(document["seq"]),
            kind=kind,
            key_id=_name(document["key_id"]),
            model=_name(document["model"]),
            engine=_name(document["engine"]),
            began_at=_aware(document["began_at"]),
            at=_aware(document["at"]),
            responses=_count(document["responses"]),
            tokens=TokenUsage(**counts),
            is_over=document["is_over"] is True,
        )
    except (orjson.JSONDecodeError, KeyError, TypeError, ValueError):
        raise Invalid("not a usage record", code="bad_usage") from None


def _count(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= _MAX_COUNT:
        raise ValueError
    return value


def _name(value: object) -> str:
    if not isinstance(value, str) or not 1 <= len(value) <= 256:
        raise ValueError
    return value


def _aware(value: str) -> datetime:
    at = datetime.fromisoformat(value)
    if at.tzinfo is None:
        raise ValueError
    return at
