"""Real child processes: restarted when they die, stopped in time."""

from __future__ import annotations

import asyncio
import errno
import os
import signal
import socket
import sys
from pathlib import Path
from typing import Any

import pytest

from trunkline.cli.private_redis import private_redis
from trunkline.cli.supervisor import ProcessSpec, Supervised
from trunkline.cli.up import check_ports, port_is_free
from trunkline.domain.errors import ConfigError
from trunkline.runtime.settings import Settings

_SUPERVISOR = """
import asyncio, os, sys
from trunkline.cli.supervisor import ProcessSpec, Supervised
spec = ProcessSpec("child", ("sh", "-c", sys.argv[1]), environment=os.environ)
asyncio.run(Supervised(spec).keep_alive())
"""


async def until(done: asyncio.Event) -> None:
    async with asyncio.timeout(10):
        await done.wait()


def child(code: str, **more: float) -> ProcessSpec:
    return ProcessSpec("child", (sys.executable, "-c", code), environment=dict(os.environ), **more)  # type: ignore[arg-type]


async def starts_of(path: Path, count: int) -> None:
    async with asyncio.timeout(20):
        while not path.exists() or len(path.read_text().split()) < count:
            await asyncio.sleep(0.02)


async def test_a_child_that_dies_is_started_again(tmp_path: Path) -> None:
    log = tmp_path / "starts"
    supervised = Supervised(child(f"open({str(log)!r}, 'a').write('x ')"))
    async with asyncio.TaskGroup() as group:
        group.create_task(supervised.keep_alive())
        await starts_of(log, 3)
        await supervised.stop()
    assert supervised.restarts >= 2


async def test_children_do_not_outlive_a_supervisor_that_is_killed(tmp_path: Path) -> None:
    told = tmp_path / "child"
    supervisor = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", _SUPERVISOR, f"echo $$ > {told}; exec sleep 60")
    )
    await starts_of(told, 1)
    pid = int(told.read_text())
    supervisor.kill()
    await supervisor.wait()
    async with asyncio.timeout(10):
        while is_running(pid):
            await asyncio.sleep(0.02)


def is_running(pid: int) -> bool:
    """A zombie is not: whoever inherited it may be slow to bury it."""
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except FileNotFoundError:
        return False


async def test_a_child_that_ignores_sigterm_is_killed_after_its_deadline(tmp_path: Path) -> None:
    ready = tmp_path / "ready"
    code = (
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
        f"open({str(ready)!r}, 'w').write('x'); time.sleep(60)"
    )
    supervised = Supervised(child(code, stop_deadline_s=0.2))
    async with asyncio.TaskGroup() as group:
        group.create_task(supervised.keep_alive())
        await starts_of(ready, 1)
        pid = supervised.pid
        assert pid is not None
        await supervised.stop()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


async def test_a_child_that_is_being_made_while_all_stop_is_ended_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    begun, go_on = asyncio.Event(), asyncio.Event()
    make = asyncio.create_subprocess_exec

    async def slowly(*command: str, **more: Any) -> asyncio.subprocess.Process:
        begun.set()
        await go_on.wait()
        return await make(*command, **more)

    monkeypatch.setattr(asyncio, "create_subprocess_exec", slowly)
    supervised = Supervised(child("import time; time.sleep(60)"))
    async with asyncio.timeout(20), asyncio.TaskGroup() as group:
        group.create_task(supervised.keep_alive())
        await until(begun)
        await supervised.stop()
        go_on.set()
    assert supervised.pid is None


async def test_a_machine_without_memory_for_a_moment_ends_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = tmp_path / "starts"
    make = asyncio.create_subprocess_exec
    refusals = [OSError(errno.ENOMEM, "Cannot allocate memory"), OSError(errno.EAGAIN, "again")]

    async def short_of_memory(*command: str, **more: Any) -> asyncio.subprocess.Process:
        if refusals:
            raise refusals.pop()
        return await make(*command, **more)

    monkeypatch.setattr(asyncio, "create_subprocess_exec", short_of_memory)
    supervised = Supervised(child(f"open({str(log)!r}, 'a').write('x ')"))
    async with asyncio.TaskGroup() as group:
        group.create_task(supervised.keep_alive())
        await starts_of(log, 1)
        await supervised.stop()
    assert supervised.restarts >= 2


async def test_a_program_that_does_not_exist_is_told_at_once() -> None:
    with pytest.raises(FileNotFoundError):
        await Supervised(ProcessSpec("none", ("/nonexistent/program",))).keep_alive()


def test_a_taken_port_is_named_by_its_setting(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert not port_is_free("127.0.0.1", port, socket.SOCK_STREAM)
        settings = Settings(data_dir=tmp_path, model_port=port)
        with pytest.raises(ConfigError, match=f"TRUNKLINE_MODEL_PORT={port}"):
            check_ports(settings)


def test_a_socket_path_too_long_for_the_kernel_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="shorter path"):
        private_redis(tmp_path / ("x" * 110) / "redis.sock", {})


async def test_workers_of_a_child_that_was_killed_do_not_outlive_it(tmp_path: Path) -> None:
    told = tmp_path / "worker"
    script = f"sleep 60 & echo $! >> {told}; wait"
    spec = ProcessSpec("child", ("sh", "-c", script), environment=os.environ, leaves_workers=True)
    supervised = Supervised(spec)
    async with asyncio.TaskGroup() as group:
        group.create_task(supervised.keep_alive())
        await starts_of(told, 1)
        assert supervised.pid is not None
        os.kill(supervised.pid, signal.SIGKILL)
        await starts_of(told, 2)
        first = int(told.read_text().split()[0])
        async with asyncio.timeout(20):
            while lives(first):
                await asyncio.sleep(0.02)
        await supervised.stop()


def lives(pid: int) -> bool:
    """A zombie does not."""
    try:
        stat = (Path("/proc") / str(pid) / "stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"
