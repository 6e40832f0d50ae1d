"""The model server's TLS port: old clients, browsers' subprotocols, certificates that change."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import ssl
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import websockets
from tests.peers.realtime.conftest import KEY
from tests.peers.realtime.test_process import certificate, ready
from websockets.typing import Subprotocol

from trunkline.domain.errors import ConfigError
from trunkline.runtime.certificate import Certificate

pytestmark = pytest.mark.peers
ROOT = Path(__file__).parents[3]
OFFERED = [Subprotocol("realtime"), Subprotocol(f"openai-insecure-api-key.{KEY}")]


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
        return port


@asynccontextmanager
async def serving(folder: Path, cert: Path, key: Path) -> AsyncIterator[int]:
    """``trunkline model`` with both listeners; the TLS port."""
    port, tls_port = free_port(), free_port()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "trunkline.cli", "model"),
        env={
            **os.environ,
            "TRUNKLINE_MODEL_PORT": str(port),
            "TRUNKLINE_MODEL_TLS_PORT": str(tls_port),
            "TRUNKLINE_MODEL_TLS_BIND_ADDRESS": "127.0.0.1",
            "TRUNKLINE_MODEL_TLS_CERT": str(cert),
            "TRUNKLINE_MODEL_TLS_KEY": str(key),
            "TRUNKLINE_ENGINE": "scripted",
            "TRUNKLINE_API_KEY": KEY,
            "TRUNKLINE_DATA_DIR": str(folder),
        },
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        await ready(port)
        yield tls_port
        process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(15):
            assert await process.wait() == 0
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def first_event(port: int, trusted: Path) -> dict[str, object]:
    """As a browser connects: its key is a subprotocol."""
    async with websockets.connect(
        f"wss://localhost:{port}/v1/realtime?model=gpt-realtime",
        ssl=ssl.create_default_context(cafile=str(trusted)),
        subprotocols=OFFERED,
        proxy=None,
    ) as connection:
        assert connection.subprotocol == "realtime"
        event: dict[str, object] = json.loads(await connection.recv())
        return event


async def test_old_clients_browsers_and_a_renewed_certificate(tmp_path: Path) -> None:
    cert, key = certificate(tmp_path)
    async with serving(tmp_path / "var", cert, key) as port:
        assert (await first_event(port, cert))["type"] == "session.created"
        # openai 1.9x dials wss:// whatever its base_url says.
        old = await asyncio.create_subprocess_exec(
            *(str(ROOT / ".venv/clients/old/bin/python"), "beta_worker.py", "text_turn"),
            cwd=ROOT / "tests" / "conformance",
            env={
                "RT_BASE_URL": f"https://localhost:{port}/v1",
                "RT_API_KEY": KEY,
                "RT_BETA_MODEL": "gpt-4o-realtime-preview",
                "RT_STEP_TIMEOUT": "20",
                "SSL_CERT_FILE": str(cert),
            },
            stdout=asyncio.subprocess.PIPE,
        )
        answer, _ = await old.communicate()
        assert json.loads(answer) == {"ok": True, "why": "ok", "v": "1.99.9"}
        (tmp_path / "next").mkdir()
        new_cert, new_key = certificate(tmp_path / "next")
        new_key.replace(key)  # for a moment the two do not fit
        cert.write_bytes(new_cert.read_bytes())
        async with asyncio.timeout(10):
            while True:
                try:
                    assert await first_event(port, new_cert)
                    break
                except ssl.SSLCertVerificationError:
                    await asyncio.sleep(0.1)


def test_files_that_do_not_fit_are_named_and_the_old_ones_stay_in_force(tmp_path: Path) -> None:
    cert, key = certificate(tmp_path)
    shown = Certificate(cert, key)
    assert not shown.renew()
    good = key.read_bytes()
    key.write_bytes(b"half a fi")
    with pytest.raises(ConfigError, match=r"key\.pem"):
        shown.renew()
    key.write_bytes(good)
    assert shown.renew()
    key.unlink()
    with pytest.raises(ConfigError, match=r"key\.pem"):
        shown.renew()
    with pytest.raises(ConfigError, match=r"key\.pem"):
        Certificate(cert, key)


def test_a_wrong_certificate_is_said_at_the_start(tmp_path: Path) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "trunkline.cli", "model"],
        env={
            **os.environ,
            "TRUNKLINE_MODEL_TLS_PORT": str(free_port()),
            "TRUNKLINE_MODEL_TLS_CERT": str(tmp_path / "none.pem"),
            "TRUNKLINE_MODEL_TLS_KEY": str(tmp_path / "none.key"),
            "TRUNKLINE_ENGINE": "scripted",
            "TRUNKLINE_API_KEY": KEY,
            "TRUNKLINE_DATA_DIR": str(tmp_path),
        },
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == 2
    assert "none.pem" in ended.stderr
