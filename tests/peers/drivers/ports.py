"""Ports that are free now on loopback, for peers that cannot choose their own."""

from __future__ import annotations

import itertools
import os
import socket
from typing import Final

_HOST: Final = "127.0.0.1"
# Below the ephemeral range, so that no outgoing connection takes a port between the look and the
# bind; each process of a parallel run starts at a place of its own.
_FIRST: Final = 10_000
_LAST: Final = 32_000
_next = itertools.count(os.getpid() * 131)


def _is_free(port: int) -> bool:
    for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
        with socket.socket(socket.AF_INET, kind) as probe:
            try:
                probe.bind((_HOST, port))
            except OSError:
                return False
    return True


def free_port() -> int:
    """A port free for UDP and TCP."""
    return free_range(1)[0]


def free_range(count: int) -> tuple[int, int]:
    """First and last of ``count`` free ports in a row; the first is even."""
    width = count + count % 2
    slots = (_LAST - _FIRST) // width
    for _ in range(slots):
        first = _FIRST + next(_next) % slots * width
        if all(_is_free(port) for port in range(first, first + count)):
            return first, first + count - 1
    raise RuntimeError(f"no {count} free ports in a row on {_HOST}")
