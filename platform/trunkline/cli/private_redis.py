"""The Redis of a single machine: a private socket and an append-only file, never a TCP port."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from trunkline.cli.supervisor import ProcessSpec
from trunkline.domain.errors import ConfigError

# sun_path holds 108 bytes, the terminating zero included (unix(7)).
_LONGEST_SOCKET_PATH = 107


def redis_server() -> str | None:
    """The program, on PATH or beside this Python, where set-up links it."""
    return shutil.which("redis-server") or shutil.which(
        "redis-server", path=str(Path(sys.executable).parent)
    )


def private_redis(socket: Path, environment: dict[str, str]) -> ProcessSpec:
    """The spec of a Redis that listens on ``socket`` only: never on a TCP port."""
    server = redis_server()
    if server is None:
        raise ConfigError(
            "redis-server is not installed: run `make setup`, or set TRUNKLINE_REDIS_URL"
        )
    if len(str(socket)) > _LONGEST_SOCKET_PATH:
        raise ConfigError(
            f"the path of the private Redis socket is too long ({socket}): "
            "set TRUNKLINE_DATA_DIR to a shorter path, or TRUNKLINE_REDIS_URL"
        )
    directory = socket.parent
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    return ProcessSpec(
        name="redis",
        command=(
            server,
            "--port", "0",
            "--unixsocket", str(socket),
            "--unixsocketperm", "600",
            "--dir", str(directory),
            "--appendonly", "yes",
            "--appendfsync", "everysec",
            "--save", "",
            "--maxmemory", "256mb",
            "--maxmemory-policy", "noeviction",
            "--loglevel", "warning",
            "--daemonize", "no",
        ),
        environment=environment,
    )  # fmt: skip
