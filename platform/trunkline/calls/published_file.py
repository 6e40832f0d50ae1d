"""What was published last, on disk: an edge that starts while the database is away serves it.

File I/O: every function belongs on a thread.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

import orjson

from trunkline.runtime.logging import get_logger
from trunkline.storage.flow_views import ServingView, Slots

log = get_logger(__name__)

_FORMAT: Final = 1


def read_published(path: Path) -> tuple[ServingView, ...]:
    """Nothing when there is no such file or it cannot be read; the log says why."""
    try:
        document = orjson.loads(path.read_bytes())
        if document["format"] != _FORMAT:
            raise ValueError("another format")
        return tuple(
            ServingView(
                agent=str(one["agent"]),
                slots=Slots(one["stable"], one["canary"], int(one["percent"])),
                stable_text=str(one["stable_text"]),
                canary_text=str(one["canary_text"]),
            )
            for one in document["agents"]
        )
    except FileNotFoundError:
        return ()
    except (OSError, KeyError, TypeError, ValueError) as exc:
        log.warning("the copy of the published flows cannot be read", reason=type(exc).__name__)
        return ()


def write_published(path: Path, serving: Sequence[ServingView]) -> None:
    """Whole or not at all. A full disk costs the copy, not the calls: the log says so."""
    document = {
        "format": _FORMAT,
        "agents": [
            {
                "agent": one.agent,
                "stable": one.slots.stable,
                "canary": one.slots.canary,
                "percent": one.slots.percent,
                "stable_text": one.stable_text,
                "canary_text": one.canary_text,
            }
            for one in serving
        ],
    }
    part = path.with_name(f".{path.name}.{secrets.token_hex(6)}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(orjson.dumps(document))
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except OSError as exc:
        log.warning("the published flows are not copied to disk", reason=exc.strerror)
        with suppress(OSError):
            part.unlink()
