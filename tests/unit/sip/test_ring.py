from __future__ import annotations

import asyncio
import os

from trunkline.sip.ring import RingPump


class Reader:
    def __init__(self) -> None:
        self.drained = 0

    def drain(self) -> None:
        self.drained += 1


async def test_one_event_drains_every_reader_until_it_is_removed() -> None:
    fd = os.eventfd(0, os.EFD_NONBLOCK)
    order: list[str] = []
    cleared = asyncio.Event()

    def clear() -> None:
        os.eventfd_read(fd)
        order.append("clear")
        cleared.set()

    pump = RingPump(asyncio.get_running_loop(), fd=lambda: fd, clear=clear)
    pump.start()
    first, second = Reader(), Reader()
    pump.add(first)
    pump.add(second)

    async def tick() -> None:
        cleared.clear()
        os.eventfd_write(fd, 1)
        async with asyncio.timeout(5):
            await cleared.wait()

    try:
        await tick()
        assert (first.drained, second.drained) == (1, 1)
        pump.remove(first)
        await tick()
        assert (first.drained, second.drained) == (1, 2)
        pump.stop()
        os.eventfd_write(fd, 1)
        await asyncio.sleep(0)
        assert second.drained == 2
    finally:
        os.close(fd)


async def test_the_event_is_cleared_before_the_rings_are_read() -> None:
    """The other order loses the wake-up of a tick that comes in between."""
    fd = os.eventfd(1, os.EFD_NONBLOCK)
    order: list[str] = []
    done = asyncio.Event()

    class Noting:
        def drain(self) -> None:
            order.append("drain")
            done.set()

    def clear() -> None:
        os.eventfd_read(fd)
        order.append("clear")

    pump = RingPump(asyncio.get_running_loop(), fd=lambda: fd, clear=clear)
    pump.add(Noting())
    pump.start()
    try:
        async with asyncio.timeout(5):
            await done.wait()
        assert order[:2] == ["clear", "drain"]
    finally:
        pump.stop()
        os.close(fd)
