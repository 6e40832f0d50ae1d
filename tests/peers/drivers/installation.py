"""A whole installation, started as its user would: ``trunkline up`` on free ports, its own data."""

from __future__ import annotations

import os
import random
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx

READY = "Trunkline is ready"
RENDERED_LINES = "RENDERED_LINES_OF_THIS_TEST_RUN"
"""Names the directory where the installations of one run of tests keep their rendered lines: the
first renders them, and the later ones start as an installation does for the second time."""


def _free(port: int) -> bool:
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
        with socket.socket(socket.AF_INET, kind) as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                return False
    return True


def free_ports(count: int) -> int:
    """The first of ``count`` consecutive ports that are free now, for UDP and TCP."""
    for _ in range(200):
        first = random.randrange(21000, 31000 - count)
        if all(_free(first + i) for i in range(count)):
            return first
    raise RuntimeError("no free ports")


@dataclass
class Installation:
    """A running ``trunkline up``; ``log`` is everything it wrote."""

    data_dir: Path
    sip_port: int
    web_port: int
    model_port: int
    api_key: str
    environment: Mapping[str, str]
    process: subprocess.Popen[bytes]
    ready_after_s: float = 0.0
    log_path: Path = field(default_factory=Path)

    @property
    def log(self) -> str:
        return self.log_path.read_text(errors="replace")

    @property
    def api(self) -> str:
        return f"http://127.0.0.1:{self.web_port}/api/v1"

    @property
    def rendered_lines(self) -> Path:
        return Path(self.environment["TRUNKLINE_SPEECH_CACHE_DIR"])

    @property
    def sip_uri(self) -> str:
        return f"sip:100@127.0.0.1:{self.sip_port}"

    def client(self) -> httpx.Client:
        return httpx.Client(
            base_url=self.api,
            headers={"authorization": f"Bearer {self.api_key}"},
            timeout=20,
            trust_env=False,
        )

    def command(self, *words: str, deadline_s: float = 180) -> subprocess.CompletedProcess[str]:
        """Run ``trunkline …`` with this installation's settings."""
        return subprocess.run(
            [sys.executable, "-m", "trunkline.cli", *words],
            env=dict(self.environment),
            capture_output=True,
            text=True,
            timeout=deadline_s,
            check=False,
        )

    def child_pid(self, name: str) -> int:
        """The process id of ``trunkline NAME`` under this installation."""
        wanted = f"trunkline.cli\0{name}\0".encode()
        for entry in Path("/proc").iterdir():
            if not entry.name.isdigit():
                continue
            try:
                if wanted in (entry / "cmdline").read_bytes() and (
                    f"TRUNKLINE_DATA_DIR={self.data_dir.resolve()}\0".encode()
                    in (entry / "environ").read_bytes()
                ):
                    return int(entry.name)
            except OSError:
                continue
        raise RuntimeError(f"no process {name}")

    def stop(self, deadline_s: float = 60) -> int:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(deadline_s)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise


def start(
    data_dir: Path, *, deadline_s: float = 90, settings: Mapping[str, str] | None = None
) -> Installation:
    """Start on free ports; RuntimeError holds the log when it does not get ready."""
    base = free_ports(8)
    rendered = os.environ.get(RENDERED_LINES, str(data_dir.resolve() / "speech"))
    rtp = random.randrange(32000, 58000) // 2 * 2
    key = f"tk_{secrets.token_urlsafe(24)}"
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("TRUNKLINE_")},
        "TRUNKLINE_DATA_DIR": str(data_dir.resolve()),
        "TRUNKLINE_SPEECH_CACHE_DIR": rendered,
        "TRUNKLINE_BIND_ADDRESS": "127.0.0.1",
        "TRUNKLINE_SIP_PORT": str(base),
        "TRUNKLINE_WEB_PORT": str(base + 1),  # health ports: the three after it
        "TRUNKLINE_MODEL_PORT": str(base + 6),
        "TRUNKLINE_RTP_PORTS": f"{rtp}-{rtp + 1999}",
        "TRUNKLINE_API_KEY": key,
        # A machine that runs other things beside its tests would refuse calls in the middle of
        # them; the tests of that ask for it.
        "TRUNKLINE_ADMISSION": "caps",
        **(settings or {}),
    }
    log_path = data_dir.parent / f"{data_dir.name}.log"
    started = time.monotonic()
    with log_path.open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "trunkline.cli", "up"],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    installation = Installation(
        data_dir, base, base + 1, base + 6, key, environment, process, log_path=log_path
    )
    while READY not in installation.log:
        if process.poll() is not None or time.monotonic() - started > deadline_s:
            process.kill()
            raise RuntimeError(f"not ready:\n{installation.log}")
        time.sleep(0.05)
    installation.ready_after_s = time.monotonic() - started
    return installation


@contextmanager
def running(data_dir: Path, **settings: str) -> Iterator[Installation]:
    installation = start(data_dir, settings=settings)
    try:
        yield installation
    finally:
        installation.stop()
