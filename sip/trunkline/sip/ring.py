"""The hand-off from the media clock to the event loop: one eventfd for every leg."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol

import pjsua2 as pj


class RingReader(Protocol):
    def drain(self) -> None:
        """Take what the ring holds; must not block."""
        ...


class RingPump:
    """Wakes on the process-wide eventfd about 50 times a second, whatever the number of legs."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        *,
        fd: Callable[[], int] = pj.RingAudioPort.eventFd,
        clear: Callable[[], None] = pj.RingAudioPort.clearEvent,
    ) -> None:
        self._loop = loop
        self._clear = clear
        self._fd = fd()
        self._readers: dict[int, RingReader] = {}

    def start(self) -> None:
        self._loop.add_reader(self._fd, self._on_event)

    def stop(self) -> None:
        self._loop.remove_reader(self._fd)
        self._readers.clear()

    def add(self, reader: RingReader) -> None:
        self._readers[id(reader)] = reader

    @property
    def readers(self) -> tuple[RingReader, ...]:
        return tuple(self._readers.values())

    def remove(self, reader: RingReader) -> None:
        self._readers.pop(id(reader), None)

    def _on_event(self) -> None:
        # The event is cleared before the rings are read: a tick in between raises it again.
        self._clear()
        for reader in list(self._readers.values()):
            reader.drain()
