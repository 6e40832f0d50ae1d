"""Values that are nobody's business: a token stands for them everywhere but in the tool's run.

Variables, the event log, the transcript, receipts and the engine see the token; the value lives in
the runner's memory for the length of the call and leaves it inside ``RunTool.secrets`` only.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from trunkline.domain.events import Json

_PREFIX: Final = "secret:"


def secret_token(slot: str, nonce: str) -> str:
    """What stands for the value of ``slot``; ``nonce`` keeps a caller from guessing it."""
    return f"{_PREFIX}{slot}:{nonce}"


def is_secret_token(value: Json) -> bool:
    return isinstance(value, str) and value.startswith(_PREFIX)


def reveal(arguments: Mapping[str, Json], secrets: Mapping[str, str]) -> dict[str, Json]:
    """Arguments with the values that tokens stand for; only whole tokens are replaced."""
    return {
        name: secrets.get(value, value) if isinstance(value, str) else value
        for name, value in arguments.items()
    }
