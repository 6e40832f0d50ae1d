"""The C++ logic of the ring port, run under the address, undefined and thread sanitizers."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

HERE = Path(__file__).parent
NATIVE = Path(__file__).parents[3] / "sip" / "native"
SOURCE = HERE / "ring_core_test.cpp"
CHECKS = [
    line.strip().removeprefix("CHECK(").rstrip("),")
    for line in SOURCE.read_text().splitlines()
    if line.strip().startswith("CHECK(")
]


def build(into: Path, sanitizer: str) -> Path:
    compiler = shutil.which("g++")
    assert compiler, "g++ is missing: it is in scripts/apt-packages-serve.txt"
    binary = into / f"ring_core_{sanitizer.partition(',')[0]}"
    command = [compiler, "-std=c++17", "-Wall", "-Wextra", "-Werror", "-O1", "-g", "-pthread"]
    command += [f"-fsanitize={sanitizer}", f"-I{NATIVE}", str(SOURCE), "-o", str(binary)]
    subprocess.run(command, check=True, timeout=110)
    return binary


@pytest.fixture(scope="module")
def checked_binary(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("ring"), "address,undefined")


def test_every_check_is_listed(checked_binary: Path) -> None:
    listed = subprocess.run(
        [checked_binary, "--list"], check=True, timeout=30, capture_output=True, text=True
    )
    assert sorted(listed.stdout.split()) == sorted(CHECKS)


@pytest.mark.parametrize("check", CHECKS)
def test_ring_core(checked_binary: Path, check: str) -> None:
    outcome = subprocess.run([checked_binary, check], timeout=60, capture_output=True, text=True)
    assert outcome.returncode == 0, outcome.stderr


def test_no_data_race_between_clock_and_application(tmp_path: Path) -> None:
    binary = build(tmp_path, "thread")
    outcome = subprocess.run(
        [binary, "clock_and_application_share_the_rings_without_a_race"],
        timeout=60,
        capture_output=True,
        text=True,
    )
    assert outcome.returncode == 0, outcome.stderr
