"""What an audio suite starts for itself: a model server and an edge, on ports of their own."""

from __future__ import annotations

import asyncio
import os
import random
import secrets
import socket
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from typing import Any, Final

import orjson

from trunkline.calls.compose import engine_name
from trunkline.cli.simulate.audio_edge import EdgePlan
from trunkline.cli.simulate.simulation import Simulation
from trunkline.cli.supervisor import ProcessSpec, ended_with_us, wait_ready
from trunkline.domain.errors import ConfigError, EngineError
from trunkline.runtime.settings import Settings

_MODEL_READY_S: Final = 60.0
_EDGE_READY_S: Final = 150.0
_STOP_S: Final = 20.0
_RTP_WIDTH: Final = 1000


class AudioHouse:
    """Where calls are placed to, and what is known about them while they last.

    ``busy`` holds the numbers of simulations whose agents are busy now.
    """

    def __init__(self, model_url: str, api_key: str, data_dir: Path) -> None:
        self.model_url = model_url
        self.api_key = api_key
        self.data_dir = data_dir
        self.sip_port = 0
        self.busy: set[int] = set()
        self.edge_stdin: asyncio.StreamWriter | None = None

    async def dial(self, number: int, uri: str, rate_hz: int) -> None:
        """Have the edge place a simulation's call."""
        assert self.edge_stdin is not None
        order = {"dial": number, "uri": uri, "rate_hz": rate_hz}
        self.edge_stdin.write(orjson.dumps(order) + b"\n")
        await self.edge_stdin.drain()

    def call_dir(self, number: int) -> Path:
        """Where the recording and the event log of a simulation's call are."""
        return self.data_dir / "calls" / str(number)


@asynccontextmanager
async def model_server(settings: Settings, data_dir: Path) -> AsyncIterator[tuple[str, str]]:
    """URL and key of the model server that is configured, or of one started for the occasion."""
    if settings.model_url:
        yield settings.resolved_model_url, settings.resolved_edge_key()
        return
    port, key = _free_port(), f"tk_{secrets.token_urlsafe(24)}"
    environment = {
        **os.environ,
        "TRUNKLINE_DATA_DIR": str(data_dir),
        "TRUNKLINE_MODEL_PORT": str(port),
        "TRUNKLINE_MODEL_BIND_ADDRESS": "127.0.0.1",
        "TRUNKLINE_API_KEY": key,
        "TRUNKLINE_LOG_FORMAT": "json",
    }
    command = (sys.executable, "-m", "trunkline.cli", "model")
    spec = ProcessSpec("model", command, f"http://127.0.0.1:{port}/readyz")
    async with _child(command, environment, data_dir / "model.log", is_talked_to=False) as process:
        await _ready_or_dead(spec, process, data_dir / "model.log")
        yield f"http://127.0.0.1:{port}/v1", key


@asynccontextmanager
async def audio_house(
    settings: Settings,
    simulations: Sequence[Simulation],
    data_dir: Path,
    *,
    agents_dir: Path | None,
    rates_hz: Sequence[int],
) -> AsyncIterator[AudioHouse]:
    """Ready to be called; everything it started is stopped when it is left."""
    async with AsyncExitStack() as stack:
        model_url, key = await stack.enter_async_context(model_server(settings, data_dir))
        house = AudioHouse(model_url, key, data_dir)
        plan = _plan(settings, simulations, house, agents_dir, rates_hz)
        command = (sys.executable, "-m", "trunkline.cli.simulate.audio_edge")
        environment = {**os.environ, "TRUNKLINE_API_KEY": key}
        log_path = data_dir / "edge.log"
        edge = await stack.enter_async_context(
            _child(command, environment, log_path, is_talked_to=True)
        )
        assert edge.stdin is not None and edge.stdout is not None
        house.edge_stdin = edge.stdin
        edge.stdin.write(plan.to_line())
        await edge.stdin.drain()
        first_line = b""
        with suppress(TimeoutError):
            async with asyncio.timeout(_EDGE_READY_S):
                first_line = await edge.stdout.readline()
        if not first_line:
            raise EngineError(f"the simulated edge did not start: {_last_words(log_path)}")
        house.sip_port = orjson.loads(first_line)["sip_port"]
        async with asyncio.TaskGroup() as tasks:
            following = tasks.create_task(_follow(edge.stdout, house.busy), name="edge")
            try:
                yield house
            finally:
                following.cancel()


def _plan(
    settings: Settings,
    simulations: Sequence[Simulation],
    house: AudioHouse,
    agents_dir: Path | None,
    rates_hz: Sequence[int],
) -> EdgePlan:
    first = random.randrange(32000, 58000) // 2 * 2
    return EdgePlan(
        files=tuple(str(one.path.resolve()) for one in simulations),
        agents_dir=str(agents_dir.resolve()) if agents_dir else "",
        model_url=house.model_url,
        speech_dir=str(settings.rendered_lines_dir.resolve()),
        data_dir=str(house.data_dir / "calls"),
        engine=engine_name(settings.engine),
        rates_hz=tuple(rates_hz),
        rtp_ports=(first, first + _RTP_WIDTH),
    )


async def _follow(told: asyncio.StreamReader, busy: set[int]) -> None:
    """Who is busy, as the edge tells it; an edge that has ended is busy with nothing."""
    while line := await told.readline():
        change: dict[str, Any] = orjson.loads(line)
        if change["is_busy"]:
            busy.add(change["simulation"])
        else:
            busy.discard(change["simulation"])
    busy.clear()


@asynccontextmanager
async def _child(
    command: Sequence[str],
    environment: Mapping[str, str],
    log_path: Path,
    *,
    is_talked_to: bool,
) -> AsyncIterator[asyncio.subprocess.Process]:
    """A process that ends with us; one that is talked to, when its standard input is closed."""
    log_path.parent.mkdir(parents=True, exist_ok=True)
    with log_path.open("wb") as log_file:
        process = await asyncio.create_subprocess_exec(
            *ended_with_us(command),
            env=dict(environment),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE if is_talked_to else log_file,
            stderr=log_file,
        )
    try:
        yield process
    finally:
        await _end(process, is_talked_to=is_talked_to)


async def _end(process: asyncio.subprocess.Process, *, is_talked_to: bool) -> None:
    if process.stdin is not None:
        process.stdin.close()
    if not is_talked_to and process.returncode is None:
        process.terminate()
    try:
        async with asyncio.timeout(_STOP_S):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()


async def _ready_or_dead(
    spec: ProcessSpec, process: asyncio.subprocess.Process, log_path: Path
) -> None:
    async with asyncio.TaskGroup() as tasks:
        ready = tasks.create_task(wait_ready([spec], _MODEL_READY_S), name="ready")
        dead = tasks.create_task(process.wait(), name="dead")
        await asyncio.wait([ready, dead], return_when=asyncio.FIRST_COMPLETED)
        is_dead = dead.done()
        ready.cancel() if is_dead else dead.cancel()
    if is_dead:
        raise ConfigError(f"the model server did not start: {_last_words(log_path)}")


def _last_words(log_path: Path) -> str:
    lines = log_path.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    return lines[-1][:500] if lines else "it said nothing"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
