"""Start processes in order, restart what dies, stop in reverse order."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import httpx

from trunkline.cli.restarts import RestartPolicy
from trunkline.domain.errors import ConfigError
from trunkline.runtime.logging import get_logger

log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class ProcessSpec:
    """A child process; ``ready_url`` answers 200 when it may be used.

    ``leaves_workers``: processes of its own outlive it when it is killed, and hold its ports.
    """

    name: str
    command: Sequence[str]
    ready_url: str | None = None
    stop_deadline_s: float = 10.0
    environment: Mapping[str, str] = field(default_factory=dict)
    is_edge: bool = False
    leaves_workers: bool = False


class Supervised:
    """One child that is kept alive until told to stop."""

    def __init__(self, spec: ProcessSpec) -> None:
        self.spec = spec
        self.restarts = 0
        self._policy = RestartPolicy()
        self._process: asyncio.subprocess.Process | None = None
        self._stopping = asyncio.Event()

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process and self._process.returncode is None else None

    async def keep_alive(self) -> None:
        """Run until ``stop``; every death is logged and answered by a new start after a pause."""
        while not self._stopping.is_set():
            started = time.monotonic()
            status = await self._live()
            if self._stopping.is_set():
                return
            delay = self._policy.delay_s(time.monotonic() - started)
            self.restarts += 1
            log.error("process died", child=self.spec.name, status=status, restart_in_s=delay)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(delay):
                    await self._stopping.wait()

    async def _live(self) -> int | str:
        """One life of the process: its exit status, or why it could not be started."""
        try:
            process = self._process = await asyncio.create_subprocess_exec(
                *ended_with_us(self.spec.command),
                env={**self.spec.environment},
                stdin=asyncio.subprocess.DEVNULL,
                # Its own session: a Ctrl-C at the terminal reaches only us, who stop in order.
                start_new_session=True,
            )
        except (FileNotFoundError, PermissionError):
            raise  # another try would find no other program
        except OSError as exc:  # no memory, no process or no descriptor is free at this moment
            return f"cannot be started: {exc.strerror}"
        if self._stopping.is_set():  # `stop` came while the process was made, and did not see it
            await self._end(process)
        status = await process.wait()
        if self.spec.leaves_workers:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)  # it began a session of its own
        return status

    async def stop(self) -> None:
        """SIGTERM, and SIGKILL after the spec's deadline."""
        self._stopping.set()
        if self._process is not None:
            await self._end(self._process)

    async def _end(self, process: asyncio.subprocess.Process) -> None:
        if process.returncode is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(self.spec.stop_deadline_s):
                await process.wait()
        except TimeoutError:
            log.error("process did not stop in time and was killed", child=self.spec.name)
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()


def ended_with_us(command: Sequence[str]) -> Sequence[str]:
    """The command, sent SIGTERM by the kernel should this process be killed (prctl(2)).

    Children left behind would hold every port, and nobody would start them again.
    """
    setpriv = shutil.which("setpriv")  # of util-linux; elsewhere than on Linux there is none
    if setpriv is None or shutil.which(command[0]) is None:
        return command
    return (setpriv, "--pdeathsig", "TERM", "--", *command)


async def wait_ready(
    specs: Sequence[ProcessSpec], deadline_s: float, *, is_patient: bool = False
) -> dict[str, float]:
    """Poll until every ``ready_url`` answers 200; seconds each took.

    ConfigError names the rest at the deadline. Who is patient waits for those that answer and are
    not ready yet, and logs them each time it passes: the machine may be slow, and they may serve.
    """
    started = time.monotonic()
    took: dict[str, float] = {}
    wanting = {spec.name: spec.ready_url for spec in specs if spec.ready_url}
    last: dict[str, str] = {}
    unready: dict[str, str] = {}
    due = started + deadline_s
    async with httpx.AsyncClient(timeout=2, trust_env=False) as client:
        while wanting:
            for name, url in list(wanting.items()):
                try:
                    answer = await client.get(url)
                except httpx.HTTPError as exc:
                    last[name] = type(exc).__name__
                    unready.pop(name, None)
                    continue
                if answer.status_code == 200:
                    took[name] = time.monotonic() - started
                    del wanting[name]
                else:
                    last[name] = unready[name] = answer.text[:500]
            if wanting and time.monotonic() > due:
                passed_s = time.monotonic() - started
                problems = "; ".join(f"{name}: {last.get(name, 'no answer')}" for name in wanting)
                if not is_patient or set(wanting) - set(unready):
                    raise ConfigError(f"not ready after {passed_s:.0f} s: {problems}")
                log.warning("not ready yet", after_s=round(passed_s), problems=problems)
                due += deadline_s
            if wanting:
                await asyncio.sleep(0.05)
    return took
