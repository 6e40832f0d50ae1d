"""What a tool's run knows of the call it is for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from trunkline.domain.events import Json


@dataclass(frozen=True, slots=True)
class ToolContext:
    """``idempotency_key`` is the same for every attempt at one effect, also after a retry by the
    flow; ``variables`` are the flow's, for constants in templates.
    """

    call_id: str
    idempotency_key: str
    variables: Mapping[str, Json] = field(default_factory=dict)
