"""The simulator's loop whose clock jumps to the next timer, for tests.

    def test_something() -> None:
        async def scene() -> None:
            await asyncio.sleep(60)
        run_virtual(scene())

A loop with nothing left to wait for raises Stuck instead of hanging.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from datetime import UTC, datetime
from typing import Any, Final, TypeVar

from trunkline.cli.simulate import virtual_time
from trunkline.cli.simulate.virtual_time import Stuck, VirtualTimeLoop

__all__ = ["Stuck", "VirtualClock", "VirtualTimeLoop", "run_virtual"]

T = TypeVar("T")

_START: Final = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)


class VirtualClock(virtual_time.VirtualClock):
    """Begins on a Monday morning."""

    def __init__(self) -> None:
        super().__init__(_START)


def run_virtual(scene: Coroutine[Any, Any, T], *, deadline_s: float = 3600) -> T:
    """Run a scene on virtual time; TimeoutError when it outlasts ``deadline_s`` virtual seconds."""

    async def bounded() -> T:
        async with asyncio.timeout(deadline_s):
            return await scene

    return virtual_time.run_virtual(bounded())
