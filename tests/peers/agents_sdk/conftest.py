"""An installation whose line is answered by the example program, in its own environment."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest
from tests.peers.drivers.installation import Installation, running

ROOT: Final = Path(__file__).parents[3]
EXAMPLE: Final = ROOT / "examples" / "agents_sdk"
PYTHON: Final = ROOT / ".venv" / "clients" / "new" / "bin" / "python"
NUMBER: Final = "301"
SCOPES: Final = ["calls:read", "calls:control", "approvals:ask", "realtime"]


@dataclass(frozen=True)
class Program:
    """The example as a process; it tells what happens a line at a time."""

    process: subprocess.Popen[bytes]
    log: Path

    def told(self) -> list[dict[str, Any]]:
        lines = self.log.read_text(errors="replace").splitlines()
        return [json.loads(line) for line in lines if line.startswith("{")]

    def wait_for(
        self, what: str, matches: Callable[[dict[str, Any]], bool], deadline_s: float = 20
    ) -> dict[str, Any]:
        ends = time.monotonic() + deadline_s
        while time.monotonic() < ends:
            for told in self.told():
                if matches(told):
                    return told
            assert self.process.poll() is None, self.log.read_text()
            time.sleep(0.05)
        raise AssertionError(f"no {what}\n{self.log.read_text()}")


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    folder = tmp_path_factory.mktemp("tl")
    (folder / "agents").mkdir()
    shutil.copy(EXAMPLE / "parcel_desk.yaml", folder / "agents")
    numbers = [{"number": NUMBER, "agent": "parcel_desk", "trunk": "local"}]
    with running(
        folder / "var",
        TRUNKLINE_AGENTS_DIR=str(folder / "agents"),
        TRUNKLINE_NUMBERS=json.dumps(numbers),
    ) as started:
        yield started


@pytest.fixture(scope="module")
def key(installation: Installation) -> str:
    """One with the scopes that the page on it names, and no other."""
    with installation.client() as api:
        answer = api.post("/keys", json={"name": "parcel desk", "scopes": SCOPES})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["key"])


@pytest.fixture(scope="module")
def program(
    installation: Installation, key: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Program]:
    log = tmp_path_factory.mktemp("program") / "told.log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            [str(PYTHON), str(EXAMPLE / "desk.py")],
            env={
                "PATH": os.environ["PATH"],
                "PYTHONPATH": str(ROOT / "platform"),
                "TRUNKLINE_KEY": key,
                "TRUNKLINE_URL": f"http://127.0.0.1:{installation.web_port}",
                "TRUNKLINE_REALTIME_URL": f"ws://127.0.0.1:{installation.model_port}/v1",
            },
            stdout=out,
            stderr=subprocess.STDOUT,
        )
    try:
        started = Program(process, log)
        started.wait_for("program that is ready", lambda told: told["event"] == "ready", 90)
        yield started
    finally:
        process.terminate()
        process.wait(10)
