"""The edge as a process: it starts with nothing around it, and always comes to an end."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import urllib.error
import urllib.request
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from tests.peers.drivers.ports import free_port, free_range
from tests.peers.drivers.sipp import answered, invite, options, sipp

pytestmark = pytest.mark.peers

# An endpoint with a live call, left without a word: by falling off the end, or by sys.exit.
_LEAVES_WITHOUT_STOPPING = """
import asyncio, sys
from trunkline.runtime.logging import configure_logging
from trunkline.domain.trunk import LOCAL_TRUNK, NumberRoute
from trunkline.sip.config import EndpointConfig
from trunkline.sip.endpoint import Endpoint
from trunkline.sip.reception import Reception

async def main():
    legs = asyncio.Queue()
    reception = Reception(
        trunks=[LOCAL_TRUNK], routes=[NumberRoute("100", "a")], max_calls=5,
        accept=lambda leg, agent, at: legs.put_nowait(leg),
    )
    endpoint = Endpoint(EndpointConfig(), reception=reception)
    await endpoint.start()
    print(endpoint.sip_port, flush=True)
    leg = await legs.get()
    await leg.answer()
    await leg.wait_for_media(5)
    {leave}

configure_logging("test")
asyncio.run(main())
"""


@asynccontextmanager
async def process(*arguments: str, **environment: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """One of our own Python processes, ended whatever happens."""
    running = await asyncio.create_subprocess_exec(
        sys.executable,
        *arguments,
        env={**os.environ, **environment},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        yield running
    finally:
        if running.returncode is None:
            running.kill()
            await running.wait()


def problems(port: int) -> dict[str, str]:
    """What /readyz complains of."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=3) as answer:
            document = json.load(answer)
    except urllib.error.HTTPError as exc:
        document = json.load(exc)
    found: dict[str, str] = document["problems"]
    return found


async def test_without_a_model_server_the_edge_answers_says_what_is_wrong_and_ends_cleanly(
    tmp_path: Path,
) -> None:
    sip_port, health_port = free_port(), free_port()
    first, last = free_range(40)
    async with process(
        *("-m", "trunkline.cli", "sip"),
        TRUNKLINE_DATA_DIR=str(tmp_path / "data"),
        TRUNKLINE_BIND_ADDRESS="127.0.0.1",
        TRUNKLINE_SIP_PORT=str(sip_port),
        TRUNKLINE_SIP_HEALTH_PORT=str(health_port),
        TRUNKLINE_MODEL_PORT=str(free_port()),
        TRUNKLINE_RTP_PORTS=f"{first}-{last}",
        TRUNKLINE_API_KEY="test-key",
        TRUNKLINE_CONFIG="",
    ) as edge:
        run = await sipp(tmp_path / "options", options(expect=503), sip_port)
        assert run.exit_status == 0, run.messages
        run = await sipp(tmp_path / "invite", invite("100", expect=503), sip_port)
        assert run.exit_status == 0, run.messages
        assert run.header("Retry-After", 503)
        assert set(problems(health_port)) == {"lines", "calls"}
        edge.send_signal(signal.SIGTERM)
        async with asyncio.timeout(20):
            _, log = await edge.communicate()
        assert edge.returncode == 0, log.decode()
        assert b"local trunk is on" in log
        assert b"SIP edge has stopped" in log


@pytest.mark.parametrize("leave", ["return", "sys.exit(3)", "raise RuntimeError"])
async def test_a_process_that_forgets_to_stop_its_endpoint_still_ends(
    tmp_path: Path, leave: str
) -> None:
    async with process("-c", _LEAVES_WITHOUT_STOPPING.replace("{leave}", leave)) as leaving:
        assert leaving.stdout is not None
        async with asyncio.timeout(20):
            port = 0
            while not port:
                line = await leaving.stdout.readline()
                assert line, (await leaving.communicate())[1].decode()
                port = int(line) if line.strip().isdigit() else 0
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(sipp(tmp_path, answered("100", hold_ms=100), port, deadline_s=4))
                await leaving.wait()
        expected = {"return": 0, "sys.exit(3)": 3, "raise RuntimeError": 1}
        assert leaving.returncode == expected[leave]
