"""The public conformance suite with the official clients, old and new, against ``trunkline up``.

The suite and the clients are not ours: tests/conformance/README.md says where they come from.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
from pathlib import Path
from typing import Final

import pytest
from tests.peers.drivers.installation import running

pytestmark = [pytest.mark.peers, pytest.mark.timeout(420)]

ROOT: Final = Path(__file__).parents[3]
SUITE: Final = ROOT / "tests" / "conformance"
CLIENTS: Final = ROOT / ".venv" / "clients"
SUITE_HASHES: Final = {
    "beta_worker.py": "758b3108cac2b1f8af2c1c61c98d3d096d44d445b9ac4926a1a5e6200fbe2433",
    "conflib.py": "49aa4255fb0dc3d14d381e9185187b89a6ec88e1d3dc97a73cfa50a75b29b463",
    "conformance_public.py": "94f19f19898e08783c3f5af8136dabf7fe3d99891d7db815902eb68d40eb51dc",
}
# This server speaks no WebRTC yet, and attaches to no call of its own.
NEED_WEBRTC: Final = frozenset(
    {
        "webrtc_call_create",
        "webrtc_text_turn_on_data_channel",
        "webrtc_audio_turn",
        "webrtc_hangup",
        "sideband_call_id_websocket",
    }
)
# Open speech in telephone band: what the local recogniser hears is too often something else.
NEED_BETTER_EARS: Final = frozenset({"g711_ulaw_input", "g711_alaw_in_and_out"})


def test_the_suite_is_the_one_we_were_given() -> None:
    found = {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in SUITE.glob("*.py")
    }
    assert found == SUITE_HASHES


def test_every_official_client_works_unchanged(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("tl")
    with running(folder / "var") as installation:
        report = folder / "report.json"
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "RT_BASE_URL": f"http://127.0.0.1:{installation.model_port}/v1",
            "RT_API_KEY": installation.api_key,
            "RT_BETA_PYTHON": str(CLIENTS / "old" / "bin" / "python"),
            "RT_STEP_TIMEOUT": "45",
        }
        run = subprocess.run(
            [
                str(CLIENTS / "new" / "bin" / "python"),
                str(SUITE / "conformance_public.py"),
                *("-j", "2", "--json", str(report)),
            ],
            env=environment,
            cwd=folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=360,
            check=False,
        )
        complaints = [
            line for line in installation.log.splitlines() if '"level": "info"' not in line
        ]
    assert report.exists(), run.stdout
    results = json.loads(report.read_text())
    failed = {one["name"]: one["reason"] for one in results if not one["passed"]}
    assert len(results) == 99
    unexpected = {name: failed[name] for name in failed.keys() - NEED_WEBRTC - NEED_BETTER_EARS}
    assert not unexpected, "\n".join(complaints[-40:])
    assert failed.keys() >= NEED_WEBRTC, "WebRTC works: take its checks off the list"
    for name in NEED_BETTER_EARS & failed.keys():
        assert "words with the speech sent" in failed[name], failed[name]
