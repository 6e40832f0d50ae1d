"""A UDP socket whose datagrams bear the kernel's time of arrival, whenever they are read."""

from __future__ import annotations

import asyncio
import socket
import struct
import time
from typing import Final

_SO_TIMESTAMPNS: Final = 35
_TIMESPEC: Final = struct.Struct("qq")
_LONGEST: Final = 2048
_MOST_WAITING: Final = 10_000


class StampedUdp:
    """``queue`` holds (perf_counter at arrival, datagram); what does not fit is dropped."""

    def __init__(self, address: str) -> None:
        self.queue: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(maxsize=_MOST_WAITING)
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        self._socket.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
        self._socket.bind((address, 0))
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._socket, self._read)

    @property
    def port(self) -> int:
        return int(self._socket.getsockname()[1])

    def send(self, data: bytes, address: tuple[str, int]) -> None:
        try:
            self._socket.sendto(data, address)
        except (BlockingIOError, ConnectionRefusedError):
            return  # a full buffer, or a far end that has gone: it is UDP

    def close(self) -> None:
        self._loop.remove_reader(self._socket)
        self._socket.close()

    def _read(self) -> None:
        # What the two clocks differ by now; it moves only when the wall clock is set.
        shift = time.perf_counter() - time.time()
        while True:
            try:
                data, notes, _, _ = self._socket.recvmsg(_LONGEST, 64)
            except BlockingIOError:
                return
            except OSError:
                continue  # ICMP refusals after the far end closed its port are expected
            at = time.perf_counter()
            for level, kind, note in notes:
                if level == socket.SOL_SOCKET and kind == _SO_TIMESTAMPNS:
                    seconds, nanoseconds = _TIMESPEC.unpack(note[: _TIMESPEC.size])
                    at = seconds + nanoseconds / 1e9 + shift
            if not self.queue.full():
                self.queue.put_nowait((at, data))
