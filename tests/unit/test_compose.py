"""docker-compose.yml keeps to its schema and starts commands that exist."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import yaml

from trunkline.cli.main import main

ROOT = Path(__file__).parents[2]


def test_the_file_keeps_to_the_compose_specification() -> None:
    done = subprocess.run(
        [
            str(Path(sys.executable).parent / "check-jsonschema"),
            "--builtin-schema",
            "vendor.compose-spec",
            str(ROOT / "docker-compose.yml"),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_service_of_ours_runs_a_command_that_exists() -> None:
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
    ours = [one for one in services.values() if str(one["image"]).startswith("trunkline")]
    assert ours
    for service in ours:
        assert service["command"][0] in main.commands
