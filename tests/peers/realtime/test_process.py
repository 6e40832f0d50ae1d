"""The client over TLS, and the model server as a process of its own."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import socket
import ssl
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from tests.peers.realtime.conftest import KEY

from trunkline.domain.errors import EngineError
from trunkline.model.server import create_app, uvicorn_config
from trunkline.realtime import server_events as ev
from trunkline.realtime.client import RealtimeClient
from trunkline.runtime.health import QuietServer
from trunkline.runtime.settings import Settings

pytestmark = pytest.mark.peers


def certificate(directory: Path) -> tuple[Path, Path]:
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    key, cert = directory / "key.pem", directory / "cert.pem"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1"),
            *("-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"),
            *("-keyout", str(key), "-out", str(cert)),
        ],
        check=True,
        capture_output=True,
        timeout=30,
    )
    return cert, key


async def test_the_client_speaks_tls_and_refuses_a_stranger(
    settings: Settings, tmp_path: Path
) -> None:
    cert, key = certificate(tmp_path)
    config = uvicorn_config(create_app(settings), settings)
    config.ssl_certfile, config.ssl_keyfile = str(cert), str(key)
    listener = socket.create_server(("127.0.0.1", 0))
    server = QuietServer(config)
    async with asyncio.TaskGroup() as tasks:
        serving = tasks.create_task(server.serve(sockets=[listener]))
        async with asyncio.timeout(10):
            while not server.started:
                await asyncio.sleep(0.01)
        url = f"https://localhost:{listener.getsockname()[1]}/v1"
        trusting = ssl.create_default_context(cafile=str(cert))
        async with RealtimeClient.connect(
            url, api_key=KEY, model="scripted", ssl_context=trusting
        ) as client:
            assert isinstance(await anext(client.events()), ev.SessionCreated)
        with pytest.raises(EngineError, match="cannot be reached"):
            async with RealtimeClient.connect(url, api_key=KEY, model="scripted"):
                pass
        server.should_exit = True
        async with asyncio.timeout(15):
            await asyncio.wait([serving])


async def ready(port: int) -> None:
    async with httpx.AsyncClient() as http, asyncio.timeout(30):
        while True:
            try:
                answer = await http.get(f"http://127.0.0.1:{port}/readyz")
                if answer.status_code == 200:
                    return
            except httpx.TransportError:
                pass
            await asyncio.sleep(0.05)


async def test_the_process_gets_ready_and_ends_cleanly_under_a_live_session(
    tmp_path: Path,
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    environment = {
        **os.environ,
        "TRUNKLINE_MODEL_PORT": str(port),
        "TRUNKLINE_ENGINE": "scripted",
        "TRUNKLINE_API_KEY": KEY,
        "TRUNKLINE_DATA_DIR": str(tmp_path),
    }
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", "from trunkline.cli.main import main; main()", "model"),
        env=environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        await ready(port)
        base_url = f"http://127.0.0.1:{port}/v1"
        async with RealtimeClient.connect(base_url, api_key=KEY, model="scripted") as client:
            events = client.events()
            assert isinstance(await anext(events), ev.SessionCreated)
            process.send_signal(signal.SIGTERM)
            # The session is given its time; when we leave, the server does too.
        async with asyncio.timeout(15):
            output, _ = await process.communicate()
        assert process.returncode == 0
        assert KEY.encode() not in output
        assert b"Traceback" not in output
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
