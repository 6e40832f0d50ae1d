"""What every object on the wire has in common."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, SerializerFunctionWrapHandler, model_serializer


class WireModel(BaseModel):
    """Frozen, tolerant of fields that peers add later."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class CompactModel(WireModel):
    """A wire object whose absent fields are left out instead of being sent as null."""

    @model_serializer(mode="wrap")
    def _without_nulls(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return {key: value for key, value in write(self).items() if value is not None}


class ServerEventBase(WireModel):
    """``event_id`` is stamped by the protocol object when the event is written."""

    event_id: str = ""
